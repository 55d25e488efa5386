/* Signals that mean "end". */
#include "base/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

#include "base/cleanup.h"

static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

bool ctr_signal_ends(int sig)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(ends); i++)
		if (ends[i] == sig)
			return true;

	return false;
}

/* A blocked signal is kept also where the caller had us ignore it (nohup, a shell's `&`). */
static bool is_ignored(int sig)
{
	struct sigaction action;

	return sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool ctr_signals_pending(void)
{
	sigset_t pending;

	if (sigpending(&pending) < 0)
		return false;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(ends); i++)
		if (sigismember(&pending, ends[i]) == 1 && !is_ignored(ends[i]))
			return true;

	return false;
}

int ctr_signals_open(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(ends); i++)
		if (!is_ignored(ends[i]))
			sigaddset(&set, ends[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
