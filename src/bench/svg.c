/* Bars: phases and memory. Lines are in svg_lines.c. */
#include "bench/svg.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "bench/report.h"

enum { WIDTH = 860, LEFT = 110, RIGHT = 110, BAR = 22, GAP = 12 };

const char *ctr_svg_color(const char *kind)
{
	/* Okabe and Ito's: also told apart by who does not see all colours. */
	static const struct {
		const char *kind, *color;
	} colors[] = {
		{"process",    "#767676"},
                { "container", "#0072B2"},
                { "uml",       "#CC79A7"},
		{ "microvm",   "#009E73"},
                { "vm",        "#D55E00"},
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(colors); i++)
		if (strcmp(colors[i].kind, kind) == 0)
			return colors[i].color;

	return "#444444";
}

struct part {
	const char *name, *color;
};

/* Those of machines come first. */
static const struct part phases[] = {
	{"before",               "#D9DEE4"},
        { "hypervisor",          "#D55E00"},
	{ "guest's kernel",      "#CC79A7"},
        { "guest's init",        "#F0E442"},
	{ "create",              "#56B4E9"},
        { "start to first byte", "#0072B2"},
	{ "program",             "#B8BEC5"},
        { "tear-down",           "#E69F00"},
};

enum { MACHINE_PHASES = 4 };

static const struct part memories[] = {
	{"private (USS)",       "#0072B2"},
	{ "shared (PSS - USS)", "#9CCBEA"},
	{ "kernel (cgroup)",    "#E69F00"},
};

static void open_svg(struct ctr_buf *buf, size_t rows, const char *label)
{
	size_t height = 34 + rows * (BAR + GAP);

	ctr_buf_addf(buf,
		     "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-label=\"%s\" "
		     "xmlns=\"http://www.w3.org/2000/svg\">\n",
		     WIDTH, height, label);
}

static void legend(struct ctr_buf *buf, const struct part *parts, size_t n)
{
	int x = n > 6 ? 8 : LEFT;

	for (size_t i = 0; i < n; i++) {
		ctr_buf_addf(buf,
			     "<rect x=\"%d\" y=\"6\" width=\"11\" height=\"11\" rx=\"2\" "
			     "fill=\"%s\"/><text x=\"%d\" y=\"16\" class=\"s\">%s</text>\n",
			     x, parts[i].color, x + 16, parts[i].name);
		x += 30 + (int)strlen(parts[i].name) * 7;
	}
}

static int row_top(size_t row)
{
	return 30 + (int)row * (BAR + GAP);
}

static void row_label(struct ctr_buf *buf, size_t row, const struct ctr_row *of)
{
	const char *accel = ctr_row_mark(of);

	ctr_buf_addf(buf, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s%s%s</text>\n", LEFT - 10,
		     row_top(row) + 16, of->kind, accel ? " \xc2\xb7 " : "", accel ? accel : "");
}

/* A segment from @from of @width pixels; @text in it where there is room. */
static void segment(struct ctr_buf *buf, size_t row, double from, double width, const char *color,
		    const char *text)
{
	bool dark = strcmp(color, "#0072B2") == 0;

	if (width <= 0)
		return;
	ctr_buf_addf(buf,
		     "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\">"
		     "<title>%s</title></rect>\n",
		     from, row_top(row), width, BAR, color, text);
	if (width > 8 + 7 * (double)strlen(text))
		ctr_buf_addf(buf,
			     "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" class=\"%s\">%s"
			     "</text>\n",
			     from + width / 2, row_top(row) + 15, dark ? "s w" : "s b", text);
}

static void end_label(struct ctr_buf *buf, size_t row, double x, const char *text, const char *unit)
{
	ctr_buf_addf(buf, "<text x=\"%.1f\" y=\"%d\" class=\"n\">%s %s</text>\n", x + 8,
		     row_top(row) + 16, text, unit);
}

/* ---- phases */

