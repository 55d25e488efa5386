/*
 * Making a container. The order of the parent's work, and what runs beside it:
 *
 *   read and decode the bundle · what the host is · state directory, record "creating" · cgroup
 * with its limits · seccomp program · plan · clone ── the child executes ctr-init and runs the plan
 *                   meanwhile: device filter, priorities, copy of the configuration, record
 *   serve the child: descriptors, hooks, terminal, listener
 *   CREATED: pid file ── create ends here, run lets it start
 *
 * Where the child has no need to ask, run does not wait for CREATED either: pid file and START come
 * right after the work beside, or, where a helper makes namespaces, when the child has left that;
 * the child finds START waiting when it is created.
 */
#include "core/creation.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "core/bare.h"
#include "core/context.h"
#include "core/create.h"
#include "core/orphan.h"
#include "core/place.h"
#include "core/prepare.h"
#include "core/security.h"
#include "hook/hook.h"
#include "oci/load.h"
#include "plan/build.h"

struct ctr_creation ctr_creation_init(struct ctr_context *context,
				      const struct ctr_create_options *options, bool run)
{
	return (struct ctr_creation){
		.context = context,
		.options = options,
		.run = run,
		.container = CTR_CONTAINER_INIT,
		.launch = CTR_LAUNCH_INIT,
		.network = CTR_NETWORK_INIT,
		.overlay = CTR_OVERLAY_INIT,
		.notify = CTR_NOTIFY_INIT,
		.memory_events = -1,
		.gate = -1,
		.child_sync = -1,
		.handover = {
			.console_socket = options->console_socket,
			.pidfd_socket = options->pidfd_socket,
			.pid_file = options->pid_file,
			.console = -1,
		},
	};
}

void ctr_creation_push_undo(struct ctr_creation *creation, void (*undo)(struct ctr_creation *))
{
	creation->undo[creation->nundo++] = undo;
}

void ctr_creation_undo(struct ctr_creation *creation)
{
	while (creation->nundo > 0)
		creation->undo[--creation->nundo](creation);
	/* Nothing of it is left: that is what they are told (runtime.md#lifecycle). */
	if (creation->poststop_due && !creation->stays)
		ctr_creation_poststop(creation);
	creation->poststop_due = false;
}

void ctr_creation_undo_child(struct ctr_creation *creation)
{
	if (ctr_launch_began_hook(&creation->launch))
		creation->poststop_due = true;
	ctr_launch_kill(&creation->launch);
}

static void undo_pid_file(struct ctr_creation *creation)
{
	unlink(creation->options->pid_file);
}

static void undo_network(struct ctr_creation *creation)
{
	const char *id = creation->options->id;
	struct ctr_error err;

	if (ctr_network_undo(&creation->network, creation->container.dir, id, creation->context,
			     &err) == 0)
		return;
	ctr_log(CTR_LOG_ERROR, "%s: `delete --force %s` removes what is left", err.text, id);
	creation->stays = true;
}

/* The environment was there: whoever hooked its making hears of its end (runtime.md#lifecycle). */
void ctr_creation_poststop(struct ctr_creation *creation)
{
	const char *state =
		ctr_container_hook_state(&creation->container, "stopped", 0, creation->context);
	struct ctr_error err;

	if (ctr_hooks_run(&creation->spec->hooks[CTR_HOOK_POSTSTOP], CTR_HOOK_POSTSTOP, state, NULL,
			  -1, &err) < 0)
		ctr_log(CTR_LOG_WARNING, "%s", err.text);
}

/* ---- before the clone */

int ctr_creation_notify(struct ctr_creation *creation, struct ctr_error *err)
{
	if (ctr_notify_make(creation->container.dir, err) < 0)
		return -1;
	return creation->run ? ctr_notify_open(&creation->notify, creation->container.dir, err) : 0;
}

static int make_notify(struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_context *context = creation->context;

	if (!ctr_notify_wanted())
		return 0;

	if (creation->machine.backend->bits & CTR_BACKEND_MACHINE) {
		ctr_log(CTR_LOG_WARNING,
			"NOTIFY_SOCKET: notifications of a virtual machine are not passed on");
		return 0;
	}

	creation->plan_options.notify_socket_dir = ctr_arena_printf(
		context->arena, "%s/%s/notify", context->root, creation->options->id);
	return ctr_creation_notify(creation, err);
}

/* What hooks of the container's namespaces are told: its state, as it sees its own pid, and our
 * environment. */
