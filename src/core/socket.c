/* One connection, one message, one descriptor. */
#include "core/socket.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"

static int send_fd(const char *path, int fd, const char *payload, const char *origin,
		   struct ctr_error *err)
{
	size_t len = strlen(payload), sent;
	_cleanup_close_ int sock = -1;
	int r;

	sock = ctr_unix_connect(AT_FDCWD, path, SOCK_STREAM);
	if (sock < 0) {
		r = sock;
		sock = -1;
		return ctr_fail(err, CTR_FAULT_HOST, -r, "%s: cannot connect to '%s'", origin,
				path);
	}

	/* The descriptor travels with the first bytes; a long text follows without it. */
	sent = len < 4000 ? len : 4000;
	r = ctr_send_fds(sock, payload, sent, &fd, 1);
	if (r == 0 && sent < len)
		r = ctr_write_all(sock, payload + sent, len - sent);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "%s: cannot send to '%s'", origin, path);
	return 0;
}

int ctr_socket_send_console(const char *path, int fd, struct ctr_error *err)
{
	return send_fd(path, fd, "/dev/ptmx", "--console-socket", err);
}

int ctr_socket_send_pidfd(const char *path, int fd, struct ctr_error *err)
{
	return send_fd(path, fd, "pidfd", "--pidfd-socket", err);
}

int ctr_socket_send_listener(const char *path, int fd, const char *state, struct ctr_error *err)
{
	return send_fd(path, fd, state, "linux.seccomp.listenerPath", err);
}
