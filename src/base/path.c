/*
 * Paths. ctr_open_in_root() is the one place where a path of a container becomes a descriptor, in
 * the runtime before the pivot and wherever the runtime looks into a container's tree.
 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"

enum {
	LINKS_MAX = 40,   /* as the kernel: path_resolution(7) */
	DEPTH_MAX = 128,  /* directories held open by the walk */
	RETRIES_MAX = 64, /* of an openat2() that raced with a rename */
};

static int openat2_in_root(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	unsigned retries = 0;
	long fd;

	/* openat2(2) refuses a mode that nothing would use, and flags that O_PATH ignores. */
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode & 07777;
	if (flags & O_PATH)
		how.flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	/* EAGAIN: something was renamed or mounted meanwhile and ".." could not be proven safe. */
	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || (errno == EAGAIN && retries++ < RETRIES_MAX)));
	return fd < 0 ? -errno : (int)fd;
}

/*
 * The walk without openat2: every directory on the way is held open, so that ".." goes back to
 * where we came from even when it was moved out of the root meanwhile.
 */
struct walk {
	int dirs[DEPTH_MAX]; /* dirs[0] is the root, the caller's */
	unsigned depth;      /* index of the current directory */
	unsigned links;
	char rest[PATH_MAX]; /* what is left of the path */
};

static void walk_pop_to(struct walk *walk, unsigned depth)
{
	while (walk->depth > depth)
		(void)close(walk->dirs[walk->depth--]);
}

static void walk_release(struct walk *walk)
{
	walk_pop_to(walk, 0);
}

static int walk_push(struct walk *walk, int fd)
{
	if (walk->depth + 1 == DEPTH_MAX) {
		(void)close(fd);
		return -ENAMETOOLONG;
	}
	walk->dirs[++walk->depth] = fd;
	return 0;
}

/* Cut the next component off the rest into @name. 1, or 0 at the end of the path. *@last: nothing
 * but slashes follows; *@slash: at least one does. */
static int walk_next(struct walk *walk, char name[NAME_MAX + 1], bool *last, bool *slash)
{
	char *p = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(p, "/");
	size_t gap = strspn(p + len, "/");

	if (len == 0)
		return 0;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, p, len);
	name[len] = '\0';
	*slash = gap > 0;
	p += len + gap;
	*last = *p == '\0';
	memmove(walk->rest, p, strlen(p) + 1);
	return 1;
}

/* A magic link of procfs leads to an object and not to its text: refuse it, as openat2 is told to.
 * The other links of procfs ("self", "mounts", "net") are relative and have no colon. */
static bool is_magic_link(int link, const char *target)
{
	struct statfs fs;

	return (target[0] == '/' || strchr(target, ':')) && fstatfs(link, &fs) == 0 &&
	       fs.f_type == PROC_SUPER_MAGIC;
}

