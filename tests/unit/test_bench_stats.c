/* Statistics with known answers. */
#include "unit.h"

#include "base/arena.h"
#include "bench/random.h"
#include "bench/stats.h"

static bool is(double value, double expected)
{
	double d = value - expected;

	return d < 1e-9 && d > -1e-9;
}

/* Of the generator as its authors published it, seeded by splitmix64. */
static void test_random(void **state)
{
	struct ctr_random random;
	size_t seen[7] = { 0 };

	(void)state;
	ctr_random_seed(&random, 0);
	assert_true(random.s[0] == 0xe220a8397b1dcdafu);
	ctr_random_seed(&random, 42);
	assert_true(ctr_random_next(&random) == 0x15780b2e0c2ec716u);
	assert_true(ctr_random_next(&random) == 0x6104d9866d113a7eu);
	assert_true(ctr_random_next(&random) == 0xae17533239e499a1u);

	for (size_t i = 0; i < 7000; i++)
		seen[ctr_random_below(&random, 7)]++;
	for (size_t i = 0; i < 7; i++)
		assert_uint_in_range(seen[i], 850, 1150);
}

/* Each of the six orders of three things, about as often as any other. */
static void test_shuffle(void **state)
{
	size_t seen[3][3] = { 0 }, order[3];
	struct ctr_random random;

	(void)state;
	ctr_random_seed(&random, 1);
	for (size_t i = 0; i < 6000; i++) {
		ctr_random_shuffle(&random, order, 3);
		assert_int_equal((1 << order[0]) | (1 << order[1]) | (1 << order[2]), 7);
		seen[order[0]][order[1]]++;
	}
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++)
			if (i != j)
				assert_uint_in_range(seen[i][j], 850, 1150);
}

static void test_quantile(void **state)
{
	const double one[] = { 7 }, four[] = { 1, 2, 3, 10 };

	(void)state;
	assert_true(is(ctr_quantile(one, 1, 0.5), 7));
	assert_true(is(ctr_quantile(one, 1, 0.95), 7));
	assert_true(is(ctr_quantile(four, 4, 0), 1));
	assert_true(is(ctr_quantile(four, 4, 0.5), 2.5));
	assert_true(is(ctr_quantile(four, 4, 0.25), 1.75));
	assert_true(is(ctr_quantile(four, 4, 0.75), 4.75));
	assert_true(is(ctr_quantile(four, 4, 1), 10));
}

static void test_estimate(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	const double values[] = { 4, 2, 8, 6, 5, 1000, 3, 7, 1 };
	struct ctr_estimate e, again;
	struct ctr_random random;

	(void)state;
	ctr_random_seed(&random, 3);
	e = ctr_estimate(values, 9, &random, &arena);
	assert_int_equal(e.n, 9);
	assert_true(is(e.median, 5) && is(e.min, 1) && is(e.max, 1000));
	assert_true(is(e.p25, 3) && is(e.p75, 7));
	assert_true(is(e.mad, 2));
	assert_true(is(e.mean, 1036.0 / 9));
	assert_true(e.sd > 331.83 && e.sd < 331.85);
	/* 1000 is far away, counted, and still the maximum. */
	assert_int_equal(e.far, 1);
	/* Of nine values, the 2nd to the 8th are an interval of 96.1 % for the median, the 3rd to
	 * the 7th one of 82 %; the bootstrap's ends are order statistics as well. */
	assert_true(e.low >= 2 && e.low <= 3);
	assert_true(e.high >= 7 && e.high <= 8);

	ctr_random_seed(&random, 3);
	again = ctr_estimate(values, 9, &random, &arena);
	assert_true(is(again.low, e.low) && is(again.high, e.high));
	ctr_arena_release(&arena);
}

/* The interval holds the true median about as often as it says. */
static void test_coverage(void **state)
{
	struct ctr_random random;
	size_t held = 0;

	(void)state;
	ctr_random_seed(&random, 5);
	for (size_t trial = 0; trial < 200; trial++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_estimate e;
		double values[21];

		for (size_t i = 0; i < 21; i++)
			values[i] = (double)(ctr_random_next(&random) >> 11) / 0x1p53;
		e = ctr_estimate(values, 21, &random, &arena);
		held += e.low <= 0.5 && 0.5 <= e.high;
		ctr_arena_release(&arena);
	}
	assert_uint_in_range(held, 180, 199);
}

static void test_few(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	const double same[] = { 2, 2, 2, 2 }, six[] = { 1, 2, 3, 4, 5, 6 };
	struct ctr_random random;
	struct ctr_estimate e;

	(void)state;
	ctr_random_seed(&random, 3);
	e = ctr_estimate(same, 0, &random, &arena);
	assert_int_equal(e.n, 0);
	e = ctr_estimate(same, 1, &random, &arena);
	assert_true(is(e.median, 2) && is(e.low, 2) && is(e.high, 2) && is(e.sd, 0));
	assert_false(e.interval);
	/* all on one side of the median: 2 / 2^5 is more than 0.05, 2 / 2^6 less */
	e = ctr_estimate(six, 5, &random, &arena);
	assert_true(!e.interval && is(e.low, 3) && is(e.high, 3));
	e = ctr_estimate(six, 6, &random, &arena);
	assert_true(e.interval && e.low < 3.5 && e.high > 3.5);
	e = ctr_estimate(same, 4, &random, &arena);
	assert_true(is(e.median, 2) && is(e.low, 2) && is(e.high, 2) && is(e.mad, 0));
	assert_int_equal(e.far, 0);
	ctr_arena_release(&arena);
}

static void test_line(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	const double x[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 };
	const double y[] = { 3.1, 3.9, 8.2, 11.0, 26.5, 51.0, 140.0, 190.0, 480.0, 1100.0 };
	const double pairs[] = { 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 };
	const double steps[] = { 2, 3, 4, 5, 5, 7, 9, 8, 11, 10 };
	const double straight[] = { 3, 5, 7, 9, 1000 }, places[] = { 1, 2, 3, 4, 5 };
	struct ctr_line line;

	(void)state;
	/* One wild point of five does not move it. */
	line = ctr_theil_sen(places, straight, 4, &arena);
	assert_true(line.known && is(line.slope, 2) && is(line.intercept, 1));
	assert_true(is(line.low, 2) && is(line.high, 2) && !line.interval);
	line = ctr_theil_sen(places, straight, 5, &arena);
	assert_true(line.interval);
	assert_true(is(line.slope, 2) && is(line.intercept, 1));
	assert_true(is(line.low, 2) && is(line.high, 991));

	line = ctr_theil_sen(x, y, 10, &arena);
	assert_true(is(line.slope, 0.98125) && is(line.low, 0.9398989898989899));
	assert_true(is(line.high, 1.2315789473684209) && is(line.intercept, 2.028125));

	/* Two values at each x: 40 pairs have a slope. */
	line = ctr_theil_sen(pairs, steps, 10, &arena);
	assert_true(is(line.slope, 2) && is(line.low, 1.5));
	assert_true(is(line.high, 2.5) && is(line.intercept, 0.5));

	assert_false(ctr_theil_sen(pairs, steps, 2, &arena).known);
	assert_false(ctr_theil_sen(pairs, steps, 0, &arena).known);
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),   cmocka_unit_test(test_shuffle),
		cmocka_unit_test(test_quantile), cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_coverage), cmocka_unit_test(test_few),
		cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
