/* Many starts at the same moment. */
#pragma once

struct ctr_arena;
struct ctr_bench;
struct ctr_burst;

/*
 * Ask for @burst->n instances of @kind at once, each by a process of its own which does what
 * ctr_instance_run() does, and wait until nothing is left of any. Fills @burst->samples, their
 * times counted from that one moment, and @burst->error, in @arena.
 */
void ctr_burst_run(struct ctr_bench *bench, const char *kind, struct ctr_arena *arena,
		   struct ctr_burst *burst);
