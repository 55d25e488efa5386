/*
 * The root file system: attached, entered, and the old one left behind.
 *
 * The tree is attached over "/" of our mount namespace. It hides nothing from us: a path lookup
 * starts at our root directory, which is the old one below. So host paths work until the pivot, and
 * no directory of the host is needed as a mount point.
 */
#include "init/init.h"

#include <linux/sched.h>

/* Recursive propagation changes that keep our mounts and unmounts from the host. */
#define QUIET (MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* To the root of the mount namespace: whoever enters one, be it his own, starts there. */
static long climb(struct init *init)
{
	long r, fd = sys_openat(init->slots[CTR_SLOT_PROC], "self/ns/mnt", O_RDONLY, 0);

	if (fd < 0)
		return fd;
	r = SYS(setns, fd, CLONE_NEWNS);
	(void)sys_close((int)fd);
	return r;
}

/* The mount that our root directory lies on, and what is below it, from its own root; and back. */
static long change_above_chroot(struct init *init, uint64_t flags)
{
	long r, back = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);

	if (back < 0)
		return back;
	r = climb(init);
	if (r == 0) {
		r = sys_mount(NULL, "/", NULL, flags, NULL);
		if (r == 0)
			r = SYS(fchdir, back);
		if (r == 0)
			r = SYS(chroot, ".");
	}
	(void)sys_close((int)back);
	return r;
}

long op_propagation(struct init *init, const struct ctr_op *op)
{
	const char *path = op_str(init, op->str);
	long r = sys_mount(NULL, path, NULL, op->arg, NULL);

	/* ctr was started in a chroot: "/" is no mount point. */
	if (r == -EINVAL && str_equal(path, "/")) {
		r = change_above_chroot(init, op->arg);
		init->in_chroot = r == 0;
	}
	if (r == 0 && str_equal(path, "/"))
		init->old_is_private = (op->arg & QUIET) && (op->arg & MS_REC);
	return r;
}

/* What the plan asks for, but never shared: pivot_root(2) refuses that. ROOT_PROPAGATION can share
 * it later. */
static uint64_t first_propagation(const struct ctr_op *op)
{
	return op->arg == 0 || (op->arg & MS_SHARED) ? MS_PRIVATE | MS_REC : op->arg;
}

static long set_propagation(struct init *init, int tree, uint64_t flags)
{
	struct mount_attr attr = { .propagation = flags & ~(uint64_t)MS_REC };

	if (init->missing & NO_SETATTR)
		return -ENOSYS;
	return SYS(mount_setattr, tree, "", AT_EMPTY_PATH | (flags & MS_REC ? AT_RECURSIVE : 0),
		   &attr, sizeof(attr));
}

