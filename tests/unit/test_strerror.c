/* base/strerror: the words of glibc, which the unit tests are linked with. */
#include "unit.h"

#include "base/names.h"
#include "base/strerror.h"

static void errors(void **state)
{
	(void)state;
	for (int code = -1; code < 200; code++) {
		if (code == 134) /* EFTYPE, which not every glibc knows */
			continue;
		assert_string_equal(ctr_strerror(code), strerror(code));
	}
	assert_string_equal(ctr_strerror(134), "Inappropriate file type or format");
	assert_string_equal(ctr_strerror(16), "Device or resource busy");
}

static void signals(void **state)
{
	(void)state;
	for (int sig = -1; sig <= CTR_SIGRTMAX + 1; sig++)
		assert_string_equal(ctr_strsignal(sig), strsignal(sig));
	assert_string_equal(ctr_strsignal(9), "Killed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
		cmocka_unit_test(signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
