/* src/plan/build.c: the blob that comes out, also when it outgrows the first region. */
#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "plan/build.h"

struct fixture {
	struct ctr_arena arena;
	struct ctr_plan_builder plan;
	struct ctr_error err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f)
		return -1;
	ctr_plan_init(&f->plan, &f->arena);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ctr_arena_release(&f->arena);
	free(f);
	return 0;
}

static const struct ctr_plan_header *finish(struct fixture *f)
{
	struct ctr_plan_header *plan = ctr_plan_finish(&f->plan, &f->err);

	assert_non_null(plan);
	if (ctr_plan_check(plan, plan->size, &f->err) < 0)
		fail_msg("%s", f->err.text);
	return plan;
}

static void test_empty(void **state)
{
	const struct ctr_plan_header *plan = finish(*state);

	assert_int_equal(plan->nops, 0);
	assert_int_equal(plan->sync_fd, -1);
	assert_int_equal(plan->gate_fd, -1);
	assert_string_equal(ctr_view_str(plan, 0), "");
	assert_int_equal(plan->size, 64 + 8);
}

static void test_operations(void **state)
{
	struct fixture *f = *state;
	const struct ctr_plan_header *plan;
	const struct ctr_op *ops;
	const char *s, *const mount[] = { "tmpfs", NULL, "size=1k" };
	struct ctr_op *op;

	op = ctr_plan_add(&f->plan, CTR_OP_SESSION);
	assert_int_equal(op->fd, CTR_SLOT_NONE);
	assert_int_equal(op->fd2, CTR_SLOT_NONE);
	ctr_plan_origin(&f->plan, "mounts[%d]", 3);
	op = ctr_plan_add(&f->plan, CTR_OP_MOUNT);
	op->str = ctr_plan_str(&f->plan, "/tmp");
	op->str2 = ctr_plan_block(&f->plan, mount, 3);
	op->arg = 7;
	plan = finish(f);

	ops = ctr_view_ops(plan);
	assert_int_equal(plan->nops, 2);
	assert_int_equal(ops[0].kind, CTR_OP_SESSION);
	assert_int_equal(ops[0].origin, 0);
	assert_string_equal(ctr_view_str(plan, ops[1].origin), "mounts[3]");
	assert_string_equal(ctr_view_str(plan, ops[1].str), "/tmp");
	s = ctr_view_str(plan, ops[1].str2);
	assert_string_equal(s, "tmpfs");
	s = ctr_view_next(s);
	assert_string_equal(s, "");
	s = ctr_view_next(s);
	assert_string_equal(s, "size=1k");
}

static void test_strings_are_shared(void **state)
{
	struct fixture *f = *state;
	uint32_t first = ctr_plan_str(&f->plan, "/dev"), other = ctr_plan_str(&f->plan, "/sys");

	assert_int_equal(ctr_plan_str(&f->plan, NULL), 0);
	assert_int_equal(ctr_plan_str(&f->plan, ""), 0);
	assert_int_equal(ctr_plan_str(&f->plan, "/dev"), first);
	assert_int_equal(ctr_plan_str(&f->plan, "/sys"), other);
	assert_int_not_equal(first, other);
}

static void test_data_is_aligned(void **state)
{
	struct fixture *f = *state;
	uint64_t number = 0x0123456789abcdef;
	struct ctr_op *op;

	(void)ctr_plan_str(&f->plan, "odd");
	op = ctr_plan_add(&f->plan, CTR_OP_MEMORY_POLICY);
	op->str = ctr_plan_data(&f->plan, &number, sizeof(number));
	op->arg2 = 64;
	assert_int_equal(op->str % 8, 0);
	assert_int_equal(ctr_plan_data(&f->plan, NULL, 0), 0);
	assert_memory_equal(ctr_view_str(finish(f), op->str), &number, sizeof(number));
}

/* Ten thousand mounts, and strings that fill megabytes. */
static void test_growth(void **state)
{
	struct fixture *f = *state;
	const struct ctr_plan_header *plan;
	char path[600];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (int i = 0; i < 10000; i++) {
		struct ctr_op *op = ctr_plan_add(&f->plan, CTR_OP_CHDIR);

		snprintf(path, 16, "/%d", i);
		path[strlen(path)] = '/';
		op->str = ctr_plan_str(&f->plan, path);
		op->arg = (uint64_t)i;
	}
	plan = finish(f);

	assert_int_equal(plan->nops, 10000);
	for (uint32_t i = 0; i < plan->nops; i++) {
		const struct ctr_op *op = &ctr_view_ops(plan)[i];

		assert_int_equal(op->arg, i);
		assert_int_equal(atoi(ctr_view_str(plan, op->str) + 1), i);
	}
}

static void test_only_strings_grow(void **state)
{
	struct fixture *f = *state;
	static char big[40000];
	struct ctr_op *op = ctr_plan_add(&f->plan, CTR_OP_UMASK);
	const struct ctr_plan_header *plan;

	op->arg = 022;
	memset(big, 'y', sizeof(big) - 1);
	op = ctr_plan_add(&f->plan, CTR_OP_HOSTNAME);
	op->str = ctr_plan_str(&f->plan, big);
	plan = finish(f);
	assert_int_equal(ctr_view_ops(plan)[0].arg, 022);
	assert_string_equal(ctr_view_str(plan, ctr_view_ops(plan)[1].str), big);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < (1 << 17) + 1; i++)
		(void)ctr_plan_add(&f->plan, CTR_OP_SESSION);
	assert_null(ctr_plan_finish(&f->plan, &f->err));
	assert_string_equal(f->err.text,
			    "the plan of this container is too big: 131073 operations, "
			    "5242992 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_operations, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strings_are_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data_is_aligned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_strings_grow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
