/*
 * Making a container. The order of the parent's work, and what runs beside it:
 *
 *   read and decode the bundle · state directory, record "creating" · cgroup with its limits ·
 *   seccomp program · plan · clone ── the child executes ctr-init and runs the plan
 *                   meanwhile: device filter, priorities, copy of the configuration, record
 *   serve the child: descriptors, hooks, terminal, listener
 *   CREATED: pid file ── create ends here, run lets it start
 *
 * Where the child has no need to ask, run does not wait for CREATED either: pid file and START come
 * right after the work beside, and the child finds START waiting when it is created.
 */
#include "core/create.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "core/bare.h"
#include "core/container.h"
#include "core/context.h"
#include "core/launch.h"
#include "core/limits.h"
#include "core/newnet.h"
#include "core/place.h"
#include "core/prepare.h"
#include "core/security.h"
#include "core/socket.h"
#include "core/wait.h"
#include "hook/hook.h"
#include "ns/plan.h"
#include "oci/load.h"
#include "plan/build.h"

enum { UNDO_MAX = 6 };

struct creation {
	const struct ctr_context *context;
	const struct ctr_create_options *options;
	bool run; /* the parent stays: no gate */
	const struct ctr_spec *spec;
	const char *config; /* the document, for the copy */
	size_t config_len;
	struct ctr_container container;
	struct ctr_limits limits;
	uint64_t oom_kills; /* in the cgroup before */
	struct ctr_actions actions;
	struct ctr_launch launch;
	struct ctr_newnet newnet;
	struct ctr_plan_options plan_options;
	int gate, child_sync;
	int console; /* master of the terminal, for run in the foreground */
	void (*undo[UNDO_MAX])(struct creation *creation);
	size_t nundo;
};

static void push_undo(struct creation *creation, void (*undo)(struct creation *))
{
	creation->undo[creation->nundo++] = undo;
}

static void undo_all(struct creation *creation)
{
	while (creation->nundo > 0)
		creation->undo[--creation->nundo](creation);
}

static void undo_state(struct creation *creation)
{
	(void)ctr_state_remove(creation->container.root, creation->options->id, NULL);
}

static void undo_cgroup(struct creation *creation)
{
	(void)ctr_place_remove(&creation->container.cgroup, creation->context, NULL);
}

static void undo_child(struct creation *creation)
{
	ctr_launch_kill(&creation->launch);
}

static void undo_pid_file(struct creation *creation)
{
	unlink(creation->options->pid_file);
}

/* The environment was there: whoever hooked its making hears of its end (runtime.md#lifecycle). */
static void undo_hooks(struct creation *creation)
{
	const char *state =
		ctr_container_hook_state(&creation->container, "stopped", 0, creation->context);
	struct ctr_error err;

	if (ctr_hooks_run(&creation->spec->hooks[CTR_HOOK_POSTSTOP], CTR_HOOK_POSTSTOP, state, NULL,
			  &err) < 0)
		ctr_log(CTR_LOG_WARNING, "%s", err.text);
}

/* ---- before the clone */

static int check_terminal(const struct creation *creation, struct ctr_error *err)
{
	const struct ctr_create_options *options = creation->options;
	bool foreground = creation->run && !options->detach;

	if (!creation->spec->process)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"process: missing, it is required to create");

	if (creation->spec->process->terminal) {
		if (!foreground && !options->console_socket)
			return ctr_fail(
				err, CTR_FAULT_USAGE, 0,
				"process.terminal: cannot allocate tty if ctr will detach without setting console socket");
		return 0;
	}

	if (options->console_socket)
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"--console-socket: cannot use console socket if ctr will not detach or allocate tty");
	return 0;
}

static uint32_t hook_bits(const struct ctr_spec *spec)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < CTR_HOOK_KINDS; i++)
		bits |= (uint32_t)(spec->hooks[i].count > 0) << i;
	return bits;
}

static const char *manager_name(enum ctr_cgroup_manager manager)
{
	static const char *const names[] = {
		[CTR_MANAGER_CGROUPFS] = "cgroupfs",
		[CTR_MANAGER_SYSTEMD] = "systemd",
		[CTR_MANAGER_DISABLED] = "disabled",
	};

	return names[manager];
}

