/*
 * One cgroup directory and the tree below it. A container that may write to its cgroup makes what
 * it likes there while we look, so nothing here trusts a depth or a list to stay as it was.
 */
#include "cgroup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum {
	DEPTH_MAX = 4096,    /* a place a level */
	STEPS_MAX = 1 << 20, /* into a directory, or out of it */
	STUCK_MAX = 1 << 16, /* sub-cgroups that came back, in one removal */
	DIRENTS_SIZE = 2048,
};

/* ---- cgroup.events */

static void parse_events(const char *text, struct ctr_cgroup_events *out)
{
	const char *populated = strstr(text, "populated "), *frozen = strstr(text, "frozen ");

	/* No "frozen" line before 5.2. */
	out->populated = populated && populated[10] == '1';
	out->frozen = frozen && frozen[7] == '1';
}

int ctr_cgroup_events_at(int dir, const char *path, struct ctr_cgroup_events *out)
{
	char text[128];
	ssize_t n = ctr_file_read_small(dir, path, text, sizeof(text));

	if (n < 0)
		return (int)n;

	parse_events(text, out);
	return 0;
}

int ctr_cgroup_events(int dir, struct ctr_cgroup_events *out)
{
	return ctr_cgroup_events_at(dir, "cgroup.events", out);
}

int ctr_cgroup_events_fd(int fd, struct ctr_cgroup_events *out)
{
	char text[128];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;

	text[n] = '\0';
	parse_events(text, out);
	return 0;
}

/* ---- directories */

struct dirent64_raw {
	uint64_t d_ino;
	int64_t d_off;
	unsigned short d_reclen;
	unsigned char d_type;
	char d_name[];
};

/* A child that was gone into. The position behind it is but a hash of its successor's name, which
 * another one may have, too. */
struct place {
	uint64_t inode;
	int64_t after;
};

struct listing {
	int fd;
	struct place last; /* entry */
	struct place left; /* skip what comes up to this one; inode 0: nothing */
	size_t next, end;
	char data[DIRENTS_SIZE] __attribute__((aligned(8)));
};

/* The next directory in the listing: 1 and *@name, 0 at the end, or -errno. No malloc, unlike
 * readdir(3), whose buffer alone is eight fresh pages. */
static int next_directory(struct listing *list, const char **name)
{
	for (;;) {
		const struct dirent64_raw *entry;

		if (list->next == list->end) {
			long n = syscall(SYS_getdents64, list->fd, list->data, sizeof(list->data));

			if (n <= 0)
				return n < 0 ? -errno : 0;
			list->next = 0;
			list->end = (size_t)n;
		}

		entry = (const void *)(list->data + list->next);
		list->next += entry->d_reclen;
		list->last = (struct place){ entry->d_ino, entry->d_off };
		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		*name = entry->d_name;
		return 1;
	}
}

/* kernfs counts sub-directories in the link count: 2 means none, and no listing is needed. */
static bool has_directories(int dir)
{
	struct stat st;

	return fstat(dir, &st) < 0 || st.st_nlink != 2;
}

/* Go on in the directory @fd, behind @left; the listing owns the descriptor. */
static int enter(struct listing *list, int fd, struct place left)
{
	int r = fd < 0 ? -errno : 0;

	if (list->fd >= 0)
		(void)close(list->fd);
	list->fd = fd;
	list->left = left;
	list->next = list->end = 0;
	return r;
}

/* The next directory behind what was left. */
static int next_unseen(struct listing *list, const char **name)
{
	int r;

	while ((r = next_directory(list, name)) > 0 && list->left.inode != 0)
		if (list->last.inode == list->left.inode)
			list->left.inode = 0;
	if (r != 0 || list->left.inode == 0)
		return r;

	/* It is gone: from about there. */
	list->left.inode = 0;
	list->next = list->end = 0;
	if (lseek(list->fd, list->left.after, SEEK_SET) < 0)
		return -errno;
	return next_directory(list, name);
}

