/*
 * A helper process mounts: only in a mount namespace of its own can a tmpfs be a layer that nobody
 * sees, for overlayfs takes layers from mounts of the caller's namespace only (until Linux 6.15).
 * It is a copy of ctr and ends when it has sent the tree.
 *
 * Layers are named /proc/self/fd/N, so that no path has a ':' or a ',' that overlayfs would read as
 * its own.
 */
#include "core/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/errand.h"
#include "base/error.h"
#include "base/path.h"
#include "base/strerror.h"
#include "core/container.h"
#include "core/context.h"
#include "ns/plan.h"

static const char ephemeral[] = "ephemeral";

enum { MADE_DIR = 1 << 0, MADE_UPPER = 1 << 1, MADE_WORK = 1 << 2 };

/* ---- the directory that stays */

static int make_dir(struct ctr_overlay *overlay, int at, const char *path, unsigned bit,
		    struct ctr_error *err)
{
	if (mkdirat(at, path, 0700) == 0)
		overlay->made |= bit;
	else if (errno != EEXIST)
		return ctr_fail(err, CTR_FAULT_USAGE, errno, "--overlay: cannot make '%s'", path);
	return 0;
}

static int open_dir(struct ctr_overlay *overlay, const char *value, struct ctr_arena *arena,
		    struct ctr_error *err)
{
	char path[PATH_MAX];

	if (make_dir(overlay, AT_FDCWD, value, MADE_DIR, err) < 0)
		return -1;
	if (!realpath(value, path))
		return ctr_fail(err, CTR_FAULT_USAGE, errno, "--overlay: '%s'", value);
	overlay->dir = ctr_arena_strdup(arena, path);
	overlay->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (overlay->fd < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, errno, "--overlay: cannot open '%s'", value);
	return 0;
}

static bool is_same_dir(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

/* What is written to a layer below the root file system would be written to that. */
static int check_apart(const struct ctr_overlay *overlay, const char *rootfs, struct ctr_error *err)
{
	char path[PATH_MAX];

	/* Whoever needs the root file system tells that it is not there. */
	if (!realpath(rootfs, path))
		return 0;
	if (ctr_path_is_below(overlay->dir, path) || ctr_path_is_below(path, overlay->dir))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--overlay: '%s' and the root file system '%s' overlap",
				overlay->dir, path);
	return 0;
}

/* Overlayfs only warns when two mounts share a layer, and both break. */
static int check_unused(const struct ctr_overlay *overlay, const struct ctr_context *context,
			struct ctr_error *err)
{
	struct ctr_error ignored;
	_cleanup_close_ int root = ctr_context_open_root(context, false, &ignored);
	const char **ids = NULL;
	size_t n = 0;
	int r = 0;

	if (root < 0)
		return 0;
	if (ctr_state_list(root, context->arena, &ids, &n, err) < 0)
		return -1;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct ctr_container other;

		if (ctr_container_open_in(&other, context, root, ids[i], &ignored) == 0 &&
		    other.record.overlay && other.record.overlay[0] == '/' &&
		    is_same_dir(overlay->fd, other.record.overlay) &&
		    ctr_container_status(&other) != CTR_STATUS_STOPPED)
			r = ctr_fail(err, CTR_FAULT_STATE, 0,
				     "--overlay: '%s' is the layer of container '%s'", overlay->dir,
				     ids[i]);
		ctr_container_release(&other);
	}
	return r;
}

int ctr_overlay_parse(const char *value, const char **dir, struct ctr_error *err)
{
	if (value[0] == '\0')
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--overlay: empty; it is 'ephemeral' or a directory");
	*dir = strcmp(value, ephemeral) == 0 ? NULL : value;
	/* A word that is nothing yet may be one that was mistyped. */
	if (*dir && !strchr(value, '/') && access(value, F_OK) < 0 && errno == ENOENT)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--overlay: '%s' is neither 'ephemeral' nor a directory; './%s' is "
				"one that is made",
				value, value);
	return 0;
}

