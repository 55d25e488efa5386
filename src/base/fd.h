/* Descriptors and the bytes behind them. Every descriptor is born CLOEXEC. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Write all of @n bytes; EINTR, short counts and a descriptor that does not wait (EAGAIN) are
 * handled. 0 or -errno. */
int ctr_write_all(int fd, const void *data, size_t n);

/* Send @n bytes and @nfds descriptors (at most CTR_FDS_MAX) as one message. 0 or -errno. */
enum { CTR_FDS_MAX = 64 };
int ctr_send_fds(int sock, const void *data, size_t n, const int *fds, size_t nfds);
/* Receive one message of at most @n bytes. Descriptors come CLOEXEC; those beyond *@nfds are
 * closed. Returns the length (0: end of file) or -errno; a truncated message is -EMSGSIZE. */
ssize_t ctr_recv_fds(int sock, void *data, size_t n, int *fds, size_t *nfds);

/* Open /dev/null in place of each of 0, 1, 2 that is closed. 0 or -errno. */
int ctr_fd_sanitize_std(void);

/* Close all but the standard streams and @keep, whatever the caller's caller has left open. */
void ctr_fd_close_others(const int *keep, size_t n);

/* Mark those from @first on, whoever has left them open, to be closed by execve. */
void ctr_fd_close_on_exec(unsigned first);

/* pidfd_open(2). A new descriptor, or -errno. */
int ctr_pidfd_open(pid_t pid);
/* pidfd_send_signal(2). 0 or -errno. */
int ctr_pidfd_kill(int pidfd, int sig);

/* Connect (or bind, or bind and listen) a unix socket of any path length, by way of /proc/self/fd/N
 * of its directory when it is longer than sun_path. What is bound has the mode 0600. @type is that
 * of socket(2), with flags. Neither connecting nor sending waits longer than 5 s: -ETIMEDOUT.
 * A new descriptor, or -errno. */
int ctr_unix_connect(int dirfd, const char *path, int type);
int ctr_unix_bind(int dirfd, const char *path, int type);
int ctr_unix_listen(int dirfd, const char *path, int type);
