/*
 * Joining a running container: its namespaces by a pidfd of init, its cgroup by birth, then the
 * process section (its own, or the container's with the options laid over it) by the same plan
 * operations as a container's first process.
 */
#include "core/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "core/container.h"
#include "core/context.h"
#include "core/launch.h"
#include "core/prepare.h"
#include "core/security.h"
#include "core/socket.h"
#include "core/wait.h"
#include "ns/plan.h"
#include "oci/load.h"
#include "oci/words.h"
#include "plan/build.h"

struct execution {
	const struct ctr_context *context;
	const struct ctr_exec_options *options;
	struct ctr_container container;
	struct ctr_spec spec; /* the container's, with the process to execute */
	struct ctr_process process;
	struct ctr_actions actions;
	struct ctr_launch launch;
	struct ctr_plan_options plan_options;
	struct ctr_child_join joins[CTR_CHILD_JOINS];
	size_t njoins;
	int init_pidfd, child_sync, console;
	bool own_fds; /* joins are descriptors of namespace files, to be closed */
};

/* ---- the process */

static int parse_id(const char *text, size_t len, const char *what, uint32_t *out,
		    struct ctr_error *err)
{
	char number[16];
	uint64_t value;

	if (len == 0 || len >= sizeof(number))
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--user: %s '%.*s' is not a number", what,
				(int)(len > 32 ? 32 : len), text);
	memcpy(number, text, len);
	number[len] = '\0';

	/* (uid_t)-1 means "no change" to the kernel. */
	if (ctr_parse_u64(number, &value) < 0 || value >= UINT32_MAX)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--user: %s '%s' is not a number from 0 to 4294967294", what,
				number);
	*out = (uint32_t)value;
	return 0;
}

/* UID or UID:GID, numbers only; without a group it is 0 (CVE-2026-30892 is what guessing leads to).
 */
static int set_user(struct ctr_process *process, const char *user, struct ctr_error *err)
{
	const char *colon = strchr(user, ':');
	size_t len = colon ? (size_t)(colon - user) : strlen(user);

	process->user.gid = 0;
	if (parse_id(user, len, "user", &process->user.uid, err) < 0)
		return -1;

	return colon ? parse_id(colon + 1, strlen(colon + 1), "group", &process->user.gid, err) : 0;
}

static int set_groups(struct execution *execution, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;
	uint32_t *gids = ctr_arena_array(execution->context->arena, options->nadditional_gids,
					 sizeof(*gids));

	for (size_t i = 0; i < options->nadditional_gids; i++) {
		uint64_t value;

		if (ctr_parse_u64(options->additional_gids[i], &value) < 0 || value >= UINT32_MAX)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--additional-gids: '%s' is not a group number",
					options->additional_gids[i]);
		gids[i] = (uint32_t)value;
	}

	execution->process.user.additional_gids = gids;
	execution->process.user.nadditional_gids = options->nadditional_gids;
	return 0;
}

static const struct ctr_name *find_cap(const char *name)
{
	const struct ctr_name *cap = ctr_capability_names;

	while (cap->name && strcasecmp(cap->name, name) != 0)
		cap++;
	return cap->name ? cap : NULL;
}

/* Inheritable stays as configured (CVE-2022-29162); ambient needs it. */
static int add_caps(struct execution *execution, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;
	struct ctr_capabilities *caps = ctr_arena_alloc(execution->context->arena, sizeof(*caps));

	if (execution->process.capabilities)
		*caps = *execution->process.capabilities;
	for (size_t i = 0; i < options->ncaps; i++) {
		const struct ctr_name *cap = find_cap(options->caps[i]);
		uint64_t bit;

		if (!cap)
			return ctr_fail(err, CTR_FAULT_USAGE, 0, "--cap: unknown capability '%s'",
					options->caps[i]);
		bit = 1ULL << cap->value;
		caps->bounding |= bit;
		caps->effective |= bit;
		caps->permitted |= bit;
		caps->ambient |= bit & caps->inheritable;
	}

	execution->process.capabilities = caps;
	return 0;
}

static void add_env(struct execution *execution)
{
	const struct ctr_exec_options *options = execution->options;
	struct ctr_process *process = &execution->process;
	const char **env = ctr_arena_array(execution->context->arena, process->nenv + options->nenv,
					   sizeof(*env));

	if (process->nenv > 0)
		memcpy(env, process->env, process->nenv * sizeof(*env));
	memcpy(env + process->nenv, options->env, options->nenv * sizeof(*env));
	process->env = env;
	process->nenv += options->nenv;
}