int ctr_overlay_take(struct ctr_overlay *overlay, const char *value, const char *rootfs,
		     const struct ctr_context *context, struct ctr_error *err)
{
	const char *dir = NULL;

	*overlay = (struct ctr_overlay)CTR_OVERLAY_INIT;
	overlay->recorded = ephemeral;
	if (ctr_overlay_parse(value, &dir, err) < 0)
		return -1;
	if (!dir)
		return 0;

	if (open_dir(overlay, dir, context->arena, err) < 0)
		return -1;
	/* Until the record tells others. */
	if (flock(overlay->fd, LOCK_EX) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "--overlay: cannot lock '%s'", dir);
	if (check_apart(overlay, rootfs, err) < 0 || check_unused(overlay, context, err) < 0 ||
	    make_dir(overlay, overlay->fd, "upper", MADE_UPPER, err) < 0 ||
	    make_dir(overlay, overlay->fd, "work", MADE_WORK, err) < 0)
		return -1;

	overlay->recorded = overlay->dir;
	return 0;
}

void ctr_overlay_undo(struct ctr_overlay *overlay)
{
	if (overlay->made & MADE_WORK) {
		/* overlayfs's own */
		(void)unlinkat(overlay->fd, "work/work", AT_REMOVEDIR);
		(void)unlinkat(overlay->fd, "work", AT_REMOVEDIR);
	}
	if (overlay->made & MADE_UPPER)
		(void)unlinkat(overlay->fd, "upper", AT_REMOVEDIR);
	if (overlay->made & MADE_DIR)
		(void)rmdir(overlay->dir);
	overlay->made = 0;
}

void ctr_overlay_release(struct ctr_overlay *overlay)
{
	ctr_close_ptr(&overlay->fd);
	overlay->fd = -1;
}

/* ---- the helper */

struct helper {
	const struct ctr_fd_request *request;
	int userns; /* to join; -1 */
	bool userxattr;
	int lower, upper, work;
};

static const char *layer_of(const struct helper *helper)
{
	return helper->request->layer ? helper->request->layer : ephemeral;
}

/* With errno. */
static int stop(const struct helper *helper, const char *what, struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_HOST, errno, "--overlay: %s ('%s' over '%s')", what,
			layer_of(helper), helper->request->path);
}

