/* The namespaces of a restored container: those that it joins, and whether it has what its
 * configuration says. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_checkpoint;
struct ctr_criu_namespace;
struct ctr_error;
struct ctr_spec;

/*
 * Open those that @spec joins, which must be those that the container of @checkpoint (NULL: of
 * another runtime) had joined. @list has room for CTR_NS_KINDS; the caller closes the first @n of
 * it in any case. 0, or -1 and @err.
 */
int ctr_restore_namespaces_open(const struct ctr_spec *spec,
				const struct ctr_checkpoint *checkpoint,
				struct ctr_criu_namespace *list, size_t *n, struct ctr_error *err);

/* Is process @pid, as CRIU has restored it from images that say what they like, in namespaces of
 * its own, joined and of the host's as @spec says? Not of time: CRIU always makes one. 0, or -1
 * and @err. */
int ctr_restore_namespaces_check(const struct ctr_spec *spec, pid_t pid, struct ctr_arena *arena,
				 struct ctr_error *err);
