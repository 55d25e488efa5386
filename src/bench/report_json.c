/* The report for programs: every sample is in it. The format has a version. */
#include <stdio.h>

#include "base/buf.h"
#include "bench/report.h"
#include "oci/encode.h"

/* Fixed point, so that a reader gets what was measured and no exponent. */
static void put_number(struct ctr_json *json, const char *key, double value, int digits)
{
	char text[CTR_NUMBER_TEXT];

	(void)snprintf(text, sizeof(text), "%.*f", digits, value);
	ctr_json_number(json, key, text);
}

static void put_moment(struct ctr_json *json, const char *key, int64_t value)
{
	if (value < 0)
		ctr_json_null(json, key);
	else
		ctr_json_i64(json, key, value);
}

static void put_text(struct ctr_json *json, const char *key, const char *value)
{
	if (value)
		ctr_json_string(json, key, value);
	else
		ctr_json_null(json, key);
}

static void put_estimate(struct ctr_json *json, const char *key, const struct ctr_estimate *e)
{
	if (e->n == 0) {
		ctr_json_null(json, key);
		return;
	}

	ctr_json_object(json, key);
	ctr_json_u64(json, "n", e->n);
	put_number(json, "median", e->median, 6);
	if (e->interval) {
		put_number(json, "low", e->low, 6);
		put_number(json, "high", e->high, 6);
	} else {
		ctr_json_null(json, "low");
		ctr_json_null(json, "high");
	}
	put_number(json, "min", e->min, 6);
	put_number(json, "p5", e->p5, 6);
	put_number(json, "p25", e->p25, 6);
	put_number(json, "p75", e->p75, 6);
	put_number(json, "p95", e->p95, 6);
	put_number(json, "max", e->max, 6);
	put_number(json, "mad", e->mad, 6);
	put_number(json, "mean", e->mean, 6);
	put_number(json, "sd", e->sd, 6);
	ctr_json_u64(json, "far", e->far);
	ctr_json_end_object(json);
}

static void put_estimates(struct ctr_json *json, const char *key,
			  const struct ctr_estimate estimates[CTR_METRIC_COUNT])
{
	ctr_json_object(json, key);
	for (size_t i = 0; i < CTR_METRIC_COUNT; i++)
		put_estimate(json, ctr_metric_names[i], &estimates[i]);
	ctr_json_end_object(json);
}

static void put_sample(struct ctr_json *json, const struct ctr_sample *sample)
{
	ctr_json_object(json, NULL);
	ctr_json_u64(json, "block", sample->block);
	ctr_json_u64(json, "place", sample->place);
	if (sample->hello > 0) {
		put_moment(json, "hypervisorNs", sample->vmm);
		put_moment(json, "kernelNs", sample->kernel);
		put_moment(json, "initNs", sample->init);
		put_moment(json, "helloNs", sample->hello);
	}
	put_moment(json, "createdNs", sample->created);
	put_moment(json, "firstByteNs", sample->first);
	put_moment(json, "exitedNs", sample->exited);
	put_moment(json, "goneNs", sample->gone);
	put_moment(json, "status", sample->status);
	put_text(json, "error", sample->error);
	ctr_json_end_object(json);
}

static void put_memory(struct ctr_json *json, const char *key, const struct ctr_footprint *memory)
{
	ctr_json_object(json, key);
	ctr_json_u64(json, "processes", memory->processes);
	ctr_json_u64(json, "unreadable", memory->unreadable);
	ctr_json_u64(json, "pss", memory->pss);
	ctr_json_u64(json, "uss", memory->uss);
	ctr_json_u64(json, "hypervisorOwn", memory->hypervisor);
	ctr_json_u64(json, "hypervisorFiles", memory->hypervisor_files);
	if (memory->has_cgroup) {
		ctr_json_object(json, "cgroup");
		ctr_json_u64(json, "current", memory->current);
		ctr_json_u64(json, "anon", memory->anon);
		ctr_json_u64(json, "file", memory->file);
		ctr_json_u64(json, "shmem", memory->shmem);
		ctr_json_u64(json, "kernel", memory->kernel);
		ctr_json_u64(json, "slab", memory->slab);
		ctr_json_u64(json, "kernelStack", memory->stack);
		ctr_json_u64(json, "pagetables", memory->pagetables);
		ctr_json_u64(json, "secPagetables", memory->sec_pagetables);
		ctr_json_end_object(json);
	} else {
		ctr_json_null(json, "cgroup");
	}
	ctr_json_end_object(json);
}

