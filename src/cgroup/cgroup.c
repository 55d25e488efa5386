/*
 * Where the container's cgroup is, making it, entering it. Everything below the cgroup2 mount is
 * reached from a descriptor of it. `create` runs this in the parent, before the clone.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "base/path.h"
#include "cgroup/controllers.h"
#include "cgroup/tree.h"
#include "cgroup/unit.h"

/* ---- place */

static int check_path(const char *path, struct ctr_error *err)
{
	const char *component = path + 1;

	if (*component == '\0')
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"linux.cgroupsPath: '/' is the root cgroup, a container needs its own");
	if (strlen(path) >= PATH_MAX)
		return ctr_fail(err, CTR_FAULT_CONFIG, ENAMETOOLONG, "linux.cgroupsPath");
	/* The kernel refuses it, since a newline would forge lines of /proc/PID/cgroup. */
	if (strchr(path, '\n'))
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.cgroupsPath: a newline cannot be in the name of a cgroup");

	while (*component != '\0') {
		size_t len = strcspn(component, "/");

		if (len > NAME_MAX)
			return ctr_fail(err, CTR_FAULT_CONFIG, ENAMETOOLONG,
					"linux.cgroupsPath: component '%.32s...'", component);

		component += len;
		component += *component == '/';
	}
	return 0;
}

/* systemd decides where; here only the unit's name is. */
static int place_unit(struct ctr_cgroup *out, struct ctr_arena *arena, const struct ctr_host *host,
		      const char *cgroups_path, const char *id, struct ctr_error *err)
{
	struct ctr_unit *unit = ctr_arena_alloc(arena, sizeof(*unit));

	if (host->cgroup_mode != CTR_CGROUP_UNIFIED)
		return ctr_fail(
			err, CTR_FAULT_HOST, 0,
			"--systemd-cgroup: needs cgroup v2 at /sys/fs/cgroup, this host has %s",
			host->cgroup_mount);
	if (ctr_unit_parse(unit, arena, cgroups_path, id, host->rootless, err) < 0)
		return -1;

	*out = (struct ctr_cgroup){ .mount = host->cgroup_mount, .fd = -1, .unit = unit };
	return 0;
}

int ctr_cgroup_place(struct ctr_cgroup *out, struct ctr_arena *arena, const struct ctr_host *host,
		     enum ctr_cgroup_manager manager, const char *cgroups_path, const char *id,
		     struct ctr_error *err)
{
	struct ctr_cgroup cgroup = { .fd = -1 };
	const char *base = "/";
	char *path;

	if (manager == CTR_MANAGER_DISABLED || host->cgroup_mode == CTR_CGROUP_NONE) {
		*out = cgroup;
		return 0;
	}
	if (manager == CTR_MANAGER_SYSTEMD)
		return place_unit(out, arena, host, cgroups_path, id, err);

	/* An absent path and an empty one mean the same: Podman writes "". */
	if (cgroups_path && *cgroups_path == '\0')
		cgroups_path = NULL;
	if (!cgroups_path && strlen(id) > NAME_MAX - strlen("ctr-"))
		return ctr_fail(
			err, CTR_FAULT_USAGE, ENAMETOOLONG,
			"container id '%.32s...' has %zu characters, as the name of a cgroup "
			"it may have %zu",
			id, strlen(id), NAME_MAX - strlen("ctr-"));
	if (host->rootless && !(cgroups_path && *cgroups_path == '/'))
		base = host->cgroup_self ? host->cgroup_self : "/";

	/* Cleaned before it is joined: ".." stops at the base. */
	path = cgroups_path ? ctr_path_clean(arena, cgroups_path)
			    : ctr_path_clean(arena, ctr_arena_printf(arena, "/ctr-%s", id));
	if (base[1] != '\0')
		path = ctr_path_clean(arena, ctr_arena_printf(arena, "%s/%s", base, path));
	if (check_path(path, err) < 0)
		return -1;

