/*
 * Id maps of user namespaces. The texts are pure; writing them is the parent's work between the
 * child's clone and its exec, because an execve(2) in an unmapped user namespace loses
 * all capabilities.
 */
#include "ns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "base/run.h"

/* user_namespaces(7): a write of a page or more is refused, as are more than 340 lines. */
enum {
	MAP_LINES_MAX = 340,
	MAP_TEXT_MAX = 4096,
};

/* One of the two maps, with the words for it. */
struct side {
	const struct ctr_id_map *map;
	size_t n;
	const char *file, *field, *program;
	bool needs_helper;
};

void ctr_idmap_of(struct ctr_idmap *out, const struct ctr_spec *spec, const struct ctr_host *host,
		  struct ctr_arena *arena)
{
	const struct ctr_linux *config = spec->linux_;
	struct ctr_id_map *self = ctr_arena_array(arena, 2, sizeof(*self));

	self[0] = (struct ctr_id_map){ .host_id = host->euid, .size = 1 };
	self[1] = (struct ctr_id_map){ .host_id = host->egid, .size = 1 };

	*out = (struct ctr_idmap){ .uid = &self[0], .nuid = 1, .gid = &self[1], .ngid = 1 };
	if (config->nuid_mappings > 0) {
		out->uid = config->uid_mappings;
		out->nuid = config->nuid_mappings;
	}
	if (config->ngid_mappings > 0) {
		out->gid = config->gid_mappings;
		out->ngid = config->ngid_mappings;
	}
}

const char *ctr_idmap_text(const struct ctr_id_map *map, size_t n, struct ctr_arena *arena)
{
	struct ctr_buf text;

	ctr_buf_init(&text, arena);
	for (size_t i = 0; i < n; i++)
		ctr_buf_addf(&text, "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", map[i].container_id,
			     map[i].host_id, map[i].size);

	return ctr_buf_str(&text);
}

int64_t ctr_idmap_to_host(const struct ctr_id_map *map, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++) {
		/* A size of 4294967295 is usual: the end does not fit 32 bits. */
		uint64_t end = (uint64_t)map[i].container_id + map[i].size;

		if (id >= map[i].container_id && id < end)
			return (int64_t)map[i].host_id + (id - map[i].container_id);
	}

	return -1;
}

/* Without CAP_SETUID over the parent namespace the kernel takes one line: the writer's own id. */
static bool is_own(const struct ctr_id_map *map, size_t n, uint32_t own)
{
	return n == 1 && map[0].size == 1 && map[0].host_id == own;
}

bool ctr_idmap_needs_gid_helper(const struct ctr_idmap *map, const struct ctr_host *host)
{
	return !host->privileged && !is_own(map->gid, map->ngid, host->egid);
}

bool ctr_idmap_needs_uid_helper(const struct ctr_idmap *map, const struct ctr_host *host)
{
	return !host->privileged && !is_own(map->uid, map->nuid, host->euid);
}

/* Its arguments: PROGRAM PID (CONTAINER-ID HOST-ID SIZE)... */
static const char *const *helper_arguments(const struct side *side, pid_t pid,
					   struct ctr_arena *arena)
{
	const char **argv = ctr_arena_array(arena, 3 + 3 * side->n, sizeof(*argv));
	size_t argc = 0;

	argv[argc++] = ctr_arena_strdup(arena, side->program);
	argv[argc++] = ctr_arena_printf(arena, "%d", (int)pid);
	for (size_t i = 0; i < side->n; i++) {
		argv[argc++] = ctr_arena_printf(arena, "%" PRIu32, side->map[i].container_id);
		argv[argc++] = ctr_arena_printf(arena, "%" PRIu32, side->map[i].host_id);
		argv[argc++] = ctr_arena_printf(arena, "%" PRIu32, side->map[i].size);
	}

	return argv;
}

static int run_helper(const struct side *side, pid_t pid, struct ctr_arena *arena,
		      struct ctr_error *err)
{
	char text[512];
	int status = 0;
	int r = ctr_run_program(helper_arguments(side, pid, arena), text, sizeof(text), &status);

