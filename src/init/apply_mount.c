/*
 * Mount operations, run before the root is entered: targets lie in CTR_SLOT_ROOT, sources on the
 * host. Namespaces: a mount namespace of our own, "/" is still the host's.
 */
#include "init/init.h"

/* @mount is what @op has mounted: kept for operations that follow, or closed. */
static void keep(struct init *init, const struct ctr_op *op, int mount)
{
	if (op->fd2 == CTR_SLOT_NONE) {
		(void)sys_close(mount);
		return;
	}
	drop_fd(&init->slots[op->fd2]);
	init->slots[op->fd2] = mount;
}

/* Something was mounted on the root itself: what follows goes into that. */
static void enter_new_root(struct init *init, int top)
{
	int *root = &init->slots[CTR_SLOT_ROOT];

	drop_fd(root);
	*root = top;
	init->covered++;
}

/* @op has mounted @mount, which is ours. */
static void take(struct init *init, const struct ctr_op *op, int mount)
{
	if (is_root(op_str(init, op->str)))
		enter_new_root(init, mount);
	else
		keep(init, op, mount);
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
	long r, source;

	if (!is_missing(tree)) {
		if (tree < 0)
			return fail_at(init, CTR_DETAIL_OPEN_SOURCE, tree);
		r = change_tree_flags(init, tree, op->arg);
		if (r == 0)
			r = attach_tree(tree, target);
		if (r == 0) {
			take(init, op, tree);
			return 0;
		}
		(void)sys_close(tree);
		if (!is_missing(r))
			return r;
	}

	source = sys_openat(AT_FDCWD, "/sys", O_PATH | O_DIRECTORY, 0);
	if (source < 0)
		return fail_at(init, CTR_DETAIL_OPEN_SOURCE, source);
	tree = (int)bind_open(init, op, (int)source, target, MS_REC);
	(void)sys_close((int)source);
	if (tree < 0)
		return tree;
	r = change_flags(init, tree, op->arg, 0, false);
	take(init, op, tree);
	return r;
}

