/* Medians, bootstrap intervals and a robust line. */
#include "bench/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "bench/random.h"

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void ctr_sort(double *values, size_t n)
{
	if (n > 1)
		qsort(values, n, sizeof(*values), compare);
}

double ctr_quantile(const double *sorted, size_t n, double p)
{
	double at = p * (double)(n - 1);
	size_t i = (size_t)at;

	if (i + 1 >= n)
		return sorted[n - 1];
	return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

/* Newton's iteration. Of libm this would be the only function, and a ctr with shared libraries
 * would load it at every start. */
static double square_root(double x)
{
	double root = x > 1 ? x : 1;

	if (!(x > 0))
		return 0;
	for (double next = (root + x / root) / 2; next < root; next = (root + x / root) / 2)
		root = next;
	return root;
}

/* Sorting is cheaper than selecting as long as there are some dozens of values. */
static double median_of(double *values, size_t n)
{
	ctr_sort(values, n);
	return ctr_quantile(values, n, 0.5);
}

static void find_interval(const double *sorted, size_t n, struct ctr_random *random,
			  struct ctr_arena *arena, struct ctr_estimate *out)
{
	double *medians = ctr_arena_array(arena, CTR_RESAMPLES, sizeof(*medians));
	size_t *count = ctr_arena_array(arena, n, sizeof(*count));

	for (size_t r = 0; r < CTR_RESAMPLES; r++) {
		size_t lower = (n - 1) / 2, upper = n / 2, seen = 0;
		double sum = 0;

		/* How often each was drawn is enough to walk to the middle: no sorting. */
		memset(count, 0, n * sizeof(*count));
		for (size_t i = 0; i < n; i++)
			count[ctr_random_below(random, n)]++;
		for (size_t i = 0; i < n && seen <= upper; i++) {
			size_t end = seen + count[i];

			sum += lower >= seen && lower < end ? sorted[i] : 0;
			sum += upper >= seen && upper < end ? sorted[i] : 0;
			seen = end;
		}
		medians[r] = sum / 2;
	}

	ctr_sort(medians, CTR_RESAMPLES);
	out->low = ctr_quantile(medians, CTR_RESAMPLES, 0.025);
	out->high = ctr_quantile(medians, CTR_RESAMPLES, 0.975);
}

static void find_spread(const double *sorted, size_t n, struct ctr_arena *arena,
			struct ctr_estimate *out)
{
	double *distance = ctr_arena_array(arena, n, sizeof(*distance));
	double sum = 0, squares = 0;

	for (size_t i = 0; i < n; i++) {
		double d = sorted[i] - out->median;

		sum += sorted[i];
		distance[i] = d < 0 ? -d : d;
	}
	out->mean = sum / (double)n;
	for (size_t i = 0; i < n; i++)
		squares += (sorted[i] - out->mean) * (sorted[i] - out->mean);
	out->sd = n > 1 ? square_root(squares / (double)(n - 1)) : 0;

	out->mad = median_of(distance, n);
	/* 1.4826 makes the MAD of a normal distribution its standard deviation. */
	for (size_t i = 0; i < n; i++)
		out->far += out->mad > 0 && distance[i] > 3.5 * 1.4826 * out->mad;
}

/* Of fewer values, more than one time in twenty all lie on the same side of the median. */
enum { ESTIMATE_VALUES = 6 };

struct ctr_estimate ctr_estimate(const double *values, size_t n, struct ctr_random *random,
				 struct ctr_arena *arena)
{
	struct ctr_estimate out = { .n = n };
	double *sorted;

	if (n == 0)
		return out;

	sorted = ctr_arena_array(arena, n, sizeof(*sorted));
	memcpy(sorted, values, n * sizeof(*sorted));
	ctr_sort(sorted, n);
	out.min = sorted[0];
	out.max = sorted[n - 1];
	out.p5 = ctr_quantile(sorted, n, 0.05);
	out.p25 = ctr_quantile(sorted, n, 0.25);
	out.median = out.low = out.high = ctr_quantile(sorted, n, 0.5);
	out.p75 = ctr_quantile(sorted, n, 0.75);
	out.p95 = ctr_quantile(sorted, n, 0.95);
	find_spread(sorted, n, arena, &out);
	out.interval = n >= ESTIMATE_VALUES;
	if (out.interval)
		find_interval(sorted, n, random, arena, &out);
	return out;
}

/* Kendall's variance of the number of concordant minus discordant pairs, corrected for groups of
 * equal x (which @x, sorted, has beside each other). */
static double kendall_variance(const double *x, size_t n)
{
	double count = (double)n, variance = count * (count - 1) * (2 * count + 5);

	for (size_t i = 0, end; i < n; i = end) {
		double group;

		for (end = i; end < n && x[end] == x[i]; end++)
			;
		group = (double)(end - i);
		variance -= group * (group - 1) * (2 * group + 5);
	}

	return variance / 18;
}

static size_t round_to(double x, size_t max)
{
	if (x < 0)
		return 0;
	return x + 0.5 >= (double)max ? max : (size_t)(x + 0.5);
}

/* Of fewer points in any order, more than one in twenty is in order. */
enum { LINE_POINTS = 5 };

struct ctr_line ctr_theil_sen(const double *x, const double *y, size_t n, struct ctr_arena *arena)
{
	struct ctr_line line = { .n = n };
	double *slopes = ctr_arena_array(arena, n * n / 2 + 1, sizeof(*slopes));
	double *rest = ctr_arena_array(arena, n + 1, sizeof(*rest));
	size_t pairs = 0;
	double width;

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (x[j] != x[i])
				slopes[pairs++] = (y[j] - y[i]) / (x[j] - x[i]);
	if (pairs == 0)
		return line;

	line.known = true;
	line.interval = n >= LINE_POINTS;
	line.slope = median_of(slopes, pairs);
	memcpy(rest, x, n * sizeof(*rest));
	ctr_sort(rest, n);
	width = 1.959963984540054 * square_root(kendall_variance(rest, n));
	line.low = slopes[round_to(((double)pairs - width) / 2 - 1, pairs - 1)];
	line.high = slopes[round_to(((double)pairs + width) / 2, pairs - 1)];

	for (size_t i = 0; i < n; i++)
		rest[i] = y[i] - line.slope * x[i];
	line.intercept = median_of(rest, n);
	return line;
}
