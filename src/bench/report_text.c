/* The report for a terminal. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "bench/report.h"

enum { COLUMNS_MAX = 8, ROWS_MAX = 64, CELL_MAX = 64 };

/* Cells, lined up: the first column to the left, the others to the right. */
struct table {
	char cells[ROWS_MAX][COLUMNS_MAX][CELL_MAX];
	size_t nrows, ncolumns;
};

static char *cell(struct table *table, size_t column)
{
	return table->cells[table->nrows][column];
}

static void put(struct table *table, size_t column, const char *text)
{
	(void)snprintf(cell(table, column), CELL_MAX, "%s", text);
}

static void end_row(struct table *table)
{
	if (table->nrows < ROWS_MAX - 1)
		table->nrows++;
	memset(table->cells[table->nrows], 0, sizeof(table->cells[0]));
}

static void print(const struct table *table, struct ctr_buf *buf)
{
	size_t width[COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < table->nrows; i++)
		for (size_t j = 0; j < table->ncolumns; j++)
			if (strlen(table->cells[i][j]) > width[j])
				width[j] = strlen(table->cells[i][j]);

	for (size_t i = 0; i < table->nrows; i++) {
		for (size_t j = 0; j < table->ncolumns; j++)
			ctr_buf_addf(buf, "%s%*s", j > 0 ? "  " : "",
				     j > 0 ? (int)width[j] : -(int)width[j], table->cells[i][j]);
		while (buf->len > 0 && buf->data[buf->len - 1] == ' ')
			buf->data[--buf->len] = '\0';
		ctr_buf_addc(buf, '\n');
	}
}

static void begin(struct table *table, const char *const *heads, size_t n)
{
	memset(table, 0, sizeof(*table));
	table->ncolumns = n;
	for (size_t i = 0; i < n; i++)
		put(table, i, heads[i]);
	end_row(table);
}

/* "8.02 [7.90, 8.11]" */
static void put_estimate(struct table *table, size_t column, const struct ctr_estimate *e)
{
	char median[CTR_NUMBER_TEXT], low[CTR_NUMBER_TEXT], high[CTR_NUMBER_TEXT];

	if (e->n == 0)
		put(table, column, "-");
	else if (!e->interval)
		put(table, column, ctr_number(median, e->median));
	else
		(void)snprintf(cell(table, column), CELL_MAX, "%s [%s, %s]",
			       ctr_number(median, e->median), ctr_number(low, e->low),
			       ctr_number(high, e->high));
}

/* An interval that has 1 in it tells no difference. */
static void put_ratio(struct table *table, size_t column, const struct ctr_estimate *ratio)
{
	char low[CTR_NUMBER_TEXT], high[CTR_NUMBER_TEXT];

	if (ratio->interval && ratio->low <= 1 && ratio->high >= 1)
		(void)snprintf(cell(table, column), CELL_MAX, "no difference [%s, %s]",
			       ctr_number(low, ratio->low), ctr_number(high, ratio->high));
	else
		put_estimate(table, column, ratio);
}

static void put_kind(struct table *table, const struct ctr_row *row)
{
	const char *mark = ctr_row_mark(row);

	(void)snprintf(cell(table, 0), CELL_MAX, "%s%s%s%s", row->kind, mark ? " (" : "",
		       mark ? mark : "", mark ? ")" : "");
}

static void put_times(struct table *table, const struct ctr_report *report, bool ranked)
{
	enum ctr_metric headline = ctr_report_headline(report);

	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		if (row->nsamples == 0 || ctr_row_ranked(row) != ranked)
			continue;
		put_kind(table, row);
		put_estimate(table, 1, &row->times[CTR_METRIC_FIRST]);
		put_estimate(table, 2, &row->times[CTR_METRIC_EXIT]);
		put_estimate(table, 3, &row->times[CTR_METRIC_TEARDOWN]);
		if (row == report->base)
			put(table, 4, "1");
		else
			put_ratio(table, 4, &row->ratios[headline]);
		if (row->status < 0)
			put(table, 5, "varies");
		else
			(void)snprintf(cell(table, 5), CELL_MAX, "%d%s", row->status,
				       row->same_status || !report->base ? "" : " differs");
		(void)snprintf(cell(table, 6), CELL_MAX, "%zu/%zu", row->nsamples - row->nfailed,
			       row->nsamples);
		end_row(table);
	}
}

