/* base/names: tables both ways, and signals as callers spell them. */
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
	assert_int_equal(ctr_name_find(table, "uno")->value, 1);
	assert_int_equal(ctr_name_find(table, "minus")->value, -5);
	assert_null(ctr_name_find(table, "on"));
	assert_null(ctr_name_find(table, "One"));
	assert_null(ctr_name_find(table, ""));
	assert_string_equal(ctr_name_of(table, 1), "one");
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

static void signal_names(void **state)
{
	(void)state;
	assert_string_equal(ctr_signal_name(SIGKILL), "SIGKILL");
	assert_null(ctr_signal_name(0));
	assert_null(ctr_signal_name(1000));
	for (int i = 1; i <= SIGRTMAX; i++)
		if (ctr_signal_name(i))
			assert_int_equal(ctr_signal_parse(ctr_signal_name(i)), i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(signals),
		cmocka_unit_test(signal_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
