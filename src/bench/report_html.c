/* The report as one page that needs nothing else: no script, no font, no image, no network. */
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "bench/report.h"
#include "bench/report_html.h"
#include "bench/svg.h"

static const char style[] =
	"body{font:16px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:980px;"
	"margin:2.5rem auto;padding:0 1.5rem}"
	"h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.4rem 0 .6rem}"
	"p{margin:.4rem 0}.m{color:#57606a}code{font:13px ui-monospace,monospace;"
	"background:#f3f4f6;padding:.1em .35em;border-radius:3px;overflow-wrap:anywhere}"
	".t{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px;"
	"font-variant-numeric:tabular-nums}"
	"th,td{padding:.35rem .6rem;text-align:right;border-bottom:1px solid #e3e6ea;"
	"vertical-align:top;white-space:nowrap}"
	"th{font-weight:600;color:#57606a}th:first-child,td:first-child{text-align:left}"
	"td small{display:block;color:#57606a;font-size:12px}"
	"tr.u td{background:#fbf7ef}tr.h td{background:#fbf7ef;color:#7a5b12;font-size:12px;"
	"text-align:left;white-space:normal}"
	"table.f{table-layout:fixed}table.f td{text-align:left;white-space:normal;"
	"overflow-wrap:anywhere}table.f td:first-child{width:32%}"
	".k{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.5em}"
	"svg{width:100%;height:auto;display:block}svg text{font:13px system-ui,sans-serif;"
	"fill:#1b1f24}svg text.s{font-size:12px;fill:#57606a}svg text.w{fill:#fff}"
	"svg text.b{fill:#1b1f24}svg text.n{font-weight:600}"
	"svg .g{stroke:#e3e6ea;stroke-width:1}"
	"ol,dl{margin:.4rem 0;padding-left:1.3rem}dl{padding:0}dt{font-weight:600;"
	"margin-top:.6rem}dd{margin:0}.x{color:#9a3412}"
	"@media print{body{margin:0;max-width:none}}";

/* Nothing of @text (may be NULL) is markup then. */
static void add_text(struct ctr_buf *buf, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '&':
			ctr_buf_adds(buf, "&amp;");
			break;
		case '<':
			ctr_buf_adds(buf, "&lt;");
			break;
		case '>':
			ctr_buf_adds(buf, "&gt;");
			break;
		case '"':
			ctr_buf_adds(buf, "&quot;");
			break;
		default:
			/* What a terminal would take for a command is nothing for a page. */
			ctr_buf_addc(buf,
				     (unsigned char)*text < 0x20 && *text != '\n' ? ' ' : *text);
		}
	}
}

void ctr_html_kind(struct ctr_buf *buf, const struct ctr_row *row)
{
	const char *accel = ctr_row_mark(row);

	ctr_buf_addf(buf, "<td><span class=\"k\" style=\"background:%s\"></span>%s%s%s</td>",
		     ctr_svg_color(row->kind), row->kind, accel ? " \xc2\xb7 " : "",
		     accel ? accel : "");
}

void ctr_html_estimate(struct ctr_buf *buf, const struct ctr_estimate *e)
{
	char median[CTR_NUMBER_TEXT], low[CTR_NUMBER_TEXT], high[CTR_NUMBER_TEXT];

	if (e->n == 0)
		ctr_buf_adds(buf, "<td>\xe2\x80\x93</td>");
	else if (!e->interval)
		ctr_buf_addf(buf, "<td>%s</td>", ctr_number(median, e->median));
	else
		ctr_buf_addf(buf, "<td>%s<small>%s \xe2\x80\x93 %s</small></td>",
			     ctr_number(median, e->median), ctr_number(low, e->low),
			     ctr_number(high, e->high));
}

