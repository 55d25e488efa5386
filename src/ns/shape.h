/*
 * Which clone makes the container: a pure decision from spec and host, carried out by
 * core/launch.c.
 *
 * DIRECT    one clone3 with everything, CLONE_VM|CLONE_VFORK, exec of ctr-init at once.
 * USERNS    a new user namespace: clone3(NEWUSER|NEWPID), the child waits until its maps are there,
 *           becomes root in it, execs; the plan unshares the rest (inodes of mqueue and sysfs take
 *           the ids of their creator, so those namespaces must be made after mapping).
 * JOIN      a user namespace is joined, or others are while a new one is made: a helper process
 *           joins, in order, and clones the child with CLONE_PARENT. Descriptors of all namespaces
 *           are opened before the first is joined: a joined mount namespace has other paths.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/spec.h"

struct ctr_arena;
struct ctr_error;
struct ctr_host;

enum ctr_shape_kind {
	CTR_SHAPE_DIRECT,
	CTR_SHAPE_USERNS,
	CTR_SHAPE_JOIN,
};

/* One namespace to join, in this order. */
struct ctr_join {
	enum ctr_ns_kind kind;
	uint64_t flag; /* CLONE_NEW* */
	const char *path;
	/* The field that writes to it, and so must not meet the caller's own; NULL: none does. */
	const char *writer;
	uint32_t index; /* in linux.namespaces[] */
	bool by_parent; /* DIRECT: the PID namespace, setns by the parent around its clone */
};

struct ctr_shape {
	enum ctr_shape_kind kind;
	uint64_t clone_flags;   /* CLONE_NEW* for the clone itself */
	uint64_t unshare_flags; /* of the plan's UNSHARE in the child, cgroup and time included */
	struct ctr_join joins[CTR_NS_KINDS];
	size_t njoins;
	/* Joined by the plan and not in joins: a time namespace refuses a process that shares its
	 * memory with another, as the cloned one does until its exec. */
	bool plan_joins_time;
	struct ctr_join time;
	bool write_maps; /* the parent writes id maps before the child goes on */
	/* setresgid(0), setresuid(0): with write_maps by the child once it is mapped and before its
	 * exec, else by the helper once it joined all and before it clones. */
	bool become_root;
	/* setgroups(2) is refused: a single-id map written without helper, or inherited. */
	bool setgroups_denied;
};

/*
 * 0, or -1 and @err. A rootless caller without a user namespace in the document is an error that
 * says what to do.
 */
int ctr_shape_decide(struct ctr_shape *out, const struct ctr_spec *spec,
		     const struct ctr_host *host, struct ctr_error *err);

/* CLONE_NEW* of a namespace kind, and its name in /proc/PID/ns. */
uint64_t ctr_ns_flag(enum ctr_ns_kind kind);
const char *ctr_ns_file(enum ctr_ns_kind kind);
/* "pid", "network", ... as the spec spells it. */
const char *ctr_ns_name(enum ctr_ns_kind kind);

/*
 * Open @join->path and verify that it is a namespace of that kind (NS_GET_NSTYPE), and not the
 * caller's own when there is a writer. A new descriptor, or -1 and @err
 * ("linux.namespaces[2].path: ...").
 */
int ctr_ns_open(const struct ctr_join *join, struct ctr_error *err);
