/* The process: who it is, where it starts, what it is given (config.md#process). */
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "ns/planner.h"

enum {
	UMASK_DEFAULT = 022, /* as runc and crun have it when the document says nothing */
};

/* ---- checks */

static int check_groups(struct ctr_planner *p, const struct ctr_user *user)
{
	if (user->nadditional_gids == 0 || user->groups_of_name)
		return 0;

	if (p->setgroups_denied)
		return ctr_fail(
			p->err, CTR_FAULT_CONFIG, 0,
			"process.user.additionalGids: cannot set any: setgroups(2) is denied in the user namespace");

	for (size_t i = 0; i < user->nadditional_gids; i++) {
		if (!ctr_planner_maps_gid(p, user->additional_gids[i]))
			return ctr_fail(
				p->err, CTR_FAULT_CONFIG, 0,
				"process.user.additionalGids[%zu]: gid %u is not mapped by linux.gidMappings",
				i, user->additional_gids[i]);
	}

	return 0;
}

int ctr_plan_process_check(struct ctr_planner *p)
{
	const struct ctr_user *user = &p->spec->process->user;

	if (!ctr_planner_maps_uid(p, user->uid))
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"process.user.uid: uid %u is not mapped by linux.uidMappings",
				user->uid);
	if (!ctr_planner_maps_gid(p, user->gid))
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"process.user.gid: gid %u is not mapped by linux.gidMappings",
				user->gid);

	return check_groups(p, user);
}

/* ---- environment */

static size_t name_length(const char *variable)
{
	return strcspn(variable, "=");
}

static bool same_name(const char *a, const char *b)
{
	size_t len = name_length(a);

	return len == name_length(b) && memcmp(a, b, len) == 0;
}

static size_t hash_name(const char *variable)
{
	size_t len = name_length(variable);
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)variable[i]) * 16777619u;
	return h;
}

/* Of the variables with one name the last counts, at the place of the first. The list is hostile
 * input and may be long, so the places are in a table by hash. Returns how many are left. */
static size_t drop_duplicates(struct ctr_planner *p, const char **env, size_t n)
{
	size_t size = 16, left = 0;
	uint32_t *table; /* place + 1 in env; 0: free */

	while (size < 2 * n)
		size *= 2;
	table = ctr_arena_array(p->arena, size, sizeof(*table));

	for (size_t i = 0; i < n; i++) {
		size_t at = hash_name(env[i]) & (size - 1);

		while (table[at] && !same_name(env[table[at] - 1], env[i]))
			at = (at + 1) & (size - 1);
		if (!table[at])
			table[at] = (uint32_t)++left;
		env[table[at] - 1] = env[i];
	}

	return left;
}

static bool sets_home(const char *const *env, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strncmp(env[i], "HOME=", 5) == 0 && env[i][5])
			return true;
	}

	return false;
}

/* Before the first hook in the container, which inherits it. */
void ctr_plan_environment(struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;
	const char **env = ctr_arena_array(p->arena, process->nenv + 4, sizeof(*env));
	size_t n = 0;
	struct ctr_op *op;

	for (size_t i = 0; i < process->nenv; i++)
		env[n++] = process->env[i];
	if (p->options->listen_fds > 0) {
		env[n++] = ctr_arena_printf(p->arena, "LISTEN_FDS=%u", p->options->listen_fds);
		env[n++] = "LISTEN_PID=1"; /* sd_listen_fds(3) compares; the payload is PID 1 */
		if (p->options->listen_names)
			env[n++] = ctr_arena_printf(p->arena, "LISTEN_FDNAMES=%s",
						    p->options->listen_names);
	}
	if (p->options->notify_socket_dir && (p->options->exec || !p->in_place))
		env[n++] = "NOTIFY_SOCKET=/run/notify/notify.sock";
	n = drop_duplicates(p, env, n);

	p->has_home = sets_home(env, n);
	ctr_plan_origin(p->plan, "process.env");
	op = ctr_plan_add(p->plan, CTR_OP_ENV);
	op->str2 = ctr_plan_block(p->plan, env, n);
	op->arg = n;
}

/* ---- standard streams */

/* Root with CAP_DAC_OVERRIDE opens /dev/stdout whoever owns it. */
static bool may_open_any_stream(const struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;

	return !p->user_ns && process->user.uid == 0 && process->capabilities &&
	       process->capabilities->effective >> CAP_DAC_OVERRIDE & 1;
}

void ctr_plan_stdio(struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;
	struct ctr_op *op;

	if (process->terminal) {
		ctr_plan_origin(p->plan, "process.terminal");
		op = ctr_planner_add(p, CTR_OP_PTY,
				     p->options->exec || p->in_place ? "" : "/dev/console");
		op->arg = (uint64_t)process->user.uid << 32;
		if (process->has_console_size)
			op->arg2 = (uint64_t)process->console_height << 32 | process->console_width;
		return;
	}

	if (may_open_any_stream(p))
		return;
	/* Root of a user namespace cannot give away what is not its own. */
	if (p->maps_known && p->host->privileged) {
		p->actions->has_stdio_owner = true;
		p->actions->stdio_owner = (uint32_t)ctr_idmap_to_host(
			p->actions->idmap.uid, p->actions->idmap.nuid, process->user.uid);
		return;
	}
	ctr_plan_origin(p->plan, "process.user.uid");
	ctr_plan_add(p->plan, CTR_OP_STDIO_OWNER)->arg = process->user.uid;
}

/* ---- labels and policies */

