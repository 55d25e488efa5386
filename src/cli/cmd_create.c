/* ctr create and ctr run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/run_from.h"
#include "core/checkpoint.h"
#include "core/create.h"
#include "core/detach.h"
#include "state/id.h"

struct create_options {
	struct ctr_create_options core;
	struct ctr_list publish, ip;
	const char *from;
	bool remove; /* Docker's --rm: what run does anyway */
};

#define CREATE(field) offsetof(struct create_options, core.field)

/* Those of `run` alone come last. */
static const struct ctr_option table[] = {
	CTR_OPT("bundle", 'b', STRING, CREATE(bundle), "DIR",
		"the bundle: config.json and root file system (default: .)"),
	CTR_OPT("config", 'f', STRING, CREATE(config), "FILE",
		"use FILE instead of the bundle's config.json"),
	CTR_OPT("pid-file", 0, STRING, CREATE(pid_file), "FILE",
		"write the process id of init to FILE"),
	CTR_OPT("console-socket", 0, STRING, CREATE(console_socket), "PATH",
		"unix socket that receives the terminal's master"),
	CTR_OPT("pidfd-socket", 0, STRING, CREATE(pidfd_socket), "PATH",
		"unix socket that receives a pidfd of init"),
	CTR_OPT("isolation", 0, STRING, CREATE(isolation), "KIND",
		"process, container (default), microvm, vm or uml"),
	CTR_OPT("kernel", 0, STRING, CREATE(kernel), "FILE",
		"boot FILE in the virtual machine (default: one of the host's)"),
	CTR_OPT("preserve-fds", 0, U32, CREATE(preserve_fds), "N",
		"pass N more file descriptors, from 3 on"),
	CTR_OPT("net", 0, STRING, CREATE(network.net), "NETWORK",
		"none, host, bridge or bridge=NAME, instead of what the configuration says"),
	CTR_OPT("ip", 0, LIST, offsetof(struct create_options, ip), "ADDRESS",
		"the container's address on its bridge (again for one of IPv6)"),
	CTR_OPT("publish", 'p', LIST, offsetof(struct create_options, publish),
		"[ADDRESS:]HOST:PORT",
		"let a port of the host lead to one of the container (may be given again)"),
	CTR_OPT("overlay", 0, STRING, CREATE(overlay), "DIR",
		"write to a layer over the root file system, in DIR or 'ephemeral'"),
	CTR_OPT("no-pivot", 0, FLAG, CREATE(no_pivot), NULL,
		"move the root instead of pivot_root (weaker; for a root on an initramfs)"),
	CTR_OPT("no-new-keyring", 0, FLAG, CREATE(no_new_keyring), NULL,
		"keep the caller's session keyring"),
	CTR_OPT("no-subreaper", 0, FLAG, CREATE(no_subreaper), NULL,
		"do not take over orphaned processes"),
	CTR_OPT("tty", 't', FLAG, CREATE(tty), NULL,
		"give it a terminal, whatever the configuration says"),
	CTR_OPT("interactive", 'i', IGNORED_FLAG, 0, NULL, NULL),
	CTR_OPT("detach-keys", 0, STRING, CREATE(detach_keys), "KEYS",
		"leave it running when these are typed: ctrl-p,ctrl-q"),
	CTR_OPT("detach", 'd', FLAG, CREATE(detach), NULL, "leave it running"),
	CTR_OPT("keep", 0, FLAG, CREATE(keep), NULL, "do not delete it when it has ended"),
	CTR_OPT("rootfs", 0, STRING, CREATE(rootfs), "DIR",
		"no bundle: run a command in the root file system DIR"),
	CTR_OPT("from", 0, STRING, offsetof(struct create_options, from), "DIR",
		"start containers ID... from the checkpoint in DIR"),
	CTR_OPT("rm", 0, FLAG, offsetof(struct create_options, remove), NULL,
		"delete it when it has ended (the default)"),
};

