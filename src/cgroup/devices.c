/*
 * Device rules -> instructions. Pure; `create` and `update` share it.
 *
 * An access asks for some of mknod, read and write; each of these bits is decided by the last rule
 * that matches the device and holds the bit. So the program goes through the rules from the last to
 * the first: a "deny" that holds an asked bit ends it, an "allow" strikes its bits out, and nothing
 * left to ask for means yes. access(2) with F_OK asks for nothing and passes at the first "allow".
 *
 * Rules of one verdict in a row commute: they are sorted, so that all minors of a major stand below
 * one comparison, and what others cover is dropped. The program is split by type once, at its
 * start.
 */
#include "cgroup/devices.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "oci/default_devices.h"
#include "oci/spec.h"

enum {
	ACCESS_ALL = CTR_ACCESS_MKNOD | CTR_ACCESS_READ | CTR_ACCESS_WRITE,
	ACCESS_SHIFT = 16, /* bpf_cgroup_dev_ctx.access_type: the type below, the access above */
	RULES_MAX = 4000,  /* of one type, after dropping what is covered: jumps reach 32767 */
	RULE_INSNS = 4,    /* at most: two comparisons, striking out, and the verdict */
	/* Jump targets until the program is laid out. */
	TO_ALLOW = INT16_MAX,
	TO_DENY = INT16_MAX - 1,
};

static const uint32_t any = UINT32_MAX;

struct rule {
	uint32_t major, minor; /* any: all of them */
	uint32_t access;
	bool allow;
	uint32_t run; /* rules of one verdict in a row have the same */
};

struct rules {
	struct rule *list;
	size_t count;
};

/* Registers. The context stays in R1. */
enum {
	R_RESULT = BPF_REG_0,
	R_CONTEXT = BPF_REG_1,
	R_ASKED = BPF_REG_2, /* type and the access bits not yet decided */
	R_MAJOR = BPF_REG_3,
	R_MINOR = BPF_REG_4,
};

struct code {
	struct bpf_insn *insns;
	size_t count;
	bool uses_major, uses_minor;
};

enum { NDEFAULTS = 2 + CTR_DEFAULT_DEVICES };

/* Making a node harms nobody; using it does. */
static struct ctr_device_rule default_rule(size_t i)
{
	struct ctr_device_rule rule = {
		.allow = true,
		.type = i == 0 ? CTR_DEVICE_BLOCK : CTR_DEVICE_CHAR,
		.major = -1,
		.minor = -1,
		.access = i < 2 ? CTR_ACCESS_MKNOD : ACCESS_ALL,
	};

	if (i >= 2) {
		rule.major = ctr_default_devices[i - 2].major;
		rule.minor = ctr_default_devices[i - 2].minor;
	}
	return rule;
}

/* ---- rules */

static int check_rule(const struct ctr_device_rule *rule, size_t i, struct ctr_error *err)
{
	if (rule->type == CTR_DEVICE_FIFO)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.devices[%zu].type: 'p' is not a device", i);
	if (rule->type == CTR_DEVICE_ALL && (rule->major != -1 || rule->minor != -1))
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"linux.resources.devices[%zu]: type 'a' means all devices, it takes "
			"no major or minor number",
			i);
	if (rule->major < -1 || rule->major >= UINT32_MAX)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.devices[%zu].major: %lld is out of range", i,
				(long long)rule->major);
	if (rule->minor < -1 || rule->minor >= UINT32_MAX)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.devices[%zu].minor: %lld is out of range", i,
				(long long)rule->minor);
	return 0;
}

static bool covers(const struct rule *wide, const struct rule *narrow)
{
	return (wide->major == any || wide->major == narrow->major) &&
	       (wide->minor == any || wide->minor == narrow->minor) &&
	       (narrow->access & ~wide->access) == 0;
}

static bool decides_all(const struct rule *rule)
{
	return rule->major == any && rule->minor == any && rule->access == ACCESS_ALL;
}

/* Add the next older rule, unless a later one has decided all it says. */
static int add_rule(struct rules *rules, const struct ctr_device_rule *from)
{
	struct rule rule = {
		.major = (uint32_t)from->major,
		.minor = (uint32_t)from->minor,
		.access = from->access & ACCESS_ALL,
		.allow = from->allow,
	};
	size_t kept = rules->count;

	if (rule.access == 0)
		return 0;
	for (size_t i = 0; i < rules->count; i++) {
		if (covers(&rules->list[i], &rule))
			return 0;
	}

	if (rules->count > 0) {
		const struct rule *last = &rules->list[rules->count - 1];

		rule.run = last->run + (last->allow != rule.allow);
	}
	/* Within its run it may cover what came before it. */
	while (kept > 0 && rules->list[kept - 1].run == rule.run)
		kept--;
	for (size_t i = kept; i < rules->count; i++) {
		if (!covers(&rule, &rules->list[i]))
			rules->list[kept++] = rules->list[i];
	}
	rules->count = kept;

	if (rules->count == RULES_MAX)
		return -1;
	rules->list[rules->count++] = rule;
	return 0;
}

