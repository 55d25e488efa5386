/* What all forms of a report share: estimates, numbers, rules. */
#include "bench/report.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "bench/random.h"

const char *const ctr_metric_names[CTR_METRIC_COUNT] = { "create", "firstByte", "exit", "tearDown",
							 "total" };

const char *const ctr_rate_names[CTR_RATE_COUNT] = { "startsPerSecond", "livesPerSecond",
						     "firstByteMedian", "firstByteLast" };

const char *const ctr_fairness_rules[] = {
	"Same root file system, same program, same limits in every row; a guest's memory is stated.",
	"A start is counted from the request to a byte of the workload, in every row alike: two "
	"invocations of ctr, create and start, as engines make them.",
	"Images, kernels and caches are made by a first run, which is reported beside the others.",
	"Every block has each kind once, in random order: drift of the machine hits all alike.",
	"No run is dropped. Far values are counted and shown; a run that failed is listed.",
	"Intervals are 95 % (bootstrap of the median, of six values and more); a ratio is the "
	"median over blocks.",
	"Translated (tcg) and ported (uml) kernels are marked, and never ranked beside KVM.",
	"Memory is that of all processes of an instance (PSS, USS); what a kernel holds for it is "
	"seen in its cgroup only. Neither is the size of a guest.",
	"Security is no number here.",
	NULL,
};

const char *ctr_accel_name(enum ctr_accel accel)
{
	static const char *const names[] = {
		[CTR_ACCEL_NONE] = NULL,
		[CTR_ACCEL_KVM] = "kvm",
		[CTR_ACCEL_TCG] = "tcg",
		[CTR_ACCEL_UML] = "uml",
	};

	return names[accel];
}

const char *ctr_row_mark(const struct ctr_row *row)
{
	const char *name = ctr_accel_name(row->accel);

	return name && strcmp(name, row->kind) != 0 ? name : NULL;
}

bool ctr_row_ranked(const struct ctr_row *row)
{
	return row->accel != CTR_ACCEL_TCG && row->accel != CTR_ACCEL_UML;
}

void ctr_report_add_fact(struct ctr_report *report, const struct ctr_fact *fact,
			 struct ctr_arena *arena)
{
	report->facts =
		ctr_arena_grow(arena, report->facts, report->nfacts * sizeof(*report->facts),
			       (report->nfacts + 1) * sizeof(*report->facts));
	report->facts[report->nfacts++] = *fact;
}

static int by_value(const void *a, const void *b)
{
	const double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

double ctr_row_own_share(const struct ctr_row *row)
{
	enum { SHARES_MAX = 4096 };
	static double shares[SHARES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < row->nsamples && n < SHARES_MAX; i++) {
		const struct ctr_sample *sample = &row->samples[i];

		if (!sample->error && sample->hello > sample->vmm && sample->init > 0 &&
		    sample->init <= sample->hello)
			shares[n++] = 100.0 * (double)(sample->hello - sample->init) /
				      (double)(sample->hello - sample->vmm);
	}
	if (n == 0)
		return -1;
	qsort(shares, n, sizeof(*shares), by_value);
	return shares[n / 2];
}

void ctr_guest_text(const struct ctr_row *row, struct ctr_buf *buf)
{
	const struct ctr_guest *guest = row->guest;
	const double share = ctr_row_own_share(row);
	char memory[CTR_NUMBER_TEXT];

	if (!guest)
		return;
	ctr_buf_addf(buf, "%s MiB of memory, %u processor%s, Linux %s (%s)",
		     ctr_mib(memory, (double)guest->memory), guest->vcpus,
		     guest->vcpus == 1 ? "" : "s", guest->version, guest->kernel);
	if (guest->program)
		ctr_buf_addf(buf, ", run by %s%s", guest->program,
			     row->accel == CTR_ACCEL_KVM ? " on KVM" : ", which translates it");
	if (row->nidle > 0 && CTR_IDLE(row, hypervisor) > 0)
		ctr_buf_addf(buf, "; the hypervisor has %s MiB of its own",
			     ctr_mib(memory, (double)CTR_IDLE(row, hypervisor)));
	if (share >= 0)
		ctr_buf_addf(buf, "; ctr-init had %s %% of its boot", ctr_number(memory, share));
}

const char *ctr_density_fits(const struct ctr_report *report, const struct ctr_row *row,
			     double *about, double *least, double *most)
{
	const struct ctr_line *line = &row->density.taken, *pss = &row->density.pss;
	const double room = (double)(report->available - report->reserve);

	if (!line->known)
		return "there are no two points";
	if (line->interval && line->low <= 0)
		return "the interval of MemAvailable has 0 in it";
	if (line->slope <= 0)
		return "MemAvailable has lost nothing";
	/* What is shared, and pages of files, which can be had back, are no part of a slope of PSS.
	 */
	if (pss->known && line->slope < 0.75 * pss->slope)
		return "MemAvailable has lost less than their PSS: something else gave memory back";
	*about = room / line->slope;
	*least = room / line->high;
	*most = room / line->low;
	return NULL;
}

static const char *value_of_fact(const struct ctr_report *report, const char *name)
{
	for (size_t i = 0; i < report->nfacts; i++)
		if (strcmp(report->facts[i].name, name) == 0 && report->facts[i].value)
			return report->facts[i].value;
	return "not known";
}

void ctr_density_assumptions(const struct ctr_report *report, struct ctr_buf *buf)
{
	static const char *const names[] = { "memory", "swap", "transparent huge pages",
					     "same-page merging (KSM)" };

	ctr_buf_addf(buf, "this machine has Linux %s", value_of_fact(report, "kernel"));
	for (size_t i = 0; i < CTR_ARRAY_SIZE(names); i++)
		ctr_buf_addf(buf, ", %s: %s", names[i], value_of_fact(report, names[i]));
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];
		const struct ctr_guest *guest = row->guest;
		char memory[CTR_NUMBER_TEXT];

		if (!row->density.measured || !guest)
			continue;
		ctr_buf_addf(buf, "; a guest of %s has %s MiB of memory and Linux %s%s", row->kind,
			     ctr_mib(memory, (double)guest->memory), guest->version,
			     row->accel == CTR_ACCEL_TCG
				     ? ", and what the translator needs counts with it"
				     : "");
	}
}

