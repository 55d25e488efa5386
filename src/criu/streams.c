/* Standard streams of a container: what they are, and what takes their place. */
#include "criu/streams.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "criu/mountinfo.h"
#include "oci/checkpoint.h"

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

static bool is_among(pid_t pid, const pid_t *pids, size_t npids)
{
	for (size_t i = 0; i < npids; i++)
		if (pids[i] == pid)
			return true;

	return false;
}

/* Is somebody at an end of that pipe who is none of @pids? */
static bool is_held_outside(const char *name, const pid_t *pids, size_t npids)
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	const struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		uint64_t pid;

		if (ctr_parse_u64(entry->d_name, &pid) == 0 && pid <= INT32_MAX &&
		    !is_among((pid_t)pid, pids, npids) && ends_held((pid_t)pid, name) != 0)
			return true;
	}
	return false;
}

static bool is_terminal(const struct stat *st)
{
	/* Not the device that is always the caller's own. */
	return S_ISCHR(st->st_mode) && major(st->st_rdev) >= 136 && major(st->st_rdev) <= 143;
}

/* Where the host's terminals are bound into a container, one of them is on a mount of its own. */
static bool is_outer_terminal(const struct stat *st)
{
	struct stat host;

	return is_terminal(st) && stat("/dev/pts", &host) == 0 && host.st_dev == st->st_dev;
}

static int find(struct ctr_stream *out, pid_t pid, int fd, const struct ctr_mountinfos *mounts,
		const pid_t *pids, size_t npids, struct ctr_arena *arena, struct ctr_error *err)
{
	char path[64], number[16], info[1024], link[LINK_SIZE];
	struct stat st;
	unsigned long mount;
	ssize_t n;

	*out = (struct ctr_stream){ .name = "", .of = (uint32_t)fd, .fd = -1, .stand_in = -1 };
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	snprintf(number, sizeof(number), "%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0 && errno == ENOENT)
		return 0; /* closed */
	if (n < 0 || stat(path, &st) < 0 || read_fdinfo(pid, number, info, sizeof(info)) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot look at '%s'", path);
	link[n] = '\0';

	if (S_ISFIFO(st.st_mode) && strncmp(link, "pipe:[", 6) == 0) {
		/* Mostly the process has both: to ask all of them takes as many times as long. */
		if (!is_own_pipe(link, &pid, 1) && !is_own_pipe(link, pids, npids))
			out->name = ctr_arena_strdup(arena, link);
		return 0;
	}
	if (S_ISSOCK(st.st_mode)) {
		/* Only those of unix can be external; CRIU tells of others. */
		out->name = ctr_arena_strdup(arena, link);
		out->external = ctr_arena_printf(arena, "unix[%lu]", (unsigned long)st.st_ino);
		return 0;
	}

	/* What has no place in any tree of files (epoll, timers, memory files) CRIU makes itself.
	 */
	if (link[0] != '/' || (st.st_nlink == 0 && strncmp(link, "/memfd:", 7) == 0))
		return 0;
	mount = fdinfo_number(info, "mnt_id:", 10);
	if (ctr_mountinfo_find(mounts, (unsigned)mount) && !is_outer_terminal(&st))
		return 0; /* of the container's own files */
	if (is_terminal(&st))
		out->name = ctr_arena_printf(arena, "tty[%lx:%lx]", (unsigned long)st.st_rdev,
					     (unsigned long)st.st_dev);
	else
		out->name =
			ctr_arena_printf(arena, "file[%lx:%lx]", mount, (unsigned long)st.st_ino);
	out->external = out->name;
	out->mode = st.st_mode;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (st.st_size <= UINT32_MAX)
		out->size = (uint32_t)st.st_size;
	out->stand_in = open(path, O_PATH | O_CLOEXEC);
	return out->stand_in >= 0 ? 0
				  : ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
}

static bool is_pipe(const struct ctr_stream *stream)
{
	return strncmp(stream->name, "pipe:[", 6) == 0;
}

static bool is_known(const struct ctr_streams *streams, const char *name)
{
	for (size_t i = 0; i < streams->count; i++)
		if (strcmp(streams->list[i].name, name) == 0)
			return true;

	return false;
}

/* Files and terminals come to the standard streams; a pipe has an end of its own. */
static bool is_other(const struct ctr_stream *stream, const pid_t *pids, size_t npids)
{
	return strncmp(stream->name, "file[", 5) == 0 || strncmp(stream->name, "tty[", 4) == 0 ||
	       (stream->of >= CTR_STREAMS && is_pipe(stream) &&
		is_held_outside(stream->name, pids, npids));
}

/* A new one's place: of the last that there are, a file gets that of a pipe. */
static struct ctr_stream *place(struct ctr_streams *out)
{
	for (size_t i = CTR_STREAMS; i < out->count && out->count == CTR_STREAMS_MAX - 1; i++)
		if (is_pipe(&out->list[i]))
			return &out->list[i];

	return &out->list[out->count++];
}

/* What is from outside behind any descriptor of @pid. One that ends meanwhile has none. */
static int find_others(struct ctr_streams *out, pid_t pid, const struct ctr_mountinfos *mounts,
		       const pid_t *pids, size_t npids, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	char path[32], info[1024];
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) && out->count < CTR_STREAMS_MAX) {
		struct ctr_stream stream = { .stand_in = -1 };
		uint64_t fd;

		if (ctr_parse_u64(entry->d_name, &fd) < 0 || fd > INT32_MAX ||
		    find(&stream, pid, (int)fd, mounts, pids, npids, arena, NULL) < 0 ||
		    is_known(out, stream.name) || !is_other(&stream, pids, npids) ||
		    read_fdinfo(pid, entry->d_name, info, sizeof(info)) < 0) {
			ctr_close_ptr(&stream.stand_in);
			continue;
		}
		/* One that has no room is given by nobody at the restore: a convenience. */
		if (is_pipe(&stream) && out->count == CTR_STREAMS_MAX - 1)
			continue;
		if (!is_pipe(&stream))
			stream.of =
				(fdinfo_number(info, "flags:", 8) & O_ACCMODE) == O_RDONLY ? 0 : 1;
		*place(out) = stream;
	}

	return out->count < CTR_STREAMS_MAX
		       ? 0
		       : ctr_fail(err, CTR_FAULT_HOST, 0,
				  "the container has more than %d files open that are not on its "
				  "mounts",
				  CTR_STREAMS_MAX - 1);
}

