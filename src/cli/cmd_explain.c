/*
 * ctr explain: what would happen, before anything does. The plan of ctr-init and the actions of the
 * parent are printed; nothing is made and no privilege is needed.
 */
#include "base/buf.h"
#include "base/error.h"
#include "cli/command.h"
#include "core/explain.h"

struct explain_options {
	const char *bundle;
	bool json, no_pivot;
};

static const struct ctr_option table[] = {
	CTR_OPT("bundle", 'b', STRING, offsetof(struct explain_options, bundle), "DIR",
		"the bundle (default: .)"),
	CTR_OPT("json", 0, FLAG, offsetof(struct explain_options, json), NULL,
		"as a JSON document"),
	CTR_OPT("no-pivot", 0, FLAG, offsetof(struct explain_options, no_pivot), NULL,
		"as `run --no-pivot` would do it"),
};

static int cmd_explain(struct ctr_command *command, struct ctr_error *err)
{
	const struct explain_options *options = command->options;
	const char *bundle = options->bundle ? options->bundle : command->operands[0];
	struct ctr_buf buf;

	ctr_buf_init(&buf, command->context->arena);
	if (ctr_explain(command->context, bundle ? bundle : ".", options->no_pivot, options->json,
			&buf, err) < 0)
		return -1;

	return ctr_print(ctr_buf_str(&buf), buf.len, err);
}

const struct ctr_verb ctr_verb_explain = {
	.name = "explain",
	.synopsis = "[flags] [BUNDLE]",
	.summary = "print every step that `run` would take, and take none",
	CTR_VERB_OPTIONS(table, struct explain_options),
	.operands_max = 1,
	.plans = true,
	.run = cmd_explain,
};
