/*
 * The foreground: one poll loop over signals, the process and the terminal. The terminal is relayed
 * without ever blocking on either side: a reader that stalls stops the relay in its direction only.
 */
#include "core/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/libc.h"
#include "base/log.h"
#include "base/signals.h"
#include "base/strerror.h"
#include "core/launch.h"
#include "core/notify.h"
#include "core/piped.h"
#include "core/prepare.h"
#include "core/relay.h"

struct session {
	struct ctr_wait *wait;
	struct ctr_relay in, out; /* caller -> terminal, terminal -> caller */
	struct ctr_piped piped;   /* of a caller's input that is no terminal */
	bool away;                /* we are in the background: the terminal is not ours to read */
	bool told_to_end;         /* somebody did not want to wait longer */
	bool ended;
	int status;
};

enum { AWAY_MS = 500, STALLED_MS = 1000 };

/* ---- set-up */

/* All but what the caller had us ignore (nohup, a shell's `&`). Blocked signals are kept all the
 * same, but those that are not blocked never come this way. */
static void signals_to_hear(uint64_t ignored, sigset_t *set)
{
	ctr_sigfillset(set);
	for (int sig = 1; sig <= 64; sig++)
		if (ignored & 1ULL << (sig - 1))
			(void)sigdelset(set, sig);
}

int ctr_wait_prepare(struct ctr_wait *wait, struct ctr_error *err)
{
	sigset_t heard;

	wait->signals = -1;
	wait->masked = wait->detached = wait->keeper = false;
	wait->terminal = (struct ctr_terminal){ .console = -1 };
	if (!wait->foreground)
		return 0;

	ctr_prepare_block_signals(&wait->old_mask);
	wait->masked = true;

	signals_to_hear(wait->ignored, &heard);
	wait->signals = signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
	if (wait->signals < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot wait for signals");

	if (wait->subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot become a subreaper");

	return ctr_terminal_enter(&wait->terminal, wait->console, err);
}

void ctr_wait_release(struct ctr_wait *wait)
{
	ctr_terminal_leave(&wait->terminal);
	if (wait->signals >= 0)
		close(wait->signals);
	if (wait->masked)
		ctr_prepare_restore_signals(&wait->old_mask);
	wait->masked = false;
	wait->signals = -1;
}

/* ---- relay */

static void start_relay(struct session *session)
{
	int console = session->wait->console;

	session->in.from = STDIN_FILENO;
	session->in.to = session->out.from = console;
	session->out.to = STDOUT_FILENO;
	session->piped.console = console;
	session->in.closed = session->out.closed = console < 0;
	session->in.detach = session->wait->detach.count > 0 ? &session->wait->detach : NULL;
	session->away = !ctr_terminal_is_foreground(&session->wait->terminal);
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
			ctr_terminal_resize(&wait->terminal);
		else if (sig == SIGPIPE || sig == SIGTTIN || sig == SIGTTOU)
			continue; /* about our own writing and reading */
		else if (wait->launch->pid > 0)
			(void)kill(wait->launch->pid, sig); /* not reaped: still its number */
		session->told_to_end |= ctr_signal_ends(sig);

		/* Job control is about us as well. */
		if (sig == SIGTSTP)
			ctr_terminal_suspend(&wait->terminal);
		else if (sig == SIGCONT)
			session->away = !ctr_terminal_resume(&wait->terminal);
	}
}

/* ---- the loop */

enum { POLL_SIGNALS, POLL_STDIN, POLL_STDOUT, POLL_CONSOLE, POLL_NOTIFY, POLL_COUNT };

static void fill_poll(const struct session *session, struct pollfd *fds)
{
	const struct ctr_relay *in = &session->in, *out = &session->out;

	fds[POLL_SIGNALS] = (struct pollfd){ .fd = session->wait->signals, .events = POLLIN };
	fds[POLL_STDIN] =
		(struct pollfd){ .fd = ctr_relay_wants_read(in) && !session->away ? in->from : -1,
				 .events = POLLIN };
	fds[POLL_STDOUT] = (struct pollfd){ .fd = ctr_relay_wants_write(out) ? out->to : -1,
					    .events = POLLOUT };
	fds[POLL_CONSOLE] = (struct pollfd){ .fd = -1 };
	if (ctr_relay_wants_read(out))
		fds[POLL_CONSOLE].events |= POLLIN;
	if (ctr_relay_wants_write(in))
		fds[POLL_CONSOLE].events |= POLLOUT;
	if (fds[POLL_CONSOLE].events)
		fds[POLL_CONSOLE].fd = session->wait->console;
	fds[POLL_NOTIFY] = (struct pollfd){
		.fd = session->wait->notify ? session->wait->notify->in : -1,
		.events = POLLIN,
	};
}

/* Nobody looks at the process's terminal any more, or there is none to type on: it ends, as one
 * does that is closed. The descriptor stays the caller's. */
static void hang_up(struct session *session)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0)
		(void)dup3(null, session->wait->console, O_CLOEXEC);
	session->in.closed = session->out.closed = true;
	session->in.start = session->in.end = session->out.start = session->out.end = 0;
}