static int open_in(int dir, const char *path)
{
	return openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int enter(struct helper *helper, struct ctr_error *err)
{
	/* Files of ours must have an owner there. */
	if (helper->userns >= 0 && ctr_errand_become_root(helper->userns) < 0)
		return stop(helper, "cannot join the container's user namespace", err);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return stop(helper, "cannot make a mount namespace", err);

	helper->lower = open(helper->request->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return helper->lower < 0 ? stop(helper, "cannot open the root file system", err) : 0;
}

static int open_layers(struct helper *helper, int dir, struct ctr_error *err)
{
	helper->upper = open_in(dir, "upper");
	helper->work = open_in(dir, "work");
	return helper->upper < 0 || helper->work < 0
		       ? stop(helper, "cannot open 'upper' and 'work' of the layer", err)
		       : 0;
}

/* A tmpfs, over the root file system: that one is open already, and nobody else sees it. */
static int make_memory(struct helper *helper, struct ctr_error *err)
{
	_cleanup_close_ int dir = -1;

	if (mount("tmpfs", helper->request->path, "tmpfs", 0, "mode=0700") == 0)
		dir = open(helper->request->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || mkdirat(dir, "upper", 0700) < 0 || mkdirat(dir, "work", 0700) < 0)
		return stop(helper, "cannot mount a tmpfs for the layer", err);
	return open_layers(helper, dir, err);
}

static int open_layer(struct helper *helper, struct ctr_error *err)
{
	_cleanup_close_ int dir = open_in(AT_FDCWD, helper->request->layer);

	if (dir < 0)
		return stop(helper, "cannot open the layer", err);
	return open_layers(helper, dir, err);
}

/* The root of an overlay has owner and mode of the upper directory. */
static int copy_owner(const struct helper *helper, struct ctr_error *err)
{
	struct stat lower, upper;

	/* EINVAL: the owner is not mapped here (a rootless user shares the host's files): then it
	 * is the container's root. */
	if (fstat(helper->lower, &lower) < 0 || fstat(helper->upper, &upper) < 0 ||
	    ((upper.st_uid != lower.st_uid || upper.st_gid != lower.st_gid) &&
	     fchown(helper->upper, lower.st_uid, lower.st_gid) < 0 && errno != EINVAL) ||
	    ((upper.st_mode & 07777) != (lower.st_mode & 07777) &&
	     fchmod(helper->upper, lower.st_mode & 07777) < 0))
		return stop(helper, "cannot give the layer the mode of the root file system", err);
	return 0;
}

static int set(int fs, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key,
			    value, 0);
}

static int set_layer(int fs, const char *key, int fd)
{
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return set(fs, key, path);
}

static unsigned attributes_of(int lower)
{
	struct statvfs fs;

	if (fstatvfs(lower, &fs) < 0)
		return 0;
	return (fs.f_flag & ST_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
	       (fs.f_flag & ST_NODEV ? MOUNT_ATTR_NODEV : 0) |
	       (fs.f_flag & ST_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
}

/* What errors of overlayfs mean. */
static const char *explain(int error)
{
	switch (error) {
	case EPERM:
		return " (in a user namespace it needs Linux 5.11)";
	case ENODEV:
		return " (the kernel has no overlayfs)";
	case EINVAL:
		return " (a layer may not be on that file system, or not on another than its work directory)";
	default:
		return "";
	}
}

/* With errno and the kernel's own words, which come one message a read: "e overlay: ...". */
static int stop_overlay(const struct helper *helper, const char *what, int fs,
			struct ctr_error *err)
{
	const int error = errno;
	char words[160];
	ssize_t n = read(fs, words, sizeof(words) - 1);

	words[n > 0 ? n : 0] = '\0';
	words[strcspn(words, "\n")] = '\0';
	return ctr_fail(err, CTR_FAULT_HOST, 0, "--overlay: %s ('%s' over '%s'): %s%s%s%s", what,
			layer_of(helper), helper->request->path, ctr_strerror(error),
			explain(error), words[0] ? ": " : "",
			words[0] && words[1] == ' ' ? words + 2 : words);
}

static int mount_overlay(const struct helper *helper, int *tree, struct ctr_error *err)
{
	const char *label = helper->request->label;
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);

	if (fs < 0 || set(fs, "source", "overlay") < 0 ||
	    set_layer(fs, "lowerdir", helper->lower) < 0 ||
	    set_layer(fs, "upperdir", helper->upper) < 0 ||
	    set_layer(fs, "workdir", helper->work) < 0 ||
	    (helper->userxattr && set(fs, "userxattr", NULL) < 0) ||
	    (label && set(fs, "context", label) < 0))
		return stop_overlay(helper, "cannot configure overlayfs", fs, err);

	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		*tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
				     attributes_of(helper->lower));
	return *tree < 0 ? stop_overlay(helper, "cannot mount overlayfs", fs, err) : 0;
}

static int run_helper(void *data, int *tree, struct ctr_error *err)
{
	struct helper *helper = data;

	if (enter(helper, err) < 0 ||
	    (helper->request->layer ? open_layer(helper, err) : make_memory(helper, err)) < 0 ||
	    copy_owner(helper, err) < 0)
		return -1;
	return mount_overlay(helper, tree, err);
}

int ctr_overlay_mount(const struct ctr_fd_request *request, int userns, bool userxattr,
		      struct ctr_error *err)
{
	struct helper helper = {
		.request = request, .userns = userns, .userxattr = userxattr, .lower = -1
	};
	int tree = -1;

	return ctr_errand_run(run_helper, &helper, "--overlay: what mounts it", &tree, err) < 0
		       ? -1
		       : tree;
}
