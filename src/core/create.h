/*
 * create and run: from a bundle to a container that is created (waits at the start gate) or runs.
 * On any failure an undo stack takes back what was made, last first; nothing is left behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/network.h"

struct ctr_context;
struct ctr_criu_flags;
struct ctr_error;

struct ctr_create_options {
	const char *id;
	const char *bundle;
	const char *config;      /* instead of BUNDLE/config.json; NULL */
	const char *rootfs;      /* no bundle: a root file system ... */
	const char *const *args; /* ... and what to run in it; NULL-terminated, may be NULL */
	const char *pid_file;
	const char *console_socket;
	const char *pidfd_socket;
	const char *detach_keys; /* run: what ends only our part in a terminal; NULL */
	bool tty;                /* run: a terminal, whatever the configuration says */
	const char *isolation;   /* NULL: as annotations or our name say */
	const char *kernel;      /* of a virtual machine; NULL */
	const char *overlay;     /* "ephemeral", or the directory of a writable layer; NULL */
	const struct ctr_criu_flags *restore; /* run: from a checkpoint; NULL */
	bool fresh;                           /* ... as another container: host name of its id */
	struct ctr_network_options network;
	bool no_pivot, no_new_keyring, no_subreaper;
	bool detach; /* run */
	bool keep;   /* run: no delete at the end */
	uint32_t preserve_fds;
};

/* Up to the start gate. 0, or -1 and @err. */
int ctr_create(struct ctr_context *context, const struct ctr_create_options *options,
	       struct ctr_error *err);

/* Create, start and, unless detached, wait for the end and delete. *@status: exit status of the
 * process (128+n for signal n), 0 with ->detach, CTR_DETACHED when somebody typed ->detach_keys. */
int ctr_run(struct ctr_context *context, const struct ctr_create_options *options, int *status,
	    struct ctr_error *err);
