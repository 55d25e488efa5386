/*
 * Joining a running container: its namespaces and its cgroup (exec_join.c), then the process
 * section (its own, or the container's with the options laid over it: exec_process.c) by the same
 * plan operations as a container's first process.
 */
#include "core/exec.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "core/container.h"
#include "core/context.h"
#include "core/exec_join.h"
#include "core/exec_process.h"
#include "core/handover.h"
#include "core/launch.h"
#include "core/limits.h"
#include "core/machine.h"
#include "core/place.h"
#include "core/prepare.h"
#include "core/security.h"
#include "core/user.h"
#include "core/wait.h"
#include "ns/plan.h"
#include "oci/load.h"
#include "plan/build.h"

enum { END_WAIT_MS = 100 };

struct execution {
	struct ctr_context *context;
	const struct ctr_exec_options *options;
	struct ctr_container container;
	struct ctr_machine machine;
	struct ctr_spec spec; /* what is planned: the container's, with the process to execute */
	struct ctr_process process;
	struct ctr_actions actions;
	struct ctr_launch launch;
	struct ctr_plan_options plan_options;
	struct ctr_exec_joins joins;
	struct ctr_handover handover;
	int child_sync;
};

static int check_terminal(const struct execution *execution, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;

	if (execution->process.terminal && options->detach && !options->console_socket)
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"exec: cannot allocate tty if ctr will detach without setting console socket");
	if (!execution->process.terminal && options->console_socket)
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"--console-socket: cannot use console socket if ctr will not detach or allocate tty");
	return 0;
}

/* ---- where it goes */

static int decide_joins(struct execution *execution, struct ctr_error *err)
{
	const struct ctr_context *context = execution->context;
	const struct ctr_backend *backend = execution->machine.backend;

	ctr_exec_shape(&execution->actions.shape, &execution->spec, &context->host);

	/* Not for us to join: its monitor does it. What stands for it here is in the host's. */
	if (backend->exec)
		return 0;
	if (backend->bits & CTR_BACKEND_MACHINE)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': --isolation %s cannot exec",
				execution->options->id, backend->name);

	return ctr_exec_join(&execution->joins, &execution->container, &execution->spec, context,
			     err);
}

static int find_user(struct execution *execution, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;
	struct ctr_arena *arena = execution->context->arena;
	_cleanup_close_ int root = -1;

	/* The container is made by now. */
	if (options->user && ctr_user_has_names(options->user) &&
	    !(execution->machine.backend->bits & CTR_BACKEND_MACHINE)) {
		root = ctr_exec_open_root(&execution->container, arena, err);
		if (root < 0)
			return ctr_fail_within(err, "--user");
	}
	return ctr_exec_user(&execution->process.user, options, root, arena, err);
}

/* ---- the course of it */

static int on_console(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct execution *execution = data;

	(void)launch;
	return ctr_handover_console(&execution->handover, fd, err);
}

static int on_listener(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct execution *execution = data;

	return ctr_handover_listener(&execution->container, &execution->spec, launch,
				     execution->context, fd, err);
}

/* systemd moves what ctr may not: from a login session into a unit of the user's manager. */
static int on_place(void *data, const struct ctr_launch *launch, struct ctr_error *err)
{
	struct execution *execution = data;

	return ctr_place_attach(&execution->container.cgroup, execution->options->cgroup,
				launch->pid, execution->context, err);
}

static const struct ctr_launch_calls exec_calls = {
	.place = on_place,
	.console = on_console,
	.listener = on_listener,
};

static int make_plan(struct execution *execution, struct ctr_plan_header **out,
		     struct ctr_error *err)
{
	const struct ctr_context *context = execution->context;
	struct ctr_plan_options *plan_options = &execution->plan_options;
	struct ctr_shape shape = execution->actions.shape;
	struct ctr_plan_builder builder;