/* Fill the new tmpfs @to with what directory @below holds. */
static long copy_up(struct init *init, const struct ctr_op *op, int below, int to)
{
	char path[FD_PATH];
	long from, r;

	from = sys_openat(below, ".", O_RDONLY | O_DIRECTORY, 0);
	if (from < 0)
		return fail_at(init, CTR_DETAIL_COPY, from);
	r = copy_tree((int)from, to);
	(void)sys_close((int)from);
	if (r < 0)
		return fail_at(init, CTR_DETAIL_COPY, r);
	if (!(op->arg & MS_RDONLY))
		return 0;
	return sys_mount(NULL, fd_path(init, path, to), NULL, MS_REMOUNT | op->arg, NULL);
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

/* The mount of @op, on @at: its target, or the root. @data is what the document says. */
static long mount_at(struct init *init, const struct ctr_op *op, int at, const char *data)
{
	const char *type = op_str(init, op->str2);
	const char *source = ctr_view_next(type);
	unsigned long flags = op->arg;
	char path[FD_PATH];

	if (op->flags & CTR_OPF_TMPCOPYUP)
		flags &= ~(unsigned long)MS_RDONLY;
	/* The kernel copies a whole page of data, even when it is empty. */
	return sys_mount(source, fd_path(init, path, at), type, flags, *data ? data : NULL);
}

/* With a descriptor of the mount, for what is to happen to it. */
static long mount_open(struct init *init, const struct ctr_op *op, int target, bool copies,
		       const char *data)
{
	long top, r = mount_at(init, op, root_fd(init), data);

	if (r < 0)
		return r;
	top = open_top(init);
	if (top < 0)
		return top;
	if (copies)
		r = copy_up(init, op, target, (int)top);
	if (r == 0 && !is_root(op_str(init, op->str)))
		r = move_mount_to(init, (int)top, target);
	if (r == 0)
		take(init, op, (int)top);
	else
		(void)sys_close((int)top);
	return r;
}

static long mount_on(struct init *init, const struct ctr_op *op, int target, bool made)
{
	const char *type = op_str(init, op->str2);
	const char *data = ctr_view_next(ctr_view_next(type));
	bool copies = (op->flags & CTR_OPF_TMPCOPYUP) && !made;
	long r;

	/* A directory that was not there has no mode to keep (runc 4971). */
	if ((op->flags & CTR_OPF_KEEP_MODE) && !made)
		data = data_with_mode(target, data);
	if (copies || op->fd2 != CTR_SLOT_NONE || is_root(op_str(init, op->str)))
		r = mount_open(init, op, target, copies, data);
	else
		r = mount_at(init, op, target, data);
	if (r == -EPERM && (op->flags & CTR_OPF_FALLBACK_BIND))
		return bind_sys(init, op, target);
	if (r == -EBUSY && op->fd2 == CTR_SLOT_NONE && str_equal(type, "cgroup2")) {
		long over = mount_over(type, op->arg, target);

		r = is_missing(over) ? r : over;
	}
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

/* What covers our root directory is on top of the copy: that is taken off where nobody renames. */
static long attach_uncovered(struct init *init, const struct ctr_op *op, int tree, int target)
{
	long top, r = attach_tree(tree, root_fd(init));

	if (r < 0)
		return r;
	top = open_bound(init, op, tree);
	if (top < 0)
		return top;
	(void)sys_close((int)top);
	return move_mount_to(init, tree, target);
}

static long attach_bind(struct init *init, const struct ctr_op *op, int tree)
{
	long r, target = bind_target(init, op, tree);

	if (target < 0)
		return target;
	init->detail = CTR_DETAIL_NONE;
	if (copies_root(init, op, tree) && !is_root(op_str(init, op->str)))
		r = attach_uncovered(init, op, tree, (int)target);
	else
		r = attach_tree(tree, (int)target);
	/* What move_mount(2) means by it. */
	if (r == -EINVAL && is_directory((int)target) != is_directory(tree))
		r = is_directory(tree) ? -ENOTDIR : -EISDIR;
	(void)sys_close((int)target);
	return r < 0 ? r : bind_flags(init, op, tree);
}

/* Without open_tree. */
static long bind_path_old(struct init *init, const struct ctr_op *op)
{
	int flags = O_PATH | (op->flags & CTR_OPF_SOURCE_NOFOLLOW ? O_NOFOLLOW : 0);
	long source, target, mount, r;

	source = sys_openat(AT_FDCWD, op_str(init, op->str2), flags, 0);
	if (source < 0)
		return fail_at(init, CTR_DETAIL_OPEN_SOURCE, source);
	target = bind_target(init, op, (int)source);
	if (target < 0) {
		(void)sys_close((int)source);
		return target;
	}

	init->detail = CTR_DETAIL_NONE;
	mount = bind_open(init, op, (int)source, (int)target,
			  op->flags & CTR_OPF_RECURSIVE ? MS_REC : 0);
	(void)sys_close((int)source);
	(void)sys_close((int)target);
	if (mount < 0)
		return mount;
	r = bind_flags(init, op, (int)mount);
	take(init, op, (int)mount);
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
	if (r == 0) {
		take(init, op, (int)tree);
		return 0;
	}
	(void)sys_close((int)tree);
	if (r == -ENOSYS && init->detail == CTR_DETAIL_NONE) /* no move_mount */
		return bind_path_old(init, op);
	return r;
}

long op_bind(struct init *init, const struct ctr_op *op)
{
	long length, r;
	int tree;

	if (op->flags & CTR_OPF_COPY_SYMLINK) {
		length = SYS(readlinkat, AT_FDCWD, op_str(init, op->str2), init_memory.scratch,
			     PATH_BYTES - 1);
		if (length > 0) {
			char *text = take_memory((size_t)length + 1);

			if (!text)
				return -ENOMEM;
			init_memory.scratch[length] = '\0';
			(void)str_put(text, text + length + 1, init_memory.scratch);
			if (op->fd2 != CTR_SLOT_NONE)
				drop_fd(&init->slots[op->fd2]);
			return make_link(init, op, text);
		}
	}
	if (op->fd == CTR_SLOT_NONE)
		return bind_path(init, op);

	tree = slot_fd(init, op->fd);
	if (tree < 0)
		return fail_at(init, CTR_DETAIL_OPEN_SOURCE, tree);
	r = attach_bind(init, op, tree);
	if (r == 0) {
		init->slots[op->fd] = -1;
		take(init, op, tree);
	}
	return r;
}

/* The host's cgroup tree, for a container without a cgroup namespace of its own. */
long op_cgroup_bind(struct init *init, const struct ctr_op *op)
{
	return bind_path(init, op);
}

/* ---- changes of what is mounted */

/* The mount that @op changes: the one that was kept, or what lies at its path. */
static long open_changed(struct init *init, const struct ctr_op *op)
{
	unsigned how = op->flags & CTR_OPF_TARGET_NOFOLLOW ? PATH_NOFOLLOW : 0;
	const char *below = op->kind == CTR_OP_MOUNT_ATTR ? op_str(init, op->str2) : "";
	long fd;

	if (op->fd != CTR_SLOT_NONE)
		fd = *below ? sys_openat(slot_fd(init, op->fd), below, O_PATH | O_NOFOLLOW, 0)
			    : slot_fd(init, op->fd);
	else
		fd = path_open(init, op_str(init, op->str), O_PATH, how);
	return fd < 0 ? fail_at(init, CTR_DETAIL_OPEN_TARGET, fd) : fd;
}

static void close_changed(const struct init *init, const struct ctr_op *op, int fd)
{
	if (op->fd == CTR_SLOT_NONE || fd != init->slots[op->fd])
		(void)sys_close(fd);
}

/* What was to be bound before was a link, and there is no mount to change. */
static bool is_copied_link(const struct init *init, const struct ctr_op *op)
{
	return (op->flags & CTR_OPF_COPY_SYMLINK) && slot_fd(init, op->fd) < 0;
}

long op_remount(struct init *init, const struct ctr_op *op)
{
	long r, fd = open_changed(init, op);

	if (fd < 0)
		return fd;
	r = change_flags(init, (int)fd, op->arg, op->arg2, op->flags & CTR_OPF_FLAGS_CLEAR);
	close_changed(init, op, (int)fd);
	return r;
}

long op_mount_attr(struct init *init, const struct ctr_op *op)
{
	bool recursive = op->flags & CTR_OPF_RECURSIVE;
	long r, fd;

	if (is_copied_link(init, op))
		return 0;
	fd = open_changed(init, op);
	if (fd < 0)
		return fd;
	r = change_attr(init, (int)fd, op->arg, op->arg2, recursive);
	/* Recursive attributes came with mount_setattr (5.12); single ones were flags before. */
	if (is_missing(r) && !recursive)
		r = change_flags(init, (int)fd, flags_of_attr(op->arg), flags_of_attr(op->arg2),
				 true);
	close_changed(init, op, (int)fd);
	return r;
}

long op_mount_propagation(struct init *init, const struct ctr_op *op)
{
	char path[FD_PATH];
	long r, fd;

	if (is_copied_link(init, op))
		return 0;
	fd = open_changed(init, op);
	if (fd < 0)
		return fd;
	r = sys_mount(NULL, fd_path(init, path, (int)fd), NULL, op->arg, NULL);
	close_changed(init, op, (int)fd);
	return r;
}
