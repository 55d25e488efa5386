/*
 * How CRIU is ended. What a dump has stopped only CRIU can let go on, so a dump is not ended by
 * signals.
 *
 * What CRIU makes when nobody waits for it any more. Its processes are siblings of ours, but each
 * of them has the socket open that CRIU speaks to us by, until it gets files of its own; and by
 * then the first one, in whose PID namespace the others are, has been told of.
 */
#pragma once

#include <sys/types.h>

/*
 * SIGKILL for CRIU (a pidfd), for all that have the socket called @name open (base/holders.h), and
 * for @root, the pidfd of the first process of the container (-1: none yet). Returns when none is
 * left that can be found, or after ten seconds.
 */
void ctr_guard_end(const char *name, int criu, int root);

/* Have the CRIU that is started from here, and this process, live through signals that mean "end":
 * those of a terminal are for all of its foreground. Its caller knows what to do about them. */
void ctr_guard_ignore_signals(void);

/* Have process @criu, which does that, fail at what it writes or waits for (base/stall.h), and undo
 * what it has done to a container. To be repeated until it has ended. */
void ctr_guard_fail(pid_t criu);
