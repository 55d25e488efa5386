/*
 * Mounting by descriptors: what the mount operations have in common. The new calls (open_tree,
 * mount_setattr, move_mount) work on descriptors alone; mount(2) needs a path, and a path that
 * nobody can tamper with is the one of the descriptor below /proc/self/fd. Where mount(2) does it
 * in one call, it is used.
 */
#include "init/init.h"

/* statfs(2) f_flags and what mount(2) calls them. */
static const struct {
	unsigned long st, ms;
} kept_flags[] = {
	{0x0001,  MS_RDONLY     },
        { 0x0002, MS_NOSUID     },
        { 0x0004, MS_NODEV      },
	{ 0x0008, MS_NOEXEC     },
        { 0x0400, MS_NOATIME    },
        { 0x0800, MS_NODIRATIME },
	{ 0x1000, MS_RELATIME   },
        { 0x2000, MS_NOSYMFOLLOW},
};

static const struct {
	uint32_t ms, attr;
} attr_flags[] = {
	{MS_RDONLY,       MOUNT_ATTR_RDONLY     },
        { MS_NOSUID,      MOUNT_ATTR_NOSUID     },
	{ MS_NODEV,       MOUNT_ATTR_NODEV      },
        { MS_NOEXEC,      MOUNT_ATTR_NOEXEC     },
	{ MS_NODIRATIME,  MOUNT_ATTR_NODIRATIME },
        { MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
};

#define ATIME_FLAGS ((uint64_t)(MS_NOATIME | MS_STRICTATIME | MS_RELATIME))

bool is_missing(long error)
{
	/* Filters of older engines answer EPERM to what they have never heard of. */
	return error == -ENOSYS || error == -EPERM;
}

/* After the pivot /proc is the container's: go to the host's and take a relative path. */
const char *fd_path(struct init *init, char text[FD_PATH], int fd)
{
	char *at;

	if (init->pivoted && !init->at_proc) {
		(void)SYS(fchdir, init->slots[CTR_SLOT_PROC]);
		init->at_proc = true;
		init->cwd_done = false;
	}
	at = str_put(text, text + FD_PATH, init->pivoted ? "self/fd/" : "/proc/self/fd/");
	(void)str_put_number(at, text + FD_PATH, (uint64_t)fd, 10);
	return text;
}

/* Nothing but what belongs there may hide a part of /proc, or labels and sysctls would be
 * written to files of the image's making. */
long refuse_proc(struct init *init, const struct ctr_op *op, int fd)
{
	struct statfs fs;
	long r;

	if (op->flags & CTR_OPF_ON_PROC)
		return 0;
	r = sys_fstatfs(fd, &fs);
	if (r < 0)
		return fail_at(init, CTR_DETAIL_OPEN_TARGET, r);
	if (fs.f_type == PROC_MAGIC)
		return fail_at(init, CTR_DETAIL_TARGET_PROC, -EPERM);
	return 0;
}

long target_open(struct init *init, const struct ctr_op *op, unsigned make, bool *made)
{
	const char *path = op_str(init, op->str);
	unsigned how = op->flags & CTR_OPF_TARGET_NOFOLLOW ? PATH_NOFOLLOW : 0;
	bool ignored;
	long fd, r;

	if (make)
		fd = path_make(init, path, how | make, make & PATH_MAKE_DIR ? 0755 : 0644,
			       made ? made : &ignored);
	else
		fd = path_open(init, path, O_PATH, how);
	if (fd < 0) {
		bool link = fd == -ELOOP || (fd == -ENOTDIR && (make & PATH_MAKE_DIR));

		return fail_at(init, how && link ? CTR_DETAIL_TARGET_LINK : CTR_DETAIL_OPEN_TARGET,
			       fd);
	}

	r = refuse_proc(init, op, (int)fd);
	if (r < 0) {
		(void)sys_close((int)fd);
		return r;
	}
	return fd;
}

long clone_tree(struct init *init, int dir, const char *path, unsigned flags)
{
	long fd;

	if (init->missing & NO_OPEN_TREE)
		return -ENOSYS;
	fd = SYS(open_tree, dir, path, flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd == -ENOSYS)
		init->missing |= NO_OPEN_TREE;
	return fd;
}

long attach_tree(int tree, int target)
{
	return SYS(move_mount, tree, "", target, "",
		   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

long change_attr(struct init *init, int fd, uint64_t set, uint64_t clear, bool recursive)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear };
	long r;

	/* The atime family is one field of two bits: whoever sets it clears it first. */
	if ((set | clear) & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (init->missing & NO_SETATTR)
		return -ENOSYS;
	r = SYS(mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
		sizeof(attr));
	if (r == -ENOSYS)
		init->missing |= NO_SETATTR;
	return r;
}

/* Flags of mount(2) for attributes of mount_setattr(2), and back. */
uint64_t flags_of_attr(uint64_t attr)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < sizeof(attr_flags) / sizeof(attr_flags[0]); i++)
		if (attr & attr_flags[i].attr)
			flags |= attr_flags[i].ms;
	if (attr & MOUNT_ATTR_NOATIME)
		flags |= MS_NOATIME;
	if (attr & MOUNT_ATTR_STRICTATIME)
		flags |= MS_STRICTATIME;
	return flags;
}

/* relatime is what remains when neither noatime nor strictatime is set. */
static uint64_t attr_of(uint64_t flags)
{
	uint64_t attr = 0;

	for (size_t i = 0; i < sizeof(attr_flags) / sizeof(attr_flags[0]); i++)
		if (flags & attr_flags[i].ms)
			attr |= attr_flags[i].attr;
	if (flags & MS_NOATIME)
		attr |= MOUNT_ATTR_NOATIME;
	else if (flags & MS_STRICTATIME)
		attr |= MOUNT_ATTR_STRICTATIME;
	return attr;
}

