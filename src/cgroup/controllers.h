/* Inside cgroup/: the controllers of cgroup2 and handing them down the tree. */
#pragma once

#include <stdint.h>

#include "cgroup/cgroup.h"

struct ctr_error;

#define CTR_CONTROLLER_BIT(c) (UINT32_C(1) << (c))

/* They count per process, so they cannot be used in threaded cgroups (cgroup-v2.rst, "Threads"). */
#define CTR_CONTROLLERS_DOMAIN                                                                     \
	(CTR_CONTROLLER_BIT(CTR_CONTROLLER_IO) | CTR_CONTROLLER_BIT(CTR_CONTROLLER_MEMORY) |       \
	 CTR_CONTROLLER_BIT(CTR_CONTROLLER_HUGETLB) | CTR_CONTROLLER_BIT(CTR_CONTROLLER_RDMA) |    \
	 CTR_CONTROLLER_BIT(CTR_CONTROLLER_MISC) | CTR_CONTROLLER_BIT(CTR_CONTROLLER_DMEM))

/* Those that count what a container uses, which is wanted without limits, too. */
#define CTR_CONTROLLERS_ACCOUNTING                                                                 \
	(CTR_CONTROLLER_BIT(CTR_CONTROLLER_CPU) | CTR_CONTROLLER_BIT(CTR_CONTROLLER_IO) |          \
	 CTR_CONTROLLER_BIT(CTR_CONTROLLER_MEMORY) | CTR_CONTROLLER_BIT(CTR_CONTROLLER_PIDS))

/* The controller of the file or key "memory.max", or CTR_CONTROLLER_COUNT. */
enum ctr_controller ctr_controller_of(const char *file);
/* The bits of the words in the text of cgroup.controllers or cgroup.subtree_control. */
uint32_t ctr_controllers_parse(const char *text);

/*
 * Enable @wanted for the cgroup @path: in cgroup.subtree_control of every directory from the mount
 * (descriptor @mount) to its parent. What is enabled already is not touched. 0, or -1 and @err
 * naming the controller and why. Those of @optional are enabled as well, as far as they can be.
 */
int ctr_controllers_enable(int mount, const char *path, uint32_t wanted, uint32_t optional,
			   struct ctr_error *err);

/* Fill @err with why @controller is not in cgroup2 here: absent, or in a v1 hierarchy. Returns -1.
 */
int ctr_controller_unavailable(enum ctr_controller controller, struct ctr_error *err);
