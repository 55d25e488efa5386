/* The state root on disk. No content is interpreted here: that is record.c. */
#include "state/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "state/id.h"

const char *ctr_state_default_root(struct ctr_arena *arena, const struct ctr_host *host)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (!host->rootless)
		return "/run/ctr";

	if (runtime && runtime[0] == '/')
		return ctr_arena_printf(arena, "%s/ctr", runtime);

	return host->euid == 0 ? "/run/ctr"
			       : ctr_arena_printf(arena, "/tmp/ctr-%u", (unsigned)host->euid);
}

/* mkdir -p; the last component gets 0700. */
static int make_path(const char *path, struct ctr_error *err)
{
	char partial[4096];
	size_t len = strlen(path);

	if (len >= sizeof(partial))
		return ctr_fail(err, CTR_FAULT_USAGE, ENAMETOOLONG, "state root '%.64s...'", path);

	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;

		memcpy(partial, path, i);
		partial[i] = '\0';
		if (mkdir(partial, i == len ? 0700 : 0755) < 0 && errno != EEXIST)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot create state root '%s'",
					partial);
	}

	return 0;
}

/* A root in a world-writable place (/tmp) may have been laid by somebody else. */
static int check_owner(int fd, const char *root, struct ctr_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot examine state root '%s'", root);

	if (st.st_uid != geteuid() && geteuid() != 0)
		return ctr_fail(err, CTR_FAULT_HOST, EPERM, "state root '%s' belongs to user %u",
				root, (unsigned)st.st_uid);

	return 0;
}

int ctr_state_open_root(const char *root, bool make, struct ctr_error *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	_cleanup_close_ int fd = -1;

	fd = open(root, flags);
	if (fd < 0 && errno == ENOENT && make) {
		if (make_path(root, err) < 0)
			return -1;
		fd = open(root, flags);
	}
	if (fd < 0)
		return ctr_fail(err, errno == ENOENT ? CTR_FAULT_NOT_FOUND : CTR_FAULT_HOST, errno,
				"cannot open state root '%s'", root);

	if (check_owner(fd, root, err) < 0)
		return -1;

	return ctr_take_fd(&fd);
}

/* Is @dir still the directory of that name, or was it removed while its lock was waited for? */
static bool is_current(int root, const char *id, int dir)
{
	struct stat ours, named;

	return fstat(dir, &ours) == 0 && fstatat(root, id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

int ctr_state_make(int root, const char *id, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;

	if (ctr_id_check(id, err) < 0)
		return -1;

	if (mkdirat(root, id, 0711) < 0) {
		if (errno == EEXIST)
			return ctr_fail(err, CTR_FAULT_STATE, 0,
					"container with given ID already exists: '%s'", id);
		if (errno == ENAMETOOLONG)
			return ctr_fail(
				err, CTR_FAULT_USAGE, 0,
				"invalid container ID format: '%.32s...' is too long for a file name (%zu characters)",
				id, strlen(id));
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"cannot create state directory of container '%s'", id);
	}

	/* Until it is locked it is free for somebody to remove, and another to make and to lock:
	 * what is done from then on, and taken back, is done by name. */
	fd = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_current(root, id, fd)) {
		if (fchmod(fd, 0711) == 0)
			return ctr_take_fd(&fd);
		(void)ctr_fail(err, CTR_FAULT_HOST, errno,
			       "cannot set the mode of the state directory of container '%s'", id);
		(void)unlinkat(root, id, AT_REMOVEDIR);
		return -1;
	}
	if (fd < 0 && errno != ENOENT) {
		(void)ctr_fail(err, CTR_FAULT_HOST, errno,
			       "cannot open state directory of container '%s'", id);
		(void)unlinkat(root, id, AT_REMOVEDIR);
		return -1;
	}
	return ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s' was deleted meanwhile", id);
}

static int fail_absent(const char *id, struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_NOT_FOUND, 0, "container `%s` does not exist", id);
}

