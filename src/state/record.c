/* The state record: encode, decode, read, write. Decoding is fuzzed: a record may be damaged. */
#include "state/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"

enum { STAT_TEXT = 1024, STATUS_MAX = 1 << 20 };
/* include/linux/sched.h of the kernel; numbers that /proc/PID/stat shows. */
enum { PF_EXITING = 0x4, PF_SIGNALED = 0x400 };

const struct ctr_name ctr_network_names[] = {
	{"none",     CTR_NETWORK_NONE   },
	{ "host",    CTR_NETWORK_HOST   },
	{ "bridge",  CTR_NETWORK_BRIDGE },
	{ "pasta",   CTR_NETWORK_PASTA  },
	{ "passt",   CTR_NETWORK_PASST  },
	{ "unknown", CTR_NETWORK_UNKNOWN},
	{ NULL,      0		  },
};

static void add_value(struct ctr_buf *buf, const char *value)
{
	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == '%' || *c == 0x7f)
			ctr_buf_addf(buf, "%%%02X", (unsigned char)*c);
		else
			ctr_buf_addc(buf, *c);
	}
}

static void add_text(struct ctr_buf *buf, const char *key, const char *value)
{
	if (!value)
		return;

	ctr_buf_adds(buf, key);
	ctr_buf_addc(buf, '=');
	add_value(buf, value);
	ctr_buf_addc(buf, '\n');
}

static void add_number(struct ctr_buf *buf, const char *key, uint64_t value)
{
	ctr_buf_addf(buf, "%s=%llu\n", key, (unsigned long long)value);
}

const char *ctr_record_encode(const struct ctr_record *record, struct ctr_arena *arena, size_t *len)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	add_text(&buf, "id", record->id);
	add_text(&buf, "ociVersion", record->oci_version);
	add_text(&buf, "bundle", record->bundle);
	add_text(&buf, "rootfs", record->rootfs);
	add_text(&buf, "created", record->created);
	add_number(&buf, "owner", record->owner);
	add_number(&buf, "pid", (uint64_t)record->pid);
	add_number(&buf, "start", record->start_time);
	add_text(&buf, "isolation", record->isolation);
	add_text(&buf, "manager", record->manager);
	add_text(&buf, "cgroup.mount", record->cgroup_mount);
	add_text(&buf, "cgroup.path", record->cgroup_path);
	add_number(&buf, "cgroup.made", record->cgroup_made);
	add_number(&buf, "cgroup.inode", record->cgroup_inode);
	add_text(&buf, "unit", record->unit);
	add_number(&buf, "unit.user", record->user_unit);
	add_text(&buf, "unit.slice", record->slice);
	add_number(&buf, "hooks", record->hooks);
	add_number(&buf, "terminal", record->terminal);
	add_text(&buf, "resctrl", record->resctrl);
	add_number(&buf, "resctrl.made", record->resctrl_made);
	add_number(&buf, "resctrl.mon", record->resctrl_monitored);
	add_text(&buf, "network", ctr_name_of(ctr_network_names, record->network));
	add_text(&buf, "netns", record->netns);
	add_text(&buf, "overlay", record->overlay);
	add_number(&buf, "pidns", record->has_pidns);
	if (record->has_timens)
		add_number(&buf, "timens", 1);
	for (size_t i = 0; i < record->nannotations; i++) {
		ctr_buf_adds(&buf, "annotation=");
		add_value(&buf, record->annotations[i].key);
		ctr_buf_adds(&buf, "%00");
		add_value(&buf, record->annotations[i].value);
		ctr_buf_addc(&buf, '\n');
	}
	ctr_buf_adds(&buf, "end=1\n");

	*len = buf.len;
	return ctr_buf_str(&buf);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undo %XX in place; *@len is the length then, as a value may hold NUL (annotations do). */
static int unescape(char *value, size_t *len)
{
	size_t out = 0;

	for (size_t i = 0; value[i]; i++) {
		if (value[i] != '%') {
			value[out++] = value[i];
			continue;
		}

		int high = hex_digit(value[i + 1]);
		int low = high < 0 ? -1 : hex_digit(value[i + 2]);

		if (low < 0)
			return -1;
		value[out++] = (char)(high << 4 | low);
		i += 2;
	}

	value[out] = '\0';
	*len = out;
	return 0;
}

enum record_kind {
	RECORD_TEXT,
	RECORD_U32,
	RECORD_U64,
	RECORD_PID,
	RECORD_BOOL,
	RECORD_NETWORK,
};