int ctr_streams_find(struct ctr_streams *out, pid_t pid, const struct ctr_mountinfos *mounts,
		     const pid_t *pids, size_t npids, struct ctr_arena *arena,
		     struct ctr_error *err)
{
	out->count = 0;
	for (int fd = 0; fd < CTR_STREAMS; fd++)
		if (find(&out->list[out->count++], pid, fd, mounts, pids, npids, arena, err) < 0)
			return -1;
	/* Init first, whose descriptors have the numbers that its caller gave them. */
	if (find_others(out, pid, mounts, pids, npids, arena, err) < 0)
		return -1;
	for (size_t i = 0; i < npids; i++)
		if (pids[i] != pid &&
		    find_others(out, pids[i], mounts, pids, npids, arena, err) < 0)
			return -1;

	return 0;
}

bool ctr_streams_measure(struct ctr_streams *streams)
{
	bool changed = false;

	for (size_t i = 0; i < streams->count; i++) {
		struct ctr_stream *stream = &streams->list[i];
		struct stat st;

		if (stream->stand_in < 0 || fstat(stream->stand_in, &st) < 0 ||
		    st.st_size > UINT32_MAX || stream->size == st.st_size)
			continue;
		stream->size = (uint32_t)st.st_size;
		changed = true;
	}
	return changed;
}

/* Can @fd stand for the file that @stream was? A hole makes a shorter file fit. */
static bool can_be_file(int fd, const struct ctr_stream *stream)
{
	struct stat st;

	/* CRIU opens it anew by its number, which a pipe without a name allows as well. */
	if (S_ISFIFO(stream->mode))
		return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
	/* A file has a position, which CRIU sets; a pipe and a terminal have none. */
	if (lseek(fd, 0, SEEK_CUR) < 0 || fstat(fd, &st) < 0)
		return false;
	if (stream->mode && (st.st_mode & S_IFMT) != (stream->mode & S_IFMT))
		return false;
	if (!S_ISREG(st.st_mode))
		return stream->size == 0;
	return st.st_size == stream->size ||
	       (st.st_size < stream->size && ftruncate(fd, stream->size) == 0);
}

/* A pipe with nobody at its other end, as of a fifo that was left alone. */
static int open_lone_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	close(ends[1]);
	return ends[0];
}

/* A descriptor, or -errno. */
static int open_stand_in(const struct ctr_stream *stream)
{
	const bool is_file = stream->size > 0 || S_ISREG(stream->mode);
	_cleanup_close_ int fd = -1;

	if (S_ISFIFO(stream->mode))
		return open_lone_pipe();
	if (is_file)
		fd = memfd_create("ctr-stream", MFD_CLOEXEC);
	else
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || (is_file && ftruncate(fd, stream->size) < 0))
		return -errno;
	return ctr_take_fd(&fd);
}

