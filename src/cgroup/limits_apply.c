/*
 * Writing limits to the container's cgroup. `create` does it before the clone, so that the child is
 * born below its limits; `update` while the container runs.
 */
#include "cgroup/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/controllers.h"

/* ---- one limit */

static bool may_lack(const struct ctr_limit *limit)
{
	return limit->flags & (CTR_LIMIT_DEFAULT | CTR_LIMIT_MAY_LACK);
}

static int write_limit(const struct ctr_limit *limit, const struct ctr_cgroup *cgroup)
{
	int r = ctr_file_write_once(cgroup->fd, limit->file, limit->value, strlen(limit->value));

	return r == -ENOENT && may_lack(limit) ? 0 : r;
}

static int explain_absent(const struct ctr_limit *limit, const struct ctr_cgroup *cgroup,
			  struct ctr_error *err)
{
	char text[256];

	if (limit->controller != CTR_CONTROLLER_COUNT &&
	    ctr_file_read_small(cgroup->fd, "cgroup.controllers", text, sizeof(text)) >= 0 &&
	    !(ctr_controllers_parse(text) & CTR_CONTROLLER_BIT(limit->controller))) {
		(void)ctr_controller_unavailable(limit->controller, err);
		return ctr_fail_within(err, "%s", limit->origin);
	}
	if (strncmp(limit->file, "hugetlb.", 8) == 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"%s: this host has no huge pages of that size (there is no '%s')",
				limit->origin, limit->file);
	return ctr_fail(err, CTR_FAULT_HOST, 0, "%s: this host has no '%s' in a cgroup",
			limit->origin, limit->file);
}

static int explain(const struct ctr_limit *limit, const struct ctr_cgroup *cgroup, int code,
		   struct ctr_error *err)
{
	const char *why = "";

	if (code == ENOENT)
		return explain_absent(limit, cgroup, err);
	if (code == ENODEV && limit->controller == CTR_CONTROLLER_IO)
		why = " (there is no such block device)";
	else if (code == EOPNOTSUPP && limit->controller == CTR_CONTROLLER_IO)
		why = " (the I/O scheduler of that device has none)";
	return ctr_fail(err, CTR_FAULT_HOST, code, "%s: cannot write '%s' to '%s' of cgroup '%s'%s",
			limit->origin, limit->value, limit->file, cgroup->path, why);
}

/* ---- all of them */

enum { AGAIN_MAX = 8 };

struct run {
	const struct ctr_limits *limits;
	const struct ctr_cgroup *cgroup;
	bool fresh;
	const struct ctr_limit *again[AGAIN_MAX];
	size_t nagain;
};

static int write_one(struct run *run, size_t i, struct ctr_error *err)
{
	const struct ctr_limit *limit = &run->limits->list[i];
	int r = write_limit(limit, run->cgroup);

	/* Refused because of another limit that is about to change: burst and quota. */
	if ((r == -EINVAL || r == -EBUSY) && run->nagain < AGAIN_MAX &&
	    i + 1 < run->limits->count) {
		run->again[run->nagain++] = limit;
		return 0;
	}
	return r < 0 ? explain(limit, run->cgroup, -r, err) : 0;
}

static int write_all(struct run *run, struct ctr_error *err)
{
	const struct ctr_limit *list = run->limits->list;

	for (size_t i = 0; i < run->limits->count; i++) {
		if (run->fresh && (list[i].flags & CTR_LIMIT_DEFAULT))
			continue;
		if (list[i].flags & CTR_LIMIT_OR_NEXT) {
			int r = write_limit(&list[i], run->cgroup);

			if (r == -ENOENT)
				continue;
			if (r < 0)
				return explain(&list[i], run->cgroup, -r, err);
			i++;
			continue;
		}
		if (write_one(run, i, err) < 0)
			return -1;
	}

	for (size_t i = 0; i < run->nagain; i++) {
		int r = write_limit(run->again[i], run->cgroup);

		if (r < 0)
			return explain(run->again[i], run->cgroup, -r, err);
	}
	return 0;
}

int ctr_limits_apply(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup, bool fresh,
		     struct ctr_error *err)
{
	struct run run = { .limits = limits, .cgroup = cgroup, .fresh = fresh };

	return write_all(&run, err);
}

/* ---- update */

static const char weight_file[] = "cpu.weight";

static int read_number(int dir, const char *file, uint64_t *out)
{
	char text[32];
	ssize_t n = ctr_file_read_small(dir, file, text, sizeof(text));

	return n < 0 ? (int)n : ctr_parse_u64(text, out);
}

/* Below its usage the kernel reclaims memory and, where that is not enough, kills. */
static int check_usage(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup,
		       struct ctr_error *err)
{
	uint64_t memory = 0, swap = 0;

	if (!limits->check_memory || read_number(cgroup->fd, "memory.current", &memory) < 0)
		return 0;

	(void)read_number(cgroup->fd, "memory.swap.current", &swap);
	if (limits->memory > 0 && (uint64_t)limits->memory < memory)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.memory.limit: rejecting memory limit %" PRId64
				": it is less than the usage, %" PRIu64,
				limits->memory, memory);
	if (limits->memory_swap > 0 && (uint64_t)limits->memory_swap < memory + swap)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.memory.swap: rejecting memory+swap limit %" PRId64
				": it is less than the usage, %" PRIu64,
				limits->memory_swap, memory + swap);
	return 0;
}

static int enable(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup,
		  struct ctr_error *err)
{
	_cleanup_close_ int mount = -1;
	char text[256];

	if (ctr_file_read_small(cgroup->fd, "cgroup.controllers", text, sizeof(text)) >= 0 &&
	    (limits->controllers & ~ctr_controllers_parse(text)) == 0)
		return 0;
	if (ctr_limits_explain(limits, cgroup->mount, err) < 0)
		return -1;