/* Put the target of @link before the rest of the path. */
static int walk_follow(struct walk *walk, int link, bool slash)
{
	char target[PATH_MAX];
	size_t left = strlen(walk->rest);
	ssize_t len;

	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	len = readlinkat(link, "", target, sizeof(target));
	if (len < 0)
		return -errno;
	if (len == 0)
		return -ENOENT;
	if ((size_t)len + 1 + left >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	target[len] = '\0';
	if (is_magic_link(link, target))
		return -ELOOP;

	if (slash)
		target[len++] = '/';
	memmove(walk->rest + len, walk->rest, left + 1);
	memcpy(walk->rest, target, (size_t)len);
	if (target[0] == '/')
		walk_pop_to(walk, 0);
	return 0;
}

/*
 * Look at component @name without following it. 1: it is a link, and the path goes on with its
 * target. 0: *@fd is an O_PATH descriptor of it.
 */
static int walk_look(struct walk *walk, const char *name, bool slash, bool keep_link, int *fd)
{
	_cleanup_close_ int found = -1;
	struct stat st;
	int r;

	found = openat(walk->dirs[walk->depth], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (found < 0)
		return -errno;
	if (fstat(found, &st) < 0)
		return -errno;

	if (S_ISLNK(st.st_mode) && !keep_link) {
		r = walk_follow(walk, found, slash);
		return r < 0 ? r : 1;
	}
	if (slash && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	*fd = ctr_take_fd(&found);
	return 0;
}

/* Open the last component. -EAGAIN: it was a link, the walk goes on. */
static int walk_open(struct walk *walk, const char *name, bool slash, int flags, mode_t mode)
{
	_cleanup_close_ int found = -1;
	int dir = walk->dirs[walk->depth];
	int fd, code, r;

	if (slash)
		flags = (flags | O_DIRECTORY) & ~O_NOFOLLOW;
	if (flags & O_PATH) {
		r = walk_look(walk, name, slash, flags & O_NOFOLLOW, &found);
		if (r != 0)
			return r < 0 ? r : -EAGAIN;
		if (!(flags & O_DIRECTORY))
			return ctr_take_fd(&found);
		fd = openat(found, ".", flags & (O_PATH | O_DIRECTORY | O_CLOEXEC));
		return fd < 0 ? -errno : fd;
	}

	if (slash && (flags & O_CREAT))
		return -EISDIR;
	fd = openat(dir, name, flags | O_NOFOLLOW, mode);
	if (fd >= 0)
		return fd;

	/* A link: ELOOP, or ENOTDIR together with O_DIRECTORY. */
	code = errno;
	if ((code != ELOOP && code != ENOTDIR) || (flags & O_NOFOLLOW))
		return -code;
	r = walk_look(walk, name, slash, false, &found);
	if (r == 1)
		return -EAGAIN;
	return r < 0 ? r : -code;
}

static int walk_run(struct walk *walk, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	bool last, slash;
	int fd, r;

	for (;;) {
		r = walk_next(walk, name, &last, &slash);
		if (r < 0)
			return r;
		if (r == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
			if (r == 1 && name[1] == '.' && walk->depth > 0)
				walk_pop_to(walk, walk->depth - 1);
			if (r == 1 && !last)
				continue;
			fd = openat(walk->dirs[walk->depth], ".", flags, mode);
			return fd < 0 ? -errno : fd;
		}

		if (last) {
			r = walk_open(walk, name, slash, flags, mode);
			if (r != -EAGAIN)
				return r;
			continue;
		}
		r = walk_look(walk, name, slash, false, &fd);
		if (r == 0)
			r = walk_push(walk, fd);
		if (r < 0)
			return r;
	}
}

int ctr_open_in_root_walk(int root, const char *path, int flags, mode_t mode)
{
	_cleanup_(walk_release) struct walk walk;
	size_t len = strlen(path);

	walk.dirs[0] = root;
	walk.depth = 0;
	walk.links = 0;
	if (len == 0)
		return -ENOENT;
	if (len >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	memcpy(walk.rest, path, len + 1);
	return walk_run(&walk, flags | O_CLOEXEC, mode);
}

int ctr_open_in_root(int root, const char *path, int flags, mode_t mode)
{
	int fd;

	fd = openat2_in_root(root, path, flags | O_CLOEXEC, mode);
	/* EPERM: what seccomp filters of old engines answer to calls they do not know. */
	if (fd == -ENOSYS || fd == -EPERM)
		return ctr_open_in_root_walk(root, path, flags, mode);
	return fd;
}

size_t ctr_path_clean_inplace(char *path)
{
	const char *in = path;
	char *out = path;
	size_t len;

	for (;;) {
		in += strspn(in, "/");
		len = strcspn(in, "/");
		if (len == 0)
			break;
		if (len == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (len != 1 || in[0] != '.') {
			*out++ = '/';
			memmove(out, in, len);
			out += len;
		}
		in += len;
	}

	if (out == path)
		*out++ = '/';
	*out = '\0';
	return (size_t)(out - path);
}

char *ctr_path_clean(struct ctr_arena *arena, const char *path)
{
	size_t size = strlen(path) + 2;
	char *clean = ctr_arena_alloc(arena, size);

	/* With a slash before it, a relative path can be cleaned in place, too. */
	clean[0] = '/';
	memcpy(clean + 1, path, size - 1);
	return ctr_arena_grow(arena, clean, size, ctr_path_clean_inplace(clean) + 1);
}

char *ctr_path_join(struct ctr_arena *arena, const char *base, const char *path)
{
	size_t nbase = strlen(base);
	size_t npath = strlen(path);
	char *joined;

	if (path[0] == '/')
		return ctr_arena_strndup(arena, path, npath);
	while (nbase > 0 && base[nbase - 1] == '/')
		nbase--;
	joined = ctr_arena_alloc(arena, nbase + npath + 2);
	memcpy(joined, base, nbase);
	joined[nbase] = '/';
	memcpy(joined + nbase + 1, path, npath + 1);
	return joined;
}

/* Has @path a ".." component? */
static bool goes_up(const char *path)
{
	size_t len;

	for (;; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			return false;
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
	}
}

char *ctr_path_join_clean(struct ctr_arena *arena, const char *base, const char *path)
{
	char *joined = ctr_path_join(arena, base, path);

	if (joined[0] == '/' && !goes_up(joined))
		ctr_path_clean_inplace(joined);
	return joined;
}

bool ctr_path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1) /* "/" */
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}
