/* PID 1 at work: one poll loop over the channel, ended children and all sessions. */
#include "init/guest.h"

enum { POLLOUT_ = 4, POLL_MAX = 2 + CTR_FRAME_SESSIONS * GUEST_FILES };

/* One write: a frame is shorter than what the port takes at once. Without a reader at the other end
 * there is nobody to run anything for. */
void guest_answer(unsigned tag, unsigned type, unsigned stream, const void *data, uint32_t length)
{
	static uint8_t frame[sizeof(struct ctr_frame) + CTR_FRAME_DATA_MAX];
	struct ctr_frame *head = (struct ctr_frame *)frame;

	if (length > CTR_FRAME_DATA_MAX)
		length = CTR_FRAME_DATA_MAX;
	*head = (struct ctr_frame){
		.type = (uint8_t)type,
		.stream = (uint8_t)stream,
		.session = (uint16_t)tag,
		.length = length,
	};
	for (uint32_t i = 0; i < length; i++)
		frame[sizeof(*head) + i] = ((const uint8_t *)data)[i];
	(void)write_all(guest.channel, frame, sizeof(*head) + length);
}

void guest_send(const struct session *session, unsigned type, unsigned stream, const void *data,
		uint32_t length)
{
	guest_answer(session ? (unsigned)session->id : 0, type, stream, data, length);
}

static uint32_t number(const uint8_t *data)
{
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

/* ---- frames */

static void serve_frame(const struct ctr_frame *head, const uint8_t *data)
{
	struct session *session = session_find(head->session);

	if (head->type == CTR_FRAME_STATS) {
		guest_send_stats(head->session);
		return;
	}
	if (head->type == CTR_FRAME_PROCESSES) {
		guest_send_processes(head->session);
		return;
	}
	if (head->type == CTR_FRAME_LIMIT) {
		guest_change_limit(head->session, data, head->length);
		return;
	}
	if (head->type == CTR_FRAME_PLAN) {
		if (!session)
			session = session_new(head->session);
		if (session)
			session_plan(session, data, head->length);
		return;
	}
	/* It may have ended meanwhile. */
	if (!session)
		return;

	switch (head->type) {
	case CTR_FRAME_MESSAGE:
		session_message(session, data, head->length);
		break;
	case CTR_FRAME_DATA:
		session_input(session, data, head->length);
		break;
	case CTR_FRAME_END:
		session_end(session, head->stream);
		break;
	case CTR_FRAME_CREDIT:
		if (head->length == 4 && head->stream <= CTR_STREAM_ERR)
			session->credit[head->stream] += number(data);
		break;
	case CTR_FRAME_SIGNAL:
		if (head->length == 4 && session->pid > 0)
			(void)SYS(kill, session->pid, number(data));
		break;
	case CTR_FRAME_RESIZE:
		if (head->length == 4)
			session_resize(session, number(data) & 0xffff, number(data) >> 16);
		break;
	default:
		break;
	}
}

static void read_channel(void)
{
	const struct ctr_frame *head = (const struct ctr_frame *)guest.input;
	uint32_t used, count;
	long n = read_some(guest.channel, guest.input + guest.input_length,
			   sizeof(guest.input) - guest.input_length);

	if (n <= 0)
		guest_die("cannot read", "the channel", n);
	count = (uint32_t)n;
	if (guest.tells_read)
		guest_send(NULL, CTR_FRAME_READ, 0, &count, sizeof(count));
	guest.input_length += count;
	while (guest.input_length >= sizeof(*head)) {
		if (head->length > CTR_FRAME_DATA_MAX)
			guest_die("cannot read", "the channel", -EMSGSIZE);
		used = (uint32_t)sizeof(*head) + head->length;
		if (guest.input_length < used)
			return;
		serve_frame(head, guest.input + sizeof(*head));
		guest.input_length -= used;
		for (uint32_t i = 0; i < guest.input_length; i++)
			guest.input[i] = guest.input[used + i];
	}
}

/* ---- children */

static void reap(void)
{
	char info[128];
	int status;
	long pid;

	while (read_some(guest.signals, info, sizeof(info)) > 0)
		;
	while ((pid = SYS(wait4, -1, &status, P_WNOHANG, NULL)) > 0)
		session_reaped((int)pid, (uint32_t)status);
}

/* ---- the loop */

static unsigned add_poll(struct sys_pollfd *fds, unsigned n, int fd, short events)
{
	if (fd >= 0)
		fds[n++] = (struct sys_pollfd){ .fd = fd, .events = events };
	return n;
}

static unsigned add_session(struct sys_pollfd *fds, unsigned n, const struct session *session)
{
	n = add_poll(fds, n, session->sync, POLLIN_);
	for (unsigned i = CTR_STREAM_OUT; i <= CTR_STREAM_ERR; i++)
		if (session->credit[i] > 0)
			n = add_poll(fds, n, session->streams[i], POLLIN_);
	if (session->input_length > 0)
		n = add_poll(fds, n, session->streams[CTR_STREAM_IN], POLLOUT_);
	return n;
}

_Noreturn void guest_loop(void)
{
	static struct sys_pollfd fds[POLL_MAX];

	for (;;) {
		unsigned n = 0;

		n = add_poll(fds, n, guest.channel, POLLIN_);
		n = add_poll(fds, n, guest.signals, POLLIN_);
		for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++)
			if (guest.sessions[i].used)
				n = add_session(fds, n, &guest.sessions[i]);
		if (SYS(ppoll, fds, n, NULL, NULL, 8) < 0)
			continue;

		if (fds[0].revents)
			read_channel();
		if (fds[1].revents)
			reap();
		for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++) {
			struct session *session = &guest.sessions[i];

			if (!session->used || !session->begin)
				continue;
			session_sync(session);
			session_pump(session);
			session_finish(session);
		}
	}
}
