/*
 * The systemd cgroup manager: units by the helper program ctr-systemd, which is started for this
 * alone because of its large library.
 */
#pragma once

#include <sys/types.h>

struct ctr_arena;
struct ctr_cgroup;
struct ctr_error;
struct ctr_properties;
struct ctr_unit;

/*
 * Start the transient unit of @cgroup with process @pid in it, and wait until systemd is done.
 * @cgroup gets its path (in @arena) and is open then. As long as that is asked for somebody has the
 * container's lock, which the caller has by @lock: where the caller is killed, the unit may be made
 * all the same, and who deletes the container looks for it then. 0, or -1 and @err.
 */
int ctr_systemd_start(struct ctr_cgroup *cgroup, const struct ctr_properties *properties, pid_t pid,
		      int lock, struct ctr_arena *arena, struct ctr_error *err);
/* Change properties of a running unit. */
int ctr_systemd_set(const struct ctr_unit *unit, const struct ctr_properties *properties,
		    struct ctr_arena *arena, struct ctr_error *err);
/* Move @pid to the cgroup @sub below the unit's ("/": the unit's own). */
int ctr_systemd_attach(const struct ctr_unit *unit, const char *sub, pid_t pid,
		       struct ctr_arena *arena, struct ctr_error *err);
/* Make systemd forget a unit that nobody is in (any more); one that is in use is left alone. */
int ctr_systemd_forget(const struct ctr_unit *unit, struct ctr_arena *arena, struct ctr_error *err);
/* Stop the unit, wait, and make systemd forget that it may have failed. A unit that is gone is
 * fine. */
int ctr_systemd_stop(const struct ctr_unit *unit, struct ctr_arena *arena, struct ctr_error *err);
