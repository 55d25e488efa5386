/*
 * linux.intelRdt: a class of service for cache and memory bandwidth, which is a directory of the
 * resctrl file system. A process is put there by its number and hands it on to its children.
 * Sources: config-linux.md#intelrdt, Documentation/filesystems/resctrl.rst.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_error;
struct ctr_intel_rdt;

struct ctr_resctrl {
	const char *mount; /* of resctrl; NULL: none of it is the container's business */
	const char *group; /* directory below it; "" for the root group */
	const char *id;    /* the container's: the name of its group for monitoring */
	bool made;         /* the group is the container's and goes with it */
	bool monitored;    /* so is mon_groups/ID in it */
};

/* Where resctrl is mounted, by /proc/self/mountinfo: in @arena, or NULL. */
const char *ctr_resctrl_mount(struct ctr_arena *arena);

/*
 * Decide which group a container @id with @rdt is in, below @mount, and whether that has to be
 * made. Nothing is changed, so that it can be written down first. 0, or -1 and @err: no resctrl, or
 * a group that should be there and is not.
 */
int ctr_resctrl_plan(struct ctr_resctrl *out, const char *mount, const struct ctr_intel_rdt *rdt,
		     const char *id, struct ctr_arena *arena, struct ctr_error *err);

/*
 * Make the group and write its schemata; or, where it is there already, see that they are what @rdt
 * says. On failure what was made is gone again. 0, or -1 and @err, which names the property and has
 * the kernel's own explanation.
 */
int ctr_resctrl_make(struct ctr_resctrl *resctrl, const struct ctr_intel_rdt *rdt,
		     struct ctr_arena *arena, struct ctr_error *err);

/* Put process @pid into it. 0, or -1 and @err. */
int ctr_resctrl_enter(const struct ctr_resctrl *resctrl, pid_t pid, struct ctr_arena *arena,
		      struct ctr_error *err);

/* Write other schemata to a group that is there. 0, or -1 and @err. */
int ctr_resctrl_update(const struct ctr_resctrl *resctrl, const struct ctr_intel_rdt *rdt,
		       struct ctr_arena *arena, struct ctr_error *err);

/* Remove what was made; what is gone already is no error. 0, or -1 and @err. */
int ctr_resctrl_remove(const struct ctr_resctrl *resctrl, struct ctr_arena *arena,
		       struct ctr_error *err);