double ctr_sample_value(const struct ctr_sample *sample, enum ctr_metric metric)
{
	int64_t from = 0, to = -1;

	switch (metric) {
	case CTR_METRIC_CREATE:
		to = sample->created;
		break;
	case CTR_METRIC_FIRST:
		to = sample->first;
		break;
	case CTR_METRIC_EXIT:
		to = sample->exited;
		break;
	case CTR_METRIC_TEARDOWN:
		from = sample->exited;
		to = sample->gone;
		break;
	case CTR_METRIC_TOTAL:
		to = sample->gone;
		break;
	case CTR_METRIC_COUNT:
		break;
	}

	return from < 0 || to < 0 ? -1 : (double)(to - from) / 1e6;
}

/* The value of @row in @block, or below 0. */
static double value_in_block(const struct ctr_row *row, uint32_t block, enum ctr_metric metric)
{
	for (size_t i = 0; i < row->nsamples; i++)
		if (row->samples[i].block == block)
			return row->samples[i].error ? -1
						     : ctr_sample_value(&row->samples[i], metric);

	return -1;
}

static void estimate_metric(struct ctr_row *row, const struct ctr_row *base, enum ctr_metric metric,
			    struct ctr_random *random, struct ctr_arena *arena)
{
	double *values = ctr_arena_array(arena, row->nsamples + 1, sizeof(*values));
	double *ratios = ctr_arena_array(arena, row->nsamples + 1, sizeof(*ratios));
	size_t n = 0, nratios = 0;

	for (size_t i = 0; i < row->nsamples; i++) {
		const struct ctr_sample *sample = &row->samples[i];
		double value = sample->error ? -1 : ctr_sample_value(sample, metric), of_base;

		if (value < 0)
			continue;
		values[n++] = value;
		of_base = base && base != row ? value_in_block(base, sample->block, metric) : -1;
		if (of_base > 0)
			ratios[nratios++] = value / of_base;
	}

	row->times[metric] = ctr_estimate(values, n, random, arena);
	row->ratios[metric] = ctr_estimate(ratios, nratios, random, arena);
}

/* The first byte, or the end where there was no output. */
static double started(const struct ctr_sample *sample)
{
	return ctr_sample_value(sample, sample->first >= 0 ? CTR_METRIC_FIRST : CTR_METRIC_EXIT);
}

double ctr_burst_value(const struct ctr_burst *burst, enum ctr_rate rate)
{
	double values[CTR_BURST_MAX], gone = 0;

	if (burst->error || burst->n == 0 || burst->n > CTR_BURST_MAX)
		return -1;
	for (size_t i = 0; i < burst->n; i++) {
		const double end = ctr_sample_value(&burst->samples[i], CTR_METRIC_TOTAL);

		values[i] = started(&burst->samples[i]);
		if (values[i] <= 0 || end <= 0)
			return -1;
		gone = end > gone ? end : gone;
	}
	ctr_sort(values, burst->n);

	switch (rate) {
	case CTR_RATE_STARTS:
		return 1e3 * (double)burst->n / values[burst->n - 1];
	case CTR_RATE_LIVES:
		return 1e3 * (double)burst->n / gone;
	case CTR_RATE_MEDIAN:
		return ctr_quantile(values, burst->n, 0.5);
	case CTR_RATE_LAST:
		return values[burst->n - 1];
	case CTR_RATE_COUNT:
		break;
	}
	return -1;
}

