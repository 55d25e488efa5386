/*
 * Staying with a process in the foreground: forward signals, relay the terminal, collect its exit
 * status. Used by run and exec.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

struct ctr_error;
struct ctr_launch;
struct ctr_notify;

struct ctr_wait {
	struct ctr_launch *launch; /* its pid becomes 0 when it was reaped */
	int console;               /* master of its terminal, -1: none */
	bool foreground;           /* false: nothing is prepared, ctr_wait() must not be called */
	bool subreaper;            /* take over its orphans */
	struct ctr_notify *notify; /* its notifications are passed on; NULL: none */
	/* private */
	int signals;
	sigset_t old_mask;
	bool masked, raw;
	struct termios old_termios;
};

/* Before the payload starts, so that no signal is lost: block signals, raw mode, size. */
int ctr_wait_prepare(struct ctr_wait *wait, struct ctr_error *err);

/* Until the process ends. *@status: its exit status, 128+n when signal n ended it. */
int ctr_wait(struct ctr_wait *wait, int *status, struct ctr_error *err);

/* Restore signals and the caller's terminal. Safe after a failed or skipped prepare. */
void ctr_wait_release(struct ctr_wait *wait);
