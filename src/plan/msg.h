/*
 * Messages between ctr (parent) and ctr-init (child) on one SOCK_SEQPACKET pair, and the edge table
 * that both sides and the tests read. Freestanding.
 *
 * Descriptors travel on the message that names them. FAIL and WARN are legal in every state of
 * the child and change none. End of file after STARTING means that execve succeeded.
 */
#pragma once

#include <stdint.h>

enum ctr_msg_type {
	/* child to parent */
	CTR_MSG_WANT_FDS = 1, /* op = its index, value = first, value2 = count */
	CTR_MSG_HOOKS,        /* mounts are done: run prestart and createRuntime hooks */
	CTR_MSG_CONSOLE,      /* descriptor: the pty's master */
	CTR_MSG_LISTENER,     /* value = the number the seccomp listener is about to get */
	CTR_MSG_CREATED,      /* all but the payload is there */
	CTR_MSG_STARTING,     /* about to execve; EOF follows, or FAIL */
	CTR_MSG_FAIL,         /* op, error, text */
	CTR_MSG_WARN,         /* op, error, text */
	/* parent to child */
	CTR_MSG_FDS,   /* descriptors, value2 = count */
	CTR_MSG_GO,    /* the answer to HOOKS */
	CTR_MSG_START, /* the answer to CREATED, or through the gate */
	CTR_MSG_TYPES,
};

enum { CTR_MSG_TEXT_MAX = 3072 };

/* Where inside an operation it failed; the parent has the words. */
enum ctr_fail_detail {
	CTR_DETAIL_NONE,
	CTR_DETAIL_OPEN_TARGET, /* cannot open or make the target */
	CTR_DETAIL_OPEN_SOURCE,
	CTR_DETAIL_TARGET_LINK, /* must be an ordinary directory, not a link */
	CTR_DETAIL_TARGET_PROC, /* may not lie on a procfs */
	CTR_DETAIL_NOT_NULL,    /* not the null device */
	CTR_DETAIL_FLAGS,       /* mount flags */
	CTR_DETAIL_PROPAGATION,
	CTR_DETAIL_COPY,         /* tmpcopyup */
	CTR_DETAIL_OTHER_DEVICE, /* another file is at the device's path */
	CTR_DETAIL_HOST_DEVICE,  /* another file is at that path of the host */
	CTR_DETAIL_MAKE,         /* it is missing, and cannot be made */
	CTR_DETAIL_EXEC_PATH,    /* not found in $PATH */
	CTR_DETAIL_EXEC,         /* text = the path */
	CTR_DETAIL_EXEC_TYPE,    /* not a regular file; text = the path */
	CTR_DETAIL_HOOK_STATUS,  /* value = wait status, text = what it printed */
	CTR_DETAIL_HOOK_TIMEOUT,
	CTR_DETAIL_MACHINE,  /* of a virtual machine's monitor: text is all of the message */
	CTR_DETAIL_PROTOCOL, /* unexpected message: value = its type */
	CTR_DETAIL_COUNT,
};

struct ctr_msg {
	uint32_t type;
	uint32_t op;     /* index of the operation */
	int32_t error;   /* errno, positive */
	uint32_t detail; /* enum ctr_fail_detail */
	uint32_t value, value2;
	uint32_t length; /* of the text that follows, no NUL */
	uint32_t kind;   /* FAIL, WARN: the operation itself, for a parent that has no plan: */
	uint64_t arg2;   /* `ctr start` learns through the gate what went wrong */
};

/* States of the child, as both sides see them. */
enum ctr_sync_state {
	CTR_SYNC_BUILDING, /* runs operations */
	CTR_SYNC_WAIT_FDS,
	CTR_SYNC_WAIT_HOOKS,
	CTR_SYNC_CREATED,  /* waits for START */
	CTR_SYNC_STARTING, /* runs startContainer hooks, then execs */
	CTR_SYNC_DONE,     /* STARTING was sent: EOF or FAIL */
	CTR_SYNC_STATES,
};

enum ctr_sync_sender {
	CTR_FROM_CHILD,
	CTR_FROM_PARENT,
};

struct ctr_edge {
	uint8_t state, message, sender, next;
};

/* X(state, message, sender, next state) */
#define CTR_EDGES(X)                                                                               \
	X(BUILDING, WANT_FDS, CHILD, WAIT_FDS)                                                     \
	X(WAIT_FDS, FDS, PARENT, BUILDING)                                                         \
	X(BUILDING, HOOKS, CHILD, WAIT_HOOKS)                                                      \
	X(WAIT_HOOKS, GO, PARENT, BUILDING)                                                        \
	X(BUILDING, CONSOLE, CHILD, BUILDING)                                                      \
	X(BUILDING, LISTENER, CHILD, BUILDING)                                                     \
	X(BUILDING, CREATED, CHILD, CREATED)                                                       \
	X(CREATED, START, PARENT, STARTING)                                                        \
	X(STARTING, STARTING, CHILD, DONE)

static const struct ctr_edge ctr_edges[] = {
#define X(state, message, sender, next)                                                            \
	{ CTR_SYNC_##state, CTR_MSG_##message, CTR_FROM_##sender, CTR_SYNC_##next },
	CTR_EDGES(X)
#undef X
};

/* The state after @sender sent @message in @state; -1: not legal. FAIL and WARN keep the state. */
static inline int ctr_sync_next(uint32_t state, uint32_t message, uint32_t sender)
{
	if (sender == CTR_FROM_CHILD && (message == CTR_MSG_FAIL || message == CTR_MSG_WARN))
		return (int)state;

	for (unsigned i = 0; i < sizeof(ctr_edges) / sizeof(ctr_edges[0]); i++) {
		const struct ctr_edge *edge = &ctr_edges[i];

		if (edge->state == state && edge->message == message && edge->sender == sender)
			return edge->next;
	}

	return -1;
}