void ctr_plan_labels(struct ctr_planner *p)
{
	static const char *const fields[2] = { "process.selinuxLabel", "process.apparmorProfile" };
	const struct ctr_plan_options *options = p->options;

	for (int i = 0; i < 2; i++) {
		struct ctr_op *op;

		if (!options->lsm_file[i])
			continue;
		ctr_plan_origin(p->plan, "%s", fields[i]);
		op = ctr_planner_add(p, CTR_OP_LSM, options->lsm_file[i]);
		op->str2 = ctr_plan_str(p->plan, options->lsm_text[i]);
	}
}

/* ---- user */

static bool keeps_groups(const struct ctr_planner *p)
{
	const char *keep = ctr_spec_annotation(p->spec, "run.oci.keep_original_groups");

	return keep && strcmp(keep, "1") == 0;
}

static void add_groups(struct ctr_planner *p)
{
	const struct ctr_user *user = &p->spec->process->user;
	uint32_t *gids = ctr_arena_array(p->arena, user->nadditional_gids, sizeof(*gids));
	struct ctr_op *op;
	size_t n = 0;

	/* An empty list drops the caller's groups; where setgroups(2) is denied they stay, and
	 * are nobody's in the container. */
	if (keeps_groups(p) || p->setgroups_denied)
		return;

	/* What is not mapped was refused before, unless it came with a name. */
	for (size_t i = 0; i < user->nadditional_gids; i++)
		if (ctr_planner_maps_gid(p, user->additional_gids[i]))
			gids[n++] = user->additional_gids[i];

	ctr_plan_origin(p->plan, "process.user.additionalGids");
	op = ctr_plan_add(p->plan, CTR_OP_GROUPS);
	op->str = ctr_plan_data(p->plan, gids, n * sizeof(*gids));
	op->arg = n;
	/* A joined user namespace may deny it; then the caller's groups were dropped on the way in.
	 */
	if (p->user_ns && !p->maps_known && (n == 0 || user->groups_of_name))
		op->flags = CTR_OPF_OPTIONAL;
}

static void add_chdir(struct ctr_planner *p, uint16_t flags)
{
	struct ctr_op *op;

	ctr_plan_origin(p->plan, "process.cwd");
	op = ctr_planner_add(p, CTR_OP_CHDIR, p->spec->process->cwd);
	/* What runs already has what it needs: a directory that is missing there is a mistake. */
	op->arg = !p->options->exec;
	op->flags = flags;
}

/* The switch, with the two tries of the working directory around it. */
void ctr_plan_user(struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;
	const struct ctr_user *user = &process->user;
	bool at_root = strcmp(process->cwd, "/") == 0;
	struct ctr_op *op;

	add_chdir(p, 0);
	add_groups(p);

	ctr_plan_origin(p->plan, "process.user");
	op = ctr_plan_add(p->plan, CTR_OP_IDS);
	op->arg = user->uid;
	op->arg2 = user->gid;
	ctr_plan_capabilities(p);

	ctr_plan_origin(p->plan, "process.user.umask");
	ctr_plan_add(p->plan, CTR_OP_UMASK)->arg = user->has_umask ? user->umask : UMASK_DEFAULT;

	if (process->no_new_privileges) {
		ctr_plan_origin(p->plan, "process.noNewPrivileges");
		(void)ctr_plan_add(p->plan, CTR_OP_NO_NEW_PRIVS);
	}

	if (at_root)
		return;
	add_chdir(p, CTR_OPF_AFTER_IDS);
	(void)ctr_plan_add(p->plan, CTR_OP_CHECK_CWD);
}

/* ---- limits */

/* Below this ctr-init and hooks cannot do their work, or might not. */
static const struct {
	uint32_t resource;
	uint64_t enough;
} needed[] = {
	{RLIMIT_NOFILE,  128              }, /* a batch of descriptors, and what it has open */
	{ RLIMIT_NPROC,  4096             }, /* all of that user count, wherever they run */
	{ RLIMIT_FSIZE,  RLIM_INFINITY    }, /* tmpcopyup copies what there is */
	{ RLIMIT_CPU,    60               },
	{ RLIMIT_RTTIME, 10000000         },
	{ RLIMIT_AS,     UINT64_C(1) << 28},
	{ RLIMIT_DATA,   UINT64_C(1) << 26},
	{ RLIMIT_STACK,  UINT64_C(1) << 20},
};

static bool is_too_low(const struct ctr_rlimit *limit)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(needed); i++) {
		if (limit->resource == needed[i].resource)
			return limit->soft < needed[i].enough;
	}

	return false;
}

/* The last thing before execve: what they leave possible is the payload's affair. */
void ctr_plan_rlimits(struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;

	for (size_t i = 0; i < process->nrlimits; i++) {
		const struct ctr_rlimit *limit = &process->rlimits[i];
		const struct ctr_op_rlimit data = { limit->resource, limit->soft, limit->hard };

		if (!is_too_low(limit))
			continue;
		ctr_plan_origin(p->plan, "process.rlimits[%zu]", i);
		ctr_plan_add(p->plan, CTR_OP_RLIMIT)->str =
			ctr_plan_data(p->plan, &data, sizeof(data));
		p->late_rlimits |= UINT32_C(1) << limit->resource;
	}
}

void ctr_plan_command(struct ctr_planner *p)
{
	const struct ctr_process *process = p->spec->process;
	struct ctr_op *op;

	if (!p->has_home) {
		ctr_plan_origin(p->plan, "process.env");
		ctr_plan_add(p->plan, CTR_OP_HOME)->arg = process->user.uid;
	}

	ctr_plan_origin(p->plan, "process.args");
	op = ctr_plan_add(p->plan, CTR_OP_ARGS);
	op->str2 = ctr_plan_block(p->plan, process->args, process->nargs);
	op->arg = process->nargs;

	ctr_plan_origin(p->plan, "process.args[0]");
	(void)ctr_plan_add(p->plan, CTR_OP_FIND_EXEC);
}
