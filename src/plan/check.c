/*
 * The checker of foreign plans: a blob that passes makes the executor and the dumper touch no byte
 * outside of it, and keeps to the protocol of msg.h. Used on what came from a file or from another
 * machine, and by the fuzzer; ctr itself trusts what it has just built.
 */
#include "plan/build.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "plan/msg.h"

enum {
	ALL_FLAGS = CTR_OPF_LAST * 2 - 1,
	SHARED_BLOCKS = 16, /* a block may be used that many times, on the average */
};

static const struct ctr_op_info infos[CTR_OP_COUNT] = {
#define X(kind, name, operands, words) { name, operands, words },
	CTR_OPS(X)
#undef X
};

const struct ctr_op_info *ctr_op_info(uint16_t kind)
{
	return kind < CTR_OP_COUNT ? &infos[kind] : NULL;
}

struct check {
	const struct ctr_plan_header *plan;
	const struct ctr_op *op;
	uint32_t index;
	int state;       /* enum ctr_sync_state */
	uint64_t walked; /* bytes of blocks: many operations on one big block are no plan of ours */
	struct ctr_error *err;
};

static int wrong(struct check *check, const char *what)
{
	const struct ctr_op_info *info = ctr_op_info(check->op->kind);

	return ctr_fail(check->err, CTR_FAULT_CONFIG, 0, "plan: operation %u (%s): %s",
			check->index, info ? info->name : "unknown", what);
}

static bool uses(const struct ctr_op_info *info, char operand)
{
	return strchr(info->operands, operand) != NULL;
}

static int check_slot(struct check *check, int16_t slot)
{
	if (slot < CTR_SLOT_NONE || slot >= CTR_SLOT_COUNT)
		return wrong(check, "no such slot");
	return 0;
}

/* An offset of @len bytes that are aligned for numbers. */
static int check_data(struct check *check, uint32_t offset, uint64_t len)
{
	if (offset % 8 != 0)
		return wrong(check, "data is not aligned");
	if (offset > check->plan->nstrings || len > check->plan->nstrings - offset)
		return wrong(check, "data reaches beyond the string area");
	return 0;
}

/* @n strings one after another. The area ends with a NUL, so each of them does. */
static int check_block(struct check *check, uint32_t offset, uint64_t n)
{
	const char *area = ctr_view_str(check->plan, 0);
	const char *end = area + check->plan->nstrings;
	const char *s = area + offset;

	for (uint64_t i = 0; i < n; i++) {
		if (s >= end)
			return wrong(check, "strings reach beyond the string area");
		s = ctr_view_next(s);
	}

	check->walked += (uint64_t)(s - area) - offset;
	if (check->walked > (uint64_t)check->plan->size * SHARED_BLOCKS)
		return wrong(check, "the same strings are used too often");
	return 0;
}

static uint64_t block_count(const struct ctr_op *op)
{
	uint64_t nargs = op->arg >> 32;

	switch (op->kind) {
	case CTR_OP_MOUNT:
		return 3;
	case CTR_OP_HOOK:
		return 2 + nargs + 1 + ctr_op_hook_nenv(op->arg);
	default:
		return op->arg;
	}
}

/* The length of the data that @op points to; UINT64_MAX: impossible. */
static uint64_t data_length(const struct ctr_op *op)
{
	switch (op->kind) {
	case CTR_OP_CAPS:
		return sizeof(struct ctr_op_caps);
	case CTR_OP_RLIMIT:
		return sizeof(struct ctr_op_rlimit);
	case CTR_OP_GROUPS:
		return op->arg > UINT32_MAX ? UINT64_MAX : op->arg * sizeof(uint32_t);
	case CTR_OP_SECCOMP:
		if (op->arg == 0 || op->arg > BPF_MAXINSNS)
			return UINT64_MAX;
		return op->arg * sizeof(struct sock_filter);
	case CTR_OP_MEMORY_POLICY:
		return op->arg2 > UINT32_MAX ? UINT64_MAX : (op->arg2 + 63) / 64 * 8;
	default:
		return UINT64_MAX;
	}
}

static int check_operands(struct check *check)
{
	const struct ctr_op *op = check->op;
	const struct ctr_op_info *info = ctr_op_info(op->kind);
	uint32_t nstrings = check->plan->nstrings;

	if (op->str >= nstrings || op->origin >= nstrings)
		return wrong(check, "a string is outside of the string area");
	if (!uses(info, 'm') && op->str2 >= nstrings)
		return wrong(check, "a string is outside of the string area");

	if (!uses(info, 's') && !uses(info, 'D') && op->str != 0)
		return wrong(check, "it takes no string");
	if (!uses(info, 't') && !uses(info, 'B') && !uses(info, 'm') && op->str2 != 0)
		return wrong(check, "it takes no second string");
	if (!uses(info, 'f') && op->fd != CTR_SLOT_NONE)
		return wrong(check, "it takes no descriptor");
	if (!uses(info, 'g') && op->fd2 != CTR_SLOT_NONE)
		return wrong(check, "it takes no second descriptor");
	if (!uses(info, 'a') && op->arg != 0)
		return wrong(check, "it takes no argument");
	if (!uses(info, 'b') && op->arg2 != 0)
		return wrong(check, "it takes no second argument");

	if (check_slot(check, op->fd) < 0 || check_slot(check, op->fd2) < 0)
		return -1;
	if (uses(info, 'D') && check_data(check, op->str, data_length(op)) < 0)
		return -1;
	if (uses(info, 'B') && check_block(check, op->str2, block_count(op)) < 0)
		return -1;
	return 0;
}

