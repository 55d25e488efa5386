/* src/plan/check.c: what a foreign plan may not do. */
#include "unit.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/arena.h"
#include "base/error.h"
#include "plan/build.h"
#include "plan/msg.h"

static _Alignas(16) unsigned char memory[64 << 10];

/* A plan of one operation, in memory of its own. */
static struct ctr_plan_header *one(enum ctr_op_kind kind)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_plan_builder plan;
	struct ctr_plan_header *blob;
	uint64_t numbers[4] = { 0 };

	ctr_plan_init(&plan, &arena);
	(void)ctr_plan_data(&plan, numbers, sizeof(numbers));
	(void)ctr_plan_add(&plan, kind);
	blob = ctr_plan_finish(&plan, NULL);
	assert_non_null(blob);
	memcpy(memory, blob, blob->size);
	ctr_arena_release(&arena);
	return (struct ctr_plan_header *)memory;
}

static struct ctr_op *op_of(struct ctr_plan_header *plan)
{
	return (struct ctr_op *)((char *)plan + plan->ops);
}

static void expect(const void *blob, size_t size, const char *error)
{
	struct ctr_error err = { 0 };
	int r = ctr_plan_check(blob, size, &err);

	assert_string_equal(err.text, error ? error : "");
	assert_int_equal(r, error ? -1 : 0);
}

static void test_header(void **state)
{
	static const struct {
		size_t at; /* a u32 of the header */
		uint32_t value;
		const char *error;
	} cases[] = {
		{0,   0,          "plan: not a plan"                     },
		{ 4,  2,          "plan: of another version"             },
		{ 8,  4,          "plan: wrong size"                     },
		{ 12, 8,          "plan: operations reach beyond its end"},
		{ 12, 0xfffffff0, "plan: operations reach beyond its end"},
		{ 12, 72,         "plan: operations reach beyond its end"},
		{ 16, 1000,       "plan: operations reach beyond its end"},
		{ 16, 0xffffffff, "plan: operations reach beyond its end"},
		{ 20, 0xfffffff8, "plan: strings reach beyond its end"   },
		{ 20, 4,          "plan: strings reach beyond its end"   },
		{ 24, 0,          "plan: strings reach beyond its end"   },
		{ 24, 0xffffffff, "plan: strings reach beyond its end"   },
		{ 40, 4,          "plan: unknown flags"                  },
		{ 60, 1,          "plan: reserved bytes are in use"      },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_plan_header *plan = one(CTR_OP_SESSION);
		size_t size = plan->size;

		memcpy((char *)plan + cases[i].at, &cases[i].value, 4);
		expect(plan, size, cases[i].error);
	}
}

static void test_size(void **state)
{
	struct ctr_plan_header *plan = one(CTR_OP_SESSION);

	(void)state;
	expect(plan, plan->size, NULL);
	expect(plan, 0, "plan: shorter than its header");
	expect(plan, 63, "plan: shorter than its header");
	expect(plan, plan->size - 1, "plan: wrong size");
	expect(memory + 8, 64, "plan: not aligned in memory");
}

static void test_unterminated(void **state)
{
	struct ctr_plan_header *plan = one(CTR_OP_SESSION);

	(void)state;
	memory[plan->size - 1] = 'x';
	expect(plan, plan->size, "plan: the string area has no NUL at both ends");
	plan = one(CTR_OP_SESSION);
	memory[plan->strings] = 'x';
	expect(plan, plan->size, "plan: the string area has no NUL at both ends");
}