/* The terminal refuses those in the background (EIO, as SIGTTIN is blocked): that is no end. */
static void read_input(struct session *session)
{
	struct ctr_relay *in = &session->in;
	int r = ctr_relay_read(in);

	if (r == -EIO && !ctr_terminal_is_foreground(&session->wait->terminal)) {
		in->closed = false;
		session->away = true;
	} else if (in->closed && session->wait->terminal.is_ours) {
		hang_up(session);
	}
}

static void write_input(struct session *session)
{
	struct ctr_relay *in = &session->in;
	size_t start = in->start, end = in->end;

	if (session->wait->terminal.is_ours) {
		ctr_relay_write(in);
		return;
	}
	in->end = start + ctr_piped_room(&session->piped, in->data + start, end - start);
	if (in->end > start)
		ctr_relay_write(in);
	if (in->gone)
		return;
	ctr_piped_wrote(&session->piped, in->data + start, in->start - start);
	in->end = end;
}

/* All of an input that is no terminal was passed on, and there is still a terminal. */
static bool is_input_over(const struct session *session)
{
	const struct ctr_relay *in = &session->in;

	return in->closed && !in->gone && !ctr_relay_wants_write(in) && !session->out.closed &&
	       !session->wait->terminal.is_ours;
}

static void serve_poll(struct session *session, const struct pollfd *fds)
{
	struct ctr_relay *out = &session->out;

	if (fds[POLL_STDIN].revents)
		read_input(session);
	if (fds[POLL_STDOUT].revents)
		ctr_relay_write_shared(out);
	if ((fds[POLL_CONSOLE].events & POLLIN) && (fds[POLL_CONSOLE].revents & (POLLIN | POLLHUP)))
		(void)ctr_relay_read(out);
	if ((fds[POLL_CONSOLE].events & POLLOUT) &&
	    (fds[POLL_CONSOLE].revents & (POLLOUT | POLLHUP)))
		write_input(session);
	if (fds[POLL_NOTIFY].revents)
		(void)ctr_notify_serve(session->wait->notify);
	if (fds[POLL_SIGNALS].revents)
		serve_signals(session);
	if (is_input_over(session) && ctr_piped_left(&session->piped) == 0)
		ctr_piped_tell_end(&session->piped);
}

/* ms until there is something to do that nobody tells us; -1: never. */
static int poll_timeout(const struct session *session)
{
	if (session->away)
		return AWAY_MS;
	return is_input_over(session) ? ctr_piped_left(&session->piped) : -1;
}

/*
 * Every byte that the process wrote before its end: the master says EIO, or has nothing more when a
 * process that is left holds the slave. A reader may take its time, as with any program; but who
 * wanted an end is not made to wait for one that takes nothing.
 */
