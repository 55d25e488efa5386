/* Children of a ctr that was killed: named by delete --force, found in /proc. */
#include "core/orphan.h"

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
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

enum { ROUND_MS = 10, DEATH_WAIT_MS = 10000, LINK_TEXT = 64 };

static const char claim_name[] = "child";

int ctr_orphan_claim(int dir, int fd, struct ctr_error *err)
{
	char text[LINK_TEXT];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot examine a socket");

	/* As the links in /proc/PID/fd name it. */
	(void)snprintf(text, sizeof(text), "socket:[%" PRIu64 "]", (uint64_t)st.st_ino);
	if (symlinkat(text, dir, claim_name) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make the link '%s'",
				claim_name);
	return 0;
}

/* The text of a link; empty where it cannot be read. */
static const char *read_link(int dir, const char *name, char *text, size_t size)
{
	ssize_t n = readlinkat(dir, name, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/*
 * Numbers of sockets begin anew with every boot, and a state root may be older. So it must be
 * ctr-init, of memory or installed (core/image.c). Before its execve the child is not found, but
 * then it ends by itself: it has nobody to report to.
 */
static bool is_init(int proc)
{
	static const char memory[] = "/memfd:ctr-init ";
	char exe[LINK_TEXT];
	struct stat st, installed;

	if (strncmp(read_link(proc, "exe", exe, sizeof(exe)), memory, strlen(memory)) == 0)
		return true;
	return fstatat(proc, "exe", &st, 0) == 0 &&
	       stat(CTR_LIBEXECDIR "/ctr-init", &installed) == 0 && st.st_dev == installed.st_dev &&
	       st.st_ino == installed.st_ino;
}

static bool has_open(int proc, const char *socket)
{
	int fds = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *listing = fds < 0 ? NULL : fdopendir(fds);
	char text[LINK_TEXT];

	if (!listing) {
		/* Others' processes are out of sight, and none of ours. */
		ctr_close_ptr(&fds);
		return false;
	}

	for (struct dirent *entry; (entry = readdir(listing));)
		if (strcmp(read_link(dirfd(listing), entry->d_name, text, sizeof(text)), socket) ==
		    0)
			return true;
	return false;
}

/* Is process @name (its number) one of those? Then it is killed. */
static bool kill_holder(int proc, const char *name, const char *socket)
{
	_cleanup_close_ int dir = -1, pidfd = -1;
	uint64_t pid;

	if (ctr_parse_u64(name, &pid) < 0)
		return false;
	/* A directory of /proc stays that of its process, whoever gets the number. */
	dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !has_open(dir, socket) || !is_init(dir))
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

static unsigned kill_holders(const char *socket)
{
	_cleanup_dir_ DIR *proc = opendir("/proc");
	unsigned found = 0;

	for (struct dirent *entry; proc && (entry = readdir(proc));)
		found += kill_holder(dirfd(proc), entry->d_name, socket);
	return found;
}

int ctr_orphan_end(int dir, struct ctr_error *err)
{
	const struct timespec pause = { .tv_nsec = ROUND_MS * 1000000L };
	char socket[LINK_TEXT];

	(void)read_link(dir, claim_name, socket, sizeof(socket));
	if (socket[0] == '\0')
		return 0;

	for (int waited = 0; kill_holders(socket) > 0; waited += ROUND_MS) {
		if (waited >= DEATH_WAIT_MS)
			return ctr_fail(err, CTR_FAULT_HOST, 0,
					"what an interrupted ctr has started does not end");
		nanosleep(&pause, NULL);
	}
	return 0;
}
