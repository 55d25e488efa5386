/* The container's cgroup by its manager: what differs between cgroupfs and systemd. */
#pragma once

#include <sys/types.h>

struct ctr_arena;
struct ctr_cgroup;
struct ctr_container;
struct ctr_context;
struct ctr_error;
struct ctr_limits;
struct ctr_record;
struct ctr_resources;
struct ctr_spec;

/*
 * systemd: start the unit with process @pid in it; @limits, devices and annotations of @spec become
 * its properties, and limits are written to the cgroup as well, for systemd does not know all of
 * them. With the annotation run.oci.systemd.subgroup the process goes into that one below the
 * unit's, and so does all but the properties. The cgroup of @container, which the caller has
 * locked, has its path and is open then. 0, or -1 and @err.
 */
int ctr_place_start(struct ctr_container *container, const struct ctr_spec *spec,
		    const struct ctr_limits *limits, pid_t pid, const struct ctr_context *context,
		    struct ctr_error *err);

/* Are the annotations that name sub-cgroups names? Pure. 0, or -1 and @err. */
int ctr_place_check(const struct ctr_spec *spec, struct ctr_error *err);

/*
 * Give the cgroup to the root of the container's user namespace, where it may use it: in a cgroup
 * namespace of its own with a writable mount (config-linux.md#cgroup-ownership). 0, or -1 and @err.
 */
int ctr_place_give(const struct ctr_cgroup *cgroup, const struct ctr_spec *spec,
		   const struct ctr_context *context, struct ctr_error *err);

/* The sub-cgroup that the annotation run.oci.delegate-cgroup asks for; NULL: none. */
const char *ctr_place_delegated(const struct ctr_spec *spec);
/* Make it, give it to the container's user, and move init there, which is in its cgroup namespace.
 * Nothing where nobody asked. 0, or -1 and @err. */
int ctr_place_delegate(const struct ctr_cgroup *cgroup, const struct ctr_spec *spec, pid_t pid,
		       const struct ctr_context *context, struct ctr_error *err);

/* Move @pid into the unit, to @cgroup or its sub-cgroup @sub (NULL: none): systemd may where the
 * caller may not. 0, or -1 and @err. */
int ctr_place_attach(const struct ctr_cgroup *cgroup, const char *sub, pid_t pid,
		     const struct ctr_context *context, struct ctr_error *err);

/* Other @limits, and with a list of devices in @update other devices, for a running container,
 * whose cgroup is open; the filter of devices is left to the caller. 0, or -1 and @err: then the
 * cgroup has what it had. */
int ctr_place_update(struct ctr_cgroup *cgroup, const struct ctr_resources *update,
		     const struct ctr_limits *limits, const struct ctr_context *context,
		     struct ctr_error *err);

/* End the unit, if it has one, and remove the cgroup with all that is in it. */
int ctr_place_remove(struct ctr_cgroup *cgroup, const struct ctr_context *context,
		     struct ctr_error *err);

/* Remove the empty cgroup that systemd (257) may leave of a scope whose process had ended before it
 * was told that the scope is there. One that is in use stays. */
void ctr_place_sweep(const struct ctr_record *record, const struct ctr_context *context);

/*
 * Remember in state directory @dir that @cgroup was made for its container: as a link, since a
 * second record would take ten times as long, and of a ctr that is killed before it knows the pid.
 * 0, or -1 and @err.
 */
int ctr_place_claim(const struct ctr_cgroup *cgroup, int dir, struct ctr_error *err);
/* Put into a record without a pid what is remembered so. */
void ctr_place_read_claim(struct ctr_record *record, int dir);

/* Between a cgroup and the record that remembers it. */
void ctr_place_to_record(const struct ctr_cgroup *cgroup, struct ctr_record *record);
void ctr_place_from_record(struct ctr_cgroup *cgroup, const struct ctr_record *record,
			   const struct ctr_context *context);
