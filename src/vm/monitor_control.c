/* Later commands: ctr kill, pause, exec, update, events. Who may enter the state directory may ask.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "plan/msg.h"
#include "vm/control.h"
#include "vm/monitor_state.h"

void monitor_answer(struct monitor_client *client, int error, uint32_t status, const void *text,
		    uint32_t length)
{
	struct {
		struct ctr_control_reply head;
		char text[CTR_CONTROL_TEXT];
	} reply = {
		.head = {.error = error, .status = status, .length = length}
	};

	if (length > sizeof(reply.text))
		reply.head.length = length = sizeof(reply.text);
	if (length > 0)
		memcpy(reply.text, text, length);
	(void)send(client->fd, &reply, sizeof(reply.head) + length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void monitor_client_forget(struct monitor_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	if (client->session)
		client->session->client = NULL;
	*client = (struct monitor_client){ .fd = -1 };
}

void monitor_accept(struct monitor *monitor)
{
	int fd = accept4(monitor->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (unsigned i = 0; i < MONITOR_CLIENTS && fd >= 0; i++) {
		if (monitor->clients[i].fd >= 0)
			continue;
		monitor->clients[i].fd = fd;
		return;
	}
	if (fd >= 0)
		close(fd);
}

/* ---- exec */

/* The session's beginning, as PLAN frames. */
static int send_session(struct monitor *monitor, const struct monitor_session *session, int file)
{
	struct stat st;
	void *data;

	if (fstat(file, &st) < 0 || st.st_size <= 0 || st.st_size > CTR_FRAME_PLAN_MAX)
		return -EINVAL;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	if (data == MAP_FAILED)
		return -errno;
	for (off_t at = 0; at < st.st_size; at += CTR_FRAME_DATA_MAX) {
		off_t length = st.st_size - at;

		monitor_send(monitor, session, CTR_FRAME_PLAN, 0, (const char *)data + at,
			     (uint32_t)(length < CTR_FRAME_DATA_MAX ? length : CTR_FRAME_DATA_MAX));
	}
	munmap(data, (size_t)st.st_size);
	return 0;
}

static void begin_exec(struct monitor *monitor, struct monitor_client *client, int *fds,
		       size_t nfds)
{
	const struct monitor_session *first = monitor_session_find(monitor, 0);
	struct monitor_session *session = NULL;
	int r = -EINVAL;

	if (!client->session && (nfds == CTR_CONTROL_FDS || nfds == CTR_CONTROL_FDS_TERMINAL)) {
		session = first && !first->exited ? monitor_session_new(monitor) : NULL;
		r = first && !first->exited ? -EAGAIN : -ESRCH;
	}
	if (session) {
		session->sync = fds[0];
		session->terminal = nfds == CTR_CONTROL_FDS_TERMINAL;
		session->own_streams = true;
		for (unsigned i = 0; i < 3; i++)
			session->streams[i] = fds[1 + i];
		session->master = session->terminal ? fds[5] : -1;
		session->client = client;
		client->session = session;
		r = send_session(monitor, session, fds[4]);
		close(fds[4]);
		if (r == 0)
			return;
		client->session = NULL;
		monitor_session_forget(session);
	} else {
		/* Whoever waits there is told; our client has closed its end of it. */
		if (nfds > 0)
			ctr_monitor_fail(fds[0], -r, "%s",
					 r == -EAGAIN ? "the guest has as many processes of "
							"'ctr exec' as it can have"
						      : "the guest cannot begin a process");
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
	}
	monitor_answer(client, -r, 0, NULL, 0);
}

/* ---- requests */

static void ask_guest(struct monitor *monitor, struct monitor_client *client,
		      enum ctr_frame_type type, const char *text)
{
	client->wants = type;
	client->tag = ++monitor->tag;
	client->received = 0;
	ctr_channel_send(&monitor->channel, type, 0, client->tag, text, (uint32_t)strlen(text));
}