	if (r == -ENOENT)
		return ctr_fail(
			err, CTR_FAULT_HOST, 0,
			"%s: mapping more than your own id needs '%s' (package uidmap), which is not installed",
			side->field, side->program);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "%s: cannot run '%s'", side->field,
				side->program);
	if (status == 0)
		return 0;

	for (char *p = text; *p; p++) {
		if (*p == '\n')
			*p = ' ';
	}
	return ctr_fail(err, CTR_FAULT_HOST, 0, "%s: '%s' refused: %s", side->field, side->program,
			text[0] ? text : "it says nothing");
}

/* The kernel accepts a single write per file, so a map is formatted whole first. */
static int write_map(const struct side *side, int proc, struct ctr_arena *arena,
		     struct ctr_error *err)
{
	const char *text = ctr_idmap_text(side->map, side->n, arena);
	int r;

	if (side->n > MAP_LINES_MAX || strlen(text) >= MAP_TEXT_MAX)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"%s: %zu mappings are more than the kernel takes (%d in %d bytes)",
				side->field, side->n, MAP_LINES_MAX, MAP_TEXT_MAX - 1);

	r = ctr_file_write_once(proc, side->file, text, strlen(text));
	if (r == -EINVAL)
		return ctr_fail(err, CTR_FAULT_CONFIG, -r, "%s: mappings overlap or are empty",
				side->field);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "%s: cannot write '%s'", side->field,
				side->file);
	return 0;
}

static int deny_setgroups(int proc, struct ctr_error *err)
{
	int r;

	r = ctr_file_write_once(proc, "setgroups", "deny", strlen("deny"));
	if (r < 0 && r != -ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, -r,
				"linux.gidMappings: cannot write 'setgroups'");
	return 0;
}

static int apply_side(const struct side *side, pid_t pid, int proc, struct ctr_arena *arena,
		      struct ctr_error *err)
{
	return side->needs_helper ? run_helper(side, pid, arena, err)
				  : write_map(side, proc, arena, err);
}

int ctr_idmap_write(const struct ctr_idmap *map, const struct ctr_host *host, pid_t pid,
		    struct ctr_arena *arena, struct ctr_error *err)
{
	_cleanup_close_ int proc = -1;
	struct side uid = {
		.map = map->uid,
		.n = map->nuid,
		.file = "uid_map",
		.field = "linux.uidMappings",
		.program = "newuidmap",
		.needs_helper = ctr_idmap_needs_uid_helper(map, host),
	};
	struct side gid = {
		.map = map->gid,
		.n = map->ngid,
		.file = "gid_map",
		.field = "linux.gidMappings",
		.program = "newgidmap",
		.needs_helper = ctr_idmap_needs_gid_helper(map, host),
	};
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);

	if (apply_side(&uid, pid, proc, arena, err) < 0)
		return -1;

	/* Without CAP_SETGID the kernel refuses gid_map until setgroups is denied. */
	if (!host->privileged && !gid.needs_helper && deny_setgroups(proc, err) < 0)
		return -1;

	return apply_side(&gid, pid, proc, arena, err);
}

/* A process in a new user namespace that ends when the other end of @pipe_fds is closed. */
static pid_t clone_holder(const int pipe_fds[2])
{
	long pid;
	char c;

	/* As fork(2); every architecture has these two arguments in front when the rest is 0. */
	pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid != 0)
		return pid < 0 ? -errno : (pid_t)pid;

	(void)close(pipe_fds[1]);
	while (read(pipe_fds[0], &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int ctr_idmap_userns(const struct ctr_idmap *map, const struct ctr_host *host,
		     struct ctr_arena *arena, struct ctr_error *err)
{
	_cleanup_close_ int hold_read = -1, hold = -1, userns = -1;
	char path[32];
	pid_t holder;
	int status, fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a pipe");
	hold_read = fds[0];
	hold = fds[1];

	holder = clone_holder(fds);
	if (holder < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -holder, "cannot make a user namespace");

	r = ctr_idmap_write(map, host, holder, arena, err);
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)holder);
		userns = open(path, O_RDONLY | O_CLOEXEC);
		if (userns < 0)
			r = ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	}

	(void)close(ctr_take_fd(&hold));
	(void)ctr_run_wait(holder, &status);
	return r < 0 ? -1 : ctr_take_fd(&userns);
}
