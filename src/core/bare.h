/* `ctr run --rootfs DIR -- CMD...`: a configuration for a root file system that has none. */
#pragma once

#include <stddef.h>

struct ctr_context;
struct ctr_error;
struct ctr_spec;

/* The default configuration for @rootfs, running @args (NULL-terminated; NULL or empty: a shell),
 * with a terminal when standard input is one. *@config and *@config_len get the document. */
const struct ctr_spec *ctr_bare_spec(const char *rootfs, const char *const *args,
				     const struct ctr_context *context, const char **config,
				     size_t *config_len, struct ctr_error *err);
