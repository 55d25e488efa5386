/* Sessions as the host sees them: the parent's messages, standard streams, the end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "plan/msg.h"
#include "vm/backend.h"
#include "vm/control.h"
#include "vm/inside.h"
#include "vm/monitor_state.h"

enum { OUTPUT_CHUNK = 4096 };

struct message {
	struct ctr_msg head;
	char text[CTR_MSG_TEXT_MAX + 1];
};

struct monitor_session *monitor_session_find(struct monitor *monitor, unsigned id)
{
	for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++)
		if (monitor->sessions[i].used && monitor->sessions[i].id == id)
			return &monitor->sessions[i];
	return NULL;
}

struct monitor_session *monitor_session_new(struct monitor *monitor)
{
	static unsigned next;

	for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++) {
		struct monitor_session *session = &monitor->sessions[i];

		if (session->used)
			continue;
		*session = (struct monitor_session){
			.used = true,
			.id = next,
			.sync = -1,
			.master = -1,
			.streams = {-1, -1, -1},
			.credit = CTR_FRAME_WINDOW,
		};
		/* Numbers come again after so long that nothing of the old one is on its way. */
		do
			next = (next + 1) & 0xffff;
		while (next == 0 || monitor_session_find(monitor, next));
		return session;
	}
	return NULL;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void monitor_session_forget(struct monitor_session *session)
{
	drop(&session->sync);
	drop(&session->master);
	for (unsigned i = 0; i < 3 && session->own_streams; i++)
		drop(&session->streams[i]);
	for (unsigned i = 0; i < 2; i++)
		free(session->output[i].data);
	session->used = false;
}

void monitor_send(struct monitor *monitor, const struct monitor_session *session,
		  enum ctr_frame_type type, unsigned stream, const void *data, uint32_t length)
{
	ctr_channel_send(&monitor->channel, type, stream, session ? session->id : 0, data, length);
}

void monitor_signal(struct monitor *monitor, const struct monitor_session *session, int sig)
{
	const uint32_t value = (uint32_t)sig;

	monitor_send(monitor, session, CTR_FRAME_SIGNAL, 0, &value, sizeof(value));
}

