/* The device program, run by a small interpreter over tables of accesses. */
#include "unit.h"

#include <linux/bpf.h>

#include "base/arena.h"
#include "base/error.h"
#include "cgroup/devices.h"
#include "oci/spec.h"

enum {
	M = CTR_ACCESS_MKNOD,
	R = CTR_ACCESS_READ,
	W = CTR_ACCESS_WRITE,
	RW = R | W,
	RWM = R | W | M
};

#define CHR CTR_DEVICE_CHAR
#define BLK CTR_DEVICE_BLOCK
#define ALL CTR_DEVICE_ALL

/* ---- the interpreter: what the compiler emits, anything else fails the test */

static bool jump_taken(uint8_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JSET:
		return (a & b) != 0;
	case BPF_JLT:
		return a < b;
	default:
		fail_msg("jump op %#x", op);
		return false;
	}
}

static int run(const struct bpf_insn *insns, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };
	size_t pc = 0;

	for (size_t steps = 0; steps <= n; steps++) {
		const struct bpf_insn *insn = &insns[pc++];
		uint64_t *dst = &reg[insn->dst_reg];

		assert_true(pc <= n);
		switch (insn->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(insn->src_reg, 1);
			assert_true(insn->off >= 0 && insn->off <= 8 && insn->off % 4 == 0);
			*dst = ((const uint32_t *)ctx)[insn->off / 4];
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			*dst = (uint32_t)insn->imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			*dst = (uint32_t)*dst & (uint32_t)insn->imm;
			break;
		case BPF_JMP | BPF_JA:
			pc += (size_t)insn->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			assert_int_equal(BPF_CLASS(insn->code), BPF_JMP32);
			assert_int_equal(BPF_SRC(insn->code), BPF_K);
			assert_true(insn->off >= 0);
			if (jump_taken(BPF_OP(insn->code), (uint32_t)*dst, (uint32_t)insn->imm))
				pc += (size_t)insn->off;
		}
	}
	fail_msg("the program does not end");
	return -1;
}

static bool allows(const struct bpf_insn *insns, size_t n, int type, uint32_t major, uint32_t minor,
		   uint32_t access)
{
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type =
			access << 16 | (type == BLK ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};

	return n == 0 || run(insns, n, &ctx) == 1;
}

/* ---- what it has to mean: each bit is decided by the last rule that holds it */

static bool rule_matches(const struct ctr_device_rule *rule, int type, int64_t major, int64_t minor)
{
	return (rule->type == ALL || (int)rule->type == type) &&
	       (rule->major == -1 || rule->major == major) &&
	       (rule->minor == -1 || rule->minor == minor);
}

static bool is_default(int type, int64_t major, int64_t minor, uint32_t bit)
{
	if (bit == M)
		return true;
	if (type != CHR)
		return false;
	return (major == 1 &&
		(minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9)) ||
	       (major == 5 && minor <= 2) || major == 136 || (major == 10 && minor == 200);
}

static bool expected(const struct ctr_device_rule *rules, size_t n, int type, int64_t major,
		     int64_t minor, uint32_t access)
{
	for (uint32_t bit = 1; bit <= 4; bit <<= 1) {
		bool allow = is_default(type, major, minor, bit);

		for (size_t i = n; !allow && i-- > 0;) {
			if (!rule_matches(&rules[i], type, major, minor) ||
			    !(rules[i].access & bit))
				continue;
			allow = rules[i].allow;
			break;
		}
		if ((access & bit) && !allow)
			return false;
	}
	return true;
}

/* ---- tables */

struct access {
	int type;
	uint32_t major, minor, access;
	bool allowed;
};

struct rule_case {
	const char *name;
	struct ctr_device_rule rules[8];
	size_t nrules;
	struct access accesses[12];
	size_t max_insns;
};

