/* Descriptors: whole writes, passing, pidfds, unix sockets of any path length. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { CONNECT_SECONDS = 5 };

int ctr_write_all(int fd, const void *data, size_t n)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	const char *p = data;
	ssize_t put;

	while (n > 0) {
		put = write(fd, p, n);
		if (put >= 0) {
			p += put;
			n -= (size_t)put;
		} else if (errno == EAGAIN) {
			/* Who reads a standard stream may have made it so that nothing waits. */
			(void)poll(&room, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

union fds_message {
	struct cmsghdr header;
	char space[CMSG_SPACE(CTR_FDS_MAX * sizeof(int))];
};

int ctr_send_fds(int sock, const void *data, size_t n, const int *fds, size_t nfds)
{
	union fds_message control;
	struct iovec part = { .iov_base = (void *)data, .iov_len = n };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (nfds > CTR_FDS_MAX)
		return -E2BIG;
	if (nfds > 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, nfds * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	}

	do
		sent = sendmsg(sock, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == n ? 0 : -EMSGSIZE;
}

/* Move the received descriptors to @fds; close what there is no room for. Returns how many. */
static size_t keep_fds(struct msghdr *message, int *fds, size_t room)
{
	struct cmsghdr *part;
	size_t kept = 0;
	size_t count, i;
	int fd;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
			if (kept < room)
				fds[kept++] = fd;
			else
				(void)close(fd);
		}
	}
	return kept;
}

ssize_t ctr_recv_fds(int sock, void *data, size_t n, int *fds, size_t *nfds)
{
	union fds_message control;
	struct iovec part = { .iov_base = data, .iov_len = n };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	size_t kept;
	ssize_t got;

	do
		got = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;

	kept = keep_fds(&message, fds, nfds ? *nfds : 0);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (kept > 0)
			(void)close(fds[--kept]);
		return -EMSGSIZE;
	}
	if (nfds)
		*nfds = kept;
	return got;
}

int ctr_fd_sanitize_std(void)
{
	int fd, null;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest number is free now and therefore the one that open() returns. Not
		 * CLOEXEC: standard streams are inherited. */
		null = open("/dev/null", O_RDWR | O_NOCTTY);
		if (null < 0)
			return -errno;
		if (null != fd) {
			(void)close(null);
			return -EBADF;
		}
	}
	return 0;
}

void ctr_fd_close_others(const int *keep, size_t n)
{
	_cleanup_dir_ DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);
		bool kept = fd <= STDERR_FILENO || fd == dirfd(dir);

		for (size_t i = 0; i < n && !kept; i++)
			kept = fd == keep[i];
		if (!kept)
			close(fd);
	}
}

void ctr_fd_close_on_exec(unsigned first)
{
	_cleanup_dir_ DIR *dir = NULL;
	struct dirent *entry;

	/* Before 5.11 close_range could not set the flag. */
	if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	dir = opendir("/proc/self/fd");
	while (dir && (entry = readdir(dir))) {
		unsigned fd = (unsigned)atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd >= first)
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	}
}

int ctr_pidfd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd; /* CLOEXEC always */
}

int ctr_pidfd_kill(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

/*
 * Fill @address for @path at @dirfd. A path of any length works by way of its directory, opened as
 * *@dir, which the caller keeps open while it uses the address.
 */
static int unix_address(int dirfd, const char *path, struct sockaddr_un *address, int *dir)
{
	const char *base = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t len = strlen(path);
	int n;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len == 0)
		return -ENOENT;
	if (len < sizeof(address->sun_path) && (dirfd == AT_FDCWD || path[0] == '/')) {
		memcpy(address->sun_path, path, len + 1);
		return 0;
	}

	if (base) {
		len = base == path ? 1 : (size_t)(base - path);
		base++;
		if (len >= sizeof(parent))
			return -ENAMETOOLONG;
		memcpy(parent, path, len);
		parent[len] = '\0';
	} else {
		base = path;
		memcpy(parent, ".", 2);
	}

	*dir = openat(dirfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return -errno;
	n = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", *dir,
		     base);
	return n < 0 || (size_t)n >= sizeof(address->sun_path) ? -ENAMETOOLONG : 0;
}

/* A socket, and unix_address(). A new descriptor, or -errno. */
static int unix_socket(int dirfd, const char *path, int type, struct sockaddr_un *address, int *dir)
{
	int r = unix_address(dirfd, path, address, dir);

	if (r < 0)
		return r;
	r = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return r < 0 ? -errno : r;
}

int ctr_unix_connect(int dirfd, const char *path, int type)
{
	/* Whoever listens may never accept, and his queue be full. */
	const struct timeval patience = { .tv_sec = CONNECT_SECONDS };
	_cleanup_close_ int sock = -1;
	_cleanup_close_ int dir = -1;
	struct sockaddr_un address;
	int r;

	r = unix_socket(dirfd, path, type, &address, &dir);
	if (r < 0)
		return r;
	sock = r;

	(void)setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	do
		r = connect(sock, (const struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return ctr_take_fd(&sock);
}

int ctr_unix_bind(int dirfd, const char *path, int type)
{
	_cleanup_close_ int sock = -1;
	_cleanup_close_ int dir = -1;
	struct sockaddr_un address;
	int r;

	r = unix_socket(dirfd, path, type, &address, &dir);
	if (r < 0)
		return r;
	sock = r;

	/* Ours alone, whatever the umask: bind(2) takes the mode from here. */
	if (fchmod(sock, 0600) < 0 ||
	    bind(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return ctr_take_fd(&sock);
}

int ctr_unix_listen(int dirfd, const char *path, int type)
{
	_cleanup_close_ int sock = ctr_unix_bind(dirfd, path, type);

	if (sock >= 0 && listen(sock, 8) < 0)
		return -errno;
	return ctr_take_fd(&sock);
}
