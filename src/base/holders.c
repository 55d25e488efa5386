/* Found by the links of /proc/PID/fd: nothing is read that a process could make us wait for. */
#include "base/holders.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/file.h"

enum { ROUND_MS = 10 };

int ctr_holders_name(int fd, char *name)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	(void)snprintf(name, CTR_HOLDERS_NAME, "socket:[%" PRIu64 "]", (uint64_t)st.st_ino);
	return 0;
}

static bool is_link(int dir, const char *name, const char *wanted)
{
	char text[CTR_HOLDERS_NAME];
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return strcmp(text, wanted) == 0;
}

static bool has_open(int proc, const char *socket)
{
	int fds = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *listing = fds < 0 ? NULL : fdopendir(fds);

	if (!listing) {
		/* Others' processes are out of sight, and none of ours. */
		ctr_close_ptr(&fds);
		return false;
	}

	for (struct dirent *entry; (entry = readdir(listing));)
		if (is_link(dirfd(listing), entry->d_name, socket))
			return true;
	return false;
}

/* Is process @name (its number) one of those? Then it is killed. */
static bool kill_holder(int proc, const char *name, const char *socket, bool (*is_ours)(int proc))
{
	_cleanup_close_ int dir = -1, pidfd = -1;
	uint64_t pid;

	if (ctr_parse_u64(name, &pid) < 0)
		return false;
	/* A directory of /proc stays that of its process, whoever gets the number. */
	dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !has_open(dir, socket) || (is_ours && !is_ours(dir)))
		return false;

	pidfd = ctr_pidfd_open((pid_t)pid);
	/* Whose pidfd is it? With older kernels the question is the same, and later. */
	if ((pidfd < 0 && pidfd != -ENOSYS) || !has_open(dir, socket))
		return true;
	if (pidfd < 0)
		(void)kill((pid_t)pid, SIGKILL);
	else
		(void)ctr_pidfd_kill(pidfd, SIGKILL);
	return true;
}

/* All that there are at the moment: how many? */
static unsigned kill_holders(const char *name, bool (*is_ours)(int proc))
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	unsigned found = 0;

	for (struct dirent *entry; proc && (entry = readdir(proc));)
		found += kill_holder(dirfd(proc), entry->d_name, name, is_ours);
	return found;
}

bool ctr_holders_end(const char *name, bool (*is_ours)(int proc), int patience_ms)
{
	const struct timespec pause = { .tv_nsec = ROUND_MS * 1000000L };

	for (int waited = 0; kill_holders(name, is_ours) > 0; waited += ROUND_MS) {
		if (waited >= patience_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}
