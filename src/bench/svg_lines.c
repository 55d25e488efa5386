/* Lines: the distribution of starts, and memory over the number of instances. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "bench/report.h"
#include "bench/svg.h"

enum { WIDTH = 860, HEIGHT = 340, LEFT = 62, RIGHT = 150, TOP = 24, BOTTOM = 48 };

static const double plot_width = WIDTH - LEFT - RIGHT, plot_height = HEIGHT - TOP - BOTTOM;

double ctr_log10(double x)
{
	double result = 0, bit = 0.5;

	for (; x >= 2; x /= 2)
		result += 1;
	for (; x < 1; x *= 2)
		result -= 1;
	/* One binary digit of the logarithm a step: a square has twice the logarithm. */
	for (size_t i = 0; i < 40; i++, bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}

	return result * 0.30102999566398119521;
}

double ctr_nice_step(double x)
{
	double step = 1;

	while (step < x)
		step *= 10;
	while (step / 10 >= x)
		step /= 10;
	return step / 5 >= x ? step / 5 : step / 2 >= x ? step / 2 : step;
}

static double from_bottom(double share)
{
	return TOP + plot_height * (1 - share);
}

static void open_svg(struct ctr_buf *buf, const char *label)
{
	ctr_buf_addf(buf,
		     "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\" "
		     "xmlns=\"http://www.w3.org/2000/svg\">\n",
		     WIDTH, HEIGHT, label);
}

static void grid_x(struct ctr_buf *buf, double x, const char *text)
{
	ctr_buf_addf(buf,
		     "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\" class=\"g\"/>"
		     "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" class=\"s\">%s</text>\n",
		     x, x, TOP, from_bottom(0), x, from_bottom(0) + 18, text);
}

static void grid_y(struct ctr_buf *buf, double share, const char *text)
{
	ctr_buf_addf(buf,
		     "<line x1=\"%d\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/>"
		     "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" class=\"s\">%s</text>\n",
		     LEFT, LEFT + plot_width, from_bottom(share), from_bottom(share), LEFT - 8,
		     from_bottom(share) + 4, text);
}

static void x_title(struct ctr_buf *buf, const char *text)
{
	ctr_buf_addf(buf,
		     "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" class=\"s\">%s</text>\n",
		     LEFT + plot_width / 2, HEIGHT - 8, text);
}

/* ---- ECDF */

struct logarithmic {
	double low, high; /* of the axis, as logarithms */
};

static double place(const struct logarithmic *axis, double value)
{
	return LEFT + plot_width * (ctr_log10(value) - axis->low) / (axis->high - axis->low);
}

static void time_axis(const struct logarithmic *axis, struct ctr_buf *buf)
{
	static const double steps[] = { 1, 2, 5 };
	double decade = 0.001, last = -100;

	for (; ctr_log10(decade) < axis->high; decade *= 10) {
		for (size_t i = 0; i < CTR_ARRAY_SIZE(steps); i++) {
			double value = decade * steps[i], x;
			char text[CTR_NUMBER_TEXT];

			if (ctr_log10(value) < axis->low || ctr_log10(value) > axis->high)
				continue;
			x = place(axis, value);
			if (x - last < 46)
				continue;
			last = x;
			(void)snprintf(text, sizeof(text), value < 1000 ? "%g ms" : "%g s",
				       value < 1000 ? value : value / 1000);
			grid_x(buf, x, text);
		}
	}
}

/* All good values of @row, sorted: how many. */
static size_t values_of(const struct ctr_row *row, enum ctr_metric metric, double *values,
			size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < row->nsamples && n < size; i++) {
		double value = ctr_sample_value(&row->samples[i], metric);

		if (!row->samples[i].error && value > 0)
			values[n++] = value;
	}
	ctr_sort(values, n);
	return n;
}

enum { VALUES_MAX = 2000 };

static void step_line(const struct logarithmic *axis, const struct ctr_row *row,
		      const double *values, size_t n, struct ctr_buf *buf)
{
	ctr_buf_addf(buf, "<path d=\"M%.1f %.1f", place(axis, values[0]), from_bottom(0));
	for (size_t i = 0; i < n; i++)
		ctr_buf_addf(buf, "V%.1f H%.1f", from_bottom((double)(i + 1) / (double)n),
			     place(axis, values[i + 1 < n ? i + 1 : i]));
	ctr_buf_addf(buf, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n",
		     ctr_svg_color(row->kind),
		     ctr_row_ranked(row) ? "" : " stroke-dasharray=\"5 4\"");
}