static void change_limit(struct monitor *monitor, struct monitor_client *client,
			 const struct ctr_control_limit *limit)
{
	const char *file = limit->head.value == CTR_CONTROL_MEMORY ? "memory.max" : "pids.max";
	char text[64];

	if (limit->value == UINT64_MAX)
		(void)snprintf(text, sizeof(text), "%s max", file);
	else
		(void)snprintf(text, sizeof(text), "%s %" PRIu64, file, limit->value);
	ask_guest(monitor, client, CTR_FRAME_LIMIT, text);
}

/* @r is of monitor_qmp(). */
static void answer_qmp(struct monitor_client *client, int r, uint32_t status)
{
	static const char none[] = "its hypervisor cannot do this while it runs";

	monitor_answer(client, -r, status, none, r == -EOPNOTSUPP ? sizeof(none) - 1 : 0);
}

/* The guest gives back what it does not need, at its own pace. */
static void serve_balloon(struct monitor *monitor, struct monitor_client *client, uint32_t mib)
{
	char text[256] = "", *actual;
	int r = 0;

	if (mib > 0) {
		(void)snprintf(text, sizeof(text), "{\"value\":%llu}",
			       (unsigned long long)mib << 20);
		r = monitor_qmp(monitor, "balloon", text, NULL, 0);
	}
	if (r == 0)
		r = monitor_qmp(monitor, "query-balloon", NULL, text, sizeof(text));
	actual = strstr(text, "\"actual\":");
	if (r == 0 && !actual)
		r = -EPROTO;
	answer_qmp(client, r,
		   r == 0 ? (uint32_t)(ctr_leading_u64(actual + strlen("\"actual\":")) >> 20) : 0);
}

static void serve_request(struct monitor *monitor, struct monitor_client *client,
			  const struct ctr_control_request *request)
{
	struct monitor_session *session =
		client->session ? client->session : monitor_session_find(monitor, 0);

	switch (request->kind) {
	case CTR_CONTROL_SIGNAL:
		if (session)
			monitor_signal(monitor, session, (int)request->value);
		if (!client->session)
			monitor_answer(client, session ? 0 : ESRCH, 0, NULL, 0);
		break;
	case CTR_CONTROL_RESIZE:
		if (client->session)
			monitor_send(monitor, session, CTR_FRAME_RESIZE, 0, &request->value,
				     sizeof(request->value));
		break;
	case CTR_CONTROL_PAUSE:
		answer_qmp(client, monitor_qmp(monitor, "stop", NULL, NULL, 0), 0);
		break;
	case CTR_CONTROL_RESUME:
		answer_qmp(client, monitor_qmp(monitor, "cont", NULL, NULL, 0), 0);
		break;
	case CTR_CONTROL_STATS:
		ask_guest(monitor, client, CTR_FRAME_STATS, "");
		break;
	case CTR_CONTROL_PROCESSES:
		ask_guest(monitor, client, CTR_FRAME_PROCESSES, "");
		break;
	case CTR_CONTROL_BALLOON:
		serve_balloon(monitor, client, request->value);
		break;
	default:
		monitor_answer(client, EINVAL, 0, NULL, 0);
		break;
	}
}

void monitor_request(struct monitor *monitor, struct monitor_client *client)
{
	struct ctr_control_limit message;
	const struct ctr_control_request *request = &message.head;
	int fds[CTR_CONTROL_FDS_TERMINAL];
	size_t nfds = CTR_CONTROL_FDS_TERMINAL;
	ssize_t n = ctr_recv_fds(client->fd, &message, sizeof(message), fds, &nfds);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n == sizeof(*request) && request->kind == CTR_CONTROL_EXEC) {
		begin_exec(monitor, client, fds, nfds);
		return;
	}
	for (size_t i = 0; n > 0 && i < nfds; i++)
		close(fds[i]);
	if (n == sizeof(message) && request->kind == CTR_CONTROL_LIMIT) {
		change_limit(monitor, client, &message);
		return;
	}
	if (n == sizeof(*request)) {
		serve_request(monitor, client, request);
		return;
	}
	/* Whoever stood for a process has gone, as by kill -9: that is what happens to it. */
	if (client->session && !client->session->exited)
		monitor_signal(monitor, client->session, SIGKILL);
	monitor_client_forget(client);
}
