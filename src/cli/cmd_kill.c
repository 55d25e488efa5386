/* ctr kill. */
#include <signal.h>

#include "base/error.h"
#include "base/names.h"
#include "cli/command.h"
#include "core/verbs.h"

struct kill_options {
	bool all;
};

static const struct ctr_option table[] = {
	CTR_OPT("all", 'a', FLAG, offsetof(struct kill_options, all), NULL,
		"signal all processes of the container"),
};

static int cmd_kill(struct ctr_command *command, struct ctr_error *err)
{
	const struct kill_options *options = command->options;
	const char *name = command->operands[1];
	int sig = name ? ctr_signal_parse(name) : SIGTERM;

	if (sig < 0 && ctr_signal_parse(command->operands[0]) > 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"kill: unknown signal '%s' (the id stands before it: %s)", name,
				command->operands[0]);
	if (sig < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "kill: unknown signal '%s'", name);

	return ctr_kill(command->context, command->operands[0], sig, options->all, err);
}

const struct ctr_verb ctr_verb_kill = {
	.name = "kill",
	.synopsis = "[flags] ID [SIGNAL]",
	.summary = "send a signal to a container (default: TERM)",
	CTR_VERB_OPTIONS(table, struct kill_options),
	.operands_min = 1,
	.operands_max = 2,
	.run = cmd_kill,
};
