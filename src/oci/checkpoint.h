/*
 * "ctr.json" of an image directory: what ctr knows of a checkpoint beside CRIU's images. Restore
 * works without it, too, as images of other runtimes have none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_error;
struct ctr_json;

struct ctr_checkpoint {
	const char *id;      /* of the container */
	const char *bundle;  /* absolute */
	const char *created; /* RFC 3339 */
	uint64_t stopped;    /* when its processes stopped, ns since 1970 */
	bool paused;         /* it was, when it was dumped */
	const char
		*network; /* what ctr made of it by --net: "bridge", "host"; "" or NULL: nothing */
	/* What 0, 1 and 2 of init were, for CRIU: "pipe:[123]"; "" for what needs no help. Then
	 * other files from outside. */
	const char *const *descriptors;
	size_t ndescriptors;
	const uint32_t *of; /* for each, the standard stream that it is like */
	size_t nof;
	const uint32_t *sizes; /* of those that are files, in bytes; 0 for others */
	size_t nsizes;
	const uint32_t *modes; /* st_mode of what has the name of a file; 0 for others */
	size_t nmodes;
	/* Mounts that come from outside: where they are in the container's configuration. */
	const char *const *mounts;
	size_t nmounts;
	const uint32_t *slaves; /* for each, 1: it got mounts from outside; none: not known */
	size_t nslaves;
	/* Namespaces that were joined, not made: "network", "pid". */
	const char *const *namespaces;
	size_t nnamespaces;
};

void ctr_checkpoint_encode(struct ctr_json *json, const struct ctr_checkpoint *checkpoint);
/* NULL and @err on failure. */
struct ctr_checkpoint *ctr_checkpoint_decode(struct ctr_arena *arena, const char *text, size_t len,
					     const char *file, struct ctr_error *err);