void ctr_html_ratio(struct ctr_buf *buf, const struct ctr_estimate *ratio)
{
	if (ratio->interval && ratio->low <= 1 && ratio->high >= 1) {
		char low[CTR_NUMBER_TEXT], high[CTR_NUMBER_TEXT];

		ctr_buf_addf(buf, "<td>no difference seen<small>%s \xe2\x80\x93 %s</small></td>",
			     ctr_number(low, ratio->low), ctr_number(high, ratio->high));
	} else {
		ctr_html_estimate(buf, ratio);
	}
}

static void times_row(struct ctr_buf *buf, const struct ctr_report *report,
		      const struct ctr_row *row)
{
	ctr_buf_addf(buf, "<tr%s>", ctr_row_ranked(row) ? "" : " class=\"u\"");
	ctr_html_kind(buf, row);
	ctr_html_estimate(buf, &row->times[CTR_METRIC_CREATE]);
	ctr_html_estimate(buf, &row->times[CTR_METRIC_FIRST]);
	ctr_html_estimate(buf, &row->times[CTR_METRIC_EXIT]);
	ctr_html_estimate(buf, &row->times[CTR_METRIC_TEARDOWN]);
	if (row == report->base)
		ctr_buf_adds(buf, "<td>1</td>");
	else
		ctr_html_ratio(buf, &row->ratios[ctr_report_headline(report)]);
	if (row->status < 0)
		ctr_buf_adds(buf, "<td class=\"x\">varies</td>");
	else
		ctr_buf_addf(buf, "<td%s>%d%s</td>",
			     row->same_status || !report->base ? "" : " class=\"x\"", row->status,
			     row->same_status || !report->base ? "" : " differs");
	ctr_buf_addf(buf, "<td>%zu of %zu</td></tr>\n", row->nsamples - row->nfailed,
		     row->nsamples);
}

static void times(struct ctr_buf *buf, const struct ctr_report *report)
{
	bool any = false;

	ctr_buf_adds(buf,
		     "<h2>Time</h2>\n<div class=\"t\"><table><tr><th>ms</th><th>created</th>"
		     "<th>first byte</th><th>exit</th><th>tear-down</th><th>\xc3\x97 container</th>"
		     "<th>status</th><th>runs</th></tr>\n");
	for (size_t i = 0; i < report->nrows; i++)
		if (report->rows[i].nsamples > 0 && ctr_row_ranked(&report->rows[i]))
			times_row(buf, report, &report->rows[i]);
	for (size_t i = 0; i < report->nrows; i++) {
		if (report->rows[i].nsamples == 0 || ctr_row_ranked(&report->rows[i]))
			continue;
		if (!any)
			ctr_buf_adds(buf,
				     "<tr class=\"h\"><td colspan=\"8\">Not ranked: a "
				     "translated processor shows that something works, not how "
				     "fast it is; a ported kernel is a category of its own."
				     "</td></tr>\n");
		any = true;
		times_row(buf, report, &report->rows[i]);
	}
	ctr_buf_adds(buf,
		     "</table></div>\n<p class=\"m\">Median and its 95 % interval. Created, "
		     "first byte and exit count from the request; tear-down from the exit until "
		     "no process and no state is left.</p>\n");
}

static void plots(struct ctr_buf *buf, const struct ctr_report *report)
{
	ctr_buf_adds(buf, "<h2>Every start</h2>\n");
	ctr_svg_ecdf(report, buf);
	ctr_buf_adds(buf, "<h2>Where the time goes</h2>\n");
	ctr_svg_phases(report, buf);
	ctr_buf_adds(
		buf,
		"<p class=\"m\">Milliseconds, medians of each phase. Every bar has a scale "
		"of its own. Of a machine, <i>hypervisor</i> lasts until the guest's kernel has a clock; <i>create</i> is what follows in the guest.</p>\n");
}

static void put_mib(struct ctr_buf *buf, double bytes)
{
	char text[CTR_NUMBER_TEXT];

	ctr_buf_addf(buf, "<td>%s</td>", ctr_mib(text, bytes));
}

