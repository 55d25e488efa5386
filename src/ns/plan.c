/*
 * The planner's entry: the order of all operations. Called once by every verb that makes a process
 * in a container (and by explain): nothing has happened yet, nothing happens here.
 */
#include "ns/plan.h"

#include <linux/filter.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/host.h"
#include "ns/planner.h"
#include "plan/msg.h"

void ctr_planner_warn(struct ctr_planner *p, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);

	if (p->nwarnings == p->warnings_size) {
		size_t size = p->warnings_size ? p->warnings_size * 2 : 4;

		p->warnings = ctr_arena_grow(p->arena, p->warnings,
					     p->warnings_size * sizeof(*p->warnings),
					     size * sizeof(*p->warnings));
		p->warnings_size = size;
	}
	p->warnings[p->nwarnings++] = ctr_arena_strdup(p->arena, text);
}

struct ctr_fd_request *ctr_planner_request(struct ctr_planner *p)
{
	if (p->nfds == p->fds_size) {
		size_t size = p->fds_size ? p->fds_size * 2 : 8;

		p->fds = ctr_arena_grow(p->arena, p->fds, p->fds_size * sizeof(*p->fds),
					size * sizeof(*p->fds));
		p->fds_size = size;
	}

	return &p->fds[p->nfds++];
}

int16_t ctr_planner_slot(struct ctr_planner *p)
{
	size_t in_batch = p->fds_used % CTR_SLOT_BATCH;
	size_t left = p->nfds - p->fds_used;

	if (in_batch == 0) {
		struct ctr_op *op = ctr_plan_add(p->plan, CTR_OP_WANT_FDS);

		op->arg = p->fds_used;
		op->arg2 = left < CTR_SLOT_BATCH ? left : CTR_SLOT_BATCH;
	}

	p->fds_used++;
	return (int16_t)(CTR_SLOT_FIRST + in_batch);
}

struct ctr_op *ctr_planner_add(struct ctr_planner *p, enum ctr_op_kind kind, const char *str)
{
	struct ctr_op *op = ctr_plan_add(p->plan, kind);

	op->str = ctr_plan_str(p->plan, str);
	return op;
}

bool ctr_planner_walks_for_child(const struct ctr_planner *p)
{
	return p->user_ns && p->host->privileged;
}

bool ctr_planner_maps_uid(const struct ctr_planner *p, uint32_t uid)
{
	const struct ctr_idmap *map = &p->actions->idmap;

	return !p->maps_known || ctr_idmap_to_host(map->uid, map->nuid, uid) >= 0;
}

bool ctr_planner_maps_gid(const struct ctr_planner *p, uint32_t gid)
{
	const struct ctr_idmap *map = &p->actions->idmap;

	return !p->maps_known || ctr_idmap_to_host(map->gid, map->ngid, gid) >= 0;
}

static void add_arg(struct ctr_planner *p, enum ctr_op_kind kind, uint64_t arg)
{
	ctr_plan_add(p->plan, kind)->arg = arg;
}

static void add_signals(struct ctr_planner *p)
{
	ctr_plan_origin(p->plan, "%s", "");
	if (p->options->ignored_signals != 0)
		add_arg(p, CTR_OP_SIGNALS, p->options->ignored_signals);
}

static void add_keyring(struct ctr_planner *p)
{
	if (p->options->no_new_keyring)
		return;

	ctr_plan_origin(p->plan, "%s", "");
	(void)ctr_planner_add(p, CTR_OP_KEYRING,
			      ctr_arena_printf(p->arena, "_ses.%s", p->options->id));
}

/* Only marks: ctr-init's own descriptors stay usable until an exec. */
static void add_close_fds(struct ctr_planner *p)
{
	ctr_plan_origin(p->plan, "%s", "");
	add_arg(p, CTR_OP_CLOSE_FDS, 3 + (uint64_t)p->options->preserve_fds);
}

