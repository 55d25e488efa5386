/*
 * Limits: linux.resources as files of the container's cgroup and what to write to them. Planning is
 * pure and says everything that is wrong with a document before anything is made; applying is a
 * walk over the list. Devices are devices.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup/cgroup.h"

struct ctr_arena;
struct ctr_error;
struct ctr_resources;

enum {
	/* A new cgroup has this value: it needs no controller, and a file that is absent is fine.
	 */
	CTR_LIMIT_DEFAULT = 1 << 0,
	/* The file is absent on some kernels, which is the same or nothing can be done about. */
	CTR_LIMIT_MAY_LACK = 1 << 1,
	/* Where this file is absent, the next limit of the list takes its place; else that one is
	 * skipped. */
	CTR_LIMIT_OR_NEXT = 1 << 2,
};

/* One write(2) to one file. */
struct ctr_limit {
	const char *file;               /* "memory.max" */
	const char *value;              /* "1048576" */
	const char *origin;             /* "linux.resources.memory.limit" */
	enum ctr_controller controller; /* CTR_CONTROLLER_COUNT: none, or unknown */
	uint32_t flags;
};

struct ctr_limits {
	const struct ctr_limit *list; /* in the order to write them; the last for a file wins */
	size_t count;
	uint32_t controllers;        /* what they need, as in struct ctr_cgroup */
	const char *const *warnings; /* what has no effect on cgroup v2 */
	size_t nwarnings;
	/* memory.checkBeforeUpdate: refuse what is below the usage; -1: no limit, 0: not asked */
	bool check_memory;
	int64_t memory, memory_swap; /* memory_swap: of both together */
};

/* The limits of @resources (NULL: none), in @arena. 0, or -1 and @err, which names the field. */
int ctr_limits_plan(const struct ctr_resources *resources, struct ctr_arena *arena,
		    struct ctr_limits *out, struct ctr_error *err);

/* The cpu.weight of cpu.shares: logarithmic, so that 1024 is 100. 0 (unset) gives 0. */
uint64_t ctr_cpu_weight(uint64_t shares);

/*
 * Write them to @cgroup, which is open and has its controllers. With @fresh nothing ran in it yet
 * and it has its defaults. 0, or -1 and @err naming the field.
 */
int ctr_limits_apply(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup, bool fresh,
		     struct ctr_error *err);

/* The same for a container that runs. Before, the controllers it lacks are enabled and
 * checkBeforeUpdate is honoured; after an error the files have what they had before. *@before
 * (NULL: not asked), in @arena, is what they had, for ctr_limits_put_back() where a later step
 * fails. */
int ctr_limits_update(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup,
		      struct ctr_arena *arena, const char *const **before, struct ctr_error *err);
void ctr_limits_put_back(const struct ctr_limits *limits, const struct ctr_cgroup *cgroup,
			 const char *const *before);

/* Why the controllers of @limits cannot be had below @mount: fill @err with the first field whose
 * controller is not there. 0 when all are, so that the reason is another; -1 and @err. */
int ctr_limits_explain(const struct ctr_limits *limits, const char *mount, struct ctr_error *err);
