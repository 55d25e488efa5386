/* What can be done to an existing container: one file each. All return 0, or -1 and @err. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_buf;
struct ctr_context;
struct ctr_error;
struct ctr_intel_rdt;
struct ctr_resources;

/* start.c: let a created container's process run; poststart hooks. */
int ctr_start(const struct ctr_context *context, const char *id, struct ctr_error *err);

/* kill.c: send signal @sig to init, or with @all to every process of the container. */
int ctr_kill(const struct ctr_context *context, const char *id, int sig, bool all,
	     struct ctr_error *err);

/* delete.c: remove a stopped or created container; with @force in any state, and silently when
 * there is none. */
int ctr_delete(const struct ctr_context *context, const char *id, bool force,
	       struct ctr_error *err);

/* pause.c: freeze all processes of a running container; thaw those of a paused one. */
int ctr_pause(const struct ctr_context *context, const char *id, struct ctr_error *err);
int ctr_resume(const struct ctr_context *context, const char *id, struct ctr_error *err);

/* update.c: new limits, and with a list of devices a new filter; what @update does not mention
 * stays as it is. @rdt: new schemata of resctrl, for a container that has a group there; NULL:
 * none. */
int ctr_update(const struct ctr_context *context, const char *id,
	       const struct ctr_resources *update, const struct ctr_intel_rdt *rdt,
	       struct ctr_error *err);

/* events.c */
struct ctr_events {
	uint32_t interval_ms; /* 0: once, now */
	int (*emit)(void *data, const char *text, size_t len, struct ctr_error *err); /* a line */
	void *data;
};

/* Statistics every interval until the container ends, and OOM kills as they happen. */
int ctr_watch(const struct ctr_context *context, const char *id, const struct ctr_events *events,
	      struct ctr_error *err);

/* ps.c: host pids of all processes of the container, in the context's arena. */
int ctr_pids(const struct ctr_context *context, const char *id, pid_t **out, size_t *n,
	     struct ctr_error *err);
/* Where the container has a kernel of its own: its processes as that numbers them, a line each, as
 * of struct ctr_backend; *@out is NULL where it has none, or has ended. */
int ctr_guest_processes(const struct ctr_context *context, const char *id, const char **out,
			struct ctr_error *err);