static void add_seccomp(struct ctr_planner *p)
{
	struct ctr_op *op;

	ctr_plan_origin(p->plan, "linux.seccomp");
	op = ctr_plan_add(p->plan, CTR_OP_SECCOMP);
	op->str = ctr_plan_data(p->plan, p->options->seccomp,
				p->options->seccomp_length * sizeof(*p->options->seccomp));
	op->arg = p->options->seccomp_length;
	op->arg2 = p->options->seccomp_flags;
}

/* A program of the host's, among the host's files, has nothing of what an image says. */
static uint32_t hook_env(const struct ctr_planner *p, const struct ctr_hook *hook,
			 enum ctr_hook_kind kind, const char *const **env)
{
	uint32_t n = 0;

	*env = hook->env;
	if (hook->has_env)
		return (uint32_t)hook->nenv;
	if (kind == CTR_HOOK_START_CONTAINER)
		return CTR_HOOK_ENV_PAYLOAD;

	*env = p->options->environment;
	while (*env && (*env)[n])
		n++;
	return CTR_HOOK_ENV_CALLER | n;
}

static void add_hooks(struct ctr_planner *p, enum ctr_hook_kind kind, const char *name,
		      const char *state)
{
	const struct ctr_hooks *hooks = &p->spec->hooks[kind];

	for (size_t i = 0; i < hooks->count; i++) {
		const struct ctr_hook *hook = &hooks->list[i];
		const char *const *env;
		const uint32_t which = hook_env(p, hook, kind, &env);
		const uint32_t nenv = ctr_op_hook_nenv(which);
		size_t n = 0;
		const char **block =
			ctr_arena_array(p->arena, 3 + hook->nargs + nenv, sizeof(*block));
		struct ctr_op *op;

		block[n++] = hook->path;
		block[n++] = state;
		for (size_t j = 0; j < hook->nargs; j++)
			block[n++] = hook->args[j];
		block[n++] = "";
		for (size_t j = 0; j < nenv; j++)
			block[n++] = env[j];

		ctr_plan_origin(p->plan, "hooks.%s[%zu]", name, i);
		op = ctr_plan_add(p->plan, CTR_OP_HOOK);
		op->str2 = ctr_plan_block(p->plan, block, n);
		op->arg = (uint64_t)hook->nargs << 32 | which;
		op->arg2 = (uint64_t)hook->timeout << 16 | (uint64_t)kind << 8 | (i & 0xff);
	}
}

/* The file system, up to and including the entry into it. */
static void add_root(struct ctr_planner *p)
{
	ctr_plan_rootfs(p);
	if (!p->in_place) {
		ctr_plan_mounts(p);
		ctr_plan_devices(p);
	} else {
		ctr_plan_made(p);
	}
	if (p->options->made_flags)
		ctr_plan_loopback(p);
	ctr_plan_stdio(p);

	ctr_plan_origin(p->plan, "%s", "");
	if (p->options->runtime_hooks) {
		add_arg(p, CTR_OP_SEND, CTR_MSG_HOOKS);
		add_arg(p, CTR_OP_RECV, CTR_MSG_GO);
	}
	if (p->spec->hooks[CTR_HOOK_CREATE_CONTAINER].count > 0) {
		add_close_fds(p);
		add_hooks(p, CTR_HOOK_CREATE_CONTAINER, "createContainer",
			  p->options->state_create);
	}

	ctr_plan_enter_root(p);
}

/* All that needs the privileges of the container's root, in the container. */
static int add_privileged(struct ctr_planner *p)
{
	const struct ctr_linux *config = p->spec->linux_;

	ctr_plan_labels(p);
	if (config->personality) {
		ctr_plan_origin(p->plan, "linux.personality");
		add_arg(p, CTR_OP_PERSONALITY, config->personality->domain);
	}
	if (ctr_plan_memory_policy(p) < 0)
		return -1;
	ctr_plan_bounding(p);
	return 0;
}