static void line_label(struct ctr_buf *buf, size_t i, const struct ctr_row *row, const char *value,
		       const char *unit)
{
	const char *accel = ctr_row_mark(row);
	double y = TOP + 12 + 36 * (double)i, x = LEFT + plot_width + 14;

	ctr_buf_addf(buf,
		     "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
		     "stroke-width=\"3\"%s/>"
		     "<text x=\"%.1f\" y=\"%.1f\">%s%s%s</text>"
		     "<text x=\"%.1f\" y=\"%.1f\" class=\"s\">%s %s</text>\n",
		     x, x + 16, y - 4, y - 4, ctr_svg_color(row->kind),
		     ctr_row_ranked(row) ? "" : " stroke-dasharray=\"5 4\"", x + 22, y, row->kind,
		     accel ? " \xc2\xb7 " : "", accel ? accel : "", x + 22, y + 15, value, unit);
}

void ctr_svg_ecdf(const struct ctr_report *report, struct ctr_buf *buf)
{
	enum ctr_metric metric = ctr_report_headline(report);
	struct logarithmic axis = { 0, 0 };
	double values[VALUES_MAX];
	char text[CTR_NUMBER_TEXT];
	bool any = false;
	size_t shown = 0;

	for (size_t i = 0; i < report->nrows; i++) {
		size_t n = values_of(&report->rows[i], metric, values, VALUES_MAX);

		if (n == 0)
			continue;
		if (!any || ctr_log10(values[0]) < axis.low)
			axis.low = ctr_log10(values[0]);
		if (!any || ctr_log10(values[n - 1]) > axis.high)
			axis.high = ctr_log10(values[n - 1]);
		any = true;
	}
	axis.low -= 0.08;
	axis.high += 0.08;

	open_svg(buf, "Distribution of start times");
	for (size_t i = 0; i <= 4; i++) {
		(void)snprintf(text, sizeof(text), "%zu %%", i * 25);
		grid_y(buf, (double)i / 4, text);
	}
	if (any)
		time_axis(&axis, buf);
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];
		size_t n = values_of(row, metric, values, VALUES_MAX);

		if (n == 0)
			continue;
		step_line(&axis, row, values, n, buf);
		line_label(buf, shown++, row, ctr_number(text, row->times[metric].median),
			   "ms median");
	}
	x_title(buf, metric == CTR_METRIC_FIRST ? "request to first byte (logarithmic)"
						: "request to exit (logarithmic)");
	ctr_buf_adds(buf, "</svg>\n");
}

/* ---- from zero on */

struct linear {
	double x_max, y_max;
};

static double across(const struct linear *axes, double x)
{
	return LEFT + plot_width * x / axes->x_max;
}

static void grid(const struct linear *axes, const char *unit, struct ctr_buf *buf)
{
	double step = ctr_nice_step(axes->y_max / 6);
	char text[CTR_NUMBER_TEXT];

	for (double at = 0; at <= axes->y_max; at += step) {
		(void)snprintf(text, sizeof(text), "%g", at);
		grid_y(buf, at / axes->y_max, text);
	}
	step = ctr_nice_step(axes->x_max / 8);
	if (step < 1)
		step = 1;
	for (double at = 0; at <= axes->x_max; at += step) {
		(void)snprintf(text, sizeof(text), "%g", at);
		grid_x(buf, across(axes, at), text);
	}
	ctr_buf_addf(buf, "<text x=\"%d\" y=\"12\" text-anchor=\"end\" class=\"s\">%s</text>\n",
		     LEFT - 8, unit);
}

/* ---- starts at the same moment */

static void rate_line(const struct linear *axes, const struct ctr_row *row, struct ctr_buf *buf)
{
	const char *color = ctr_svg_color(row->kind);
	char command = 'M';

	ctr_buf_adds(buf, "<path d=\"");
	for (size_t i = 0; i < row->nparallel; i++) {
		const struct ctr_estimate *rate = &row->parallel[i].rates[CTR_RATE_STARTS];

		if (rate->n == 0)
			continue;
		ctr_buf_addf(buf, "%c%.1f %.1f", command, across(axes, row->parallel[i].n),
			     from_bottom(rate->median / axes->y_max));
		command = 'L';
	}
	ctr_buf_addf(buf, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s/>\n", color,
		     ctr_row_ranked(row) ? "" : " stroke-dasharray=\"5 4\"");
	/* The interval stands at its point. */
	for (size_t i = 0; i < row->nparallel; i++) {
		const struct ctr_estimate *rate = &row->parallel[i].rates[CTR_RATE_STARTS];
		const double x = across(axes, row->parallel[i].n);

		if (rate->n == 0)
			continue;
		ctr_buf_addf(buf,
			     "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>"
			     "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			     x, x, from_bottom(rate->low / axes->y_max),
			     from_bottom(rate->high / axes->y_max), color, x,
			     from_bottom(rate->median / axes->y_max), color);
	}
}