static void drain(struct session *session)
{
	struct ctr_relay *out = &session->out;
	struct signalfd_siginfo info;

	while (!out->closed || ctr_relay_wants_write(out)) {
		struct pollfd fds[] = {
			{.fd = out->to,                 .events = POLLOUT},
			{ .fd = session->wait->signals, .events = POLLIN }
		};
		int n;

		if (!ctr_relay_wants_write(out)) {
			(void)ctr_relay_read(out);
			if (!ctr_relay_wants_write(out))
				return;
		}
		n = poll(fds, 2, session->told_to_end ? STALLED_MS : -1);
		if (n == 0 || (n < 0 && errno != EINTR))
			return;
		if (fds[1].revents && read(fds[1].fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			session->told_to_end |= ctr_signal_ends((int)info.ssi_signo);
		if (fds[0].revents)
			ctr_relay_write_shared(out);
	}
}

/* ---- detached */

static void drop_streams(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

/*
 * Without a reader of its terminal the process would stop when that is full, and without a master
 * it would be hung up. What it writes is dropped. It is no child of ours, so its end shows in the
 * pidfd and its status is its new parent's.
 */
static void keep(struct session *session, int ready)
{
	struct ctr_wait *wait = session->wait;
	struct signalfd_siginfo info;
	char dropped[4096];

	(void)setsid();
	drop_streams();
	close(ready);
	wait->terminal.raw = false; /* it is the other's */
	wait->keeper = true;
	for (;;) {
		struct pollfd fds[] = {
			{.fd = wait->launch->pidfd,                       .events = POLLIN},
			{ .fd = wait->signals,                            .events = POLLIN},
			{ .fd = session->out.closed ? -1 : wait->console, .events = POLLIN}
		};

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			break;
		if (fds[2].revents && read(wait->console, dropped, sizeof(dropped)) <= 0 &&
		    errno != EAGAIN)
			session->out.closed = true;
		if (fds[1].revents &&
		    read(fds[1].fd, &info, sizeof(info)) == (ssize_t)sizeof(info) &&
		    ctr_signal_ends((int)info.ssi_signo))
			(void)ctr_pidfd_kill(wait->launch->pidfd, (int)info.ssi_signo);
		if (fds[0].revents)
			break;
	}
	wait->launch->pid = 0;
	session->ended = true;
}

/* Two processes come out of it, unless it cannot be. */
static void detach(struct session *session)
{
	struct ctr_wait *wait = session->wait;
	int ready[2] = { -1, -1 };
	char none;
	pid_t pid;

	session->in.detached = false;
	if (wait->launch->pidfd < 0) {
		ctr_log(CTR_LOG_ERROR, "cannot detach without pidfd_open");
		return;
	}

	pid = pipe2(ready, O_CLOEXEC) < 0 ? -1 : fork();
	if (pid < 0) {
		ctr_log(CTR_LOG_ERROR, "cannot detach: %s", ctr_strerror(errno));
		ctr_close_ptr(&ready[0]);
		ctr_close_ptr(&ready[1]);
		return;
	}
	if (pid == 0) {
		close(ready[0]);
		keep(session, ready[1]);
		return;
	}
	/* Our end may hang up all processes of the session: not before it has left that. */
	close(ready[1]);
	while (read(ready[0], &none, 1) < 0 && errno == EINTR)
		;
	close(ready[0]);
	wait->launch->pid = 0;
	wait->detached = true;
	session->ended = true;
}

int ctr_wait(struct ctr_wait *wait, int *status, struct ctr_error *err)
{
	struct session session = { .wait = wait };

	start_relay(&session);
	reap(&session);
	while (!session.ended) {
		struct pollfd fds[POLL_COUNT];

		fill_poll(&session, fds);
		if (poll(fds, POLL_COUNT, poll_timeout(&session)) < 0) {
			if (errno == EINTR)
				continue;
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot wait for the process");
		}
		serve_poll(&session, fds);
		if (session.out.gone) {
			session.out.gone = false;
			hang_up(&session);
		}
		if (session.away && ctr_terminal_is_foreground(&wait->terminal))
			session.away = !ctr_terminal_resume(&wait->terminal);
		if (session.in.detached && !session.ended)
			detach(&session);
	}
	if (!wait->detached && !wait->keeper)
		drain(&session);
	/* Its last words may have come together with its end. */
	while (wait->notify && wait->notify->in >= 0 && ctr_notify_serve(wait->notify))
		;

	*status = session.status;
	return 0;
}
