/* What a guest sends: whatever it is, it stays within its bounds, and what is no frame ends it. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plan/msg.h"
#include "vm/control.h"
#include "vm/inside.h"
#include "vm/monitor_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct monitor monitor;

static void begin(int channel, int sync)
{
	struct monitor_session *first;

	memset(&monitor, 0, sizeof(monitor));
	ctr_channel_init(&monitor.channel, channel);
	monitor.console.fd = monitor.output.fd = monitor.gate = monitor.qmp = -1;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		monitor.clients[i].fd = -1;
	first = monitor_session_new(&monitor);
	first->id = 0;
	first->sync = sync;
	first->own_streams = true;
	for (unsigned i = 0; i < 3; i++)
		first->streams[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* Somebody has asked; as ctr does then, with what comes. */
static void ask(uint32_t type, int fd)
{
	struct monitor_client *client = &monitor.clients[type % MONITOR_CLIENTS];

	client->fd = fd;
	client->wants = type;
	client->tag = 1;
}

static void take_answers(int fd)
{
	static struct {
		struct ctr_control_reply head;
		char text[CTR_CONTROL_TEXT + 1];
	} reply;
	struct ctr_guest_stats stats;
	ssize_t n;

	while ((n = recv(fd, &reply, sizeof(reply) - 1, MSG_DONTWAIT)) > 0) {
		if (n < (ssize_t)sizeof(reply.head) ||
		    reply.head.length != (size_t)n - sizeof(reply.head))
			abort();
		reply.text[reply.head.length] = '\0';
		ctr_vm_parse_stats(reply.text, &stats);
		ctr_vm_make_printable(reply.text);
	}
}

static void check(const struct monitor_session *session)
{
	if (session->credit > CTR_FRAME_WINDOW || session->state >= CTR_SYNC_STATES)
		abort();
	for (unsigned i = 0; i < 2; i++)
		if (session->output[i].length > CTR_FRAME_WINDOW ||
		    session->output[i].start >= CTR_FRAME_WINDOW)
			abort();
}

/* The first byte says how often output is taken. */
static void serve(uint8_t pace)
{
	struct monitor_session *first = &monitor.sessions[0];
	struct ctr_frame head;
	const uint8_t *data;
	unsigned n = 0;
	int r = 0;

	while (!monitor.ended && ctr_channel_read(&monitor.channel) == 1) {
		while (!monitor.ended &&
		       (r = ctr_channel_next(&monitor.channel, &head, &data)) > 0) {
			monitor_serve(&monitor, &head, data);
			check(first);
			for (unsigned i = 0; i < 2 && n++ % 8 < pace % 9; i++)
				if (first->output[i].length > 0)
					monitor_write_output(&monitor, first, i + 1);
		}
		if (r < 0)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2], client[2], file;

	if (size < 2 || size > 1 << 20)
		return 0;
	file = memfd_create("frames", MFD_CLOEXEC);
	if (file < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    write(file, data + 1, size - 1) != (ssize_t)size - 1 || lseek(file, 0, SEEK_SET) < 0)
		abort();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, client) < 0)
		abort();
	begin(file, pair[0]);
	ask(CTR_FRAME_STATS, client[0]);
	ask(CTR_FRAME_PROCESSES, client[0]);
	ask(CTR_FRAME_LIMIT, client[0]);
	serve(data[0]);
	take_answers(client[1]);
	close(client[0]);
	close(client[1]);

	monitor_session_forget(&monitor.sessions[0]);
	ctr_channel_release(&monitor.channel);
	close(pair[1]);
	close(file);
	return 0;
}