static int check_env(const struct ctr_exec_options *options, struct ctr_error *err)
{
	for (size_t i = 0; i < options->nenv; i++) {
		const char *equals = strchr(options->env[i], '=');

		if (!equals || equals == options->env[i])
			return ctr_fail(err, CTR_FAULT_USAGE, 0, "--env: '%s' is not NAME=VALUE",
					options->env[i]);
	}

	return 0;
}

static int read_process(struct execution *execution, struct ctr_error *err)
{
	const char *file = execution->options->process_file;
	struct ctr_arena *arena = execution->context->arena;
	struct ctr_process *process;
	size_t len = 0;
	char *text;

	text = ctr_file_read(arena, AT_FDCWD, file, CTR_CONFIG_SIZE_MAX, &len, err);
	if (!text)
		return ctr_fail_within(err, "--process");

	process = ctr_process_decode(arena, text, len, file, err);
	if (!process)
		return -1;
	execution->process = *process;
	return 0;
}

/* The container's process section with the options over it, or the document of --process. */
static int decide_process(struct execution *execution, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;
	struct ctr_process *process = &execution->process;

	if (options->process_file) {
		if (read_process(execution, err) < 0)
			return -1;
	} else {
		*process = *execution->spec.process;
		process->terminal = false;
		process->args = options->args;
		process->nargs = options->nargs;
	}

	if (process->nargs == 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "exec: process args cannot be empty");
	if (options->cwd && options->cwd[0] != '/')
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--cwd: '%s' is not an absolute path",
				options->cwd);

	if (options->cwd)
		process->cwd = options->cwd;
	if (options->tty)
		process->terminal = true;
	if (options->no_new_privs)
		process->no_new_privileges = true;
	if (options->selinux_label)
		process->selinux_label = options->selinux_label;
	if (options->apparmor_profile)
		process->apparmor_profile = options->apparmor_profile;
	if (options->nenv > 0) {
		if (check_env(options, err) < 0)
			return -1;
		add_env(execution);
	}
	if (options->user && set_user(process, options->user, err) < 0)
		return -1;
	if (options->nadditional_gids > 0 && set_groups(execution, err) < 0)
		return -1;
	if (options->ncaps > 0 && add_caps(execution, err) < 0)
		return -1;

	execution->spec.process = process;
	return 0;
}

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

static int check_status(const struct execution *execution, struct ctr_error *err)
{
	enum ctr_status status = ctr_container_status(&execution->container);

	if (status == CTR_STATUS_STOPPED || status == CTR_STATUS_CREATING)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': cannot exec in a %s container",
				execution->options->id, ctr_status_name(status));
	if (status == CTR_STATUS_PAUSED && !execution->options->ignore_paused)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': cannot exec in a paused container",
				execution->options->id);
	return 0;
}

/* CLONE_NEW* of what the container does not share with its creator. The time namespace cannot be
 * entered on memory that is shared with ctr: the plan does that. */
static uint64_t namespaces_of(const struct ctr_spec *spec)
{
	uint64_t flags = 0;

	for (unsigned i = 0; i < CTR_NS_KINDS; i++)
		if (spec->linux_->namespaces[i].listed && i != CTR_NS_TIME)
			flags |= ctr_ns_flag((enum ctr_ns_kind)i);
	return flags;
}

static int open_namespace_files(struct execution *execution, uint64_t flags, struct ctr_error *err)
{
	/* The user namespace gives the right to enter the others, so it comes first. */
	static const enum ctr_ns_kind order[] = { CTR_NS_USER, CTR_NS_PID, CTR_NS_NETWORK,
						  CTR_NS_IPC,  CTR_NS_UTS, CTR_NS_CGROUP,
						  CTR_NS_MOUNT };
	struct ctr_arena *arena = execution->context->arena;

	execution->own_fds = true;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(order); i++) {
		uint64_t flag = ctr_ns_flag(order[i]);
		const char *path;
		int fd;

		if (!(flags & flag))
			continue;
		path = ctr_arena_printf(arena, "/proc/%d/ns/%s", execution->container.record.pid,
					ctr_ns_file(order[i]));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
		execution->joins[execution->njoins++] = (struct ctr_child_join){
			.fd = fd,
			.flags = flag,
			.origin = ctr_arena_printf(arena, "cannot join '%s'", path),
			.by_parent = order[i] == CTR_NS_PID && execution->context->host.privileged,
		};
	}

	return 0;
}

