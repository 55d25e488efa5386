/* From resources and annotations to the properties of a systemd unit (systemd.resource-control(5)).
 */
#include "cgroup/property.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/bitlist.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/unit.h"
#include "oci/default_devices.h"
#include "oci/spec.h"

enum {
	LIST_BITS = 8192,
	PERIOD_DEFAULT_US = 100000,
	QUOTA_STEP_US = 10000, /* systemd rounds up to 1 % of a CPU */
};

void ctr_properties_init(struct ctr_properties *properties, struct ctr_arena *arena)
{
	*properties = (struct ctr_properties){ .arena = arena };
}

static void add(struct ctr_properties *properties, const char *text)
{
	if (properties->count + 1 >= properties->size) {
		size_t size = properties->size ? 2 * properties->size : 32;

		properties->list = ctr_arena_grow(properties->arena, properties->list,
						  properties->size * sizeof(*properties->list),
						  size * sizeof(*properties->list));
		properties->size = size;
	}

	properties->list[properties->count++] = text;
	properties->list[properties->count] = NULL;
}

static void addf(struct ctr_properties *properties, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void addf(struct ctr_properties *properties, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(properties, ctr_arena_vprintf(properties->arena, format, ap));
	va_end(ap);
}

void ctr_properties_unit(struct ctr_properties *properties, const struct ctr_unit *unit,
			 const char *id)
{
	addf(properties, "Description=s=ctr container %s", id);
	/* A slice's place is in its name; to start, it only wants its parent. */
	if (unit->is_slice)
		addf(properties, "Wants=as=%s", unit->slice);
	else
		addf(properties, "Slice=s=%s", unit->slice);
	if (!unit->is_slice)
		addf(properties, "Delegate=b=1");
	addf(properties, "MemoryAccounting=b=1");
	addf(properties, "CPUAccounting=b=1");
	addf(properties, "IOAccounting=b=1");
	addf(properties, "TasksAccounting=b=1");
	addf(properties, "DefaultDependencies=b=0");
}

/* ---- limits */

/*
 * The kernel judges what is in a file; what systemd cannot be told is left out here.
 *
 * A number as the kernel reads it, with one of its units; "max" is the largest number to systemd.
 */
static bool parse_number(struct ctr_arena *arena, const char *value, uint64_t *out)
{
	static const char units[] = "KMGTPE";
	char *digits = ctr_arena_strdup(arena, value);
	size_t len = strlen(digits);
	const char *unit = len > 1 ? strchr(units, toupper((unsigned char)digits[len - 1])) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	*out = UINT64_MAX;
	if (strcmp(value, "max") == 0)
		return true;
	if (unit)
		digits[len - 1] = '\0';
	if (ctr_parse_u64(digits, out) < 0 || *out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

static void add_number(struct ctr_properties *properties, const char *name, const char *value)
{
	uint64_t number;

	if (parse_number(properties->arena, value, &number))
		addf(properties, "%s=t=%" PRIu64, name, number);
}

/* "QUOTA PERIOD" or "max PERIOD" */
static void add_cpu_max(struct ctr_properties *properties, const char *name, const char *value)
{
	uint64_t quota = UINT64_MAX, period = PERIOD_DEFAULT_US, per_second = UINT64_MAX;
	char first[32] = "", second[32] = "";

	if (sscanf(value, "%31s %31s", first, second) < 1 ||
	    (strcmp(first, "max") != 0 && ctr_parse_u64(first, &quota) < 0) ||
	    (second[0] && ctr_parse_u64(second, &period) < 0) || period == 0)
		return;

	if (quota != UINT64_MAX) {
		if (quota > UINT64_MAX / 1000000)
			return;
		per_second = quota * 1000000 / period;
		per_second = (per_second + QUOTA_STEP_US - 1) / QUOTA_STEP_US * QUOTA_STEP_US;
	}
	addf(properties, "%s=t=%" PRIu64, name, per_second);
	addf(properties, "CPUQuotaPeriodUSec=t=%" PRIu64, period);
}

/* A list of CPUs or nodes as bytes, bit 0 of byte 0 first. */
static void add_bits(struct ctr_properties *properties, const char *name, const char *value)
{
	uint64_t mask[LIST_BITS / 64] = { 0 };
	int bits = ctr_bitlist_parse(value, mask, LIST_BITS);
	struct ctr_buf buf;

	if (bits < 0)
		return;

	ctr_buf_init(&buf, properties->arena);
	ctr_buf_addf(&buf, "%s=ay=", name);
	for (int i = 0; i < bits; i += 8)
		ctr_buf_addf(&buf, "%02x", (unsigned)(mask[i / 64] >> i % 64 & 0xff));
	add(properties, ctr_buf_str(&buf));
}

/* Weight 0 is how systemd says "idle", the largest number takes it back. */
static void add_idle(struct ctr_properties *properties, const char *name, const char *value)
{
	if (strcmp(value, "1") == 0)
		addf(properties, "%s=t=0", name);
	else if (strcmp(value, "0") == 0)
		addf(properties, "%s=t=%" PRIu64, name, UINT64_MAX);
}

/* "N" or "default N"; what single devices have is in other properties. */
static void add_io_weight(struct ctr_properties *properties, const char *name, const char *value)
{
	static const char word[] = "default ";

	add_number(properties, name,
		   strncmp(value, word, strlen(word)) == 0 ? value + strlen(word) : value);
}

static const struct {
	const char *file, *name;
	void (*add)(struct ctr_properties *properties, const char *name, const char *value);
} limit_properties[] = {
	{"memory.min",        "MemoryMin",          add_number   },
	{ "memory.low",       "MemoryLow",          add_number   },
	{ "memory.high",      "MemoryHigh",         add_number   },
	{ "memory.max",       "MemoryMax",          add_number   },
	{ "memory.swap.max",  "MemorySwapMax",      add_number   },
	{ "memory.zswap.max", "MemoryZSwapMax",     add_number   },
	{ "pids.max",         "TasksMax",           add_number   },
	{ "cpu.weight",       "CPUWeight",          add_number   },
	{ "cpu.idle",         "CPUWeight",          add_idle     },
	{ "cpu.max",          "CPUQuotaPerSecUSec", add_cpu_max  },
	{ "cpuset.cpus",      "AllowedCPUs",        add_bits     },
	{ "cpuset.mems",      "AllowedMemoryNodes", add_bits     },
	{ "io.weight",        "IOWeight",           add_io_weight},
};

void ctr_properties_limit(struct ctr_properties *properties, const char *file, const char *value)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(limit_properties); i++) {
		if (strcmp(limit_properties[i].file, file) == 0)
			limit_properties[i].add(properties, limit_properties[i].name, value);
	}
}

/* ---- devices */

enum { ALL_ACCESS = CTR_ACCESS_READ | CTR_ACCESS_WRITE | CTR_ACCESS_MKNOD };

/* An entry of DeviceAllow; below 0: any. */
struct allowed {
	bool block;
	int64_t major, minor;
	uint32_t access;
};

struct allow_list {
	struct allowed *items;
	size_t n;
};

/* What systemd cannot say (a wildcard major with a fixed minor) is left to the runtime's own
 * filter, which is attached besides: both must agree. Of two entries for the same it takes the
 * last. */
static void allow(struct allow_list *list, bool block, int64_t major, int64_t minor,
		  uint32_t access)
{
	struct allowed *item = list->items;

	if (major < 0)
		minor = -1;
	for (; item < list->items + list->n; item++)
		if (item->block == block && item->major == major && item->minor == minor)
			break;
	if (item == list->items + list->n)
		list->items[list->n++] =
			(struct allowed){ .block = block, .major = major, .minor = minor };
	item->access |= access;
}

static void add_allowed(struct ctr_buf *buf, const struct allowed *item)
{
	const char *kind = item->block ? "block" : "char";

	if (item->major < 0)
		ctr_buf_addf(buf, "%s-*", kind);
	else if (item->minor < 0)
		ctr_buf_addf(buf, "%s-%" PRId64, kind, item->major);
	else
		ctr_buf_addf(buf, "/dev/%s/%" PRId64 ":%" PRId64, kind, item->major, item->minor);
	ctr_buf_addf(buf, " %s%s%s\n", item->access & CTR_ACCESS_READ ? "r" : "",
		     item->access & CTR_ACCESS_WRITE ? "w" : "",
		     item->access & CTR_ACCESS_MKNOD ? "m" : "");
}

static void allow_rule(struct allow_list *list, const struct ctr_device_rule *rule)
{
	const bool all = rule->type == CTR_DEVICE_ALL;

	if (all || rule->type == CTR_DEVICE_BLOCK)
		allow(list, true, all ? -1 : rule->major, rule->minor, rule->access);
	if (all || rule->type == CTR_DEVICE_CHAR)
		allow(list, false, all ? -1 : rule->major, rule->minor, rule->access);
}

static bool allows_all(const struct ctr_device_rule *rule)
{
	return rule->type == CTR_DEVICE_ALL && rule->major < 0 && rule->minor < 0 &&
	       rule->access == ALL_ACCESS;
}

void ctr_properties_devices(struct ctr_properties *properties, const struct ctr_device_rule *rules,
			    size_t n)
{
	struct allow_list list = { 0 };
	bool everything = false;
	struct ctr_buf buf;

	list.items = ctr_arena_array(properties->arena, 2 + CTR_DEFAULT_DEVICES + 2 * n,
				     sizeof(*list.items));
	allow(&list, false, -1, -1, CTR_ACCESS_MKNOD);
	allow(&list, true, -1, -1, CTR_ACCESS_MKNOD);
	for (size_t i = 0; i < CTR_DEFAULT_DEVICES; i++)
		allow(&list, false, ctr_default_devices[i].major, ctr_default_devices[i].minor,
		      ALL_ACCESS);
	for (size_t i = 0; i < n; i++) {
		/* The last rule wins: one about everything makes those before it void. */
		if (allows_all(&rules[i]))
			everything = rules[i].allow;
		else if (rules[i].allow)
			allow_rule(&list, &rules[i]);
	}

	/* An empty list first: properties of arrays add to what is there. */
	addf(properties, "DevicePolicy=s=%s", everything ? "auto" : "strict");
	addf(properties, "DeviceAllow=a(ss)=");
	if (everything)
		return;
	ctr_buf_init(&buf, properties->arena);
	ctr_buf_adds(&buf, "DeviceAllow=a(ss)=");
	for (size_t i = 0; i < list.n; i++)
		add_allowed(&buf, &list.items[i]);
	add(properties, ctr_buf_str(&buf));
}

/* ---- annotations */

static bool is_property_name(const char *name)
{
	if (!isupper((unsigned char)name[0]))
		return false;
	while (isalpha((unsigned char)*name))
		name++;
	return *name == '\0';
}

/* A quoted string at *@p; it ends up without quotes in @buf. */
static bool cut_string(const char **p, struct ctr_buf *buf)
{
	char quote = **p;

	if (quote != '\'' && quote != '"')
		return false;
	for ((*p)++; **p && **p != quote; (*p)++) {
		if (**p == '\\' && (*p)[1])
			(*p)++;
		if (**p == '\n')
			return false;
		ctr_buf_addc(buf, **p);
	}
	if (**p != quote)
		return false;
	(*p)++;
	return true;
}

static bool add_strings(struct ctr_buf *buf, const char *value)
{
	ctr_buf_adds(buf, "as=");
	for (value++; *value && *value != ']';) {
		value += strspn(value, " ,");
		if (*value == ']')
			break;
		if (!cut_string(&value, buf))
			return false;
		ctr_buf_addc(buf, '\n');
	}
	return strcmp(value, "]") == 0;
}

static bool is_in_range(const char *value, int64_t min, uint64_t max)
{
	uint64_t number;
	int64_t integer;

	if (ctr_parse_u64(value, &number) == 0)
		return number <= max;
	return ctr_parse_i64(value, &integer) == 0 && integer >= min;
}

/* "uint64 5", "int32 -1", "true", "5", "'text'", "['a', 'b']" as TYPE=VALUE. */
static bool add_variant(struct ctr_buf *buf, const char *value)
{
	static const struct {
		const char *prefix, *type;
		int64_t min;
		uint64_t max;
	} types[] = {
		{"uint64 ",   "t", 0,         UINT64_MAX},
		{ "uint32 ",  "u", 0,         UINT32_MAX},
		{ "int32 ",   "i", INT32_MIN, INT32_MAX },
		{ "boolean ", "b", 0,         1         },
	};

	if (*value == '[')
		return add_strings(buf, value);
	if (*value == '\'' || *value == '"') {
		ctr_buf_adds(buf, "s=");
		return cut_string(&value, buf) && *value == '\0';
	}
	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
		ctr_buf_addf(buf, "b=%d", value[0] == 't');
		return true;
	}

	for (size_t i = 0; i < CTR_ARRAY_SIZE(types); i++) {
		size_t len = strlen(types[i].prefix);

		if (strncmp(value, types[i].prefix, len) != 0)
			continue;
		value += len;
		ctr_buf_addf(buf, "%s=%s", types[i].type, value);
		return is_in_range(value, types[i].min, types[i].max);
	}

	/* A bare number is an int32 in GVariant text. */
	ctr_buf_addf(buf, "i=%s", value);
	return is_in_range(value, INT32_MIN, INT32_MAX);
}