	cgroup.mount = host->cgroup_mount;
	cgroup.path = path;
	cgroup.own_place = !cgroups_path;
	cgroup.optional = !cgroups_path && (host->rootless || host->in_userns);
	*out = cgroup;
	return 0;
}

/* ---- make */

static int open_mount(const struct ctr_cgroup *cgroup)
{
	return open(cgroup->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void remove_made(int mount, const char *path, unsigned made)
{
	char prefix[PATH_MAX];
	char *slash;

	(void)snprintf(prefix, sizeof(prefix), "%s", path);
	while (made-- > 0) {
		(void)unlinkat(mount, prefix, AT_REMOVEDIR);
		slash = strrchr(prefix, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
}

/*
 * The slow way: from the longest prefix of @path that can be made or exists, down to the whole.
 * Whenever a component turns out to be made by somebody else, what is above it is not ours alone.
 */
static int make_parents(int mount, const char *path, unsigned *made)
{
	char prefix[PATH_MAX];
	size_t whole = strlen(path), len = whole;

	memcpy(prefix, path, whole + 1);
	*made = 0;
	while (mkdirat(mount, prefix, 0755) < 0) {
		char *slash = strrchr(prefix, '/');

		if (errno == EEXIST)
			goto down;
		if (errno != ENOENT || !slash)
			return -errno;
		*slash = '\0';
		len = (size_t)(slash - prefix);
	}
	*made = 1;
down:
	while (len < whole) {
		prefix[len] = '/';
		len += 1 + strcspn(path + len + 1, "/");
		if (mkdirat(mount, prefix, 0755) == 0) {
			(*made)++;
			continue;
		}
		if (errno != EEXIST) {
			int code = errno;

			*strrchr(prefix, '/') = '\0';
			remove_made(mount, prefix, *made);
			return -code;
		}
		*made = 0;
	}
	return 0;
}

static int make_path(int mount, const char *path, unsigned *made)
{
	int r = 0;

	if (mkdirat(mount, path, 0755) == 0) {
		*made = 1;
		return 0;
	}
	*made = 0;
	if (errno != ENOENT)
		return errno == EEXIST ? 0 : -errno;

	/* ENOENT again: the last container of a shared parent took the parent away meanwhile. */
	for (int i = 0; i < 16; i++) {
		r = make_parents(mount, path, made);
		if (r != -ENOENT)
			break;
	}
	return r;
}

static int check_vacant(const struct ctr_cgroup *cgroup, struct ctr_error *err)
{
	struct ctr_cgroup_events events;
	size_t n = 0;
	int r;

	r = ctr_cgroup_events(cgroup->fd, &events);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read cgroup.events of '%s'",
				cgroup->path);
	if (events.populated) {
		(void)ctr_cgroup_each_task(cgroup->fd, ctr_cgroup_count_task, &n);
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"linux.cgroupsPath: container's cgroup is not empty: "
				"%zu process(es) found in '%s'",
				n, cgroup->path);
	}
	if (events.frozen)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"linux.cgroupsPath: container's cgroup unexpectedly frozen: '%s'",
				cgroup->path);
	return 0;
}

/*
 * Below a threaded cgroup a new one is "domain invalid": nothing can enter it until it is threaded,
 * and then the controllers that count per process are out (cgroup-v2.rst, "Threads").
 */
static int check_type(const struct ctr_cgroup *cgroup, struct ctr_error *err)
{
	bool domain = cgroup->controllers & CTR_CONTROLLERS_DOMAIN;
	char type[32];
	ssize_t n;
	int r;

	n = ctr_file_read_small(cgroup->fd, "cgroup.type", type, sizeof(type));
	if (n < 0)
		return ctr_fail(err, CTR_FAULT_HOST, (int)-n, "cannot read cgroup.type of '%s'",
				cgroup->path);

	if (strcmp(type, "domain invalid") == 0) {
		if (domain)
			return ctr_fail(err, CTR_FAULT_HOST, 0,
					"cannot enter cgroupv2 '%s' with domain controllers -- it "
					"is in an invalid state: it stands below a threaded cgroup",
					cgroup->path);

		r = ctr_file_write_once(cgroup->fd, "cgroup.type", "threaded", 8);
		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot make cgroup '%s' threaded",
					cgroup->path);
		return 0;
	}
	if (domain && strstr(type, "threaded"))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"cannot enter cgroupv2 '%s' with domain controllers -- it is in "
				"threaded mode",
				cgroup->path);
	return 0;
}

