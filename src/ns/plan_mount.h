/* What the planner knows of an entry of mounts[]; for the files that plan them alone. */
#pragma once

#include <stdbool.h>

struct ctr_mount;
struct ctr_op;
struct ctr_planner;

enum ctr_mount_kind {
	CTR_MOUNT_KIND_BIND,
	CTR_MOUNT_KIND_REMOUNT,
	CTR_MOUNT_KIND_PROPAGATION, /* a change of what is mounted there, as REMOUNT is */
	CTR_MOUNT_KIND_PROC,
	CTR_MOUNT_KIND_SYSFS,
	CTR_MOUNT_KIND_TMPFS,
	CTR_MOUNT_KIND_DEVPTS,
	CTR_MOUNT_KIND_CGROUP,
	CTR_MOUNT_KIND_OTHER,
};

/* plan_mount_kind.c */
enum ctr_mount_kind ctr_plan_mount_kind(const struct ctr_mount *mount);
/* Nothing is mounted, what is there is changed. */
bool ctr_plan_mount_is_change(enum ctr_mount_kind kind);
/* SELinux: has the file system the option "context="? */
bool ctr_plan_mount_takes_context(const struct ctr_mount *mount);
bool ctr_plan_mount_is_at(const struct ctr_mount *mount, const char *path);

/* plan_filesystem.c */
/* The operation that mounts @mount, a new file system of @kind or the cgroup tree. */
struct ctr_op *ctr_plan_filesystem(struct ctr_planner *p, const struct ctr_mount *mount,
				   enum ctr_mount_kind kind);