static int compare_rules(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;

	if (x->run != y->run)
		return x->run < y->run ? -1 : 1;
	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	if (x->minor != y->minor)
		return x->minor < y->minor ? -1 : 1;
	return 0;
}

static bool is_of(const struct ctr_device_rule *rule, enum ctr_device_type type)
{
	return rule->type == CTR_DEVICE_ALL || rule->type == type;
}

/* What is said of @type, latest first, down to the rule that leaves nothing open. */
static int collect(struct rules *out, struct ctr_arena *arena, enum ctr_device_type type,
		   const struct ctr_device_rule *rules, size_t nrules, struct ctr_error *err)
{
	size_t size = nrules + NDEFAULTS < RULES_MAX ? nrules + NDEFAULTS : RULES_MAX;

	out->list = ctr_arena_array(arena, size, sizeof(*out->list));
	out->count = 0;
	for (size_t i = nrules + NDEFAULTS; i-- > 0;) {
		const struct ctr_device_rule rule =
			i >= nrules ? default_rule(i - nrules) : rules[i];

		if (!is_of(&rule, type))
			continue;
		if (add_rule(out, &rule) < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"linux.resources.devices: more than %d different rules",
					RULES_MAX);
		if (out->count > 0 && decides_all(&out->list[out->count - 1]))
			break;
	}

	/* "Deny" is what is left to say at the end anyway. */
	while (out->count > 0 && !out->list[out->count - 1].allow)
		out->count--;
	qsort(out->list, out->count, sizeof(*out->list), compare_rules);
	return 0;
}

/* ---- instructions */

static void emit(struct code *code, struct bpf_insn insn)
{
	code->insns[code->count++] = insn;
}

/* 32-bit comparisons: no sign extension of the constant. */
static void emit_jump(struct code *code, uint8_t op, uint8_t reg, uint32_t value, int16_t target)
{
	emit(code, (struct bpf_insn){ .code = BPF_JMP32 | op | BPF_K,
				      .dst_reg = reg,
				      .off = target,
				      .imm = (int32_t)value });
}

static void emit_goto(struct code *code, int16_t target)
{
	emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_JA, .off = target });
}

/* The device matches: @rule speaks. */
static void emit_verdict(struct code *code, const struct rule *rule)
{
	uint32_t bits = rule->access << ACCESS_SHIFT;

	if (rule->access == ACCESS_ALL) {
		emit_goto(code, rule->allow ? TO_ALLOW : TO_DENY);
	} else if (!rule->allow) {
		emit_jump(code, BPF_JSET, R_ASKED, bits, TO_DENY);
	} else {
		emit(code, (struct bpf_insn){ .code = BPF_ALU | BPF_AND | BPF_K,
					      .dst_reg = R_ASKED,
					      .imm = (int32_t)~bits });
		emit_jump(code, BPF_JLT, R_ASKED, 1U << ACCESS_SHIFT, TO_ALLOW);
	}
}

/* Compare @reg with @value, the last thing to compare, and speak. */
static void emit_match(struct code *code, const struct rule *rule, uint8_t reg, uint32_t value)
{
	size_t jump = code->count;

	if (rule->access == ACCESS_ALL) {
		emit_jump(code, BPF_JEQ, reg, value, rule->allow ? TO_ALLOW : TO_DENY);
		return;
	}
	emit_jump(code, BPF_JNE, reg, value, 0);
	emit_verdict(code, rule);
	code->insns[jump].off = (int16_t)(code->count - jump - 1);
}

/* The rules from @i on that share run and major: one comparison of the major for all their
 * minors. Returns the index after them. */
static size_t emit_group(struct code *code, const struct rules *rules, size_t i)
{
	const struct rule *first = &rules->list[i];
	size_t jump = code->count;
	size_t end = i + 1;

	while (end < rules->count && rules->list[end].run == first->run &&
	       rules->list[end].major == first->major)
		end++;

	if (first->major != any) {
		code->uses_major = true;
		if (first->minor == any) {
			emit_match(code, first, R_MAJOR, first->major);
			return i + 1;
		}
		emit_jump(code, BPF_JNE, R_MAJOR, first->major, 0);
	}

	for (; i < end; i++) {
		const struct rule *rule = &rules->list[i];

		if (rule->minor == any) {
			emit_verdict(code, rule);
			continue;
		}
		code->uses_minor = true;
		emit_match(code, rule, R_MINOR, rule->minor);
	}

	if (first->major != any)
		code->insns[jump].off = (int16_t)(code->count - jump - 1);
	return end;
}

/* A last "allow mknod on all" need not strike out: mknod is the lowest bit, so asking for no other
 * is being below the next one. */
static bool emit_last_mknod(struct code *code, const struct rule *rule)
{
	if (rule->major != any || rule->minor != any || rule->access != CTR_ACCESS_MKNOD)
		return false;

	emit_jump(code, BPF_JLT, R_ASKED, CTR_ACCESS_READ << ACCESS_SHIFT, TO_ALLOW);
	return true;
}