/*
 * From here on the order of the kernel's rules decides:
 *
 * A filter without no_new_privs needs CAP_SYS_ADMIN, so it comes before the switch of user, and
 * lets through what follows or the profile does not work with any runtime. With no_new_privs it can
 * come late: before "created" when a listener must be handed to somebody (that is a message of the
 * building state), else after the gate, so that the profile needs nothing of what the gate does.
 * Hooks in the container run under it, as they do with runc.
 *
 * Descriptors are marked before a filter, because profiles older than close_range(2) refuse it.
 *
 * The working directory is tried as root and, when that had no permission, as the user: a
 * directory of the user's own on a file system where root is nobody, or one that only root reaches
 * (runc #2712, #2894).
 *
 * The executable is looked for as the user, with the container's environment, before "created":
 * create must fail when there is none.
 *
 * Limits that are in the way come last, but before a filter that is loaded so late: the profile
 * need not allow prlimit(2) then. Hooks, which come after it, must not be under the limits.
 */
static void add_process(struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;
	bool seccomp = p->options->seccomp_length > 0;
	bool late = process->no_new_privileges;
	bool listener = p->options->seccomp_listener;
	bool hooks = !p->options->exec && p->spec->hooks[CTR_HOOK_START_CONTAINER].count > 0;

	if (seccomp && !late) {
		add_close_fds(p);
		add_seccomp(p);
	}

	ctr_plan_user(p);
	ctr_plan_command(p);

	if (seccomp && late && listener) {
		add_close_fds(p);
		add_seccomp(p);
	}

	ctr_plan_origin(p->plan, "%s", "");
	add_arg(p, CTR_OP_SEND, CTR_MSG_CREATED);
	if (p->options->gate)
		ctr_plan_add(p->plan, CTR_OP_GATE)->fd = CTR_SLOT_GATE;
	add_arg(p, CTR_OP_RECV, CTR_MSG_START);

	if (!seccomp || (late && !listener))
		add_close_fds(p);
	if (!hooks)
		ctr_plan_rlimits(p);
	if (seccomp && late && !listener)
		add_seccomp(p);
	if (hooks) {
		add_hooks(p, CTR_HOOK_START_CONTAINER, "startContainer", p->options->state_start);
		ctr_plan_rlimits(p);
	}

	ctr_plan_origin(p->plan, "%s", "");
	add_arg(p, CTR_OP_SEND, CTR_MSG_STARTING);
	ctr_plan_origin(p->plan, "process.args[0]");
	(void)ctr_plan_add(p->plan, CTR_OP_EXEC);
}

/* The process joins a container: its namespaces are joined and "/" is its root already, but for a
 * container in the mount namespace of others. */
static int plan_exec(struct ctr_planner *p)
{
	add_signals(p);
	(void)ctr_plan_add(p->plan, CTR_OP_SESSION);
	if (p->options->join_time_ns) {
		ctr_plan_request_time(p, p->options->join_time_ns, "linux.namespaces");
		ctr_plan_join_time(p, "linux.namespaces");
	}
	if (p->options->lsm_file[0] || p->options->lsm_file[1])
		(void)ctr_plan_add(p->plan, CTR_OP_OPEN_PROC);
	/* The mount namespace's root is not the container's when others have it, too. */
	if (p->in_place) {
		ctr_plan_rootfs(p);
		ctr_plan_enter_root(p);
	}
	add_keyring(p);
	ctr_plan_environment(p);
	ctr_plan_stdio(p);
	if (add_privileged(p) < 0)
		return -1;
	add_process(p);
	return 0;
}

