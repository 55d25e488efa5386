/*
 * The processes of a cgroup: listing, freezing, killing. The kernel does it as one step where it
 * can (cgroup.kill, 5.14); the way around freezes first, so that nothing forks out of reach.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/cgroup.h"
#include "cgroup/tree.h"

enum {
	FREEZE_DEADLINE_MS = 10000,
	KILL_ROUNDS = 10,
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- freezing */

static int write_freeze(int dir, bool freeze)
{
	return ctr_file_write_once(dir, "cgroup.freeze", freeze ? "1" : "0", 1);
}

/* An ancestor's freeze keeps this one frozen whatever is written here. */
static bool is_held_by_parent(int dir)
{
	_cleanup_close_ int parent = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ctr_cgroup_events events;

	return parent >= 0 && ctr_cgroup_events(parent, &events) == 0 && events.frozen;
}

struct freezing {
	bool frozen; /* wait for this */
	int64_t deadline;
};

/* 0, or -errno (-ETIMEDOUT; -EBUSY: an ancestor is frozen). */
static int wait_frozen(int dir, void *data)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	const struct freezing *freezing = data;

	if (fd < 0)
		return -errno;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLPRI };
		struct ctr_cgroup_events events;
		int64_t left = freezing->deadline - now_ms();
		int r = ctr_cgroup_events_fd(fd, &events);

		if (r < 0)
			return r;
		if (events.frozen == freezing->frozen)
			return 0;
		if (!freezing->frozen && is_held_by_parent(dir))
			return -EBUSY;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
}

/* A sub-cgroup may be removed while we look at it. */
static int wait_sub_frozen(int dir, void *data)
{
	int r = wait_frozen(dir, data);

	return r == -ENODEV || r == -ENOENT ? 0 : r;
}

static int freeze_and_wait(int dir, bool freeze)
{
	struct freezing freezing = { freeze, now_ms() + FREEZE_DEADLINE_MS };
	int r = write_freeze(dir, freeze);

	if (r == 0)
		r = wait_frozen(dir, &freezing);
	/* A cgroup calls itself frozen once its own tasks are, whatever those below it do. A tree
	 * too deep to look at cannot make a pause fail. */
	if (r == 0 && freeze && ctr_cgroup_each_dir(dir, wait_sub_frozen, &freezing) == -ETIMEDOUT)
		r = -ETIMEDOUT;
	if (r < 0 && freeze)
		(void)write_freeze(dir, false);
	return r;
}

int ctr_cgroup_freeze(const struct ctr_cgroup *cgroup, bool freeze, struct ctr_error *err)
{
	const char *verb = freeze ? "freeze" : "thaw";
	int r;

	if (cgroup->fd < 0)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"cannot %s the container: it has no cgroup of its own", verb);

	r = freeze_and_wait(cgroup->fd, freeze);
	if (r == -EBUSY)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"cannot thaw cgroup '%s': a cgroup above it is frozen",
				cgroup->path);
	if (r == -ETIMEDOUT)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"cannot %s cgroup '%s': not all of its processes did so in %d s",
				verb, cgroup->path, FREEZE_DEADLINE_MS / 1000);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot %s cgroup '%s'", verb,
				cgroup->path);
	return 0;
}

bool ctr_cgroup_is_frozen(const struct ctr_cgroup *cgroup)
{
	struct ctr_cgroup_events events;
	char path[PATH_MAX];
	int n;

	if (cgroup->fd >= 0)
		return ctr_cgroup_events(cgroup->fd, &events) == 0 && events.frozen;
	if (!cgroup->mount)
		return false;

	/* For `list`, which asks of many: one open(2) instead of three. */
	n = snprintf(path, sizeof(path), "%s%s/cgroup.events", cgroup->mount, cgroup->path);
	return n > 0 && (size_t)n < sizeof(path) &&
	       ctr_cgroup_events_at(AT_FDCWD, path, &events) == 0 && events.frozen;
}

/* ---- killing */

struct killing {
	int sig;
	size_t signalled;
	int failed; /* first errno other than ESRCH */
};

static int kill_task(pid_t task, bool thread, void *data)
{
	struct killing *killing = data;

	/* kill(2) takes a thread id, too: the signal goes to its process. */
	(void)thread;
	if (kill(task, killing->sig) == 0)
		killing->signalled++;
	else if (errno != ESRCH && killing->failed == 0)
		killing->failed = errno;
	return 0;
}

