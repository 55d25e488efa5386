/* What the parts of the page share. */
#pragma once

struct ctr_buf;
struct ctr_estimate;
struct ctr_report;
struct ctr_row;

/* Add a cell: the name of a row with its colour, an estimate, a ratio to the base line. */
void ctr_html_kind(struct ctr_buf *buf, const struct ctr_row *row);
void ctr_html_estimate(struct ctr_buf *buf, const struct ctr_estimate *e);
void ctr_html_ratio(struct ctr_buf *buf, const struct ctr_estimate *ratio);

/* report_html_parallel.c: the section of starts at the same moment, where there were any. */
void ctr_html_parallel(struct ctr_buf *buf, const struct ctr_report *report);