static void fill_record(struct creation *creation)
{
	const struct ctr_spec *spec = creation->spec;
	const struct ctr_namespace *pidns = &spec->linux_->namespaces[CTR_NS_PID];
	struct ctr_record *record = &creation->container.record;
	char *created = ctr_arena_alloc(creation->context->arena, CTR_CLOCK_TEXT);

	*record = (struct ctr_record){
		.id = creation->options->id,
		.bundle = spec->bundle,
		.rootfs = spec->root->path,
		.created = ctr_clock_now(created),
		.oci_version = spec->oci_version,
		.owner = creation->context->host.euid,
		.manager = manager_name(creation->context->manager),
		.hooks = hook_bits(spec),
		.terminal = spec->process->terminal,
		.has_pidns = pidns->listed && !pidns->path,
		.annotations = spec->annotations,
		.nannotations = spec->nannotations,
	};
}

static bool is_new(const struct ctr_namespace *namespace)
{
	return namespace->listed && !namespace->path;
}

/* Begin with what takes longest. A new user namespace must own its network namespace, which then
 * the child alone can make. */
static void begin_newnet(struct creation *creation)
{
	const struct ctr_namespace *namespaces = creation->spec->linux_->namespaces;

	if (!is_new(&namespaces[CTR_NS_NETWORK]) || namespaces[CTR_NS_USER].listed ||
	    !creation->context->host.privileged)
		return;

	ctr_newnet_begin(&creation->newnet,
			 CLONE_NEWNET | (is_new(&namespaces[CTR_NS_IPC]) ? CLONE_NEWIPC : 0));
	creation->launch.newnet = &creation->newnet;
}

/* State directory, record and cgroup, in an order in which a kill -9 leaves what delete
 * understands. */
static int make_place(struct creation *creation, struct ctr_error *err)
{
	const struct ctr_context *context = creation->context;
	struct ctr_container *container = &creation->container;

	if (ctr_cgroup_place(&container->cgroup, context->arena, &context->host, context->manager,
			     creation->spec->linux_->cgroups_path, creation->options->id,
			     err) < 0 ||
	    ctr_container_limits(creation->spec, &container->cgroup, context, &creation->limits,
				 err) < 0)
		return -1;

	container->id = creation->options->id;
	container->root = ctr_state_open_root(context->root, true, err);
	if (container->root < 0)
		return -1;

	container->dir = ctr_state_make(container->root, container->id, err);
	if (container->dir < 0)
		return -1;
	push_undo(creation, undo_state);

	fill_record(creation);
	ctr_place_to_record(&container->cgroup, &container->record);
	if (ctr_record_write(&container->record, container->dir, context->arena, err) < 0)
		return -1;

	if (ctr_container_confine(&container->cgroup, &creation->limits, context, err) < 0)
		return -1;
	push_undo(creation, undo_cgroup);
	ctr_place_to_record(&container->cgroup, &container->record);
	if (container->cgroup.made == 0)
		creation->oom_kills = ctr_container_oom_kills(&container->cgroup);
	return 0;
}

/* State documents for hooks of the container's namespaces, as it sees its own pid. */
static void plan_hook_states(struct creation *creation)
{
	const struct ctr_spec *spec = creation->spec;
	const struct ctr_container *container = &creation->container;
	int pid = container->record.has_pidns ? 1 : 0;

	if (spec->hooks[CTR_HOOK_CREATE_CONTAINER].count > 0)
		creation->plan_options.state_create =
			ctr_container_hook_state(container, "creating", pid, creation->context);
	if (spec->hooks[CTR_HOOK_START_CONTAINER].count > 0)
		creation->plan_options.state_start =
			ctr_container_hook_state(container, "created", pid, creation->context);
}

