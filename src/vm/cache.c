/*
 * The directory of what is made once for many machines. Nothing in it is trusted by its name.
 *
 * What is made of one thing has one name before its first dot, and whoever makes it, or takes it
 * away, has the lock of that name (`NAME.lock`): two that want the same make it once, and others do
 * not wait. What a machine works with it has open, so taking away a name harms none that runs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/signals.h"
#include "vm/setup.h"

enum { KEPT_DAYS = 30, FRESH_SECONDS = 60, ENTRIES_MAX = 4096 };

static const uint64_t kept_bytes = (uint64_t)8 << 30;
static const char lock_suffix[] = ".lock";
static const char seal_suffix[] = ".made";

static int make_parents(const char *path)
{
	char text[4096];
	size_t len = strlen(path);

	if (len >= sizeof(text))
		return -ENAMETOOLONG;
	memcpy(text, path, len + 1);
	for (char *slash = strchr(text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(text, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	/* Images have all that a root file system has, and no owners that would protect it. */
	return mkdir(text, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int ctr_vm_cache_open(const char *path, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = make_parents(path);

	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot make the cache '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open the cache '%s'", path);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"the cache '%s' is not ours, or others can write it", path);
	if ((st.st_mode & 077) && fchmod(fd, 0700) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot close the cache '%s' to others",
				path);
	return ctr_take_fd(&fd);
}

/* ---- locks */

/* What another makes may take minutes, and signals are blocked here. 0 or -errno. */
static int lock_file(int fd, bool wait)
{
	const struct timespec nap = { .tv_nsec = 10000000 };

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EINTR && (errno != EWOULDBLOCK || !wait))
			return -errno;
		if (ctr_signals_pending())
			return -EINTR;
		(void)nanosleep(&nap, NULL);
	}
	return 0;
}

