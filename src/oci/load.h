/*
 * From bytes to a spec. Decoding is table-driven over yajl's events (json.c is the only file that
 * knows yajl). Messages read `FILE:LINE:COLUMN: PATH: what 'value': why`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "oci/spec.h"

struct ctr_arena;
struct ctr_error;

enum {
	CTR_CONFIG_SIZE_MAX = 64 << 20, /* bytes of one document */
	CTR_CONFIG_DEPTH_MAX = 64,
	CTR_CONFIG_ITEMS_MAX = 1 << 20, /* array items and object members of one document */
};

/* One finding of `ctr lint`. */
struct ctr_finding {
	bool fatal;
	const char *text; /* with its place */
};

struct ctr_findings {
	struct ctr_finding *list;
	size_t count, size;
};

/*
 * Decode and validate the configuration in @text (@len bytes, named @file in messages) of the
 * bundle at the absolute path @bundle. NULL and @err at the first fault. With @findings (may be
 * NULL) decoding goes on as far as it can and every fault, unknown key and warning is listed; the
 * result is then NULL if any of them is fatal.
 */
struct ctr_spec *ctr_spec_decode(struct ctr_arena *arena, const char *text, size_t len,
				 const char *file, const char *bundle,
				 struct ctr_findings *findings, struct ctr_error *err);

/* Read BUNDLE/config.json (or *@config when that is not NULL; else it gets the name). NULL and @err
 * (fault NOT_FOUND where there is none), which says what there is in its place. */
const char *ctr_bundle_read(struct ctr_arena *arena, const char *bundle, const char **config,
			    size_t *len, struct ctr_error *err);

/* Read BUNDLE/config.json (or @config when not NULL) and decode it. @bundle may be relative to the
 * working directory. *@text and *@len (may be NULL) get the document itself. */
struct ctr_spec *ctr_bundle_load(struct ctr_arena *arena, const char *bundle, const char *config,
				 const char **text, size_t *len, struct ctr_error *err);

/* Decode a process document (`exec --process FILE`), or a resources document (`update`). */
struct ctr_process *ctr_process_decode(struct ctr_arena *arena, const char *text, size_t len,
				       const char *file, struct ctr_error *err);
struct ctr_resources *ctr_resources_decode(struct ctr_arena *arena, const char *text, size_t len,
					   const char *file, struct ctr_error *err);
