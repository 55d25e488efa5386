/* The processes of a container, as the host numbers them. */
#include "base/arena.h"
#include "base/error.h"
#include "core/container.h"
#include "core/context.h"
#include "core/machine.h"
#include "core/verbs.h"

static int list_pids(struct ctr_container *container, const struct ctr_context *context,
		     pid_t **out, size_t *n, struct ctr_error *err)
{
	*n = 0;
	*out = NULL;
	if (!ctr_container_is_alive(container))
		return 0;

	if (container->cgroup.mount) {
		if (ctr_cgroup_open(&container->cgroup, err) < 0)
			return -1;
		return ctr_cgroup_procs(&container->cgroup, context->arena, out, n, err);
	}

	*out = ctr_arena_alloc(context->arena, sizeof(**out));
	(*out)[0] = container->record.pid;
	*n = 1;
	return 0;
}

int ctr_pids(const struct ctr_context *context, const char *id, pid_t **out, size_t *n,
	     struct ctr_error *err)
{
	struct ctr_container container;
	int r;

	r = ctr_container_open(&container, context, id, CTR_LOCK_NONE, err);
	if (r == 0)
		r = list_pids(&container, context, out, n, err);
	ctr_container_release(&container);
	return r;
}

int ctr_guest_processes(const struct ctr_context *context, const char *id, const char **out,
			struct ctr_error *err)
{
	const struct ctr_backend *backend = NULL;
	struct ctr_container container;
	int r;

	*out = NULL;
	r = ctr_container_open(&container, context, id, CTR_LOCK_NONE, err);
	if (r == 0 && !(backend = ctr_machine_backend(&container, err)))
		r = -1;
	if (r == 0 && backend->processes && ctr_container_is_alive(&container) &&
	    (r = ctr_machine_can_answer(&container, err)) == 0)
		r = backend->processes(container.dir, context->arena, out, err);
	ctr_container_release(&container);
	return r;
}
