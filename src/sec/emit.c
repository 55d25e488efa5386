/*
 * Decisions -> classic BPF. For each architecture a balanced tree of comparisons finds the range of
 * the number, so that a call costs about eight instructions whatever the profile's length, and
 * neighbours with one fate are one range.
 *
 * Instructions are made from the last to the first: a jump's targets exist before the jump does,
 * and its offset is known. A label is the place of an instruction counted from the end. Conditional
 * jumps reach 255 instructions; what is farther is brought nearer by a copy or a plain jump.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "base/arena.h"
#include "base/error.h"
#include "oci/spec.h"
#include "sec/filter.h"

enum {
	REACH = 255,
	ACTIONS_MAX = 16,
};

typedef uint32_t label;

struct code {
	struct ctr_arena *arena;
	struct sock_filter *insns; /* last one first */
	uint32_t count, size;
	bool overflow;
	/* The latest returns: most jumps go to one of a few. */
	struct {
		uint32_t action;
		label at;
	} returns[ACTIONS_MAX];
	uint32_t nreturns;
};

static label add(struct code *code, struct sock_filter insn)
{
	if (code->count == BPF_MAXINSNS) {
		code->overflow = true;
		return code->count - 1;
	}
	if (code->count == code->size) {
		uint32_t size = code->size ? 2 * code->size : 512;

		code->insns =
			ctr_arena_grow(code->arena, code->insns, code->size * sizeof(*code->insns),
				       size * sizeof(*code->insns));
		code->size = size;
	}
	code->insns[code->count] = insn;
	return code->count++;
}

/* How many instructions one made next would have to skip to get to @to. */
static uint32_t distance(const struct code *code, label to)
{
	return code->count - to - 1;
}

/* @to, or a stand-in that the two instructions made next can reach. */
static label near(struct code *code, label to)
{
	const struct sock_filter *insn = &code->insns[to];

	if (distance(code, to) + 1 <= REACH)
		return to;
	if (BPF_CLASS(insn->code) == BPF_RET)
		return add(code, *insn);
	return add(code, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance(code, to)));
}

static label emit_return(struct code *code, uint32_t action)
{
	const struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, action);
	uint32_t i = 0;

	while (i < code->nreturns && code->returns[i].action != action)
		i++;
	if (i < code->nreturns && distance(code, code->returns[i].at) < REACH - 2)
		return code->returns[i].at;
	if (i == ACTIONS_MAX)
		return add(code, insn);
	if (i == code->nreturns)
		code->nreturns++;
	code->returns[i].action = action;
	code->returns[i].at = add(code, insn);
	return code->returns[i].at;
}

static label emit_jump(struct code *code, uint16_t op, uint32_t value, label yes, label no)
{
	if (yes == no)
		return yes;
	yes = near(code, yes);
	no = near(code, no);
	return add(code, (struct sock_filter)BPF_JUMP(BPF_JMP | op | BPF_K, value,
						      (uint8_t)distance(code, yes),
						      (uint8_t)distance(code, no)));
}

/* An instruction that goes on with @next. */
static label emit_then(struct code *code, uint16_t op, uint32_t value, label next)
{
	if (next != code->count - 1)
		(void)add(code,
			  (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, distance(code, next)));
	return add(code, (struct sock_filter)BPF_STMT(op, value));
}

static label emit_load(struct code *code, size_t offset, label next)
{
	return emit_then(code, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, next);
}

/* ---- arguments */

