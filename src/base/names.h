/* Name tables: words, mostly of the spec, and their values. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ctr_name {
	const char *name;
	int64_t value;
};

/* The first name of @value in @table, which ends with a NULL name; NULL when there is none. */
const char *ctr_name_of(const struct ctr_name *table, int64_t value);

/* The row of @table whose name is @text of @len bytes; NULL when there is none. */
const struct ctr_name *ctr_name_find(const struct ctr_name *table, const char *text, size_t len);

/* C libraries keep the first two or three real-time signals to themselves; what users call SIGRTMIN
 * counts from 34, as kill(1) does, whatever library this was built with. */
enum { CTR_SIGRTMIN = 34, CTR_SIGRTMAX = 64 };

/* A signal by number ("9", "0": only test whether it could be sent), name ("KILL", "SIGKILL", any
 * case) or real-time offset ("SIGRTMIN+3", "RTMAX-1"). The number, or -EINVAL. */
int ctr_signal_parse(const char *text);