	mount = open(cgroup->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", cgroup->mount);
	return ctr_controllers_enable(mount, cgroup->path, limits->controllers, 0, err);
}

/*
 * What a line of the file is about, where it has more than one: a device ("8:16 rbps=1"), a
 * resource of misc.max, or what io.weight has for all other devices. NULL: the file is one value.
 */
static const char *line_key(const struct ctr_limit *limit, struct ctr_arena *arena)
{
	size_t len = strcspn(limit->value, " ");

	if (limit->controller == CTR_CONTROLLER_IO && !memchr(limit->value, ':', len))
		return strcmp(limit->file, "io.prio.class") == 0 ? NULL : "default";
	if (limit->controller == CTR_CONTROLLER_IO || limit->controller == CTR_CONTROLLER_RDMA ||
	    limit->controller == CTR_CONTROLLER_MISC || limit->controller == CTR_CONTROLLER_DMEM)
		return ctr_arena_strndup(arena, limit->value, len);
	return NULL;
}

/* The line of @key in the file's @text; one that is not there had the defaults. */
static const char *old_line(const struct ctr_limit *limit, const char *key, const char *text,
			    struct ctr_arena *arena)
{
	size_t len = strlen(key);

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, key, len) == 0 && text[len] == ' ')
			return ctr_arena_strndup(arena, text, strcspn(text, "\n"));

	if (strcmp(limit->file, "io.max") == 0)
		return ctr_arena_printf(arena, "%s rbps=max wbps=max riops=max wiops=max", key);
	if (strcmp(limit->file, "io.latency") == 0)
		return ctr_arena_printf(arena, "%s target=0", key);
	if (limit->flags & CTR_LIMIT_OR_NEXT || strcmp(limit->file, "io.weight") == 0)
		return ctr_arena_printf(arena, "%s default", key);
	return NULL;
}

/* What a file has that is one value. Who has processes cannot have no cpuset again: the CPUs and
 * nodes that it had by its parent are as good. */
static const char *old_value(const struct ctr_limit *limit, const struct ctr_cgroup *cgroup,
			     char *text, size_t size, struct ctr_arena *arena)
{
	if (text[0] == '\0' && limit->controller == CTR_CONTROLLER_CPUSET &&
	    ctr_file_read_small(cgroup->fd, ctr_arena_printf(arena, "%s.effective", limit->file),
				text, size) < 0)
		return NULL;
	return text[0] != '\0' && !strchr(text, '\n') ? ctr_arena_strdup(arena, text) : NULL;
}

/* What the files have, as it can be written back; NULL where that is not known. One more than there
 * are limits: the weight, which cpu.idle takes away. */
static const char *const *read_old(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup,
				   struct ctr_arena *arena)
{
	const char **old = ctr_arena_array(arena, limits->count + 1, sizeof(*old));
	char text[4096];

	for (size_t i = 0; i < limits->count; i++) {
		const struct ctr_limit *limit = &limits->list[i];
		const char *key = line_key(limit, arena);

		if (ctr_file_read_small(cgroup->fd, limit->file, text, sizeof(text)) < 0)
			continue;
		old[i] = key ? old_line(limit, key, text, arena)
			     : old_value(limit, cgroup, text, sizeof(text), arena);
	}
	if (ctr_file_read_small(cgroup->fd, weight_file, text, sizeof(text)) >= 0 &&
	    strcmp(text, "0") != 0)
		old[limits->count] = ctr_arena_strdup(arena, text);
	return old;
}

static void write_old(const struct ctr_cgroup *cgroup, const char *file, const char *value)
{
	char now[4096];
	ssize_t n = value ? ctr_file_read_small(cgroup->fd, file, now, sizeof(now)) : 0;

	/* What is empty has its defaults, still. */
	if (n < 0 || (n > 0 && strcmp(now, value) != 0))
		(void)ctr_file_write_once(cgroup->fd, file, value, strlen(value));
}

void ctr_limits_put_back(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup,
			 const char *const *before)
{
	/* What was refused because of another limit, as a burst above the quota, comes after it. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = limits->count; i-- > 0;)
			write_old(cgroup, limits->list[i].file, before[i]);
		write_old(cgroup, weight_file, before[limits->count]);
	}
}

int ctr_limits_update(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup,
		      struct ctr_arena *arena, const char *const **before, struct ctr_error *err)
{
	const char *const *old;

	if (enable(limits, cgroup, err) < 0 || check_usage(limits, cgroup, err) < 0)
		return -1;

	old = read_old(limits, cgroup, arena);
	if (before)
		*before = old;
	if (ctr_limits_apply(limits, cgroup, false, err) == 0)
		return 0;

	ctr_limits_put_back(limits, cgroup, old);
	return -1;
}

int ctr_limits_explain(const struct ctr_limits *limits, const char *mount, struct ctr_error *err)
{
	_cleanup_close_ int dir = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[256];
	uint32_t present;

	if (dir < 0 || ctr_file_read_small(dir, "cgroup.controllers", text, sizeof(text)) < 0)
		return 0;

	present = ctr_controllers_parse(text);
	for (size_t i = 0; i < limits->count; i++) {
		const struct ctr_limit *limit = &limits->list[i];

		if (limit->controller == CTR_CONTROLLER_COUNT ||
		    (limit->flags & CTR_LIMIT_DEFAULT) ||
		    (present & CTR_CONTROLLER_BIT(limit->controller)))
			continue;
		(void)ctr_controller_unavailable(limit->controller, err);
		return ctr_fail_within(err, "%s", limit->origin);
	}
	return 0;
}
