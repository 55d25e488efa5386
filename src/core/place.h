/* The container's cgroup by its manager: what differs between cgroupfs and systemd. */
#pragma once

#include <sys/types.h>

struct ctr_arena;
struct ctr_cgroup;
struct ctr_context;
struct ctr_error;
struct ctr_limits;
struct ctr_record;
struct ctr_resources;
struct ctr_spec;

/*
 * systemd: start the unit with process @pid in it; @limits, devices and annotations of @spec become
 * its properties, and limits are written to the cgroup as well, for systemd does not know all of
 * them. @cgroup has its path and is open then. 0, or -1 and @err.
 */
int ctr_place_start(struct ctr_cgroup *cgroup, const struct ctr_spec *spec,
		    const struct ctr_limits *limits, const char *id, pid_t pid,
		    const struct ctr_context *context, struct ctr_error *err);

/* Other @limits, and with a list of devices in @update other devices, for a running container,
 * whose cgroup is open; the filter of devices is left to the caller. */
int ctr_place_update(struct ctr_cgroup *cgroup, const struct ctr_resources *update,
		     const struct ctr_limits *limits, const struct ctr_context *context,
		     struct ctr_error *err);

/* End the unit, if it has one, and remove the cgroup with all that is in it. */
int ctr_place_remove(struct ctr_cgroup *cgroup, const struct ctr_context *context,
		     struct ctr_error *err);

/* Between a cgroup and the record that remembers it. */
void ctr_place_to_record(const struct ctr_cgroup *cgroup, struct ctr_record *record);
void ctr_place_from_record(struct ctr_cgroup *cgroup, const struct ctr_record *record,
			   const struct ctr_context *context);
