/* An existing container: its record, its state directory, whether it lives. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "oci/encode.h"
#include "rdt/resctrl.h"
#include "state/dir.h"
#include "state/id.h"
#include "state/record.h"

struct ctr_context;
struct ctr_error;
struct ctr_spec;

enum ctr_status {
	CTR_STATUS_CREATING,
	CTR_STATUS_CREATED,
	CTR_STATUS_RUNNING,
	CTR_STATUS_PAUSED,
	CTR_STATUS_STOPPED,
};

struct ctr_container {
	const char *id;
	int root; /* the state root; -1 when not open */
	int dir;  /* the state directory, locked as asked */
	bool locked;
	struct ctr_record record;
	struct ctr_cgroup cgroup; /* placed from the record, not open */
};

#define CTR_CONTAINER_INIT                                                                         \
	{                                                                                          \
		.root = -1, .dir = -1, .cgroup = {.fd = -1 }                                       \
	}

/* Open container @id. 0, or -1 and @err (NOT_FOUND: "container `ID` does not exist"). Release in
 * any case. A directory without a record is a container whose creation was interrupted: its record
 * then has only the id (status creating). */
int ctr_container_open(struct ctr_container *out, const struct ctr_context *context, const char *id,
		       enum ctr_state_lock lock, struct ctr_error *err);
/* The same for one of the ids that ctr_state_list() found in @root, which stays the caller's; to be
 * looked at, not locked. */
int ctr_container_open_in(struct ctr_container *out, const struct ctr_context *context, int root,
			  const char *id, struct ctr_error *err);
void ctr_container_release(struct ctr_container *container);

/* What it is now; never fails, also not in a race with its end. */
enum ctr_status ctr_container_status(const struct ctr_container *container);
const char *ctr_status_name(enum ctr_status status);
/* Is its environment made, so that something can be executed in it? Not, or not known to be, as
 * long as ctr-init is about it. */
bool ctr_container_is_made(const struct ctr_container *container);
/* Is the init process that the record names alive? */
bool ctr_container_is_alive(const struct ctr_container *container);

/* A pidfd of init, verified by its start time. A new descriptor, or -errno (-ESRCH: it ended). */
int ctr_container_pidfd(const struct ctr_container *container);
/* Signal init, by pidfd where there is one. 0 or -errno (-ESRCH: it ended). */
int ctr_container_signal(const struct ctr_container *container, int sig);

/* The state document. @status and @pid as given, @doc's strings live as long as @container. */
void ctr_container_doc(const struct ctr_container *container, enum ctr_status status,
		       struct ctr_state_doc *doc, const struct ctr_context *context);
/* The compact state JSON that hooks get on standard input. In the context's arena. */
const char *ctr_container_hook_state(const struct ctr_container *container, const char *status,
				     int pid, const struct ctr_context *context);

/* Its group of resctrl, by the record; ->mount is NULL where it has none. */
struct ctr_resctrl ctr_container_resctrl(const struct ctr_container *container,
					 const struct ctr_context *context);

/* Remove what a container without processes leaves: its cgroup, its group of resctrl and, at the
 * end, its state directory, so that whoever is interrupted can try again. 0, or -1 and @err. */
int ctr_container_remove(struct ctr_container *container, const struct ctr_context *context,
			 struct ctr_error *err);

/* The configuration it was created with (the copy in the state directory). NULL and @err on
 * failure. */
struct ctr_spec *ctr_container_spec(const struct ctr_container *container,
				    const struct ctr_context *context, struct ctr_error *err);

/* delete.c: SIGKILL for init and everything in the cgroup, which is thawed so that they can die;
 * wait until init ended. 0, or -1 and @err (fault HOST: it does not end). */
int ctr_container_end(struct ctr_container *container, struct ctr_error *err);
/* delete.c: end what lives of an open and locked container, and remove all that ctr has made for
 * it; its poststop hooks hear of it. 0, or -1 and @err. */
int ctr_container_destroy(struct ctr_container *container, const struct ctr_context *context,
			  struct ctr_error *err);
