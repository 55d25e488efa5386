/* How many starts a second: bursts of them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_bench;
struct ctr_random;
struct ctr_report;

enum { CTR_PARALLEL_SIZES = 8 };

struct ctr_parallel_options {
	const uint32_t *sizes;
	size_t nsizes;
	void (*progress)(void *data, const char *what, size_t done, size_t all);
	void *progress_data;
};

/* Blocks (as many as @report->runs) of one burst of each size in each kind that works, in random
 * order: fill ->parallel of all rows. */
void ctr_parallel_measure(struct ctr_bench *bench, const struct ctr_parallel_options *options,
			  struct ctr_random *random, struct ctr_arena *arena,
			  struct ctr_report *report);
