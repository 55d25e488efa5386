/* base/clock: calendar without a C library's help. */
#include "unit.h"

#include <time.h>

#include "base/clock.h"

static void known(void **state)
{
	static const struct {
		time_t seconds;
		long nanoseconds;
		const char *text;
	} cases[] = {
		{0,             0,         "1970-01-01T00:00:00.000000000Z"},
		{ 951782399,    1,         "2000-02-28T23:59:59.000000001Z"},
		{ 951782400,    0,         "2000-02-29T00:00:00.000000000Z"},
		{ 951868800,    0,         "2000-03-01T00:00:00.000000000Z"},
		{ 1709210096,   123456789, "2024-02-29T12:34:56.123456789Z"},
		{ 4107542400,   0,         "2100-03-01T00:00:00.000000000Z"},
		{ 253402300799, 999999999, "9999-12-31T23:59:59.999999999Z"},
	};
	char text[CTR_CLOCK_TEXT];

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct timespec time = { .tv_sec = cases[i].seconds,
					       .tv_nsec = cases[i].nanoseconds };

		assert_string_equal(ctr_clock_format(text, &time), cases[i].text);
	}
}

/* Every day of 500 years, against the C library's calendar. */
static void as_the_library(void **state)
{
	char text[CTR_CLOCK_TEXT], expected[CTR_CLOCK_TEXT];

	(void)state;
	for (time_t t = 12345; t < INT64_C(500) * 366 * 86400; t += 86400) {
		const struct timespec time = { .tv_sec = t };
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
		assert_string_equal(ctr_clock_format(text, &time), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(as_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
