/*
 * The foreground: one poll loop over signals, the process and the terminal. The terminal is relayed
 * without ever blocking on either side: a reader that stalls stops the relay in its direction only.
 */
#include "core/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "core/launch.h"
#include "core/notify.h"
#include "core/prepare.h"

enum { RELAY_SIZE = 8192 };

/* Bytes on their way from one descriptor to another. */
struct relay {
	int from, to;
	size_t start, end;
	bool closed; /* nothing more will come from @from, or @to is gone */
	char data[RELAY_SIZE];
};

struct session {
	struct ctr_wait *wait;
	struct relay in, out; /* caller -> terminal, terminal -> caller */
	bool ended;
	int status;
};

/* ---- set-up */

static void copy_size(const struct ctr_wait *wait)
{
	struct winsize size;

	if (wait->console >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(wait->console, TIOCSWINSZ, &size);
}

static int make_raw(struct ctr_wait *wait, struct ctr_error *err)
{
	struct termios raw;

	if (wait->console < 0 || tcgetattr(STDIN_FILENO, &wait->old_termios) < 0)
		return 0; /* not a terminal: the relay works with pipes as well */

	raw = wait->old_termios;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make the terminal raw");
	wait->raw = true;
	copy_size(wait);
	return 0;
}

int ctr_wait_prepare(struct ctr_wait *wait, struct ctr_error *err)
{
	sigset_t all;

	wait->signals = -1;
	wait->masked = wait->raw = false;
	if (!wait->foreground)
		return 0;

	ctr_prepare_block_signals(&wait->old_mask);
	wait->masked = true;

	/* Those that are not blocked never come this way. */
	sigfillset(&all);
	wait->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (wait->signals < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot wait for signals");

	if (wait->subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot become a subreaper");

	return make_raw(wait, err);
}

void ctr_wait_release(struct ctr_wait *wait)
{
	if (wait->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &wait->old_termios);
	if (wait->signals >= 0)
		close(wait->signals);
	if (wait->masked)
		ctr_prepare_restore_signals(&wait->old_mask);
	wait->raw = wait->masked = false;
	wait->signals = -1;
}

/* ---- relay */

static bool relay_wants_read(const struct relay *relay)
{
	return !relay->closed && relay->start == relay->end;
}

static bool relay_wants_write(const struct relay *relay)
{
	return relay->start < relay->end;
}

static void relay_read(struct relay *relay)
{
	ssize_t n = read(relay->from, relay->data, sizeof(relay->data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* EIO of a pty master: the last slave was closed and everything was read. */
	if (n <= 0) {
		relay->closed = true;
		return;
	}
	relay->start = 0;
	relay->end = (size_t)n;
}

static void relay_write(struct relay *relay)
{
	ssize_t n = write(relay->to, relay->data + relay->start, relay->end - relay->start);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		relay->closed = true;
		relay->start = relay->end = 0;
		return;
	}
	relay->start += (size_t)n;
}

/*
 * Our standard output is shared with whoever started us, so O_NONBLOCK (a flag of the open file,
 * not of the descriptor) is not ours to set there: write only what poll(2) says fits, at most a
 * page, as POLLOUT of a pipe promises PIPE_BUF bytes and that of a terminal one at least.
 */
static void relay_write_shared(struct relay *relay)
{
	size_t end = relay->end;

	if (relay->end - relay->start > 4096)
		relay->end = relay->start + 4096;
	relay_write(relay);
	if (relay->end != 0)
		relay->end = end;
}

static void start_relay(struct session *session)
{
	int console = session->wait->console;

	session->in.from = STDIN_FILENO;
	session->in.to = session->out.from = console;
	session->out.to = STDOUT_FILENO;
	session->in.closed = session->out.closed = console < 0;
	if (console >= 0)
		(void)fcntl(console, F_SETFL, O_NONBLOCK);
}

/* ---- signals */

static void reap(struct session *session)
{
	struct ctr_launch *launch = session->wait->launch;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (pid != launch->pid)
			continue;
		session->ended = true;
		session->status =
			WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		launch->pid = 0;
		return;
	}
}

static void serve_signals(struct session *session)
{
	struct ctr_wait *wait = session->wait;
	struct signalfd_siginfo info;

	while (!session->ended &&
	       read(wait->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGCHLD)
			reap(session);
		else if (sig == SIGWINCH)
			copy_size(wait);
		else if (sig == SIGPIPE || sig == SIGTTIN || sig == SIGTTOU)
			continue; /* about our own writing and reading */
		else if (wait->launch->pid > 0)
			(void)kill(wait->launch->pid, sig); /* not reaped: still its number */
	}
}

/* ---- the loop */

enum { POLL_SIGNALS, POLL_STDIN, POLL_STDOUT, POLL_CONSOLE, POLL_NOTIFY, POLL_COUNT };

static void fill_poll(const struct session *session, struct pollfd *fds)
{
	const struct relay *in = &session->in, *out = &session->out;

	fds[POLL_SIGNALS] = (struct pollfd){ .fd = session->wait->signals, .events = POLLIN };
	fds[POLL_STDIN] =
		(struct pollfd){ .fd = relay_wants_read(in) ? in->from : -1, .events = POLLIN };
	fds[POLL_STDOUT] =
		(struct pollfd){ .fd = relay_wants_write(out) ? out->to : -1, .events = POLLOUT };
	fds[POLL_CONSOLE] = (struct pollfd){ .fd = -1 };
	if (relay_wants_read(out))
		fds[POLL_CONSOLE].events |= POLLIN;
	if (relay_wants_write(in))
		fds[POLL_CONSOLE].events |= POLLOUT;
	if (fds[POLL_CONSOLE].events)
		fds[POLL_CONSOLE].fd = session->wait->console;
	fds[POLL_NOTIFY] = (struct pollfd){
		.fd = session->wait->notify ? session->wait->notify->in : -1,
		.events = POLLIN,
	};
}

static void serve_poll(struct session *session, const struct pollfd *fds)
{
	struct relay *in = &session->in, *out = &session->out;

	if (fds[POLL_STDIN].revents)
		relay_read(in);
	if (fds[POLL_STDOUT].revents)
		relay_write_shared(out);
	if ((fds[POLL_CONSOLE].events & POLLIN) && (fds[POLL_CONSOLE].revents & (POLLIN | POLLHUP)))
		relay_read(out);
	if ((fds[POLL_CONSOLE].events & POLLOUT) &&
	    (fds[POLL_CONSOLE].revents & (POLLOUT | POLLHUP)))
		relay_write(in);
	if (fds[POLL_NOTIFY].revents)
		(void)ctr_notify_serve(session->wait->notify);
	if (fds[POLL_SIGNALS].revents)
		serve_signals(session);
}

/* Every byte that the process wrote before its end: the master says EIO, or has nothing more when a
 * process that is left holds the slave. A reader that takes nothing for a second loses the rest. */
static void drain(struct session *session)
{
	struct relay *out = &session->out;

	while (!out->closed || relay_wants_write(out)) {
		struct pollfd fd = { .fd = out->to, .events = POLLOUT };

		if (!relay_wants_write(out)) {
			relay_read(out);
			if (!relay_wants_write(out))
				return;
		}
		if (poll(&fd, 1, 1000) <= 0)
			return;
		relay_write_shared(out);
	}
}

int ctr_wait(struct ctr_wait *wait, int *status, struct ctr_error *err)
{
	struct session session = { .wait = wait };

	start_relay(&session);
	reap(&session);
	while (!session.ended) {
		struct pollfd fds[POLL_COUNT];

		fill_poll(&session, fds);
		if (poll(fds, POLL_COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot wait for the process");
		}
		serve_poll(&session, fds);
	}
	drain(&session);
	/* Its last words may have come together with its end. */
	while (wait->notify && ctr_notify_serve(wait->notify))
		;

	*status = session.status;
	return 0;
}