static int make_plan(struct creation *creation, struct ctr_plan_header **out, struct ctr_error *err)
{
	const struct ctr_context *context = creation->context;
	const struct ctr_create_options *options = creation->options;
	const struct ctr_spec *spec = creation->spec;
	struct ctr_plan_options *plan_options = &creation->plan_options;
	struct ctr_plan_builder builder;

	plan_options->no_pivot = options->no_pivot;
	plan_options->no_new_keyring = options->no_new_keyring;
	plan_options->gate = !creation->run;
	plan_options->runtime_hooks = spec->hooks[CTR_HOOK_PRESTART].count > 0 ||
				      spec->hooks[CTR_HOOK_CREATE_RUNTIME].count > 0;
	plan_options->ignored_signals = creation->context->host.ignored_signals;
	plan_options->id = options->id;
	plan_hook_states(creation);
	if (ctr_prepare_fds(options->preserve_fds, &plan_options->preserve_fds,
			    &plan_options->listen_fds, err) < 0 ||
	    ctr_security_plan(plan_options, spec, spec->process, context, err) < 0)
		return -1;

	ctr_plan_init(&builder, context->arena);
	if (ctr_plan_container(&builder, &creation->actions, spec, &context->host, plan_options,
			       context->arena, err) < 0)
		return -1;

	ctr_prepare_warn(&creation->actions);
	*out = ctr_plan_finish(&builder, err);
	return *out ? 0 : -1;
}

static int open_sockets(struct creation *creation, struct ctr_plan_header *plan,
			struct ctr_error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a socket pair");
	creation->launch.sync = pair[0];
	creation->child_sync = pair[1];

	if (!creation->run) {
		int fd = ctr_unix_listen(creation->container.dir, "gate", SOCK_SEQPACKET);

		if (fd < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -fd, "cannot make the start gate");
		creation->gate = fd;
	}

	plan->sync_fd = creation->child_sync;
	plan->gate_fd = creation->gate;
	plan->preserve_fds = creation->plan_options.preserve_fds;
	return 0;
}

/* ---- with the child there */

static int write_record(struct creation *creation, struct ctr_error *err)
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
	struct creation *creation = data;
	struct ctr_container *container = &creation->container;

	if (ctr_place_start(&container->cgroup, creation->spec, &creation->limits, container->id,
			    launch->pid, creation->context, err) < 0)
		return -1;

	ctr_place_to_record(&container->cgroup, &container->record);
	return 0;
}

static int on_hooks(void *data, const struct ctr_launch *launch, struct ctr_error *err)
{
	struct creation *creation = data;
	const struct ctr_spec *spec = creation->spec;
	const char *state;

	push_undo(creation, undo_hooks);
	state = ctr_container_hook_state(&creation->container, "creating", launch->pid,
					 creation->context);
	if (ctr_hooks_run(&spec->hooks[CTR_HOOK_PRESTART], CTR_HOOK_PRESTART, state, spec->bundle,
			  err) < 0)
		return -1;

	return ctr_hooks_run(&spec->hooks[CTR_HOOK_CREATE_RUNTIME], CTR_HOOK_CREATE_RUNTIME, state,
			     spec->bundle, err);
}

static int on_console(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct creation *creation = data;
	const char *path = creation->options->console_socket;
	int r;

	(void)launch;
	if (!path) {
		creation->console = fd;
		return 0;
	}

	r = ctr_socket_send_console(path, fd, err);
	close(fd);
	return r;
}

static int on_listener(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct creation *creation = data;
	const struct ctr_seccomp *seccomp = creation->spec->linux_->seccomp;
	const char *state = ctr_security_listener_state(&creation->container, seccomp, launch->pid,
							creation->context);
	int r = ctr_socket_send_listener(seccomp->listener_path, fd, state, err);

	close(fd);
	return r;
}

static const struct ctr_launch_calls create_calls = {
	.place = on_place,
	.hooks = on_hooks,
	.console = on_console,
	.listener = on_listener,
};

/* What can be done while the child mounts. */
static int work_beside(struct creation *creation, struct ctr_error *err)
{
	const struct ctr_context *context = creation->context;
	const struct ctr_container *container = &creation->container;

	if (ctr_prepare_process(&creation->actions, creation->launch.pid, err) < 0 ||
	    ctr_security_devices(&container->cgroup, creation->spec, context, err) < 0)
		return -1;

	if (ctr_file_replace(container->dir, "config.json", creation->config, creation->config_len,
			     0600, err) < 0)
		return -1;
	if (write_record(creation, err) < 0)
		return -1;

	ctr_newnet_end(&creation->newnet);
	return 0;
}

