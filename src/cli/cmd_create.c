/* ctr create and ctr run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "cli/command.h"
#include "core/create.h"
#include "state/id.h"

struct create_options {
	struct ctr_create_options core;
	bool remove; /* Docker's --rm: what run does anyway */
};

#define CREATE(field) offsetof(struct create_options, core.field)

#define COMMON_OPTIONS                                                                             \
	{ "bundle", 'b', CTR_OPTION_STRING, CREATE(bundle), "DIR",                                 \
	  "the bundle: config.json and root file system (default: .)" },                           \
	{ "config", 'f', CTR_OPTION_STRING, CREATE(config), "FILE",                                \
	  "use FILE instead of the bundle's config.json" },                                        \
	{ "pid-file", 0, CTR_OPTION_STRING, CREATE(pid_file), "FILE",                              \
	  "write the process id of init to FILE" },                                                \
	{ "console-socket", 0, CTR_OPTION_STRING, CREATE(console_socket), "PATH",                  \
	  "unix socket that receives the terminal's master" },                                     \
	{ "pidfd-socket", 0, CTR_OPTION_STRING, CREATE(pidfd_socket), "PATH",                      \
	  "unix socket that receives a pidfd of init" },                                           \
	{ "preserve-fds", 0, CTR_OPTION_U32, CREATE(preserve_fds), "N",                            \
	  "pass N more file descriptors, from 3 on" },                                             \
	{ "no-pivot", 0, CTR_OPTION_FLAG, CREATE(no_pivot), NULL,                                  \
	  "move the root instead of pivot_root (weaker; for a root on an initramfs)" },            \
	{ "no-new-keyring", 0, CTR_OPTION_FLAG, CREATE(no_new_keyring), NULL,                      \
	  "keep the caller's session keyring" },                                                   \
	{ "no-subreaper", 0, CTR_OPTION_FLAG, CREATE(no_subreaper), NULL,                          \
	  "do not take over orphaned processes" }

static const struct ctr_option create_table[] = { COMMON_OPTIONS };

static const struct ctr_option run_table[] = {
	COMMON_OPTIONS,
	{ "detach", 'd', CTR_OPTION_FLAG, CREATE(detach), NULL, "leave it running" },
	{ "keep", 0, CTR_OPTION_FLAG, CREATE(keep), NULL, "do not delete it when it has ended" },
	{ "rootfs", 0, CTR_OPTION_STRING, CREATE(rootfs), "DIR",
	  "no bundle: run a command in the root file system DIR" },
	{ "rm", 0, CTR_OPTION_FLAG, offsetof(struct create_options, remove), NULL,
	  "delete it when it has ended (the default)" },
};

static int cmd_create(struct ctr_command *command, struct ctr_error *err)
{
	struct ctr_create_options options = ((const struct create_options *)command->options)->core;

	options.id = command->operands[0];
	if (!options.bundle)
		options.bundle = ".";
	return ctr_create(command->context, &options, err);
}

static const char *new_id(struct ctr_arena *arena)
{
	char *id = ctr_arena_alloc(arena, 13);

	ctr_id_generate(id);
	return id;
}

/* Does an operand name a bundle rather than a container? It has a slash, which no id has, or there is
 * a configuration in it and none here. */
static bool is_bundle(const char *operand, struct ctr_arena *arena)
{
	if (strchr(operand, '/') || strcmp(operand, ".") == 0 || strcmp(operand, "..") == 0)
		return true;

	return access("config.json", F_OK) < 0 &&
	       access(ctr_arena_printf(arena, "%s/config.json", operand), F_OK) == 0;
}

/* run [-b BUNDLE] ID, run BUNDLE [ID], run --rootfs DIR [-- CMD...] */
static int place_operands(const struct ctr_command *command, struct ctr_create_options *options,
			  struct ctr_error *err)
{
	struct ctr_arena *arena = command->context->arena;
	const char **operands = command->operands;
	size_t n = command->noperands;

	if (options->rootfs) {
		if (options->bundle)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"run: --bundle and --rootfs exclude each other");
		options->args = operands;
		options->id = new_id(arena);
		return 0;
	}

	if (!options->bundle && n > 0 && is_bundle(operands[0], arena)) {
		options->bundle = operands[0];
		operands++;
		n--;
	}
	if (n > 1)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "run: unexpected argument '%s'", operands[1]);

	options->id = n == 1 ? operands[0] : new_id(arena);
	if (!options->bundle)
		options->bundle = ".";
	return 0;
}

static int cmd_run(struct ctr_command *command, struct ctr_error *err)
{
	const struct create_options *given = command->options;
	struct ctr_create_options options = given->core;

	if (given->remove && options.keep)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "run: --rm and --keep exclude each other");
	if (place_operands(command, &options, err) < 0)
		return -1;

	if (ctr_run(command->context, &options, &command->status, err) < 0)
		return -1;

	/* Nobody knows yet what it is called. */
	if (options.detach && command->operands[0] != options.id && command->operands[1] != options.id)
		printf("%s\n", options.id);
	return 0;
}

const struct ctr_verb ctr_verb_create = {
	.name = "create",
	.synopsis = "[flags] ID",
	.summary = "create a container; `start` lets its process run",
	CTR_VERB_OPTIONS(create_table, struct create_options),
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_create,
};

const struct ctr_verb ctr_verb_run = {
	.name = "run",
	.synopsis = "[flags] [BUNDLE] [ID] | --rootfs DIR [-- CMD...]",
	.summary = "create and start a container, wait for its end",
	CTR_VERB_OPTIONS(run_table, struct create_options),
	.operands_max = CTR_OPERANDS_ANY,
	.failure = 125,
	.run = cmd_run,
};
