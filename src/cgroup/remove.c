/*
 * Removing the container's cgroup. The usual case is one rmdir: the processes are gone, and nobody
 * made sub-cgroups. Everything else starts from the EBUSY it gives.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup/cgroup.h"
#include "cgroup/tree.h"

/* Each waits twice as long as the one before, from 1 ms on: 8 s, as killed processes need the CPU
 * to die, and 2 s. */
enum { REMOVE_TRIES = 13, IDLE_TRIES = 11 };

static int remove_directory(int mount, const char *path)
{
	if (unlinkat(mount, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	/* EROFS comes before the name is looked up. */
	if (errno == EROFS && faccessat(mount, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		return 0;
	return -errno;
}

/* Wait until nobody lives below, @ms at most. Killed processes need a moment to die. */
static void wait_vacant(int dir, int ms)
{
	_cleanup_close_ int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd wait = { .fd = fd, .events = POLLPRI };
	struct ctr_cgroup_events events;

	if (fd < 0)
		return;
	if (ctr_cgroup_events_fd(fd, &events) == 0 && events.populated)
		(void)poll(&wait, 1, ms);
	else
		(void)nanosleep(
			&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
			NULL);
}

static int remove_populated(const struct ctr_cgroup *cgroup, int mount, struct ctr_error *err)
{
	const char *path = cgroup->path + 1;
	struct ctr_cgroup here = *cgroup;
	_cleanup_close_ int dir = -1;
	int r = -EBUSY;

	dir = openat(mount, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 0;
	if (dir < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open cgroup '%s'",
				cgroup->path);
	here.fd = dir;

	for (int i = 0; i < REMOVE_TRIES; i++) {
		struct ctr_cgroup_events events;

		/* Each time: a sub-cgroup may have been filled from outside meanwhile. */
		if (ctr_cgroup_events(dir, &events) == 0 && events.populated &&
		    ctr_cgroup_kill(&here, SIGKILL, err) < 0)
			return -1;

		r = ctr_cgroup_remove_below(dir);
		if (r == 0)
			r = remove_directory(mount, path);
		if (r != -EBUSY)
			break;
		wait_vacant(dir, 1 << i);
	}
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot remove cgroup '%s'", cgroup->path);
	return 0;
}

/*
 * One that is not known to be the container's: its maker was killed before it could tell. Processes
 * that it had in it are going, as they hear of its end.
 */
static int remove_idle(const struct ctr_cgroup *cgroup, int mount, struct ctr_error *err)
{
	_cleanup_close_ int dir =
		openat(mount, cgroup->path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct ctr_cgroup_events events = { .populated = true };
	int r = dir < 0 ? -errno : 0;

	for (int i = 0; r == 0 && i < IDLE_TRIES; i++) {
		r = ctr_cgroup_events(dir, &events);
		if (r < 0 || !events.populated)
			break;
		wait_vacant(dir, 1 << i);
	}
	if (r == 0 && events.populated)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"cgroup '%s' is in use, and nothing tells that it is the "
				"container's",
				cgroup->path);
	if (r == 0)
		r = ctr_cgroup_remove_below(dir);
	if (r == 0)
		r = remove_directory(mount, cgroup->path + 1);
	if (r < 0 && r != -ENOENT && r != -ENODEV)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot remove cgroup '%s'", cgroup->path);
	return 0;
}

/* Parents that were made for this container. */
static void remove_parents(int mount, const struct ctr_cgroup *cgroup)
{
	char path[PATH_MAX];
	char *slash;

	memcpy(path, cgroup->path + 1, strlen(cgroup->path));
	for (unsigned made = cgroup->made; made > 1; made--) {
		slash = strrchr(path, '/');
		if (!slash)
			return;
		*slash = '\0';
		if (remove_directory(mount, path) < 0)
			return;
	}
}

int ctr_cgroup_remove(struct ctr_cgroup *cgroup, struct ctr_error *err)
{
	_cleanup_close_ int mount = -1;
	int r;

	ctr_cgroup_close(cgroup);
	if (!cgroup->mount)
		return 0;
	/* Never the root, and never a path that a damaged record made up. */
	if (cgroup->path[0] != '/' || cgroup->path[1] == '\0' || strlen(cgroup->path) >= PATH_MAX)
		return ctr_fail(err, CTR_FAULT_STATE, 0, "cannot remove cgroup '%s': bad path",
				cgroup->path);

	mount = open(cgroup->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount < 0 && errno == ENOENT)
		return 0;
	if (mount < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", cgroup->mount);

	if (ctr_cgroup_is_replaced(cgroup))
		return 0;

	r = remove_directory(mount, cgroup->path + 1);
	if (r == -EBUSY && cgroup->inode == 0)
		r = remove_idle(cgroup, mount, err);
	else if (r == -EBUSY)
		r = remove_populated(cgroup, mount, err);
	else if (r < 0)
		r = ctr_fail(err, CTR_FAULT_HOST, -r, "cannot remove cgroup '%s'", cgroup->path);
	if (r < 0)
		return -1;

	remove_parents(mount, cgroup);
	return 0;
}
