/* The monitor's loop, its beginning and its end. */
#include "vm/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/libc.h"
#include "plan/msg.h"
#include "vm/backend.h"
#include "vm/control.h"
#include "vm/monitor_state.h"
#include "vm/terminal.h"

enum {
	SAID_LAST = 600,
	QMP_MS = 10000,
	LOST_MS = 1000,       /* that a hypervisor may outlive the guest's connection */
	QUEUE_MAX = 64 << 20, /* a plan and all windows are less */
	WATCHES = 16 + MONITOR_CLIENTS + 4 * CTR_FRAME_SESSIONS
};

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

/* ---- failing */

void ctr_monitor_fail(int sync, int error, const char *format, ...)
{
	struct {
		struct ctr_msg head;
		char text[CTR_MSG_TEXT_MAX];
	} message = {
		.head = {.type = CTR_MSG_FAIL, .error = error, .detail = CTR_DETAIL_MACHINE}
	};
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message.text, sizeof(message.text), format, ap);
	va_end(ap);
	message.head.length = (uint32_t)strlen(message.text);
	if (sync >= 0)
		(void)send(sync, &message, sizeof(message.head) + message.head.length,
			   MSG_NOSIGNAL);
}

/* Where what matters begins: a kernel says why it panics, and then a lot more. */
static size_t beginning(const struct monitor_said *said)
{
	static const char panic[] = "Kernel panic";
	const char *found = memmem(said->text, said->length, panic, strlen(panic));

	if (found)
		return (size_t)(found - said->text);
	return said->length > SAID_LAST ? said->length - SAID_LAST : 0;
}

/* What somebody has said last, in one line, without what does not print. @text has room for it. */
static const char *in_one_line(const struct monitor_said *said, char text[2 * MONITOR_SAID])
{
	const size_t begin = beginning(said);
	char *to = text;

	for (size_t i = begin; i < said->length && i < begin + SAID_LAST; i++) {
		char c = said->text[i];

		if (c == '\n' && to > text && to[-1] != ' ') {
			*to++ = ';';
			*to++ = ' ';
		} else if (c >= ' ' && c < 0x7f) {
			*to++ = c;
		}
	}
	while (to > text && (to[-1] == ' ' || to[-1] == ';'))
		to--;
	*to = '\0';
	return text;
}

void monitor_give_up(struct monitor *monitor, const char *why)
{
	struct monitor_session *first = monitor_session_find(monitor, 0);
	static char vmm_text[2 * MONITOR_SAID], kernel_text[2 * MONITOR_SAID];
	const char *vmm, *kernel;

	if (monitor->ended)
		return;
	monitor->ended = true;
	vmm = in_one_line(&monitor->output, vmm_text);
	kernel = in_one_line(&monitor->console, kernel_text);
	if (first && !first->running && !monitor->told)
		ctr_monitor_fail(first->sync, 0, "virtual machine: %s%s%s%s%s", why,
				 vmm[0] ? ": " : "", vmm, kernel[0] ? "; its kernel says: " : "",
				 kernel);
	else if (first && first->running)
		fprintf(stderr, "ctr: virtual machine: %s%s%s%s%s\n", why, vmm[0] ? ": " : "", vmm,
			kernel[0] ? "; its kernel says: " : "", kernel);
	monitor->told = true;
}

/* Keep the end of it. */
static void listen_to(struct monitor_said *said)
{
	char text[512];
	ssize_t n = read(said->fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(said->fd);
		said->fd = -1;
		return;
	}
	if (said->length + (size_t)n >= sizeof(said->text)) {
		size_t kept = sizeof(said->text) / 2;

		if (said->length > kept)
			memmove(said->text, said->text + said->length - kept, kept);
		said->length = said->length > kept ? kept : said->length;
	}
	memcpy(said->text + said->length, text, (size_t)n);
	said->length += (size_t)n;
}

/* ---- QMP */

/* A line of QEMU's. Its length, or -errno. */
static ssize_t read_line(int fd, char *line, size_t size)
{
	size_t length = 0;

	while (length + 1 < size) {
		struct pollfd poller = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&poller, 1, QMP_MS) <= 0)
			return -ETIMEDOUT;
		n = read(fd, line + length, 1);
		if (n <= 0)
			return n < 0 && errno == EINTR ? -EAGAIN : -EPIPE;
		if (line[length] == '\n')
			break;
		length++;
	}
	line[length] = '\0';
	return (ssize_t)length;
}

int monitor_qmp(struct monitor *monitor, const char *command, const char *arguments, char *answer,
		size_t size)
{
	char line[4096], id[32];
	int n;

	if (monitor->qmp < 0)
		return -EOPNOTSUPP;
	(void)snprintf(id, sizeof(id), "\"ctr-%u\"", ++monitor->qmp_id);
	n = snprintf(line, sizeof(line), "{\"execute\":\"%s\"%s%s,\"id\":%s}\n", command,
		     arguments ? ",\"arguments\":" : "", arguments ? arguments : "", id);
	if (ctr_write_all(monitor->qmp, line, (size_t)n) < 0)
		return -EPIPE;
	for (int i = 0; i < 64; i++) {
		ssize_t length = read_line(monitor->qmp, line, sizeof(line));

		if (length < 0)
			return (int)length;
		if (strstr(line, id)) {
			if (answer)
				(void)snprintf(answer, size, "%s", line);
			return strstr(line, "\"error\"") ? -EIO : 0;
		}
	}
	return -EPROTO;
}

