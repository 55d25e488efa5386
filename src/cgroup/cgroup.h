/*
 * One container's cgroup (v2): where it is, making, entering, freezing, killing, removing. The
 * cgroup2 mount may be the unified one or the controller-less one of a hybrid host; what is here
 * works on both. Limits are limits.h, the device filter is devices.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_error;
struct ctr_host;
struct ctr_unit;

enum ctr_cgroup_manager {
	CTR_MANAGER_CGROUPFS,
	CTR_MANAGER_SYSTEMD,
	CTR_MANAGER_DISABLED,
};

/* Controllers that limits can need; ctr_cgroup.controllers has bit n for controller n. */
enum ctr_controller {
	CTR_CONTROLLER_CPUSET,
	CTR_CONTROLLER_CPU,
	CTR_CONTROLLER_IO,
	CTR_CONTROLLER_MEMORY,
	CTR_CONTROLLER_HUGETLB,
	CTR_CONTROLLER_PIDS,
	CTR_CONTROLLER_RDMA,
	CTR_CONTROLLER_MISC,
	CTR_CONTROLLER_DMEM,
	CTR_CONTROLLER_COUNT,
};

struct ctr_cgroup {
	const char *mount; /* where cgroup2 is mounted; NULL: the container has no cgroup */
	const char *path;  /* clean, absolute below the mount, e.g. "/ctr-db" */
	int fd;            /* directory, O_RDONLY|O_CLOEXEC; -1 when not open */
	unsigned
		made; /* how many trailing components of path were made by us: removed at the end */
	bool own_place; /* nobody named it: what is there already is of an earlier container */
	/* Which directory: another may have the name meanwhile. 0: not known to be made for this
	 * container. */
	uint64_t inode;
	bool optional; /* nobody asked for a cgroup: doing without is fine when it cannot be made */
	uint32_t controllers; /* what the limits need: the caller sets it between place and make */
	const struct ctr_unit *unit; /* of the systemd manager: path is known once it was started */
};

/*
 * Decide the path: linux.cgroupsPath @cgroups_path (NULL: absent) for container @id. Pure.
 * Absolute: below the mount; relative or absent: below the caller's own cgroup when rootless, else
 * below the mount, "/ctr-ID" when absent. ".." cannot leave. On a host without cgroup2 or with the
 * disabled manager the result has no mount. 0, or -1 and @err (field linux.cgroupsPath).
 */
int ctr_cgroup_place(struct ctr_cgroup *out, struct ctr_arena *arena, const struct ctr_host *host,
		     enum ctr_cgroup_manager manager, const char *cgroups_path, const char *id,
		     struct ctr_error *err);

/*
 * Make it (parents as needed; cgroup->made counts what was new), have the controllers that
 * cgroup->controllers names, and those that count, enabled above it, and open it. An existing
 * cgroup that holds processes or is frozen is an error. When the place is optional and permission
 * is missing, 0 is returned with mount NULL. 0, or -1 and @err with nothing left behind.
 */
int ctr_cgroup_make(struct ctr_cgroup *cgroup, const struct ctr_host *host, struct ctr_error *err);

/* May the caller make it, by the files' permissions? Nothing is made, and what is no place on this
 * host (no mount, a unit) may not be. */
bool ctr_cgroup_may_make(const struct ctr_cgroup *cgroup);

/* Open an existing one from a record. 0, or -1 and @err (code ENOENT: gone, or another one has its
 * name). */
int ctr_cgroup_open(struct ctr_cgroup *cgroup, struct ctr_error *err);
/* Open what was made for this container by others: it is the one from here on. */
int ctr_cgroup_adopt(struct ctr_cgroup *cgroup, struct ctr_error *err);
/* Is there another one by its name? */
bool ctr_cgroup_is_replaced(const struct ctr_cgroup *cgroup);
/* Is there none by its name any more? */
bool ctr_cgroup_is_gone(const struct ctr_cgroup *cgroup);
void ctr_cgroup_close(struct ctr_cgroup *cgroup);

/* Move @pid in (for kernels without CLONE_INTO_CGROUP). @pid 0 is the caller. */
int ctr_cgroup_enter(const struct ctr_cgroup *cgroup, pid_t pid, struct ctr_error *err);

/*
 * Open the cgroup @sub (relative, e.g. "a/b") below the container's: `exec --cgroup`. A path that
 * leaves the container's cgroup is an error ("bad sub cgroup path"). A new descriptor in *@out, or
 * -1 and @err.
 */
int ctr_cgroup_open_sub(const struct ctr_cgroup *cgroup, const char *sub, int *out,
			struct ctr_error *err);

/* Give it to @owner: the directory, and those of its files that the kernel lists in
 * /sys/kernel/cgroup/delegate. 0, or -1 and @err. */
int ctr_cgroup_give(const struct ctr_cgroup *cgroup, uid_t owner, struct ctr_error *err);

/* Is @name that of a cgroup directly below another? 0, or -1 and @err ("bad sub cgroup path"). */
int ctr_cgroup_check_sub(const char *name, struct ctr_error *err);
/*
 * Make cgroup @name below it, move @pid from there to it, and hand the controllers down that limits
 * need (cgroup->controllers) and those that count. @cgroup is the new one then (path in @arena),
 * open. 0, or -1 and @err.
 */
int ctr_cgroup_descend(struct ctr_cgroup *cgroup, const char *name, pid_t pid,
		       struct ctr_arena *arena, struct ctr_error *err);

/* Freeze or thaw and wait until the kernel says so (10 s at most; a failed freeze is undone). */
int ctr_cgroup_freeze(const struct ctr_cgroup *cgroup, bool freeze, struct ctr_error *err);
/* Is it frozen? Also true for an ancestor's freeze. false when it is gone. It need not be open. */
bool ctr_cgroup_is_frozen(const struct ctr_cgroup *cgroup);

/* Signal every process in it and below: cgroup.kill for SIGKILL, else (or without it) freeze,
 * signal each, thaw. A cgroup that was frozen before stays so unless the signal is SIGKILL. */
int ctr_cgroup_kill(const struct ctr_cgroup *cgroup, int sig, struct ctr_error *err);

/* Process ids in it and below it (threaded cgroups, too), ascending, each once. The array is in
 * @arena. */
int ctr_cgroup_procs(const struct ctr_cgroup *cgroup, struct ctr_arena *arena, pid_t **out,
		     size_t *n, struct ctr_error *err);

/*
 * Kill what is left, remove sub-cgroups depth first, the cgroup, and the parents that we made and
 * that are empty. Already gone is success, and another one by its name is left alone; EBUSY is
 * retried. Needs mount, path, made and inode: without the last it is removed only if nobody is in
 * it (-1 and a fault of STATE otherwise). fd is closed.
 */
int ctr_cgroup_remove(struct ctr_cgroup *cgroup, struct ctr_error *err);