static void put_line(struct ctr_json *json, const char *key, const struct ctr_line *line)
{
	if (!line->known) {
		ctr_json_null(json, key);
		return;
	}

	ctr_json_object(json, key);
	ctr_json_u64(json, "points", line->n);
	put_number(json, "slope", line->slope, 0);
	if (line->interval) {
		put_number(json, "low", line->low, 0);
		put_number(json, "high", line->high, 0);
	} else {
		ctr_json_null(json, "low");
		ctr_json_null(json, "high");
	}
	put_number(json, "intercept", line->intercept, 0);
	ctr_json_end_object(json);
}

static void put_density(struct ctr_json *json, const struct ctr_density *density)
{
	if (!density->measured) {
		ctr_json_null(json, "density");
		return;
	}

	ctr_json_object(json, "density");
	ctr_json_u64(json, "largest", density->largest);
	put_text(json, "stopped", density->stopped);
	put_line(json, "pssSlope", &density->pss);
	put_line(json, "availableSlope", &density->taken);
	ctr_json_array(json, "points");
	for (size_t i = 0; i < density->npoints; i++) {
		const struct ctr_point *point = &density->points[i];

		ctr_json_object(json, NULL);
		ctr_json_u64(json, "n", point->n);
		ctr_json_u64(json, "alive", point->alive);
		ctr_json_u64(json, "aliveAtEnd", point->alive_end);
		put_memory(json, "memory", &point->memory);
		ctr_json_i64(json, "availableLost", point->taken);
		ctr_json_i64(json, "freeLost", point->free);
		ctr_json_i64(json, "residual", point->taken - (int64_t)point->memory.pss);
		ctr_json_end_object(json);
	}
	ctr_json_end_array(json);
	ctr_json_end_object(json);
}

static void put_rates(struct ctr_json *json, const char *key,
		      const struct ctr_estimate rates[CTR_RATE_COUNT])
{
	ctr_json_object(json, key);
	for (size_t i = 0; i < CTR_RATE_COUNT; i++)
		put_estimate(json, ctr_rate_names[i], &rates[i]);
	ctr_json_end_object(json);
}

static void put_parallel(struct ctr_json *json, const struct ctr_parallel *parallel)
{
	ctr_json_object(json, NULL);
	ctr_json_u64(json, "atOnce", parallel->n);
	put_text(json, "refused", parallel->refused);
	ctr_json_u64(json, "failed", parallel->nfailed);
	put_rates(json, "rates", parallel->rates);
	put_rates(json, "ratioToContainer", parallel->ratios);
	ctr_json_array(json, "bursts");
	for (size_t i = 0; i < parallel->nbursts; i++) {
		const struct ctr_burst *burst = &parallel->bursts[i];

		ctr_json_object(json, NULL);
		ctr_json_u64(json, "block", burst->block);
		ctr_json_u64(json, "place", burst->place);
		put_text(json, "error", burst->error);
		ctr_json_array(json, "samples");
		for (size_t j = 0; j < burst->n; j++)
			put_sample(json, &burst->samples[j]);
		ctr_json_end_array(json);
		ctr_json_end_object(json);
	}
	ctr_json_end_array(json);
	ctr_json_end_object(json);
}

static void put_guest(struct ctr_json *json, const struct ctr_guest *guest)
{
	if (!guest) {
		ctr_json_null(json, "guest");
		return;
	}

	ctr_json_object(json, "guest");
	ctr_json_u64(json, "memory", guest->memory);
	ctr_json_u64(json, "vcpus", guest->vcpus);
	ctr_json_string(json, "kernel", guest->kernel);
	ctr_json_string(json, "version", guest->version);
	put_text(json, "program", guest->program);
	ctr_json_end_object(json);
}

