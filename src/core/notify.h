/*
 * Notifications of a service to its manager (sd_notify(3)): a container cannot reach the manager's
 * socket, and its process ids mean nothing there. It gets a socket of ours in a directory that is
 * bound on /run/notify, and what it sends is passed on: by run in the foreground as long as it
 * lives, by start and by a detached run until the service says that it is ready.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct ctr_error;

struct ctr_notify {
	int in;     /* where the container sends to; -1: nobody listens */
	int out;    /* connected to the manager */
	pid_t main; /* who becomes the service's main process with READY=1 */
	bool ready; /* has been said */
};

#define CTR_NOTIFY_INIT                                                                            \
	{                                                                                          \
		.in = -1, .out = -1                                                                \
	}

/* Where the container sees the directory. */
extern const char ctr_notify_place[];

/* Is there a manager (NOTIFY_SOCKET)? */
bool ctr_notify_wanted(void);

/* Make the directory for the socket in the state directory @dir. 0 or -1. */
int ctr_notify_make(int dir, struct ctr_error *err);

/*
 * Make the socket, if there is a manager and the directory; nothing can be lost from then on. Also
 * a manager that cannot be reached leaves ->in at -1, with a warning. 0 or -1.
 */
int ctr_notify_open(struct ctr_notify *notify, int dir, struct ctr_error *err);

/* Pass on one message that has come, if any, without waiting. false: there was none. */
bool ctr_notify_serve(struct ctr_notify *notify);

/* Tell the manager, if somebody listens, that the service is ready: one that goes on where it was
 * (a restore) has said so long ago, to another. */
void ctr_notify_ready(struct ctr_notify *notify);

/* Pass on until READY=1 has reached the manager, or @pid has ended (@pidfd: -1 where there are no
 * pidfds). */
void ctr_notify_until_ready(struct ctr_notify *notify, pid_t pid, int pidfd);

/* Close. @dir, where the container outlives us: its socket is taken away; -1: not needed. */
void ctr_notify_release(struct ctr_notify *notify, int dir);