static void put_memory(struct ctr_buf *buf, const struct ctr_footprint *memory)
{
	if (memory->unreadable > 0) {
		ctr_buf_adds(buf, "<td>?</td><td>?</td>");
	} else {
		put_mib(buf, (double)memory->pss);
		put_mib(buf, (double)memory->uss);
	}
	if (memory->has_cgroup) {
		put_mib(buf, (double)memory->current);
		put_mib(buf, (double)memory->kernel);
	} else {
		ctr_buf_adds(buf, "<td>\xe2\x80\x93</td><td>\xe2\x80\x93</td>");
	}
}

static void idle(struct ctr_buf *buf, const struct ctr_report *report)
{
	bool any = false;

	for (size_t i = 0; i < report->nrows; i++)
		any |= report->rows[i].nidle > 0;
	if (!any)
		return;

	ctr_buf_adds(buf, "<h2>Memory of an idle instance</h2>\n");
	ctr_svg_memory(report, buf);
	ctr_buf_adds(buf, "<div class=\"t\"><table><tr><th>MiB</th><th>PSS</th><th>USS</th>"
			  "<th>cgroup</th><th>of it kernel</th><th>processes</th></tr>\n");
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];
		struct ctr_footprint memory;

		if (row->nidle == 0)
			continue;
		memory = row->idle[0];
		memory.pss = CTR_IDLE(row, pss);
		memory.uss = CTR_IDLE(row, uss);
		memory.current = CTR_IDLE(row, current);
		memory.kernel = CTR_IDLE(row, kernel);
		ctr_buf_adds(buf, "<tr>");
		ctr_html_kind(buf, row);
		put_memory(buf, &memory);
		ctr_buf_addf(buf, "<td>%zu</td></tr>\n", memory.processes);
	}
	ctr_buf_adds(buf, "</table></div>\n<p class=\"m\">It runs ");
	add_text(buf, report->idle);
	ctr_buf_addf(buf, "; measured after %u ms, when ", report->settle_ms);
	add_text(buf, report->alive);
	ctr_buf_adds(buf, ".</p>\n");
}

/* ---- density */

static void put_slope(struct ctr_buf *buf, const struct ctr_line *line)
{
	char slope[CTR_NUMBER_TEXT], low[CTR_NUMBER_TEXT], high[CTR_NUMBER_TEXT];

	if (line->known && line->interval)
		ctr_buf_addf(buf, "<td>%s<small>%s \xe2\x80\x93 %s</small></td>",
			     ctr_mib(slope, line->slope), ctr_mib(low, line->low),
			     ctr_mib(high, line->high));
	else if (line->known)
		ctr_buf_addf(buf, "<td>%s<small>%zu points</small></td>",
			     ctr_mib(slope, line->slope), line->n);
	else
		ctr_buf_adds(buf, "<td>\xe2\x80\x93</td>");
}

static void slopes(struct ctr_buf *buf, const struct ctr_report *report)
{
	double room = (double)(report->available - report->reserve), about, least, most;
	const char *unknown;

	ctr_buf_adds(buf, "<div class=\"t\"><table><tr><th>MiB an instance</th><th>PSS</th>"
			  "<th>MemAvailable</th><th>alive at once</th><th>would fit</th>"
			  "<th>ended by</th></tr>\n");
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		if (!row->density.measured)
			continue;
		ctr_buf_adds(buf, "<tr>");
		ctr_html_kind(buf, row);
		put_slope(buf, &row->density.pss);
		put_slope(buf, &row->density.taken);
		ctr_buf_addf(buf, "<td>%zu</td>", row->density.largest);
		unknown = ctr_density_fits(report, row, &about, &least, &most);
		if (unknown)
			ctr_buf_addf(buf, "<td title=\"%s\">not known</td>", unknown);
		else if (row->density.taken.interval)
			ctr_buf_addf(buf,
				     "<td>about %.0f<small>%.0f \xe2\x80\x93 %.0f</small></td>",
				     about, least, most);
		else
			ctr_buf_addf(buf, "<td>about %.0f</td>", about);
		ctr_buf_adds(buf, "<td style=\"white-space:normal\">");
		add_text(buf, row->density.stopped);
		ctr_buf_adds(buf, "</td></tr>\n");
	}
	ctr_buf_addf(
		buf,
		"</table></div>\n<p class=\"m\">Slope of Theil and Sen with its 95 %% interval. "
		"What would fit: %.0f MiB (MemAvailable less a reserve of %.0f) by the slope of "
		"MemAvailable; not known where its interval has 0 in it, or where it has lost less "
		"than their PSS. Fewer than five points have no interval.</p>\n",
		room / 1048576, (double)report->reserve / 1048576);
}

