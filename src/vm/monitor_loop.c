/* What the monitor waits for, and who serves it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan/msg.h"
#include "vm/monitor_state.h"

enum {
	LOST_MS = 1000,       /* that a hypervisor may outlive the guest's connection */
	QUEUE_MAX = 64 << 20, /* a plan and all windows are less */
	WATCHES = 16 + MONITOR_CLIENTS + 4 * CTR_FRAME_SESSIONS
};

/* ---- signals */

static bool ends_by_default(int sig)
{
	return sig != SIGCHLD && sig != SIGURG && sig != SIGWINCH && sig != SIGCONT &&
	       sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU && sig != SIGPIPE;
}

static void reap(struct monitor *monitor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == monitor->server) {
			monitor->server = 0;
			monitor_give_up(monitor, "its file server ended");
		}
		if (pid != monitor->vmm)
			continue;
		monitor->vmm = 0;
		monitor->vmm_status = status;
	}
}

bool ctr_monitor_is_own(const struct signalfd_siginfo *info)
{
	/* The kernel sends SIGPIPE as if we did ourselves; of a child's end it tells so. */
	return (info->ssi_signo == SIGCHLD && info->ssi_code > 0) ||
	       (info->ssi_signo == SIGPIPE && info->ssi_pid == (uint32_t)getpid());
}

static void serve_signals(struct monitor *monitor)
{
	struct monitor_session *first = monitor_session_find(monitor, 0);
	struct signalfd_siginfo info;

	while (read(monitor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGCHLD)
			reap(monitor);
		if (ctr_monitor_is_own(&info) || !first || first->exited)
			continue;
		if (sig == SIGWINCH && first->terminal)
			monitor_resize(monitor, first);
		else if (first->running)
			monitor_signal(monitor, first, sig);
		else if (ends_by_default(sig)) {
			monitor->by_signal = sig;
			monitor->ended = true;
		}
	}
}

/* ---- the channel */

static void serve_channel(struct monitor *monitor)
{
	int r = ctr_channel_read(&monitor->channel);
	struct ctr_frame head;
	const uint8_t *data;

	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		/* Its end is told by whoever waits for the hypervisor: it may just be dying. */
		close(monitor->channel.fd);
		monitor->channel.fd = -1;
		if (monitor->connected)
			monitor->lost = monitor_now();
		return;
	}
	while (!monitor->ended && (r = ctr_channel_next(&monitor->channel, &head, &data)) > 0)
		monitor_serve(monitor, &head, data);
	if (r < 0)
		monitor_give_up(monitor, "the guest sends what is no frame");
}

/* The guest connects once. */
static void accept_guest(struct monitor *monitor)
{
	int fd = accept4(monitor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	close(monitor->listener);
	monitor->listener = -1;
	monitor->channel.fd = fd;
	monitor->connected = true;
}

/* ---- the loop */

enum watch_kind {
	WATCH_CHANNEL,
	WATCH_LISTENER,
	WATCH_SIGNALS,
	WATCH_CONSOLE,
	WATCH_OUTPUT,
	WATCH_QMP,
	WATCH_CONTROL,
	WATCH_GATE,
	WATCH_CLIENT,
	WATCH_SYNC,
	WATCH_IN,
	WATCH_OUT,
	WATCH_ERR,
};

struct watch {
	enum watch_kind kind;
	unsigned index; /* of the client or session */
};

static unsigned add(struct pollfd *fds, struct watch *watches, unsigned n, int fd, short events,
		    enum watch_kind kind, unsigned index)
{
	if (fd < 0)
		return n;
	fds[n] = (struct pollfd){ .fd = fd, .events = events };
	watches[n] = (struct watch){ kind, index };
	return n + 1;
}

static unsigned add_session(const struct monitor *monitor, struct pollfd *fds,
			    struct watch *watches, unsigned n, unsigned i)
{
	const struct monitor_session *session = &monitor->sessions[i];

	n = add(fds, watches, n, session->sync, POLLIN, WATCH_SYNC, i);
	if (!session->input_ended && session->credit > 0 && !session->exited)
		n = add(fds, watches, n, session->streams[CTR_STREAM_IN], POLLIN, WATCH_IN, i);
	if (session->output[0].length > 0)
		n = add(fds, watches, n, session->streams[CTR_STREAM_OUT], POLLOUT, WATCH_OUT, i);
	if (session->output[1].length > 0)
		n = add(fds, watches, n, session->streams[CTR_STREAM_ERR], POLLOUT, WATCH_ERR, i);
	return n;
}

static unsigned fill(const struct monitor *monitor, struct pollfd *fds, struct watch *watches)
{
	const struct monitor_session *first = &monitor->sessions[0];
	unsigned n = 0;

	n = add(fds, watches, n, monitor->channel.fd,
		(short)(POLLIN | (ctr_channel_waits(&monitor->channel) ? POLLOUT : 0)),
		WATCH_CHANNEL, 0);
	n = add(fds, watches, n, monitor->listener, POLLIN, WATCH_LISTENER, 0);
	n = add(fds, watches, n, monitor->signals, POLLIN, WATCH_SIGNALS, 0);
	n = add(fds, watches, n, monitor->console.fd, POLLIN, WATCH_CONSOLE, 0);
	n = add(fds, watches, n, monitor->output.fd, POLLIN, WATCH_OUTPUT, 0);
	n = add(fds, watches, n, monitor->qmp, POLLIN, WATCH_QMP, 0);
	n = add(fds, watches, n, monitor->control, POLLIN, WATCH_CONTROL, 0);
	if (first->state == CTR_SYNC_CREATED && first->sync < 0)
		n = add(fds, watches, n, monitor->gate, POLLIN, WATCH_GATE, 0);
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		n = add(fds, watches, n, monitor->clients[i].fd, POLLIN, WATCH_CLIENT, i);
	for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++)
		if (monitor->sessions[i].used)
			n = add_session(monitor, fds, watches, n, i);
	return n;
}

