/*
 * Nodes and links in the container's tree, masked and read-only paths, sysctls. Devices and links
 * are made before the root is entered, masks and sysctls afterwards.
 */
#include "init/init.h"

enum { NULL_DEVICE = 1 << 8 | 3 };

/*
 * The directory that @op makes its node in, and the name there. Nodes come in rows ("/dev/null",
 * "/dev/zero"), so the directory stays open until another operation runs.
 */
static long node_dir(struct init *init, const struct ctr_op *op, const char **name)
{
	const char *path = op_str(init, op->str);
	unsigned how = op->flags & CTR_OPF_TARGET_NOFOLLOW ? PATH_NOFOLLOW : 0;
	size_t length = str_length(path);
	bool ignored;
	long fd;

	while (length > 0 && path[length - 1] != '/')
		length--;
	*name = path + length;
	if (!**name || str_equal(*name, ".") || str_equal(*name, ".."))
		return -EINVAL;

	if (init->dir >= 0 && init->dir_length == length && init->dir_how == how) {
		size_t i = 0;

		while (i < length && init->dir_path[i] == path[i])
			i++;
		if (i == length)
			return init->dir;
	}

	if (length >= PATH_BYTES)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < length; i++)
		init_memory.scratch[i] = path[i];
	init_memory.scratch[length] = '\0';

	drop_fd(&init->dir);
	fd = path_make(init, init_memory.scratch, how | PATH_MAKE_DIR, 0755, &ignored);
	if (fd < 0)
		return fail_at(init, CTR_DETAIL_OPEN_TARGET, fd);
	init->dir = (int)fd;
	init->dir_path = path;
	init->dir_length = length;
	init->dir_how = how;
	return fd;
}

/* ---- devices */

static bool is_device(const struct stat *st, const struct ctr_op *op)
{
	return (st->st_mode & S_IFMT) == (op->str2 & S_IFMT) &&
	       (S_ISFIFO(st->st_mode) || (uint32_t)st->st_rdev == (uint32_t)op->arg);
}

/* The host's node of the same path, if it is that device. */
static long open_host_device(struct init *init, const struct ctr_op *op)
{
	long r, fd = sys_openat(AT_FDCWD, op_str(init, op->str), O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0)
		return fail_at(init, CTR_DETAIL_OPEN_SOURCE, fd);
	r = sys_fstat((int)fd, &st);
	if (r == 0 && is_device(&st, op))
		return fd;
	(void)sys_close((int)fd);
	return r < 0 ? fail_at(init, CTR_DETAIL_OPEN_SOURCE, r)
		     : fail_at(init, CTR_DETAIL_HOST_DEVICE, -ENODEV);
}