static void points(struct ctr_buf *buf, const struct ctr_report *report)
{
	ctr_buf_adds(buf, "<div class=\"t\"><table><tr><th>MiB of all</th><th>instances</th>"
			  "<th>PSS</th><th>USS</th><th>cgroup</th><th>of it kernel</th>"
			  "<th>MemAvailable</th><th>residual</th><th>alive</th></tr>\n");
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		for (size_t j = 0; j < row->density.npoints; j++) {
			const struct ctr_point *point = &row->density.points[j];

			ctr_buf_adds(buf, "<tr>");
			ctr_html_kind(buf, row);
			ctr_buf_addf(buf, "<td>%zu</td>", point->n);
			put_memory(buf, &point->memory);
			put_mib(buf, (double)point->taken);
			put_mib(buf, (double)(point->taken - (int64_t)point->memory.pss));
			ctr_buf_addf(buf, "<td>%zu, %zu</td></tr>\n", point->alive,
				     point->alive_end);
		}
	}
	ctr_buf_adds(buf,
		     "</table></div>\n<p class=\"m\">MemAvailable: what it has lost since none "
		     "was there. Residual: that less PSS; it is the kernel's part, and whatever "
		     "else happened on the machine. Alive: before and after the measurement."
		     "</p>\n");
}

static void density(struct ctr_buf *buf, const struct ctr_report *report)
{
	bool any = false;
	struct ctr_buf text;

	for (size_t i = 0; i < report->nrows; i++)
		any |= report->rows[i].density.measured;
	if (!any)
		return;

	ctr_buf_adds(buf, "<h2>Density</h2>\n");
	ctr_svg_density(report, buf);
	slopes(buf, report);
	ctr_buf_init(&text, buf->arena);
	ctr_density_assumptions(report, &text);
	ctr_buf_adds(buf, "<p class=\"m\">What that depends on: ");
	add_text(buf, ctr_buf_str(&text));
	ctr_buf_adds(buf, ".</p>\n");
	points(buf, report);
}

/* ---- words */

static void taxonomy(struct ctr_buf *buf, const struct ctr_report *report)
{
	ctr_buf_adds(buf, "<h2>What the rows are</h2>\n<dl>\n");
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		ctr_buf_addf(buf, "<dt>%s</dt><dd>", row->kind);
		add_text(buf, row->taxonomy);
		if (row->guest) {
			struct ctr_buf text;

			ctr_buf_init(&text, buf->arena);
			ctr_guest_text(row, &text);
			ctr_buf_adds(buf, "<br>The guest has ");
			add_text(buf, ctr_buf_str(&text));
			ctr_buf_adds(buf, ".");
		}
		if (row->refused) {
			ctr_buf_adds(buf, "<br><span class=\"x\">It did not run: ");
			add_text(buf, row->refused);
			ctr_buf_adds(buf, "</span>");
		}
		if (row->leaves) {
			ctr_buf_adds(buf, "<br>Of this bundle it does not carry out: ");
			add_text(buf, row->leaves);
		}
		if (row->warm_up >= 0) {
			char text[CTR_NUMBER_TEXT];

			ctr_buf_addf(buf,
				     "<br><span class=\"m\">First run, with all that is made "
				     "once: %s ms.</span>",
				     ctr_number(text, (double)row->warm_up / 1e6));
		}
		ctr_buf_adds(buf, "</dd>\n");
	}
	ctr_buf_adds(buf, "</dl>\n");
}

