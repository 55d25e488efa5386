/* Where exec goes: into which container it may, and what of that it joins. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/child.h"

struct ctr_arena;
struct ctr_container;
struct ctr_context;
struct ctr_error;
struct ctr_host;
struct ctr_shape;
struct ctr_spec;

/* The namespaces of a container's init. */
struct ctr_exec_joins {
	struct ctr_child_join joins[CTR_CHILD_JOINS];
	size_t count;
	int pidfd;    /* of init; -1: not opened, or there is no pidfd_open */
	bool own_fds; /* joins are descriptors of namespace files, to be closed */
};

#define CTR_EXEC_JOINS_INIT                                                                        \
	{                                                                                          \
		.pidfd = -1                                                                        \
	}

/* May something be executed in it, by its status? 0, or -1 and @err. */
int ctr_exec_check(const struct ctr_container *container, bool ignore_paused,
		   struct ctr_error *err);

/* It has ended. Returns -1. */
int ctr_exec_fail_stopped(const struct ctr_container *container, struct ctr_error *err);

/* How the process of exec is cloned. The namespaces are the container's of @spec. */
void ctr_exec_shape(struct ctr_shape *out, const struct ctr_spec *spec,
		    const struct ctr_host *host);

/*
 * Wait until ctr-init has made the container, and open what of @spec's namespaces is to be joined.
 * 0, or -1 and @err; release in any case.
 */
int ctr_exec_join(struct ctr_exec_joins *out, const struct ctr_container *container,
		  const struct ctr_spec *spec, const struct ctr_context *context,
		  struct ctr_error *err);
/* The directory that is the root of a container that is made (O_PATH). A new descriptor, or -1 and
 * @err. */
int ctr_exec_open_root(const struct ctr_container *container, struct ctr_arena *arena,
		       struct ctr_error *err);
void ctr_exec_joins_release(struct ctr_exec_joins *joins);

/* Open the container's cgroup, or @sub below it (NULL: none), where it has one. 0, or -1 and
 * @err. */
int ctr_exec_open_cgroup(struct ctr_container *container, const char *sub, struct ctr_error *err);

/* Open the one that its init is in instead: a container that uses cgroups itself may refuse
 * processes beside its own sub-cgroups. 0, or -1 without an error. */
int ctr_exec_follow_init(struct ctr_container *container, struct ctr_arena *arena);