static unsigned count_components(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int open_directory(struct ctr_cgroup *cgroup, int mount, struct ctr_error *err)
{
	struct stat st;

	cgroup->fd = openat(mount, cgroup->path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup->fd < 0 || fstat(cgroup->fd, &st) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open cgroup '%s'",
				cgroup->path);

	cgroup->inode = st.st_ino;
	return 0;
}

/* A new one in the place of one that an earlier container left, so that nobody takes the one for
 * the other: there are other state directories with the same ids. */
static int replace(struct ctr_cgroup *cgroup, int mount, struct ctr_error *err)
{
	const char *name = cgroup->path + 1;
	int r = ctr_cgroup_remove_below(cgroup->fd);

	ctr_cgroup_close(cgroup);
	if (r == 0 && unlinkat(mount, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0)
		r = mkdirat(mount, name, 0755) < 0 ? -errno : 0;
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r,
				"cannot replace cgroup '%s', which an earlier container left",
				cgroup->path);

	cgroup->made = 1;
	return open_directory(cgroup, mount, err);
}

static int settle(struct ctr_cgroup *cgroup, int mount, const struct ctr_host *host,
		  struct ctr_error *err)
{
	if (open_directory(cgroup, mount, err) < 0)
		return -1;
	if (cgroup->made == 0 && check_vacant(cgroup, err) < 0)
		return -1;
	if (cgroup->made == 0 && cgroup->own_place && replace(cgroup, mount, err) < 0)
		return -1;
	/* The root is never threaded, so what we made directly below it need not be asked. */
	if (cgroup->made < count_components(cgroup->path) && check_type(cgroup, err) < 0)
		return -1;
	/* A hybrid host has the others in v1. */
	return ctr_controllers_enable(
		mount, cgroup->path, cgroup->controllers,
		host->cgroup_mode == CTR_CGROUP_UNIFIED ? CTR_CONTROLLERS_ACCOUNTING : 0, err);
}

int ctr_cgroup_make(struct ctr_cgroup *cgroup, const struct ctr_host *host, struct ctr_error *err)
{
	_cleanup_close_ int mount = -1;
	int r;

	if (!cgroup->mount || cgroup->unit)
		return 0;

	mount = open_mount(cgroup);
	r = mount < 0 ? -errno : make_path(mount, cgroup->path + 1, &cgroup->made);
	if (r < 0) {
		bool denied = r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT;

		cgroup->made = 0;
		if (cgroup->optional && denied) {
			cgroup->mount = NULL;
			return 0;
		}
		return ctr_fail(err, CTR_FAULT_HOST, -r,
				"unable to apply cgroup configuration: cannot make cgroup '%s' "
				"below '%s'",
				cgroup->path, cgroup->mount);
	}

	if (settle(cgroup, mount, host, err) < 0) {
		ctr_cgroup_close(cgroup);
		remove_made(mount, cgroup->path + 1, cgroup->made);
		cgroup->made = 0;
		return -1;
	}
	return 0;
}

bool ctr_cgroup_may_make(const struct ctr_cgroup *cgroup)
{
	_cleanup_close_ int mount = -1;
	char path[PATH_MAX];
	char *slash;

	if (!cgroup->mount || cgroup->unit)
		return false;
	mount = open_mount(cgroup);
	if (mount < 0)
		return false;

	/* What there is of it must be writable. */
	(void)snprintf(path, sizeof(path), ".%s", cgroup->path);
	while (faccessat(mount, path, W_OK | X_OK, AT_EACCESS) < 0) {
		slash = strrchr(path, '/');
		if (errno != ENOENT || !slash)
			return false;
		*slash = '\0';
	}
	return true;
}

static int open_from_mount(struct ctr_cgroup *cgroup, struct ctr_error *err)
{
	_cleanup_close_ int mount = open_mount(cgroup);

	if (mount < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open cgroup '%s'",
				cgroup->path);
	return open_directory(cgroup, mount, err);
}

int ctr_cgroup_adopt(struct ctr_cgroup *cgroup, struct ctr_error *err)
{
	return open_from_mount(cgroup, err);
}

int ctr_cgroup_open(struct ctr_cgroup *cgroup, struct ctr_error *err)
{
	uint64_t inode = cgroup->inode;

	if (!cgroup->mount)
		return ctr_fail(err, CTR_FAULT_STATE, ENOENT, "the container has no cgroup");
	if (cgroup->fd >= 0)
		return 0;
	if (open_from_mount(cgroup, err) < 0)
		return -1;
	if (cgroup->inode == inode)
		return 0;

	ctr_cgroup_close(cgroup);
	cgroup->inode = inode;
	return ctr_fail(err, CTR_FAULT_STATE, ENOENT, "cgroup '%s' is not the container's",
			cgroup->path);
}

bool ctr_cgroup_is_replaced(const struct ctr_cgroup *cgroup)
{
	_cleanup_close_ int mount = open_mount(cgroup);
	struct stat st;

	return cgroup->inode != 0 && mount >= 0 &&
	       fstatat(mount, cgroup->path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino != cgroup->inode;
}

bool ctr_cgroup_is_gone(const struct ctr_cgroup *cgroup)
{
	_cleanup_close_ int mount = open_mount(cgroup);

	return mount >= 0 && faccessat(mount, cgroup->path + 1, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       errno == ENOENT;
}

void ctr_cgroup_close(struct ctr_cgroup *cgroup)
{
	if (cgroup->fd >= 0)
		(void)close(cgroup->fd);
	cgroup->fd = -1;
}

/* ---- enter */

int ctr_cgroup_enter(const struct ctr_cgroup *cgroup, pid_t pid, struct ctr_error *err)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)pid);
	int r = 0;

	/* systemd moves controllers about while it starts units: EINVAL then, for a moment. */
	for (int i = 0; i < 5; i++) {
		r = ctr_file_write_once(cgroup->fd, "cgroup.procs", text, (size_t)len);
		if (r != -EINVAL)
			break;
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000L << i }, NULL);
	}
	if (r == -EBUSY)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"cannot enter cgroup '%s': it hands controllers to sub-cgroups, so "
				"no process may be in it",
				cgroup->path);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot move process %d to cgroup '%s'",
				(int)pid, cgroup->path);
	return 0;
}

int ctr_cgroup_open_sub(const struct ctr_cgroup *cgroup, const char *sub, int *out,
			struct ctr_error *err)
{
	const char *component = sub;
	int fd;

	while (*component == '/')
		component++;
	if (strlen(component) >= PATH_MAX)
		return ctr_fail(err, CTR_FAULT_USAGE, ENAMETOOLONG, "bad sub cgroup path");
	for (const char *p = component; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			return ctr_fail(
				err, CTR_FAULT_USAGE, 0,
				"bad sub cgroup path '%s': it leaves the container's cgroup", sub);
		p += len;
		p += *p == '/';
	}

	/* No symbolic links exist in cgroupfs. */
	fd = openat(cgroup->fd, *component ? component : ".",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_NOT_FOUND, errno,
				"cannot open sub cgroup '%s' of '%s'", sub, cgroup->path);

	*out = fd;
	return 0;
}
