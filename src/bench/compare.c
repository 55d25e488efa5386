/*
 * One run of each kind to warm up and to see whether it can run at all; blocks of one run each in
 * random order; then instances that do nothing, for their memory. Every row of the report is here.
 */
#include "bench/compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "bench/density.h"
#include "bench/environment.h"
#include "bench/guest.h"
#include "bench/instance.h"
#include "bench/kinds.h"
#include "bench/memory.h"
#include "bench/parallel.h"
#include "bench/random.h"
#include "bench/report.h"
#include "bench/workload.h"
#include "core/context.h"
#include "oci/load.h"

/* A kind that fails so often one after the other will not recover, and each may take --timeout. */
enum { FAILURES_MAX = 3, KINDS_MAX = 16 };

struct comparison {
	const struct ctr_compare_options *options;
	struct ctr_arena *arena;
	struct ctr_report *report;
	struct ctr_bench bench;
	const char *text; /* of the bundle's config.json */
	size_t len;
	const char *root;             /* file system, absolute; NULL */
	unsigned failures[KINDS_MAX]; /* one after the other */
};

static void tell(struct comparison *comparison, const char *phase, const char *what, size_t done,
		 size_t all)
{
	const struct ctr_compare_options *options = comparison->options;

	if (options->progress)
		options->progress(options->progress_data, phase, what, done, all);
}

static int write_config(struct comparison *comparison, const char *name, const char *const *args,
			const char **path, struct ctr_error *err)
{
	size_t len;
	const char *text = ctr_workload_config(comparison->arena, comparison->text, comparison->len,
					       args, &len);

	*path = ctr_arena_printf(comparison->arena, "%s/%s", comparison->bench.dir, name);
	return ctr_file_replace(AT_FDCWD, *path, text, len, 0644, err);
}

static bool works(const struct ctr_row *row)
{
	return !row->refused;
}

/* ---- one run of each */

static void warm_up(struct comparison *comparison)
{
	struct ctr_report *report = comparison->report;

	for (size_t i = 0; i < report->nrows && !comparison->bench.interrupted; i++) {
		struct ctr_row *row = &report->rows[i];
		struct ctr_sample sample = { 0 };

		tell(comparison, ctr_arena_printf(comparison->arena, "first run of %s", row->kind),
		     NULL, i, report->nrows);
		ctr_instance_run(&comparison->bench, row->kind, comparison->arena, 0, &sample);
		if (comparison->bench.interrupted)
			return;
		row->refused = sample.error;
		row->warm_up = sample.gone;
	}
}

/* Of the whole machine: nothing else knows which pages a run will want. */
static void empty_page_cache(void)
{
	sync();
	(void)ctr_file_write_once(AT_FDCWD, "/proc/sys/vm/drop_caches", "3", 1);
}

static void add_sample(struct comparison *comparison, size_t which, const struct ctr_sample *sample)
{
	struct ctr_row *row = &comparison->report->rows[which];

	row->samples[row->nsamples++] = *sample;
	row->nfailed += sample->error != NULL;
	comparison->failures[which] = sample->error ? comparison->failures[which] + 1 : 0;
}

static void run_blocks(struct comparison *comparison, struct ctr_random *random)
{
	struct ctr_report *report = comparison->report;
	size_t order[KINDS_MAX];

	for (uint32_t block = 0; block < report->runs; block++) {
		uint32_t place = 0;

		ctr_random_shuffle(random, order, report->nrows);
		for (size_t i = 0; i < report->nrows; i++) {
			struct ctr_row *row = &report->rows[order[i]];
			struct ctr_sample sample = { .block = block, .place = place };

			if (!works(row) || comparison->failures[order[i]] >= FAILURES_MAX)
				continue;
			tell(comparison, "runs", row->kind, block * report->nrows + i,
			     report->runs * report->nrows);
			if (report->cold)
				empty_page_cache();
			ctr_instance_run(&comparison->bench, row->kind, comparison->arena, 0,
					 &sample);
			if (comparison->bench.interrupted)
				return;
			place++;
			add_sample(comparison, order[i], &sample);
		}
	}
}

/* ---- memory */

static void wait_for(const struct ctr_bench *bench)
{
	struct timespec pause = { .tv_sec = bench->settle / 1000000000,
				  .tv_nsec = bench->settle % 1000000000 };

	(void)nanosleep(&pause, NULL);
}

/* NULL, or why nothing could be measured. */
static const char *measure_idle(struct comparison *comparison, struct ctr_row *row)
{
	struct ctr_bench *bench = &comparison->bench;
	struct ctr_footprint memory;
	struct ctr_instance instance;
	const char *error = ctr_instance_idle(bench, row->kind, comparison->arena, &instance);

	if (error)
		return error;

	wait_for(bench);
	if (!ctr_instance_alive(bench, &instance))
		error = "an idle instance did not stay alive";
	ctr_memory_of(comparison->arena, getpid(), bench->context->host.cgroup_mount,
		      row->guest && row->guest->program ? row->guest->memory : 0, &memory);
	if (!error && !ctr_instance_alive(bench, &instance))
		error = "an idle instance did not stay alive";
	ctr_instance_end(bench, &instance);
	if (ctr_bench_wait_all(bench, ctr_now() + bench->timeout) < 0)
		(void)ctr_bench_kill_all(bench);
	if (!error)
		row->idle[row->nidle++] = memory;
	return error;
}

