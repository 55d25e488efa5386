/* Id maps of a user namespace: what to write, and writing it (parent, before the child's exec). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "oci/spec.h"

struct ctr_arena;
struct ctr_error;
struct ctr_host;

struct ctr_idmap {
	const struct ctr_id_map *uid, *gid;
	size_t nuid, ngid;
};

/* The maps of @spec; without any (rootless by hand) the single-id map of the caller. */
void ctr_idmap_of(struct ctr_idmap *out, const struct ctr_spec *spec, const struct ctr_host *host,
		  struct ctr_arena *arena);

/* Text for /proc/PID/uid_map or gid_map. In @arena. */
const char *ctr_idmap_text(const struct ctr_id_map *map, size_t n, struct ctr_arena *arena);

/* Host id of container id @id, or -1 when it is not mapped. */
int64_t ctr_idmap_to_host(const struct ctr_id_map *map, size_t n, uint32_t id);

/*
 * Write uid_map, gid_map and, when needed, "deny" to setgroups of @pid. A caller without CAP_SETUID
 * over its own namespace maps only itself directly; more goes through newuidmap(1)/newgidmap(1),
 * whose refusal is quoted.
 */
int ctr_idmap_write(const struct ctr_idmap *map, const struct ctr_host *host, pid_t pid,
		    struct ctr_arena *arena, struct ctr_error *err);

/* Do these maps need newuidmap and newgidmap? (more than the caller's own id, and no privilege; of
 * a group map that is written without the helper, setgroups(2) is denied) Pure. */
bool ctr_idmap_needs_uid_helper(const struct ctr_idmap *map, const struct ctr_host *host);
bool ctr_idmap_needs_gid_helper(const struct ctr_idmap *map, const struct ctr_host *host);

/* A user namespace with these maps, as a descriptor for MOUNT_ATTR_IDMAP. -1 and @err on failure.
 */
int ctr_idmap_userns(const struct ctr_idmap *map, const struct ctr_host *host,
		     struct ctr_arena *arena, struct ctr_error *err);
