/* Standard streams of a container: what they are, and what takes their place. */
#include "criu/streams.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "criu/mountinfo.h"

enum { LINK_SIZE = 4096 };

/* A line "NAME:\tNUMBER" of fdinfo; 0: there is none. */
static unsigned long fdinfo_number(const char *text, const char *name, int base)
{
	const char *at = strstr(text, name);

	return at ? strtoul(at + strlen(name), NULL, base) : 0;
}

static ssize_t read_fdinfo(pid_t pid, const char *fd, char *text, size_t size)
{
	char path[320];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", (int)pid, fd);
	return ctr_file_read_small(AT_FDCWD, path, text, size);
}

/* Which ends of the pipe that is called @name does @pid hold? Bit 0: reading, bit 1: writing. */
static unsigned ends_held(pid_t pid, const char *name)
{
	char path[32], info[512], link[64];
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	unsigned ends = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (strcmp(link, name) != 0 ||
		    read_fdinfo(pid, entry->d_name, info, sizeof(info)) < 0)
			continue;
		switch (fdinfo_number(info, "flags:", 8) & O_ACCMODE) {
		case O_RDONLY:
			ends |= 1;
			break;
		case O_WRONLY:
			ends |= 2;
			break;
		default:
			ends |= 3;
		}
	}
	return ends;
}

static bool is_own_pipe(const char *name, const pid_t *pids, size_t npids)
{
	unsigned ends = 0;

	for (size_t i = 0; i < npids && ends != 3; i++)
		ends |= ends_held(pids[i], name);
	return ends == 3;
}

static int find(struct ctr_stream *out, pid_t pid, int fd, const struct ctr_mountinfos *mounts,
		const pid_t *pids, size_t npids, struct ctr_arena *arena, struct ctr_error *err)
{
	char path[64], number[8], info[1024], link[LINK_SIZE];
	struct stat st;
	unsigned long mount;
	ssize_t n;

	*out = (struct ctr_stream){ .name = "", .fd = -1 };
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	snprintf(number, sizeof(number), "%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0 && errno == ENOENT)
		return 0; /* closed */
	if (n < 0 || stat(path, &st) < 0 || read_fdinfo(pid, number, info, sizeof(info)) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot look at '%s'", path);
	link[n] = '\0';

	if (S_ISFIFO(st.st_mode) && strncmp(link, "pipe:[", 6) == 0) {
		if (!is_own_pipe(link, pids, npids))
			out->name = ctr_arena_strdup(arena, link);
		return 0;
	}
	if (S_ISSOCK(st.st_mode)) {
		/* Only those of unix can be external; CRIU tells of others. */
		out->name = ctr_arena_strdup(arena, link);
		out->external = ctr_arena_printf(arena, "unix[%lu]", (unsigned long)st.st_ino);
		return 0;
	}

	mount = fdinfo_number(info, "mnt_id:", 10);
	if (ctr_mountinfo_find(mounts, (unsigned)mount))
		return 0; /* of the container's own files */
	/* A terminal, but not the device that is always the caller's own. */
	if (S_ISCHR(st.st_mode) && (major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143))
		out->name = ctr_arena_printf(arena, "tty[%lx:%lx]", (unsigned long)st.st_rdev,
					     (unsigned long)st.st_dev);
	else
		out->name =
			ctr_arena_printf(arena, "file[%lx:%lx]", mount, (unsigned long)st.st_ino);
	out->external = out->name;
	return 0;
}

int ctr_streams_find(struct ctr_streams *out, pid_t pid, const struct ctr_mountinfos *mounts,
		     const pid_t *pids, size_t npids, struct ctr_arena *arena,
		     struct ctr_error *err)
{
	out->count = CTR_STREAMS;
	for (int fd = 0; fd < CTR_STREAMS; fd++)
		if (find(&out->list[fd], pid, fd, mounts, pids, npids, arena, err) < 0)
			return -1;

	return 0;
}

/* A file has a position, which CRIU sets; a pipe has none. */
static bool can_be_file(int fd)
{
	return lseek(fd, 0, SEEK_CUR) >= 0;
}

int ctr_streams_resolve(struct ctr_streams *out, const char *const *names, size_t n, int *null,
			struct ctr_error *err)
{
	out->count = n < CTR_STREAMS ? n : CTR_STREAMS;
	for (size_t i = 0; i < out->count; i++) {
		struct ctr_stream *stream = &out->list[i];

		*stream = (struct ctr_stream){ .name = names[i], .fd = -1 };
		if (names[i][0] == '\0')
			continue;
		stream->fd = (int)i;
		if (strncmp(names[i], "file[", 5) != 0 || can_be_file(stream->fd))
			continue;

		if (*null < 0)
			*null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (*null < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '/dev/null'");
		ctr_log(CTR_LOG_WARNING,
			"standard stream %zu was a file: a pipe or terminal cannot take its place, "
			"/dev/null does",
			i);
		stream->fd = *null;
	}
	return 0;
}
