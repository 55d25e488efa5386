/* What the parts of the monitor share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan/frame.h"
#include "vm/channel.h"
#include "vm/monitor.h"

enum { MONITOR_CLIENTS = 64, MONITOR_SAID = 2048 };

/* What a guest has written, on its way to whoever reads it here. */
struct monitor_output {
	uint8_t *data; /* a ring of CTR_FRAME_WINDOW bytes, made when needed */
	uint32_t start, length;
	bool ended; /* nothing more comes */
};

struct monitor_client;

struct monitor_session {
	bool used, ahead; /* ahead: START came before CREATED */
	unsigned id;
	uint32_t state;   /* enum ctr_sync_state of its ctr-init */
	bool running;     /* the program was executed */
	int sync, master; /* to the parent; the terminal's other side until it was handed over */
	int streams[3];
	bool own_streams; /* to be closed by us */
	bool terminal, input_ended;
	uint32_t credit; /* of its input */
	struct monitor_output output[2];
	struct monitor_client *client; /* who waits for its end; NULL for session 0 */
	bool exited;
	uint32_t status;
};

struct monitor_client {
	int fd; /* -1: free */
	struct monitor_session *session;
	uint32_t wants;    /* the frame (enum ctr_frame_type) whose answer it waits for; 0: none */
	uint16_t tag;      /* of it */
	unsigned received; /* answers */
};

/* The latest that somebody has said, for an error. */
struct monitor_said {
	int fd;
	size_t length;
	char text[MONITOR_SAID];
};

struct monitor {
	struct ctr_channel channel;
	struct monitor_session sessions[CTR_FRAME_SESSIONS];
	struct monitor_client clients[MONITOR_CLIENTS];
	struct monitor_said console, output;
	int signals, control, gate, qmp, dir;
	int listener;   /* for the guest, until it has connected; -1 */
	bool connected; /* it has, and the end of that is its own */
	unsigned qmp_id;
	uint16_t tag; /* of the latest question */
	pid_t vmm, server;
	bool hello;    /* the guest has spoken */
	uint64_t lost; /* CLOCK_MONOTONIC, ns, when the guest's connection ended; 0: it has not */
	unsigned boot_seconds;
	uint64_t began; /* CLOCK_MONOTONIC, ns, when the hypervisor had just been started */
	bool ended;     /* the machine, or our interest in it */
	bool told;      /* the parent has heard why */
	int vmm_status;
	int by_signal; /* we were killed before there was anything to kill */
};

/* ---- monitor_said.c */

/* The guest does what no guest of ours does, or something went wrong for good: tell the parent,
 * end. */
void monitor_give_up(struct monitor *monitor, const char *why);
/* Read what there is, and keep the end of all that was read. */
void monitor_listen(struct monitor_said *said);

/* ---- monitor_qmp.c */

/* A QMP command: "stop" without arguments; else @arguments is their JSON. @answer (@size bytes;
 * NULL) is QEMU's line. 0 or -errno. */
int monitor_qmp(struct monitor *monitor, const char *command, const char *arguments, char *answer,
		size_t size);
/* Read events, which nobody asked for. */
void monitor_qmp_drop_events(struct monitor *monitor);

/* ---- monitor_loop.c */

/* Until the machine has ended, or the container's process and all that it wrote is read. */
void monitor_loop(struct monitor *monitor);

/* ---- monitor_session.c */

/* CLOCK_MONOTONIC, ns. */
uint64_t monitor_now(void);
struct monitor_session *monitor_session_find(struct monitor *monitor, unsigned id);
/* NULL: too many. */
struct monitor_session *monitor_session_new(struct monitor *monitor);
void monitor_session_forget(struct monitor_session *session);
void monitor_send(struct monitor *monitor, const struct monitor_session *session,
		  enum ctr_frame_type type, unsigned stream, const void *data, uint32_t length);
void monitor_signal(struct monitor *monitor, const struct monitor_session *session, int sig);
/* Pass the size of the terminal on. */
void monitor_resize(struct monitor *monitor, const struct monitor_session *session);
/* A frame of the guest. */
void monitor_serve(struct monitor *monitor, const struct ctr_frame *head, const uint8_t *data);
/* A message of the parent, on the socket @fd, which is the session's or a connection to its gate.
 */
void monitor_parent(struct monitor *monitor, struct monitor_session *session, int fd);
void monitor_read_input(struct monitor *monitor, struct monitor_session *session);
void monitor_write_output(struct monitor *monitor, struct monitor_session *session,
			  unsigned stream);
/* Has it ended, and is all that it wrote read? */
bool monitor_session_done(const struct monitor_session *session);

/* ---- monitor_control.c */

void monitor_accept(struct monitor *monitor);
void monitor_request(struct monitor *monitor, struct monitor_client *client);
void monitor_answer(struct monitor_client *client, int error, uint32_t status, const void *text,
		    uint32_t length);
void monitor_client_forget(struct monitor_client *client);