static void plan_hooks(struct ctr_creation *creation)
{
	const struct ctr_spec *spec = creation->spec;
	const struct ctr_container *container = &creation->container;
	int pid = container->record.has_pidns ? 1 : 0;

	if (spec->hooks[CTR_HOOK_CREATE_CONTAINER].count > 0) {
		creation->plan_options.environment = (const char *const *)environ;
		creation->plan_options.state_create =
			ctr_container_hook_state(container, "creating", pid, creation->context);
	}
	if (spec->hooks[CTR_HOOK_START_CONTAINER].count > 0)
		creation->plan_options.state_start =
			ctr_container_hook_state(container, "created", pid, creation->context);
}

static int make_plan(struct ctr_creation *creation, struct ctr_plan_header **out,
		     struct ctr_error *err)
{
	const struct ctr_context *context = creation->context;
	const struct ctr_create_options *options = creation->options;
	const struct ctr_spec *spec = creation->machine.spec;
	struct ctr_plan_options *plan_options = &creation->plan_options;
	struct ctr_plan_builder builder;

	plan_options->no_pivot = options->no_pivot;
	plan_options->no_new_keyring = options->no_new_keyring;
	/* The guest needs none: its monitor waits there. */
	plan_options->gate =
		!creation->run && !(creation->machine.backend->bits & CTR_BACKEND_MACHINE);
	/* A machine's monitor asks, before there is a guest. */
	plan_options->runtime_hooks = !(creation->machine.backend->bits & CTR_BACKEND_MACHINE) &&
				      (spec->hooks[CTR_HOOK_PRESTART].count > 0 ||
				       spec->hooks[CTR_HOOK_CREATE_RUNTIME].count > 0 ||
				       ctr_network_is_due(&creation->network, spec));
	plan_options->ignored_signals = creation->context->host.ignored_signals;
	plan_options->id = options->id;
	plan_hooks(creation);
	if (ctr_prepare_fds(options->preserve_fds, &plan_options->preserve_fds,
			    &plan_options->listen_fds, &plan_options->listen_names, err) < 0 ||
	    ctr_security_plan(plan_options, spec, spec->process, context, err) < 0)
		return -1;

	ctr_plan_init(&builder, context->arena);
	if (ctr_plan_container(&builder, &creation->actions, spec, creation->machine.host,
			       plan_options, context->arena, err) < 0)
		return -1;

	ctr_prepare_warn(&creation->actions);
	*out = ctr_plan_finish(&builder, err);
	return *out ? 0 : -1;
}

static int open_sockets(struct ctr_creation *creation, struct ctr_plan_header *plan,
			struct ctr_error *err)
{
	if (ctr_launch_pair(&creation->launch, plan, &creation->child_sync, err) < 0)
		return -1;

	if (!creation->run) {
		int fd = ctr_unix_listen(creation->container.dir, "gate", SOCK_SEQPACKET);

		if (fd < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -fd,
					"state of container '%s': cannot make the start gate",
					creation->options->id);
		creation->gate = fd;
	}
	/* The child leaves the pair when it waits at the gate. */
	if (!creation->container.cgroup.mount &&
	    ctr_orphan_claim(creation->container.dir,
			     creation->run ? creation->child_sync : creation->gate, err) < 0)
		return ctr_fail_within(err, "state of container '%s'", creation->options->id);

	plan->gate_fd = creation->gate;
	if (creation->newnet.pid > 0) {
		plan->maker_fd = creation->newnet.pidfd;
		plan->made_fd = creation->newnet.made;
	}
	plan->preserve_fds = creation->plan_options.preserve_fds;
	return 0;
}

/* ---- with the child there */

static int write_record(struct ctr_creation *creation, struct ctr_error *err)
{
	struct ctr_container *container = &creation->container;
	char state;

	if (ctr_process_stat(creation->launch.pid, &container->record.start_time, &state) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, ESRCH, "container init is gone");
	container->record.pid = creation->launch.pid;
	return ctr_record_write(&container->record, container->dir, creation->context->arena, err);
}

static int on_place(void *data, const struct ctr_launch *launch, struct ctr_error *err)
{
	struct ctr_creation *creation = data;
	struct ctr_container *container = &creation->container;

	if (ctr_place_start(container, creation->spec, &creation->limits, launch->pid,
			    creation->context, err) < 0)
		return -1;

	ctr_place_to_record(&container->cgroup, &container->record);
	return ctr_record_write(&container->record, container->dir, creation->context->arena, err);
}

