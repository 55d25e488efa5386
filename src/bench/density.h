/* How many fit: more and more idle instances at once. */
#pragma once

#include <stdint.h>

#include "bench/invoke.h"
#include "bench/report.h"

struct ctr_arena;

struct ctr_density_options {
	uint32_t max;             /* 0: until memory is short */
	uint64_t reserve;         /* bytes of MemAvailable that stay */
	ctr_progress_fn progress; /* may be NULL */
	void *progress_data;
};

/* The numbers of instances that are looked at: 1, 2, 5, 10, ... */
size_t ctr_density_next(size_t n);

/*
 * How many there are to be after point @last (NULL: none yet), of which @available bytes are left.
 * Pure. NULL and *@n, or why there are to be no more, in @arena.
 */
const char *ctr_density_plan(const struct ctr_density_options *options,
			     const struct ctr_point *last, uint64_t available,
			     struct ctr_arena *arena, size_t *n);

/* Measure @row->kind: fill @row->density. All instances are gone afterwards. */
void ctr_density_measure(struct ctr_bench *bench, const struct ctr_density_options *options,
			 struct ctr_arena *arena, struct ctr_row *row);
