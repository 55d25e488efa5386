/* ctr update: resources from a document or from flags, which are made a document. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/command.h"
#include "core/verbs.h"
#include "oci/encode.h"
#include "oci/load.h"

enum flag {
	BLKIO_WEIGHT,
	CPU_PERIOD,
	CPU_QUOTA,
	CPU_BURST,
	CPU_RT_PERIOD,
	CPU_RT_RUNTIME,
	CPU_SHARE,
	CPUSET_CPUS,
	CPUSET_MEMS,
	CPU_IDLE,
	MEMORY,
	MEMORY_RESERVATION,
	MEMORY_SWAP,
	PIDS_LIMIT,
	L3_CACHE_SCHEMA,
	MEM_BW_SCHEMA,
	FLAG_COUNT,
};

struct update_options {
	const char *resources;
	const char *flags[FLAG_COUNT];
};

#define FLAG(name, which, value, help)                                                             \
	CTR_OPT(name, 0, STRING, offsetof(struct update_options, flags[which]), value, help)

static const struct ctr_option table[] = {
	CTR_OPT("resources", 'r', STRING, offsetof(struct update_options, resources), "FILE",
		"a document like linux.resources; - is standard input"),
	FLAG("blkio-weight", BLKIO_WEIGHT, "N", "weight of block I/O, 10 to 1000"),
	FLAG("cpu-period", CPU_PERIOD, "USEC", "period of the CPU quota"),
	FLAG("cpu-quota", CPU_QUOTA, "USEC", "CPU time in a period"),
	FLAG("cpu-burst", CPU_BURST, "USEC", "CPU time that may be saved up"),
	FLAG("cpu-rt-period", CPU_RT_PERIOD, "USEC", "of cgroup v1: an error"),
	FLAG("cpu-rt-runtime", CPU_RT_RUNTIME, "USEC", "of cgroup v1: an error"),
	FLAG("cpu-share", CPU_SHARE, "N", "weight of CPU time, 2 to 262144"),
	FLAG("cpuset-cpus", CPUSET_CPUS, "LIST", "CPUs to use"),
	FLAG("cpuset-mems", CPUSET_MEMS, "LIST", "memory nodes to use"),
	FLAG("cpu-idle", CPU_IDLE, "N", "1: run when nothing else does"),
	FLAG("memory", MEMORY, "BYTES", "memory limit"),
	FLAG("memory-reservation", MEMORY_RESERVATION, "BYTES", "memory that is kept"),
	FLAG("memory-swap", MEMORY_SWAP, "BYTES", "limit of memory and swap together"),
	FLAG("pids-limit", PIDS_LIMIT, "N", "limit of processes"),
	FLAG("l3-cache-schema", L3_CACHE_SCHEMA, "SCHEMA", "linux.intelRdt.l3CacheSchema"),
	FLAG("mem-bw-schema", MEM_BW_SCHEMA, "SCHEMA", "linux.intelRdt.memBwSchema"),
	CTR_OPT("kernel-memory", 0, IGNORED_VALUE, 0, NULL, NULL),
	CTR_OPT("kernel-memory-tcp", 0, IGNORED_VALUE, 0, NULL, NULL),
};

enum kind {
	NUMBER,
	BYTES, /* a number, also with k, m, g, t: powers of 1024 */
	WORD,
};

/* In the order of the document: members of an object stand together. */
static const struct {
	enum flag flag;
	const char *name, *object, *member;
	enum kind kind;
} members[] = {
	{BLKIO_WEIGHT,        "blkio-weight",       "blockIO", "weight",          NUMBER},
	{ CPU_PERIOD,         "cpu-period",         "cpu",     "period",          NUMBER},
	{ CPU_QUOTA,          "cpu-quota",          "cpu",     "quota",           NUMBER},
	{ CPU_BURST,          "cpu-burst",          "cpu",     "burst",           NUMBER},
	{ CPU_RT_PERIOD,      "cpu-rt-period",      "cpu",     "realtimePeriod",  NUMBER},
	{ CPU_RT_RUNTIME,     "cpu-rt-runtime",     "cpu",     "realtimeRuntime", NUMBER},
	{ CPU_SHARE,          "cpu-share",          "cpu",     "shares",          NUMBER},
	{ CPUSET_CPUS,        "cpuset-cpus",        "cpu",     "cpus",            WORD  },
	{ CPUSET_MEMS,        "cpuset-mems",        "cpu",     "mems",            WORD  },
	{ CPU_IDLE,           "cpu-idle",           "cpu",     "idle",            NUMBER},
	{ MEMORY,             "memory",             "memory",  "limit",           BYTES },
	{ MEMORY_RESERVATION, "memory-reservation", "memory",  "reservation",     BYTES },
	{ MEMORY_SWAP,        "memory-swap",        "memory",  "swap",            BYTES },
	{ PIDS_LIMIT,         "pids-limit",         "pids",    "limit",           NUMBER},
};