static void test_operands(void **state)
{
	static const struct {
		enum ctr_op_kind kind;
		struct ctr_op op;
		const char *error;
	} cases[] = {
		{CTR_OP_HOSTNAME,       { .str = 8 },             NULL                                              },
		{ CTR_OP_HOSTNAME,
                 { .str = 4096 },
                 "plan: operation 0 (hostname): a string is outside of the string area"                             },
		{ CTR_OP_HOSTNAME,
                 { .origin = 4096 },
                 "plan: operation 0 (hostname): a string is outside of the string area"                             },
		{ CTR_OP_SYSCTL,
                 { .str2 = 4096 },
                 "plan: operation 0 (sysctl): a string is outside of the string area"                               },
		{ CTR_OP_SESSION,       { .str = 1 },             "plan: operation 0 (session): it takes no string" },
		{ CTR_OP_SESSION,
                 { .str2 = 1 },
                 "plan: operation 0 (session): it takes no second string"                                           },
		{ CTR_OP_SESSION,
                 { .arg = 1 },
                 "plan: operation 0 (session): it takes no argument"                                                },
		{ CTR_OP_SESSION,
                 { .arg2 = 1 },
                 "plan: operation 0 (session): it takes no second argument"                                         },
		{ CTR_OP_SESSION,
                 { .fd = 2 },
                 "plan: operation 0 (session): it takes no descriptor"                                              },
		{ CTR_OP_SESSION,
                 { .reserved = 1 },
                 "plan: operation 0 (session): reserved bytes are in use"                                           },
		{ CTR_OP_BIND,          { .fd = CTR_SLOT_COUNT }, "plan: operation 0 (bind): no such slot"          },
		{ CTR_OP_BIND,          { .fd = -2 },             "plan: operation 0 (bind): no such slot"          },
		{ CTR_OP_SETNS,         { .arg = 1 },             "plan: operation 0 (setns): it needs a descriptor"},
		{ CTR_OP_GATE,
                 { .fd = CTR_SLOT_FIRST },
                 "plan: operation 0 (gate): it needs the slot of the gate"                                          },
		{ CTR_OP_DEVICE,        { .str2 = 020666 },       NULL                                              },
		{ CTR_OP_CAPS,          { .str = 8 },             NULL                                              },
		{ CTR_OP_CAPS,          { .str = 9 },             "plan: operation 0 (caps): data is not aligned"   },
		{ CTR_OP_CAPS,
                 { .str = 32 },
                 "plan: operation 0 (caps): data reaches beyond the string area"                                    },
		{ CTR_OP_GROUPS,        { .str = 8, .arg = 8 },   NULL                                              },
		{ CTR_OP_GROUPS,
                 { .str = 8, .arg = 100 },
                 "plan: operation 0 (groups): data reaches beyond the string area"                                  },
		{ CTR_OP_GROUPS,
                 { .str = 8, .arg = UINT64_MAX },
                 "plan: operation 0 (groups): data reaches beyond the string area"                                  },
		{ CTR_OP_SECCOMP,
                 { .str = 8, .arg = 0 },
                 "plan: operation 0 (seccomp): data reaches beyond the string area"                                 },
		{ CTR_OP_SECCOMP,
                 { .str = 8, .arg = BPF_MAXINSNS + 1 },
                 "plan: operation 0 (seccomp): data reaches beyond the string area"                                 },
		{ CTR_OP_MEMORY_POLICY,
                 { .str = 8, .arg2 = UINT64_MAX },
                 "plan: operation 0 (memory-policy): data reaches beyond the string area"                           },
		{ CTR_OP_ENV,           { .str2 = 8, .arg = 3 },  NULL                                              },
		{ CTR_OP_ENV,
                 { .str2 = 8, .arg = UINT64_MAX },
                 "plan: operation 0 (env): strings reach beyond the string area"                                    },
		{ CTR_OP_ARGS,          { .str2 = 8 },            "plan: operation 0 (args): no arguments"          },
		{ CTR_OP_MOUNT,
                 { .str2 = 47 },
                 "plan: operation 0 (mount): strings reach beyond the string area"                                  },
		{ CTR_OP_HOOK,          { .arg = UINT32_MAX },    NULL                                              },
		{ CTR_OP_HOOK,
                 { .arg = UINT64_MAX },
                 "plan: operation 0 (hook): strings reach beyond the string area"                                   },
		{ CTR_OP_WANT_FDS,
                 { .arg2 = CTR_SLOT_BATCH + 1 },
                 "plan: operation 0 (want-fds): it asks for too many descriptors, or none"                          },
		{ CTR_OP_COUNT,         { 0 },                    "plan: operation 0 (unknown): unknown kind"       },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_plan_header *plan = one(cases[i].kind);
		struct ctr_op *op = op_of(plan);

		*op = cases[i].op;
		op->kind = (uint16_t)cases[i].kind;
		/* 0 is a slot; in this table it stands for none */
		op->fd = op->fd ? op->fd : CTR_SLOT_NONE;
		op->fd2 = CTR_SLOT_NONE;
		expect(plan, plan->size, cases[i].error);
	}
}

