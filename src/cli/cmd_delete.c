/* ctr delete. */
#include "cli/command.h"
#include "core/verbs.h"

struct delete_options {
	bool force;
};

static const struct ctr_option table[] = {
	CTR_OPT("force", 'f', FLAG, offsetof(struct delete_options, force), NULL,
		"end it first if it runs; fine when there is none"),
};

static int cmd_delete(struct ctr_command *command, struct ctr_error *err)
{
	const struct delete_options *options = command->options;

	return ctr_delete(command->context, command->operands[0], options->force, err);
}

const struct ctr_verb ctr_verb_delete = {
	.name = "delete",
	.synopsis = "[flags] ID",
	.summary = "remove a container that has ended",
	CTR_VERB_OPTIONS(table, struct delete_options),
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_delete,
};
