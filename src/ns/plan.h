/*
 * The container's plan: spec, host and options in; operations for ctr-init and actions for the
 * parent out. Pure: no system call is made here. The parts are one file each (plan_mount.c,
 * plan_rootfs.c, plan_process.c); the order of all is ctr_plan_container()'s and is what the golden
 * tests pin.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ns/idmap.h"
#include "ns/shape.h"
#include "oci/spec.h"

struct ctr_arena;
struct ctr_error;
struct ctr_host;
struct ctr_plan_builder;

/* A descriptor that the parent opens when the child asks for it (CTR_OP_WANT_FDS). */
struct ctr_fd_request {
	enum {
		CTR_FD_TREE,      /* open_tree(path, OPEN_TREE_CLONE), detached */
		CTR_FD_NAMESPACE, /* of a path to join */
		CTR_FD_OVERLAY,   /* a writable layer over path, detached */
	} kind;
	const char *path;
	bool recursive, nofollow;
	bool idmap; /* apply an id-mapped attribute to the tree, ... */
	bool idmap_recursive;
	bool idmap_of_container; /* ... with the container's user namespace, else with map */
	struct ctr_idmap map;
	const char *layer;  /* OVERLAY: its directory, NULL: in memory */
	const char *label;  /* OVERLAY: SELinux context, NULL: none */
	const char *origin; /* config field */
};

/* What the parent does for the child, from outside. */
struct ctr_actions {
	const struct ctr_fd_request *fds;
	size_t nfds;
	const struct ctr_rlimit *rlimits;
	size_t nrlimits;
	uint32_t late_rlimits; /* 1 << RLIMIT_*: set by the plan, until then only raised to it */
	bool has_stdio_owner;
	uint32_t stdio_owner; /* uid of the host's: standard streams are given to it */
	bool has_oom_score_adj;
	int32_t oom_score_adj;
	const struct ctr_scheduler *scheduler;
	const struct ctr_io_priority *io_priority;
	const struct ctr_exec_cpu_affinity *exec_cpu_affinity; /* exec only, NULL: none */
	struct ctr_idmap idmap;
	struct ctr_shape shape;
	/* What is carried out in part only, as the spec allows: capabilities that cannot be
	 * granted, deprecated forms. */
	const char *const *warnings;
	size_t nwarnings;
};

struct ctr_plan_options {
	bool no_pivot;
	bool no_new_keyring;
	bool gate;                /* create: wait at the gate; run: the parent stays */
	bool runtime_hooks;       /* prestart or createRuntime hooks exist: stop for them */
	bool exec;                /* joins a running container: no namespaces, mounts, hooks */
	uint64_t ignored_signals; /* mask (bit n-1) of signals the caller ignores or blocks */
	uint32_t preserve_fds;
	uint32_t listen_fds;      /* of preserve_fds: LISTEN_FDS=n, LISTEN_PID=1 are added to env */
	const char *listen_names; /* with listen_fds: LISTEN_FDNAMES, NULL: none */
	const char *id;           /* container id: session keyring name, hook state */
	uint64_t made_flags;      /* CLONE_NEW* of new namespaces that somebody makes meanwhile */
	const char *join_time_ns; /* exec: path of the time namespace to join (SETNS), NULL: none */
	bool overlay;             /* a writable layer over the root file system, ... */
	const char *overlay_dir;  /* ... in this directory, NULL: in memory */
	const char *notify_socket_dir;  /* host directory to bind on /run/notify, NULL: none */
	const char *const *environment; /* ctr's own, for createContainer hooks; NULL: empty */
	const char *state_create,
		*state_start; /* compact state JSON for createContainer and
			       * startContainer hooks (pid as the container sees it) */
	/* From sec/, decided before planning; the planner only places them. */
	const struct sock_filter *seccomp;
	uint16_t seccomp_length;
	uint32_t seccomp_flags;
	bool seccomp_listener;
	const char *lsm_file[2], *lsm_text[2]; /* SELinux, AppArmor; NULL: none */
};

/*
 * Fill @plan and @actions. @spec is what the decoder lets through: rules that a document alone can
 * break were checked there, here only what this host and these options make impossible. 0, or -1
 * and @err (CTR_FAULT_CONFIG): what cannot be carried out is an error that names the field, never
 * silently ignored.
 */
int ctr_plan_container(struct ctr_plan_builder *plan, struct ctr_actions *actions,
		       const struct ctr_spec *spec, const struct ctr_host *host,
		       const struct ctr_plan_options *options, struct ctr_arena *arena,
		       struct ctr_error *err);