void monitor_resize(struct monitor *monitor, const struct monitor_session *session)
{
	struct winsize size;
	uint32_t value;

	if (!session->terminal || session->streams[0] < 0 ||
	    ioctl(session->streams[0], TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return;
	value = size.ws_row | (uint32_t)size.ws_col << 16;
	monitor_send(monitor, session, CTR_FRAME_RESIZE, 0, &value, sizeof(value));
}

/* ---- messages: those of ctr-init in the guest */

static void hand_over_terminal(struct monitor *monitor, struct monitor_session *session,
			       const void *data, uint32_t length)
{
	if (session->master < 0) {
		monitor_give_up(monitor, "the guest speaks of a terminal that nobody asked for");
		return;
	}
	(void)ctr_send_fds(session->sync, data, length, &session->master, 1);
	drop(&session->master);
	monitor_resize(monitor, session);
}

/* What the executor may say that has asked for nothing of the host: no descriptors, no listener,
 * and no hooks, for those ran before there was a guest. The rest is checked again by the parent, by
 * the same table. */
static bool is_expected(const struct monitor_session *session, uint32_t type)
{
	switch (type) {
	case CTR_MSG_CONSOLE:
	case CTR_MSG_CREATED:
	case CTR_MSG_STARTING:
	case CTR_MSG_FAIL:
	case CTR_MSG_WARN:
		return ctr_sync_next(session->state, type, CTR_FROM_CHILD) >= 0;
	default:
		return false;
	}
}

static void guest_message(struct monitor *monitor, struct monitor_session *session,
			  const uint8_t *data, uint32_t length)
{
	struct message message = { .text = "" };
	uint32_t type;

	memcpy(&message, data, length);
	type = message.head.type;
	if (!is_expected(session, type)) {
		monitor_give_up(monitor, "the guest does not keep to the protocol");
		return;
	}
	/* It is for somebody's terminal. */
	ctr_vm_make_printable(message.text);
	session->state = (uint32_t)ctr_sync_next(session->state, type, CTR_FROM_CHILD);
	if (session->state == CTR_SYNC_CREATED && session->ahead)
		session->state = CTR_SYNC_STARTING;
	if (type == CTR_MSG_FAIL && session->id == 0)
		monitor->told = true;

	if (type == CTR_MSG_CONSOLE)
		hand_over_terminal(monitor, session, &message, length);
	else if (session->sync >= 0)
		(void)send(session->sync, &message, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* Who made it goes; who starts it comes to the gate. */
	if (type == CTR_MSG_CREATED && session->id == 0 && monitor->gate >= 0)
		drop(&session->sync);
}

/* Without a parent there is nobody to make a container for; once it is made, it is on its own. */
static void parent_is_gone(struct monitor *monitor, struct monitor_session *session)
{
	drop(&session->sync);
	if (session->state >= CTR_SYNC_STARTING)
		return;
	if (session->id == 0)
		monitor->ended = true;
	else
		monitor_signal(monitor, session, SIGKILL);
}

void monitor_parent(struct monitor *monitor, struct monitor_session *session, int fd)
{
	struct message message;
	ssize_t n = recv(fd, &message, sizeof(message) - 1, MSG_DONTWAIT);
	int next;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(message.head)) {
		if (fd == session->sync)
			parent_is_gone(monitor, session);
		else
			close(fd);
		return;
	}
	next = ctr_sync_next(session->state, message.head.type, CTR_FROM_PARENT);
	if (next < 0 && message.head.type == CTR_MSG_START && session->state == CTR_SYNC_BUILDING &&
	    fd == session->sync) {
		session->ahead = true;
		next = CTR_SYNC_BUILDING;
	}
	if (next < 0 || message.head.type == CTR_MSG_FDS) {
		if (fd != session->sync)
			close(fd);
		return;
	}
	session->sync = fd;
	session->state = (uint32_t)next;
	monitor_send(monitor, session, CTR_FRAME_MESSAGE, CTR_STREAM_SYNC, &message, (uint32_t)n);
}

/* ---- streams */

static void end_input(struct monitor_session *session)
{
	session->input_ended = true;
	if (session->own_streams && !session->terminal)
		drop(&session->streams[CTR_STREAM_IN]);
}

void monitor_read_input(struct monitor *monitor, struct monitor_session *session)
{
	uint8_t data[CTR_FRAME_DATA_MAX];
	uint32_t room = session->credit < sizeof(data) ? session->credit : (uint32_t)sizeof(data);
	ssize_t n = read(session->streams[CTR_STREAM_IN], data, room);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_input(session);
		monitor_send(monitor, session, CTR_FRAME_END, CTR_STREAM_IN, NULL, 0);
		return;
	}
	session->credit -= (uint32_t)n;
	monitor_send(monitor, session, CTR_FRAME_DATA, CTR_STREAM_IN, data, (uint32_t)n);
}

/* A terminal has one stream for both. */
static int output_fd(const struct monitor_session *session, unsigned stream)
{
	return session->streams[session->terminal ? CTR_STREAM_OUT : stream];
}

static void drop_output(struct monitor *monitor, struct monitor_session *session, unsigned stream)
{
	struct monitor_output *output = &session->output[stream - 1];

	output->length = 0;
	output->ended = true;
	monitor_send(monitor, session, CTR_FRAME_END, stream, NULL, 0);
}

/* The descriptor may be shared with others, so it stays blocking: no more than what poll(2) has
 * promised room for. */
void monitor_write_output(struct monitor *monitor, struct monitor_session *session, unsigned stream)
{
	struct monitor_output *output = &session->output[stream - 1];
	struct pollfd room = { .fd = output_fd(session, stream), .events = POLLOUT };
	uint32_t run = CTR_FRAME_WINDOW - output->start, taken;
	ssize_t n;

	if (run > output->length)
		run = output->length;
	if (run > OUTPUT_CHUNK)
		run = OUTPUT_CHUNK;
	/* Both streams, or another session's, may be the same pipe: what there was is taken. */
	if (poll(&room, 1, 0) <= 0)
		return;
	n = write(room.fd, output->data + output->start, run);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		drop_output(monitor, session, stream);
		return;
	}
	taken = (uint32_t)n;
	output->start = (output->start + taken) % CTR_FRAME_WINDOW;
	output->length -= taken;
	monitor_send(monitor, session, CTR_FRAME_CREDIT, stream, &taken, sizeof(taken));
}

static void guest_data(struct monitor *monitor, struct monitor_session *session, unsigned stream,
		       const uint8_t *data, uint32_t length)
{
	struct monitor_output *output = &session->output[stream - 1];

	if (length > CTR_FRAME_WINDOW - output->length) {
		monitor_give_up(monitor, "the guest sends more than it may");
		return;
	}
	if (output->ended || session->streams[stream] < 0)
		return;
	if (!output->data)
		output->data = malloc(CTR_FRAME_WINDOW);
	if (!output->data)
		_exit(125);
	for (uint32_t i = 0; i < length; i++)
		output->data[(output->start + output->length + i) % CTR_FRAME_WINDOW] = data[i];
	output->length += length;
}

