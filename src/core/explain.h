/* ctr explain: the plan and the actions of a bundle on this host, as text or JSON. */
#pragma once

#include <stdbool.h>

struct ctr_buf;
struct ctr_context;
struct ctr_error;

/* Append to @out. Makes and changes nothing. 0, or -1 and @err. */
int ctr_explain(const struct ctr_context *context, const char *bundle, bool no_pivot, bool json,
		struct ctr_buf *out, struct ctr_error *err);