/* With privilege the PID namespace is entered by ctr around its clone, and no helper is needed. */
static int decide_joins(struct execution *execution, struct ctr_error *err)
{
	const struct ctr_host *host = &execution->context->host;
	uint64_t flags = namespaces_of(&execution->spec);
	struct ctr_shape *shape = &execution->actions.shape;
	bool by_parent = host->privileged && (flags & CLONE_NEWPID);

	*shape = (struct ctr_shape){
		.kind = host->privileged || !(flags & CLONE_NEWPID) ? CTR_SHAPE_DIRECT
								    : CTR_SHAPE_JOIN,
		.become_root = (flags & CLONE_NEWUSER) != 0,
	};

	execution->init_pidfd = ctr_container_pidfd(&execution->container);
	if (execution->init_pidfd == -ENOSYS)
		return open_namespace_files(execution, flags, err);
	if (execution->init_pidfd < 0)
		return ctr_fail(err, CTR_FAULT_STATE, -execution->init_pidfd,
				"container '%s': cannot exec in a stopped container",
				execution->options->id);

	if (by_parent)
		execution->joins[execution->njoins++] = (struct ctr_child_join){
			.fd = execution->init_pidfd,
			.flags = CLONE_NEWPID,
			.by_parent = true,
		};
	flags &= by_parent ? ~(uint64_t)CLONE_NEWPID : ~(uint64_t)0;
	if (flags)
		execution->joins[execution->njoins++] = (struct ctr_child_join){
			.fd = execution->init_pidfd,
			.flags = flags,
			.origin = "cannot join the container's namespaces",
		};
	return 0;
}