int ctr_vm_cache_lock(int cache, const char *name, bool wait)
{
	_cleanup_close_ int fd = -1;
	char file[NAME_MAX + 1];
	struct stat ours, there;
	int r;

	(void)snprintf(file, sizeof(file), "%s%s", name, lock_suffix);
	for (;;) {
		fd = openat(cache, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		r = lock_file(fd, wait);
		if (r < 0)
			return r;
		/* It may have been taken away while we waited. */
		if (fstat(fd, &ours) == 0 &&
		    fstatat(cache, file, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
		    ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
			return ctr_take_fd(&fd);
		close(ctr_take_fd(&fd));
	}
}

/* ---- files */

int ctr_vm_cache_file(int cache, const char *name, struct stat *st)
{
	_cleanup_close_ int fd = openat(cache, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || st->st_uid != geteuid() ||
	    (st->st_mode & (S_IWGRP | S_IWOTH)))
		return -1;
	return ctr_take_fd(&fd);
}

enum { SEAL_MAX = 64 << 10 };

/* The file itself: what tells that it was changed, or another put in its place. Then of what it was
 * made. */
static void describe(struct ctr_buf *seal, const struct stat *st, struct ctr_buf *facts)
{
	ctr_buf_init(seal, facts->arena);
	ctr_buf_addf(seal, "%llx %llx %llx.%lx\n", (unsigned long long)st->st_ino,
		     (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		     st->st_mtim.tv_nsec);
	ctr_buf_add(seal, facts->data, facts->len);
}

int ctr_vm_cache_get(int cache, const char *name, struct ctr_buf *facts)
{
	_cleanup_close_ int fd = -1, made = -1;
	char seal[NAME_MAX + 1];
	struct ctr_buf expected;
	struct stat st, ours;
	size_t length = 0;
	const char *text;

	(void)snprintf(seal, sizeof(seal), "%s%s", name, seal_suffix);
	fd = ctr_vm_cache_file(cache, name, &st);
	made = fd < 0 ? -1 : ctr_vm_cache_file(cache, seal, &ours);
	if (made < 0)
		return -1;
	describe(&expected, &st, facts);
	text = ctr_file_read_fd(facts->arena, made, seal, SEAL_MAX, &length, NULL);
	if (!text || length != expected.len || memcmp(text, expected.data, length) != 0)
		return -1;
	/* It was used last: others go first. */
	(void)futimens(made, NULL);
	return ctr_take_fd(&fd);
}

int ctr_vm_cache_put(int cache, const char *name, struct ctr_buf *facts, const void *data,
		     size_t size, mode_t mode, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;
	char seal[NAME_MAX + 1];
	struct ctr_buf text;
	struct stat st;

	(void)snprintf(seal, sizeof(seal), "%s%s", name, seal_suffix);
	if (ctr_file_replace(cache, name, data, size, mode, err) < 0)
		return -1;
	fd = ctr_vm_cache_file(cache, name, &st);
	if (fd < 0)
		(void)ctr_fail(err, CTR_FAULT_HOST, 0,
			       "'%s' is not ours, or others can write it, as soon as it is made",
			       name);
	else {
		describe(&text, &st, facts);
		if (ctr_file_replace(cache, seal, text.data, text.len, 0600, err) == 0)
			return ctr_take_fd(&fd);
	}
	(void)unlinkat(cache, name, 0);
	return -1;
}

/* ---- names */

uint64_t ctr_vm_cache_hash(const void *data, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return hash;
}

/* A time of change as well: who owns a file may set the others. */
void ctr_vm_cache_fact(struct ctr_buf *facts, const struct stat *st)
{
	ctr_buf_addf(facts, "%llx %llx %llx %llx.%lx %llx.%lx\n", (unsigned long long)st->st_dev,
		     (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
		     (unsigned long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		     (unsigned long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* ---- what is not needed any more */

struct entry {
	char name[NAME_MAX + 1];
	uint64_t size;
	time_t used; /* the latest time of its files */
};

/* What is made begins with its kind and ends with sixteen digits; behind those is which file of it
 * this is, or by whom it was begun. */
static bool name_of(const char *file, char name[NAME_MAX + 1])
{
	static const char *const kinds[] = { "root-", "initramfs-", "kernel-", "boot-" };
	const char *begin = file + (file[0] == '.'), *end = NULL;
	size_t kind = 0;

	while (kind < CTR_ARRAY_SIZE(kinds) &&
	       strncmp(begin, kinds[kind], strlen(kinds[kind])) != 0)
		kind++;
	if (kind == CTR_ARRAY_SIZE(kinds))
		return false;
	for (const char *dash = strchr(begin, '-'); dash; dash = strchr(dash + 1, '-'))
		if (strspn(dash + 1, "0123456789abcdef") == 16)
			end = dash + 17;
	if (!end)
		return false;
	(void)snprintf(name, NAME_MAX + 1, "%.*s", (int)(end - begin), begin);
	return true;
}

static void note(struct entry *entries, size_t *n, const char *name, const struct stat *st)
{
	struct entry *entry = entries;

	while (entry < entries + *n && strcmp(entry->name, name) != 0)
		entry++;
	if (entry == entries + *n) {
		if (*n == ENTRIES_MAX)
			return;
		*entry = (struct entry){ .size = 0 };
		(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
		(*n)++;
	}
	entry->size += (uint64_t)st->st_size;
	if (st->st_mtim.tv_sec > entry->used)
		entry->used = st->st_mtim.tv_sec;
}

static DIR *open_entries(int cache)
{
	int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool is_lock(const char *file)
{
	size_t length = strlen(file), end = sizeof(lock_suffix) - 1;

	return length > end && strcmp(file + length - end, lock_suffix) == 0;
}

/* All files of @name, unless somebody works on them. The lock is the last: who finds none makes
 * another, and what it then makes is not ours to take away. */
static bool forget(int cache, const char *name)
{
	_cleanup_close_ int lock = ctr_vm_cache_lock(cache, name, false);
	_cleanup_dir_ DIR *dir = lock < 0 ? NULL : open_entries(cache);
	struct dirent *file;
	char other[NAME_MAX + 1], own[NAME_MAX + sizeof(lock_suffix)];

	if (!dir)
		return false;
	while ((file = readdir(dir)))
		if (!is_lock(file->d_name) && name_of(file->d_name, other) &&
		    strcmp(other, name) == 0)
			(void)unlinkat(cache, file->d_name, 0);
	(void)snprintf(own, sizeof(own), "%s%s", name, lock_suffix);
	(void)unlinkat(cache, own, 0);
	return true;
}

static int by_use(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;

	return (one->used < other->used) - (one->used > other->used);
}

void ctr_vm_cache_prune(int cache)
{
	_cleanup_free_ struct entry *entries = calloc(ENTRIES_MAX, sizeof(*entries));
	_cleanup_dir_ DIR *dir = open_entries(cache);
	const time_t now = time(NULL), oldest = now - (time_t)KEPT_DAYS * 24 * 3600;
	char name[NAME_MAX + 1];
	struct dirent *file;
	uint64_t size = 0;
	struct stat st;
	size_t n = 0;

	while (entries && dir && (file = readdir(dir)))
		if (name_of(file->d_name, name) &&
		    fstatat(cache, file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			note(entries, &n, name, &st);
	if (n > 0)
		qsort(entries, n, sizeof(*entries), by_use);
	for (size_t i = 0; i < n; i++) {
		size += entries[i].size;
		if ((entries[i].used < oldest ||
		     (size > kept_bytes && entries[i].used < now - FRESH_SECONDS)) &&
		    forget(cache, entries[i].name))
			size -= entries[i].size;
	}
}
