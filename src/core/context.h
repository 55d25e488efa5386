/* What every verb works with: made once by cli/ from the global options. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/host.h"
#include "cgroup/cgroup.h"

struct ctr_error;

struct ctr_context {
	struct ctr_arena *arena;
	struct ctr_host host;
	const char *name;                /* of the program, as it was called */
	const char *root;                /* state root, absolute */
	bool root_given;                 /* by --root */
	enum ctr_cgroup_manager manager; /* for new containers */
};
