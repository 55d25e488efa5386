/* termios(3) and job control (credentials(7), "Process groups"). All signals are blocked here. */
#include "core/terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"

enum { STOPS_MAX = 1000 };

void ctr_terminal_resize(const struct ctr_terminal *terminal)
{
	struct winsize size;

	if (terminal->console >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(terminal->console, TIOCSWINSZ, &size);
}

bool ctr_terminal_is_foreground(const struct ctr_terminal *terminal)
{
	/* -1: it is not our controlling terminal, and has no foreground for us. */
	pid_t group = terminal->is_ours ? tcgetpgrp(STDIN_FILENO) : -1;

	return group < 0 || group == getpgrp();
}

/* Let @sig have its default action, which is to stop, now. */
static void stop_by(int sig, bool group)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, sig);
	(void)kill(group ? 0 : getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &set, &old);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}

static int make_raw(struct ctr_terminal *terminal)
{
	struct termios raw = terminal->old;

	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return -1;
	terminal->raw = true;
	ctr_terminal_resize(terminal);
	return 0;
}

int ctr_terminal_enter(struct ctr_terminal *terminal, int console, struct ctr_error *err)
{
	*terminal = (struct ctr_terminal){ .console = console };
	if (console < 0 || tcgetattr(STDIN_FILENO, &terminal->old) < 0)
		return 0; /* no terminal: the relay works with pipes as well */
	terminal->is_ours = true;

	/* Started in the background: stop, with the whole job, until somebody wants us to have the
	 * terminal. A group that no shell looks after cannot be stopped. */
	for (int i = 0; i < STOPS_MAX && !ctr_terminal_is_foreground(terminal); i++)
		stop_by(SIGTTIN, true);
	if (!ctr_terminal_is_foreground(terminal)) {
		ctr_terminal_resize(terminal);
		return 0;
	}

	/* What somebody else did to it meanwhile is what is to be given back. */
	(void)tcgetattr(STDIN_FILENO, &terminal->old);
	return make_raw(terminal) < 0
		       ? ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make the terminal raw")
		       : 0;
}

void ctr_terminal_leave(struct ctr_terminal *terminal)
{
	/* In the background it is the shell's, which has set it as it wants it. */
	if (terminal->raw && ctr_terminal_is_foreground(terminal))
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal->old);
	terminal->raw = false;
}

void ctr_terminal_suspend(struct ctr_terminal *terminal)
{
	ctr_terminal_leave(terminal);
	stop_by(SIGTSTP, false);
}

bool ctr_terminal_resume(struct ctr_terminal *terminal)
{
	if (!terminal->is_ours)
		return true;
	if (!ctr_terminal_is_foreground(terminal))
		return false;

	if (!terminal->raw)
		(void)tcgetattr(STDIN_FILENO, &terminal->old);
	(void)make_raw(terminal);
	return true;
}
