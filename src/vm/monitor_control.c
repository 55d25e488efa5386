/* Later commands: ctr kill, pause, exec, update, events. Who may enter the state directory may ask.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
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
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
	}
	monitor_answer(client, -r, 0, NULL, 0);
}

/* ---- requests */

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
		monitor_answer(client, -monitor_qmp(monitor, "stop"), 0, NULL, 0);
		break;
	case CTR_CONTROL_RESUME:
		monitor_answer(client, -monitor_qmp(monitor, "cont"), 0, NULL, 0);
		break;
	case CTR_CONTROL_STATS:
		client->wants_stats = true;
		monitor_send(monitor, NULL, CTR_FRAME_STATS, 0, NULL, 0);
		break;
	default:
		monitor_answer(client, EINVAL, 0, NULL, 0);
		break;
	}
}

void monitor_request(struct monitor *monitor, struct monitor_client *client)
{
	struct ctr_control_request request;
	int fds[CTR_CONTROL_FDS_TERMINAL];
	size_t nfds = CTR_CONTROL_FDS_TERMINAL;
	ssize_t n = ctr_recv_fds(client->fd, &request, sizeof(request), fds, &nfds);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n == sizeof(request) && request.kind == CTR_CONTROL_EXEC) {
		begin_exec(monitor, client, fds, nfds);
		return;
	}
	for (size_t i = 0; n > 0 && i < nfds; i++)
		close(fds[i]);
	if (n == sizeof(request)) {
		serve_request(monitor, client, &request);
		return;
	}
	/* Whoever stood for a process has gone, as by kill -9: that is what happens to it. */
	if (client->session && !client->session->exited)
		monitor_signal(monitor, client->session, SIGKILL);
	monitor_client_forget(client);
}