static void text_times(const struct ctr_report *report, struct table *table, struct ctr_buf *buf)
{
	static const char *const heads[] = { "ms",          "first byte", "to exit", "tear-down",
					     "x container", "status",     "runs" };
	size_t before;

	begin(table, heads, CTR_ARRAY_SIZE(heads));
	put_times(table, report, true);
	before = table->nrows;
	put(table, 0, "not ranked:");
	end_row(table);
	put_times(table, report, false);
	if (table->nrows == before + 1)
		table->nrows = before;
	if (before == 1 && table->nrows == 1)
		return;
	print(table, buf);
	ctr_buf_addf(buf,
		     "\n%u blocks in random order, seed %llu; median [95 %% interval]. Ratio: "
		     "%s, paired by block.%s\n",
		     report->runs, (unsigned long long)report->seed,
		     ctr_report_headline(report) == CTR_METRIC_FIRST ? "first byte" : "to exit",
		     report->cold ? " The page cache was empty before each run." : "");
}

static void put_parallel(struct table *table, const struct ctr_report *report, size_t which,
			 bool ranked)
{
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];
		const struct ctr_parallel *parallel = &row->parallel[which];

		if (parallel->nbursts == 0 || ctr_row_ranked(row) != ranked)
			continue;
		put_kind(table, row);
		for (size_t rate = 0; rate < CTR_RATE_COUNT; rate++)
			put_estimate(table, 1 + rate, &parallel->rates[rate]);
		if (row == report->base)
			put(table, 1 + CTR_RATE_COUNT, "1");
		else
			put_ratio(table, 1 + CTR_RATE_COUNT, &parallel->ratios[CTR_RATE_STARTS]);
		(void)snprintf(cell(table, 2 + CTR_RATE_COUNT), CELL_MAX, "%zu/%zu",
			       parallel->nbursts - parallel->nfailed, parallel->nbursts);
		end_row(table);
	}
}

static void text_parallel(const struct ctr_report *report, struct table *table, struct ctr_buf *buf)
{
	const size_t sizes = report->nrows > 0 ? report->rows[0].nparallel : 0;

	for (size_t i = 0; i < sizes; i++) {
		char name[CELL_MAX];
		const char *const heads[] = { name,          "starts/s",    "lives/s", "ms, median",
					      "ms, slowest", "x container", "bursts" };
		size_t before;

		(void)snprintf(name, sizeof(name), "%u at once", report->rows[0].parallel[i].n);
		begin(table, heads, CTR_ARRAY_SIZE(heads));
		put_parallel(table, report, i, true);
		before = table->nrows;
		put(table, 0, "not ranked:");
		end_row(table);
		put_parallel(table, report, i, false);
		if (table->nrows == before + 1)
			table->nrows = before;
		if (before == 1 && table->nrows == 1)
			continue;
		ctr_buf_addc(buf, '\n');
		print(table, buf);
	}
	if (sizes > 0)
		ctr_buf_adds(buf,
			     "\nRequests at the same moment. Starts: until the last one's first "
			     "byte; lives: until nothing of them is\nleft; ms: from the request to "
			     "the first byte. Ratio: starts a second, paired by block.\n");
}

static void put_mib(struct table *table, size_t column, double bytes)
{
	char text[CTR_NUMBER_TEXT];

	put(table, column, ctr_mib(text, bytes));
}

