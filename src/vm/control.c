/* Requests to the monitor of a running machine. */
#include "vm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "vm/backend.h"

struct answer {
	struct ctr_control_reply head;
	char text[CTR_CONTROL_TEXT];
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_for(int fd, int64_t deadline, struct answer *answer, const char *what,
		    struct ctr_error *err)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	int64_t left = deadline - now_ms();
	ssize_t n = poll(&poller, 1, left > 0 ? (int)left : 0) > 0
			    ? recv(fd, answer, sizeof(*answer), 0)
			    : -1;

	if (n < (ssize_t)sizeof(answer->head) ||
	    answer->head.length > n - (ssize_t)sizeof(answer->head))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "%s: the virtual machine does not answer",
				what);
	if (answer->head.error != 0)
		return ctr_fail(err, CTR_FAULT_HOST, answer->head.error,
				"%s: the virtual machine refuses%s%.*s", what,
				answer->head.length ? ": " : "", (int)answer->head.length,
				answer->text);
	return 0;
}

int ctr_control_ask(int dir, const struct ctr_control_question *question, struct ctr_buf *text,
		    uint32_t *status, struct ctr_error *err)
{
	_cleanup_close_ int fd = ctr_unix_connect(dir, CTR_CONTROL_SOCKET, SOCK_SEQPACKET);
	const bool many = question->request->kind == CTR_CONTROL_PROCESSES;
	const int64_t deadline =
		now_ms() + (question->timeout_ms > 0 ? question->timeout_ms : CTR_CONTROL_MS);
	const char *what = question->what;
	struct answer answer = { .head = { .status = 0 } };

	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_STATE, -fd,
				"%s: the virtual machine does not answer", what);
	if (send(fd, question->request, question->length, MSG_NOSIGNAL) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"%s: the virtual machine does not answer", what);
	for (int i = 0; i < CTR_CONTROL_ANSWERS; i++) {
		if (wait_for(fd, deadline, &answer, what, err) < 0)
			return -1;
		if (text)
			ctr_buf_add(text, answer.text, answer.head.length);
		if (!many || answer.head.status == 0)
			break;
	}
	if (status)
		*status = answer.head.status;
	return 0;
}

int ctr_vm_signal(int dir, int sig, struct ctr_error *err)
{
	const struct ctr_control_request request = {
		.kind = CTR_CONTROL_SIGNAL,
		.value = (uint32_t)sig,
	};
	const struct ctr_control_question question = {
		.request = &request,
		.length = sizeof(request),
		.what = "signal",
	};

	return ctr_control_ask(dir, &question, NULL, NULL, err);
}

/* The file says it to every later ctr. */
int ctr_vm_pause(int dir, bool pause, struct ctr_error *err)
{
	const struct ctr_control_request request = {
		.kind = pause ? CTR_CONTROL_PAUSE : CTR_CONTROL_RESUME,
	};
	const struct ctr_control_question question = {
		.request = &request,
		.length = sizeof(request),
		.what = pause ? "pause" : "resume",
	};
	int fd;

	if (ctr_control_ask(dir, &question, NULL, NULL, err) < 0)
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
