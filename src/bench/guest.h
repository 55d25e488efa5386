/* The machine behind a row: what its figures depend on and no run of it tells. */
#pragma once

struct ctr_context;
struct ctr_row;
struct ctr_spec;

/* Find out how @spec would run as @row->kind, and set ->accel and ->guest. A kind that cannot run
 * it stays as it is: its first run says why. */
void ctr_bench_guest(const struct ctr_context *context, const struct ctr_spec *spec,
		     struct ctr_row *row);
