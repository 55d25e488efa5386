/* ctr explain: the plan and the actions of a bundle on this host, as text or JSON. */
#pragma once

#include <stdbool.h>

#include "core/network.h"

struct ctr_buf;
struct ctr_context;
struct ctr_error;

/* As those of ctr run. */
struct ctr_explain_options {
	const char *bundle;
	const char *config;      /* instead of BUNDLE/config.json; NULL */
	const char *rootfs;      /* no bundle: a root file system ... */
	const char *const *args; /* ... and what to run in it; NULL-terminated, may be NULL */
	bool no_pivot;
	bool json;
	const char *overlay;   /* NULL: none */
	const char *isolation; /* NULL: as the configuration or our name says */
	struct ctr_network_options network;
};

/* Append to @out. Makes and changes nothing. 0, or -1 and @err. */
int ctr_explain(const struct ctr_context *context, const struct ctr_explain_options *options,
		struct ctr_buf *out, struct ctr_error *err);
