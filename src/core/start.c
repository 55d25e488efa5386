/*
 * ctr start: connect to the gate where init waits, and be its parent from there on: the same
 * messages say whether the process could be executed, and why not.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "core/container.h"
#include "core/context.h"
#include "core/launch.h"
#include "core/notify.h"
#include "core/verbs.h"
#include "hook/hook.h"

static int check_status(const struct ctr_container *container, struct ctr_error *err)
{
	enum ctr_status status = ctr_container_status(container);

	switch (status) {
	case CTR_STATUS_CREATED:
		return 0;
	case CTR_STATUS_RUNNING:
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': cannot start an already running container",
				container->id);
	case CTR_STATUS_STOPPED:
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': cannot start a container that has stopped",
				container->id);
	default:
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': cannot start a container in the %s state",
				container->id, ctr_status_name(status));
	}
}

static int pass_gate(const struct ctr_container *container, const struct ctr_context *context,
		     struct ctr_error *err)
{
	struct ctr_launch launch = CTR_LAUNCH_INIT;
	int r;

	launch.arena = context->arena;
	launch.host = &context->host;
	launch.state = CTR_SYNC_CREATED;
	launch.sync = ctr_unix_connect(container->dir, "gate", SOCK_SEQPACKET);
	if (launch.sync < 0) {
		r = launch.sync;
		launch.sync = -1;
		/* It may have ended meanwhile. */
		if (check_status(container, err) < 0)
			return -1;
		return ctr_fail(err, CTR_FAULT_HOST, -r,
				"container '%s': cannot reach its start gate", container->id);
	}

	r = ctr_launch_go(&launch, err);
	if (r == 0)
		r = ctr_launch_serve(&launch, CTR_SYNC_DONE, err);
	ctr_launch_release(&launch);
	/* Whatever came of it, nobody waits there any more. */
	unlinkat(container->dir, "gate", 0);
	return r;
}

/* A failing poststart hook ends the container (runtime.md#lifecycle step 9, since 1.3). */
static int run_poststart(struct ctr_container *container, const struct ctr_context *context,
			 struct ctr_error *err)
{
	const struct ctr_spec *spec;
	struct ctr_error ignored;
	const char *state;

	if (!(container->record.hooks & 1U << CTR_HOOK_POSTSTART))
		return 0;

	spec = ctr_container_spec(container, context, err);
	if (!spec)
		return -1;

	state = ctr_container_hook_state(container, "running", container->record.pid, context);
	if (ctr_hooks_run(&spec->hooks[CTR_HOOK_POSTSTART], CTR_HOOK_POSTSTART, state, NULL,
			  container->dir, err) == 0)
		return 0;

	(void)ctr_container_end(container, &ignored);
	return -1;
}

/* A service is started when it is ready; others may work on the container meanwhile. */
static void pass_notifications(struct ctr_notify *notify, const struct ctr_container *container)
{
	int pidfd;

	if (notify->in < 0)
		return;

	ctr_state_unlock(container->dir);
	pidfd = ctr_container_pidfd(container);
	if (pidfd != -ESRCH)
		ctr_notify_until_ready(notify, container->record.pid, pidfd);
	ctr_close_ptr(&pidfd);
}

int ctr_start(const struct ctr_context *context, const char *id, struct ctr_error *err)
{
	struct ctr_notify notify = CTR_NOTIFY_INIT;
	struct ctr_container container;
	int r;

	r = ctr_container_open(&container, context, id, CTR_LOCK_WAIT, err);
	if (r == 0)
		r = check_status(&container, err);
	if (r == 0) {
		notify.main = container.record.pid;
		r = ctr_notify_open(&notify, container.dir, err);
	}
	if (r == 0)
		r = pass_gate(&container, context, err);
	if (r == 0)
		r = run_poststart(&container, context, err);
	if (r == 0)
		pass_notifications(&notify, &container);
	ctr_notify_release(&notify, container.dir);
	ctr_container_release(&container);
	return r;
}
