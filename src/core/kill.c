/* ctr kill. The texts are what containerd and CRI-O recognise a finished container by. */
#include <errno.h>
#include <signal.h>

#include "base/error.h"
#include "core/container.h"
#include "core/context.h"
#include "core/machine.h"
#include "core/verbs.h"

/* Every process in the container's cgroup, whether init lives or not. */
static int kill_cgroup(struct ctr_container *container, int sig, struct ctr_error *err)
{
	struct ctr_error ignored;

	if (!container->cgroup.mount || ctr_cgroup_open(&container->cgroup, &ignored) < 0)
		return 0;

	return ctr_cgroup_kill(&container->cgroup, sig, err);
}

static int kill_init(const struct ctr_container *container, int sig, struct ctr_error *err)
{
	int r = ctr_container_signal(container, sig);

	if (r == -ESRCH)
		return ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s': container not running",
				container->id);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "container '%s': cannot send signal %d",
				container->id, sig);
	return 0;
}

/*
 * Without a PID namespace of its own nothing ends the other processes of a container, so all of its
 * cgroup is killed, also when init has ended. 1: there was somebody to kill.
 */
static int kill_shared(struct ctr_container *container, const struct ctr_context *context,
		       struct ctr_error *err)
{
	struct ctr_error ignored;
	pid_t *pids;
	size_t n;

	if (!container->cgroup.mount || ctr_cgroup_open(&container->cgroup, &ignored) < 0)
		return 0;
	if (ctr_cgroup_procs(&container->cgroup, context->arena, &pids, &n, err) < 0 ||
	    ctr_cgroup_kill(&container->cgroup, SIGKILL, err) < 0)
		return -1;

	return n > 0;
}

static int kill_container(struct ctr_container *container, int sig, bool all,
			  const struct ctr_context *context, struct ctr_error *err)
{
	const struct ctr_backend *backend = ctr_machine_backend(container, err);
	bool alive = ctr_container_is_alive(container);
	int r;

	if (!backend)
		return -1;
	/* A guest's processes are none of the host's; who stands for them there passes on what it
	 * can catch. */
	if (backend->signal && alive && sig != SIGKILL && (all || sig == SIGSTOP))
		return backend->signal(container->dir, sig, err);

	if (all)
		return container->cgroup.mount ? kill_cgroup(container, sig, err)
		       : alive                 ? kill_init(container, sig, err)
					       : 0;

	if (sig == SIGKILL && !container->record.has_pidns) {
		r = kill_shared(container, context, err);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}

	return kill_init(container, sig, err);
}

int ctr_kill(const struct ctr_context *context, const char *id, int sig, bool all,
	     struct ctr_error *err)
{
	struct ctr_container container;
	int r;

	r = ctr_container_open(&container, context, id, CTR_LOCK_NONE, err);
	if (r == 0)
		r = kill_container(&container, sig, all, context, err);
	ctr_container_release(&container);
	return r;
}