static void text_idle(const struct ctr_report *report, struct table *table, struct ctr_buf *buf)
{
	static const char *const heads[] = { "MiB, idle", "PSS",    "USS",
					     "cgroup",    "kernel", "processes" };
	char number[CTR_NUMBER_TEXT];

	begin(table, heads, CTR_ARRAY_SIZE(heads));
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		if (row->nidle == 0)
			continue;
		put_kind(table, row);
		if (row->idle[0].unreadable > 0) {
			put(table, 1, "?");
			put(table, 2, "?");
		} else {
			put_mib(table, 1, (double)CTR_IDLE(row, pss));
			put_mib(table, 2, (double)CTR_IDLE(row, uss));
		}
		if (row->idle[0].has_cgroup) {
			put_mib(table, 3, (double)CTR_IDLE(row, current));
			put_mib(table, 4, (double)CTR_IDLE(row, kernel));
		} else {
			put(table, 3, "-");
			put(table, 4, "-");
		}
		(void)snprintf(number, sizeof(number), "%zu", row->idle[0].processes);
		put(table, 5, number);
		end_row(table);
	}
	if (table->nrows == 1)
		return;

	ctr_buf_addc(buf, '\n');
	print(table, buf);
	ctr_buf_addf(buf, "\nIt runs %s, and was measured after %u ms; it was alive: %s.\n",
		     report->idle, report->settle_ms, report->alive);
}

static void text_line(const char *name, const struct ctr_line *line, struct ctr_buf *buf)
{
	char slope[CTR_NUMBER_TEXT], low[CTR_NUMBER_TEXT], high[CTR_NUMBER_TEXT];

	if (!line->known)
		return;
	if (line->interval)
		ctr_buf_addf(buf, "    %s: %s [%s, %s] MiB an instance\n", name,
			     ctr_mib(slope, line->slope), ctr_mib(low, line->low),
			     ctr_mib(high, line->high));
	else
		ctr_buf_addf(buf,
			     "    %s: %s MiB an instance (%zu points: too few for an interval)\n",
			     name, ctr_mib(slope, line->slope), line->n);
}

static void text_density_row(const struct ctr_report *report, const struct ctr_row *row,
			     struct table *table, struct ctr_buf *buf)
{
	static const char *const heads[] = { "",       "PSS",   "USS",      "cgroup",
					     "kernel", "taken", "residual", "alive" };
	const struct ctr_density *density = &row->density;
	const double room = (double)(report->available - report->reserve);
	double about, least, most;
	const char *unknown;

	begin(table, heads, CTR_ARRAY_SIZE(heads));
	table->nrows = 0;
	put_kind(table, row);
	table->nrows = 1;
	for (size_t i = 0; i < density->npoints; i++) {
		const struct ctr_point *point = &density->points[i];

		(void)snprintf(cell(table, 0), CELL_MAX, "%zu", point->n);
		put_mib(table, 1, (double)point->memory.pss);
		put_mib(table, 2, (double)point->memory.uss);
		put(table, 3, "-");
		put(table, 4, "-");
		if (point->memory.has_cgroup) {
			put_mib(table, 3, (double)point->memory.current);
			put_mib(table, 4, (double)point->memory.kernel);
		}
		put_mib(table, 5, (double)point->taken);
		put_mib(table, 6, (double)(point->taken - (int64_t)point->memory.pss));
		(void)snprintf(cell(table, 7), CELL_MAX, "%zu, %zu", point->alive,
			       point->alive_end);
		end_row(table);
	}

	ctr_buf_addc(buf, '\n');
	print(table, buf);
	text_line("PSS", &density->pss, buf);
	text_line("MemAvailable", &density->taken, buf);
	ctr_buf_addf(buf, "    %zu were alive at once; it ended by: %s\n", density->largest,
		     density->stopped);
	unknown = ctr_density_fits(report, row, &about, &least, &most);
	if (unknown)
		ctr_buf_addf(buf, "    how many would fit is not known: %s\n", unknown);
	else if (density->taken.interval)
		ctr_buf_addf(buf, "    about %.0f [%.0f, %.0f] would fit into %.0f MiB\n", about,
			     least, most, room / 1048576);
	else
		ctr_buf_addf(buf, "    about %.0f would fit into %.0f MiB\n", about,
			     room / 1048576);
}