	plan_options->exec = true;
	plan_options->id = execution->options->id;
	plan_options->ignored_signals = context->host.ignored_signals;
	if (execution->spec.linux_->namespaces[CTR_NS_TIME].listed ||
	    execution->container.record.has_timens)
		plan_options->join_time_ns = ctr_arena_printf(context->arena, "/proc/%d/ns/time",
							      execution->container.record.pid);
	if (ctr_prepare_fds(execution->options->preserve_fds, &plan_options->preserve_fds,
			    &plan_options->listen_fds, &plan_options->listen_names, err) < 0 ||
	    ctr_security_plan(plan_options, &execution->spec, &execution->process, context, err) <
		    0)
		return -1;

	ctr_plan_init(&builder, context->arena);
	if (ctr_plan_container(&builder, &execution->actions, &execution->spec,
			       execution->machine.host, plan_options, context->arena, err) < 0)
		return -1;
	execution->actions.shape = shape;
	ctr_prepare_warn(&execution->actions);

	*out = ctr_plan_finish(&builder, err);
	return *out ? 0 : -1;
}

static int open_sync(struct execution *execution, struct ctr_plan_header *plan,
		     struct ctr_error *err)
{
	if (ctr_launch_pair(&execution->launch, plan, &execution->child_sync, err) < 0)
		return -1;

	plan->gate_fd = -1;
	plan->flags = CTR_PLAN_EXEC;
	plan->preserve_fds = execution->plan_options.preserve_fds;
	return 0;
}

/* A container that uses cgroups itself may refuse processes beside its own sub-cgroups. */
static int launch(struct execution *execution, struct ctr_error *err)
{
	struct ctr_cgroup *cgroup = &execution->container.cgroup;
	struct ctr_launch *launch = &execution->launch;
	bool again = false;
	int r;

	if (execution->machine.backend->exec) {
		r = ctr_machine_exec(&execution->machine, launch, cgroup, &execution->process,
				     execution->child_sync, execution->container.dir, err);
		close(ctr_take_fd(&execution->child_sync));
		return r;
	}

	r = ctr_launch_start(launch, cgroup, execution->child_sync, -1, execution->joins.joins,
			     execution->joins.count, err);
	if (r < 0 && err->code == EBUSY && cgroup->mount && !execution->options->cgroup)
		again = ctr_exec_follow_init(&execution->container, execution->context->arena) == 0;
	if (r < 0 && err->code == EACCES && cgroup->unit) {
		ctr_cgroup_close(cgroup); /* on_place() is asked then */
		again = true;
	}
	if (again)
		r = ctr_launch_start(launch, cgroup, execution->child_sync, -1,
				     execution->joins.joins, execution->joins.count, err);
	close(ctr_take_fd(&execution->child_sync));
	return r;
}

/* The pid file is written when the process runs: for conmon it is the only sign of success. */
static int start_and_wait(struct execution *execution, int *status, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;
	struct ctr_wait wait = {
		.launch = &execution->launch,
		.console = execution->handover.console,
		.foreground = !options->detach,
		.ignored = execution->context->host.ignored_signals,
	};
	int r;

	if (ctr_detach_parse(&wait.detach, options->detach_keys, err) < 0 ||
	    ctr_wait_prepare(&wait, err) < 0)
		return -1;

	r = ctr_launch_go(&execution->launch, err);
	if (r == 0)
		r = ctr_launch_serve(&execution->launch, CTR_SYNC_DONE, err);
	if (r == 0)
		r = ctr_handover_pid(&execution->handover, &execution->launch,
				     execution->context->arena, err);
	if (r == 0 && wait.foreground)
		r = ctr_wait(&wait, status, err);
	if (wait.detached)
		*status = CTR_DETACHED;
	ctr_wait_release(&wait);
	ctr_process_tell_limits(&execution->process, *status);
	return r;
}

static int enter_resctrl(const struct execution *execution, struct ctr_error *err)
{
	const struct ctr_resctrl resctrl =
		ctr_container_resctrl(&execution->container, execution->context);

	return resctrl.mount ? ctr_resctrl_enter(&resctrl, execution->launch.pid,
						 execution->context->arena, err)
			     : 0;
}

