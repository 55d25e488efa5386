/* base/error: texts that callers print as they are. */
#include "unit.h"

#include <errno.h>

#include "base/error.h"

static void texts(void **state)
{
	struct ctr_error err = { 0 };

	(void)state;
	assert_int_equal(ctr_fail(&err, CTR_FAULT_HOST, ENOENT, "cannot open '%s'", "/x"), -1);
	assert_string_equal(err.text, "cannot open '/x': No such file or directory");
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(err.fault, CTR_FAULT_HOST);

	assert_int_equal(ctr_fail(&err, CTR_FAULT_CONFIG, 0, "no errno"), -1);
	assert_string_equal(err.text, "no errno");
	assert_int_equal(err.code, 0);
}

static void within(void **state)
{
	struct ctr_error err = { 0 };

	(void)state;
	ctr_fail(&err, CTR_FAULT_HOST, EPERM, "cannot mount");
	assert_int_equal(ctr_fail_within(&err, "mounts[%d]", 3), -1);
	assert_string_equal(err.text, "mounts[3]: cannot mount: Operation not permitted");
	assert_int_equal(err.code, EPERM);
	assert_int_equal(err.fault, CTR_FAULT_HOST);
}

/* The text of an error may be an argument of the next. */
static void of_itself(void **state)
{
	struct ctr_error err = { 0 };

	(void)state;
	ctr_fail(&err, CTR_FAULT_HOST, 0, "inner");
	ctr_fail(&err, CTR_FAULT_HOST, 0, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
}

static void no_storage(void **state)
{
	(void)state;
	assert_int_equal(ctr_fail(NULL, CTR_FAULT_HOST, 0, "dropped"), -1);
	assert_int_equal(ctr_fail_within(NULL, "dropped"), -1);
}

static void too_long(void **state)
{
	struct ctr_error err = { 0 };
	char operand[2 * CTR_ERROR_TEXT];

	(void)state;
	/* two-byte characters, so that a cut at the wrong byte would split one */
	for (size_t i = 0; i + 2 < sizeof(operand); i += 2)
		memcpy(operand + i, "\xc3\xa4", 3);
	for (int shift = 0; shift < 2; shift++) {
		ctr_fail(&err, CTR_FAULT_HOST, ENOENT, "%.*s%s", shift, "x", operand);
		assert_true(strlen(err.text) < CTR_ERROR_TEXT);
		assert_true(strlen(err.text) > CTR_ERROR_TEXT - 8);
		/* the reason stays */
		assert_string_equal(strstr(err.text, "..."), "...: No such file or directory");
		assert_memory_equal(strstr(err.text, "...") - 2, "\xc3\xa4", 2);
	}
	ctr_fail(&err, CTR_FAULT_HOST, 0, "short");
	ctr_fail_within(&err, "%s", operand);
	assert_string_equal(err.text + strlen(err.text) - 5, "\xc3\xa4...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),     cmocka_unit_test(within),
		cmocka_unit_test(of_itself), cmocka_unit_test(no_storage),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