enum { OPTIONS_OF_RUN = 8 };

static struct ctr_create_options options_of(const struct ctr_command *command)
{
	const struct create_options *given = command->options;
	struct ctr_create_options options = given->core;

	options.network.publish = given->publish.items;
	options.network.npublish = given->publish.count;
	options.network.ip = given->ip.items;
	options.network.nip = given->ip.count;
	return options;
}

static const char *new_id(struct ctr_arena *arena)
{
	char *id = ctr_arena_alloc(arena, 13);

	ctr_id_generate(id);
	return id;
}

static bool has_slash(const char *operand)
{
	return strchr(operand, '/') || strcmp(operand, ".") == 0 || strcmp(operand, "..") == 0;
}

/* Is there a configuration in what @operand names, and none here? */
static bool is_elsewhere(const char *operand, struct ctr_arena *arena)
{
	return operand[0] && access("config.json", F_OK) < 0 &&
	       access(ctr_arena_printf(arena, "%s/config.json", operand), F_OK) == 0;
}

/* Does an operand name a bundle rather than a container? It has a slash, which no id has, or there
 * is a configuration in it and none here. */
static bool is_bundle(const char *operand, struct ctr_arena *arena)
{
	return has_slash(operand) || is_elsewhere(operand, arena);
}

/* Two operands: BUNDLE ID. */
static int check_order(const struct ctr_command *command, struct ctr_error *err)
{
	const char **operands = command->operands;
	struct ctr_arena *arena = command->context->arena;

	if (command->noperands < 2 || is_bundle(operands[0], arena) ||
	    !is_bundle(operands[1], arena))
		return 0;
	return ctr_fail(err, CTR_FAULT_USAGE, 0, "the bundle stands before the id: '%s' '%s'",
			operands[1], operands[0]);
}

/* run [-b BUNDLE] ID, run BUNDLE [ID], run --rootfs DIR [-- CMD...] */
static int place_operands(const struct ctr_command *command, struct ctr_create_options *options,
			  struct ctr_error *err)
{
	struct ctr_arena *arena = command->context->arena;
	const char **operands = command->operands;
	size_t n = command->noperands;

	if (options->rootfs) {
		if (options->bundle || options->config)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"run: --%s and --rootfs exclude each other",
					options->bundle ? "bundle" : "config");
		options->args = operands;
		options->id = new_id(arena);
		return 0;
	}

	if (!options->bundle && check_order(command, err) < 0)
		return ctr_fail_within(err, "run");
	if (!options->bundle && n > 0 && is_bundle(operands[0], arena)) {
		options->bundle = operands[0];
		operands++;
		n--;
	}
	if (n > 1)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "run: unexpected argument '%s'",
				operands[1]);

	options->id = n == 1 ? operands[0] : new_id(arena);
	if (!options->bundle)
		options->bundle = ".";
	return 0;
}

static int run_from(struct ctr_command *command, struct ctr_create_options *options,
		    const char *from, struct ctr_error *err)
{
	const char *const *ids = command->operands;
	size_t n = command->noperands;
	const char *id;

	if (options->rootfs || options->overlay || options->isolation)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"run: --from excludes --rootfs, --overlay and --isolation");
	for (size_t i = 0; i < n; i++)
		if (ctr_id_check(ids[i], err) < 0)
			return -1;
	if (!options->bundle)
		options->bundle = ctr_checkpoint_bundle(command->context, from, err);
	if (!options->bundle)
		return -1;

	options->fresh = true;
	if (n > 0)
		return ctr_run_from(command, options, from, ids, n, err);
	id = new_id(command->context->arena);
	if (ctr_run_from(command, options, from, &id, 1, err) < 0)
		return -1;
	if (options->detach)
		printf("%s\n", id);
	return 0;
}

/* create [-b BUNDLE] ID, create BUNDLE ID: a single operand is the id, whatever it looks like. */
static int place_create(const struct ctr_command *command, struct ctr_create_options *options,
			struct ctr_error *err)
{
	const char **operands = command->operands;
	bool two = command->noperands == 2;

