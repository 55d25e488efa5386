/*
 * What a new process hands over to whoever asked for it: its terminal, the seccomp listener, a
 * pidfd, its pid in a file. The same for a container's first process and for one of exec.
 */
#pragma once

struct ctr_arena;
struct ctr_container;
struct ctr_context;
struct ctr_error;
struct ctr_launch;
struct ctr_spec;

struct ctr_handover {
	const char *console_socket; /* --console-socket; NULL: the terminal stays here */
	const char *pidfd_socket;   /* --pidfd-socket, or NULL */
	const char *pid_file;       /* --pid-file, or NULL */
	int console;                /* master of a terminal that stays; -1: none */
};

/* Take the terminal's master @fd, which is consumed: to the socket, or to ->console. 0 or -1. */
int ctr_handover_console(struct ctr_handover *handover, int fd, struct ctr_error *err);

/* Send the seccomp listener @fd, which is consumed, with the state of @container to the
 * listenerPath of @spec. 0 or -1. */
int ctr_handover_listener(const struct ctr_container *container, const struct ctr_spec *spec,
			  const struct ctr_launch *launch, const struct ctr_context *context,
			  int fd, struct ctr_error *err);

/* Send the pidfd where it was asked for. 0 or -1. */
int ctr_handover_pidfd(const struct ctr_handover *handover, const struct ctr_launch *launch,
		       struct ctr_error *err);

/* Write the pid file where it was asked for, whole or not at all. 0 or -1. */
int ctr_handover_pid(const struct ctr_handover *handover, const struct ctr_launch *launch,
		     struct ctr_arena *arena, struct ctr_error *err);
