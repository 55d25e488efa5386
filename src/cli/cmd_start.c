/* ctr start, pause and resume: an id and nothing else. */
#include "cli/command.h"
#include "core/verbs.h"

static int cmd_start(struct ctr_command *command, struct ctr_error *err)
{
	return ctr_start(command->context, command->operands[0], err);
}

static int cmd_pause(struct ctr_command *command, struct ctr_error *err)
{
	return ctr_pause(command->context, command->operands[0], err);
}

static int cmd_resume(struct ctr_command *command, struct ctr_error *err)
{
	return ctr_resume(command->context, command->operands[0], err);
}

const struct ctr_verb ctr_verb_start = {
	.name = "start",
	.synopsis = "ID",
	.summary = "let the process of a created container run",
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_start,
};

const struct ctr_verb ctr_verb_pause = {
	.name = "pause",
	.synopsis = "ID",
	.summary = "freeze all processes of a container",
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_pause,
};

const struct ctr_verb ctr_verb_resume = {
	.name = "resume",
	.synopsis = "ID",
	.summary = "let a paused container go on",
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_resume,
};
