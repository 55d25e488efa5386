/*
 * Staying with a process in the foreground: forward signals, relay the terminal, collect its exit
 * status. Used by run and exec.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/detach.h"
#include "core/terminal.h"

struct ctr_error;
struct ctr_launch;
struct ctr_notify;

/* In place of an exit status: somebody typed the keys to detach. */
enum { CTR_DETACHED = -1 };

struct ctr_wait {
	struct ctr_launch *launch; /* its pid becomes 0 when it was reaped */
	int console;               /* master of its terminal, -1: none */
	bool foreground;           /* false: nothing is prepared, ctr_wait() must not be called */
	bool subreaper;            /* take over its orphans */
	uint64_t ignored;          /* mask (bit n-1) of signals that the caller had us ignore */
	struct ctr_notify *notify; /* its notifications are passed on; NULL: none */
	struct ctr_detach detach;  /* keys that end only our part in it */
	/* out of ctr_wait() */
	bool detached; /* they were typed: another process, the keeper, stays with it */
	bool keeper;   /* ... and this is it: the caller's work after the process's end is ours */
	/* private */
	int signals;
	sigset_t old_mask;
	bool masked;
	struct ctr_terminal terminal;
};

/* Before the payload starts, so that no signal is lost: block signals, raw mode, size. */
int ctr_wait_prepare(struct ctr_wait *wait, struct ctr_error *err);

/*
 * Until the process ends. *@status: its exit status, 128+n when signal n ended it. When the keys to
 * detach are typed it returns twice, in two processes: at once with ->detached, and at the end of
 * the process with ->keeper, where the status is not known (0).
 */
int ctr_wait(struct ctr_wait *wait, int *status, struct ctr_error *err);

/* Restore signals and the caller's terminal. Safe after a failed or skipped prepare. */
void ctr_wait_release(struct ctr_wait *wait);
