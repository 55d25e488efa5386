/*
 * The child of a ctr that was killed before its record had the pid, where no cgroup tells of it,
 * and what CRIU has made for a restore: they are found by a socket that they have open.
 */
#pragma once

struct ctr_error;

/*
 * Remember in state directory @dir, as a link, the socket @fd that the child is about to get and
 * has open until it is started. 0, or -1 and @err.
 */
int ctr_orphan_claim(int dir, int fd, struct ctr_error *err);

/* Nobody needs that any more. */
void ctr_orphan_forget(int dir);

/*
 * SIGKILL for every ctr-init and CRIU that has the socket open which @dir remembers, and wait until
 * none has. Nothing where none is remembered. 0, or -1 and @err (fault HOST: it does not end).
 */
int ctr_orphan_end(int dir, struct ctr_error *err);