/* "512m", "512MB", "1g". */
static int parse_bytes(struct ctr_arena *arena, const char *text, int64_t *out)
{
	static const char units[] = "bkmgt";
	char *digits = ctr_arena_strdup(arena, text);
	size_t len = strlen(digits);
	const char *unit = NULL;
	int shift;

	if (len > 2 && (digits[len - 1] | 32) == 'b' && (digits[len - 2] | 32) > '9')
		digits[--len] = '\0';
	if (len > 1)
		unit = strchr(units, digits[len - 1] | 32);
	if (unit && *unit)
		digits[len - 1] = '\0';
	if (ctr_parse_i64(digits, out) < 0)
		return -1;

	shift = unit && *unit ? 10 * (int)(unit - units) : 0;
	if (*out > INT64_MAX >> shift)
		return -1;
	/* -1 has no unit that would mean anything. */
	if (*out > 0)
		*out <<= shift;
	return 0;
}

static int add_member(struct ctr_command *command, struct ctr_json *json, size_t i,
		      struct ctr_error *err)
{
	const struct update_options *options = command->options;
	const char *text = options->flags[members[i].flag];
	int64_t number = 0;
	int r;

	if (members[i].kind == WORD) {
		ctr_json_string(json, members[i].member, text);
		return 0;
	}

	r = members[i].kind == BYTES ? parse_bytes(command->context->arena, text, &number)
				     : ctr_parse_i64(text, &number);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "update: --%s: '%s' is not a number%s",
				members[i].name, text, members[i].kind == BYTES ? " of bytes" : "");
	ctr_json_i64(json, members[i].member, number);
	return 0;
}

static struct ctr_resources *from_flags(struct ctr_command *command, struct ctr_error *err)
{
	const struct update_options *options = command->options;
	const char *object = NULL;
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_buf_init(&buf, command->context->arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_json_object(&json, NULL);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(members); i++) {
		if (!options->flags[members[i].flag])
			continue;
		if (!object || strcmp(object, members[i].object) != 0) {
			if (object)
				ctr_json_end_object(&json);
			object = members[i].object;
			ctr_json_object(&json, object);
		}
		if (add_member(command, &json, i, err) < 0)
			return NULL;
	}
	if (object)
		ctr_json_end_object(&json);
	ctr_json_end_object(&json);

	return ctr_resources_decode(command->context->arena, buf.data, buf.len, "flags", err);
}

static struct ctr_resources *from_file(struct ctr_command *command, const char *file,
				       struct ctr_error *err)
{
	struct ctr_arena *arena = command->context->arena;
	bool standard_input = strcmp(file, "-") == 0;
	size_t len = 0;
	char *text;

	text = standard_input
		       ? ctr_file_read_fd(arena, STDIN_FILENO, "standard input",
					  CTR_CONFIG_SIZE_MAX, &len, err)
		       : ctr_file_read(arena, AT_FDCWD, file, CTR_CONFIG_SIZE_MAX, &len, err);
	if (!text) {
		(void)ctr_fail_within(err, "update: --resources");
		return NULL;
	}
	return ctr_resources_decode(arena, text, len, standard_input ? "standard input" : file,
				    err);
}

static int cmd_update(struct ctr_command *command, struct ctr_error *err)
{
	const struct update_options *options = command->options;
	const struct ctr_intel_rdt rdt = {
		.l3_cache_schema = options->flags[L3_CACHE_SCHEMA],
		.mem_bw_schema = options->flags[MEM_BW_SCHEMA],
	};
	const struct ctr_resources *resources;
	bool flags = false;

	for (size_t i = 0; i < FLAG_COUNT; i++)
		flags |= options->flags[i] != NULL;
	if (flags && options->resources)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"update: --resources: it stands for all other flags, there can be "
				"none beside it");

	resources = options->resources ? from_file(command, options->resources, err)
				       : from_flags(command, err);
	if (!resources)
		return -1;
	return ctr_update(command->context, command->operands[0], resources,
			  rdt.l3_cache_schema || rdt.mem_bw_schema ? &rdt : NULL, err);
}

const struct ctr_verb ctr_verb_update = {
	.name = "update",
	.synopsis = "[flags] ID",
	.summary = "change the limits of a container",
	CTR_VERB_OPTIONS(table, struct update_options),
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_update,
};
