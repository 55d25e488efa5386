/* What every verb works with: made once by cli/ from the global options. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/host.h"
#include "cgroup/cgroup.h"

struct ctr_error;
struct ctr_process;
struct ctr_spec;

struct ctr_context {
	struct ctr_arena *arena;
	struct ctr_host host;
	const char *name;                /* of the program, as it was called */
	const char *root;                /* state root, absolute */
	bool root_given;                 /* by --root */
	enum ctr_cgroup_manager manager; /* for new containers */
};

/*
 * Open the state root, with @make also where there is none yet (state/dir.h). A new descriptor, or
 * -1 and @err: also where /proc would not show what runs, and all containers seem to have ended.
 */
int ctr_context_open_root(const struct ctr_context *context, bool make, struct ctr_error *err);

/*
 * Complete ->host, which was identified, by what @spec and @process (of it, or one to join it) may
 * ask of it.
 */
void ctr_context_complete(struct ctr_context *context, const struct ctr_spec *spec,
			  const struct ctr_process *process);
