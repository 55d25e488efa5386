/* Name tables: words, mostly of the spec, and their values. */
#pragma once

#include <stdint.h>

struct ctr_name {
	const char *name;
	int64_t value;
};

/* The first name of @value in @table, which ends with a NULL name; NULL when there is none. */
const char *ctr_name_of(const struct ctr_name *table, int64_t value);

/* A signal by number ("9", "0": only test whether it could be sent), name ("KILL", "SIGKILL", any
 * case) or real-time offset ("SIGRTMIN+3", "RTMAX-1"). The number, or -EINVAL. */
int ctr_signal_parse(const char *text);