/* "...Sec": seconds, a fraction allowed, become microseconds of "...USec". */
static bool add_seconds(struct ctr_buf *buf, const char *value)
{
	uint64_t seconds = 0, micro = 0, unit = 100000;

	value += strncmp(value, "uint64 ", 7) == 0 ? 7 : 0;
	if (!isdigit((unsigned char)*value))
		return false;
	for (; isdigit((unsigned char)*value) && seconds < UINT64_MAX / 100000000; value++)
		seconds = seconds * 10 + (uint64_t)(*value - '0');
	if (*value == '.') {
		for (value++; isdigit((unsigned char)*value); value++, unit /= 10)
			micro += unit * (uint64_t)(*value - '0');
	}
	ctr_buf_addf(buf, "t=%" PRIu64, seconds * 1000000 + micro);
	return *value == '\0';
}

static int add_annotation(struct ctr_properties *properties, const char *name, const char *value,
			  struct ctr_error *err)
{
	size_t len = strlen(name);
	bool is_seconds =
		len > 3 && strcmp(name + len - 3, "Sec") == 0 && (len < 4 || name[len - 4] != 'U');
	struct ctr_buf buf;
	bool ok;

	ctr_buf_init(&buf, properties->arena);
	if (!is_property_name(name))
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"annotations[org.systemd.property.%s]: not the name of a property",
				name);

	if (is_seconds)
		ctr_buf_addf(&buf, "%.*sUSec=", (int)len - 3, name);
	else
		ctr_buf_addf(&buf, "%s=", name);
	ok = is_seconds ? add_seconds(&buf, value) : add_variant(&buf, value);
	if (!ok)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"annotations[org.systemd.property.%s]: cannot understand '%s'",
				name, value);

	add(properties, ctr_buf_str(&buf));
	return 0;
}

int ctr_properties_annotations(struct ctr_properties *properties,
			       const struct ctr_string_pair *annotations, size_t n,
			       struct ctr_error *err)
{
	static const char prefix[] = "org.systemd.property.";

	for (size_t i = 0; i < n; i++) {
		if (strncmp(annotations[i].key, prefix, sizeof(prefix) - 1) == 0 &&
		    add_annotation(properties, annotations[i].key + sizeof(prefix) - 1,
				   annotations[i].value, err) < 0)
			return -1;
	}

	return 0;
}
