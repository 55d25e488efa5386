/* The kinds of virtualization: their place in the taxonomy, and what a run of each is. */
#pragma once

#include "bench/report.h"

struct ctr_bench_kind {
	const char *name;
	const char *taxonomy; /* two sentences */
	const char *leaves;   /* what of a bundle it leaves out; NULL: nothing that it does not
			       * refuse by name */
};

/* In the order of a report, each one a row of vm/backend.h; the last has no name. */
extern const struct ctr_bench_kind ctr_bench_kinds[];

/* NULL when there is none. */
const struct ctr_bench_kind *ctr_bench_kind(const char *name);
