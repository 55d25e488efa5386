/* linux.memoryPolicy (config-linux.md#memory-policy): a list of nodes becomes set_mempolicy(2)'s
 * mask. */
#include "base/arena.h"
#include "base/bitlist.h"
#include "base/error.h"
#include "ns/planner.h"

enum {
	NODES_MAX = 4096, /* more than any kernel is built for (CONFIG_NODES_SHIFT is 10 at most) */
};

int ctr_plan_memory_policy(struct ctr_planner *p)
{
	const struct ctr_memory_policy *policy = p->spec->linux_->memory_policy;
	const char *nodes;
	uint64_t *mask;
	struct ctr_op *op;
	int bits;

	if (!policy)
		return 0;

	nodes = policy->nodes ? policy->nodes : "";
	mask = ctr_arena_array(p->arena, NODES_MAX / 64, sizeof(*mask));
	bits = ctr_bitlist_parse(nodes, mask, NODES_MAX);
	if (bits < 0)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"linux.memoryPolicy.nodes: '%s' is not a list of nodes", nodes);
	ctr_plan_origin(p->plan, "linux.memoryPolicy");
	op = ctr_plan_add(p->plan, CTR_OP_MEMORY_POLICY);
	op->str = ctr_plan_data(p->plan, mask, (size_t)(bits + 63) / 64 * sizeof(*mask));
	op->arg = policy->mode | policy->flags;
	op->arg2 = (uint64_t)bits;
	return 0;
}
