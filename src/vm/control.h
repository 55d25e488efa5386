/*
 * Talking with the monitor of a running machine: a SOCK_SEQPACKET socket, `vmm`, in the container's
 * state directory. One request a message; answers are one message each, but that of EXEC: it comes
 * when the process has ended.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_error;

#define CTR_CONTROL_SOCKET "vmm"

enum ctr_control_kind {
	CTR_CONTROL_SIGNAL = 1, /* value: to session 0, or to that of this connection */
	CTR_CONTROL_EXEC,       /* descriptors as below */
	CTR_CONTROL_RESIZE,     /* value = rows | columns << 16, of this connection's terminal */
	CTR_CONTROL_PAUSE,
	CTR_CONTROL_RESUME,
	CTR_CONTROL_STATS,
};

/* Descriptors of EXEC: socket to the parent, standard streams, the session (plan/frame.h) as a
 * file, and with a terminal its master. */
enum { CTR_CONTROL_FDS = 5, CTR_CONTROL_FDS_TERMINAL = 6, CTR_CONTROL_TEXT = 4096 };

struct ctr_control_request {
	uint32_t kind, value;
};

struct ctr_control_reply {
	int32_t error;   /* errno */
	uint32_t status; /* EXEC: as waitpid(2) gives it */
	uint32_t length; /* of the text that follows */
	uint32_t reserved;
};

/* One request without descriptors, and its answer. @text (@size bytes) may be NULL. 0, or -1 and
 * @err, which names @what. */
int ctr_control_ask(int dir, const struct ctr_control_request *request, const char *what,
		    char *text, uint32_t size, struct ctr_error *err);

/* As in struct ctr_backend. */
int ctr_vm_signal(int dir, int sig, struct ctr_error *err);
int ctr_vm_pause(int dir, bool pause, struct ctr_error *err);