/*
 * Why here:
 *
 * session         before the terminal, which becomes the session's
 * open-proc       before any mount changes: the host's /proc is the one that is known to be real,
 *                 and sysctls and labels go through it, never through what the container mounted
 * unshare         after the maps are written (shape.h); the network before mounts: a new sysfs
 *                 shows the network namespace of its mounter; one that is being made meanwhile just
 *                 before them, as it takes its time, and its loopback interface after them
 * keyring         of the container's user namespace
 * propagation     first of all mounts: nothing that follows may reach the host
 * mounts          in the order of the document (config.md#mounts), devices and links on top of them
 * terminal        its pty is one of the container's devpts, so after mounts; its console is bound
 *                 while /dev can still be written
 * hooks           after mounts and before pivot_root (config.md#posix-platform-hooks), and so
 *                 before anything becomes read-only (crun #1924)
 * sysctl, names   after the hooks: they may set up the network that net.* is about
 * restrictions    read-only, then masked: last of the mounts, so that neither is hidden by another
 * propagation of  after pivot_root, which refuses a shared or unbindable root, and after the
 * the root        last mount, which an unbindable one could not be the source of
 * labels          after everything that a confined process could not do, before capabilities go
 */
static int plan_create(struct ctr_planner *p)
{
	if (ctr_plan_check_namespaces(p) < 0 || ctr_plan_check_rootfs(p) < 0 ||
	    ctr_plan_check_mounts(p) < 0)
		return -1;

	add_signals(p);
	ctr_plan_namespaces(p);
	add_keyring(p);
	ctr_plan_environment(p);
	add_root(p);
	ctr_plan_names(p);
	ctr_plan_sysctl(p);
	ctr_plan_restrict_paths(p);
	ctr_plan_root_propagation(p);
	if (add_privileged(p) < 0)
		return -1;
	add_process(p);
	return 0;
}

static void add_actions(struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;
	struct ctr_actions *actions = p->actions;

	actions->fds = p->fds;
	actions->nfds = p->nfds;
	actions->rlimits = process->rlimits;
	actions->nrlimits = process->nrlimits;
	actions->late_rlimits = p->late_rlimits;
	actions->has_oom_score_adj = process->has_oom_score_adj;
	actions->oom_score_adj = process->oom_score_adj;
	actions->scheduler = process->scheduler;
	actions->io_priority = process->io_priority;
	if (p->options->exec)
		actions->exec_cpu_affinity = process->exec_cpu_affinity;
	actions->warnings = p->warnings;
	actions->nwarnings = p->nwarnings;
}

/* exec: the shape is that of joining, which is not the document's affair; its maps are. */
static int decide_identity(struct ctr_planner *p)
{
	const struct ctr_namespace *user = &p->spec->linux_->namespaces[CTR_NS_USER];
	const struct ctr_namespace *mount = &p->spec->linux_->namespaces[CTR_NS_MOUNT];
	struct ctr_shape *shape = &p->actions->shape;

	p->user_ns = user->listed;
	p->in_place = !mount->listed || mount->path;
	p->maps_known = user->listed && !user->path;
	ctr_idmap_of(&p->actions->idmap, p->spec, p->host, p->arena);

	if (!p->options->exec) {
		if (ctr_shape_decide(shape, p->spec, p->host, p->err) < 0)
			return -1;
		shape->clone_flags &= ~p->options->made_flags;
		p->setgroups_denied = shape->setgroups_denied;
	} else {
		p->setgroups_denied = p->host->setgroups_denied ||
				      (p->maps_known && !p->host->privileged &&
				       !ctr_idmap_needs_gid_helper(&p->actions->idmap, p->host));
	}
	return 0;
}

int ctr_plan_container(struct ctr_plan_builder *plan, struct ctr_actions *actions,
		       const struct ctr_spec *spec, const struct ctr_host *host,
		       const struct ctr_plan_options *options, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	struct ctr_actions result = { 0 };
	struct ctr_planner p = {
		.plan = plan,
		.actions = &result,
		.spec = spec,
		.host = host,
		.options = options,
		.arena = arena,
		.err = err,
	};

	if (!spec->process)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "process: missing: nothing to execute");
	if (spec->vm)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"vm: is for --isolation vm and microvm only");

	if (decide_identity(&p) < 0 || ctr_plan_process_check(&p) < 0)
		return -1;
	if ((options->exec ? plan_exec(&p) : plan_create(&p)) < 0)
		return -1;

	add_actions(&p);
	*actions = result;
	return 0;
}
