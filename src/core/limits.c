/* Limits of a container that is being made, and what they did to it. */
#include "core/limits.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "cgroup/stats.h"
#include "core/context.h"
#include "oci/spec.h"
#include "oci/words.h"

/* The first limit that limits anything. */
static const char *first_origin(const struct ctr_limits *limits)
{
	for (size_t i = 0; i < limits->count; i++)
		if (!(limits->list[i].flags & CTR_LIMIT_DEFAULT))
			return limits->list[i].origin;

	return NULL;
}

int ctr_container_limits(const struct ctr_spec *spec, struct ctr_cgroup *cgroup,
			 const struct ctr_context *context, struct ctr_limits *out,
			 struct ctr_error *err)
{
	const char *origin;

	if (ctr_limits_plan(spec->linux_->resources, context->arena, out, err) < 0)
		return -1;

	origin = first_origin(out);
	cgroup->controllers = out->controllers;
	/* Doing without a cgroup is fine only as long as there is nothing to limit. */
	cgroup->optional &= origin == NULL;
	if (!origin || cgroup->mount)
		return 0;

	if (context->manager != CTR_MANAGER_DISABLED)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"%s: this host has no cgroup v2 to limit anything with", origin);
	ctr_log(CTR_LOG_WARNING, "%s: without effect, cgroups are disabled", origin);
	return 0;
}

int ctr_container_confine(struct ctr_cgroup *cgroup, const struct ctr_limits *limits,
			  const struct ctr_context *context, struct ctr_error *err)
{
	struct ctr_error better;

	for (size_t i = 0; i < limits->nwarnings; i++)
		ctr_log(CTR_LOG_WARNING, "%s", limits->warnings[i]);

	if (ctr_cgroup_make(cgroup, &context->host, err) < 0) {
		if (ctr_limits_explain(limits, cgroup->mount, &better) < 0)
			*err = better;
		return -1;
	}
	/* A unit of systemd gets them with its start. */
	if (!cgroup->mount || cgroup->unit || limits->count == 0)
		return 0;

	if (ctr_limits_apply(limits, cgroup, cgroup->made > 0, err) == 0)
		return 0;
	(void)ctr_cgroup_remove(cgroup, NULL);
	return -1;
}

uint64_t ctr_container_oom_kills(const struct ctr_cgroup *cgroup)
{
	uint64_t kills = 0;

	if (cgroup->fd >= 0)
		(void)ctr_stats_key(cgroup->fd, "memory.events", "oom_kill", &kills);
	return kills;
}

int ctr_container_memory_events(const struct ctr_cgroup *cgroup)
{
	return cgroup->fd < 0 ? -1 : openat(cgroup->fd, "memory.events", O_RDONLY | O_CLOEXEC);
}

bool ctr_container_ran_out(const struct ctr_cgroup *cgroup)
{
	uint64_t events = 0;

	return cgroup->fd >= 0 && ctr_stats_key(cgroup->fd, "memory.events", "oom", &events) == 0 &&
	       events > 0;
}

const char *ctr_container_memory_limit(const struct ctr_cgroup *cgroup,
				       const struct ctr_context *context)
{
	uint64_t limit = UINT64_MAX;

	(void)ctr_stats_number(cgroup->fd, "memory.max", &limit);
	if (limit == UINT64_MAX)
		return "no memory limit of its own";
	return ctr_arena_printf(context->arena, "memory limit %llu", (unsigned long long)limit);
}

/* Of what a program takes before its first instruction: itself, its libraries, its stack. */
static bool leaves_no_room(const struct ctr_rlimit *limit)
{
	switch (limit->resource) {
	case RLIMIT_AS:
	case RLIMIT_DATA:
		return limit->soft < 16 << 20;
	case RLIMIT_STACK:
		return limit->soft < 256 << 10;
	default:
		return false;
	}
}

void ctr_process_tell_limits(const struct ctr_process *process, int status)
{
	for (size_t i = 0; i < process->nrlimits && status == 128 + SIGSEGV; i++) {
		const struct ctr_rlimit *limit = &process->rlimits[i];

		if (leaves_no_room(limit))
			ctr_log(CTR_LOG_ERROR,
				"process.rlimits[%zu]: the process was ended by SIGSEGV: with %s at "
				"%llu bytes there may be no room for it",
				i, ctr_name_of(ctr_rlimit_names, limit->resource),
				(unsigned long long)limit->soft);
	}
}
