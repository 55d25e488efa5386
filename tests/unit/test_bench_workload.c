/* The configuration that a comparison runs, and what it reads of /proc. */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "bench/density.h"
#include "bench/instance.h"
#include "bench/memory.h"
#include "bench/processes.h"
#include "bench/svg.h"
#include "bench/workload.h"

static void test_config(void **state)
{
	static const char *const hello[] = { "echo", "a \"b\"", NULL };
	static const struct {
		const char *in, *const *args, *out;
	} cases[] = {
  /* Nothing to change: every kind of value is kept. */
		{"{\"a\":[1,2.50,-0,1e400,null,true,false,\"\\u00e9\\n\"],\"b\":{\"c\":{}}}",                     NULL,
                 "{\"a\":[1,2.50,-0,1e400,null,true,false,\"\303\251\\n\"],\"b\":{\"c\":{}}}"                                                                                          },
		{ "{\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":1,\"width\":[2]},"
		  "\"cwd\":\"/\",\"args\":[\"sh\"]},\"linux\":{\"cgroupsPath\":\"/x\"}}",        NULL,  "{\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},\"linux\":{}}"},
		{ "{\"process\":{\"args\":[\"sh\",\"-c\"],\"cwd\":\"/\"}}",                                       hello,
                 "{\"process\":{\"cwd\":\"/\",\"args\":[\"echo\",\"a \\\"b\\\"\"]}}"												   },
		{ "{\"process\":{\"cwd\":\"/\"}}",								hello,
                 "{\"process\":{\"cwd\":\"/\",\"args\":[\"echo\",\"a \\\"b\\\"\"]}}"												   },
 /* Only there: names elsewhere are something else. */
		{ "{\"args\":[1],\"hooks\":{\"args\":[1],\"terminal\":true,\"poststop\":[{\"args\":"
		  "[\"x\"],\"process\":{\"args\":[]}}]},\"linux\":{\"a\":{\"cgroupsPath\":1}}}", hello,
                 "{\"args\":[1],\"hooks\":{\"args\":[1],\"terminal\":true,\"poststop\":[{\"args\":"
		  "[\"x\"],\"process\":{\"args\":[]}}]},\"linux\":{\"a\":{\"cgroupsPath\":1}}}"                                                                                        },
		{ "{\"a-name-that-is-longer-than-any-that-matters\":{\"args\":[1]}}",                             hello,
                 "{\"a-name-that-is-longer-than-any-that-matters\":{\"args\":[1]}}"												    },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		size_t len;
		const char *text = ctr_workload_config(&arena, cases[i].in, strlen(cases[i].in),
						       cases[i].args, &len);

		assert_string_equal(text, cases[i].out);
		assert_int_equal(len, strlen(cases[i].out));
		ctr_arena_release(&arena);
	}
}

static void test_words(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	const char *const *words = ctr_words(&arena, "  sleep   100 x");

	(void)state;
	assert_string_equal(words[0], "sleep");
	assert_string_equal(words[1], "100");
	assert_string_equal(words[2], "x");
	assert_null(words[3]);
	assert_string_equal(ctr_line_of(&arena, words), "sleep 100 x");
	assert_null(ctr_words(&arena, ""));
	assert_null(ctr_words(&arena, "   "));
	assert_string_equal(ctr_line_of(&arena, NULL), "");
	ctr_arena_release(&arena);
}

static void test_lines(void **state)
{
	static const char text[] =
		"Rss:      8 kB\nPss:    12 kB\nPss_Dirty:  4 kB\nPrivate_Clean: 0 kB\n";

	(void)state;
	assert_int_equal(ctr_kib_line(text, "Pss"), 12 << 10);
	assert_int_equal(ctr_kib_line(text, "Pss_Dirty"), 4 << 10);
	assert_int_equal(ctr_kib_line(text, "Private_Clean"), 0);
	assert_int_equal(ctr_kib_line(text, "Private"), 0);
	assert_int_equal(ctr_kib_line("", "Pss"), 0);
}

/* A child with a child, which touches 4 MiB: both are found, and the memory. */
static void test_descendants(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_footprint footprint;
	pid_t child, *pids;
	int ready[2];
	char byte;

	(void)state;
	assert_int_equal(ctr_descendants(&arena, getpid(), &pids), 0);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (fork() == 0) {
			volatile char *memory = malloc(4 << 20);

			for (size_t i = 0; i < 4 << 20; i += 1024)
				memory[i] = 1;
			if (write(ready[1], "", 1) != 1)
				abort();
		}
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);

	assert_int_equal(ctr_children(&arena, getpid(), &pids), 1);
	assert_int_equal(pids[0], child);
	assert_int_equal(ctr_descendants(&arena, getpid(), &pids), 2);
	ctr_memory_of(&arena, getpid(), NULL, 0, &footprint);
	assert_int_equal(footprint.processes, 2);
	assert_int_equal(footprint.unreadable, 0);
	assert_uint_in_range(footprint.uss, 4 << 20, 64 << 20);
	assert_true(footprint.pss >= footprint.uss);
	assert_false(footprint.has_cgroup);

	for (size_t i = 0; i < 2; i++)
		(void)kill(pids[i], SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	ctr_arena_release(&arena);
}