/* One big block under many operations would make a small file expensive. */
static void test_shared_blocks(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_plan_builder plan;
	struct ctr_plan_header *blob;
	static const char *strings[5000];
	uint32_t block;

	(void)state;
	for (size_t i = 0; i < unit_count(strings); i++)
		strings[i] = "string";
	ctr_plan_init(&plan, &arena);
	block = ctr_plan_block(&plan, strings, unit_count(strings));
	for (int i = 0; i < 100; i++) {
		struct ctr_op *op = ctr_plan_add(&plan, CTR_OP_ENV);

		op->str2 = block;
		op->arg = unit_count(strings);
	}
	blob = ctr_plan_finish(&plan, NULL);
	expect(blob, blob->size, "plan: operation 17 (env): the same strings are used too often");
	ctr_arena_release(&arena);
}

/* The protocol: S message = send, R message = receive, and the operations that talk. */
static void test_protocol(void **state)
{
	static const struct {
		struct {
			enum ctr_op_kind kind;
			uint64_t arg;
		} ops[8];
		const char *error;
	} cases[] = {
		{{ { CTR_OP_SEND, CTR_MSG_HOOKS },
		    { CTR_OP_RECV, CTR_MSG_GO },
		    { CTR_OP_SEND, CTR_MSG_CREATED },
		    { CTR_OP_GATE, 0 },
		    { CTR_OP_RECV, CTR_MSG_START },
		    { CTR_OP_SEND, CTR_MSG_STARTING } },
                 NULL								    },
		{ { { CTR_OP_SEND, CTR_MSG_CREATED }, { CTR_OP_SEND, CTR_MSG_STARTING } },
                 "plan: operation 1 (send): the protocol does not allow its message here"},
		{ { { CTR_OP_RECV, CTR_MSG_START } },
                 "plan: operation 0 (recv): the protocol does not allow its message here"},
		{ { { CTR_OP_SEND, CTR_MSG_FAIL } },
                 "plan: operation 0 (send): the protocol does not allow its message here"},
		{ { { CTR_OP_SEND, UINT64_MAX } },
                 "plan: operation 0 (send): the protocol does not allow its message here"},
		{ { { CTR_OP_GATE, 0 } },
                 "plan: operation 0 (gate): the gate comes after 'created'"              },
		{ { { CTR_OP_SEND, CTR_MSG_CREATED }, { CTR_OP_PTY, 0 } },
                 "plan: operation 1 (pty): the protocol does not allow its message here" },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_plan_builder plan;
		struct ctr_plan_header *blob;

		ctr_plan_init(&plan, &arena);
		for (size_t j = 0; cases[i].ops[j].kind; j++) {
			struct ctr_op *op = ctr_plan_add(&plan, cases[i].ops[j].kind);

			op->arg = cases[i].ops[j].arg;
			if (op->kind == CTR_OP_GATE)
				op->fd = CTR_SLOT_GATE;
		}
		blob = ctr_plan_finish(&plan, NULL);
		expect(blob, blob->size, cases[i].error);
		ctr_arena_release(&arena);
	}
}

static void test_edges(void **state)
{
	(void)state;
	/* FAIL and WARN are legal in every state, and change none. */
	for (uint32_t at = 0; at < CTR_SYNC_STATES; at++) {
		assert_int_equal(ctr_sync_next(at, CTR_MSG_FAIL, CTR_FROM_CHILD), at);
		assert_int_equal(ctr_sync_next(at, CTR_MSG_WARN, CTR_FROM_CHILD), at);
		assert_int_equal(ctr_sync_next(at, CTR_MSG_FAIL, CTR_FROM_PARENT), -1);
		assert_int_equal(ctr_sync_next(at, 0, CTR_FROM_CHILD), -1);
		assert_int_equal(ctr_sync_next(at, CTR_MSG_TYPES, CTR_FROM_PARENT), -1);
	}
	/* What one side says the other cannot. */
	for (size_t i = 0; i < unit_count(ctr_edges); i++) {
		const struct ctr_edge *edge = &ctr_edges[i];

		assert_int_equal(ctr_sync_next(edge->state, edge->message, edge->sender),
				 edge->next);
		assert_int_equal(ctr_sync_next(edge->state, edge->message, !edge->sender), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),        cmocka_unit_test(test_size),
		cmocka_unit_test(test_unterminated),  cmocka_unit_test(test_operands),
		cmocka_unit_test(test_shared_blocks), cmocka_unit_test(test_protocol),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
