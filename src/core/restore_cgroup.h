/* The cgroup of a container out of a checkpoint, into which CRIU puts the processes that it makes.
 */
#pragma once

#include <sys/types.h>

struct ctr_creation;
struct ctr_error;

struct ctr_restore_cgroup {
	pid_t placeholder; /* 0: none */
	int leash;         /* for CRIU to have: the placeholder ends when nobody has it; 0: none */
	int namespace;     /* a descriptor, that CRIU is to work in; 0: its own */
};

/* With the systemd manager there is no cgroup without a process: one that does nothing is in it
 * until CRIU has moved its own in. 0, or -1 and @err; release in any case. */
int ctr_restore_cgroup_hold(struct ctr_restore_cgroup *cgroup, struct ctr_creation *creation,
			    struct ctr_error *err);

/* --manage-cgroups-mode ignore: CRIU makes no cgroup namespace then, and what it restores is in the
 * one that it works in itself: one that the container's cgroup is the root of. 0, or -1 and @err.
 */
int ctr_restore_cgroup_namespace(struct ctr_restore_cgroup *cgroup, struct ctr_creation *creation,
				 struct ctr_error *err);

/* The same: CRIU leaves all in the cgroup of the first process, @pid, which has no children yet. 0,
 * or -1 and @err. */
int ctr_restore_cgroup_enter(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err);

void ctr_restore_cgroup_release(struct ctr_restore_cgroup *cgroup);