static long set_flags(struct init *init, int fd, uint64_t set, uint64_t clear)
{
	uint64_t cleared = attr_of(clear & ~ATIME_FLAGS);

	if ((set | clear) & ATIME_FLAGS)
		cleared |= MOUNT_ATTR__ATIME;
	return change_attr(init, fd, attr_of(set), cleared, false);
}

long change_tree_flags(struct init *init, int tree, uint64_t set)
{
	return change_attr(init, tree, attr_of(set), 0, true);
}

/* No mount_setattr before 5.12: a remount replaces all flags, so those that are there are told
 * again. */
static long remount(struct init *init, int fd, uint64_t set, uint64_t clear)
{
	unsigned long flags = 0;
	char path[FD_PATH];
	struct statfs fs;
	long r;

	r = sys_fstatfs(fd, &fs);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(kept_flags) / sizeof(kept_flags[0]); i++)
		if ((unsigned long)fs.f_flags & kept_flags[i].st)
			flags |= kept_flags[i].ms;

	if ((set | clear) & ATIME_FLAGS)
		flags &= ~ATIME_FLAGS;
	flags = (flags & ~clear) | set;
	return sys_mount(NULL, fd_path(init, path, fd), NULL, MS_REMOUNT | MS_BIND | flags, NULL);
}

long change_flags(struct init *init, int fd, uint64_t set, uint64_t clear, bool must_clear)
{
	long r;

	r = set_flags(init, fd, set, clear);
	/* Locked by the owner of the mount namespace it came from: kept, unless asked for. */
	if (r == -EPERM && clear && !must_clear)
		r = set_flags(init, fd, set, 0);
	if (!is_missing(r))
		return r;

	r = remount(init, fd, set, clear);
	if (r == -EPERM && clear && !must_clear)
		r = remount(init, fd, set, 0);
	return r;
}

long bind_fd(struct init *init, int source, int target, unsigned long flags)
{
	char from[FD_PATH], to[FD_PATH];

	return sys_mount(fd_path(init, from, source), fd_path(init, to, target), NULL,
			 MS_BIND | flags, NULL);
}

bool is_root(const char *path)
{
	while (*path == '/')
		path++;
	return !*path;
}

long is_same(int a, int b)
{
	struct stat one, other;
	long r = sys_fstat(a, &one);

	if (r == 0)
		r = sys_fstat(b, &other);
	return r < 0 ? r : one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool is_directory(int fd)
{
	struct stat st;

	return sys_fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

long open_top(struct init *init)
{
	if (init->rootfs && !init->pivoted)
		return sys_openat(AT_FDCWD, init->rootfs, O_PATH | O_DIRECTORY, 0);
	/* ".." of the mount that covers "/" is what is on top there. */
	return sys_openat(root_fd(init), "..", O_PATH | O_DIRECTORY, 0);
}

long move_mount_to(struct init *init, int mount, int target)
{
	char from[FD_PATH], to[FD_PATH];

	return sys_mount(fd_path(init, from, mount), fd_path(init, to, target), NULL, MS_MOVE,
			 NULL);
}

/*
 * What is on top of the root, which must be @source. A recursive copy of "/" has on it what covers
 * our root directory, the container's root: that is taken off.
 */
long open_bound(struct init *init, const struct ctr_op *op, int source)
{
	unsigned covers =
		op->flags & CTR_OPF_RECURSIVE && init->root_covers ? init->covered + 1 : 0;

	for (;;) {
		long r, top = open_top(init);
		char path[FD_PATH];

		if (top < 0)
			return top;
		r = is_same(source, (int)top);
		if (r > 0)
			return top;
		if (r == 0 && covers-- > 0)
			r = SYS(umount2, fd_path(init, path, (int)top), MNT_DETACH);
		else if (r == 0)
			r = fail_at(init, CTR_DETAIL_OPEN_TARGET, -ESTALE);
		(void)sys_close((int)top);
		if (r < 0)
			return r;
	}
}

/* A file can be bound on files only, so it is looked for at its path: it must be the one. */
static long bind_file(struct init *init, const struct ctr_op *op, int source, int target)
{
	unsigned how = op->flags & CTR_OPF_TARGET_NOFOLLOW ? PATH_NOFOLLOW : 0;
	long fd, r = bind_fd(init, source, target, 0);
	struct stat st;

	if (r == 0)
		r = sys_fstat(source, &st);
	if (r < 0)
		return r;
	fd = path_open(init, op_str(init, op->str), O_PATH | (S_ISLNK(st.st_mode) ? O_NOFOLLOW : 0),
		       how);
	if (fd < 0)
		return fail_at(init, CTR_DETAIL_OPEN_TARGET, fd);
	r = is_same(source, (int)fd);
	if (r > 0)
		return fd;
	(void)sys_close((int)fd);
	return fail_at(init, CTR_DETAIL_OPEN_TARGET, r < 0 ? r : -ESTALE);
}

long bind_open(struct init *init, const struct ctr_op *op, int source, int target,
	       unsigned long flags)
{
	long r, top;

	if (!is_directory(source))
		return bind_file(init, op, source, target);
	r = bind_fd(init, source, root_fd(init), flags);
	top = r < 0 ? r : open_bound(init, op, source);
	if (top < 0)
		return top;
	r = is_root(op_str(init, op->str)) ? 0 : move_mount_to(init, (int)top, target);
	if (r == 0)
		return top;
	(void)sys_close((int)top);
	return r;
}
