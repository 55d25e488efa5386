/*
 * Where the life of a container meets the kind of isolation it has (vm/backend.h). What a backend
 * has no function for is done as for a container.
 */
#pragma once

#include "vm/backend.h"

struct ctr_cgroup;
struct ctr_container;
struct ctr_context;
struct ctr_error;
struct ctr_launch;

struct ctr_machine_choice {
	const char *isolation; /* --isolation; NULL: as the configuration or our name says */
	const char *kernel;    /* --kernel; NULL */
	bool host_network;     /* --net host */
};

/* Decide the backend of a new container and translate @spec for it; see whether this host has what
 * it takes. Nothing is made. 0, or -1 and @err. */
int ctr_machine_init(struct ctr_machine *out, const struct ctr_context *context,
		     const struct ctr_spec *spec, const char *id,
		     const struct ctr_machine_choice *choice, struct ctr_error *err);

/* The same for a container that exists: the backend is what its record says. */
int ctr_machine_open(struct ctr_machine *out, const struct ctr_context *context,
		     const struct ctr_spec *spec, const struct ctr_container *container,
		     struct ctr_error *err);

/* The backend of @container; that of an unknown name (a record of a later ctr) is an error. */
const struct ctr_backend *ctr_machine_backend(const struct ctr_container *container,
					      struct ctr_error *err);

/* Can the guest of a running @container be asked anything? One that is paused would not answer. 0,
 * or -1 and @err. */
int ctr_machine_can_answer(const struct ctr_container *container, struct ctr_error *err);

/* What ctr_launch_start() does, for this machine. @dir is the state directory. */
int ctr_machine_start(struct ctr_machine *machine, struct ctr_launch *launch,
		      const struct ctr_cgroup *cgroup, int child_sync, int gate, int dir,
		      struct ctr_error *err);

/* The same for @process in a machine that runs, where its backend has exec. */
int ctr_machine_exec(struct ctr_machine *machine, struct ctr_launch *launch,
		     const struct ctr_cgroup *cgroup, const struct ctr_process *process,
		     int child_sync, int dir, struct ctr_error *err);