static bool has_other_mode(const struct ctr_stream *stream)
{
	struct stat st;

	return stream->mode && fstat(stream->fd, &st) == 0 && st.st_mode != stream->mode;
}

/* One of the caller's for each file that CRIU is given: it closes what it has inherited, so one
 * descriptor cannot stand for two files, and it looks for a terminal on its own stream 0. */
static int duplicate(struct ctr_stream *stream, struct ctr_error *err)
{
	stream->stand_in = fcntl(stream->fd, F_DUPFD_CLOEXEC, CTR_STREAMS);
	if (stream->stand_in < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot duplicate descriptor %d",
				stream->fd);
	stream->fd = stream->stand_in;
	return 0;
}

/* A pipe behind a descriptor that a caller had passed on: without a new one the process finds it as
 * when whoever was at the other end has ended. */
static int resolve_passed(struct ctr_stream *stream, uint32_t preserved, struct ctr_error *err)
{
	/* One that closes on exec is ours. */
	if (stream->of < CTR_STREAMS + preserved && fcntl((int)stream->of, F_GETFD) == 0) {
		stream->fd = (int)stream->of;
		return duplicate(stream, err);
	}
	ctr_log(CTR_LOG_WARNING,
		"descriptor %u was a pipe to the outside, and has nobody at its other end now "
		"(--preserve-fds)",
		stream->of);
	return 0;
}

static int resolve(struct ctr_stream *stream, size_t i, uint32_t preserved, struct ctr_error *err)
{
	const bool was_terminal = strncmp(stream->name, "tty[", 4) == 0;

	if (stream->name[0] == '\0')
		return 0;
	if (i >= CTR_STREAMS && is_pipe(stream))
		return resolve_passed(stream, preserved, err);
	stream->fd = (int)stream->of;
	if (was_terminal && !isatty(stream->fd))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"the checkpointed container used a terminal of its caller's: "
				"standard stream %d, which takes its place, is none",
				stream->fd);
	if (strncmp(stream->name, "file[", 5) != 0 || can_be_file(stream->fd, stream)) {
		return i < CTR_STREAMS && !was_terminal ? 0 : duplicate(stream, err);
	}

	stream->stand_in = open_stand_in(stream);
	if (stream->stand_in < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -stream->stand_in,
				"cannot open a file for standard stream %zu", i);
	ctr_log(CTR_LOG_WARNING,
		"standard stream %zu was a %s of %u bytes: what it is now cannot take its place, "
		"nothing does",
		i, S_ISFIFO(stream->mode) ? "fifo" : "file", stream->size);
	stream->fd = stream->stand_in;
	return 0;
}

/* Which descriptor of the caller's is like the one that was @i? A damaged list has its limits. */
static uint32_t descriptor_of(const struct ctr_checkpoint *checkpoint, size_t i)
{
	const struct ctr_stream stream = { .name = checkpoint->descriptors[i] };

	if (i < CTR_STREAMS)
		return (uint32_t)i;
	return i < checkpoint->nof && (is_pipe(&stream) || checkpoint->of[i] < CTR_STREAMS)
		       ? checkpoint->of[i]
		       : 1;
}

int ctr_streams_resolve(struct ctr_streams *out, const struct ctr_checkpoint *checkpoint,
			uint32_t preserved, struct ctr_error *err)
{
	size_t n = checkpoint ? checkpoint->ndescriptors : 0;

	out->count = 0;
	out->other_modes = false;
	for (size_t i = 0; i < n && i < CTR_STREAMS_MAX; i++) {
		out->list[out->count++] = (struct ctr_stream){
			.name = checkpoint->descriptors[i],
			.size = i < checkpoint->nsizes ? checkpoint->sizes[i] : 0,
			.mode = i < checkpoint->nmodes ? checkpoint->modes[i] : 0,
			.of = descriptor_of(checkpoint, i),
			.fd = -1,
			.stand_in = -1,
		};
		if (resolve(&out->list[i], i, preserved, err) < 0)
			return -1;
		out->other_modes |= has_other_mode(&out->list[i]);
	}
	return 0;
}

void ctr_streams_release(struct ctr_streams *streams)
{
	for (size_t i = 0; i < streams->count; i++)
		ctr_close_ptr(&streams->list[i].stand_in);
	streams->count = 0;
}
