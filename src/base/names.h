/* Name tables, both ways: the words of the spec and their values. */
#pragma once

#include <stdint.h>

struct ctr_name {
	const char *name;
	int64_t value;
};

/* Tables end with a NULL name. */
/* Find @name; NULL when there is none. */
const struct ctr_name *ctr_name_find(const struct ctr_name *table, const char *name);
/* The name of @value; NULL when there is none. */
const char *ctr_name_of(const struct ctr_name *table, int64_t value);

/* A signal by number ("9", "0": only test whether it could be sent), name ("KILL", "SIGKILL", any
 * case) or real-time offset
 * ("SIGRTMIN+3", "RTMAX-1"). The number, or -EINVAL. */
int ctr_signal_parse(const char *text);
/* "SIGKILL", "SIGRTMIN+3", or NULL. */
const char *ctr_signal_name(int sig);
