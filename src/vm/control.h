/*
 * Talking with the monitor of a running machine: a SOCK_SEQPACKET socket, `vmm`, in the container's
 * state directory. One request a message; answers are one message each, but that of EXEC: it comes
 * when the process has ended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_buf;
struct ctr_error;

#define CTR_CONTROL_SOCKET "vmm"

enum ctr_control_kind {
	CTR_CONTROL_SIGNAL = 1, /* value: to session 0, or to that of this connection */
	CTR_CONTROL_EXEC,       /* descriptors as below */
	CTR_CONTROL_RESIZE,     /* value = rows | columns << 16, of this connection's terminal */
	CTR_CONTROL_PAUSE,
	CTR_CONTROL_RESUME,
	CTR_CONTROL_STATS,
	CTR_CONTROL_PROCESSES,
	CTR_CONTROL_LIMIT,   /* struct ctr_control_limit; value: enum ctr_control_which */
	CTR_CONTROL_BALLOON, /* value: MiB that the guest is to keep, 0 to ask only; answered with
			      * the MiB that it has */
};

enum ctr_control_which { CTR_CONTROL_MEMORY, CTR_CONTROL_PIDS };

/* Descriptors of EXEC: socket to the parent, standard streams, the session (plan/frame.h) as a
 * file, and with a terminal its master. */
enum { CTR_CONTROL_FDS = 5, CTR_CONTROL_FDS_TERMINAL = 6, CTR_CONTROL_TEXT = 4096 };

/* So many messages answer one question at most. */
enum { CTR_CONTROL_ANSWERS = 256 };

struct ctr_control_request {
	uint32_t kind, value;
};

struct ctr_control_limit {
	struct ctr_control_request head;
	uint64_t value; /* UINT64_MAX: none */
};

struct ctr_control_reply {
	int32_t error;   /* errno */
	uint32_t status; /* EXEC: as waitpid(2) gives it; PROCESSES: not 0 where more follow */
	uint32_t length; /* of the text that follows */
	uint32_t reserved;
};

/* One request without descriptors. */
struct ctr_control_question {
	const struct ctr_control_request *request;
	size_t length;    /* bytes of the request */
	const char *what; /* for errors */
	int timeout_ms;   /* for all answers; 0: CTR_CONTROL_MS */
};

enum { CTR_CONTROL_MS = 20000 };

/* Ask it: @text is added to, and *@status is that of the answer; both may be NULL. 0, or -1 and
 * @err. */
int ctr_control_ask(int dir, const struct ctr_control_question *question, struct ctr_buf *text,
		    uint32_t *status, struct ctr_error *err);

/* As in struct ctr_backend. */
int ctr_vm_signal(int dir, int sig, struct ctr_error *err);
int ctr_vm_pause(int dir, bool pause, struct ctr_error *err);