static void test_boot(void **state)
{
	static const struct {
		const char *text;
		int64_t vmm, kernel, init, hello;
	} cases[] = {
		{"began 110\nhello 200\nuptime 60\ninit 20\n",                   10, 40, 80, 100},
		{ "",							    0,  0,  0,  0  },
		{ "began 110\nhello 200\nuptime 60\n",                           0,  0,  0,  0  },
 /* A guest that says it is older than its hypervisor, or its init than itself. */
		{ "began 110\nhello 200\nuptime 91\ninit 20\n",                  0,  0,  0,  0  },
		{ "began 110\nhello 200\nuptime 60\ninit 61\n",                  0,  0,  0,  0  },
		{ "began 110\nhello 200\nuptime 18446744073709551615\ninit 1\n", 0,  0,  0,  0  },
		{ "began 90\nhello 200\nuptime 60\ninit 20\n",                   0,  0,  0,  0  },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_sample sample = { 0 };

		ctr_instance_boot(cases[i].text, 100, &sample);
		assert_int_equal(sample.vmm, cases[i].vmm);
		assert_int_equal(sample.kernel, cases[i].kernel);
		assert_int_equal(sample.init, cases[i].init);
		assert_int_equal(sample.hello, cases[i].hello);
	}
}

static void test_steps(void **state)
{
	static const size_t expected[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 };
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < unit_count(expected); i++) {
		n = ctr_density_next(n);
		assert_int_equal(n, expected[i]);
	}
	assert_int_equal(ctr_density_next(7), 10);
	assert_int_equal(ctr_density_next(11), 20);
}

static void test_density_plan(void **state)
{
	enum { MIB = 1 << 20 };
	static const struct {
		uint32_t max;
		size_t last;
		int64_t taken, pss, available; /* MiB; 100 are the reserve */
		size_t n;                      /* 0: an end, for this reason: */
		const char *reason;
	} cases[] = {
		{0,  0, 0,  0,  1000, 1, NULL						},
		{ 0, 0, 0,  0,  99,   0, "memory: one more would leave less than the reserve"},
		{ 0, 2, 20, 10, 1000, 5, NULL						},
		{ 0, 2, 20, 10, 120,  4, NULL						}, /* two more of 10, and no three */
		{ 0, 2, 10, 20, 120,  4, NULL						}, /* the greater view counts */
		{ 0, 4, 40, 40, 109,  0, "memory: one more would leave less than the reserve"},
		{ 0, 4, 40, 40, 50,   0, "memory: one more would leave less than the reserve"},
		{ 0, 1, -5, 0,  1000, 2, NULL						}, /* others have given memory back */
		{ 7, 5, 5,  5,  1000, 7, NULL						},
		{ 7, 7, 5,  5,  1000, 0, "--max 7"                                           },
		{ 1, 0, 0,  0,  1000, 1, NULL						},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_density_options options = { .max = cases[i].max, .reserve = 100 * MIB };
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_point last = { .n = cases[i].last, .taken = cases[i].taken * MIB };
		const char *reason;
		size_t n = 0;

		last.memory.pss = (uint64_t)cases[i].pss * MIB;
		reason = ctr_density_plan(&options, last.n > 0 ? &last : NULL,
					  (uint64_t)cases[i].available * MIB, &arena, &n);
		assert_int_equal(n, cases[i].n);
		if (cases[i].reason)
			assert_string_equal(reason, cases[i].reason);
		else
			assert_null(reason);
		ctr_arena_release(&arena);
	}
}

static bool near(double value, double expected)
{
	return value - expected < 1e-9 && expected - value < 1e-9;
}

static void test_scales(void **state)
{
	(void)state;
	assert_true(near(ctr_log10(1), 0));
	assert_true(near(ctr_log10(1000), 3));
	assert_true(near(ctr_log10(0.001), -3));
	assert_true(near(ctr_log10(2), 0.301029995663981));
	assert_true(near(ctr_log10(12345.678), 4.091514945509202));
	assert_true(near(ctr_nice_step(0.7), 1));
	assert_true(near(ctr_nice_step(1.1), 2));
	assert_true(near(ctr_nice_step(3), 5));
	assert_true(near(ctr_nice_step(20), 20));
	assert_true(near(ctr_nice_step(0.03), 0.05));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config), cmocka_unit_test(test_words),
		cmocka_unit_test(test_lines),  cmocka_unit_test(test_boot),
		cmocka_unit_test(test_steps),  cmocka_unit_test(test_descendants),
		cmocka_unit_test(test_scales), cmocka_unit_test(test_density_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
