/* Blocks of bursts, as compare.c has blocks of runs. */
#include "bench/parallel.h"

#include "base/arena.h"
#include "bench/burst.h"
#include "bench/invoke.h"
#include "bench/memory.h"
#include "bench/random.h"
#include "bench/report.h"

/* One that fails so often one after the other will not recover. */
enum { CELLS_MAX = 16 * CTR_PARALLEL_SIZES, FAILURES_MAX = 3 };

/* A burst that the out-of-memory killer ends is no measurement, and would hit others: the memory
 * of guests is known before. NULL: they fit. */
static const char *too_large(const struct ctr_row *row, uint32_t n, uint64_t reserve,
			     struct ctr_arena *arena)
{
	struct ctr_system_memory now;

	ctr_system_memory(&now);
	if (!row->guest || n * row->guest->memory + reserve <= now.available)
		return NULL;
	return ctr_arena_printf(arena,
				"memory: %u guests of %llu MiB would leave less than the reserve "
				"(%llu of %llu MiB)",
				n, (unsigned long long)row->guest->memory >> 20,
				(unsigned long long)reserve >> 20,
				(unsigned long long)now.available >> 20);
}

static void make_sizes(const struct ctr_parallel_options *options, struct ctr_arena *arena,
		       struct ctr_report *report)
{
	for (size_t i = 0; i < report->nrows; i++) {
		struct ctr_row *row = &report->rows[i];

		row->parallel = ctr_arena_array(arena, options->nsizes + 1, sizeof(*row->parallel));
		row->nparallel = options->nsizes;
		for (size_t j = 0; j < options->nsizes; j++) {
			row->parallel[j] = (struct ctr_parallel){
				.n = options->sizes[j],
				.refused = row->refused ? row->refused
							: too_large(row, options->sizes[j],
								    report->reserve, arena)
			};
			row->parallel[j].bursts =
				ctr_arena_array(arena, report->runs + 1, sizeof(struct ctr_burst));
		}
	}
}

/* The last FAILURES_MAX of them have failed. */
static bool given_up(const struct ctr_parallel *parallel)
{
	size_t failed = 0;

	while (failed < parallel->nbursts && parallel->bursts[parallel->nbursts - failed - 1].error)
		failed++;
	return failed >= FAILURES_MAX;
}

void ctr_parallel_measure(struct ctr_bench *bench, const struct ctr_parallel_options *options,
			  struct ctr_random *random, struct ctr_arena *arena,
			  struct ctr_report *report)
{
	const size_t cells = report->nrows * options->nsizes;
	size_t order[CELLS_MAX];

	make_sizes(options, arena, report);
	for (uint32_t block = 0; block < report->runs; block++) {
		uint32_t place = 0;

		ctr_random_shuffle(random, order, cells);
		for (size_t i = 0; i < cells; i++) {
			struct ctr_row *row = &report->rows[order[i] / options->nsizes];
			struct ctr_parallel *parallel = &row->parallel[order[i] % options->nsizes];
			struct ctr_burst burst = { .block = block,
						   .place = place,
						   .n = parallel->n };

			if (parallel->refused || given_up(parallel))
				continue;
			if (options->progress)
				options->progress(options->progress_data, "bursts",
						  ctr_arena_printf(arena, "%s, %u at once",
								   row->kind, parallel->n),
						  block * cells + i, report->runs * cells);
			ctr_burst_run(bench, row->kind, arena, &burst);
			if (bench->interrupted)
				return;
			place++;
			parallel->nfailed += burst.error != NULL;
			parallel->bursts[parallel->nbursts++] = burst;
		}
	}
}