static int write_pid_file(struct creation *creation, struct ctr_error *err)
{
	const char *path = creation->options->pid_file;
	const char *text;

	if (!path)
		return 0;

	text = ctr_arena_printf(creation->context->arena, "%d", (int)creation->launch.pid);
	if (ctr_file_replace(AT_FDCWD, path, text, strlen(text), 0644, err) < 0)
		return ctr_fail_within(err, "--pid-file");

	push_undo(creation, undo_pid_file);
	return 0;
}

static int finish(struct creation *creation, struct ctr_error *err)
{
	const struct ctr_create_options *options = creation->options;

	if (options->pidfd_socket &&
	    ctr_socket_send_pidfd(options->pidfd_socket, creation->launch.pidfd, err) < 0)
		return -1;

	return write_pid_file(creation, err);
}

/* From nothing to CREATED; `run` need not wait for that where the child asks for nothing. */
static int create(struct creation *creation, struct ctr_error *err)
{
	struct ctr_plan_header *plan = NULL;

	if (check_terminal(creation, err) < 0)
		return -1;
	begin_newnet(creation);
	if (make_place(creation, err) < 0 || make_plan(creation, &plan, err) < 0 ||
	    open_sockets(creation, plan, err) < 0)
		return -1;

	creation->launch.plan = plan;
	creation->launch.actions = &creation->actions;
	creation->launch.host = &creation->context->host;
	creation->launch.arena = creation->context->arena;
	creation->launch.calls = &create_calls;
	creation->launch.data = creation;
	if (ctr_launch_start(&creation->launch, &creation->container.cgroup, creation->child_sync,
			     creation->gate, NULL, 0, err) < 0)
		return -1;
	push_undo(creation, undo_child);

	/* From here on the child's end of the pair is the child's alone: its end is end of file. */
	close(ctr_take_fd(&creation->child_sync));
	if (work_beside(creation, err) < 0)
		return -1;
	if ((!creation->run || ctr_launch_asks(&creation->launch)) &&
	    ctr_launch_serve(&creation->launch, CTR_SYNC_CREATED, err) < 0)
		return -1;

	return finish(creation, err);
}

/* Nothing else of what went wrong matters when the OOM killer was there. */
static void explain_end(const struct creation *creation, struct ctr_error *err)
{
	const struct ctr_cgroup *cgroup = &creation->container.cgroup;

	if (ctr_container_oom_kills(cgroup) > creation->oom_kills)
		(void)ctr_fail(err, CTR_FAULT_CONFIG, 0,
			       "linux.resources.memory.limit: too low to start the container: it "
			       "was killed by the OOM killer (%s)",
			       ctr_container_memory_limit(cgroup, creation->context));
	else if (cgroup->made > 0 && ctr_container_ran_out(cgroup))
		(void)ctr_fail_within(err,
				      "linux.resources.memory.limit: too low to start the "
				      "container (%s)",
				      ctr_container_memory_limit(cgroup, creation->context));
}

static void tell_oom(const struct creation *creation, int status)
{
	const struct ctr_cgroup *cgroup = &creation->container.cgroup;

	if (ctr_container_oom_kills(cgroup) > creation->oom_kills)
		ctr_log(status == 128 + SIGKILL ? CTR_LOG_ERROR : CTR_LOG_WARNING,
			status == 128 + SIGKILL
				? "container '%s' was killed by the OOM killer (%s)"
				: "a process of container '%s' was killed by the OOM killer (%s)",
			creation->options->id,
			ctr_container_memory_limit(cgroup, creation->context));
}

static int load(struct creation *creation, struct ctr_error *err)
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

static void release(struct creation *creation)
{
	ctr_newnet_end(&creation->newnet);
	ctr_launch_release(&creation->launch);
	ctr_close_ptr(&creation->child_sync);
	ctr_close_ptr(&creation->gate);
	ctr_close_ptr(&creation->console);
	ctr_container_release(&creation->container);
}

