/* The report for spreadsheets and statistics programs: one measured value a line. */
#include <stdio.h>

#include "base/buf.h"
#include "bench/report.h"

/* RFC 4180: in quotes, a quote twice. */
static void put_text(struct ctr_buf *buf, const char *text)
{
	ctr_buf_addc(buf, '"');
	for (; text && *text; text++) {
		if (*text == '"')
			ctr_buf_addc(buf, '"');
		ctr_buf_addc(buf, *text);
	}
	ctr_buf_addc(buf, '"');
}

static void put_moment(struct ctr_buf *buf, int64_t value)
{
	ctr_buf_addc(buf, ',');
	if (value >= 0)
		ctr_buf_addf(buf, "%lld", (long long)value);
}

/* @at_once: 0 for a run of its own. */
static void put_sample(struct ctr_buf *buf, const struct ctr_row *row, uint32_t at_once,
		       const struct ctr_sample *sample)
{
	const char *accel = ctr_accel_name(row->accel);

	ctr_buf_addf(buf, "%s,%s,", row->kind, accel ? accel : "");
	if (at_once > 0)
		ctr_buf_addf(buf, "%u,", at_once);
	ctr_buf_addf(buf, "%u,%u", sample->block, sample->place);
	put_moment(buf, sample->created);
	put_moment(buf, sample->first);
	put_moment(buf, sample->exited);
	put_moment(buf, sample->gone);
	put_moment(buf, sample->status);
	ctr_buf_addc(buf, ',');
	if (sample->error)
		put_text(buf, sample->error);
	ctr_buf_adds(buf, "\r\n");
}

static void put_bursts(struct ctr_buf *buf, const struct ctr_row *row)
{
	for (size_t i = 0; i < row->nparallel; i++) {
		const struct ctr_parallel *parallel = &row->parallel[i];

		for (size_t j = 0; j < parallel->nbursts; j++)
			for (size_t k = 0; k < parallel->bursts[j].n; k++)
				put_sample(buf, row, parallel->n, &parallel->bursts[j].samples[k]);
	}
}

static void put_memory(struct ctr_buf *buf, const struct ctr_row *row, size_t n,
		       const struct ctr_footprint *memory, const struct ctr_point *point)
{
	const char *accel = ctr_accel_name(row->accel);

	ctr_buf_addf(buf, "%s,%s,%zu,%zu,%llu,%llu", row->kind, accel ? accel : "", n,
		     memory->processes, (unsigned long long)memory->pss,
		     (unsigned long long)memory->uss);
	if (memory->has_cgroup)
		ctr_buf_addf(buf, ",%llu,%llu", (unsigned long long)memory->current,
			     (unsigned long long)memory->kernel);
	else
		ctr_buf_adds(buf, ",,");
	if (point)
		ctr_buf_addf(buf, ",%lld,%zu,%zu\r\n", (long long)point->taken, point->alive,
			     point->alive_end);
	else
		ctr_buf_adds(buf, ",,,\r\n");
}

void ctr_report_csv(const struct ctr_report *report, struct ctr_buf *buf)
{
	ctr_buf_adds(buf, "kind,accel,block,place,created_ns,first_byte_ns,exited_ns,gone_ns,"
			  "status,error\r\n");
	for (size_t i = 0; i < report->nrows; i++)
		for (size_t j = 0; j < report->rows[i].nsamples; j++)
			put_sample(buf, &report->rows[i], 0, &report->rows[i].samples[j]);

	ctr_buf_adds(buf, "\r\nkind,accel,instances,processes,pss,uss,cgroup_current,cgroup_kernel,"
			  "available_lost,alive,alive_end\r\n");
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		for (size_t j = 0; j < row->nidle; j++)
			put_memory(buf, row, 1, &row->idle[j], NULL);
		for (size_t j = 0; j < row->density.npoints; j++) {
			const struct ctr_point *point = &row->density.points[j];

			put_memory(buf, row, point->n, &point->memory, point);
		}
	}

	ctr_buf_adds(buf, "\r\nkind,accel,at_once,block,place,created_ns,first_byte_ns,exited_ns,"
			  "gone_ns,status,error\r\n");
	for (size_t i = 0; i < report->nrows; i++)
		put_bursts(buf, &report->rows[i]);

	ctr_buf_adds(buf, "\r\nname,value,warning\r\n");
	for (size_t i = 0; i < report->nfacts; i++) {
		put_text(buf, report->facts[i].name);
		ctr_buf_addc(buf, ',');
		put_text(buf, report->facts[i].value);
		ctr_buf_addc(buf, ',');
		put_text(buf, report->facts[i].warning);
		ctr_buf_adds(buf, "\r\n");
	}
}
