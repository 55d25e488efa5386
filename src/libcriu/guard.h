/*
 * What CRIU makes when nobody waits for it any more. Its processes are siblings of ours, but each
 * of them has the socket open that CRIU speaks to us by, until it gets files of its own; and by
 * then the first one, in whose PID namespace the others are, has been told of.
 */
#pragma once

/*
 * SIGKILL for CRIU (a pidfd), for all that have the socket called @name open (base/holders.h), and
 * for @root, the pidfd of the first process of the container (-1: none yet). Returns when none is
 * left that can be found, or after ten seconds.
 */
void ctr_guard_end(const char *name, int criu, int root);
