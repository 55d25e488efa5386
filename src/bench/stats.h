/*
 * The statistics of a report. Medians, because times of starts are skewed and have several modes;
 * intervals by resampling, because nothing is known of their distribution; nothing is ever dropped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctr_arena;
struct ctr_random;

enum { CTR_RESAMPLES = 10000 };

/* All zero, n = 0, when there were no values. */
struct ctr_estimate {
	size_t n;
	double median, low, high; /* and its 95 % interval; without one both are the median */
	bool interval;            /* there are so many that 95 % can be told */
	double min, p5, p25, p75, p95, max;
	double mad; /* median of the distances from the median, not scaled */
	double mean, sd;
	size_t far; /* values more than 3.5 scaled MADs away: counted, kept */
};

void ctr_sort(double *values, size_t n);
/* The quantile @p (0 to 1) of sorted values, linear between two (Hyndman and Fan's type 7). */
double ctr_quantile(const double *sorted, size_t n, double p);

/* The percentile bootstrap of the median: @n values drawn with replacement, CTR_RESAMPLES times.
 * Each value stands for one block of runs. Scratch memory from @arena. */
struct ctr_estimate ctr_estimate(const double *values, size_t n, struct ctr_random *random,
				 struct ctr_arena *arena);

/* Theil and Sen's line: the slope is the median of the slopes between all two points. */
struct ctr_line {
	size_t n;
	double slope, low, high; /* 95 %, Sen's interval by Kendall's variance */
	double intercept;        /* the median of y minus the slope's part */
	bool known;              /* there are two different x */
	bool interval;           /* there are so many that 95 % can be told: else ->low and ->high
				  * are those of two points */
};

struct ctr_line ctr_theil_sen(const double *x, const double *y, size_t n, struct ctr_arena *arena);
