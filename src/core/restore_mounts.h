/*
 * The mounts of a restored container that come from the host, and what they are put on. CRIU would
 * look for both by path and follow links on the way; here they are opened, and it gets what was.
 */
#pragma once

#include <sys/types.h>

struct ctr_arena;
struct ctr_error;
struct ctr_externals;
struct ctr_spec;

/* What a mount of @spec can be put on must be there: a fresh copy of an image has none of that.
 * What lies below another mount comes with that. 0, or -1 and @err. */
int ctr_restore_mount_points(const struct ctr_spec *spec, struct ctr_error *err);

/*
 * Open what is behind each of @mounts as a detached mount, one of @trees (-1: not open; the caller
 * closes them in any case), and name the place that it gets below directory @cover (criu/call.h).
 * @cgroup is the directory of the container's (-1: it has none). 0, or -1 and @err.
 */
int ctr_restore_mounts_open(struct ctr_externals *mounts, int cgroup, const char *cover, int *trees,
			    struct ctr_arena *arena, struct ctr_error *err);

/* CRIU binds the root file system, and parts of it on themselves, and forgets what those mounts
 * were: make them read-only again, where @spec says so (root.readonly, and with any of
 * linux.readonlyPaths all that is bound on itself), in the mount namespace of process @pid, which
 * does not run. 0, or -1 and @err. */
int ctr_restore_readonly(const struct ctr_spec *spec, pid_t pid, struct ctr_arena *arena,
			 struct ctr_error *err);
