/* state/id: which names a container may have. */
#include "unit.h"

#include "base/error.h"
#include "state/id.h"

static void accepted(void **state)
{
	static const char *const ids[] = { "a", "A-z_0.9+", "...", ".hidden", "0" };
	char longest[CTR_ID_MAX + 1] = { 0 };
	struct ctr_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < unit_count(ids); i++)
		assert_int_equal(ctr_id_check(ids[i], &err), 0);

	memset(longest, 'x', CTR_ID_MAX);
	assert_int_equal(ctr_id_check(longest, &err), 0);
}

static void refused(void **state)
{
	static const char *const ids[] = {
		"", ".", "..", "-x", "a/b", "/", "../x", "a b", "a\n", "\xc3\xa4", "a:b", "a%b",
	};
	char too_long[CTR_ID_MAX + 2] = { 0 };

	(void)state;
	memset(too_long, 'x', CTR_ID_MAX + 1);
	for (size_t i = 0; i <= unit_count(ids); i++) {
		struct ctr_error err = { 0 };

		assert_int_equal(ctr_id_check(i < unit_count(ids) ? ids[i] : too_long, &err), -1);
		assert_int_equal(err.fault, CTR_FAULT_USAGE);
		assert_true(err.text[0] != '\0');
	}
}

static void generated(void **state)
{
	struct ctr_error err = { 0 };
	char a[13], b[13];

	(void)state;
	ctr_id_generate(a);
	ctr_id_generate(b);
	assert_int_equal(strlen(a), 12);
	assert_int_equal(strspn(a, "0123456789abcdef"), 12);
	assert_string_not_equal(a, b);
	assert_int_equal(ctr_id_check(a, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(generated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
