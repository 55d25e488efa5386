/*
 * Mounts that come from outside the container: CRIU neither can nor should dump what is behind
 * them. At the dump each gets a name, which is where the container's configuration has it, also
 * where a link led it elsewhere; a restore tells what lies on the host behind each name now.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_checkpoint;
struct ctr_error;
struct ctr_mountinfos;
struct ctr_spec;

enum ctr_external_kind {
	CTR_EXTERNAL_BIND,   /* a bind mount of the configuration, or what was mounted below one; or
			      * ours */
	CTR_EXTERNAL_DEVICE, /* a device node of the host's: no link */
	CTR_EXTERNAL_CGROUP, /* the container's cgroup */
};

struct ctr_external {
	const char *name;
	const char *point; /* dump: in the container */
	bool slave;        /* it gets mounts from outside, or may */
	/* restore */
	enum ctr_external_kind kind;
	const char *source;  /* on the host */
	const char *beneath; /* the mount is there, below the source; "": the source itself */
	bool readonly;       /* a cgroup's: by the configuration */
	uint64_t device;     /* what a device node is of; 0: whatever is there */
	const char *place;   /* where CRIU finds it; set by whoever attaches it */
};

struct ctr_externals {
	struct ctr_external *list;
	size_t count;
	bool masters; /* dump: some get mounts from outside */
};

/* A mount of ours, which no configuration has: at the dump its id, at the restore what is behind
 * it. */
struct ctr_external_own {
	const char *name; /* where it is; NULL: there is none */
	unsigned id;
	const char *source;
};

/*
 * Of the container's @mounts those that come from outside. @ids has for each mount of @spec the id
 * of the mount that is at its destination (0: unknown). 0, or -1 and @err: one that CRIU cannot be
 * told of.
 */
int ctr_external_find(struct ctr_externals *out, const struct ctr_mountinfos *mounts,
		      const struct ctr_spec *spec, const unsigned *ids,
		      const struct ctr_external_own *own, struct ctr_arena *arena,
		      struct ctr_error *err);

/*
 * What is behind the names of @checkpoint by @spec; without a checkpoint (NULL), all that @spec can
 * have. 0, or -1 and @err: a name at which ctr would bind nothing of the host's by @spec.
 */
int ctr_external_resolve(struct ctr_externals *out, const struct ctr_checkpoint *checkpoint,
			 const struct ctr_spec *spec, const struct ctr_external_own *own,
			 struct ctr_arena *arena, struct ctr_error *err);