static const struct rule_case cases[] = {
	{"no rules: the defaults only",
         { { 0 } },
         0, { { CHR, 1, 3, RW, true },
	    { CHR, 1, 3, RWM, true },
	    { CHR, 1, 4, R, false },
	    { CHR, 1, 4, M, true },
	    { CHR, 136, 77, RW, true },
	    { CHR, 10, 200, RW, true },
	    { CHR, 10, 229, R, false },
	    { BLK, 8, 0, R, false },
	    { BLK, 8, 0, M, true },
	    { BLK, 1, 3, R, false },
	    { CHR, 10, 229, 0, true } },
         24},
	{ "deny all, as every default document starts: the defaults stay",
         { { false, ALL, -1, -1, RWM } },
         1, { { CHR, 1, 3, RW, true }, { CHR, 5, 2, RW, true }, { CHR, 1, 1, R, false } },
         24},
	{ "deny all and exceptions",
         { { false, ALL, -1, -1, RWM }, { true, CHR, 10, 229, RWM }, { true, BLK, 8, -1, R } },
         3, { { CHR, 10, 229, RW, true },
	    { CHR, 10, 228, RW, false },
	    { BLK, 8, 17, R, true },
	    { BLK, 8, 17, W, false },
	    { BLK, 8, 17, RW, false },
	    { BLK, 8, 17, 0, true },
	    { BLK, 9, 0, R, false } },
         32},
	{ "allow all: no program",
         { { false, ALL, -1, -1, RWM }, { true, ALL, -1, -1, RWM } },
         2, { { BLK, 8, 0, RWM, true } },
         0 },
	{ "allow all but one",
         { { true, ALL, -1, -1, RWM }, { false, BLK, 8, 0, W } },
         2, { { BLK, 8, 0, R, true },
	    { BLK, 8, 0, W, false },
	    { BLK, 8, 0, RW, false },
	    { BLK, 8, 1, RW, true },
	    { CHR, 8, 0, RW, true } },
         16},
	{ "a partial deny takes its bits from an older allow",
         { { true, CHR, 10, 229, RWM }, { false, CHR, 10, 229, W } },
         2, { { CHR, 10, 229, R, true }, { CHR, 10, 229, RW, false }, { CHR, 10, 229, 0, true } },
         32},
	{ "two partial allows add up",
         { { true, CHR, 10, 229, R }, { true, CHR, 10, 229, W } },
         2, { { CHR, 10, 229, RW, true }, { CHR, 10, 228, R, false } },
         32},
	{ "the last one wins",
         { { true, CHR, 7, 1, RW }, { false, CHR, 7, 1, RW }, { true, CHR, 7, 1, RW } },
         3, { { CHR, 7, 1, RW, true } },
         32},
	{ "large numbers",
         { { true, CHR, 4294967294, 4294967294, RW }, { true, CHR, 2147483648, -1, RW } },
         2, { { CHR, 4294967294, 4294967294, RW, true },
	    { CHR, 2147483648, 5, R, true },
	    { CHR, 2147483647, 5, R, false } },
         32},
	{ "an empty access says nothing",
         { { true, BLK, 8, 0, 0 } },
         1, { { BLK, 8, 0, R, false } },
         24},
};

static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct rule_case *test = &cases[i];
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct bpf_insn *insns;
		struct ctr_error err;
		size_t n;

		assert_int_equal(
			ctr_devices_compile(test->rules, test->nrules, &arena, &insns, &n, &err),
			0);
		if (n > test->max_insns)
			fail_msg("%s: %zu instructions", test->name, n);
		for (const struct access *a = test->accesses; a->type != 0; a++) {
			if (allows(insns, n, a->type, a->major, a->minor, a->access) != a->allowed)
				fail_msg("%s: type %d %u:%u access %u", test->name, a->type,
					 a->major, a->minor, a->access);
		}
		ctr_arena_release(&arena);
	}
}

/* ---- random rules, every access to a small world */

static const int64_t numbers[] = { -1, 1, 3, 5, 136, 10, 200, 0 };

static struct ctr_device_rule random_rule(void)
{
	struct ctr_device_rule rule = {
		.allow = rand() & 1,
		.type = (enum ctr_device_type)(rand() % 3),
		.major = numbers[rand() % 8],
		.minor = numbers[rand() % 8],
		.access = (uint32_t)rand() % 8,
	};

	if (rule.type == CTR_DEVICE_ALL)
		rule.major = rule.minor = -1;
	if (rand() % 3 == 0)
		rule.access = RWM;
	return rule;
}

