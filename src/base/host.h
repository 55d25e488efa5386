/*
 * What this host is and can do: probed once, passed to all planning as a value,
 * so that tests can pretend to be another host. Features are probed, versions never compared.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_error;

enum ctr_cgroup_mode {
	CTR_CGROUP_NONE,    /* no cgroup2 file system found */
	CTR_CGROUP_UNIFIED, /* cgroup2 at /sys/fs/cgroup */
	CTR_CGROUP_HYBRID,  /* v1 controllers; cgroup2 at /sys/fs/cgroup/unified */
};

struct ctr_host {
	uid_t euid;
	gid_t egid;
	bool in_userns;        /* /proc/self/ns/user is not the initial one */
	bool rootless;         /* euid != 0, or in a user namespace without full id map */
	bool privileged;       /* CAP_SYS_ADMIN effective in the current user namespace */
	bool setgroups_denied; /* of the current user namespace, and so of all made in it */
	uint64_t cap_bounding; /* capabilities that may be given, bit n = capability n */
	int last_cap;
	uint64_t ignored_signals; /* mask (bit n-1): what the caller had us ignore, as nohup(1) does
				   */
	enum ctr_cgroup_mode cgroup_mode;
	const char *cgroup_mount; /* "/sys/fs/cgroup" or "/sys/fs/cgroup/unified"; NULL if none */
	const char
		*cgroup_self; /* own cgroup below that mount, "/user.slice"; "/" unless rootless */
	bool apparmor;
	bool selinux;
	bool has_time_ns, has_cgroup_ns, has_user_ns;
	bool has_proc; /* /proc shows this process, so that those of containers are found there */
};

/* What few documents ask for: without the bit these members stay false. */
enum ctr_host_part {
	CTR_HOST_TIME_NS = 1 << 0, /* has_time_ns */
	CTR_HOST_LSM = 1 << 1,     /* apparmor, selinux */
	CTR_HOST_ALL = CTR_HOST_TIME_NS | CTR_HOST_LSM,
};

/*
 * Probe the machine that runs us, in two steps. First who we are: ids, in_userns, has_user_ns,
 * has_proc, privileged, rootless, which is all that a verb needs that plans nothing. Then the rest,
 * with @parts (enum ctr_host_part); strings are in @arena.
 */
void ctr_host_identify(struct ctr_host *host);
void ctr_host_complete(struct ctr_host *host, unsigned parts, struct ctr_arena *arena);

/* Both, all of it. */
void ctr_host_probe(struct ctr_host *host, struct ctr_arena *arena);