void ctr_svg_parallel(const struct ctr_report *report, struct ctr_buf *buf)
{
	struct linear axes = { 1, 0.001 };
	char text[CTR_NUMBER_TEXT];
	size_t shown = 0;

	for (size_t i = 0; i < report->nrows; i++)
		for (size_t j = 0; j < report->rows[i].nparallel; j++) {
			const struct ctr_parallel *parallel = &report->rows[i].parallel[j];

			if (parallel->n > axes.x_max)
				axes.x_max = parallel->n;
			if (parallel->rates[CTR_RATE_STARTS].high > axes.y_max)
				axes.y_max = parallel->rates[CTR_RATE_STARTS].high;
		}
	axes.y_max *= 1.05;

	open_svg(buf, "Starts a second over the number of starts at once");
	grid(&axes, "1/s", buf);
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];
		double most = 0;

		for (size_t j = 0; j < row->nparallel; j++)
			if (row->parallel[j].rates[CTR_RATE_STARTS].median > most)
				most = row->parallel[j].rates[CTR_RATE_STARTS].median;
		if (most <= 0)
			continue;
		rate_line(&axes, row, buf);
		line_label(buf, shown++, row, ctr_number(text, most), "a second");
	}
	x_title(buf, "starts at once (median of the bursts, with its 95 % interval)");
	ctr_buf_adds(buf, "</svg>\n");
}

/* ---- density */

static void curve(const struct linear *axes, const struct ctr_row *row, bool taken,
		  struct ctr_buf *buf)
{
	const struct ctr_density *density = &row->density;
	const char *dashes = ctr_row_ranked(row) ? "" : " stroke-dasharray=\"5 4\"";

	ctr_buf_adds(buf, "<path d=\"");
	for (size_t i = 0; i < density->npoints; i++) {
		const struct ctr_point *point = &density->points[i];
		double value = taken ? (double)point->taken : (double)point->memory.pss;

		ctr_buf_addf(buf, "%c%.1f %.1f", i == 0 ? 'M' : 'L', across(axes, (double)point->n),
			     from_bottom((value > 0 ? value : 0) / axes->y_max));
	}
	ctr_buf_addf(buf, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"%s/>\n",
		     ctr_svg_color(row->kind), taken ? "1.5" : "2.5",
		     taken ? " stroke-dasharray=\"2 3\"" : dashes);
	for (size_t i = 0; i < density->npoints && !taken; i++) {
		const struct ctr_point *point = &density->points[i];

		ctr_buf_addf(buf, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			     across(axes, (double)point->n),
			     from_bottom((double)point->memory.pss / axes->y_max),
			     ctr_svg_color(row->kind));
	}
}

static struct linear find_axes(const struct ctr_report *report)
{
	struct linear axes = { 1, 1 << 20 };

	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_density *density = &report->rows[i].density;

		for (size_t j = 0; j < density->npoints; j++) {
			const struct ctr_point *point = &density->points[j];

			if ((double)point->n > axes.x_max)
				axes.x_max = (double)point->n;
			if ((double)point->memory.pss > axes.y_max)
				axes.y_max = (double)point->memory.pss;
			if ((double)point->taken > axes.y_max)
				axes.y_max = (double)point->taken;
		}
	}
	axes.y_max *= 1.05;
	return axes;
}

void ctr_svg_density(const struct ctr_report *report, struct ctr_buf *buf)
{
	struct linear axes = find_axes(report);
	const struct linear scaled = { axes.x_max, axes.y_max / 1048576 };
	char text[CTR_NUMBER_TEXT];
	size_t shown = 0;

	open_svg(buf, "Memory over the number of instances");
	grid(&scaled, "MiB", buf);

	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];

		if (row->density.npoints == 0)
			continue;
		curve(&axes, row, true, buf);
		curve(&axes, row, false, buf);
		line_label(buf, shown++, row,
			   row->density.pss.known ? ctr_mib(text, row->density.pss.slope) : "?",
			   "MiB each");
	}
	x_title(buf, "idle instances (with points: PSS; dotted: what MemAvailable has lost)");
	ctr_buf_adds(buf, "</svg>\n");
}