static struct creation creation_init(const struct ctr_context *context,
				     const struct ctr_create_options *options, bool run)
{
	return (struct creation){
		.context = context,
		.options = options,
		.run = run,
		.container = CTR_CONTAINER_INIT,
		.launch = CTR_LAUNCH_INIT,
		.gate = -1,
		.child_sync = -1,
		.console = -1,
	};
}

int ctr_create(const struct ctr_context *context, const struct ctr_create_options *options,
	       struct ctr_error *err)
{
	struct creation creation = creation_init(context, options, false);
	sigset_t signals;
	int r;

	if (ctr_id_check(options->id, err) < 0)
		return -1;

	ctr_prepare_block_signals(&signals);
	r = load(&creation, err);
	if (r == 0)
		r = create(&creation, err);
	if (r < 0) {
		explain_end(&creation, err);
		undo_all(&creation);
	}
	release(&creation);
	ctr_prepare_restore_signals(&signals);
	return r;
}

/* Let it start and, in the foreground, stay until its end. */
static int start_and_wait(struct creation *creation, int *status, struct ctr_error *err)
{
	const struct ctr_spec *spec = creation->spec;
	struct ctr_wait wait = {
		.launch = &creation->launch,
		.console = creation->console,
		.foreground = !creation->options->detach,
		.subreaper = !creation->options->no_subreaper,
	};
	const char *state;
	int r;

	if (ctr_wait_prepare(&wait, err) < 0)
		return -1;

	r = ctr_launch_go(&creation->launch, err);
	if (r == 0)
		r = ctr_launch_serve(&creation->launch, CTR_SYNC_DONE, err);
	if (r == 0 && spec->hooks[CTR_HOOK_POSTSTART].count > 0) {
		state = ctr_container_hook_state(&creation->container, "running",
						 creation->launch.pid, creation->context);
		r = ctr_hooks_run(&spec->hooks[CTR_HOOK_POSTSTART], CTR_HOOK_POSTSTART, state,
				  spec->bundle, err);
		if (r < 0)
			push_undo(creation, undo_hooks);
	}
	/* It is a container like any other from here on: pause, exec and delete are others' affair.
	 */
	ctr_state_unlock(creation->container.dir);
	if (r == 0 && wait.foreground)
		r = ctr_wait(&wait, status, err);
	ctr_wait_release(&wait);
	return r;
}

/* After the end of a foreground run: what `ctr delete` does, with what is open already. */
static int clean_up(struct creation *creation, struct ctr_error *err)
{
	const struct ctr_container *container = &creation->container;

	creation->nundo = 0;
	if (creation->options->keep)
		return 0;

	if (creation->options->pid_file)
		undo_pid_file(creation);
	/* `delete --force` of somebody else may have been faster. */
	if (!ctr_state_relock(container->root, container->id, container->dir))
		return 0;
	if (ctr_place_remove(&creation->container.cgroup, creation->context, err) < 0 ||
	    ctr_state_remove(container->root, container->id, err) < 0)
		return -1;
	if (creation->spec->hooks[CTR_HOOK_POSTSTOP].count > 0)
		undo_hooks(creation);
	return 0;
}

int ctr_run(const struct ctr_context *context, const struct ctr_create_options *options,
	    int *status, struct ctr_error *err)
{
	struct creation creation = creation_init(context, options, true);
	sigset_t signals;
	int r;

	*status = 0;
	if (ctr_id_check(options->id, err) < 0)
		return -1;

	ctr_prepare_block_signals(&signals);
	r = load(&creation, err);
	if (r == 0)
		r = create(&creation, err);
	if (r == 0)
		r = start_and_wait(&creation, status, err);
	if (r < 0) {
		explain_end(&creation, err);
		undo_all(&creation);
	} else if (!options->detach) {
		tell_oom(&creation, *status);
		r = clean_up(&creation, err);
	}
	release(&creation);
	ctr_prepare_restore_signals(&signals);
	return r;
}
