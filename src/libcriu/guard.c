/* A CRIU that waits for what never comes is ended with all that it has made. */
#include "libcriu/guard.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "base/holders.h"
#include "base/signals.h"
#include "base/stall.h"

enum { DEATH_WAIT_MS = 10000 };

void ctr_guard_end(const char *name, int criu, int root)
{
	/* First, so that it makes no more of them. */
	(void)ctr_pidfd_kill(criu, SIGKILL);
	if (root >= 0)
		(void)ctr_pidfd_kill(root, SIGKILL);
	(void)ctr_holders_end(name, NULL, DEATH_WAIT_MS);
}

void ctr_guard_ignore_signals(void)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (ctr_signal_ends(sig))
			(void)signal(sig, SIG_IGN);
	/* (ctr_guard_fail()) */
	(void)signal(SIGXFSZ, SIG_IGN);
}

void ctr_guard_fail(pid_t criu)
{
	const struct rlimit none = { 0 };

	/* An image that cannot grow is an error as is a full disk. */
	(void)prlimit(criu, RLIMIT_FSIZE, &none, NULL);
	ctr_stall_end(criu);
}