static void put_row(struct ctr_json *json, const struct ctr_row *row)
{
	ctr_json_object(json, NULL);
	ctr_json_string(json, "kind", row->kind);
	ctr_json_string(json, "taxonomy", row->taxonomy);
	put_text(json, "accel", ctr_accel_name(row->accel));
	put_guest(json, row->guest);
	ctr_json_bool(json, "ranked", ctr_row_ranked(row));
	put_text(json, "refused", row->refused);
	put_text(json, "notCarriedOut", row->leaves);
	put_moment(json, "firstRunNs", row->warm_up);
	ctr_json_u64(json, "failed", row->nfailed);
	put_moment(json, "status", row->status);
	ctr_json_bool(json, "sameStatus", row->same_status);
	if (row->guest)
		put_number(json, "ownShareOfBoot", ctr_row_own_share(row), 1);
	put_estimates(json, "ms", row->times);
	put_estimates(json, "ratioToContainer", row->ratios);

	ctr_json_array(json, "samples");
	for (size_t i = 0; i < row->nsamples; i++)
		put_sample(json, &row->samples[i]);
	ctr_json_end_array(json);
	ctr_json_array(json, "idle");
	for (size_t i = 0; i < row->nidle; i++)
		put_memory(json, NULL, &row->idle[i]);
	ctr_json_end_array(json);
	put_text(json, "idleError", row->idle_error);
	put_density(json, &row->density);
	ctr_json_array(json, "parallel");
	for (size_t i = 0; i < row->nparallel; i++)
		put_parallel(json, &row->parallel[i]);
	ctr_json_end_array(json);
	ctr_json_end_object(json);
}

static void put_facts(struct ctr_json *json, const struct ctr_report *report)
{
	ctr_json_array(json, "environment");
	for (size_t i = 0; i < report->nfacts; i++) {
		const struct ctr_fact *fact = &report->facts[i];

		ctr_json_object(json, NULL);
		ctr_json_string(json, "name", fact->name);
		put_text(json, "value", fact->value);
		put_text(json, "warning", fact->warning);
		ctr_json_end_object(json);
	}
	ctr_json_end_array(json);
}

void ctr_report_json(const struct ctr_report *report, struct ctr_buf *buf)
{
	struct ctr_json json;

	ctr_json_init(&json, buf, "  ");
	ctr_json_object(&json, NULL);
	ctr_json_u64(&json, "version", CTR_REPORT_VERSION);
	ctr_json_string(&json, "ctr", report->version);
	ctr_json_string(&json, "when", report->when);
	ctr_json_string(&json, "bundle", report->bundle);
	ctr_json_string(&json, "command", report->command);
	put_text(&json, "idle", report->idle);
	put_text(&json, "aliveMeans", report->alive);
	ctr_json_u64(&json, "seed", report->seed);
	ctr_json_u64(&json, "blocks", report->runs);
	ctr_json_string(&json, "pageCache", report->cold ? "cold" : "warm");
	ctr_json_u64(&json, "settleMs", report->settle_ms);
	ctr_json_u64(&json, "memAvailable", report->available);
	ctr_json_u64(&json, "reserve", report->reserve);
	ctr_json_bool(&json, "interrupted", report->interrupted);
	ctr_json_string(&json, "headline", ctr_metric_names[ctr_report_headline(report)]);
	put_facts(&json, report);
	ctr_json_array(&json, "rows");
	for (size_t i = 0; i < report->nrows; i++)
		put_row(&json, &report->rows[i]);
	ctr_json_end_array(&json);
	ctr_json_array(&json, "rules");
	for (size_t i = 0; ctr_fairness_rules[i]; i++)
		ctr_json_string(&json, NULL, ctr_fairness_rules[i]);
	ctr_json_end_array(&json);
	ctr_json_end_object(&json);
	ctr_buf_addc(buf, '\n');
}
