/*
 * From clone to execve of ctr-init. The child runs on memory that it shares with ctr (CLONE_VM) and
 * on a stack of its own: nothing is copied, and nothing but raw system calls may be made there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_error;
struct ctr_rlimit;

enum { CTR_CHILD_JOINS = 8, CTR_CHILD_KEEP = 6 };

/* A namespace, or with a pidfd several, to join before execve. */
struct ctr_child_join {
	int fd;
	uint64_t flags;     /* CLONE_NEW* */
	const char *origin; /* for messages: "linux.namespaces[2].path: cannot join ..." */
	bool by_parent; /* a PID namespace that the caller enters around the clone: child.pidns */
};

/* What the child, or its helper, was about when it failed. */
enum ctr_child_step {
	CTR_CHILD_CLONE,
	CTR_CHILD_RLIMIT, /* rlimits[failed] */
	CTR_CHILD_JOIN,   /* joins[failed] */
	CTR_CHILD_JOIN_PID,
	CTR_CHILD_TELL,
	CTR_CHILD_WAIT,
	CTR_CHILD_BECOME_ROOT,
	CTR_CHILD_PREPARE,
	CTR_CHILD_HIDE,
	CTR_CHILD_EXEC,
};

struct ctr_child {
	/* what to do */
	uint64_t clone_flags; /* CLONE_NEW* */
	int cgroup_fd;        /* born in it; -1: in the caller's */
	struct ctr_child_join joins[CTR_CHILD_JOINS];
	size_t njoins;
	const struct ctr_rlimit *rlimits; /* set before the joins, while nothing is given up; with
					   * wait and no helper by the caller */
	size_t nrlimits;
	uint32_t late_rlimits; /* 1 << RLIMIT_*: only raised; ctr-init sets them */
	int pidns;             /* a PID namespace to be born in; -1: the caller's */
	bool helper;           /* a helper process joins and clones the child with CLONE_PARENT */
	bool wait; /* reads one byte from sync_fd before it goes on: id maps come first */
	bool become_root;
	bool keep_groups; /* setgroups is refused in that user namespace */
	bool hide;        /* stay undumpable over execve: others may see the PID namespace */
	int sync_fd;
	int parent_sync;          /* the other end of it, the caller's */
	int keep[CTR_CHILD_KEEP]; /* descriptors that survive execve */
	size_t nkeep;
	int exec_fd;
	const char *const *argv;
	/* what came out */
	volatile int error; /* errno of the step that failed; 0: none has */
	volatile enum ctr_child_step step;
	volatile size_t failed; /* index, where the step has one */
	volatile bool began;    /* it came to execute anything */
	volatile pid_t pid;     /* in the caller's PID namespace */
	bool enter_cgroup; /* it could not be born in its cgroup: the caller moves it there before
			    * ctr_child_go() */
	/* between the two */
	int ready_fd;     /* a waiting child writes a byte there */
	pid_t helper_pid; /* of one that stays until the child executes; 0: none */
};

/*
 * Clone the child. Returns when it has executed ctr-init, or with child->wait (which is set here
 * when enter_cgroup is) when it waits: then ctr_child_go() lets it go on. 0 and child->pid, or -1
 * and @err with no process left.
 */
int ctr_child_clone(struct ctr_child *child, struct ctr_error *err);

/* Let a waiting child execute, and wait until it has. 0, or -1 and @err. */
int ctr_child_go(struct ctr_child *child, int parent_sync, struct ctr_error *err);

/* Reap the helper of a waiting child that was killed. */
void ctr_child_forget_helper(struct ctr_child *child);

/* The error that the child left in the shared memory. Returns -1. */
int ctr_child_fail(const struct ctr_child *child, struct ctr_error *err);
