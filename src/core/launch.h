/*
 * Starting ctr-init on a plan, and the parent's side of the edge table (plan/msg.h): serving what
 * the child asks for until it reaches a state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/child.h"
#include "plan/msg.h"

struct ctr_actions;
struct ctr_arena;
struct ctr_cgroup;
struct ctr_error;
struct ctr_host;
struct ctr_launch;
struct ctr_newnet;
struct ctr_plan_header;

/* What happens at an edge; 0, or -1 and @err. NULL: the message is not expected. */
struct ctr_launch_calls {
	/* systemd's cgroup: the child waits; put it there. */
	int (*place)(void *data, const struct ctr_launch *launch, struct ctr_error *err);
	/* Mounts are there: prestart and createRuntime hooks. */
	int (*hooks)(void *data, const struct ctr_launch *launch, struct ctr_error *err);
	/* The terminal's master; the callee owns @fd. */
	int (*console)(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err);
	/* The seccomp listener; the callee owns @fd. */
	int (*listener)(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err);
	/* CREATED. NULL: nothing is to be done. */
	void (*created)(void *data);
};

struct ctr_launch {
	const struct ctr_plan_header *plan; /* NULL when another ctr planned (ctr start) */
	const struct ctr_actions *actions;
	const struct ctr_host *host;
	struct ctr_arena *arena;
	const struct ctr_launch_calls *calls;
	void *data;
	int sync;       /* ours */
	uint32_t state; /* enum ctr_sync_state */
	bool slow;      /* it may take seconds: signals that would end us are passed on meanwhile */
	bool ahead;     /* START was sent ahead of CREATED */
	bool quiet;     /* and nothing was received since: as a rule there is nothing to serve */
	uint32_t failed;           /* the operation that the child told of; UINT32_MAX: none */
	pid_t pid;                 /* 0: none, or not our child */
	int pidfd;                 /* -1 where pidfd_open is missing */
	int userns;                /* of the child, opened when first needed; -1 */
	struct ctr_newnet *newnet; /* the helper beside; NULL: there cannot be one */
	struct ctr_child child;    /* the child reads it until it executes ctr-init */
};

#define CTR_LAUNCH_INIT                                                                            \
	{                                                                                          \
		.sync = -1, .failed = UINT32_MAX, .pidfd = -1, .userns = -1                        \
	}

/*
 * The socket pair between us and the child: ->sync is ours, *@child_sync the child's, and @plan is
 * told its number. Both are the caller's to close. 0 or -1.
 */
int ctr_launch_pair(struct ctr_launch *launch, struct ctr_plan_header *plan, int *child_sync,
		    struct ctr_error *err);

/*
 * Clone and execute ctr-init with the shape of @launch->actions. @child_sync and @gate are numbers
 * that the plan names; both stay the caller's. @joins (@njoins) come after the shape's (ctr exec,
 * whose shape has none). The child is in @cgroup when it runs. Id maps are written here. 0, or -1
 * and @err with no process left.
 */
int ctr_launch_start(struct ctr_launch *launch, const struct ctr_cgroup *cgroup, int child_sync,
		     int gate, const struct ctr_child_join *joins, size_t njoins,
		     struct ctr_error *err);

/*
 * Serve the child until it is in @until: CTR_SYNC_CREATED, or CTR_SYNC_DONE for "execve succeeded".
 * 0, or -1 and @err (what the child reported, or how it ended).
 */
int ctr_launch_serve(struct ctr_launch *launch, enum ctr_sync_state until, struct ctr_error *err);

/*
 * Something could not be done to the child, as @err tells. If the child has ended meanwhile, that
 * was for its end (systemd removes the cgroup that is empty then), and @err becomes the reason of
 * that. Not after ctr_launch_serve() has failed.
 */
void ctr_launch_blame(struct ctr_launch *launch, struct ctr_error *err);

/* Does the child want something of us before it is CREATED? */
bool ctr_launch_asks(const struct ctr_launch *launch);

/*
 * Let the payload start: the answer to CREATED. Of a child that asks for nothing it may be sent
 * ahead, while it builds; it finds it waiting then, and neither side waits for the other.
 */
int ctr_launch_go(struct ctr_launch *launch, struct ctr_error *err);

/* Has the child begun a hook? Where it could not tell how far it came, it may have. */
bool ctr_launch_began_hook(const struct ctr_launch *launch);

/* Kill the child, if it is there, and reap it. */
void ctr_launch_kill(struct ctr_launch *launch);
void ctr_launch_release(struct ctr_launch *launch);
