/* The comparison: who runs when, and what becomes of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/invoke.h"

struct ctr_context;
struct ctr_error;
struct ctr_report;

struct ctr_compare_options {
	const char *bundle;
	const char *const *args; /* instead of the bundle's; NULL */
	const char *const *idle; /* what an idle instance runs; NULL: see the manual page */
	const char *const *kinds;
	size_t nkinds;
	uint32_t runs, idle_runs, max, timeout_s, settle_ms, reserve_percent;
	uint64_t seed;
	const uint32_t *parallel; /* sizes of bursts */
	size_t nparallel;
	bool density, kill, cold;
	const char *version;
	ctr_progress_fn progress; /* may be NULL */
	void *progress_data;
};

/* Run it, and fill @report in the context's arena. A kind that cannot run is a row that says so.
 * 0, or -1 and @err when there is nothing to report. */
int ctr_compare(const struct ctr_context *context, const struct ctr_compare_options *options,
		struct ctr_report *report, struct ctr_error *err);
