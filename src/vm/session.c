/* How a process begins in a guest: what a parent would have done to it, and its plan. */
#include <string.h>

#include "base/arena.h"
#include "plan/frame.h"
#include "plan/view.h"
#include "vm/setup.h"

/* What ctr-init could not live with. */
static uint32_t late_rlimits(const struct ctr_plan_header *plan)
{
	const struct ctr_op *ops = ctr_view_ops(plan);
	uint32_t late = 0;

	for (uint32_t i = 0; i < plan->nops; i++) {
		const struct ctr_op_rlimit *limit;

		if (ops[i].kind != CTR_OP_RLIMIT)
			continue;
		limit = (const struct ctr_op_rlimit *)ctr_view_str(plan, ops[i].str);
		late |= UINT32_C(1) << limit->resource;
	}
	return late;
}

const void *ctr_vm_session(const struct ctr_plan_header *plan, uint64_t namespaces,
			   const struct ctr_process *process, struct ctr_arena *arena, size_t *size)
{
	struct ctr_guest_session *session = ctr_arena_alloc(arena, sizeof(*session) + plan->size);

	*session = (struct ctr_guest_session){
		.magic = CTR_GUEST_MAGIC,
		.size = (uint32_t)sizeof(*session) + plan->size,
		.namespaces = namespaces,
		.oom_score_adj = process->oom_score_adj,
		.has_oom_score_adj = process->has_oom_score_adj,
		.late_rlimits = late_rlimits(plan),
	};
	for (size_t i = 0; i < process->nrlimits && i < CTR_FRAME_RLIMITS; i++) {
		session->rlimits[i].resource = process->rlimits[i].resource;
		session->rlimits[i].soft = process->rlimits[i].soft;
		session->rlimits[i].hard = process->rlimits[i].hard;
		session->nrlimits++;
	}
	memcpy(session + 1, plan, plan->size);
	*size = session->size;
	return session;
}