int ctr_creation_hooks(struct ctr_creation *creation, pid_t pid, struct ctr_error *err)
{
	const struct ctr_spec *spec = creation->spec;
	int dir = creation->container.dir;
	const char *state;

	/* The network is part of what the hooks find. */
	ctr_creation_push_undo(creation, undo_network);
	if (ctr_network_up(&creation->network, spec, pid, dir, creation->options->id,
			   creation->context, err) < 0)
		return -1;

	creation->poststop_due = true;
	state = ctr_container_hook_state(&creation->container, "creating", pid, creation->context);
	if (ctr_hooks_run(&spec->hooks[CTR_HOOK_PRESTART], CTR_HOOK_PRESTART, state, spec->bundle,
			  dir, err) < 0)
		return -1;

	return ctr_hooks_run(&spec->hooks[CTR_HOOK_CREATE_RUNTIME], CTR_HOOK_CREATE_RUNTIME, state,
			     spec->bundle, dir, err);
}

static int on_hooks(void *data, const struct ctr_launch *launch, struct ctr_error *err)
{
	return ctr_creation_hooks(data, launch->pid, err);
}

static int on_console(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct ctr_creation *creation = data;

	(void)launch;
	return ctr_handover_console(&creation->handover, fd, err);
}

static int on_listener(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct ctr_creation *creation = data;

	return ctr_handover_listener(&creation->container, creation->spec, launch,
				     creation->context, fd, err);
}

/* Hooks may take long, before that and after it. */
static void on_created(void *data)
{
	const struct ctr_creation *creation = data;

	if (creation->container.record.hooks != 0)
		ctr_state_make_known(creation->container.dir);
}

static const struct ctr_launch_calls create_calls = {
	.place = on_place,
	.hooks = on_hooks,
	.console = on_console,
	.listener = on_listener,
	.created = on_created,
};

int ctr_creation_keep(struct ctr_creation *creation, struct ctr_error *err)
{
	if (ctr_file_replace(creation->container.dir, "config.json", creation->config,
			     creation->config_len, 0600, err) < 0)
		return ctr_fail_within(err, "state of container '%s'", creation->options->id);
	return write_record(creation, err);
}

/* What can be done while the child mounts. */
static int work_beside(struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_context *context = creation->context;
	const struct ctr_container *container = &creation->container;

	if (creation->resctrl.mount &&
	    ctr_resctrl_enter(&creation->resctrl, creation->launch.pid, context->arena, err) < 0)
		return -1;
	if (ctr_prepare_process(&creation->actions, creation->launch.pid, err) < 0 ||
	    ctr_security_devices(&container->cgroup, creation->spec, context, err) < 0)
		return -1;

	return ctr_creation_keep(creation, err);
}

int ctr_creation_finish(struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_handover *handover = &creation->handover;

	if (ctr_handover_pidfd(handover, &creation->launch, err) < 0 ||
	    ctr_handover_pid(handover, &creation->launch, creation->context->arena, err) < 0)
		return -1;

	if (handover->pid_file)
		ctr_creation_push_undo(creation, undo_pid_file);
	return 0;
}

/* From nothing to CREATED; `run` need not wait for that where the child asks for nothing. */
int ctr_creation_make(struct ctr_creation *creation, struct ctr_error *err)
{
	struct ctr_plan_header *plan = NULL;

	if (ctr_creation_place(creation, err) < 0 || make_notify(creation, err) < 0 ||
	    make_plan(creation, &plan, err) < 0 || open_sockets(creation, plan, err) < 0)
		return -1;

	creation->launch.newnet = &creation->newnet;
	creation->launch.plan = plan;
	creation->launch.actions = &creation->actions;
	creation->launch.host = &creation->context->host;
	creation->launch.arena = creation->context->arena;
	creation->launch.calls = &create_calls;
	creation->launch.data = creation;
	if (ctr_machine_start(&creation->machine, &creation->launch, &creation->container.cgroup,
			      creation->child_sync, creation->gate, creation->container.dir,
			      err) < 0)
		return -1;
	ctr_creation_push_undo(creation, ctr_creation_undo_child);

	/* From here on the child's end of the pair is the child's alone: its end is end of file. */
	close(ctr_take_fd(&creation->child_sync));
	ctr_newnet_handed(&creation->newnet);
	if (work_beside(creation, err) < 0) {
		ctr_launch_blame(&creation->launch, err);
		return -1;
	}
	if ((!creation->run || ctr_place_delegated(creation->spec) || creation->machine.asks ||
	     ctr_launch_asks(&creation->launch)) &&
	    ctr_launch_serve(&creation->launch, CTR_SYNC_CREATED, err) < 0)
		return -1;
	if (ctr_place_delegate(&creation->container.cgroup, creation->spec, creation->launch.pid,
			       creation->context, err) < 0)
		return -1;

	return ctr_creation_finish(creation, err);
}

/* ---- the frame of it */

