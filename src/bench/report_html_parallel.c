/* The page's section of throughput: a plot over the sizes of bursts, a table. */
#include "base/buf.h"
#include "bench/report.h"
#include "bench/report_html.h"
#include "bench/svg.h"

static void size_row(struct ctr_buf *buf, const struct ctr_report *report,
		     const struct ctr_row *row, const struct ctr_parallel *parallel)
{
	ctr_buf_addf(buf, "<tr%s>", ctr_row_ranked(row) ? "" : " class=\"u\"");
	ctr_html_kind(buf, row);
	ctr_buf_addf(buf, "<td>%u</td>", parallel->n);
	for (size_t i = 0; i < CTR_RATE_COUNT; i++)
		ctr_html_estimate(buf, &parallel->rates[i]);
	if (row == report->base)
		ctr_buf_adds(buf, "<td>1</td>");
	else
		ctr_html_ratio(buf, &parallel->ratios[CTR_RATE_STARTS]);
	ctr_buf_addf(buf, "<td>%zu of %zu</td></tr>\n", parallel->nbursts - parallel->nfailed,
		     parallel->nbursts);
}

static void rows(struct ctr_buf *buf, const struct ctr_report *report, bool ranked)
{
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		for (size_t j = 0; j < row->nparallel && ctr_row_ranked(row) == ranked; j++)
			if (row->parallel[j].nbursts > 0)
				size_row(buf, report, row, &row->parallel[j]);
	}
}

void ctr_html_parallel(struct ctr_buf *buf, const struct ctr_report *report)
{
	bool ranked = false, others = false;

	for (size_t i = 0; i < report->nrows; i++)
		for (size_t j = 0; j < report->rows[i].nparallel; j++)
			if (report->rows[i].parallel[j].nbursts > 0)
				*(ctr_row_ranked(&report->rows[i]) ? &ranked : &others) = true;
	if (!ranked && !others)
		return;

	ctr_buf_adds(buf, "<h2>Many starts at once</h2>\n");
	ctr_svg_parallel(report, buf);
	ctr_buf_adds(buf, "<div class=\"t\"><table><tr><th></th><th>at once</th><th>starts/s</th>"
			  "<th>lives/s</th><th>first byte, ms</th><th>slowest, ms</th>"
			  "<th>\xc3\x97 container</th><th>bursts</th></tr>\n");
	rows(buf, report, true);
	if (others)
		ctr_buf_adds(buf, "<tr class=\"h\"><td colspan=\"8\">Not ranked.</td></tr>\n");
	rows(buf, report, false);
	ctr_buf_adds(
		buf,
		"</table></div>\n<p class=\"m\">All are asked for at the same moment. Starts a "
		"second: their number over the time to the last one's first byte (its end where it has no output); lives: over "
		"the time until no process and no state of them is left. Ratio: starts a second, "
		"paired by block.</p>\n");
}
