/* Requests to the monitor of a running machine. */
#include "vm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "vm/backend.h"

enum { ANSWER_MS = 20000 };

int ctr_control_ask(int dir, const struct ctr_control_request *request, const char *what,
		    char *text, uint32_t size, struct ctr_error *err)
{
	_cleanup_close_ int fd = ctr_unix_connect(dir, CTR_CONTROL_SOCKET, SOCK_SEQPACKET);
	struct {
		struct ctr_control_reply head;
		char text[CTR_CONTROL_TEXT];
	} reply;
	struct pollfd poller = { .events = POLLIN };
	ssize_t n;

	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_STATE, -fd,
				"%s: the virtual machine does not answer", what);
	if (send(fd, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"%s: the virtual machine does not answer", what);
	poller.fd = fd;
	n = poll(&poller, 1, ANSWER_MS) > 0 ? recv(fd, &reply, sizeof(reply), 0) : -1;
	if (n < (ssize_t)sizeof(reply.head) || reply.head.length > n - (ssize_t)sizeof(reply.head))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "%s: the virtual machine does not answer",
				what);
	if (reply.head.error != 0)
		return ctr_fail(err, CTR_FAULT_HOST, reply.head.error,
				"%s: the virtual machine refuses%s%.*s", what,
				reply.head.length ? ": " : "", (int)reply.head.length, reply.text);
	if (text && size > 0) {
		uint32_t length = reply.head.length < size - 1 ? reply.head.length : size - 1;

		memcpy(text, reply.text, length);
		text[length] = '\0';
	}
	return 0;
}

int ctr_vm_signal(int dir, int sig, struct ctr_error *err)
{
	const struct ctr_control_request request = {
		.kind = CTR_CONTROL_SIGNAL,
		.value = (uint32_t)sig,
	};

	return ctr_control_ask(dir, &request, "signal", NULL, 0, err);
}

/* The file says it to every later ctr. */
int ctr_vm_pause(int dir, bool pause, struct ctr_error *err)
{
	const struct ctr_control_request request = {
		.kind = pause ? CTR_CONTROL_PAUSE : CTR_CONTROL_RESUME,
	};
	int fd;

	if (ctr_control_ask(dir, &request, pause ? "pause" : "resume", NULL, 0, err) < 0)
		return -1;
	if (!pause) {
		unlinkat(dir, CTR_MACHINE_PAUSED, 0);
		return 0;
	}
	fd = openat(dir, CTR_MACHINE_PAUSED, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot note that it is paused");
	close(fd);
	return 0;
}