static void pass_gate(struct monitor *monitor)
{
	int fd = accept4(monitor->gate, NULL, NULL, SOCK_CLOEXEC);
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	/* Who connects speaks at once. */
	if (fd < 0)
		return;
	if (poll(&poller, 1, 1000) <= 0)
		close(fd);
	else
		monitor_parent(monitor, &monitor->sessions[0], fd);
}

static void serve(struct monitor *monitor, const struct watch *watch, short events)
{
	struct monitor_session *session =
		watch->kind >= WATCH_SYNC ? &monitor->sessions[watch->index] : NULL;

	switch (watch->kind) {
	case WATCH_CHANNEL:
		if (events & ~POLLOUT)
			serve_channel(monitor);
		break;
	case WATCH_LISTENER:
		accept_guest(monitor);
		break;
	case WATCH_SIGNALS:
		serve_signals(monitor);
		break;
	case WATCH_CONSOLE:
		monitor_listen(&monitor->console);
		break;
	case WATCH_OUTPUT:
		monitor_listen(&monitor->output);
		break;
	case WATCH_QMP:
		if (monitor->qmp >= 0)
			monitor_qmp_drop_events(monitor);
		break;
	case WATCH_CONTROL:
		monitor_accept(monitor);
		break;
	case WATCH_GATE:
		pass_gate(monitor);
		break;
	case WATCH_CLIENT:
		monitor_request(monitor, &monitor->clients[watch->index]);
		break;
	case WATCH_SYNC:
		if (session->used && session->sync >= 0)
			monitor_parent(monitor, session, session->sync);
		break;
	case WATCH_IN:
		if (session->used && session->streams[CTR_STREAM_IN] >= 0 && session->credit > 0)
			monitor_read_input(monitor, session);
		break;
	case WATCH_OUT:
	case WATCH_ERR:
		if (session->used && session->output[watch->kind - WATCH_OUT].length > 0)
			monitor_write_output(monitor, session,
					     watch->kind == WATCH_OUT ? CTR_STREAM_OUT
								      : CTR_STREAM_ERR);
		break;
	}
}

static void end_sessions(struct monitor *monitor)
{
	for (unsigned i = 1; i < CTR_FRAME_SESSIONS; i++) {
		struct monitor_session *session = &monitor->sessions[i];
		struct monitor_client *client = session->client;

		if (!session->used || !monitor_session_done(session))
			continue;
		if (client) {
			monitor_answer(client, 0, session->status, NULL, 0);
			monitor_client_forget(client);
		}
		monitor_session_forget(session);
	}
}

static bool is_late(const struct monitor *monitor)
{
	return !monitor->hello &&
	       monitor_now() - monitor->began > (uint64_t)monitor->boot_seconds * 1000000000;
}

/* The hypervisor lives on without its guest. */
static void check_connection(struct monitor *monitor)
{
	if (monitor->lost != 0 && !monitor->sessions[0].exited && monitor->vmm != 0 &&
	    monitor_now() - monitor->lost >= (uint64_t)LOST_MS * 1000000)
		monitor_give_up(monitor, "the guest has ended the connection");
}

static void check_vmm(struct monitor *monitor)
{
	const struct monitor_session *first = &monitor->sessions[0];
	char why[96];

	if (monitor->vmm != 0 || first->exited)
		return;
	/* What it said last is still in the pipe. */
	while (monitor->output.fd >= 0 && monitor->output.length < MONITOR_SAID - 1) {
		size_t before = monitor->output.length;

		monitor_listen(&monitor->output);
		if (monitor->output.length == before)
			break;
	}
	if (monitor->console.fd >= 0)
		monitor_listen(&monitor->console);
	if (WIFSIGNALED(monitor->vmm_status))
		(void)snprintf(why, sizeof(why), "its hypervisor was killed by signal %d",
			       WTERMSIG(monitor->vmm_status));
	else
		(void)snprintf(why, sizeof(why), "its hypervisor ended with status %d",
			       WEXITSTATUS(monitor->vmm_status));
	monitor_give_up(monitor, why);
}

void monitor_loop(struct monitor *monitor)
{
	static struct pollfd fds[WATCHES];
	static struct watch watches[WATCHES];

	while (!monitor->ended && !monitor_session_done(&monitor->sessions[0])) {
		unsigned n;

		if (monitor->channel.fd >= 0)
			(void)ctr_channel_flush(&monitor->channel);
		if (monitor->channel.out_length > QUEUE_MAX) {
			monitor_give_up(monitor, "the guest does not read what it is sent");
			break;
		}
		if (is_late(monitor)) {
			char why[64];

			(void)snprintf(why, sizeof(why), "the guest did not come up within %u s",
				       monitor->boot_seconds);
			monitor_give_up(monitor, why);
			break;
		}
		n = fill(monitor, fds, watches);
		if (poll(fds, n, monitor->lost ? LOST_MS : monitor->hello ? -1 : 1000) < 0)
			continue;
		for (unsigned i = 0; i < n && !monitor->ended; i++)
			if (fds[i].revents)
				serve(monitor, &watches[i], fds[i].revents);
		end_sessions(monitor);
		check_vmm(monitor);
		check_connection(monitor);
	}
}