static void fault(struct ctr_buf *buf, bool *any, const struct ctr_row *row, uint32_t at_once,
		  const char *text)
{
	if (!text)
		return;
	if (!*any)
		ctr_buf_adds(buf, "<h2>Runs that failed</h2>\n<ul>\n");
	*any = true;
	ctr_buf_addf(buf, "<li>%s", row->kind);
	if (at_once > 0)
		ctr_buf_addf(buf, ", %u at once", at_once);
	ctr_buf_adds(buf, ": ");
	add_text(buf, text);
	ctr_buf_adds(buf, "</li>\n");
}

static void faults(struct ctr_buf *buf, const struct ctr_report *report)
{
	bool any = false;

	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		for (size_t j = 0; j < row->nsamples; j++)
			fault(buf, &any, row, 0, row->samples[j].error);
		for (size_t j = 0; j < row->nparallel; j++) {
			const struct ctr_parallel *parallel = &row->parallel[j];

			if (!row->refused)
				fault(buf, &any, row, parallel->n, parallel->refused);
			for (size_t k = 0; k < parallel->nbursts; k++)
				fault(buf, &any, row, parallel->n, parallel->bursts[k].error);
		}
		fault(buf, &any, row, 0, row->idle_error);
	}
	if (any)
		ctr_buf_adds(buf, "</ul>\n");
}

static void environment(struct ctr_buf *buf, const struct ctr_report *report)
{
	ctr_buf_adds(buf, "<h2>Where it was measured</h2>\n<table class=\"f\">\n");
	for (size_t i = 0; i < report->nfacts; i++) {
		const struct ctr_fact *fact = &report->facts[i];

		ctr_buf_adds(buf, "<tr><td>");
		add_text(buf, fact->name);
		ctr_buf_adds(buf, "</td><td>");
		add_text(buf, fact->value);
		if (fact->warning) {
			ctr_buf_adds(buf, "<br><span class=\"x\">");
			add_text(buf, fact->warning);
			ctr_buf_adds(buf, "</span>");
		}
		ctr_buf_adds(buf, "</td></tr>\n");
	}
	ctr_buf_adds(buf, "</table>\n<h2>Rules</h2>\n<ol>\n");
	for (size_t i = 0; ctr_fairness_rules[i]; i++) {
		ctr_buf_adds(buf, "<li>");
		add_text(buf, ctr_fairness_rules[i]);
		ctr_buf_adds(buf, "</li>\n");
	}
	ctr_buf_adds(buf, "</ol>\n");
}

void ctr_report_html(const struct ctr_report *report, struct ctr_buf *buf)
{
	bool timed = false;

	for (size_t i = 0; i < report->nrows; i++)
		timed |= report->rows[i].times[CTR_METRIC_TOTAL].n > 0;

	ctr_buf_addf(buf,
		     "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width\">\n"
		     "<title>ctr compare</title>\n<style>%s</style></head><body>\n",
		     style);
	ctr_buf_adds(buf, "<h1>One bundle, every kind of virtualization</h1>\n<p><code>");
	add_text(buf, report->command);
	ctr_buf_adds(buf, "</code> in <code>");
	add_text(buf, report->bundle);
	ctr_buf_addf(buf,
		     "</code></p>\n<p class=\"m\">%u blocks in random order, seed %llu \xc2\xb7 ",
		     report->runs, (unsigned long long)report->seed);
	add_text(buf, report->when);
	ctr_buf_adds(buf, " \xc2\xb7 ctr ");
	add_text(buf, report->version);
	ctr_buf_adds(buf, "</p>\n");
	if (report->interrupted)
		ctr_buf_adds(buf, "<p class=\"x\">Interrupted: what follows is not all.</p>\n");

	if (timed) {
		times(buf, report);
		plots(buf, report);
	}
	ctr_html_parallel(buf, report);
	idle(buf, report);
	density(buf, report);
	taxonomy(buf, report);
	faults(buf, report);
	environment(buf, report);
	ctr_buf_adds(buf, "</body></html>\n");
}
