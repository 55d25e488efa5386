/*
 * Where messages go: --log FILE as text or as JSON lines, and the standard error stream. The only
 * mutable global of the program. Callers of engines parse both: at the default level exactly one
 * record, the fatal error, is written to the log, for Podman takes the whole of it for one JSON
 * object.
 */
#pragma once

#include <stdbool.h>

struct ctr_error;

enum ctr_log_level {
	CTR_LOG_ERROR,
	CTR_LOG_WARNING,
	CTR_LOG_INFO,
	CTR_LOG_DEBUG,
};

enum ctr_log_format {
	CTR_LOG_TEXT,
	CTR_LOG_JSON,
};

/* The level of that name, in any case. 0 or -EINVAL. */
int ctr_log_level_parse(const char *name, enum ctr_log_level *out);
/* What stands before messages on standard error; not copied. Before it is called: "ctr". */
void ctr_log_name(const char *name);
/* Open @path for appending (0644, NULL: none) and set format and level. 0, or -1 and @err. */
int ctr_log_setup(const char *path, enum ctr_log_format format, enum ctr_log_level level,
		  struct ctr_error *err);
/* A record above the level set is dropped. Warnings and debug lines go to the log file if there is
 * one, else to standard error; errors go to both. */
void ctr_log(enum ctr_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The final error: to the log as one record and as bare text to standard error; without a log there
 * as "ctr: text". */
void ctr_log_error(const struct ctr_error *err);
bool ctr_log_wants(enum ctr_log_level level);
