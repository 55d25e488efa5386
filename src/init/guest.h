/*
 * PID 1 of a virtual machine: ctr-init as /init of an initramfs. It sets the guest up as
 * /ctr/modules and /ctr/config say (guest.c), then runs sessions (guest_session.c) for the monitor
 * at the other end of the channel (guest_loop.c, plan/frame.h). A session's process runs a plan by
 * the same code as a container's first process.
 */
#pragma once

#include "init/init.h"
#include "plan/frame.h"

enum { GUEST_FILES = 4 }; /* descriptors of a session that are polled */

struct session {
	bool used;
	int id;  /* of its frames */
	int pid; /* 0: not started, or reaped */
	bool exited, tty;
	uint32_t status;
	int sync;                        /* to its ctr-init; -1: executed, or gone */
	int streams[3];                  /* IN: writing, OUT, ERR: reading; a terminal: IN is OUT */
	uint32_t credit[3];              /* OUT, ERR: what the host still takes */
	struct ctr_guest_session *begin; /* what has come of it */
	uint32_t got;
	/* what waits to be read by the process */
	uint8_t *input;
	uint32_t input_start, input_length;
	bool input_ended;
};

struct guest {
	int channel, signals, cgroup; /* cgroup: cgroup.procs of the container's */
	bool tells_read;              /* CTR_FRAME_READ: the channel is a terminal */
	uint64_t namespaces;          /* of session 0 */
	struct session sessions[CTR_FRAME_SESSIONS];
	/* what has come in of the next frame */
	uint8_t input[sizeof(struct ctr_frame) + CTR_FRAME_DATA_MAX];
	uint32_t input_length;
};

extern struct guest guest;

/* guest.c */
_Noreturn void guest_main(void);
/* Nothing more can be done: say why where the monitor hears it, and end. */
_Noreturn void guest_die(const char *what, const char *operand, long error);
/* Write @value to @file of the container's cgroup. 0 or -errno. */
long guest_set_limit(const char *file, const char *value);

/* A millisecond. */
void guest_nap(void);

/* guest_net.c: steps of /ctr/config, by their words. 0 or -errno. */
long guest_link(const char *name, const char *mac_text, const char *mtu);
long guest_up(const char *name);
long guest_address(char **word);
long guest_route(char **word);

/* guest_loop.c */
_Noreturn void guest_loop(void);
void guest_send(const struct session *session, unsigned type, unsigned stream, const void *data,
		uint32_t length);

/* The same, in answer to a frame that had the number @tag where that of a session is. */
void guest_answer(unsigned tag, unsigned type, unsigned stream, const void *data, uint32_t length);

/* guest_stats.c: each is the answer to a frame */
void guest_send_stats(unsigned tag);
void guest_send_processes(unsigned tag);
void guest_change_limit(unsigned tag, const uint8_t *data, uint32_t length);

/* guest_session.c */
struct session *session_find(unsigned id);
struct session *session_new(unsigned id);
/* Begin it: all of ->begin is there. 0 or -errno. */
long session_start(struct session *session);
void session_plan(struct session *session, const void *data, uint32_t length);
void session_message(struct session *session, const void *data, uint32_t length);
void session_input(struct session *session, const uint8_t *data, uint32_t length);
void session_end(struct session *session, unsigned stream);
void session_resize(const struct session *session, unsigned rows, unsigned columns);
/* What can be done without waiting; @ready: the stream or sync can be read or written. */
void session_pump(struct session *session);
void session_sync(struct session *session);
void session_reaped(int pid, uint32_t status);
/* Send EXIT and forget it, once it has ended and all of its output is on its way. */
void session_finish(struct session *session);