static const struct record_key {
	const char *name;
	enum record_kind kind;
	size_t offset;
} record_keys[] = {
	{"id",            RECORD_TEXT,    offsetof(struct ctr_record, id)               },
	{ "ociVersion",   RECORD_TEXT,    offsetof(struct ctr_record, oci_version)      },
	{ "bundle",       RECORD_TEXT,    offsetof(struct ctr_record, bundle)           },
	{ "rootfs",       RECORD_TEXT,    offsetof(struct ctr_record, rootfs)           },
	{ "created",      RECORD_TEXT,    offsetof(struct ctr_record, created)          },
	{ "owner",        RECORD_U32,     offsetof(struct ctr_record, owner)            },
	{ "pid",          RECORD_PID,     offsetof(struct ctr_record, pid)              },
	{ "start",        RECORD_U64,     offsetof(struct ctr_record, start_time)       },
	{ "isolation",    RECORD_TEXT,    offsetof(struct ctr_record, isolation)        },
	{ "manager",      RECORD_TEXT,    offsetof(struct ctr_record, manager)          },
	{ "cgroup.mount", RECORD_TEXT,    offsetof(struct ctr_record, cgroup_mount)     },
	{ "cgroup.path",  RECORD_TEXT,    offsetof(struct ctr_record, cgroup_path)      },
	{ "cgroup.made",  RECORD_U32,     offsetof(struct ctr_record, cgroup_made)      },
	{ "cgroup.inode", RECORD_U64,     offsetof(struct ctr_record, cgroup_inode)     },
	{ "unit",         RECORD_TEXT,    offsetof(struct ctr_record, unit)             },
	{ "unit.user",    RECORD_BOOL,    offsetof(struct ctr_record, user_unit)        },
	{ "unit.slice",   RECORD_TEXT,    offsetof(struct ctr_record, slice)            },
	{ "hooks",        RECORD_U32,     offsetof(struct ctr_record, hooks)            },
	{ "terminal",     RECORD_BOOL,    offsetof(struct ctr_record, terminal)         },
	{ "resctrl",      RECORD_TEXT,    offsetof(struct ctr_record, resctrl)          },
	{ "resctrl.made", RECORD_BOOL,    offsetof(struct ctr_record, resctrl_made)     },
	{ "resctrl.mon",  RECORD_BOOL,    offsetof(struct ctr_record, resctrl_monitored)},
	{ "network",      RECORD_NETWORK, offsetof(struct ctr_record, network)          },
	{ "netns",        RECORD_TEXT,    offsetof(struct ctr_record, netns)            },
	{ "overlay",      RECORD_TEXT,    offsetof(struct ctr_record, overlay)          },
	{ "pidns",        RECORD_BOOL,    offsetof(struct ctr_record, has_pidns)        },
	{ "timens",       RECORD_BOOL,    offsetof(struct ctr_record, has_timens)       },
};

static int set_number(struct ctr_record *record, const struct record_key *key, const char *value)
{
	void *field = (char *)record + key->offset;
	uint64_t number = 0;

	if (ctr_parse_u64(value, &number) < 0)
		return -1;

	switch (key->kind) {
	case RECORD_U64:
		*(uint64_t *)field = number;
		return 0;
	case RECORD_U32:
		*(uint32_t *)field = (uint32_t)number;
		return number <= UINT32_MAX ? 0 : -1;
	case RECORD_PID:
		*(pid_t *)field = (pid_t)number;
		return number <= INT32_MAX ? 0 : -1;
	default:
		*(bool *)field = number == 1;
		return number <= 1 ? 0 : -1;
	}
}

enum ctr_network_mode ctr_network_mode_of(const char *word)
{
	const struct ctr_name *known = ctr_name_find(ctr_network_names, word, strlen(word));

	return known ? (enum ctr_network_mode)known->value : CTR_NETWORK_UNKNOWN;
}

static int set_key(struct ctr_record *record, const char *name, char *value, size_t len)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(record_keys); i++) {
		const struct record_key *key = &record_keys[i];

		if (strcmp(key->name, name) != 0)
			continue;
		if (strlen(value) != len)
			return -1;
		if (key->kind == RECORD_NETWORK) {
			record->network = ctr_network_mode_of(value);
			return 0;
		}
		if (key->kind != RECORD_TEXT)
			return set_number(record, key, value);

		*(const char **)((char *)record + key->offset) = value;
		return 0;
	}

	return 0;
}

/* "KEY\0VALUE" of @len bytes, appended to the record's annotations. */
static int add_annotation(struct ctr_record *record, size_t *size, char *value, size_t len,
			  struct ctr_arena *arena)
{
	struct ctr_string_pair *list = (struct ctr_string_pair *)record->annotations;
	size_t key_len = strlen(value);

	if (key_len == len || key_len + 1 + strlen(value + key_len + 1) != len)
		return -1;

	if (record->nannotations == *size) {
		size_t grown = *size ? 2 * *size : 16;

		list = ctr_arena_grow(arena, list, *size * sizeof(*list), grown * sizeof(*list));
		record->annotations = list;
		*size = grown;
	}
	list[record->nannotations++] =
		(struct ctr_string_pair){ .key = value, .value = value + key_len + 1 };
	return 0;
}

