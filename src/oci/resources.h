/* Resources after they were decoded: put together with those of an update, and written again. */
#pragma once

#include "oci/spec.h"

struct ctr_arena;
struct ctr_json;

/* @old (NULL: none) with what @update says over it: field by field, lists by what they are about.
 * The device rules of an update are all there are then. In @arena. */
struct ctr_resources *ctr_resources_merge(const struct ctr_resources *old,
					  const struct ctr_resources *update,
					  struct ctr_arena *arena);

/*
 * @update with the fields of @merged that its own mean nothing without: swap is counted with the
 * limit, a quota has a period, an idle group no weight. So only what is mentioned changes. In
 * @arena.
 */
struct ctr_resources *ctr_resources_complete(const struct ctr_resources *update,
					     const struct ctr_resources *merged,
					     struct ctr_arena *arena);

/* As an object of @json; decoding it gives the same. */
void ctr_resources_encode(struct ctr_json *json, const char *key,
			  const struct ctr_resources *resources);