static void run_idle(struct comparison *comparison, struct ctr_random *random)
{
	struct ctr_report *report = comparison->report;
	uint32_t runs = comparison->options->idle_runs;
	size_t order[KINDS_MAX];

	for (uint32_t i = 0; i < runs; i++) {
		ctr_random_shuffle(random, order, report->nrows);
		for (size_t j = 0; j < report->nrows && !comparison->bench.interrupted; j++) {
			struct ctr_row *row = &report->rows[order[j]];

			if (!works(row) || row->idle_error)
				continue;
			tell(comparison, "idle instances", row->kind, i * report->nrows + j,
			     runs * report->nrows);
			row->idle_error = measure_idle(comparison, row);
		}
	}
}

/*
 * What an idle instance runs: what was asked for; else the bundle's own program, if it lives on
 * with an open standard input; else cat, which every root file system with a shell has, and which
 * answers.
 */
static int choose_idle(struct comparison *comparison, struct ctr_error *err)
{
	static const char *const cat[] = { "cat", NULL };
	const struct ctr_compare_options *options = comparison->options;
	const char *const *own = options->args;
	struct ctr_bench *bench = &comparison->bench;
	struct ctr_report *report = comparison->report;
	struct ctr_instance instance;
	bool alive = false;

	if (write_config(comparison, "idle.json", options->idle ? options->idle : own, &bench->idle,
			 err) < 0)
		return -1;

	tell(comparison, "what an idle instance runs", NULL, 0, 0);
	for (size_t i = 0; i < report->nrows && !options->idle && !alive; i++) {
		if (!works(&report->rows[i]) || bench->interrupted)
			continue;
		if (!ctr_instance_idle(bench, report->rows[i].kind, comparison->arena, &instance)) {
			wait_for(bench);
			alive = ctr_instance_alive(bench, &instance);
			ctr_instance_end(bench, &instance);
			(void)ctr_bench_kill_all(bench);
		}
		break;
	}
	if (!options->idle && !alive &&
	    write_config(comparison, "idle.json", cat, &bench->idle, err) < 0)
		return -1;

	report->idle = options->idle ? ctr_line_of(comparison->arena, options->idle)
		       : alive       ? "the bundle's own program"
				     : "cat (the bundle's own program ends by itself)";
	bench->echo =
		options->idle ? strcmp(options->idle[0], "cat") == 0 && !options->idle[1] : !alive;
	report->alive = bench->echo ? "it returned a line that was sent to it"
				    : "its process lives, and its state is running";
	return 0;
}

static void run_parallel(struct comparison *comparison, struct ctr_random *random)
{
	const struct ctr_compare_options *options = comparison->options;
	const struct ctr_parallel_options parallel = { .sizes = options->parallel,
						       .nsizes = options->nparallel,
						       .progress = options->progress,
						       .progress_data = options->progress_data };

	ctr_parallel_measure(&comparison->bench, &parallel, random, comparison->arena,
			     comparison->report);
}

static void run_density(struct comparison *comparison)
{
	const struct ctr_compare_options *options = comparison->options;
	struct ctr_density_options density = { .max = options->max,
					       .reserve = comparison->report->reserve,
					       .progress = options->progress,
					       .progress_data = options->progress_data };
	struct rlimit files;

	/* Two pipes and a pidfd each. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	for (size_t i = 0; i < comparison->report->nrows; i++) {
		struct ctr_row *row = &comparison->report->rows[i];

		if (works(row) && !row->idle_error && !comparison->bench.interrupted)
			ctr_density_measure(&comparison->bench, &density, comparison->arena, row);
	}
}

/* ---- the whole */

static int make_rows(struct comparison *comparison, struct ctr_error *err)
{
	const struct ctr_compare_options *options = comparison->options;
	struct ctr_report *report = comparison->report;

	if (options->cold && access("/proc/sys/vm/drop_caches", W_OK) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"compare: --cold: cannot write '/proc/sys/vm/drop_caches'");
	if (options->nkinds > KINDS_MAX)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--isolation: more than %d kinds",
				KINDS_MAX);
	report->rows = ctr_arena_array(comparison->arena, options->nkinds, sizeof(*report->rows));
	for (size_t i = 0; i < options->nkinds; i++) {
		const struct ctr_bench_kind *kind = ctr_bench_kind(options->kinds[i]);
		struct ctr_row *row = &report->rows[report->nrows++];

		if (!kind)
			return ctr_fail(err, CTR_FAULT_USAGE, 0, "--isolation: unknown kind '%s'",
					options->kinds[i]);
		*row = (struct ctr_row){ .kind = kind->name,
					 .taxonomy = kind->taxonomy,
					 .leaves = kind->leaves,
					 .warm_up = -1,
					 .status = -1 };
		row->samples = ctr_arena_array(comparison->arena, options->runs + 1,
					       sizeof(*row->samples));
		row->idle = ctr_arena_array(comparison->arena, options->idle_runs + 1,
					    sizeof(*row->idle));
	}

	return 0;
}

