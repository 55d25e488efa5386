/* The mounts of a restored container that come from the host, and what they are put on. */
#include "core/restore_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/errand.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/root.h"
#include "criu/external.h"
#include "criu/mountinfo.h"
#include "oci/spec.h"

enum { MOUNTINFO_MAX = 16 << 20 };

/* CRIU would say that it cannot move a mount. */
static int check_kinds(const struct ctr_mount *mount, size_t i, int root, bool file,
		       struct ctr_error *err)
{
	_cleanup_close_ int point = ctr_open_in_root(root, mount->destination, O_PATH);
	struct stat st;

	if (point < 0 || fstat(point, &st) < 0 || S_ISDIR(st.st_mode) == !file)
		return 0;
	return ctr_fail(err, CTR_FAULT_CONFIG, 0,
			"mounts[%zu].source: '%s' is %s directory, and '%s' in the root file "
			"system is %s",
			i, mount->source, file ? "no" : "a", mount->destination,
			file ? "one" : "none");
}

int ctr_restore_mount_points(const struct ctr_spec *spec, struct ctr_error *err)
{
	_cleanup_close_ int root = open(spec->root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "root.path: cannot open '%s'",
				spec->root->path);

	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct ctr_mount *mount = &spec->mounts[i];
		const bool bind = (mount->bits & CTR_MOUNT_BIND) && mount->source;
		bool below = false, file = false;
		struct stat st;
		int r;

		for (size_t j = 0; j < spec->nmounts && !below; j++)
			below = strcmp(mount->destination, spec->mounts[j].destination) != 0 &&
				ctr_path_is_below(mount->destination, spec->mounts[j].destination);
		if (below)
			continue;
		if (bind && stat(mount->source, &st) < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, errno,
					"mounts[%zu].source: cannot find '%s'", i, mount->source);
		if (bind)
			file = !S_ISDIR(st.st_mode);

		r = ctr_make_in_root(root, mount->destination, file);
		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -r,
					"mounts[%zu].destination: cannot make '%s'", i,
					mount->destination);
		if (bind && check_kinds(mount, i, root, file, err) < 0)
			return -1;
	}
	return 0;
}

/* What lies behind @mount: links lead as far as its source and never out of it. A descriptor, or
 * -1 and @err. */
static int open_external(const struct ctr_external *mount, struct ctr_error *err)
{
	const bool is_device = mount->kind == CTR_EXTERNAL_DEVICE;
	_cleanup_close_ int top = -1, fd = -1;
	struct stat st;

	top = open(mount->source, O_PATH | O_CLOEXEC | (is_device ? O_NOFOLLOW : 0));
	if (top < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "mounts: cannot open '%s' for '%s'",
				mount->source, mount->name);
	if (is_device && (fstat(top, &st) < 0 || !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) ||
			  st.st_rdev != mount->device))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"mounts: '%s', for '%s', is not device %u:%u", mount->source,
				mount->name, major(mount->device), minor(mount->device));
	if (mount->beneath[0] == '\0')
		return ctr_take_fd(&top);

	fd = ctr_open_in_root(top, mount->beneath, O_PATH);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, -fd,
				"mounts: cannot open '%s' below '%s' for '%s'", mount->beneath,
				mount->source, mount->name);
	return ctr_take_fd(&fd);
}

/*
 * The whole mount that @fd is a part of, if others can mount in it: a slave of it in the container
 * gets that from a mount that is as wide as the widest slave, which are all parts of it. *@beneath
 * is where @fd is in there. -1: it need not, or cannot be.
 */
static int open_whole(int fd, const struct ctr_mountinfos *mounts, const char **beneath,
		      struct ctr_arena *arena)
{
	const struct ctr_mountinfo *mount = ctr_mountinfo_find(mounts, ctr_mountinfo_id(fd));
	_cleanup_close_ int top = -1;
	char path[PATH_MAX];
	ssize_t n;

