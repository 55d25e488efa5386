/* One request to CRIU through the helper program ctr-criu, and what CRIU says meanwhile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_criu_list;
struct ctr_error;
struct ctr_memory_policy;
struct ctr_personality;

/* Where CRIU is when it notifies ("action scripts" in its documentation). */
enum ctr_criu_point {
	CTR_CRIU_OTHER,
	CTR_CRIU_START, /* of a restore, with a socket that all has open which CRIU makes, until it
			 * has files of its own; its descriptor is the callee's */
	CTR_CRIU_POST_DUMP,
	CTR_CRIU_ORPHAN_PTS_MASTER, /* with the master of a terminal */
	CTR_CRIU_SETUP_NAMESPACES,
	CTR_CRIU_POST_RESTORE,
};

struct ctr_criu_call {
	const char *request; /* of CRIU's request types: "DUMP" */
	const struct ctr_criu_list *options;
	const char *root; /* is made a mount, in a mount namespace of CRIU's own; NULL */
	const int *fds;   /* that the options name */
	size_t nfds;
	const char *cover; /* a directory that CRIU needs nothing of, in which each of @trees is */
	const int *trees;  /* mounted for it, by its number (descriptors of detached mounts) */
	size_t ntrees;
	int cgroupns;        /* a cgroup namespace for it to work in; 0: the caller's */
	const char *keyring; /* the name of a new session keyring for it; NULL: the caller's */
	uid_t keyring_uid;   /* and its owner */
	gid_t keyring_gid;
	const struct ctr_personality *personality;     /* for it; NULL: the caller's */
	const struct ctr_memory_policy *memory_policy; /* likewise */
	int dir;    /* the container's state directory: "ending" in it is the end of the call */
	bool dumps; /* its processes belong to the container, which goes on where CRIU fails */
	/* CRIU is at @point with process @pid; @fd (-1: none) is the callee's. 0 to go on; NULL:
	 * always. */
	int (*notify)(void *data, enum ctr_criu_point point, pid_t pid, int fd,
		      struct ctr_error *err);
	void *data;
};

/* What becomes of a call, besides 0. */
enum {
	CTR_CRIU_FAILED = -1,  /* CRIU's own word and errno, to which a report of its log belongs */
	CTR_CRIU_REFUSED = -2, /* by us: what `notify` said, or why nobody wants it any more */
};

/*
 * 0 and *@result (the pid of what was restored, CRIU's version), or one of these and @err. Signals
 * that mean "end", where they are blocked, and `delete --force` end CRIU, with what it has made. Of
 * a dump a signal has CRIU fail, and the processes go on; that has no limit of time, and a dump
 * that is done by then is a success. Where ctr-criu ends without an answer in a dump, CRIU is
 * waited for up to a minute, which signals do not end; `delete --force` does.
 */
int ctr_criu_call(const struct ctr_criu_call *call, int *result, struct ctr_arena *arena,
		  struct ctr_error *err);