static int load_bundle(struct comparison *comparison, struct ctr_error *err)
{
	const struct ctr_compare_options *options = comparison->options;
	struct ctr_arena *arena = comparison->arena;
	char *path = realpath(options->bundle, NULL);
	const struct ctr_spec *spec;
	const char **words;

	if (!path)
		return ctr_fail(err, CTR_FAULT_NOT_FOUND, errno, "bundle '%s'", options->bundle);
	comparison->bench.bundle = comparison->report->bundle = ctr_arena_strdup(arena, path);
	free(path);
	spec = ctr_bundle_load(arena, comparison->bench.bundle, NULL, &comparison->text,
			       &comparison->len, err);
	if (!spec)
		return -1;
	if (!spec->process)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"process: missing, and nothing to compare");

	words = ctr_arena_array(arena, spec->process->nargs + 1, sizeof(*words));
	for (size_t i = 0; i < spec->process->nargs; i++)
		words[i] = spec->process->args[i];
	comparison->report->command = ctr_line_of(arena, options->args ? options->args : words);
	return 0;
}

static int set_up(struct comparison *comparison, const struct ctr_context *context,
		  struct ctr_error *err)
{
	const struct ctr_compare_options *options = comparison->options;
	struct ctr_report *report = comparison->report;
	struct ctr_bench *bench = &comparison->bench;
	struct ctr_system_memory memory;

	*bench = (struct ctr_bench){ .context = context,
				     .kill_at_first = options->kill,
				     .timeout = (int64_t)options->timeout_s * 1000000000,
				     .settle = (int64_t)options->settle_ms * 1000000 };
	*report = (struct ctr_report){ .version = options->version,
				       .seed = options->seed,
				       .runs = options->runs,
				       .cold = options->cold,
				       .settle_ms = options->settle_ms };
	report->when = ctr_clock_now(ctr_arena_alloc(comparison->arena, CTR_CLOCK_TEXT));
	ctr_system_memory(&memory);
	report->available = memory.available;
	report->reserve = memory.total / 100 * options->reserve_percent;

	if (load_bundle(comparison, err) < 0 || make_rows(comparison, err) < 0 ||
	    ctr_bench_begin(bench, err) < 0)
		return -1;
	ctr_environment(context, comparison->arena, report);
	return write_config(comparison, "config.json", options->args, &bench->config, err);
}

static int describe_guests(struct comparison *comparison, struct ctr_error *err)
{
	const struct ctr_bench *bench = &comparison->bench;
	const struct ctr_spec *spec =
		ctr_bundle_load(comparison->arena, bench->bundle, bench->config, NULL, NULL, err);

	if (!spec)
		return -1;
	for (size_t i = 0; i < comparison->report->nrows; i++)
		ctr_bench_guest(bench->context, spec, &comparison->report->rows[i]);
	comparison->root = spec->root ? spec->root->path : NULL;
	return 0;
}

static int measure(struct comparison *comparison, struct ctr_error *err)
{
	struct ctr_report *report = comparison->report;
	struct ctr_random random;
	size_t working = 0;

	ctr_random_seed(&random, report->seed);
	warm_up(comparison);
	for (size_t i = 0; i < report->nrows; i++) {
		working += works(&report->rows[i]);
		if (works(&report->rows[i]) && strcmp(report->rows[i].kind, "container") == 0)
			report->base = &report->rows[i];
	}
	if (working == 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "nothing to compare: %s: %s",
				report->rows[0].kind, report->rows[0].refused);

	/* Of what the first runs have made as well. */
	tell(comparison, "digests of what was run", NULL, 0, 0);
	ctr_environment_digests(comparison->arena, comparison->root, report);
	run_blocks(comparison, &random);
	if (comparison->options->nparallel > 0 && !comparison->bench.interrupted)
		run_parallel(comparison, &random);
	if ((comparison->options->idle_runs > 0 || comparison->options->density) &&
	    !comparison->bench.interrupted) {
		if (choose_idle(comparison, err) < 0)
			return -1;
		run_idle(comparison, &random);
	}
	if (comparison->options->density && !comparison->bench.interrupted)
		run_density(comparison);
	report->interrupted = comparison->bench.interrupted;
	ctr_report_estimate(report, comparison->arena);
	return 0;
}

int ctr_compare(const struct ctr_context *context, const struct ctr_compare_options *options,
		struct ctr_report *report, struct ctr_error *err)
{
	struct comparison comparison = { .options = options,
					 .arena = context->arena,
					 .report = report };
	int r = set_up(&comparison, context, err);

	if (r == 0)
		r = describe_guests(&comparison, err);
	if (r == 0)
		r = measure(&comparison, err);
	ctr_bench_end(&comparison.bench);
	return r;
}