static void text_density(const struct ctr_report *report, struct table *table, struct ctr_buf *buf)
{
	bool any = false;

	for (size_t i = 0; i < report->nrows; i++) {
		if (!report->rows[i].density.measured)
			continue;
		if (!any)
			ctr_buf_adds(buf, "\nDensity, MiB for all instances (taken: what "
					  "MemAvailable has lost; residual: taken less PSS)\n");
		any = true;
		text_density_row(report, &report->rows[i], table, buf);
	}
	if (!any)
		return;
	ctr_buf_adds(buf, "\nWhat that depends on: ");
	ctr_density_assumptions(report, buf);
	ctr_buf_adds(buf, ".\n");
}

static void text_guests(const struct ctr_report *report, struct ctr_buf *buf)
{
	for (size_t i = 0; i < report->nrows; i++) {
		if (!report->rows[i].guest)
			continue;
		ctr_buf_addf(buf, "\n%s: a guest with ", report->rows[i].kind);
		ctr_guest_text(&report->rows[i], buf);
	}
}

static void text_parallel_faults(const struct ctr_row *row, const struct ctr_parallel *parallel,
				 struct ctr_buf *buf)
{
	if (parallel->refused && !row->refused)
		ctr_buf_addf(buf, "\n%s, %u at once: %s", row->kind, parallel->n,
			     parallel->refused);
	for (size_t i = 0; i < parallel->nbursts; i++)
		if (parallel->bursts[i].error)
			ctr_buf_addf(buf, "\n%s, %u at once, block %u: %s", row->kind, parallel->n,
				     parallel->bursts[i].block, parallel->bursts[i].error);
}

static void text_faults(const struct ctr_report *report, struct ctr_buf *buf)
{
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		if (row->refused)
			ctr_buf_addf(buf, "\n%s did not run: %s", row->kind, row->refused);
		if (row->leaves)
			ctr_buf_addf(buf, "\n%s does not carry out: %s", row->kind, row->leaves);
		if (row->idle_error)
			ctr_buf_addf(buf, "\n%s, idle: %s", row->kind, row->idle_error);
		for (size_t j = 0; j < row->nsamples; j++)
			if (row->samples[j].error)
				ctr_buf_addf(buf, "\n%s, block %u: %s", row->kind,
					     row->samples[j].block, row->samples[j].error);
		for (size_t j = 0; j < row->nparallel; j++)
			text_parallel_faults(row, &row->parallel[j], buf);
	}
	if (buf->len > 0 && buf->data[buf->len - 1] != '\n')
		ctr_buf_addc(buf, '\n');
}

/* What was run, and what disturbs. The rest of the environment is for programs and the page. */
static void text_facts(const struct ctr_report *report, bool digests, struct ctr_buf *buf)
{
	bool any = false;

	for (size_t i = 0; i < report->nfacts; i++) {
		const struct ctr_fact *fact = &report->facts[i];

		if (fact->digest != digests || (!digests && !fact->warning))
			continue;
		if (!any)
			ctr_buf_adds(buf, digests ? "\nWhat was run\n" : "\nThis machine\n");
		any = true;
		ctr_buf_addf(buf, "  %s: %s%s%s\n", fact->name, fact->value ? fact->value : "",
			     fact->value && fact->warning ? ": " : "",
			     fact->warning ? fact->warning : "");
	}
}

void ctr_report_text(const struct ctr_report *report, struct ctr_buf *buf)
{
	struct table table;

	ctr_buf_addf(buf, "%s: %s\n\n", report->bundle, report->command);
	if (report->interrupted)
		ctr_buf_adds(buf, "Interrupted: what follows is not all.\n\n");
	text_times(report, &table, buf);
	text_parallel(report, &table, buf);
	text_idle(report, &table, buf);
	text_density(report, &table, buf);
	text_guests(report, buf);
	text_faults(report, buf);

	ctr_buf_adds(buf, "\nRules\n");
	for (size_t i = 0; ctr_fairness_rules[i]; i++)
		ctr_buf_addf(buf, "  %zu. %s\n", i + 1, ctr_fairness_rules[i]);
	text_facts(report, true, buf);
	text_facts(report, false, buf);
}