static int execute(struct execution *execution, int *status, struct ctr_error *err)
{
	struct ctr_plan_header *plan = NULL;
	const struct ctr_spec *spec;
	int r;

	if (ctr_container_open(&execution->container, execution->context, execution->options->id,
			       CTR_LOCK_NONE, err) < 0 ||
	    ctr_exec_check(&execution->container, execution->options->ignore_paused, err) < 0)
		return -1;

	spec = ctr_container_spec(&execution->container, execution->context, err);
	if (!spec || ctr_machine_open(&execution->machine, execution->context, spec,
				      &execution->container, err) < 0)
		return -1;
	execution->spec = *execution->machine.spec;

	if (ctr_exec_process(&execution->process, execution->options, spec->process,
			     execution->context->arena, err) < 0)
		return -1;
	execution->spec.process = &execution->process;

	ctr_context_complete(execution->context, &execution->spec, &execution->process);
	if (check_terminal(execution, err) < 0 || decide_joins(execution, err) < 0 ||
	    find_user(execution, err) < 0 ||
	    ctr_exec_open_cgroup(&execution->container, execution->options->cgroup, err) < 0 ||
	    make_plan(execution, &plan, err) < 0 || open_sync(execution, plan, err) < 0)
		return -1;

	execution->launch.plan = plan;
	execution->launch.actions = &execution->actions;
	execution->launch.host = &execution->context->host;
	execution->launch.arena = execution->context->arena;
	execution->launch.calls = &exec_calls;
	execution->launch.data = execution;
	if (ctr_prepare_affinity(&execution->actions, err) < 0 || launch(execution, err) < 0)
		return -1;

	r = enter_resctrl(execution, err);
	if (r == 0)
		r = ctr_prepare_process(&execution->actions, execution->launch.pid, err);
	if (r < 0)
		ctr_launch_blame(&execution->launch, err);
	if (r == 0 && ctr_launch_asks(&execution->launch))
		r = ctr_launch_serve(&execution->launch, CTR_SYNC_CREATED, err);
	if (r == 0)
		r = ctr_handover_pidfd(&execution->handover, &execution->launch, err);
	if (r == 0)
		r = start_and_wait(execution, status, err);
	if (r < 0)
		ctr_launch_kill(&execution->launch);
	return r;
}

static void release(struct execution *execution)
{
	ctr_launch_release(&execution->launch);
	ctr_close_ptr(&execution->child_sync);
	ctr_close_ptr(&execution->handover.console);
	ctr_exec_joins_release(&execution->joins);
	ctr_container_release(&execution->container);
}

/* A container that ends meanwhile makes this fail in as many ways as there are steps. Its init may
 * be on its way: it kills everybody else first. */
static void explain_end(const struct execution *execution, struct ctr_error *err)
{
	const struct ctr_container *container = &execution->container;
	struct pollfd end = { .fd = execution->joins.pidfd, .events = POLLIN };

	if ((err->fault != CTR_FAULT_HOST && err->fault != CTR_FAULT_NOT_FOUND) ||
	    container->record.pid <= 0)
		return;
	if (end.fd >= 0)
		(void)poll(&end, 1, END_WAIT_MS);
	if (ctr_container_is_alive(container))
		return;

	(void)ctr_exec_fail_stopped(container, err);
}

int ctr_exec(struct ctr_context *context, const struct ctr_exec_options *options, int *status,
	     struct ctr_error *err)
{
	struct execution execution = {
		.context = context,
		.options = options,
		.container = CTR_CONTAINER_INIT,
		.launch = CTR_LAUNCH_INIT,
		.joins = CTR_EXEC_JOINS_INIT,
		.child_sync = -1,
		.handover = {
			.console_socket = options->console_socket,
			.pidfd_socket = options->pidfd_socket,
			.pid_file = options->pid_file,
			.console = -1,
		},
	};
	int r;

	*status = 0;
	r = execute(&execution, status, err);
	if (r < 0)
		explain_end(&execution, err);
	release(&execution);
	return r;
}
