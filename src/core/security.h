/*
 * Where the spec meets sec/ and cgroup/'s device filter: compiled before planning, placed by the
 * planner.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct ctr_cgroup;
struct ctr_container;
struct ctr_context;
struct ctr_error;
struct ctr_plan_options;
struct ctr_process;
struct ctr_seccomp;
struct ctr_spec;

/* Fill the seccomp and LSM parts of @options for @process of @spec. */
int ctr_security_plan(struct ctr_plan_options *options, const struct ctr_spec *spec,
		      const struct ctr_process *process, const struct ctr_context *context,
		      struct ctr_error *err);

/* Compile and attach the device filter of linux.resources.devices. */
int ctr_security_devices(const struct ctr_cgroup *cgroup, const struct ctr_spec *spec,
			 const struct ctr_context *context, struct ctr_error *err);

/* The "container process state" that goes to linux.seccomp.listenerPath. In the context's arena. */
const char *ctr_security_listener_state(const struct ctr_container *container,
					const struct ctr_seccomp *seccomp, pid_t pid,
					const struct ctr_context *context);