static void guest_end(struct monitor_session *session, unsigned stream)
{
	if (stream == CTR_STREAM_SYNC) {
		session->running = session->state == CTR_SYNC_DONE;
		drop(&session->sync);
	} else if (stream == CTR_STREAM_IN) {
		end_input(session);
	} else {
		session->output[stream - 1].ended = true;
	}
}

static void guest_exit(struct monitor_session *session, const uint8_t *data)
{
	struct ctr_frame_exit end;

	memcpy(&end, data, sizeof(end));
	session->exited = true;
	session->status = end.status;
	session->output[0].ended = session->output[1].ended = true;
	drop(&session->sync);
}

bool monitor_session_done(const struct monitor_session *session)
{
	return session->exited && session->output[0].length == 0 && session->output[1].length == 0;
}

/* ---- a frame */

/* Who has asked may have gone, and a guest may say what nobody has asked. */
static void answer(struct monitor *monitor, const struct ctr_frame *head, const uint8_t *data)
{
	const bool more = head->type == CTR_FRAME_PROCESSES && head->stream == CTR_STREAM_OUT;
	struct monitor_client *client = monitor->clients;
	uint32_t error = 0;

	while (client < monitor->clients + MONITOR_CLIENTS &&
	       (client->fd < 0 || client->wants != head->type || client->tag != head->session))
		client++;
	if (client == monitor->clients + MONITOR_CLIENTS)
		return;
	if (!more || ++client->received == CTR_CONTROL_ANSWERS)
		client->wants = 0;
	if (head->type == CTR_FRAME_LIMIT) {
		memcpy(&error, data, sizeof(error));
		monitor_answer(client, error < 4096 ? (int)error : EIO, 0, NULL, 0);
		return;
	}
	monitor_answer(client, 0, client->wants != 0, data, head->length);
}

uint64_t monitor_now(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* For whoever wants to know where the time of a start goes. The guest's numbers are its own. */
static void note_boot(const struct monitor *monitor, const uint8_t *data)
{
	struct ctr_frame_hello hello;
	char text[256];
	int n;

	memcpy(&hello, data, sizeof(hello));
	n = snprintf(text, sizeof(text), "began %llu\nhello %llu\nuptime %llu\ninit %llu\n",
		     (unsigned long long)monitor->began, (unsigned long long)monitor_now(),
		     (unsigned long long)hello.uptime, (unsigned long long)hello.init_us * 1000);
	(void)ctr_file_replace(monitor->dir, CTR_MACHINE_BOOT, text, (size_t)n, 0600, NULL);
}

void monitor_serve(struct monitor *monitor, const struct ctr_frame *head, const uint8_t *data)
{
	struct monitor_session *session = monitor_session_find(monitor, head->session);

	if (head->type == CTR_FRAME_HELLO) {
		if (!monitor->hello)
			note_boot(monitor, data);
		monitor->hello = true;
		monitor->channel.held = false;
		return;
	}
	if (head->type == CTR_FRAME_STATS || head->type == CTR_FRAME_PROCESSES ||
	    head->type == CTR_FRAME_LIMIT) {
		answer(monitor, head, data);
		return;
	}
	if (head->type == CTR_FRAME_FATAL) {
		char text[256];

		for (uint32_t i = 0; i < sizeof(text); i++)
			text[i] = i < head->length && data[i] >= ' ' && data[i] < 0x7f
					  ? (char)data[i]
					  : '\0';
		text[sizeof(text) - 1] = '\0';
		monitor_give_up(monitor, text);
		return;
	}
	if (!session)
		return; /* of one that was given up here */

	switch (head->type) {
	case CTR_FRAME_MESSAGE:
		guest_message(monitor, session, data, head->length);
		break;
	case CTR_FRAME_DATA:
		guest_data(monitor, session, head->stream, data, head->length);
		break;
	case CTR_FRAME_END:
		guest_end(session, head->stream);
		break;
	case CTR_FRAME_EXIT:
		guest_exit(session, data);
		break;
	default: {
		uint32_t more;

		memcpy(&more, data, sizeof(more));
		if (more > CTR_FRAME_WINDOW - session->credit)
			monitor_give_up(monitor, "the guest takes more than it was sent");
		else
			session->credit += more;
		break;
	}
	}
}