static int load_spec(struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_create_options *options = creation->options;
	struct ctr_arena *arena = creation->context->arena;

	if (options->rootfs) {
		creation->spec = ctr_bare_spec(options->rootfs, options->args, creation->context,
					       &creation->config, &creation->config_len, err);
		return creation->spec ? 0 : -1;
	}

	creation->spec = ctr_bundle_load(arena, options->bundle, options->config, &creation->config,
					 &creation->config_len, err);
	if (!creation->spec)
		return -1;

	for (size_t i = 0; i < creation->spec->nwarnings; i++)
		ctr_log(CTR_LOG_WARNING, "%s", creation->spec->warnings[i]);
	return 0;
}

/* run --tty */
static const struct ctr_spec *with_terminal(const struct ctr_spec *spec, struct ctr_arena *arena)
{
	struct ctr_process *process = ctr_arena_alloc(arena, sizeof(*process));
	struct ctr_spec *changed = ctr_arena_alloc(arena, sizeof(*changed));

	*process = *spec->process;
	process->terminal = true;
	*changed = *spec;
	changed->process = process;
	return changed;
}

static bool is_new(const struct ctr_namespace *namespace)
{
	return namespace->listed && !namespace->path;
}

/* run --from: one of several of an image has its id, or what the kernel takes of it. */
static const struct ctr_spec *with_hostname(const struct ctr_spec *spec, const char *id,
					    struct ctr_arena *arena)
{
	struct ctr_spec *changed;

	if (!is_new(&spec->linux_->namespaces[CTR_NS_UTS]))
		return spec;
	changed = ctr_arena_alloc(arena, sizeof(*changed));
	*changed = *spec;
	changed->hostname = ctr_arena_strndup(arena, id, strnlen(id, CTR_UTS_NAME_MAX));
	return changed;
}

/* Begin with what takes longest. A new user namespace must own its network namespace, which then
 * the child alone can make. */
static void begin_newnet(struct ctr_creation *creation)
{
	const struct ctr_namespace *namespaces = creation->machine.spec->linux_->namespaces;

	if ((creation->machine.backend->bits & CTR_BACKEND_MACHINE) || creation->options->restore ||
	    !is_new(&namespaces[CTR_NS_NETWORK]) || namespaces[CTR_NS_USER].listed ||
	    !creation->context->host.privileged)
		return;

	ctr_newnet_begin(&creation->newnet,
			 CLONE_NEWNET | (is_new(&namespaces[CTR_NS_IPC]) ? CLONE_NEWIPC : 0));
	if (creation->newnet.pid > 0)
		creation->plan_options.made_flags = creation->newnet.flags;
}

/* What the host is, as far as it is asked for. CRIU's options ask for anything. */
static void complete_host(struct ctr_creation *creation)
{
	struct ctr_context *context = creation->context;

	if (creation->options->restore)
		ctr_host_complete(&context->host, CTR_HOST_ALL, context->arena);
	else
		ctr_context_complete(context, creation->spec, creation->spec->process);
}

int ctr_creation_load(struct ctr_creation *creation, struct ctr_error *err)
{
	struct ctr_machine_choice choice = {
		.isolation = creation->options->isolation,
		.kernel = creation->options->kernel,
	};

	if (load_spec(creation, err) < 0 ||
	    ctr_network_init(&creation->network, &creation->options->network, creation->options->id,
			     creation->context, err) < 0)
		return -1;
	if (creation->options->tty && creation->spec->process)
		creation->spec = with_terminal(creation->spec, creation->context->arena);
	creation->spec = ctr_network_spec(&creation->network, creation->spec, creation->context);
	if (creation->options->fresh)
		creation->spec = with_hostname(creation->spec, creation->options->id,
					       creation->context->arena);

	choice.host_network = creation->network.mode == CTR_NETWORK_HOST;
	if (ctr_machine_init(&creation->machine, creation->context, creation->spec,
			     creation->options->id, &choice, err) < 0)
		return -1;

	if (ctr_network_check_backend(&creation->network, creation->machine.backend, err) < 0)
		return -1;
	if (creation->machine.backend->bits & CTR_BACKEND_MACHINE)
		ctr_network_of_machine(&creation->network, &creation->machine, creation->context);
	begin_newnet(creation);
	creation->spec = creation->machine.host_spec;
	complete_host(creation);
	return 0;
}

void ctr_creation_release(struct ctr_creation *creation)
{
	ctr_newnet_end(&creation->newnet);
	ctr_launch_release(&creation->launch);
	ctr_close_ptr(&creation->child_sync);
	ctr_close_ptr(&creation->gate);
	ctr_close_ptr(&creation->memory_events);
	ctr_close_ptr(&creation->handover.console);
	ctr_network_release(&creation->network);
	ctr_overlay_release(&creation->overlay);
	ctr_notify_release(&creation->notify, creation->container.dir);
	ctr_container_release(&creation->container);
}
