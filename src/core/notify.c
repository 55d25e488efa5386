/*
 * One datagram is one message: lines of KEY=VALUE. A container may tell of itself; what would give
 * it a hand in the manager's business (who may notify, descriptors to keep, main process) stays
 * here.
 */
#include "core/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/strerror.h"
#include "state/record.h"

#define SOCKET "notify/notify.sock"

const char ctr_notify_place[] = "/run/notify";

enum {
	MESSAGE_MAX = 4096,
	BARRIER_MS = 30000, /* until the manager has read what was sent; runc waits as long */
	SEND_SECONDS = 5,
};

struct message {
	char text[MESSAGE_MAX + 1];
	size_t len;
	int fd; /* that came along; -1 */
};

bool ctr_notify_wanted(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && path[0] != '\0';
}

int ctr_notify_make(int dir, struct ctr_error *err)
{
	/* Every user of the container may walk there, whatever our umask is. */
	if (mkdirat(dir, "notify", 0755) < 0 || fchmodat(dir, "notify", 0755, 0) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"NOTIFY_SOCKET: cannot make a directory for the container's");
	return 0;
}

/* A socket connected to the manager's, which may have an abstract name, or -errno. */
static int connect_manager(const char *path)
{
	const struct timeval patience = { .tv_sec = SEND_SECONDS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int sock = -1;
	size_t len = strlen(path);

	if (path[0] != '@') {
		sock = ctr_unix_connect(AT_FDCWD, path, SOCK_DGRAM);
		if (sock < 0)
			return sock;
	} else {
		if (len > sizeof(address.sun_path))
			return -ENAMETOOLONG;
		memcpy(address.sun_path + 1, path + 1, len - 1);
		sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (sock < 0 ||
		    connect(sock, (const struct sockaddr *)&address,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
			return -errno;
	}

	/* A manager that reads nothing must not stop the relay of a terminal. */
	(void)setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return ctr_take_fd(&sock);
}

int ctr_notify_open(struct ctr_notify *notify, int dir, struct ctr_error *err)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int fd;

	if (!ctr_notify_wanted() || faccessat(dir, "notify", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;

	fd = connect_manager(path);
	if (fd < 0) {
		ctr_log(CTR_LOG_WARNING, "NOTIFY_SOCKET: cannot connect to '%s': %s", path,
			ctr_strerror(-fd));
		return 0;
	}
	notify->out = fd;

	fd = ctr_unix_bind(dir, SOCKET, SOCK_DGRAM | SOCK_NONBLOCK);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -fd,
				"NOTIFY_SOCKET: cannot make the container's socket");
	notify->in = fd;
	if (fchmodat(dir, SOCKET, 0777, 0) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"NOTIFY_SOCKET: cannot open the container's socket to its users");
	return 0;
}

void ctr_notify_release(struct ctr_notify *notify, int dir)
{
	if (notify->in >= 0 && dir >= 0)
		unlinkat(dir, SOCKET, 0);
	ctr_close_ptr(&notify->in);
	ctr_close_ptr(&notify->out);
}

/* ---- messages */

/* false: there is none. One that is too long, or brings more than one descriptor, has no text. */
static bool receive(int sock, struct message *message)
{
	size_t nfds = 1;
	ssize_t n;

	message->fd = -1;
	message->text[0] = '\0';
	n = ctr_recv_fds(sock, message->text, MESSAGE_MAX, &message->fd, &nfds);
	if (n == -EMSGSIZE)
		message->fd = -1;
	else if (n < 0)
		return false;
	else if (nfds == 0)
		message->fd = -1;

	message->len = n > 0 ? (size_t)n : 0;
	message->text[message->len] = '\0';
	return true;
}

static void pass(const struct ctr_notify *notify, const char *text, size_t len, int fd)
{
	int r = ctr_send_fds(notify->out, text, len, &fd, fd >= 0);

	if (r < 0)
		ctr_log(CTR_LOG_WARNING, "NOTIFY_SOCKET: cannot send to the service manager: %s",
			ctr_strerror(-r));
}

/* What a container may say of itself. */
static bool may_pass(const char *line, size_t len)
{
	static const char *const keys[] = {
		"READY",    "RELOADING",     "MONOTONIC_USEC", "STOPPING",
		"STATUS",   "ERRNO",         "BUSERROR",       "VARLINKERROR",
		"WATCHDOG", "WATCHDOG_USEC", "EXIT_STATUS",    "EXTEND_TIMEOUT_USEC",
	};
	const char *equals = memchr(line, '=', len);

	for (size_t i = 0; equals && i < CTR_ARRAY_SIZE(keys); i++)
		if (strlen(keys[i]) == (size_t)(equals - line) &&
		    memcmp(keys[i], line, strlen(keys[i])) == 0)
			return true;

	return false;
}

/* The lines that may pass; with the first READY=1 the main process, which only we know. */
static void pass_lines(struct ctr_notify *notify, const char *text)
{
	char out[MESSAGE_MAX + 64];
	size_t len = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n == 7 && memcmp(text, "READY=1", 7) == 0 && !notify->ready) {
			len += (size_t)sprintf(out + len, "MAINPID=%d\n", (int)notify->main);
			notify->ready = true;
		}
		if (may_pass(text, n)) {
			memcpy(out + len, text, n);
			out[len + n] = '\n';
			len += n + 1;
		}
		text += n + (text[n] == '\n');
	}

	if (len > 0)
		pass(notify, out, len - 1, -1);
}

bool ctr_notify_serve(struct ctr_notify *notify)
{
	struct message message;

	if (notify->in < 0 || !receive(notify->in, &message))
		return false;

	/* All that came before it has been passed on: the manager may answer it. */
	if (message.fd >= 0 && strcmp(message.text, "BARRIER=1") == 0)
		pass(notify, message.text, message.len, message.fd);
	else
		pass_lines(notify, message.text);
	if (message.fd >= 0)
		close(message.fd);
	return true;
}

void ctr_notify_ready(struct ctr_notify *notify)
{
	if (notify->in >= 0)
		pass_lines(notify, "READY=1");
}

/* ---- until READY=1 */

/* The manager learns who has sent a message when it reads it, which must not be after our end. */
static void wait_for_manager(const struct ctr_notify *notify)
{
	struct pollfd poll_fd = { .events = 0 };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;

	pass(notify, "BARRIER=1", strlen("BARRIER=1"), fds[1]);
	close(fds[1]);
	poll_fd.fd = fds[0];
	(void)poll(&poll_fd, 1, BARRIER_MS);
	close(fds[0]);
}

static bool has_ended(pid_t pid)
{
	uint64_t start_time;
	char state;

	return ctr_process_stat(pid, &start_time, &state) < 0 || state == 'Z' || state == 'X';
}

void ctr_notify_until_ready(struct ctr_notify *notify, pid_t pid, int pidfd)
{
	bool ended = false;

	if (notify->in < 0)
		return;

	while (!notify->ready && !ended) {
		struct pollfd fds[] = {
			{.fd = notify->in, .events = POLLIN},
                        { .fd = pidfd,     .events = POLLIN}
		};

		if (poll(fds, 2, pidfd < 0 ? 100 : -1) < 0 && errno != EINTR)
			return;
		ended = pidfd < 0 ? has_ended(pid) : fds[1].revents != 0;
		/* All of it: what was sent before READY=1, or before the end. */
		while (!notify->ready && ctr_notify_serve(notify))
			;
	}
	if (notify->ready)
		wait_for_manager(notify);
}
