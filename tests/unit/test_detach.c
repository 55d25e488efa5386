/* core/detach: the keys and what is typed around them. */
#include "unit.h"

#include "base/error.h"
#include "core/detach.h"

static const struct {
	const char *keys, *typed, *passed;
	bool detached;
} cases[] = {
	{NULL,             "a\x10\x11",      "a\x10\x11", false},
	{ "ctrl-p,ctrl-q", "ab\x10\x11",     "ab",        true },
	{ "ctrl-p,ctrl-q", "\x10x\x11",      "\x10x\x11", false},
	{ "ctrl-p,ctrl-q", "\x10\x10\x11z",  "\x10",      true },
	{ "ctrl-p,ctrl-q", "a\x10",          "a",         false},
	{ "ctrl-P,ctrl-Q", "\x10\x11",       "",          true },
	{ "a,a,b",         "aaab",           "a",         true },
	{ "a,a,b",         "aac",            "aac",       false},
	{ "a,b,a,c",       "ababac",         "ab",        true },
	{ "a,b,c",         "abbc",           "abbc",      false},
	{ "x",             "yx",             "y",         true },
	{ "ctrl-[,ctrl-_", "\x1b[A\x1b\x1f", "\x1b[A",    true },
	{ "\xc3",          "\xc3",           "",          true },
};

static void check(size_t i, size_t step)
{
	const char *typed = cases[i].typed;
	size_t n = strlen(typed), len = 0;
	struct ctr_detach detach;
	struct ctr_error err;
	bool detached = false;
	char out[64];

	print_message("# %zu, %zu at a time\n", i, step);
	assert_int_equal(ctr_detach_parse(&detach, cases[i].keys, &err), 0);
	for (size_t at = 0; at < n && !detached; at += step)
		len += ctr_detach_filter(&detach, typed + at, at + step > n ? n - at : step,
					 out + len, &detached);
	assert_int_equal(detached, cases[i].detached);
	assert_int_equal(len, strlen(cases[i].passed));
	assert_memory_equal(out, cases[i].passed, len);
}

static void keys_are_found_however_they_come(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++)
		for (size_t step = 1; step < 8; step++)
			check(i, step);
}

static void what_is_no_key(void **state)
{
	static const char *const bad[] = { "",
					   ",",
					   "a,",
					   ",a",
					   "ab",
					   "ctrl-",
					   "ctrl-1",
					   "ctrl-ab",
					   "Ctrl-a",
					   "a,,b",
					   "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" };

	(void)state;
	for (size_t i = 0; i < unit_count(bad); i++) {
		struct ctr_detach detach;
		struct ctr_error err = { 0 };

		print_message("# %s\n", bad[i]);
		assert_int_equal(ctr_detach_parse(&detach, bad[i], &err), -1);
		assert_int_equal(err.fault, CTR_FAULT_USAGE);
		assert_memory_equal(err.text, "--detach-keys: ", 15);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_found_however_they_come),
		cmocka_unit_test(what_is_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