/* Events, which nobody asked for. */
static void drop_events(struct monitor *monitor)
{
	char text[512];
	ssize_t n = recv(monitor->qmp, text, sizeof(text), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(monitor->qmp);
		monitor->qmp = -1;
	}
}

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
		listen_to(&monitor->console);
		break;
	case WATCH_OUTPUT:
		listen_to(&monitor->output);
		break;
	case WATCH_QMP:
		if (monitor->qmp >= 0)
			drop_events(monitor);
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

		listen_to(&monitor->output);
		if (monitor->output.length == before)
			break;
	}
	if (monitor->console.fd >= 0)
		listen_to(&monitor->console);
	if (WIFSIGNALED(monitor->vmm_status))
		(void)snprintf(why, sizeof(why), "its hypervisor was killed by signal %d",
			       WTERMSIG(monitor->vmm_status));
	else
		(void)snprintf(why, sizeof(why), "its hypervisor ended with status %d",
			       WEXITSTATUS(monitor->vmm_status));
	monitor_give_up(monitor, why);
}

static void loop(struct monitor *monitor)
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

/* ---- beginning and end */

static int open_terminal(struct monitor_session *session)
{
	int slave, r = ctr_terminal_open(&session->master, &slave);

	if (r < 0)
		return r;
	session->streams[CTR_STREAM_IN] = session->streams[CTR_STREAM_OUT] = slave;
	return 0;
}

static int begin(struct monitor *monitor, const struct ctr_monitor_start *start)
{
	struct monitor_session *first = monitor_session_new(monitor);
	sigset_t all;
	int r;

	first->sync = start->fds->sync;
	first->terminal = start->terminal;
	for (int i = 0; i < 3 && !start->terminal; i++)
		first->streams[i] = i;
	r = start->terminal ? open_terminal(first) : 0;
	if (r < 0) {
		ctr_monitor_fail(first->sync, -r, "process.terminal: cannot make a terminal");
		return -1;
	}

	ctr_sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	monitor->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	monitor->control = ctr_unix_listen(start->fds->dir, CTR_CONTROL_SOCKET, SOCK_SEQPACKET);
	if (monitor->signals < 0 || monitor->control < 0) {
		ctr_monitor_fail(first->sync, monitor->control < 0 ? -monitor->control : errno,
				 "cannot make the control socket");
		return -1;
	}
	if (start->channel >= 0)
		(void)fcntl(start->channel, F_SETFL, O_RDWR | O_NONBLOCK);
	if (start->console >= 0)
		(void)fcntl(start->console, F_SETFL, O_RDWR | O_NONBLOCK);
	(void)fcntl(start->output, F_SETFL, O_RDONLY | O_NONBLOCK);
	if (monitor->qmp >= 0)
		(void)ctr_write_all(monitor->qmp, "{\"execute\":\"qmp_capabilities\"}\n", 31);
	return 0;
}

static void end_child(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int ctr_monitor_end_like(int sig)
{
	const struct rlimit no_core = { 0, 0 };
	sigset_t one;

	/* The guest says by what it ended. Nothing ends by these. */
	if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
		return 128 + sig;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	(void)kill(getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	return 128 + sig;
}

int ctr_monitor_run(const struct ctr_monitor_start *start)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	const struct monitor_session *first;

	if (!monitor)
		return 125;
	ctr_channel_init(&monitor->channel, start->channel);
	monitor->channel.unread_max = start->unread_max;
	monitor->channel.held = true;
	monitor->console.fd = start->console;
	monitor->output.fd = start->output;
	monitor->gate = start->fds->gate;
	monitor->qmp = start->qmp;
	monitor->listener = start->listener;
	monitor->dir = start->fds->dir;
	monitor->began = monitor_now();
	monitor->boot_seconds = start->boot_seconds;
	monitor->vmm = start->vmm;
	monitor->server = start->server;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		monitor->clients[i].fd = -1;

	if (begin(monitor, start) == 0)
		loop(monitor);
	end_child(monitor->vmm);
	end_child(monitor->server);

	first = &monitor->sessions[0];
	if (first->exited)
		return WIFSIGNALED((int)first->status)
			       ? ctr_monitor_end_like(WTERMSIG((int)first->status))
			       : WEXITSTATUS((int)first->status);
	if (monitor->by_signal)
		return ctr_monitor_end_like(monitor->by_signal);
	return WIFSIGNALED(monitor->vmm_status)
		       ? ctr_monitor_end_like(WTERMSIG(monitor->vmm_status))
		       : 125;
}
