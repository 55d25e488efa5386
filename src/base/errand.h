/*
 * An errand: what this process would not come back from the same (a namespace that is entered, a
 * cgroup), done by a copy of it, which ends with that. The copy has its own memory, so what it has
 * to say comes in a message.
 */
#pragma once

struct ctr_error;

/* What the copy does. 0, and maybe in *@fd, which is -1 before, a descriptor for the other; or -1
 * and @err. */
typedef int (*ctr_errand_fn)(void *data, int *fd, struct ctr_error *err);

/*
 * Have a copy of this process run @fn with @data, and wait until it has. A caller that is killed
 * takes it along. @what names it where it cannot tell itself ("what mounts the overlay"). 0, and in
 * *@fd a new descriptor, the caller's, or -1 where there is none (@fd may be NULL where none is to
 * come); or -1 and @err, which may be @fn's.
 */
int ctr_errand_run(ctr_errand_fn fn, void *data, const char *what, int *fd, struct ctr_error *err);

/*
 * For an errand: join the user namespace @userns and become its root, and still end with the caller
 * (what changes ids is no longer bound to it, PR_SET_PDEATHSIG(2const)). Where id 0 is not mapped,
 * ids stay as they are, with all capabilities there. 0, or -1 and errno.
 */
int ctr_errand_become_root(int userns);
