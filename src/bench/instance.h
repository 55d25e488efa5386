/* One container or machine, from the request to the last trace of it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "bench/invoke.h"
#include "bench/report.h"

struct ctr_instance {
	char id[64];
	pid_t pid;   /* what its exit status comes from; 0: none */
	int pidfd;   /* of it */
	int in, out; /* ends of the pipes that are its standard streams; -1 */
};

/*
 * Run the bundle once in @kind and take the times, counted from @begun (ctr_now(); 0: now). What
 * goes wrong is in @sample->error, in @arena; then nothing is left of it either.
 */
void ctr_instance_run(struct ctr_bench *bench, const char *kind, struct ctr_arena *arena,
		      int64_t begun, struct ctr_sample *sample);

/* Take the moments of a machine's start from the file CTR_MACHINE_BOOT, @text; @begun is when it
 * was asked for. What cannot be true is left out. */
void ctr_instance_boot(const char *text, int64_t begun, struct ctr_sample *sample);

/* Start one that does nothing. NULL, or why it does not run, in @arena. */
const char *ctr_instance_idle(struct ctr_bench *bench, const char *kind, struct ctr_arena *arena,
			      struct ctr_instance *instance);
/* Has it not ended, and does it do what it is asked? */
bool ctr_instance_alive(struct ctr_bench *bench, const struct ctr_instance *instance);
/* Kill and delete it. */
void ctr_instance_end(struct ctr_bench *bench, struct ctr_instance *instance);