static int open_below(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 1: *@down is a child with children of its own; 0: there is none left; or -errno. */
static int visit_children(struct listing *list, ctr_cgroup_dir_fn fn, void *data, int *down)
{
	const char *name;
	int r;

	while ((r = next_unseen(list, &name)) > 0) {
		_cleanup_close_ int child = open_below(list->fd, name);

		if (child < 0 && errno == ENOENT)
			continue;
		r = child < 0 ? -errno : fn(child, data);
		if (r < 0)
			return r;
		if (!has_directories(child))
			continue;
		*down = child;
		child = -1;
		return 1;
	}
	/* Removed while it was read. */
	return r == -ENOENT ? 0 : r;
}

/* One descriptor and one buffer whatever the depth, which the container chose. */
int ctr_cgroup_each_dir(int dir, ctr_cgroup_dir_fn fn, void *data)
{
	struct listing list = { .fd = -1 };
	struct place left[DEPTH_MAX];
	size_t depth = 0, steps = 0;
	int r, next;

	r = fn(dir, data);
	if (r < 0 || !has_directories(dir))
		return r;

	r = enter(&list, open_below(dir, "."), (struct place){ 0 });
	while (r == 0) {
		/* Somebody makes and removes them faster than they are walked. */
		if (steps++ == STEPS_MAX) {
			r = -ELOOP;
			break;
		}
		r = visit_children(&list, fn, data, &next);
		if (r < 0 || (r == 0 && depth == 0))
			break;
		if (r == 0) {
			next = openat(list.fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			r = enter(&list, next, left[--depth]);
		} else if (depth < DEPTH_MAX) {
			left[depth++] = list.last;
			r = enter(&list, next, (struct place){ 0 });
		} else {
			(void)close(next);
			r = -ELOOP;
		}
	}
	if (list.fd >= 0)
		(void)close(list.fd);
	return r;
}

/* ---- tasks */

static int feed_line(char *line, bool thread, ctr_cgroup_task_fn fn, void *data)
{
	uint64_t id = ctr_leading_u64(line);

	return id > 0 ? fn((pid_t)id, thread, data) : 0;
}

static int feed_file(int dir, const char *file, bool thread, ctr_cgroup_task_fn fn, void *data)
{
	_cleanup_close_ int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	char text[1024];
	size_t used = 0;

	if (fd < 0)
		return -errno;

	for (;;) {
		ssize_t n = read(fd, text + used, sizeof(text) - 1 - used);
		char *line = text, *end;
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;

		used += (size_t)n;
		text[used] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			r = feed_line(line, thread, fn, data);
			if (r < 0)
				return r;
			line = end + 1;
		}
		used -= (size_t)(line - text);
		memmove(text, line, used);
	}
}

struct feeding {
	ctr_cgroup_task_fn fn;
	void *data;
};

static int feed_cgroup(int dir, void *data)
{
	const struct feeding *feeding = data;
	int r = feed_file(dir, "cgroup.procs", false, feeding->fn, feeding->data);

	/* Inside a threaded subtree processes cannot be told, only threads. */
	if (r == -EOPNOTSUPP)
		r = feed_file(dir, "cgroup.threads", true, feeding->fn, feeding->data);
	/* Removed while open: whoever was in it is elsewhere or gone. */
	return r == -ENODEV || r == -ENOENT ? 0 : r;
}

int ctr_cgroup_each_task(int dir, ctr_cgroup_task_fn fn, void *data)
{
	struct feeding feeding = { .fn = fn, .data = data };

	return ctr_cgroup_each_dir(dir, feed_cgroup, &feeding);
}

int ctr_cgroup_count_task(pid_t task, bool thread, void *data)
{
	(void)task;
	(void)thread;
	(*(size_t *)data)++;
	return 0;
}

/* ---- removal */

/* Remove the sub-cgroups of @dir that are leaves. 0: there are none left; 1: *@down is one that
 * is not a leaf, opened; or -errno. */
static int remove_leaves(int dir, int *down)
{
	struct listing list = { .fd = dir };
	const char *name;
	int r;

	if (!has_directories(dir))
		return 0;
	if (lseek(dir, 0, SEEK_SET) < 0)
		return -errno;

	while ((r = next_directory(&list, &name)) > 0) {
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		if (errno != EBUSY)
			return -errno;

		*down = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (*down >= 0)
			return 1;
		if (errno != ENOENT)
			return -errno;
	}
	return r;
}

/*
 * Down into the first one that is not a leaf, and up by ".." once it is empty: one descriptor
 * whatever the depth, which the container chose.
 */
int ctr_cgroup_remove_below(int dir)
{
	_cleanup_close_ int here = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned depth = 0;

	if (here < 0)
		return -errno;

	for (unsigned steps = 0; steps < STUCK_MAX; steps++) {
		bool leaf = !has_directories(here);
		int next = -1;
		int r = remove_leaves(here, &next);

		if (r < 0)
			return r;
		if (r == 0) {
			if (depth == 0)
				return 0;
			/* We came since it could not be removed, and it has no children. */
			if (leaf)
				return -EBUSY;
			next = openat(here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (next < 0)
				return -errno;
			depth--;
		} else {
			depth++;
		}
		(void)close(here);
		here = next;
	}
	return -EBUSY;
}
