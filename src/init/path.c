/*
 * The only way into the container's tree: openat2(2) with RESOLVE_IN_ROOT, and a walk of our own
 * where that is missing or something has to be made on the way. The walk opens one component at a
 * time with O_NOFOLLOW on a descriptor that was reached inside of the root, reads links itself, and
 * goes up by walking down again, so no race leads it outside.
 */
#include "init/init.h"

enum { MAX_LINKS = 40, MAX_RETRIES = 100 };

#define WALKED (&init_memory.walk)

struct walk {
	struct init *init;
	int root, at; /* where it is: an O_PATH descriptor, or the root's own */
	int links;
	int flags; /* openat(2), of the last component */
	unsigned how, mode;
	bool made;
	size_t done; /* length of WALKED->done */
	char *rest;  /* in WALKED->rest */
};

static void move_to(struct walk *walk, int fd)
{
	if (walk->at != walk->root)
		(void)sys_close(walk->at);
	walk->at = fd;
}

/* The next component, or NULL; walk.rest is behind it and behind its slashes. */
static char *next_name(struct walk *walk)
{
	char *name;

	while (*walk->rest == '/')
		walk->rest++;
	if (!*walk->rest)
		return NULL;

	name = walk->rest;
	while (*walk->rest && *walk->rest != '/')
		walk->rest++;
	while (*walk->rest == '/')
		*walk->rest++ = '\0';
	return name;
}

static long push(struct walk *walk, const char *name)
{
	size_t length = str_length(name) + 1;

	if (length > sizeof(WALKED->done) - walk->done)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < length; i++)
		WALKED->done[walk->done + i] = name[i];
	walk->done += length;
	return 0;
}

/* "..": not by the kernel's, which could lead out of a directory that somebody is moving. */
static long go_up(struct walk *walk)
{
	const char *name = WALKED->done;
	long fd;

	if (walk->done > 0)
		walk->done--;
	while (walk->done > 0 && WALKED->done[walk->done - 1])
		walk->done--;

	move_to(walk, walk->root);
	for (; name < WALKED->done + walk->done; name = ctr_view_next(name)) {
		fd = sys_openat(walk->at, name, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
		if (fd < 0)
			return fd;
		move_to(walk, (int)fd);
	}
	return 0;
}

/* Put what link @fd says in front of the rest. */
static long follow(struct walk *walk, int fd)
{
	size_t rest = str_length(walk->rest) + 1;
	long length;

	if ((walk->how & PATH_NOFOLLOW) || ++walk->links > MAX_LINKS)
		return -ELOOP;
	length = SYS(readlinkat, fd, "", WALKED->link, sizeof(WALKED->link));
	if (length <= 0)
		return length < 0 ? length : -ENOENT;
	if ((size_t)length + 1 + rest > sizeof(WALKED->rest))
		return -ENAMETOOLONG;

	/* The rest moves to the end, the link's text goes in front of it. */
	for (size_t i = rest; i-- > 0;)
		WALKED->rest[sizeof(WALKED->rest) - rest + i] = walk->rest[i];
	walk->rest = WALKED->rest + sizeof(WALKED->rest) - rest;
	*--walk->rest = '/';
	walk->rest -= length;
	for (long i = 0; i < length; i++)
		walk->rest[i] = WALKED->link[i];

	if (WALKED->link[0] == '/') {
		move_to(walk, walk->root);
		walk->done = 0;
	}
	return 0;
}

/* Make @name; another's file of that name is as good. */
static long make(struct walk *walk, const char *name, bool last)
{
	long r;

	if (last && (walk->how & PATH_MAKE_FILE)) {
		r = sys_openat(walk->at, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY,
			       walk->mode);
		if (r >= 0)
			(void)sys_close((int)r);
	} else {
		r = SYS(mkdirat, walk->at, name, last ? walk->mode : 0755U);
	}
	if (r < 0 && r != -EEXIST)
		return r;
	walk->made = last && r >= 0;
	return 0;
}

static long enter(struct walk *walk, const char *name, bool last)
{
	struct stat st;
	long fd, r;

	fd = sys_openat(walk->at, name, O_PATH | O_NOFOLLOW, 0);
	if (fd == -ENOENT && (walk->how & (PATH_MAKE_DIR | PATH_MAKE_FILE))) {
		r = make(walk, name, last);
		if (r < 0)
			return r;
		fd = sys_openat(walk->at, name, O_PATH | O_NOFOLLOW, 0);
	}
	if (fd < 0)
		return fd;

	r = sys_fstat((int)fd, &st);
	if (r == 0 && S_ISLNK(st.st_mode) && !(last && (walk->flags & O_NOFOLLOW))) {
		r = follow(walk, (int)fd);
		(void)sys_close((int)fd);
		return r;
	}
	if (r == 0 && !S_ISDIR(st.st_mode) && (!last || (walk->flags & O_DIRECTORY)))
		r = -ENOTDIR;
	if (r == 0)
		r = push(walk, name);
	if (r < 0) {
		(void)sys_close((int)fd);
		return r;
	}

	if (last && !(walk->flags & O_PATH)) {
		(void)sys_close((int)fd);
		fd = sys_openat(walk->at, name, walk->flags | O_NOFOLLOW, 0);
		if (fd < 0)
			return fd;
	}
	move_to(walk, (int)fd);
	return last ? 1 : 0;
}

/* The descriptor of @path, the caller's. */
static long walk_path(struct walk *walk, const char *path)
{
	char *name;
	long r = 0;

	walk->rest = WALKED->rest;
	if (!str_put(WALKED->rest, WALKED->rest + sizeof(WALKED->rest), path))
		return -ENAMETOOLONG;

	while (r == 0 && (name = next_name(walk))) {
		bool last = !*walk->rest;

		if (str_equal(name, "."))
			continue;
		r = str_equal(name, "..") ? go_up(walk) : enter(walk, name, last);
	}
	/* It ended in "..", or is the root. */
	if (r == 0)
		r = sys_openat(walk->at, ".", walk->flags, 0);
	else if (r == 1)
		return walk->at;

	move_to(walk, walk->root);
	return r;
}

static long openat2_in_root(struct init *init, const char *path, int flags, unsigned how)
{
	struct open_how open_how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
			   (how & PATH_NOFOLLOW ? RESOLVE_NO_SYMLINKS : 0),
	};
	long fd;

	/* EAGAIN: something was renamed while ".." was being resolved. */
	for (int i = 0; i < MAX_RETRIES; i++) {
		fd = SYS(openat2, root_fd(init), path, &open_how, sizeof(open_how));
		if (fd != -EAGAIN)
			break;
	}
	if (fd == -ENOSYS)
		init->missing |= NO_OPENAT2;
	return fd;
}