/* What an operation demands of its operands beyond their form. */
static int check_meaning(struct check *check)
{
	const struct ctr_op *op = check->op;

	switch (op->kind) {
	case CTR_OP_WANT_FDS:
		if (op->arg2 == 0 || op->arg2 > CTR_SLOT_BATCH || op->arg > UINT32_MAX)
			return wrong(check, "it asks for too many descriptors, or none");
		break;
	case CTR_OP_SETNS:
		if (op->fd == CTR_SLOT_NONE)
			return wrong(check, "it needs a descriptor");
		break;
	case CTR_OP_MOUNT:
	case CTR_OP_BIND:
	case CTR_OP_CGROUP_BIND:
		if (op->fd2 != CTR_SLOT_NONE && op->fd2 < CTR_SLOT_MOUNT)
			return wrong(check, "it needs a slot for mounts");
		break;
	case CTR_OP_GATE:
		if (op->fd != CTR_SLOT_GATE)
			return wrong(check, "it needs the slot of the gate");
		break;
	case CTR_OP_ARGS:
		if (op->arg == 0)
			return wrong(check, "no arguments");
		break;
	}
	return 0;
}

static int step(struct check *check, uint64_t message, enum ctr_sync_sender sender)
{
	int next = -1;

	/* FAIL and WARN are never planned. */
	if (message < CTR_MSG_TYPES && message != CTR_MSG_FAIL && message != CTR_MSG_WARN)
		next = ctr_sync_next((uint32_t)check->state, (uint32_t)message, sender);
	if (next < 0)
		return wrong(check, "the protocol does not allow its message here");

	check->state = next;
	return 0;
}

static int check_protocol(struct check *check)
{
	const struct ctr_op *op = check->op;

	switch (op->kind) {
	case CTR_OP_WANT_FDS:
		if (step(check, CTR_MSG_WANT_FDS, CTR_FROM_CHILD) < 0)
			return -1;
		return step(check, CTR_MSG_FDS, CTR_FROM_PARENT);
	case CTR_OP_PTY:
		return step(check, CTR_MSG_CONSOLE, CTR_FROM_CHILD);
	case CTR_OP_SECCOMP:
		if (!(op->arg2 & SECCOMP_FILTER_FLAG_NEW_LISTENER))
			return 0;
		return step(check, CTR_MSG_LISTENER, CTR_FROM_CHILD);
	case CTR_OP_SEND:
		return step(check, op->arg, CTR_FROM_CHILD);
	case CTR_OP_RECV:
		return step(check, op->arg, CTR_FROM_PARENT);
	case CTR_OP_GATE:
		if (check->state != CTR_SYNC_CREATED)
			return wrong(check, "the gate comes after 'created'");
		return 0;
	default:
		return 0;
	}
}

static int check_op(struct check *check)
{
	const struct ctr_op *op = check->op;

	if (op->kind >= CTR_OP_COUNT)
		return wrong(check, "unknown kind");
	if (op->flags & ~ALL_FLAGS)
		return wrong(check, "unknown flags");
	if (op->reserved != 0)
		return wrong(check, "reserved bytes are in use");
	if (check_operands(check) < 0 || check_meaning(check) < 0)
		return -1;
	return check_protocol(check);
}

static const char *header_fault(const struct ctr_plan_header *plan, size_t size)
{
	const char *area;

	if (size < sizeof(*plan))
		return "shorter than its header";
	if (plan->magic != CTR_PLAN_MAGIC)
		return "not a plan";
	if (plan->version != CTR_PLAN_VERSION)
		return "of another version";
	if (plan->size != size || size > CTR_PLAN_SIZE_MAX)
		return "wrong size";
	if (plan->flags & ~(uint32_t)(CTR_PLAN_GUEST | CTR_PLAN_EXEC))
		return "unknown flags";
	for (size_t i = 0; i < CTR_ARRAY_SIZE(plan->reserved); i++)
		if (plan->reserved[i] != 0)
			return "reserved bytes are in use";

	if (plan->ops % 16 != 0 || plan->ops < sizeof(*plan) || plan->ops > size ||
	    plan->nops > (size - plan->ops) / sizeof(struct ctr_op))
		return "operations reach beyond its end";
	if (plan->strings % 8 != 0 || plan->strings < sizeof(*plan) || plan->strings > size ||
	    plan->nstrings == 0 || plan->nstrings > size - plan->strings)
		return "strings reach beyond its end";

	area = ctr_view_str(plan, 0);
	if (area[0] != '\0' || area[plan->nstrings - 1] != '\0')
		return "the string area has no NUL at both ends";
	return NULL;
}

int ctr_plan_check(const void *blob, size_t size, struct ctr_error *err)
{
	struct check check = { .plan = blob, .err = err, .state = CTR_SYNC_BUILDING };
	const char *fault;

	if ((uintptr_t)blob % 16 != 0)
		return ctr_fail(err, CTR_FAULT_BUG, 0, "plan: not aligned in memory");
	fault = header_fault(blob, size);
	if (fault)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "plan: %s", fault);

	for (check.index = 0; check.index < check.plan->nops; check.index++) {
		check.op = &ctr_view_ops(check.plan)[check.index];
		if (check_op(&check) < 0)
			return -1;
	}
	return 0;
}
