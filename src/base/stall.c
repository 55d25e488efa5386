/*
 * What a process waits at is told by /proc/PID/syscall, and pidfd_getfd(2) takes it. shutdown(2)
 * would be an end of file to who reads, and that may mean that all is well; connect(2) to AF_UNSPEC
 * is a reset.
 */
#include "base/stall.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/file.h"

enum { CHILDREN_TEXT = 4096 };

#ifndef SYS_accept
#define SYS_accept (-1) /* no number that a process could be at */
#endif

/* System calls that wait, and which of their arguments is the socket. */
/* clang-format off */
static const struct {
	long number;
	unsigned argument;
} waits[] = {
	{ SYS_accept, 0 },
	{ SYS_accept4, 0 },
	{ SYS_connect, 0 },
	{ SYS_read, 0 },
	{ SYS_recvfrom, 0 },
	{ SYS_recvmsg, 0 },
	{ SYS_write, 0 },
	{ SYS_writev, 0 },
	{ SYS_sendto, 0 },
	{ SYS_sendmsg, 0 },
	{ SYS_sendfile, 0 },
	{ SYS_splice, 0 },
	{ SYS_splice, 2 },
};
/* clang-format on */

/* "NUMBER 0xARGUMENT ..."; "running" is in none. */
static bool read_call(pid_t pid, long *number, long arguments[static 3])
{
	char path[64], text[256], *at = text;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	n = ctr_file_read_small(AT_FDCWD, path, text, sizeof(text));
	if (n <= 0 || text[0] < '0' || text[0] > '9')
		return false;
	*number = strtol(at, &at, 10);
	for (size_t i = 0; i < 3; i++)
		arguments[i] = (long)strtoul(at, &at, 16);
	return true;
}

static void disconnect(int pidfd, long number)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	_cleanup_close_ int fd = -1;
	int domain = 0, repair = 0;
	socklen_t size = sizeof(domain), repair_size = sizeof(repair);

	if (number < 0 || number > INT32_MAX)
		return;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)number, 0);
	/* One that is being repaired is a connection of what CRIU dumps (tcp(7), TCP_REPAIR). */
	if (fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &repair, &repair_size) == 0 &&
	    repair)
		return;
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	    (domain == AF_INET || domain == AF_INET6))
		(void)connect(fd, &none, sizeof(none));
}

static void end_one(pid_t pid)
{
	_cleanup_close_ int pidfd = ctr_pidfd_open(pid);
	long number = 0, arguments[3] = { 0 };

	if (pidfd < 0 || !read_call(pid, &number, arguments))
		return;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(waits); i++)
		if (waits[i].number == number)
			disconnect(pidfd, arguments[waits[i].argument]);
}

void ctr_stall_end(pid_t pid)
{
	char path[64], text[CHILDREN_TEXT], *at = text;

	end_one(pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if (ctr_file_read_small(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return;
	for (long child = strtol(at, &at, 10); child > 0; child = strtol(at, &at, 10))
		end_one((pid_t)child);
}