int ctr_record_decode(struct ctr_record *out, const char *text, size_t len, struct ctr_arena *arena,
		      struct ctr_error *err)
{
	struct ctr_record record = { 0 };
	size_t annotations_size = 0;
	bool complete = false;
	unsigned line = 0;

	for (char *at = ctr_arena_strndup(arena, text, len), *next; *at; at = next) {
		char *end = strchr(at, '\n'), *equals = NULL;
		size_t value_len = 0;
		int r = -1;

		line++;
		if (end) {
			*end = '\0';
			next = end + 1;
			equals = strchr(at, '=');
		}
		if (equals) {
			*equals = '\0';
			r = unescape(equals + 1, &value_len);
		}
		if (r == 0 && strcmp(at, "annotation") == 0)
			r = add_annotation(&record, &annotations_size, equals + 1, value_len,
					   arena);
		else if (r == 0 && strcmp(at, "end") == 0)
			complete = true;
		else if (r == 0)
			r = set_key(&record, at, equals + 1, value_len);
		if (r < 0)
			return ctr_fail(err, CTR_FAULT_STATE, 0,
					"state record is damaged at line %u", line);
	}

	if (!complete || !record.id || !record.bundle)
		return ctr_fail(err, CTR_FAULT_STATE, 0, "state record is incomplete");

	*out = record;
	return 0;
}

int ctr_record_write(const struct ctr_record *record, int dir, struct ctr_arena *arena,
		     struct ctr_error *err)
{
	size_t len;
	const char *text = ctr_record_encode(record, arena, &len);

	/* Nobody could read it, and so nobody delete the container. */
	if (len > CTR_RECORD_SIZE_MAX)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"annotations: too long: the state record must not exceed %d bytes",
				(int)CTR_RECORD_SIZE_MAX);
	if (ctr_file_replace(dir, "record", text, len, 0600, err) < 0)
		return ctr_fail_within(err, "state of container '%s'", record->id);
	return 0;
}

int ctr_record_read(struct ctr_record *out, int dir, const char *id, struct ctr_arena *arena,
		    struct ctr_error *err)
{
	size_t len = 0;
	char *text = ctr_file_read(arena, dir, "record", CTR_RECORD_SIZE_MAX, &len, err);

	if (!text || ctr_record_decode(out, text, len, arena, err) < 0)
		return ctr_fail_within(err, "container '%s'", id);

	if (strcmp(out->id, id) != 0)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': state record is of '%.64s'", id, out->id);

	return 0;
}

/* Field @number of the text of /proc/PID/stat, as proc_pid_stat(5) counts them, from 3 on. NULL: it
 * has fewer. */
static const char *stat_field(const char *text, int number)
{
	/* The command name is in parentheses and may hold any character, so search from the end. */
	const char *field = strrchr(text, ')');

	for (int i = 2; field && i < number; i++) {
		field = strchr(field, ' ');
		if (field)
			field++;
	}
	return field;
}

static int read_stat(pid_t pid, char *text, size_t size)
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	n = ctr_file_read_small(AT_FDCWD, path, text, size);
	return n < 0 ? (int)n : 0;
}

int ctr_process_stat(pid_t pid, uint64_t *start_time, char *state)
{
	const char *letter, *start;
	char text[STAT_TEXT];
	int r = read_stat(pid, text, sizeof(text));

	if (r < 0)
		return r;
	letter = stat_field(text, 3);
	start = stat_field(text, 22);
	if (!letter || !start)
		return -ESRCH;
	*state = *letter;
	*start_time = ctr_leading_u64(start);
	return 0;
}

/* In the text of /proc/PID/status. */
static bool has_pending(const char *text, const char *key, int sig)
{
	const char *line = strstr(text, key);

	return line && strtoull(line + strlen(key), NULL, 16) & 1ULL << (sig - 1);
}

/*
 * From the signal to the end: it is pending for a thread, and for the process if it was sent to
 * that; it is what the process will have ended by (newer kernels tell so); the thread takes it
 * (PF_SIGNALED), and exits (PF_EXITING).
 */
bool ctr_process_is_ending(pid_t pid, struct ctr_arena *arena)
{
	const char *status =
		ctr_file_read(arena, AT_FDCWD, ctr_arena_printf(arena, "/proc/%d/status", (int)pid),
			      STATUS_MAX, NULL, NULL);
	const char *flags, *code;
	char text[STAT_TEXT];

	if (!status || has_pending(status, "\nSigPnd:", SIGKILL) ||
	    has_pending(status, "\nShdPnd:", SIGKILL))
		return true;
	/* Behind it, for that is the order of things. */
	if (read_stat(pid, text, sizeof(text)) < 0)
		return true;
	flags = stat_field(text, 9);
	code = stat_field(text, 52);
	return (flags && ctr_leading_u64(flags) & (PF_SIGNALED | PF_EXITING)) ||
	       (code && ctr_leading_u64(code) == SIGKILL);
}