	if (!mount || !(mount->shared || mount->master))
		return -1;
	n = readlink(ctr_arena_printf(arena, "/proc/self/fd/%d", fd), path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	if (!ctr_path_is_below(path, mount->point))
		return -1;

	top = open(mount->point, O_PATH | O_CLOEXEC);
	if (top < 0 || ctr_mountinfo_id(top) != mount->id)
		return -1;
	*beneath = ctr_arena_strdup(
		arena, path + (strcmp(mount->point, "/") == 0 ? 0 : strlen(mount->point)));
	return ctr_take_fd(&top);
}

/* Not recursive: each mount below has a name of its own. */
static int clone_mount(int fd)
{
	return (int)syscall(SYS_open_tree, fd, "",
			    AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

/* A descriptor, or -1 and @err. */
static int open_cgroup(const struct ctr_external *mount, int cgroup, struct ctr_error *err)
{
	int fd = cgroup < 0 ? -1 : fcntl(cgroup, F_DUPFD_CLOEXEC, 3);

	return fd >= 0 ? fd
		       : ctr_fail(err, CTR_FAULT_HOST, cgroup < 0 ? 0 : errno,
				  "mounts: there is no cgroup for '%s'", mount->name);
}

/* Of two mounts in one place CRIU gives its options to the lower one. */
static int make_readonly(int tree)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

int ctr_restore_mounts_open(struct ctr_externals *mounts, int cgroup, const char *cover, int *trees,
			    struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_mountinfos own;
	char *text =
		ctr_file_read(arena, AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, NULL, err);

	for (size_t i = 0; i < mounts->count; i++)
		trees[i] = -1;
	if (!text)
		return -1;
	ctr_mountinfo_parse(&own, text, arena);

	for (size_t i = 0; i < mounts->count; i++) {
		struct ctr_external *mount = &mounts->list[i];
		_cleanup_close_ int fd = -1, whole = -1;
		const char *beneath = "";

		fd = mount->kind == CTR_EXTERNAL_CGROUP ? open_cgroup(mount, cgroup, err)
							: open_external(mount, err);
		if (fd < 0)
			return -1;
		if (mount->slave)
			whole = open_whole(fd, &own, &beneath, arena);
		trees[i] = clone_mount(whole >= 0 ? whole : fd);
		if (trees[i] < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"mounts: cannot bind '%s%s' for '%s'", mount->source,
					mount->beneath, mount->name);
		if (mount->readonly && make_readonly(trees[i]) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"mounts: cannot make '%s' read-only", mount->name);
		mount->place = ctr_arena_printf(arena, "%s/%d%s", cover, trees[i], beneath);
	}
	return 0;
}

static bool has_readonly_root(const struct ctr_spec *spec)
{
	for (size_t i = 0; i < spec->nmounts; i++)
		if (strcmp(spec->mounts[i].destination, "/") == 0 &&
		    spec->mounts[i].flags & MS_RDONLY)
			return true;

	return spec->root->readonly;
}

struct readonly {
	const struct ctr_spec *spec;
	struct ctr_arena *arena;
	int namespace;
	int proc; /* the host's /proc: that of the container is the guest's */
};

/* No mount_setattr before 5.12: a remount replaces all flags. Works in the host's /proc. */
static int remount_readonly(int fd, struct ctr_arena *arena)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
	struct statvfs fs;

	if (make_readonly(fd) == 0)
		return 0;
	if (errno != ENOSYS || fstatvfs(fd, &fs) < 0)
		return -1;

	flags |= (fs.f_flag & ST_NOSUID ? MS_NOSUID : 0) | (fs.f_flag & ST_NODEV ? MS_NODEV : 0) |
		 (fs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0) |
		 (fs.f_flag & ST_NOATIME ? MS_NOATIME : 0) |
		 (fs.f_flag & ST_RELATIME ? MS_RELATIME : 0) |
		 (fs.f_flag & ST_NODIRATIME ? MS_NODIRATIME : 0);
	return mount(NULL, ctr_arena_printf(arena, "self/fd/%d", fd), NULL, flags, NULL);
}

/* Is @mount a part of a file system bound over itself, as readonlyPaths are? */
static bool is_on_itself(const struct ctr_mountinfos *mounts, const struct ctr_mountinfo *mount,
			 struct ctr_arena *arena)
{
	const struct ctr_mountinfo *parent = ctr_mountinfo_find(mounts, mount->parent);
	const char *beneath;

	if (!parent || strcmp(mount->point, "/") == 0 ||
	    strcmp(parent->device, mount->device) != 0 ||
	    !ctr_path_is_below(mount->point, parent->point))
		return false;

	beneath = mount->point + (strcmp(parent->point, "/") == 0 ? 0 : strlen(parent->point));
	if (strcmp(parent->root, "/") != 0)
		beneath = ctr_arena_printf(arena, "%s%s", parent->root, beneath);
	return strcmp(mount->root, *beneath ? beneath : "/") == 0;
}

/* A mount that the configuration asks for there, from there. */
static bool is_configured(const struct ctr_spec *spec, const char *point, struct ctr_arena *arena)
{
	const char *source = ctr_arena_printf(arena, "%s%s", spec->root->path, point);

	for (size_t i = 0; i < spec->nmounts; i++)
		if (strcmp(spec->mounts[i].destination, point) == 0 && spec->mounts[i].source &&
		    strcmp(spec->mounts[i].source, source) == 0)
			return true;

	return false;
}

/*
 * Not by the paths of the configuration: the guest may have renamed what leads to them, and put
 * something else there. No process of it runs now, and paths of mounts have no links in them.
 */
static int set_paths(const struct readonly *readonly, struct ctr_error *err)
{
	struct ctr_arena *arena = readonly->arena;
	struct ctr_mountinfos mounts;
	char *text = ctr_file_read(arena, AT_FDCWD, "self/mountinfo", MOUNTINFO_MAX, NULL, err);

	if (!text)
		return -1;
	ctr_mountinfo_parse(&mounts, text, arena);

	for (size_t i = 0; i < mounts.count; i++) {
		const struct ctr_mountinfo *mount = &mounts.list[i];
		_cleanup_close_ int fd = -1;
		unsigned id;

		if (!is_on_itself(&mounts, mount, arena) ||
		    is_configured(readonly->spec, mount->point, arena))
			continue;
		fd = open(mount->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		id = fd < 0 ? 0 : ctr_mountinfo_id_by(AT_FDCWD, fd);
		/* Another lies on top. */
		if (id != 0 && id != mount->id)
			continue;
		if (id == 0 || remount_readonly(fd, arena) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"linux.readonlyPaths: cannot make '%s' read-only",
					mount->point);
	}
	return 0;
}

static int set_root(const struct readonly *readonly, struct ctr_error *err)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 || remount_readonly(root, readonly->arena) < 0
		       ? ctr_fail(err, CTR_FAULT_HOST, errno,
				  "root.readonly: cannot make the root file system read-only")
		       : 0;
}

/* In a process of its own: who has entered a mount namespace has its root, and no way back. */
static int set_readonly(void *data, int *fd, struct ctr_error *err)
{
	const struct readonly *readonly = data;

	(void)fd;
	if (setns(readonly->namespace, CLONE_NEWNS) < 0 || fchdir(readonly->proc) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"cannot join the restored mount namespace");
	if (has_readonly_root(readonly->spec) && set_root(readonly, err) < 0)
		return -1;
	return readonly->spec->linux_->nreadonly_paths > 0 ? set_paths(readonly, err) : 0;
}

int ctr_restore_readonly(const struct ctr_spec *spec, pid_t pid, struct ctr_arena *arena,
			 struct ctr_error *err)
{
	const char *path = ctr_arena_printf(arena, "/proc/%d/ns/mnt", (int)pid);
	struct readonly readonly = { .spec = spec, .arena = arena };
	_cleanup_close_ int namespace = -1, proc = -1;

	if (!has_readonly_root(spec) && spec->linux_->nreadonly_paths == 0)
		return 0;

	namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '/proc'");
	readonly.namespace = namespace;
	readonly.proc = proc;
	return ctr_errand_run(set_readonly, &readonly, "what makes mounts read-only", NULL, err);
}
