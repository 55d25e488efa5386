/* What CRIU's log says of a failure. */
#pragma once

#include <stddef.h>

struct ctr_arena;
struct ctr_error;
struct ctr_images;

/* The text for @log (@len bytes): a hint where the reason is known, and the first errors, one a
 * line; "" when it has none. In @arena. Pure. */
const char *ctr_criu_explain(const char *log, size_t len, struct ctr_arena *arena);

/* Say in @err, which has CRIU's message, what log file @name of the work directory tells, and where
 * it is. Returns -1. */
int ctr_criu_report(const struct ctr_images *image, const char *name, struct ctr_arena *arena,
		    struct ctr_error *err);