int ctr_state_open(int root, const char *id, enum ctr_state_lock lock, bool *locked,
		   struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;

	if (locked)
		*locked = false;
	if (ctr_id_check(id, err) < 0)
		return -1;

	fd = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ENOENT || errno == ENAMETOOLONG)
			return fail_absent(id, err);
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open state of container '%s'",
				id);
	}

	if (lock == CTR_LOCK_NONE)
		return ctr_take_fd(&fd);

	while (flock(fd, lock == CTR_LOCK_TRY ? LOCK_EX | LOCK_NB : LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			return ctr_take_fd(&fd);
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot lock state of container '%s'",
				id);
	}
	/* What is done under the lock is done by name: it must not meet a successor. */
	if (!is_current(root, id, fd))
		return fail_absent(id, err);
	if (locked)
		*locked = true;

	return ctr_take_fd(&fd);
}

bool ctr_state_is_free(int dir)
{
	bool is_free = flock(dir, LOCK_SH | LOCK_NB) == 0;

	if (is_free)
		ctr_state_unlock(dir);
	return is_free;
}

void ctr_state_unlock(int dir)
{
	(void)flock(dir, LOCK_UN);
}

bool ctr_state_relock(int root, const char *id, int dir)
{
	while (flock(dir, LOCK_EX) < 0 && errno == EINTR)
		;
	return is_current(root, id, dir);
}

static void make_mark(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		(void)close(fd);
}

void ctr_state_end(int dir)
{
	make_mark(dir, "ending");
}

bool ctr_state_is_ending(int dir)
{
	return faccessat(dir, "ending", F_OK, 0) == 0;
}

void ctr_state_make_known(int dir)
{
	make_mark(dir, "made");
}

bool ctr_state_is_made(int dir)
{
	return faccessat(dir, "made", F_OK, 0) == 0;
}

int ctr_state_remove(int root, const char *id, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;
	_cleanup_dir_ DIR *dir = NULL;

	fd = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : ctr_fail(err, CTR_FAULT_HOST, errno,
						  "cannot open state of container '%s'", id);

	/* The files by name first: the common case needs no directory reading. */
	unlinkat(fd, "gate", 0);
	unlinkat(fd, "config.json", 0);
	unlinkat(fd, "cgroup", 0);
	unlinkat(fd, "record", 0);
	if (unlinkat(root, id, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;

	dir = fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	if (dir) {
		struct dirent *entry;

		/* Not of directories, which are known by name. */
		while ((entry = readdir(dir)))
			(void)unlinkat(fd, entry->d_name, 0);
	}
	unlinkat(fd, "notify/notify.sock", 0);
	unlinkat(fd, "notify", AT_REMOVEDIR);

	if (unlinkat(root, id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot remove state of container '%s'",
				id);

	return 0;
}

/* Not every file system tells it in its directories. */
static bool is_directory(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int ctr_state_list(int root, struct ctr_arena *arena, const char ***out, size_t *n,
		   struct ctr_error *err)
{
	_cleanup_dir_ DIR *dir = NULL;
	const char **list = NULL;
	size_t count = 0, size = 0;
	struct dirent *entry;

	dir = fdopendir(fcntl(root, F_DUPFD_CLOEXEC, 0));
	if (!dir)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot read the state root");
	rewinddir(dir);

	while ((entry = readdir(dir))) {
		/* Names that cannot be ids, the seccomp cache ("-seccomp") among them, are not
		 * ours. */
		if (ctr_id_check(entry->d_name, NULL) < 0 || !is_directory(root, entry))
			continue;

		if (count == size) {
			size_t grown = size ? 2 * size : 64;

			list = ctr_arena_grow(arena, list, size * sizeof(*list),
					      grown * sizeof(*list));
			size = grown;
		}
		list[count++] = ctr_arena_strdup(arena, entry->d_name);
	}

	if (count > 1)
		qsort(list, count, sizeof(*list), compare_names);
	*out = list;
	*n = count;
	return 0;
}