static void check_world(const struct ctr_device_rule *rules, size_t nrules)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct bpf_insn *insns;
	size_t n;

	assert_int_equal(ctr_devices_compile(rules, nrules, &arena, &insns, &n, NULL), 0);
	for (int type = CHR; type <= BLK; type++) {
		for (size_t i = 1; i < 8; i++) {
			for (size_t j = 1; j < 8; j++) {
				for (uint32_t access = 1; access < 8; access++) {
					bool want = expected(rules, nrules, type, numbers[i],
							     numbers[j], access);

					assert_int_equal(allows(insns, n, type,
								(uint32_t)numbers[i],
								(uint32_t)numbers[j], access),
							 want);
				}
			}
		}
	}
	ctr_arena_release(&arena);
}

static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 3000; i++) {
		struct ctr_device_rule rules[12];
		size_t n = (size_t)rand() % 13;

		for (size_t j = 0; j < n; j++)
			rules[j] = random_rule();
		check_world(rules, n);
	}
}

/* ---- the edges */

static void test_shape(void **state)
{
	static const struct ctr_device_rule deny_all = { false, ALL, -1, -1, RWM };
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct bpf_insn *insns, *again;
	size_t n, m;

	(void)state;
	assert_int_equal(ctr_devices_compile(&deny_all, 1, &arena, &insns, &n, NULL), 0);
	print_message("default document: %zu instructions\n", n);
	assert_int_equal(n, 21);

	/* What a later rule covers leaves no trace. */
	const struct ctr_device_rule covered[] = {
		{true,   CHR, 7,  3,  RWM},
                { true,  ALL, -1, -1, RWM},
		{ false, BLK, 8,  1,  R  },
                deny_all,
		{ true,  CHR, 1,  3,  RW },
                { false, CHR, 1,  3,  RW },
	};

	assert_int_equal(ctr_devices_compile(covered, 6, &arena, &again, &m, NULL), 0);
	assert_int_equal(m, n);
	assert_memory_equal(again, insns, n * sizeof(*insns));
	ctr_arena_release(&arena);
}

static void test_many(void **state)
{
	enum { MANY = 9000 };
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_device_rule *rules = ctr_arena_array(&arena, MANY, sizeof(*rules));
	struct bpf_insn *insns;
	struct ctr_error err;
	size_t n;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		rules[i] = (struct ctr_device_rule){ i & 1, CHR, (int64_t)i, (int64_t)i, R };

	assert_int_equal(ctr_devices_compile(rules, 3900, &arena, &insns, &n, NULL), 0);
	assert_true(n < 32767);
	assert_true(allows(insns, n, CHR, 3001, 3001, R));
	assert_false(allows(insns, n, CHR, 3000, 3000, R));

	assert_int_equal(ctr_devices_compile(rules, MANY, &arena, &insns, &n, &err), -1);
	assert_string_equal(err.text, "linux.resources.devices: more than 4000 different rules");
	ctr_arena_release(&arena);
}

static void test_errors(void **state)
{
	static const struct {
		struct ctr_device_rule rule;
		const char *text;
	} bad[] = {
		{{ true, ALL, 1, -1, RWM },
                 "linux.resources.devices[0]: type 'a' means all devices, it takes no major or minor "
		  "number"						     },
		{ { true, CTR_DEVICE_FIFO, -1, -1, RWM },
                 "linux.resources.devices[0].type: 'p' is not a device"        },
		{ { true, CHR, -2, -1, RWM },
                 "linux.resources.devices[0].major: -2 is out of range"        },
		{ { true, CHR, 1, 4294967295, RWM },
                 "linux.resources.devices[0].minor: 4294967295 is out of range"},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct bpf_insn *insns;
	struct ctr_error err;
	size_t n;

	(void)state;
	for (size_t i = 0; i < unit_count(bad); i++) {
		assert_int_equal(ctr_devices_compile(&bad[i].rule, 1, &arena, &insns, &n, &err),
				 -1);
		assert_string_equal(err.text, bad[i].text);
		assert_int_equal(err.fault, CTR_FAULT_CONFIG);
	}
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables), cmocka_unit_test(test_random),
		cmocka_unit_test(test_shape),  cmocka_unit_test(test_many),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