static bool is_freeze_asked(int dir)
{
	char text[8];

	return ctr_file_read_small(dir, "cgroup.freeze", text, sizeof(text)) > 0 && text[0] == '1';
}

static int signal_each(int dir, int sig)
{
	struct killing killing = { .sig = sig };
	int r = ctr_cgroup_each_task(dir, kill_task, &killing);

	return r < 0 ? r : -killing.failed;
}

/* Without the freezer (before 5.2, or refused): again until a round finds nobody. */
static int kill_in_rounds(int dir)
{
	for (int i = 0; i < KILL_ROUNDS; i++) {
		struct killing killing = { .sig = SIGKILL };
		int r = ctr_cgroup_each_task(dir, kill_task, &killing);

		if (r < 0 || killing.failed != 0)
			return r < 0 ? r : -killing.failed;
		if (killing.signalled == 0)
			return 0;
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000L << i }, NULL);
	}
	return 0;
}

static int freeze_and_signal(int dir, int sig)
{
	bool was_frozen = is_freeze_asked(dir);
	bool freezes = was_frozen || freeze_and_wait(dir, true) == 0;
	int r;

	r = sig == SIGKILL && !freezes ? kill_in_rounds(dir) : signal_each(dir, sig);

	/* A paused container stays paused, except that a dead one cannot. */
	if (freezes && (!was_frozen || sig == SIGKILL))
		(void)write_freeze(dir, false);
	return r;
}

int ctr_cgroup_kill(const struct ctr_cgroup *cgroup, int sig, struct ctr_error *err)
{
	int r = -ENOENT;

	if (cgroup->fd < 0)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"cannot signal all processes of the container: it has no cgroup of "
				"its own");

	if (sig == SIGKILL)
		r = ctr_file_write_once(cgroup->fd, "cgroup.kill", "1", 1);
	/* No cgroup.kill before 5.14; EOPNOTSUPP in a threaded cgroup. */
	if (r == -ENOENT || r == -EOPNOTSUPP)
		r = freeze_and_signal(cgroup->fd, sig);
	/* Removed meanwhile. */
	if (r == -ENODEV || r == -ENOENT)
		r = 0;
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r,
				"cannot signal the processes of cgroup '%s'", cgroup->path);
	return 0;
}

/* ---- listing */

struct pids {
	struct ctr_arena *arena;
	pid_t *list;
	size_t count, size;
};

/* The process of a thread, 0 when it is gone. The line stands near the start of a file that can be
 * long: its groups. */
static pid_t process_of(pid_t thread)
{
	_cleanup_close_ int fd = -1;
	char path[32], text[512];
	const char *tgid;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return 0;

	text[n] = '\0';
	tgid = strstr(text, "\nTgid:");
	return tgid ? (pid_t)ctr_leading_u64(tgid + 6) : 0;
}

static int add_pid(pid_t task, bool thread, void *data)
{
	struct pids *pids = data;
	pid_t pid = thread ? process_of(task) : task;

	if (pid == 0)
		return 0;
	if (pids->count == pids->size) {
		size_t size = pids->size ? 2 * pids->size : 16;

		pids->list =
			ctr_arena_grow(pids->arena, pids->list, pids->size * sizeof(*pids->list),
				       size * sizeof(*pids->list));
		pids->size = size;
	}
	pids->list[pids->count++] = pid;
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The kernel promises neither order nor uniqueness. */
static size_t sort_unique(pid_t *list, size_t count)
{
	size_t kept = 0;

	if (count == 0)
		return 0;
	qsort(list, count, sizeof(*list), compare_pids);
	for (size_t i = 1; i < count; i++) {
		if (list[i] != list[kept])
			list[++kept] = list[i];
	}
	return kept + 1;
}

int ctr_cgroup_procs(const struct ctr_cgroup *cgroup, struct ctr_arena *arena, pid_t **out,
		     size_t *n, struct ctr_error *err)
{
	struct pids pids = { .arena = arena };
	int r;

	if (cgroup->fd < 0)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"cannot list the processes of the container: it has no cgroup of "
				"its own");

	r = ctr_cgroup_each_task(cgroup->fd, add_pid, &pids);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot list the processes of cgroup '%s'",
				cgroup->path);

	*n = sort_unique(pids.list, pids.count);
	*out = pids.list;
	return 0;
}