	options->id = operands[two];
	if (two && options->bundle)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "unexpected argument '%s'", operands[1]);
	if (two && check_order(command, err) < 0)
		return -1;
	if (!options->bundle)
		options->bundle = two ? operands[0] : ".";
	return 0;
}

/* A single operand that was meant as the bundle. */
static int fail_create(const struct ctr_command *command, struct ctr_error *err)
{
	const struct create_options *given = command->options;
	const char *word = command->operands[0];
	bool is_other = err->fault == CTR_FAULT_USAGE ? has_slash(word)
			: err->fault == CTR_FAULT_NOT_FOUND
				? is_elsewhere(word, command->context->arena)
				: false;
	const struct ctr_error told = *err;

	if (command->noperands == 2 || given->core.bundle || given->core.config || !is_other)
		return -1;
	return ctr_fail(err, told.fault, 0,
			"%s; if it is the bundle, the id is missing (usage: %s create %s ID)",
			told.text, command->context->name, word);
}

static int cmd_create(struct ctr_command *command, struct ctr_error *err)
{
	struct ctr_create_options options = options_of(command);

	if (place_create(command, &options, err) < 0)
		return ctr_fail_within(err, "create");
	command->bundle = options.config ? options.config : options.bundle;
	if (ctr_create(command->context, &options, err) < 0)
		return fail_create(command, err);
	return 0;
}

/* Without a bundle a word is an id, also where it was meant to be the bundle. */
static int fail_run(const struct ctr_command *command, const struct ctr_create_options *options,
		    struct ctr_error *err)
{
	const struct create_options *given = command->options;
	const char *word = command->operands[0];

	if (err->fault != CTR_FAULT_NOT_FOUND || given->core.bundle || options->config ||
	    options->rootfs || word != options->id || access("config.json", F_OK) == 0)
		return -1;
	return ctr_fail(err, CTR_FAULT_USAGE, 0,
			"run: '%s' is no bundle, so it is taken for an id, and there is no "
			"config.json in the working directory (ctr spec writes one)",
			word);
}

static int cmd_run(struct ctr_command *command, struct ctr_error *err)
{
	const struct create_options *given = command->options;
	struct ctr_create_options options = options_of(command);
	struct ctr_detach keys;

	if (given->remove && options.keep)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "run: --rm and --keep exclude each other");
	if (ctr_detach_parse(&keys, options.detach_keys, err) < 0)
		return -1;
	if (given->from)
		return run_from(command, &options, given->from, err);
	if (place_operands(command, &options, err) < 0)
		return -1;

	command->bundle = options.config ? options.config : options.bundle;
	if (ctr_run(command->context, &options, &command->status, err) < 0)
		return fail_run(command, &options, err);

	ctr_print_detached(command, options.id);
	/* Nobody knows yet what it is called. */
	if (options.detach && command->operands[0] != options.id &&
	    command->operands[1] != options.id)
		printf("%s\n", options.id);
	return 0;
}

const struct ctr_verb ctr_verb_create = {
	.name = "create",
	.synopsis = "[flags] [BUNDLE] ID",
	.summary = "create a container; `start` lets its process run",
	.options = table,
	.noptions = CTR_ARRAY_SIZE(table) - OPTIONS_OF_RUN,
	.options_size = sizeof(struct create_options),
	.operands_min = 1,
	.operands_max = 2,
	.run = cmd_create,
};

const struct ctr_verb ctr_verb_run = {
	.name = "run",
	.synopsis = "[flags] [BUNDLE] [ID] | --rootfs DIR [-- CMD...] | --from DIR ID...",
	.summary = "create and start a container, wait for its end",
	CTR_VERB_OPTIONS(table, struct create_options),
	.operands_max = CTR_OPERANDS_ANY,
	.failure = 125,
	.run = cmd_run,
};
