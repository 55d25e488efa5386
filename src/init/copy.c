/*
 * Copying a directory into a new tmpfs (mount option tmpcopyup): owners, modes, times, links,
 * devices. By descriptors only; nothing of the container runs yet.
 */
#include "init/init.h"

/* plan/msg.c has the depth in words, for ELOOP. */
enum { MAX_DEPTH = 64, LIST_BYTES = 1024 };

static long copy_bytes(int from, int to)
{
	long r;

	do
		r = SYS(sendfile, to, from, NULL, 1 << 20);
	while (r > 0 || r == -EINTR);
	if (r != -EINVAL && r != -ENOSYS)
		return r;

	while ((r = read_some(from, init_memory.scratch, PATH_BYTES)) > 0) {
		r = write_all(to, init_memory.scratch, (size_t)r);
		if (r < 0)
			break;
	}
	return r;
}

/* Owner first: chown(2) takes the set-user-id bit away. */
static long copy_attributes(int to, const struct stat *st)
{
	struct sys_timespec times[2] = {
		{(int64_t)st->st_atime,  (int64_t)st->st_atime_nsec},
		{ (int64_t)st->st_mtime, (int64_t)st->st_mtime_nsec},
	};
	long r = SYS(fchown, to, st->st_uid, st->st_gid);

	if (r == 0)
		r = SYS(fchmod, to, st->st_mode & 07777);
	if (r == 0)
		(void)SYS(utimensat, to, NULL, times, 0);
	return r;
}

static long copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	long from, to, r;

	from = sys_openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (from < 0)
		return from;
	to = sys_openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	r = to < 0 ? to : copy_bytes((int)from, (int)to);
	if (r == 0)
		r = copy_attributes((int)to, st);
	if (to >= 0)
		(void)sys_close((int)to);
	(void)sys_close((int)from);
	return r;
}

/* A link has an owner, but no mode of its own. */
static long copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	long r = SYS(readlinkat, from_dir, name, init_memory.scratch, PATH_BYTES - 1);

	if (r < 0)
		return r;
	init_memory.scratch[r] = '\0';
	r = SYS(symlinkat, init_memory.scratch, to_dir, name);
	if (r == 0)
		r = SYS(fchownat, to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
	return r;
}

static long copy_node(int to_dir, const char *name, const struct stat *st)
{
	long r = SYS(mknodat, to_dir, name, st->st_mode, (uint32_t)st->st_rdev);

	/* No devices in a user namespace. */
	if (r == -EPERM)
		return 0;
	if (r == 0)
		r = SYS(fchownat, to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
	return r;
}

static long copy_entries(int from, int to, int depth);

static long copy_directory(int from_dir, int to_dir, const char *name, const struct stat *st,
			   int depth)
{
	long from, to, r;

	if (depth == MAX_DEPTH)
		return -ELOOP;
	from = sys_openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (from < 0)
		return from;
	r = SYS(mkdirat, to_dir, name, 0700);
	to = r < 0 ? r : sys_openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	r = to < 0 ? to : copy_entries((int)from, (int)to, depth + 1);
	if (r == 0)
		r = copy_attributes((int)to, st);
	if (to >= 0)
		(void)sys_close((int)to);
	(void)sys_close((int)from);
	return r;
}

static long copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;
	long r;

	if (str_equal(name, ".") || str_equal(name, ".."))
		return 0;
	r = SYS(newfstatat, from, name, &st, AT_SYMLINK_NOFOLLOW);
	if (r < 0)
		return r;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from, to, name, &st);
	case S_IFDIR:
		return copy_directory(from, to, name, &st, depth);
	case S_IFLNK:
		return copy_link(from, to, name, &st);
	default:
		return copy_node(to, name, &st);
	}
}

static long copy_entries(int from, int to, int depth)
{
	char list[LIST_BYTES] __attribute__((aligned(8)));
	long n, r;

	while ((n = SYS(getdents64, from, list, sizeof(list))) > 0) {
		for (long at = 0; at < n;) {
			struct sys_dirent *entry = (struct sys_dirent *)(list + at);

			r = copy_entry(from, to, entry->name, depth);
			if (r < 0)
				return r;
			at += entry->reclen;
		}
	}
	return n;
}

long copy_tree(int from, int to)
{
	long r, writable = sys_openat(to, ".", O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (writable < 0)
		return writable;
	r = copy_entries(from, (int)writable, 0);
	/* Its mode was a mount option. */
	if (r == 0)
		r = sys_fstat(from, &st);
	if (r == 0)
		r = SYS(fchown, writable, st.st_uid, st.st_gid);
	(void)sys_close((int)writable);
	return r;
}
