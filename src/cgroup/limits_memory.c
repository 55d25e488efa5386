/*
 * linux.resources.memory as files of cgroup v2. Swap comes before memory, so that a memory limit
 * below the usage finds the swap it is to use.
 */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup/limits_planner.h"
#include "oci/spec.h"

/* linux.resources.memory.swap is memory and swap together, memory.swap.max is swap alone. */
static int plan_swap(struct limits_planner *planner, const struct ctr_memory *memory)
{
	static const char origin[] = "linux.resources.memory.swap";
	int64_t limit = memory->has_limit ? memory->limit : 0;
	int64_t swap = memory->has_swap ? memory->swap : 0;

	/* As it was with v1: who lifts the limit of memory lifts that of the sum. */
	if (swap == 0 && limit == -1)
		swap = -1;
	if (swap == 0)
		return 0;
	if (swap == -1) {
		limits_add(planner, "memory.swap.max", "max", origin, CTR_LIMIT_DEFAULT);
		return 0;
	}

	if (limits_check_amount(planner, swap, origin) < 0)
		return -1;
	if (limit <= 0)
		return limits_refuse(
			planner, origin,
			"unable to set swap limit without memory limit: it is the limit of "
			"both together");
	if (swap < limit)
		return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0,
				"%s: memory+swap limit should be >= memory limit: %" PRId64
				" is less than %" PRId64,
				origin, swap, limit);

	/* A kernel that does not account swap cannot give a container any either. */
	limits_add(planner, "memory.swap.max", limits_number(planner, (uint64_t)(swap - limit)),
		   origin, swap == limit ? CTR_LIMIT_MAY_LACK : 0);
	return 0;
}

int limits_plan_memory(struct limits_planner *planner, const struct ctr_memory *memory)
{
	static const char limit[] = "linux.resources.memory.limit";
	const struct limits_refusal refusals[] = {
		{"linux.resources.memory.swappiness",        memory->has_swappiness,
                 "cgroup v2 has no swappiness of its own for a cgroup (vm.swappiness is the host's)"},
		{ "linux.resources.memory.disableOOMKiller", memory->disable_oom_killer,
                 "cgroup v2 cannot do without the OOM killer (memory.high in linux.resources.unified "
		  "slows down instead of killing)"                                                  },
	};

	if (limits_refuse_any(planner, refusals, CTR_ARRAY_SIZE(refusals)) < 0 ||
	    limits_check_amount(planner, memory->has_limit ? memory->limit : 0, limit) < 0 ||
	    plan_swap(planner, memory) < 0)
		return -1;
	if (memory->has_limit && memory->limit != 0 &&
	    limits_add_amount(planner, "memory.max", memory->limit, limit, CTR_LIMIT_DEFAULT) < 0)
		return -1;
	if (memory->has_reservation && memory->reservation != 0)
		return limits_add_amount(planner, "memory.low", memory->reservation,
					 "linux.resources.memory.reservation", 0);
	return 0;
}
