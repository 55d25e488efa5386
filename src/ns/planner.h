/* The state of one planning, shared by the plan_*.c files and by nobody else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ns/plan.h"
#include "plan/build.h"

struct ctr_late_readonly {
	const struct ctr_mount *mount;
	size_t index; /* in mounts[] */
};

struct ctr_planner {
	struct ctr_plan_builder *plan;
	struct ctr_actions *actions;
	const struct ctr_spec *spec;
	const struct ctr_host *host;
	const struct ctr_plan_options *options;
	struct ctr_arena *arena;
	struct ctr_error *err;

	bool maps_known; /* actions->idmap is the container's */
	bool setgroups_denied;
	bool user_ns;          /* a user namespace is made or joined */
	bool in_place;         /* in a mount namespace of others: nothing is mounted or made */
	bool dev_bound;        /* the host's /dev is bound on /dev: nothing is made there */
	bool has_proc;         /* something is mounted on /proc */
	bool any_shared;       /* a mount with shared propagation: what is mounted may lie on it */
	bool has_home;         /* the environment says where; no need to look it up */
	uint32_t late_rlimits; /* 1 << RLIMIT_*: an operation of the plan */
	bool root_readonly;
	uint32_t root_propagation;
	/* Mounts that become read-only once all is made in them: /dev, and those whose operation
	 * keeps them in CTR_SLOT_LATE, and following. NULL: no more. */
	struct ctr_late_readonly dev_readonly, late[CTR_SLOT_LATE_MAX];
	size_t nlate;
	/* The latest entry of mounts[] that mounts something, and the one on /dev; their
	 * operations. */
	const struct ctr_mount *latest, *dev;
	size_t latest_op, dev_op;

	struct ctr_fd_request *fds; /* all, in the order of use */
	size_t nfds, fds_size, fds_used;
	const char **warnings;
	size_t nwarnings, warnings_size;
};

/* plan.c */
void ctr_planner_warn(struct ctr_planner *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Ask for one more descriptor; in the order in which ctr_planner_slot() is called later. */
struct ctr_fd_request *ctr_planner_request(struct ctr_planner *p);
/* The slot of the next requested descriptor; a batch is received when the one before is used up. */
int16_t ctr_planner_slot(struct ctr_planner *p);
/* An operation with its first operand. */
struct ctr_op *ctr_planner_add(struct ctr_planner *p, enum ctr_op_kind kind, const char *str);
/* Must the parent open host paths? It may go through directories that the root of a user namespace
 * may not. */
bool ctr_planner_walks_for_child(const struct ctr_planner *p);
/* Ids as the container counts them; unknown maps (a joined namespace's) map everything. */
bool ctr_planner_maps_uid(const struct ctr_planner *p, uint32_t uid);
bool ctr_planner_maps_gid(const struct ctr_planner *p, uint32_t gid);

/* plan_namespaces.c */
int ctr_plan_check_namespaces(struct ctr_planner *p);
void ctr_plan_namespaces(struct ctr_planner *p);
/* Join the namespaces of ->options->made_flags, if any are. */
void ctr_plan_made(struct ctr_planner *p);
void ctr_plan_loopback(struct ctr_planner *p);
void ctr_plan_request_time(struct ctr_planner *p, const char *path, const char *origin);
void ctr_plan_join_time(struct ctr_planner *p, const char *origin);
void ctr_plan_names(struct ctr_planner *p);
void ctr_plan_sysctl(struct ctr_planner *p);

/* plan_rootfs.c */
int ctr_plan_check_rootfs(struct ctr_planner *p);
void ctr_plan_request_rootfs(struct ctr_planner *p);
void ctr_plan_rootfs(struct ctr_planner *p);
void ctr_plan_enter_root(struct ctr_planner *p);
void ctr_plan_restrict_paths(struct ctr_planner *p);
void ctr_plan_root_propagation(struct ctr_planner *p);

/* plan_mount.c, plan_mount_kind.c, plan_bind.c */
int ctr_plan_check_mounts(struct ctr_planner *p);
void ctr_plan_request_mounts(struct ctr_planner *p);
void ctr_plan_mounts(struct ctr_planner *p);
/* The slot that the mount on the destination of @mount is in; CTR_SLOT_NONE: it must be looked for
 * at its path. */
int16_t ctr_plan_kept(struct ctr_planner *p, const struct ctr_mount *mount);
bool ctr_plan_bind_needs_slot(const struct ctr_planner *p, const struct ctr_mount *mount);
int ctr_plan_check_bind(const struct ctr_planner *p, const struct ctr_mount *mount, size_t index);
void ctr_plan_request_bind(struct ctr_planner *p, const struct ctr_mount *mount, size_t index);
struct ctr_op *ctr_plan_bind(struct ctr_planner *p, const struct ctr_mount *mount);

/* plan_device.c */
void ctr_plan_devices(struct ctr_planner *p);

/* plan_process.c */
int ctr_plan_process_check(struct ctr_planner *p);
void ctr_plan_environment(struct ctr_planner *p);
void ctr_plan_labels(struct ctr_planner *p);
void ctr_plan_stdio(struct ctr_planner *p);
void ctr_plan_user(struct ctr_planner *p);
void ctr_plan_command(struct ctr_planner *p);
void ctr_plan_rlimits(struct ctr_planner *p);

/* memory_policy.c */
int ctr_plan_memory_policy(struct ctr_planner *p);

/* plan_caps.c */
void ctr_plan_bounding(struct ctr_planner *p);
void ctr_plan_capabilities(struct ctr_planner *p);
