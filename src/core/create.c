/* The verbs create and run: the frame around a creation, and what run does after it. */
#include "core/create.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "cgroup/stats.h"
#include "core/context.h"
#include "core/creation.h"
#include "core/newnet.h"
#include "core/prepare.h"
#include "core/wait.h"
#include "hook/hook.h"
#include "oci/spec.h"
#include "state/dir.h"

/* execve(2) cannot place its arguments, and systemd may have taken the cgroup away that would tell.
 */
static bool lacked_memory(const struct ctr_creation *creation, const struct ctr_error *err)
{
	const struct ctr_resources *resources =
		creation->spec ? creation->spec->linux_->resources : NULL;

	return err->fault == CTR_FAULT_HOST && (err->code == ENOMEM || err->code == E2BIG) &&
	       resources && resources->memory && resources->memory->has_limit &&
	       resources->memory->limit > 0;
}

/* Nothing else of what went wrong matters when the OOM killer was there. */
static void explain_end(const struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_cgroup *cgroup = &creation->container.cgroup;

	if (err->fault == CTR_FAULT_HOST && creation->container.dir >= 0 &&
	    ctr_state_is_ending(creation->container.dir))
		(void)ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s' was deleted meanwhile",
			       creation->options->id);
	else if (ctr_container_oom_kills(cgroup) > creation->oom_kills)
		(void)ctr_fail(err, CTR_FAULT_CONFIG, 0,
			       "linux.resources.memory.limit: too low to start the container: it "
			       "was killed by the OOM killer (%s)",
			       ctr_container_memory_limit(cgroup, creation->context));
	else if ((cgroup->made > 0 || cgroup->unit) && ctr_container_ran_out(cgroup))
		(void)ctr_fail_within(err,
				      "linux.resources.memory.limit: too low to start the "
				      "container (%s)",
				      ctr_container_memory_limit(cgroup, creation->context));
	else if (lacked_memory(creation, err))
		(void)ctr_fail_within(err,
				      "linux.resources.memory.limit: too low to start the "
				      "container (memory limit %lld)",
				      (long long)creation->spec->linux_->resources->memory->limit);
}

static void tell_oom(const struct ctr_creation *creation, int status)
{
	uint64_t kills;

	if (creation->memory_events >= 0 &&
	    ctr_stats_key_of(creation->memory_events, "oom_kill", &kills) == 0 &&
	    kills > creation->oom_kills)
		ctr_log(status == 128 + SIGKILL ? CTR_LOG_ERROR : CTR_LOG_WARNING,
			status == 128 + SIGKILL
				? "container '%s' was killed by the OOM killer (%s)"
				: "a process of container '%s' was killed by the OOM killer (%s)",
			creation->options->id,
			ctr_container_memory_limit(&creation->container.cgroup, creation->context));
}

int ctr_create(struct ctr_context *context, const struct ctr_create_options *options,
	       struct ctr_error *err)
{
	struct ctr_creation creation = ctr_creation_init(context, options, false);
	sigset_t signals;
	int r;

	if (ctr_id_check(options->id, err) < 0)
		return -1;

	ctr_prepare_block_signals(&signals);
	r = ctr_creation_load(&creation, err);
	if (r == 0)
		r = ctr_creation_make(&creation, err);
	if (r < 0) {
		explain_end(&creation, err);
		ctr_creation_undo(&creation);
	}
	ctr_creation_release(&creation);
	ctr_prepare_restore_signals(&signals);
	return r;
}

/* What was restored runs already. */
static int start(struct ctr_creation *creation, struct ctr_error *err)
{
	if (creation->options->restore) {
		ctr_notify_ready(&creation->notify);
		return 0;
	}

	return ctr_launch_go(&creation->launch, err) < 0
		       ? -1
		       : ctr_launch_serve(&creation->launch, CTR_SYNC_DONE, err);
}

/* Let it start and, in the foreground, stay until its end. */
static int start_and_wait(struct ctr_creation *creation, int *status, struct ctr_error *err)
{
	const struct ctr_spec *spec = creation->spec;
	struct ctr_wait wait = {
		.launch = &creation->launch,
		.console = creation->handover.console,
		.foreground = !creation->options->detach,
		.ignored = creation->context->host.ignored_signals,
		.subreaper = !creation->options->no_subreaper,
		.notify = &creation->notify,
	};
	const char *state;
	int r;

	if (ctr_detach_parse(&wait.detach, creation->options->detach_keys, err) < 0 ||
	    ctr_wait_prepare(&wait, err) < 0)
		return -1;

	/* In the foreground we are what the service manager watches, and stay it. */
	creation->notify.main = wait.foreground ? getpid() : creation->launch.pid;
	r = start(creation, err);
	/* The helper ended when the child had joined; to hear of it then would have cost the CPU
	 * that the kernel needed for the child's umount2 (RCU). */
	if (r == 0)
		ctr_newnet_end(&creation->newnet);
	if (r == 0 && spec->hooks[CTR_HOOK_POSTSTART].count > 0) {
		state = ctr_container_hook_state(&creation->container, "running",
						 creation->launch.pid, creation->context);
		r = ctr_hooks_run(&spec->hooks[CTR_HOOK_POSTSTART], CTR_HOOK_POSTSTART, state,
				  spec->bundle, creation->container.dir, err);
		if (r < 0)
			creation->poststop_due = true;
	}
	/* It is a container like any other from here on: pause, exec and delete are others' affair.
	 */
	ctr_state_unlock(creation->container.dir);
	if (r == 0 && wait.foreground) {
		creation->memory_events = ctr_container_memory_events(&creation->container.cgroup);
		r = ctr_wait(&wait, status, err);
	}
	if (wait.detached)
		*status = CTR_DETACHED;
	ctr_wait_release(&wait);
	return r;
}

/* After the end of a foreground run: what `ctr delete` does, with what is open already. */
static int clean_up(struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_container *container = &creation->container;

	creation->nundo = 0;
	if (creation->options->keep)
		return 0;

	if (creation->options->pid_file)
		unlink(creation->options->pid_file);
	/* `delete --force` of somebody else may have been faster. */
	if (!ctr_state_relock(container->root, container->id, container->dir))
		return 0;
	if (ctr_container_remove(&creation->container, creation->context, err) < 0)
		return -1;
	if (creation->spec->hooks[CTR_HOOK_POSTSTOP].count > 0)
		ctr_creation_poststop(creation);
	return 0;
}

int ctr_run(struct ctr_context *context, const struct ctr_create_options *options, int *status,
	    struct ctr_error *err)
{
	struct ctr_creation creation = ctr_creation_init(context, options, true);
	sigset_t signals;
	int r;

	*status = 0;
	if (ctr_id_check(options->id, err) < 0)
		return -1;

	ctr_prepare_block_signals(&signals);
	r = ctr_creation_load(&creation, err);
	if (r == 0)
		r = options->restore ? ctr_creation_restore(&creation, err)
				     : ctr_creation_make(&creation, err);
	if (r == 0)
		r = start_and_wait(&creation, status, err);
	if (r < 0) {
		explain_end(&creation, err);
		ctr_creation_undo(&creation);
	} else if (!options->detach && *status != CTR_DETACHED) {
		tell_oom(&creation, *status);
		ctr_process_tell_limits(creation.spec->process, *status);
		r = clean_up(&creation, err);
	}
	ctr_prepare_restore_signals(&signals);
	if (r == 0 && options->detach)
		ctr_notify_until_ready(&creation.notify, creation.launch.pid,
				       creation.launch.pidfd);
	ctr_creation_release(&creation);
	return r;
}
