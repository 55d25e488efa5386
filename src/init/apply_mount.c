/*
 * Mount operations, run before the root is entered: targets lie in CTR_SLOT_ROOT, sources on the
 * host. Namespaces: a mount namespace of our own, "/" is still the host's.
 */
#include "init/init.h"

static bool is_root(const char *path)
{
	while (*path == '/')
		path++;
	return !*path;
}

/* The mount on top of the one that was just opened: the same path again. */
static long reopen(struct init *init, const struct ctr_op *op, int flags)
{
	unsigned how = op->flags & CTR_OPF_TARGET_NOFOLLOW ? PATH_NOFOLLOW : 0;
	long fd = path_open(init, op_str(init, op->str), O_PATH | flags, how);

	return fd < 0 ? fail_at(init, CTR_DETAIL_OPEN_TARGET, fd) : fd;
}

/* Something was mounted on the root itself: what follows goes into that. */
static long enter_new_root(struct init *init, int top)
{
	int *root = &init->slots[CTR_SLOT_ROOT];
	long fd = top;

	if (fd < 0 && init->rootfs)
		fd = sys_openat(AT_FDCWD, init->rootfs, O_PATH | O_DIRECTORY, 0);
	else if (fd < 0)
		/* ".." of the mount that covers "/" is what is on top there. */
		fd = sys_openat(*root, "..", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;

	drop_fd(root);
	*root = (int)fd;
	init->covered++;
	return 0;
}

/* ---- new file systems */

/* "mode=NNNN,DATA" in the scratch buffer, with the mode of the directory that will be covered. */
static const char *data_with_mode(int target, const char *data)
{
	const char *end = init_memory.scratch + PATH_BYTES;
	struct stat st;
	char *at;

	if (sys_fstat(target, &st) < 0)
		return data;
	at = str_put(init_memory.scratch, end, "mode=");
	at = str_put_number(at, end, st.st_mode & 07777, 8);
	at = *data ? str_put(at, end, ",") : at;
	at = str_put(at, end, data);
	return at ? init_memory.scratch : data;
}

/* Without a network namespace of our own no sysfs of our own: the host's, with our flags on all of
 * it. */
static long bind_sys(struct init *init, const struct ctr_op *op, int target)
{
	int tree = (int)clone_tree(init, AT_FDCWD, "/sys", AT_RECURSIVE);
	long r;

	if (!is_missing(tree)) {
		if (tree < 0)
			return fail_at(init, CTR_DETAIL_OPEN_SOURCE, tree);
		r = change_tree_flags(init, tree, op->arg);
		if (r == 0)
			r = attach_tree(tree, target);
		(void)sys_close(tree);
		if (!is_missing(r))
			return r;
	}

	char path[FD_PATH];

	r = sys_mount("/sys", fd_path(init, path, target), NULL, MS_BIND | MS_REC, NULL);
	if (r < 0)
		return r;
	tree = (int)reopen(init, op, O_DIRECTORY);
	if (tree < 0)
		return tree;
	r = change_flags(init, tree, op->arg, 0, false);
	(void)sys_close(tree);
	return r;
}

/* Fill the new tmpfs on top of @below with what that directory holds. */
static long copy_up(struct init *init, const struct ctr_op *op, int below)
{
	char path[FD_PATH];
	long from, to, r;

	from = sys_openat(below, ".", O_RDONLY | O_DIRECTORY, 0);
	if (from < 0)
		return fail_at(init, CTR_DETAIL_COPY, from);
	to = reopen(init, op, O_DIRECTORY);
	if (to < 0) {
		(void)sys_close((int)from);
		return to;
	}

	r = copy_tree((int)from, (int)to);
	if (r < 0)
		(void)fail_at(init, CTR_DETAIL_COPY, r);
	else if (op->arg & MS_RDONLY)
		r = sys_mount(NULL, fd_path(init, path, (int)to), NULL, MS_REMOUNT | op->arg, NULL);
	(void)sys_close((int)from);
	(void)sys_close((int)to);
	return r;
}

/*
 * mount(2) refuses a file system on a mount point of itself: the container's cgroup2 on top of the
 * host's, which came with a recursive bind of /sys. What was made detached may be attached there.
 */
static long mount_over(const char *type, uint64_t flags, int target)
{
	/* These are the same bits (mount_setattr(2)). */
	uint64_t attr = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
	long r, mount, fs = SYS(fsopen, type, FSOPEN_CLOEXEC);

	if (fs < 0)
		return fs;
	r = SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	mount = r < 0 ? r : SYS(fsmount, fs, FSMOUNT_CLOEXEC, attr);
	(void)sys_close((int)fs);
	if (mount < 0)
		return mount;

	r = SYS(move_mount, mount, "", target, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	(void)sys_close((int)mount);
	return r;
}

static long mount_on(struct init *init, const struct ctr_op *op, int target, bool made)
{
	const char *type = op_str(init, op->str2);
	const char *source = ctr_view_next(type);
	const char *data = ctr_view_next(source);
	unsigned long flags = op->arg;
	char path[FD_PATH];
	long r;

	/* A directory that was not there has no mode to keep (runc 4971). */
	if ((op->flags & CTR_OPF_KEEP_MODE) && !made)
		data = data_with_mode(target, data);
	if (op->flags & CTR_OPF_TMPCOPYUP)
		flags &= ~(unsigned long)MS_RDONLY;

	/* The kernel copies a whole page of data, even when it is empty. */
	r = sys_mount(source, fd_path(init, path, target), type, flags, *data ? data : NULL);
	if (r == -EPERM && (op->flags & CTR_OPF_FALLBACK_BIND))
		return bind_sys(init, op, target);
	if (r == -EBUSY && str_equal(type, "cgroup2")) {
		long over = mount_over(type, flags, target);

		r = is_missing(over) ? r : over;
	}
	if (r == 0 && (op->flags & CTR_OPF_TMPCOPYUP) && !made)
		return copy_up(init, op, target);
	return r;
}

long op_mount(struct init *init, const struct ctr_op *op)
{
	bool made;
	long r, target = target_open(init, op, PATH_MAKE_DIR, &made);

	if (target < 0)
		return target;
	r = mount_on(init, op, (int)target, made);
	(void)sys_close((int)target);
	if (r == 0 && is_root(op_str(init, op->str)))
		return enter_new_root(init, -1);
	return r;
}

/* ---- binds */

/* The target of a bind, made as what @source is when it is absent. */
static long bind_target(struct init *init, const struct ctr_op *op, int source)
{
	long target = target_open(init, op, 0, NULL);
	unsigned make = PATH_MAKE_DIR;
	struct stat st;

	if (target != -ENOENT)
		return target;
	if (sys_fstat(source, &st) == 0 && !S_ISDIR(st.st_mode))
		make = PATH_MAKE_FILE;
	return target_open(init, op, make, NULL);
}

static long bind_flags(struct init *init, const struct ctr_op *op, int fd)
{
	long r;

	if (!op->arg && !op->arg2)
		return 0;
	r = change_flags(init, fd, op->arg, op->arg2, op->flags & CTR_OPF_FLAGS_CLEAR);
	return r < 0 ? fail_at(init, CTR_DETAIL_FLAGS, r) : 0;
}

/* 1: @a and @b are one and the same file, 0: they are not; or an error. */
static long is_same(int a, int b)
{
	struct stat one, other;
	long r = sys_fstat(a, &one);

	if (r == 0)
		r = sys_fstat(b, &other);
	return r < 0 ? r : one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/*
 * What was mounted last at the target, which must be @source. A recursive copy of "/" has on it
 * what covers our root directory, the container's root: that is taken off.
 */
static long open_bound(struct init *init, const struct ctr_op *op, int source, int flags)
{
	unsigned covers =
		op->flags & CTR_OPF_RECURSIVE && init->root_covers ? init->covered + 1 : 0;

	for (;;) {
		long r, top = reopen(init, op, flags);
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

/* A recursive copy of the directory that is our root, whatever path led to it. */
static bool copies_root(struct init *init, const struct ctr_op *op, int tree)
{
	bool copies;
	long root;

	if (!(op->flags & CTR_OPF_RECURSIVE) || !init->root_covers || op->fd != CTR_SLOT_NONE)
		return false;
	root = sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (root < 0)
		return false;
	copies = is_same((int)root, tree) > 0;
	(void)sys_close((int)root);
	return copies;
}

static bool is_directory(int fd)
{
	struct stat st;

	return sys_fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static long attach_bind(struct init *init, const struct ctr_op *op, int tree)
{
	long r, target = bind_target(init, op, tree);

	if (target < 0)
		return target;
	init->detail = CTR_DETAIL_NONE;
	r = attach_tree(tree, (int)target);
	/* What move_mount(2) means by it. */
	if (r == -EINVAL && is_directory((int)target) != is_directory(tree))
		r = is_directory(tree) ? -ENOTDIR : -EISDIR;
	(void)sys_close((int)target);
	if (r == 0 && copies_root(init, op, tree) && !is_root(op_str(init, op->str))) {
		target = open_bound(init, op, tree, O_DIRECTORY);
		if (target < 0)
			return target;
		(void)sys_close((int)target);
	}
	return r < 0 ? r : bind_flags(init, op, tree);
}

/* Without open_tree: by mount(2), and a look whether the right thing is on top then. */
static long bind_old(struct init *init, const struct ctr_op *op, int source, int target)
{
	struct stat wanted;
	long r, top;

	r = bind_fd(init, source, target, op->flags & CTR_OPF_RECURSIVE ? MS_REC : 0);
	if (r < 0)
		return r;
	if (is_root(op_str(init, op->str)))
		return enter_new_root(init, -1);

	r = sys_fstat(source, &wanted);
	if (r < 0)
		return r;
	top = open_bound(init, op, source, S_ISLNK(wanted.st_mode) ? O_NOFOLLOW : 0);
	if (top < 0)
		return top;
	r = bind_flags(init, op, (int)top);
	(void)sys_close((int)top);
	return r;
}

static long bind_path_old(struct init *init, const struct ctr_op *op)
{
	int flags = O_PATH | (op->flags & CTR_OPF_SOURCE_NOFOLLOW ? O_NOFOLLOW : 0);
	long source, target, r;

	source = sys_openat(AT_FDCWD, op_str(init, op->str2), flags, 0);
	if (source < 0)
		return fail_at(init, CTR_DETAIL_OPEN_SOURCE, source);
	target = bind_target(init, op, (int)source);
	if (target < 0) {
		(void)sys_close((int)source);
		return target;
	}

	init->detail = CTR_DETAIL_NONE;
	r = bind_old(init, op, (int)source, (int)target);
	(void)sys_close((int)source);
	(void)sys_close((int)target);
	return r;
}

static long bind_path(struct init *init, const struct ctr_op *op)
{
	unsigned flags = (op->flags & CTR_OPF_RECURSIVE ? AT_RECURSIVE : 0) |
			 (op->flags & CTR_OPF_SOURCE_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
	long r, tree = clone_tree(init, AT_FDCWD, op_str(init, op->str2), flags);

	if (is_missing(tree))
		return bind_path_old(init, op);
	if (tree < 0)
		return fail_at(init, CTR_DETAIL_OPEN_SOURCE, tree);

	r = attach_bind(init, op, (int)tree);
	if (r == 0 && is_root(op_str(init, op->str)))
		return enter_new_root(init, (int)tree);
	(void)sys_close((int)tree);
	if (r == -ENOSYS && init->detail == CTR_DETAIL_NONE) /* no move_mount */
		return bind_path_old(init, op);
	return r;
}

long op_bind(struct init *init, const struct ctr_op *op)
{
	long length, r;
	int tree;

	init->copied_link = false;
	if (op->flags & CTR_OPF_COPY_SYMLINK) {
		length = SYS(readlinkat, AT_FDCWD, op_str(init, op->str2), init_memory.scratch,
			     PATH_BYTES - 1);
		if (length > 0) {
			char *text = take_memory((size_t)length + 1);

			if (!text)
				return -ENOMEM;
			init_memory.scratch[length] = '\0';
			(void)str_put(text, text + length + 1, init_memory.scratch);
			init->copied_link = true;
			return make_link(init, op, text);
		}
	}
	if (op->fd == CTR_SLOT_NONE)
		return bind_path(init, op);

	tree = slot_fd(init, op->fd);
	if (tree < 0)
		return fail_at(init, CTR_DETAIL_OPEN_SOURCE, tree);
	r = attach_bind(init, op, tree);
	if (r == 0 && is_root(op_str(init, op->str))) {
		init->slots[op->fd] = -1;
		return enter_new_root(init, tree);
	}
	return r;
}

/* The host's cgroup tree, for a container without a cgroup namespace of its own. */
long op_cgroup_bind(struct init *init, const struct ctr_op *op)
{
	return bind_path(init, op);
}

/* ---- changes of what is mounted */

/* What was to be bound before was a link, and there is no mount to change. */
static bool is_copied_link(const struct init *init, const struct ctr_op *op)
{
	return (op->flags & CTR_OPF_COPY_SYMLINK) && init->copied_link;
}

long op_remount(struct init *init, const struct ctr_op *op)
{
	long r, fd = reopen(init, op, 0);

	if (fd < 0)
		return fd;
	r = change_flags(init, (int)fd, op->arg, op->arg2, op->flags & CTR_OPF_FLAGS_CLEAR);
	(void)sys_close((int)fd);
	return r;
}

long op_mount_attr(struct init *init, const struct ctr_op *op)
{
	bool recursive = op->flags & CTR_OPF_RECURSIVE;
	long r, fd;

	if (is_copied_link(init, op))
		return 0;
	fd = reopen(init, op, 0);
	if (fd < 0)
		return fd;
	r = change_attr(init, (int)fd, op->arg, op->arg2, recursive);
	/* Recursive attributes came with mount_setattr (5.12); single ones were flags before. */
	if (is_missing(r) && !recursive)
		r = change_flags(init, (int)fd, flags_of_attr(op->arg), flags_of_attr(op->arg2),
				 true);
	(void)sys_close((int)fd);
	return r;
}

long op_mount_propagation(struct init *init, const struct ctr_op *op)
{
	char path[FD_PATH];
	long r, fd;

	if (is_copied_link(init, op))
		return 0;
	fd = reopen(init, op, 0);
	if (fd < 0)
		return fd;
	r = sys_mount(NULL, fd_path(init, path, (int)fd), NULL, op->arg, NULL);
	(void)sys_close((int)fd);
	return r;
}