/* A file to bind a node on: where one was bound before, it was left. -EEXIST: it is the node. */
static long open_existing(struct init *init, const struct ctr_op *op, int dir, const char *name)
{
	long r, fd = sys_openat(dir, name, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	r = sys_fstat((int)fd, &st);
	if (r == 0 && is_device(&st, op))
		r = -EEXIST;
	else if (r == 0 && (!(op->flags & CTR_OPF_BIND) || !S_ISREG(st.st_mode)))
		r = fail_at(init, CTR_DETAIL_OTHER_DEVICE, -EEXIST);
	else if (r == 0)
		r = refuse_proc(init, op, (int)fd);
	if (r == 0)
		return fd;
	(void)sys_close((int)fd);
	return r;
}

static long check_existing(struct init *init, const struct ctr_op *op, int dir, const char *name)
{
	struct stat st;
	long r = SYS(newfstatat, dir, name, &st, AT_SYMLINK_NOFOLLOW);

	if (r == 0 && !is_device(&st, op))
		return fail_at(init, CTR_DETAIL_OTHER_DEVICE, -EEXIST);
	return r;
}

/* No mknod in a user namespace: the host's node over an empty file. */
static long bind_device(struct init *init, const struct ctr_op *op, int dir, const char *name)
{
	long r, target, source = open_host_device(init, op);
	enum ctr_fail_detail detail = init->detail;

	if (source < 0)
		return check_existing(init, op, dir, name) == 0 ? 0 : fail_at(init, detail, source);
	target = sys_openat(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY, 0644);
	if (target == -EEXIST)
		target = open_existing(init, op, dir, name);
	r = target < 0 ? target : bind_fd(init, (int)source, (int)target, 0);
	if (target >= 0)
		(void)sys_close((int)target);
	(void)sys_close((int)source);
	return r == -EEXIST && init->detail == CTR_DETAIL_NONE ? 0 : r;
}

long op_device(struct init *init, const struct ctr_op *op)
{
	uint32_t uid = (uint32_t)(op->arg2 >> 32), gid = (uint32_t)op->arg2;
	const char *name;
	long r, dir = node_dir(init, op, &name);

	if (dir < 0)
		return dir;
	if (op->flags & CTR_OPF_BIND)
		return bind_device(init, op, (int)dir, name);
	/* makedev(3) and the kernel agree on the lower 32 bits. */
	r = SYS(mknodat, dir, name, op->str2, (uint32_t)op->arg);
	if (r == -EEXIST)
		return check_existing(init, op, (int)dir, name);
	if (r == -EPERM && (op->flags & CTR_OPF_FALLBACK_BIND))
		return bind_device(init, op, (int)dir, name);
	if (r == 0 && op->arg2)
		r = SYS(fchownat, dir, name, uid, gid, AT_SYMLINK_NOFOLLOW);
	return r;
}

long make_link(struct init *init, const struct ctr_op *op, const char *text)
{
	const char *name;
	long r, dir = node_dir(init, op, &name);

	if (dir < 0)
		return dir;
	r = SYS(symlinkat, text, dir, name);
	return r == -EEXIST ? 0 : r;
}

long op_directory(struct init *init, const struct ctr_op *op)
{
	bool made;
	long fd = path_make(init, op_str(init, op->str), PATH_MAKE_DIR, 0755, &made);

	if (fd >= 0)
		(void)sys_close((int)fd);
	return 0;
}

long op_symlink(struct init *init, const struct ctr_op *op)
{
	return make_link(init, op, op_str(init, op->str2));
}

/* ---- masked and read-only paths (runtime-spec config-linux.md#masked-paths) */

/* The container's null device, looked at before it is used: the image could have put a link to
 * /proc/sysrq-trigger there (CVE-2025-31133). */
static long open_null(struct init *init)
{
	struct stat st;
	long r, fd;

	if (init->null >= 0)
		return init->null;
	fd = path_open(init, "/dev/null", O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fail_at(init, fd == -ENOENT ? CTR_DETAIL_NOT_NULL : CTR_DETAIL_OPEN_TARGET,
			       fd);
	r = sys_fstat((int)fd, &st);
	if (r < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != NULL_DEVICE) {
		(void)sys_close((int)fd);
		return fail_at(init, CTR_DETAIL_NOT_NULL, -ENODEV);
	}
	init->null = (int)fd;
	return fd;
}

/* One empty file system serves all masked directories. */
static long mask_directory(struct init *init, int target)
{
	char path[FD_PATH];
	long r;

	if (init->empty >= 0)
		return bind_fd(init, init->empty, target, 0);

	r = sys_mount("tmpfs", fd_path(init, path, root_fd(init)), "tmpfs",
		      MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	if (r == 0)
		r = open_top(init);
	if (r < 0)
		return r;
	init->empty = (int)r;
	return move_mount_to(init, init->empty, target);
}

/* The path of a mask or of what is to be read-only: absent is fine. */
static long open_listed(struct init *init, const struct ctr_op *op)
{
	long fd = path_open(init, op_str(init, op->str), O_PATH, 0);

	if (fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0 && fd != -ENOENT)
		return fail_at(init, CTR_DETAIL_OPEN_TARGET, fd);
	return fd;
}

long op_mask(struct init *init, const struct ctr_op *op)
{
	long r, null, target = open_listed(init, op);
	struct stat st;

	if (target < 0)
		return target == -ENOENT ? 0 : target;

	r = sys_fstat((int)target, &st);
	if (r == 0 && S_ISDIR(st.st_mode)) {
		r = mask_directory(init, (int)target);
	} else if (r == 0) {
		null = open_null(init);
		r = null < 0 ? null : bind_fd(init, (int)null, (int)target, 0);
	}
	(void)sys_close((int)target);
	return r;
}

static long readonly_old(struct init *init, const struct ctr_op *op, int target)
{
	long r, top = bind_open(init, op, target, target, MS_REC);

	if (top < 0)
		return top;
	r = change_flags(init, (int)top, MS_RDONLY, 0, false);
	(void)sys_close((int)top);
	return r;
}

static long bind_readonly(struct init *init, const struct ctr_op *op, int target)
{
	long r, tree = clone_tree(init, target, "", AT_EMPTY_PATH | AT_RECURSIVE);

	if (is_missing(tree))
		return readonly_old(init, op, target);
	if (tree < 0)
		return tree;

	r = attach_tree((int)tree, target);
	if (r == -ENOSYS)
		r = readonly_old(init, op, target);
	else if (r == 0)
		r = change_flags(init, (int)tree, MS_RDONLY, 0, false);
	(void)sys_close((int)tree);
	return r;
}

long op_readonly(struct init *init, const struct ctr_op *op)
{
	long r, target = open_listed(init, op);

	if (target < 0)
		return target == -ENOENT ? 0 : target;
	r = bind_readonly(init, op, (int)target);
	(void)sys_close((int)target);
	return r;
}

/* ---- sysctls */

static long write_file(int dir, const char *path, const char *text)
{
	long r, fd = sys_openat(dir, path, O_WRONLY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	r = SYS(write, fd, text, str_length(text));
	(void)sys_close((int)fd);
	return r < 0 ? r : 0;
}

/* A procfs of our own, for a host (a container around us) whose /proc/sys is read-only. */
static long own_proc(void)
{
	long r, mount, fs = SYS(fsopen, "proc", FSOPEN_CLOEXEC);

	if (fs < 0)
		return fs;
	r = SYS(fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	mount = r < 0 ? r : SYS(fsmount, fs, FSMOUNT_CLOEXEC, 0);
	(void)sys_close((int)fs);
	return mount;
}

long op_sysctl(struct init *init, const struct ctr_op *op)
{
	const char *end = init_memory.scratch + PATH_BYTES;
	const char *value = op_str(init, op->str2);
	long r, proc;

	if (!str_put(str_put(init_memory.scratch, end, "sys/"), end, op_str(init, op->str)))
		return -ENAMETOOLONG;
	r = write_file(init->slots[CTR_SLOT_PROC], init_memory.scratch, value);
	if (r != -EROFS)
		return r;

	proc = own_proc();
	if (proc < 0)
		return r;
	r = write_file((int)proc, init_memory.scratch, value);
	(void)sys_close((int)proc);
	return r;
}
