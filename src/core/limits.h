/* Where the spec meets cgroup/'s limits: planned before anything is made, written before the clone,
 * and asked about after an unexpected end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cgroup/limits.h"

struct ctr_context;
struct ctr_error;
struct ctr_process;
struct ctr_spec;

/* The limits of @spec for a cgroup that is placed: sets cgroup->controllers. Without a cgroup they
 * are an error, or a warning when the caller disabled cgroups. */
int ctr_container_limits(const struct ctr_spec *spec, struct ctr_cgroup *cgroup,
			 const struct ctr_context *context, struct ctr_limits *out,
			 struct ctr_error *err);

/* Make @cgroup with the controllers that @limits need, and write them. 0, or -1 and @err. */
int ctr_container_confine(struct ctr_cgroup *cgroup, const struct ctr_limits *limits,
			  const struct ctr_context *context, struct ctr_error *err);

/* How many processes of @cgroup, when it is open, the OOM killer has taken. */
uint64_t ctr_container_oom_kills(const struct ctr_cgroup *cgroup);
/* The file that counts them, the caller's to close; -1: there is none, or @cgroup is not open. */
int ctr_container_memory_events(const struct ctr_cgroup *cgroup);
/* Was an allocation in @cgroup refused? A system call fails then, where nothing was killed. */
bool ctr_container_ran_out(const struct ctr_cgroup *cgroup);
/* "memory limit 1048576", of the cgroup as it is; in the context's arena. */
const char *ctr_container_memory_limit(const struct ctr_cgroup *cgroup,
				       const struct ctr_context *context);

/*
 * execve(2) kills a program that a limit leaves no room, where neither it nor ctr-init can say
 * anything any more. The limit of @process that may have done so is told where @status, of a
 * process that has ended, looks like it.
 */
void ctr_process_tell_limits(const struct ctr_process *process, int status);