/* Where init is now: below the container's cgroup when it delegated that to itself. */
static int find_init_cgroup(struct execution *execution)
{
	struct ctr_arena *arena = execution->context->arena;
	struct ctr_cgroup *cgroup = &execution->container.cgroup;
	const char *path =
		ctr_arena_printf(arena, "/proc/%d/cgroup", execution->container.record.pid);
	char *text = ctr_file_read(arena, AT_FDCWD, path, 1 << 16, NULL, NULL);
	char *line = text ? strstr(text, "0::/") : NULL, *end;
	int fd;

	if (!line || (line != text && line[-1] != '\n'))
		return -1;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';

	fd = open(ctr_arena_printf(arena, "%s%s", cgroup->mount, line + 3),
		  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ctr_cgroup_close(cgroup);
	cgroup->fd = fd;
	return 0;
}

static int open_cgroup(struct execution *execution, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;
	struct ctr_cgroup *cgroup = &execution->container.cgroup;
	int sub = -1;

	if (!cgroup->mount)
		return options->cgroup ? ctr_fail(err, CTR_FAULT_USAGE, 0,
						  "--cgroup: the container has no cgroup")
				       : 0;

	if (ctr_cgroup_open(cgroup, err) < 0)
		return -1;
	if (!options->cgroup)
		return 0;

	if (ctr_cgroup_open_sub(cgroup, options->cgroup, &sub, err) < 0)
		return -1;
	ctr_cgroup_close(cgroup);
	cgroup->fd = sub;
	return 0;
}

/* ---- the course of it */

static int on_console(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct execution *execution = data;
	const char *path = execution->options->console_socket;
	int r;

	(void)launch;
	if (!path) {
		execution->console = fd;
		return 0;
	}

	r = ctr_socket_send_console(path, fd, err);
	close(fd);
	return r;
}

static int on_listener(void *data, const struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	struct execution *execution = data;
	const struct ctr_seccomp *seccomp = execution->spec.linux_->seccomp;
	const char *state = ctr_security_listener_state(&execution->container, seccomp, launch->pid,
							execution->context);
	int r = ctr_socket_send_listener(seccomp->listener_path, fd, state, err);

	close(fd);
	return r;
}

static const struct ctr_launch_calls exec_calls = {
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
	if (execution->spec.linux_->namespaces[CTR_NS_TIME].listed)
		plan_options->join_time_ns = ctr_arena_printf(context->arena, "/proc/%d/ns/time",
							      execution->container.record.pid);
	if (ctr_prepare_fds(execution->options->preserve_fds, &plan_options->preserve_fds,
			    &plan_options->listen_fds, err) < 0 ||
	    ctr_security_plan(plan_options, &execution->spec, &execution->process, context, err) <
		    0)
		return -1;

	ctr_plan_init(&builder, context->arena);
	if (ctr_plan_container(&builder, &execution->actions, &execution->spec, &context->host,
			       plan_options, context->arena, err) < 0)
		return -1;
	execution->actions.shape = shape;
	ctr_prepare_warn(&execution->actions);

	*out = ctr_plan_finish(&builder, err);
	return *out ? 0 : -1;
}

static int open_sync(struct execution *execution, struct ctr_plan_header *plan,
		     struct ctr_error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a socket pair");

	execution->launch.sync = pair[0];
	execution->child_sync = pair[1];
	plan->sync_fd = execution->child_sync;
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
	int r;

	r = ctr_launch_start(launch, cgroup, execution->child_sync, -1, execution->joins,
			     execution->njoins, err);
	if (r < 0 && err->code == EBUSY && cgroup->mount && !execution->options->cgroup &&
	    find_init_cgroup(execution) == 0)
		r = ctr_launch_start(launch, cgroup, execution->child_sync, -1, execution->joins,
				     execution->njoins, err);
	close(ctr_take_fd(&execution->child_sync));
	return r;
}

static int write_pid_file(const struct execution *execution, struct ctr_error *err)
{
	const char *path = execution->options->pid_file, *text;

	if (!path)
		return 0;

	text = ctr_arena_printf(execution->context->arena, "%d", (int)execution->launch.pid);
	if (ctr_file_replace(AT_FDCWD, path, text, strlen(text), 0644, err) < 0)
		return ctr_fail_within(err, "--pid-file");
	return 0;
}

/* The pid file is written when the process runs: for conmon it is the only sign of success. */
static int start_and_wait(struct execution *execution, int *status, struct ctr_error *err)
{
	const struct ctr_exec_options *options = execution->options;
	struct ctr_wait wait = {
		.launch = &execution->launch,
		.console = execution->console,
		.foreground = !options->detach,
	};
	int r;

	if (ctr_wait_prepare(&wait, err) < 0)
		return -1;

	r = ctr_launch_go(&execution->launch, err);
	if (r == 0)
		r = ctr_launch_serve(&execution->launch, CTR_SYNC_DONE, err);
	if (r == 0)
		r = write_pid_file(execution, err);
	if (r == 0 && wait.foreground)
		r = ctr_wait(&wait, status, err);
	ctr_wait_release(&wait);
	return r;
}

static int execute(struct execution *execution, int *status, struct ctr_error *err)
{
	struct ctr_plan_header *plan = NULL;
	const struct ctr_spec *spec;
	int r;

	if (ctr_container_open(&execution->container, execution->context, execution->options->id,
			       CTR_LOCK_NONE, err) < 0 ||
	    check_status(execution, err) < 0)
		return -1;

	spec = ctr_container_spec(&execution->container, execution->context, err);
	if (!spec)
		return -1;
	execution->spec = *spec;

	if (decide_process(execution, err) < 0 || check_terminal(execution, err) < 0 ||
	    decide_joins(execution, err) < 0 || open_cgroup(execution, err) < 0 ||
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

	r = ctr_prepare_process(&execution->actions, execution->launch.pid, err);
	if (r == 0 && ctr_launch_asks(&execution->launch))
		r = ctr_launch_serve(&execution->launch, CTR_SYNC_CREATED, err);
	if (r == 0 && execution->options->pidfd_socket)
		r = ctr_socket_send_pidfd(execution->options->pidfd_socket, execution->launch.pidfd,
					  err);
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
	ctr_close_ptr(&execution->console);
	ctr_close_ptr(&execution->init_pidfd);
	for (size_t i = 0; execution->own_fds && i < execution->njoins; i++)
		close(execution->joins[i].fd);
	ctr_container_release(&execution->container);
}

int ctr_exec(const struct ctr_context *context, const struct ctr_exec_options *options, int *status,
	     struct ctr_error *err)
{
	struct execution execution = {
		.context = context,
		.options = options,
		.container = CTR_CONTAINER_INIT,
		.launch = CTR_LAUNCH_INIT,
		.init_pidfd = -1,
		.child_sync = -1,
		.console = -1,
	};
	int r;

	*status = 0;
	r = execute(&execution, status, err);
	release(&execution);
	return r;
}