static long attach_root(struct init *init, const struct ctr_op *op, int tree)
{
	uint64_t propagation = first_propagation(op);
	char path[FD_PATH];
	long r, quiet;

	quiet = set_propagation(init, tree, propagation);
	if (quiet < 0 && !is_missing(quiet))
		return fail_at(init, CTR_DETAIL_PROPAGATION, quiet);

	/* What is mounted on a shared mount shows up on the host. */
	if (!init->old_is_private)
		(void)sys_mount(NULL, "/", NULL, MS_SLAVE, NULL);
	r = SYS(move_mount, tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return is_directory(tree) ? r : -ENOTDIR;

	if (quiet < 0) {
		r = sys_mount(NULL, fd_path(init, path, tree), NULL, propagation, NULL);
		if (r < 0)
			return fail_at(init, CTR_DETAIL_PROPAGATION, r);
	}
	init->slots[CTR_SLOT_ROOT] = tree;
	init->root_covers = true;
	return 0;
}

/* The mount that @path (@length bytes of it) lies on becomes a slave, so that what happens on it
 * stays here: EINVAL says that a directory is no mount point. */
static void make_slave_at(const char *path, size_t length)
{
	char *above = init_memory.above;

	if (length >= sizeof(init_memory.above))
		return;
	for (size_t i = 0; i < length; i++)
		above[i] = path[i];
	above[length] = '\0';

	while (sys_mount(NULL, above, NULL, MS_SLAVE, NULL) == -EINVAL && length > 1) {
		while (length > 1 && above[length - 1] != '/')
			length--;
		while (length > 1 && above[length - 1] == '/')
			length--;
		above[length] = '\0';
	}
}

/* Without open_tree: the path bound on itself. */
static long bind_root(struct init *init, const struct ctr_op *op)
{
	const char *path = op_str(init, op->str);
	long r, fd;

	if (!init->old_is_private)
		make_slave_at(path, str_length(path));
	r = sys_mount(path, path, NULL, MS_BIND | MS_REC, NULL);
	if (r == 0)
		r = sys_mount(NULL, path, NULL, first_propagation(op), NULL);
	if (r < 0)
		return r;
	/* What covers our root directory is found by going up from it. */
	init->root_covers = str_equal(path, "/");
	fd = sys_openat(AT_FDCWD, init->root_covers ? "/.." : path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;

	init->slots[CTR_SLOT_ROOT] = (int)fd;
	init->rootfs = init->root_covers ? NULL : path;
	return 0;
}

/* Others see what is mounted here: nothing is. */
static long use_in_place(struct init *init, const struct ctr_op *op)
{
	long fd = sys_openat(AT_FDCWD, op_str(init, op->str), O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	init->slots[CTR_SLOT_ROOT] = (int)fd;
	return 0;
}

long op_rootfs(struct init *init, const struct ctr_op *op)
{
	long r, tree;

	if (op->flags & CTR_OPF_IN_PLACE)
		return use_in_place(init, op);
	if (op->fd != CTR_SLOT_NONE) {
		tree = slot_fd(init, op->fd);
		if (tree < 0)
			return fail_at(init, CTR_DETAIL_OPEN_SOURCE, tree);
		init->slots[op->fd] = -1;
		return attach_root(init, op, (int)tree);
	}

	tree = clone_tree(init, AT_FDCWD, op_str(init, op->str), AT_RECURSIVE);
	if (is_missing(tree))
		return bind_root(init, op);
	if (tree < 0)
		return tree;
	r = attach_root(init, op, (int)tree);
	if (r < 0)
		(void)sys_close((int)tree);
	return r == -ENOSYS ? bind_root(init, op) : r; /* no move_mount */
}

/* ---- entering it */

/* Octal escapes of /proc/self/mountinfo, in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static char *cut_word(char **line)
{
	char *word = *line;

	while (**line && **line != ' ')
		(*line)++;
	if (**line)
		*(*line)++ = '\0';
	return word;
}

/* ID PARENT DEVICE ROOT POINT OPTIONS... - TYPE ... */
static void hide_if_revealing(struct init *init, char *line)
{
	char *point = NULL, *word;
	size_t above;

	for (int i = 0; i < 5; i++)
		point = cut_word(&line);
	do
		word = cut_word(&line);
	while (*word && !str_equal(word, "-"));
	word = cut_word(&line);
	if (!str_equal(word, "proc") && !str_equal(word, "sysfs"))
		return;

	unescape(point);
	for (above = str_length(point); above > 1 && point[above - 1] != '/';)
		above--;
	/* Its parent's peers would lose it, too, and its own what is mounted below it. */
	if (!init->old_is_private) {
		make_slave_at(point, above);
		(void)sys_mount(NULL, point, NULL, MS_SLAVE | MS_REC, NULL);
	}
	if (SYS(umount2, point, MNT_DETACH) < 0)
		(void)sys_mount("tmpfs", point, "tmpfs", MS_RDONLY, NULL);
}

/*
 * The old root stays below ours. A proc or sysfs that is still visible there would let a user
 * namespace in the container mount one of its own without our masks (mount_too_revealing() in the
 * kernel): unmount or cover them. Absolute paths still lead to the old root.
 */
static long hide_old_mounts(struct init *init)
{
	long fd, n;
	size_t kept = 0;

	fd = sys_openat(init->slots[CTR_SLOT_PROC], "self/mountinfo", O_RDONLY, 0);
	if (fd < 0)
		return fd;
	while ((n = read_some((int)fd, init_memory.scratch + kept, PATH_BYTES - 1 - kept)) > 0) {
		char *line = init_memory.scratch, *end = init_memory.scratch + kept + n;

		for (char *p = init_memory.scratch + kept; p < end; p++) {
			if (*p != '\n')
				continue;
			*p = '\0';
			hide_if_revealing(init, line);
			line = p + 1;
		}
		kept = (size_t)(end - line);
		if (kept == PATH_BYTES - 1)
			kept = 0; /* no path is that long */
		for (size_t i = 0; i < kept; i++)
			init_memory.scratch[i] = line[i];
	}
	(void)sys_close((int)fd);
	return n;
}

/* Without pivot_root: ours, where we are, over the old one, and our root directory there. */
static long move_root(struct init *init)
{
	long r = 0;

	/* Neither this move nor the unmounting may spread to the host. */
	if (!init->old_is_private)
		(void)sys_mount(NULL, "/", NULL, MS_SLAVE, NULL);
	if (!init->root_covers)
		r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
	if (r == 0)
		r = hide_old_mounts(init);
	if (r == 0)
		r = SYS(chroot, ".");
	return r;
}

/* An initramfs is the bottom of all mounts: it can be covered, not moved away. */
static bool is_initramfs(void)
{
	struct statx stx;
	struct statfs fs;

	if (SYS(statx, AT_FDCWD, "/", 0, 0, &stx) < 0 || SYS(statfs, "/", &fs) < 0)
		return false;
	return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) &&
	       ((uint32_t)fs.f_type == (uint32_t)RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC);
}

/* The old root ends up on top of the new one and is taken off from there (pivot_root(2), NOTES). */
static long swap_roots(struct init *init)
{
	long r, old = -1;

	if (!init->old_is_private)
		old = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	r = SYS(pivot_root, ".", ".");
	if (r < 0)
		return r == -EINVAL && is_initramfs() ? move_root(init) : r;

	/* Unmounting must not spread to the host. */
	if (old >= 0) {
		(void)SYS(fchdir, (int)old);
		r = sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL);
		(void)sys_close((int)old);
	}
	if (r == 0)
		r = SYS(umount2, ".", MNT_DETACH);
	/* What is on top goes first: the roots that others replaced lie on the old one. */
	for (unsigned i = 0; i < init->covered && init->root_covers && r == 0; i++)
		r = SYS(umount2, ".", MNT_DETACH);
	return r;
}

long op_pivot(struct init *init, const struct ctr_op *op)
{
	long r = 0;

	/* pivot_root(2) exchanges a mount point, and --no-pivot must cover what a way out of a
	 * chroot leads to. */
	if (init->in_chroot) {
		r = climb(init);
		init->root_covers = false;
	}
	if (r == 0)
		r = SYS(fchdir, init->slots[CTR_SLOT_ROOT]);
	if (r == 0 && op->flags & CTR_OPF_IN_PLACE)
		r = SYS(chroot, ".");
	else if (r == 0)
		r = op->flags & CTR_OPF_NO_PIVOT ? move_root(init) : swap_roots(init);
	if (r == 0)
		r = SYS(chdir, "/");
	if (r == 0)
		init->pivoted = true;
	return r;
}

long op_root_readonly(struct init *init, const struct ctr_op *op)
{
	(void)op;
	return change_flags(init, root_fd(init), MS_RDONLY, 0, false);
}

long op_root_propagation(struct init *init, const struct ctr_op *op)
{
	(void)init;
	return sys_mount(NULL, "/", NULL, op->arg, NULL);
}
