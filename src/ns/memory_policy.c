/* linux.memoryPolicy (config-linux.md#memory-policy): a list of nodes becomes set_mempolicy(2)'s
 * mask. */
#include "base/arena.h"
#include "base/error.h"
#include "ns/planner.h"

enum {
	NODES_MAX = 4096, /* more than any kernel is built for (CONFIG_NODES_SHIFT is 10 at most) */
};

/* Cut a number off *@list. */
static int cut_number(const char **list, uint32_t *out)
{
	const char *p = *list;
	uint32_t value = 0;

	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint32_t)(*p - '0');
		if (value >= NODES_MAX)
			return -1;
	}
	*list = p;
	*out = value;
	return 0;
}

/* "0-3,7" into @mask. How many bits count (the highest and one), or -1. */
static int parse_nodes(const char *list, uint64_t mask[NODES_MAX / 64])
{
	uint32_t bits = 0;

	while (*list) {
		uint32_t first, last;

		if (cut_number(&list, &first) < 0)
			return -1;
		last = first;
		if (*list == '-') {
			list++;
			if (cut_number(&list, &last) < 0 || last < first)
				return -1;
		}
		for (uint32_t node = first; node <= last; node++)
			mask[node / 64] |= 1ULL << node % 64;
		if (last + 1 > bits)
			bits = last + 1;
		if (*list == ',')
			list++;
		else if (*list)
			return -1;
	}

	return (int)bits;
}

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
	bits = parse_nodes(nodes, mask);
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