/* The median over the runs of one phase, ms; 0: there is none. */
static double phase_median(const struct ctr_row *row, size_t phase)
{
	double values[1024];
	size_t n = 0;

	for (size_t i = 0; i < row->nsamples && n < CTR_ARRAY_SIZE(values); i++) {
		const struct ctr_sample *sample = &row->samples[i];
		/* Without output, the program is all that follows create. */
		int64_t first = sample->first < 0 ? sample->created : sample->first;
		const int64_t moments[] = { 0,
					    sample->vmm,
					    sample->kernel,
					    sample->init,
					    sample->hello,
					    sample->created,
					    first,
					    sample->exited,
					    sample->gone };

		if (!sample->error)
			values[n++] = (double)(moments[phase + 1] - moments[phase]) / 1e6;
	}
	if (n == 0)
		return 0;

	ctr_sort(values, n);
	return ctr_quantile(values, n, 0.5);
}

static size_t count_measured(const struct ctr_report *report, bool idle)
{
	size_t n = 0;

	for (size_t i = 0; i < report->nrows; i++)
		n += idle ? report->rows[i].nidle > 0
			  : report->rows[i].times[CTR_METRIC_TOTAL].n > 0;
	return n;
}

static bool any_machine(const struct ctr_report *report)
{
	for (size_t i = 0; i < report->nrows; i++)
		for (size_t j = 0; j < report->rows[i].nsamples; j++)
			if (report->rows[i].samples[j].hello > 0)
				return true;

	return false;
}

void ctr_svg_phases(const struct ctr_report *report, struct ctr_buf *buf)
{
	size_t at = 0;

	open_svg(buf, count_measured(report, false), "Phases of a run");
	if (any_machine(report))
		legend(buf, phases, CTR_ARRAY_SIZE(phases));
	else
		legend(buf, phases + MACHINE_PHASES, CTR_ARRAY_SIZE(phases) - MACHINE_PHASES);
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];
		double length[CTR_ARRAY_SIZE(phases)], total = 0, x = LEFT;
		char text[CTR_NUMBER_TEXT];

		if (row->times[CTR_METRIC_TOTAL].n == 0)
			continue;
		for (size_t j = 0; j < CTR_ARRAY_SIZE(phases); j++)
			total += length[j] = phase_median(row, j);
		row_label(buf, at, row);
		for (size_t j = 0; j < CTR_ARRAY_SIZE(phases); j++) {
			double width = length[j] / total * (WIDTH - LEFT - RIGHT);

			segment(buf, at, x, width, phases[j].color, ctr_number(text, length[j]));
			x += width;
		}
		end_label(buf, at, x, ctr_number(text, total), "ms");
		at++;
	}
	ctr_buf_adds(buf, "</svg>\n");
}

/* ---- memory */

static void memory_parts(const struct ctr_row *row, double parts[static 3])
{
	double pss = (double)CTR_IDLE(row, pss), uss = (double)CTR_IDLE(row, uss);

	parts[0] = uss;
	parts[1] = pss > uss ? pss - uss : 0;
	parts[2] = row->idle[0].has_cgroup ? (double)CTR_IDLE(row, kernel) : 0;
}

void ctr_svg_memory(const struct ctr_report *report, struct ctr_buf *buf)
{
	double most = 1, parts[3];
	size_t at = 0;

	for (size_t i = 0; i < report->nrows; i++) {
		if (report->rows[i].nidle == 0)
			continue;
		memory_parts(&report->rows[i], parts);
		if (parts[0] + parts[1] + parts[2] > most)
			most = parts[0] + parts[1] + parts[2];
	}

	open_svg(buf, count_measured(report, true), "Memory of an idle instance");
	legend(buf, memories, CTR_ARRAY_SIZE(memories));
	for (size_t i = 0; i < report->nrows; i++) {
		const struct ctr_row *row = &report->rows[i];
		double x = LEFT;
		char text[CTR_NUMBER_TEXT];

		if (row->nidle == 0)
			continue;
		memory_parts(row, parts);
		row_label(buf, at, row);
		for (size_t j = 0; j < CTR_ARRAY_SIZE(memories); j++) {
			double width = parts[j] / most * (WIDTH - LEFT - RIGHT);

			segment(buf, at, x, width, memories[j].color, ctr_mib(text, parts[j]));
			x += width;
		}
		end_label(buf, at, x, ctr_mib(text, parts[0] + parts[1] + parts[2]), "MiB");
		at++;
	}
	ctr_buf_adds(buf, "</svg>\n");
}
