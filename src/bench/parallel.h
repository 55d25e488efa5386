/* How many starts a second: bursts of them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "bench/invoke.h"

struct ctr_arena;
struct ctr_bench;
struct ctr_random;
struct ctr_report;

enum { CTR_PARALLEL_SIZES = 8 };

struct ctr_parallel_options {
	const uint32_t *sizes;
	size_t nsizes;
	ctr_progress_fn progress; /* may be NULL */
	void *progress_data;
};

/* Blocks (as many as @report->runs) of one burst of each size in each kind that works, in random
 * order: fill ->parallel of all rows. */
void ctr_parallel_measure(struct ctr_bench *bench, const struct ctr_parallel_options *options,
			  struct ctr_random *random, struct ctr_arena *arena,
			  struct ctr_report *report);
