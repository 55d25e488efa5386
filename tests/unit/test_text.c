/* base/text: UTF-8. */
#include "unit.h"

#include "base/text.h"

static void lengths(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"a",                 1},
		{ "",                 1}, /* the NUL */
		{ "\x7f",             1},
		{ "\x80",             0},
		{ "\xc1\x80",         0},
		{ "\xc2\x80",         2},
		{ "\xc2",             0},
		{ "\xe0\x9f\xbf",     0},
		{ "\xe0\xa0\x80",     3},
		{ "\xe2\x82",         0},
		{ "\xed\x9f\xbf",     3},
		{ "\xed\xa0\x80",     0},
		{ "\xef\xbf\xbf",     3},
		{ "\xf0\x8f\xbf\xbf", 0},
		{ "\xf0\x90\x80\x80", 4},
		{ "\xf4\x8f\xbf\xbf", 4},
		{ "\xf4\x90\x80\x80", 0},
		{ "\xf5\x80\x80\x80", 0},
		{ "\xff",             0},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++)
		assert_int_equal(ctr_utf8_length(cases[i].text), cases[i].length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
