/* The process of exec: the container's process section, or the document of --process, with the
 * options laid over it. */
#include "core/exec_process.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/near.h"
#include "core/exec.h"
#include "core/user.h"
#include "oci/load.h"
#include "oci/spec.h"
#include "oci/words.h"

static const struct ctr_name *find_cap(const char *name)
{
	const struct ctr_name *cap = ctr_capability_names;

	while (cap->name && strcasecmp(cap->name, name) != 0)
		cap++;
	return cap->name ? cap : NULL;
}

static int fail_cap(const char *name, struct ctr_error *err)
{
	struct ctr_near near;

	ctr_near_init(&near, name, strlen(name));
	for (const struct ctr_name *cap = ctr_capability_names; cap->name; cap++)
		ctr_near_try(&near, cap->name);
	return ctr_fail(err, CTR_FAULT_USAGE, 0, "--cap: unknown capability '%s'%s", name,
			ctr_near_hint(&near));
}

/* Inheritable stays as configured (CVE-2022-29162); ambient needs it. */
static int add_caps(struct ctr_process *process, const struct ctr_exec_options *options,
		    struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_capabilities *caps = ctr_arena_alloc(arena, sizeof(*caps));

	if (process->capabilities)
		*caps = *process->capabilities;
	for (size_t i = 0; i < options->ncaps; i++) {
		const struct ctr_name *cap = find_cap(options->caps[i]);
		uint64_t bit;

		if (!cap)
			return fail_cap(options->caps[i], err);
		bit = 1ULL << cap->value;
		caps->bounding |= bit;
		caps->effective |= bit;
		caps->permitted |= bit;
		caps->ambient |= bit & caps->inheritable;
	}

	process->capabilities = caps;
	return 0;
}

/* NAME=VALUE, or NAME alone: as it is in the caller's environment. NULL and @err. */
static const char *variable_of(const char *given, struct ctr_arena *arena, struct ctr_error *err)
{
	const char *equals = strchr(given, '='), *value;

	if (given[0] == '\0' || equals == given) {
		ctr_fail(err, CTR_FAULT_USAGE, 0, "--env: '%s' is not NAME=VALUE", given);
		return NULL;
	}
	if (equals)
		return given;

	value = getenv(given);
	if (!value) {
		ctr_fail(err, CTR_FAULT_USAGE, 0,
			 "--env: '%s' is not NAME=VALUE, and the caller's environment has no '%s'",
			 given, given);
		return NULL;
	}
	return ctr_arena_printf(arena, "%s=%s", given, value);
}

static int add_env(struct ctr_process *process, const struct ctr_exec_options *options,
		   struct ctr_arena *arena, struct ctr_error *err)
{
	const char **env = ctr_arena_array(arena, process->nenv + options->nenv, sizeof(*env));

	if (process->nenv > 0)
		memcpy(env, process->env, process->nenv * sizeof(*env));
	for (size_t i = 0; i < options->nenv; i++) {
		env[process->nenv + i] = variable_of(options->env[i], arena, err);
		if (!env[process->nenv + i])
			return -1;
	}
	process->env = env;
	process->nenv += options->nenv;
	return 0;
}

static const struct ctr_process *read_process(const char *file, struct ctr_arena *arena,
					      struct ctr_error *err)
{
	size_t len = 0;
	char *text;

	text = ctr_file_read(arena, AT_FDCWD, file, CTR_CONFIG_SIZE_MAX, &len, err);
	if (!text) {
		(void)ctr_fail_within(err, "--process");
		return NULL;
	}

	return ctr_process_decode(arena, text, len, file, err);
}

int ctr_exec_process(struct ctr_process *process, const struct ctr_exec_options *options,
		     const struct ctr_process *container, struct ctr_arena *arena,
		     struct ctr_error *err)
{
	const struct ctr_process *base = container;

	if (options->process_file) {
		base = read_process(options->process_file, arena, err);
		if (!base)
			return -1;
	}

	*process = *base;
	/* As with runc and crun: where a document says nothing of them. */
	if (!process->capabilities)
		process->capabilities = container->capabilities;
	if (!options->process_file) {
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
	if (options->nenv > 0 && add_env(process, options, arena, err) < 0)
		return -1;
	return options->ncaps > 0 ? add_caps(process, options, arena, err) : 0;
}

/* Those that @given has, and those of the option. */
static int add_groups(struct ctr_user *user, const struct ctr_user *given,
		      const struct ctr_exec_options *options, struct ctr_arena *arena,
		      struct ctr_error *err)
{
	size_t n = given->nadditional_gids;
	uint32_t *gids = ctr_arena_array(arena, n + options->nadditional_gids, sizeof(*gids));

	if (n > 0)
		memcpy(gids, given->additional_gids, n * sizeof(*gids));
	for (size_t i = 0; i < options->nadditional_gids; i++) {
		uint64_t value;

		if (ctr_parse_u64(options->additional_gids[i], &value) < 0 || value >= UINT32_MAX)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--additional-gids: '%s' is not a group number",
					options->additional_gids[i]);
		gids[n++] = (uint32_t)value;
	}

	user->additional_gids = gids;
	user->nadditional_gids = n;
	user->groups_of_name = false;
	return 0;
}

int ctr_exec_user(struct ctr_user *user, const struct ctr_exec_options *options, int root,
		  struct ctr_arena *arena, struct ctr_error *err)
{
	const struct ctr_user given = *user;

	if (options->user && ctr_user_find(user, options->user, root, arena, err) < 0)
		return -1;
	return options->nadditional_gids > 0 ? add_groups(user, &given, options, arena, err) : 0;
}
