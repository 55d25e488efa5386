/* Plots as SVG elements for a page, drawn here so that a report needs nothing else. */
#pragma once

struct ctr_arena;
struct ctr_buf;
struct ctr_report;

/* How often a start took at most so long, a step line for each kind, logarithmic. */
void ctr_svg_ecdf(const struct ctr_report *report, struct ctr_buf *buf);
/* Starts a second over how many there are at once. */
void ctr_svg_parallel(const struct ctr_report *report, struct ctr_buf *buf);
/* Where the time of a run goes, each bar on a scale of its own. */
void ctr_svg_phases(const struct ctr_report *report, struct ctr_buf *buf);
/* Memory of an idle instance. */
void ctr_svg_memory(const struct ctr_report *report, struct ctr_buf *buf);
/* Memory of all instances over their number. */
void ctr_svg_density(const struct ctr_report *report, struct ctr_buf *buf);

/* The colour of a kind, "#0072B2". */
const char *ctr_svg_color(const char *kind);

/* Decimal logarithm of a number greater than 0, exact to nine digits. */
double ctr_log10(double x);
/* The smallest of 1, 2, 5, 10, 20, ... times a power of ten that is at least @x (> 0). */
double ctr_nice_step(double x);