long path_open(struct init *init, const char *path, int flags, unsigned how)
{
	struct walk walk = {
		.init = init, .root = root_fd(init), .at = root_fd(init), .flags = flags, .how = how
	};
	long fd;

	if (!*path)
		path = "/";
	if (!(init->missing & NO_OPENAT2)) {
		fd = openat2_in_root(init, path, flags, how);
		if (!is_missing(fd) && fd != -EAGAIN)
			return fd;
	}
	return walk_path(&walk, path);
}

/*
 * The ordinary case of something missing: the directory that it belongs into is there. -EEXIST: it
 * is a link that leads nowhere, or a name like "..".
 */
static long make_last(struct init *init, const char *path, unsigned how, unsigned mode)
{
	size_t end = str_length(path), start;
	char name[NAME_BYTES], cut;
	long dir, fd;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	if (start == end || end - start >= sizeof(name) || start >= PATH_BYTES)
		return -EEXIST;
	for (size_t i = start; i < end; i++)
		name[i - start] = path[i];
	name[end - start] = '\0';

	/* The caller's path may lie there already: leave it as it was. */
	cut = path[start];
	for (size_t i = 0; i < start; i++)
		init_memory.scratch[i] = path[i];
	init_memory.scratch[start] = '\0';
	dir = path_open(init, init_memory.scratch, O_PATH | O_DIRECTORY, how & PATH_NOFOLLOW);
	init_memory.scratch[start] = cut;
	if (dir < 0)
		return dir;

	if (how & PATH_MAKE_FILE)
		fd = sys_openat((int)dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY, mode);
	else
		fd = SYS(mkdirat, dir, name, mode);
	if (fd == 0)
		fd = sys_openat((int)dir, name, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	(void)sys_close((int)dir);
	return fd;
}

long path_make(struct init *init, const char *path, unsigned how, unsigned mode, bool *made)
{
	int flags = O_PATH | (how & PATH_MAKE_DIR ? O_DIRECTORY : 0);
	struct walk walk = {
		.init = init,
		.root = root_fd(init),
		.at = root_fd(init),
		.flags = flags,
		.how = how,
		.mode = mode,
	};
	long fd;

	*made = false;
	fd = path_open(init, path, flags, how & PATH_NOFOLLOW);
	if (fd != -ENOENT)
		return fd;

	if (!(init->missing & NO_OPENAT2)) {
		fd = make_last(init, path, how, mode);
		*made = fd >= 0;
		if (fd != -ENOENT && fd != -EEXIST)
			return fd;
	}
	fd = walk_path(&walk, path);
	*made = fd >= 0 && walk.made;
	return fd;
}