/* The rules of one type. Falls out at the end, or goes to "deny", when nothing said yes. */
static void emit_section(struct code *code, struct ctr_arena *arena, const struct rules *rules)
{
	size_t i = 0;

	code->insns = ctr_arena_array(arena, RULE_INSNS * rules->count, sizeof(*code->insns));
	while (i < rules->count) {
		if (i + 1 == rules->count && emit_last_mknod(code, &rules->list[i]))
			break;
		i = emit_group(code, rules, i);
	}
}

/* It covers all of its own run, so nothing but a deny could stand beside it. */
static bool allows_all(const struct rules *rules)
{
	return rules->count == 1 && rules->list[0].allow && decides_all(&rules->list[0]);
}

/* Behind an unconditional jump nothing may follow that nobody jumps to: the verifier refuses it. */
static bool falls_out(const struct code *code)
{
	return code->count == 0 || code->insns[code->count - 1].code != (BPF_JMP | BPF_JA);
}

static bool is_tail(const struct code *code, const struct code *tail)
{
	return tail->count <= code->count &&
	       memcmp(code->insns + code->count - tail->count, tail->insns,
		      tail->count * sizeof(*tail->insns)) == 0;
}

static void emit_load(struct code *code, uint8_t reg, int16_t offset)
{
	emit(code, (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_W,
				      .dst_reg = reg,
				      .src_reg = R_CONTEXT,
				      .off = offset });
}

static void emit_result(struct code *code, int32_t result)
{
	emit(code, (struct bpf_insn){
			   .code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = R_RESULT, .imm = result });
}

static void emit_all(struct code *code, const struct code *part)
{
	memcpy(code->insns + code->count, part->insns, part->count * sizeof(*part->insns));
	code->count += part->count;
}

static void resolve_targets(struct code *code, size_t deny, size_t allow)
{
	for (size_t i = 0; i < code->count; i++) {
		struct bpf_insn *insn = &code->insns[i];
		uint8_t class = BPF_CLASS(insn->code);

		if (class != BPF_JMP && class != BPF_JMP32)
			continue;
		if (insn->off == TO_ALLOW)
			insn->off = (int16_t)(allow - i - 1);
		else if (insn->off == TO_DENY)
			insn->off = (int16_t)(deny - i - 1);
	}
}

/*
 * Loads, the branch by type, the longer section, the shorter one unless it is the tail of the
 * longer one, and both ends:
 *
 *	r0 = 1; load...
 *	if type is the other one goto shorter
 *	longer...  goto deny
 * shorter: ...
 * deny:	r0 = 0
 * allow:	exit
 */
static void link_sections(struct code *out, struct ctr_arena *arena, const struct code *chars,
			  const struct code *blocks)
{
	bool swap = blocks->count > chars->count;
	const struct code *longer = swap ? blocks : chars, *shorter = swap ? chars : blocks;
	uint32_t other = swap ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK;
	size_t branch, start, deny;

	out->insns =
		ctr_arena_array(arena, longer->count + shorter->count + 8, sizeof(*out->insns));
	emit_result(out, 1);
	emit_load(out, R_ASKED, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	if (longer->uses_major || shorter->uses_major)
		emit_load(out, R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	if (longer->uses_minor || shorter->uses_minor)
		emit_load(out, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));

	branch = out->count;
	if (!is_tail(longer, shorter)) {
		emit_jump(out, BPF_JSET, R_ASKED, other, 0);
		emit_all(out, longer);
		if (falls_out(longer))
			emit_goto(out, TO_DENY);
		start = out->count;
		emit_all(out, shorter);
		out->insns[branch].off = (int16_t)(start - branch - 1);
	} else if (longer->count == shorter->count) {
		emit_all(out, longer);
	} else {
		emit_jump(out, BPF_JSET, R_ASKED, other, 0);
		emit_all(out, longer);
		out->insns[branch].off = (int16_t)(out->count - shorter->count - branch - 1);
	}

	deny = out->count;
	emit_result(out, 0);
	emit(out, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
	resolve_targets(out, deny, deny + 1);
}

int ctr_devices_compile(const struct ctr_device_rule *rules, size_t nrules, struct ctr_arena *arena,
			struct bpf_insn **out, size_t *n, struct ctr_error *err)
{
	struct code code = { 0 }, chars = { 0 }, blocks = { 0 };
	struct rules char_rules, block_rules;

	for (size_t i = 0; i < nrules; i++) {
		if (check_rule(&rules[i], i, err) < 0)
			return -1;
	}
	if (collect(&char_rules, arena, CTR_DEVICE_CHAR, rules, nrules, err) < 0 ||
	    collect(&block_rules, arena, CTR_DEVICE_BLOCK, rules, nrules, err) < 0)
		return -1;

	*out = NULL;
	*n = 0;
	if (allows_all(&char_rules) && allows_all(&block_rules))
		return 0;

	emit_section(&chars, arena, &char_rules);
	emit_section(&blocks, arena, &block_rules);
	link_sections(&code, arena, &chars, &blocks);
	*out = code.insns;
	*n = code.count;
	return 0;
}