static double rate_in_block(const struct ctr_parallel *parallel, uint32_t block, enum ctr_rate rate)
{
	for (size_t i = 0; i < parallel->nbursts; i++)
		if (parallel->bursts[i].block == block)
			return ctr_burst_value(&parallel->bursts[i], rate);

	return -1;
}

static void estimate_rate(struct ctr_parallel *parallel, const struct ctr_parallel *base,
			  enum ctr_rate rate, struct ctr_random *random, struct ctr_arena *arena)
{
	double *values = ctr_arena_array(arena, parallel->nbursts + 1, sizeof(*values));
	double *ratios = ctr_arena_array(arena, parallel->nbursts + 1, sizeof(*ratios));
	size_t n = 0, nratios = 0;

	for (size_t i = 0; i < parallel->nbursts; i++) {
		const struct ctr_burst *burst = &parallel->bursts[i];
		const double value = ctr_burst_value(burst, rate);
		const double of_base =
			base && base != parallel ? rate_in_block(base, burst->block, rate) : -1;

		if (value < 0)
			continue;
		values[n++] = value;
		if (of_base > 0)
			ratios[nratios++] = value / of_base;
	}

	parallel->rates[rate] = ctr_estimate(values, n, random, arena);
	parallel->ratios[rate] = ctr_estimate(ratios, nratios, random, arena);
}

static void compare_status(struct ctr_row *row)
{
	bool any = false;

	row->status = -1;
	for (size_t i = 0; i < row->nsamples; i++) {
		if (row->samples[i].error)
			continue;
		if (any && row->samples[i].status != row->status) {
			row->status = -1;
			return;
		}
		row->status = row->samples[i].status;
		any = true;
	}
}

void ctr_report_estimate(struct ctr_report *report, struct ctr_arena *arena)
{
	struct ctr_random random;

	/* Not the sequence that the order of runs came from. */
	ctr_random_seed(&random, ~report->seed);
	for (size_t i = 0; i < report->nrows; i++) {
		struct ctr_row *row = &report->rows[i];

		for (size_t metric = 0; metric < CTR_METRIC_COUNT; metric++)
			/* Function is all that a translated row tells: no ratio. */
			estimate_metric(row, row->accel == CTR_ACCEL_TCG ? NULL : report->base,
					(enum ctr_metric)metric, &random, arena);
		for (size_t j = 0; j < row->nparallel; j++)
			for (size_t rate = 0; rate < CTR_RATE_COUNT; rate++)
				estimate_rate(&row->parallel[j],
					      row->accel == CTR_ACCEL_TCG || !report->base
						      ? NULL
						      : &report->base->parallel[j],
					      (enum ctr_rate)rate, &random, arena);
		compare_status(row);
	}
	for (size_t i = 0; i < report->nrows; i++)
		report->rows[i].same_status = report->base && report->rows[i].status >= 0 &&
					      report->rows[i].status == report->base->status;
}

enum ctr_metric ctr_report_headline(const struct ctr_report *report)
{
	for (size_t i = 0; i < report->nrows; i++)
		if (report->rows[i].times[CTR_METRIC_FIRST].n > 0)
			return CTR_METRIC_FIRST;

	return CTR_METRIC_EXIT;
}

uint64_t ctr_idle_median(const struct ctr_row *row, size_t offset)
{
	double values[64];
	size_t n = 0;

	for (; n < row->nidle && n < CTR_ARRAY_SIZE(values); n++) {
		uint64_t value;

		memcpy(&value, (const char *)&row->idle[n] + offset, sizeof(value));
		values[n] = (double)value;
	}
	if (n == 0)
		return 0;

	ctr_sort(values, n);
	return (uint64_t)(ctr_quantile(values, n, 0.5) + 0.5);
}

const char *ctr_number(char text[static CTR_NUMBER_TEXT], double value)
{
	double size = value < 0 ? -value : value;

	(void)snprintf(text, CTR_NUMBER_TEXT, "%.*f",
		       size < 0.0995 && size > 0 ? 3
		       : size < 9.995            ? 2
		       : size < 99.95            ? 1
						 : 0,
		       value);
	return text;
}

const char *ctr_mib(char text[static CTR_NUMBER_TEXT], double bytes)
{
	return ctr_number(text, bytes / 1048576);
}