static size_t low_word(uint32_t index)
{
	return offsetof(struct seccomp_data, args) + 8 * index +
	       (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

static size_t high_word(uint32_t index)
{
	return offsetof(struct seccomp_data, args) + 8 * index +
	       (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 0 : 4);
}

/* (word & mask) == value */
static label emit_masked(struct code *code, size_t word, uint32_t mask, uint32_t value, label yes,
			 label no)
{
	label next;

	if (mask == 0)
		return value == 0 ? yes : no;
	next = emit_jump(code, BPF_JEQ, value, yes, no);
	if (mask != UINT32_MAX)
		next = emit_then(code, BPF_ALU | BPF_AND | BPF_K, mask, next);
	return emit_load(code, word, next);
}

static label emit_equal(struct code *code, const struct ctr_seccomp_arg *arg, bool words,
			uint64_t mask, uint64_t value, label yes, label no)
{
	label low =
		emit_masked(code, low_word(arg->index), (uint32_t)mask, (uint32_t)value, yes, no);

	if (words)
		return low;
	return emit_masked(code, high_word(arg->index), (uint32_t)(mask >> 32),
			   (uint32_t)(value >> 32), low, no);
}

/* arg > value, or >= with @op BPF_JGE */
static label emit_above(struct code *code, const struct ctr_seccomp_arg *arg, bool words,
			uint16_t op, label yes, label no)
{
	label low = emit_load(code, low_word(arg->index),
			      emit_jump(code, op, (uint32_t)arg->value, yes, no));
	uint32_t high = (uint32_t)(arg->value >> 32);

	if (words)
		return low;
	low = emit_jump(code, BPF_JEQ, high, low, no);
	return emit_load(code, high_word(arg->index), emit_jump(code, BPF_JGT, high, yes, low));
}

static label emit_arg(struct code *code, const struct ctr_seccomp_arg *arg, bool words, label yes,
		      label no)
{
	switch (arg->op) {
	case SCMP_CMP_EQ:
		return emit_equal(code, arg, words, UINT64_MAX, arg->value, yes, no);
	case SCMP_CMP_NE:
		return emit_equal(code, arg, words, UINT64_MAX, arg->value, no, yes);
	case SCMP_CMP_MASKED_EQ:
		/* value is the mask, valueTwo what is compared with; bits outside do not count. */
		return emit_equal(code, arg, words, arg->value, arg->value_two & arg->value, yes,
				  no);
	case SCMP_CMP_GT:
		return emit_above(code, arg, words, BPF_JGT, yes, no);
	case SCMP_CMP_GE:
		return emit_above(code, arg, words, BPF_JGE, yes, no);
	case SCMP_CMP_LE:
		return emit_above(code, arg, words, BPF_JGT, no, yes);
	case SCMP_CMP_LT:
		return emit_above(code, arg, words, BPF_JGE, no, yes);
	default:
		return no;
	}
}

static const struct ctr_filter_case *nth(const struct ctr_filter_case *list, size_t n)
{
	while (n-- > 0)
		list = list->next;
	return list;
}

static label emit_cases(struct code *code, const struct ctr_filter_range *range)
{
	label no = emit_return(code, range->action);
	size_t n = 0;

	for (const struct ctr_filter_case *one = range->cases; one; one = one->next)
		n++;
	if (n > BPF_MAXINSNS)
		code->overflow = true;
	while (n-- > 0 && !code->overflow) {
		const struct ctr_filter_case *one = nth(range->cases, n);
		label yes = emit_return(code, one->action);

		for (size_t i = one->nargs; i-- > 0;)
			yes = emit_arg(code, &one->args[i], range->words, yes, no);
		no = yes;
	}
	return no;
}

/* ---- numbers */

static label emit_ranges(struct code *code, const struct ctr_filter_range *ranges, size_t n)
{
	size_t half = n / 2;
	label below, from;

	if (n == 1)
		return ranges->cases ? emit_cases(code, ranges) : emit_return(code, ranges->action);

	from = emit_ranges(code, ranges + half, n - half);
	below = emit_ranges(code, ranges, half);
	return emit_jump(code, BPF_JGE, ranges[half].first, from, below);
}

static void reverse(struct sock_filter *insns, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct sock_filter insn = insns[i];

		insns[i] = insns[n - 1 - i];
		insns[n - 1 - i] = insn;
	}
}

int ctr_filter_emit(const struct ctr_filter *filter, struct ctr_arena *arena,
		    struct sock_filter **out, size_t *n, struct ctr_error *err)
{
	struct code code = { .arena = arena };
	label starts[CTR_FILTER_SECTIONS_MAX], next;

	for (size_t i = filter->nsections; i-- > 0;) {
		const struct ctr_filter_section *section = &filter->sections[i];

		starts[i] = emit_load(&code, offsetof(struct seccomp_data, nr),
				      emit_ranges(&code, section->ranges, section->nranges));
	}

	/* Another architecture than those listed: killed, as every runtime on libseccomp does. */
	next = emit_return(&code, SECCOMP_RET_KILL_THREAD);
	for (size_t i = filter->nsections; i-- > 0;)
		next = emit_jump(&code, BPF_JEQ, filter->sections[i].arch, starts[i], next);
	(void)emit_load(&code, offsetof(struct seccomp_data, arch), next);

	if (code.overflow)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.seccomp: the profile needs a filter of more than %d "
				"instructions, the most that the kernel takes",
				BPF_MAXINSNS);

	reverse(code.insns, code.count);
	*out = code.insns;
	*n = code.count;
	return 0;
}
