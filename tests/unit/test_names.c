/* base/names: names of values, and signals as callers spell them. */
#include "unit.h"

#include <errno.h>
#include <signal.h>

#include "base/names.h"

static const struct ctr_name table[] = {
	{"one",    1 },
	{ "uno",   1 },
	{ "minus", -5},
	{ NULL,    0 },
};

static void tables(void **state)
{
	(void)state;
	assert_string_equal(ctr_name_of(table, 1), "one");
	assert_string_equal(ctr_name_of(table, -5), "minus");
	assert_null(ctr_name_of(table, 0));
}

static void signals(void **state)
{
	const struct {
		const char *text;
		int number;
	} cases[] = {
		{"9",                     SIGKILL     },
		{ "0",                    0           },
		{ "KILL",                 SIGKILL     },
		{ "SIGKILL",              SIGKILL     },
		{ "sigkill",              SIGKILL     },
		{ "term",                 SIGTERM     },
		{ "RTMIN",                SIGRTMIN    },
		{ "SIGRTMIN+3",           SIGRTMIN + 3},
		{ "rtmax-1",              SIGRTMAX - 1},
		{ "SIGRTMAX",             SIGRTMAX    },
		{ "64",                   64          },
		{ "",                     -EINVAL     },
		{ "SIG",                  -EINVAL     },
		{ "-1",                   -EINVAL     },
		{ "65",                   -EINVAL     },
		{ "9x",                   -EINVAL     },
		{ " 9",                   -EINVAL     },
		{ "BOGUS",                -EINVAL     },
		{ "SIGRTMIN+",            -EINVAL     },
		{ "SIGRTMIN+99",          -EINVAL     },
		{ "SIGRTMAX-99",          -EINVAL     },
		{ "99999999999999999999", -EINVAL     },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		print_message("# '%s'\n", cases[i].text);
		assert_int_equal(ctr_signal_parse(cases[i].text), cases[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
