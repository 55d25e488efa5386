/*
 * ctr explain: what would happen, before anything does. The plan of ctr-init and the actions of the
 * parent are printed; nothing is made and no privilege is needed.
 */
#include "base/buf.h"
#include "base/error.h"
#include "cli/command.h"
#include "core/explain.h"

struct explain_options {
	struct ctr_explain_options core;
	struct ctr_list publish, ip;
};

#define CORE(field) offsetof(struct explain_options, core.field)

static const struct ctr_option table[] = {
	CTR_OPT("bundle", 'b', STRING, CORE(bundle), "DIR", "the bundle (default: .)"),
	CTR_OPT("config", 'f', STRING, CORE(config), "FILE",
		"use FILE instead of the bundle's config.json"),
	CTR_OPT("rootfs", 0, STRING, CORE(rootfs), "DIR",
		"no bundle: of a command in the root file system DIR"),
	CTR_OPT("json", 0, FLAG, CORE(json), NULL, "as a JSON document"),
	CTR_OPT("no-pivot", 0, FLAG, CORE(no_pivot), NULL, "as `run --no-pivot` would do it"),
	CTR_OPT("isolation", 0, STRING, CORE(isolation), "KIND",
		"of a container that runs with it"),
	CTR_OPT("net", 0, STRING, CORE(network.net), "NETWORK", "with this network"),
	CTR_OPT("ip", 0, LIST, offsetof(struct explain_options, ip), "ADDRESS",
		"with this address in it"),
	CTR_OPT("publish", 'p', LIST, offsetof(struct explain_options, publish),
		"[ADDRESS:]HOST:PORT", "with this port of the host led to it"),
	CTR_OPT("overlay", 0, STRING, CORE(overlay), "DIR", "with this layer over its root"),
};

/* explain [BUNDLE], explain --rootfs DIR [-- CMD...] */
static int place_operands(const struct ctr_command *command, struct ctr_explain_options *options,
			  struct ctr_error *err)
{
	size_t left = options->rootfs || options->bundle ? 0 : 1;

	if (options->rootfs && (options->bundle || options->config))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"explain: --%s and --rootfs exclude each other",
				options->bundle ? "bundle" : "config");
	if (!options->rootfs && command->noperands > left)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "explain: unexpected argument '%s'",
				command->operands[left]);
	if (options->rootfs)
		options->args = command->operands;
	else if (!options->bundle)
		options->bundle = command->operands[0] ? command->operands[0] : ".";
	return 0;
}

static int cmd_explain(struct ctr_command *command, struct ctr_error *err)
{
	const struct explain_options *given = command->options;
	struct ctr_explain_options options = given->core;
	struct ctr_buf buf;

	if (place_operands(command, &options, err) < 0)
		return -1;
	command->bundle = options.config ? options.config : options.bundle;
	options.network.ip = given->ip.items;
	options.network.nip = given->ip.count;
	options.network.publish = given->publish.items;
	options.network.npublish = given->publish.count;

	ctr_buf_init(&buf, command->context->arena);
	if (ctr_explain(command->context, &options, &buf, err) < 0)
		return -1;

	return ctr_print(ctr_buf_str(&buf), buf.len, err);
}

const struct ctr_verb ctr_verb_explain = {
	.name = "explain",
	.synopsis = "[flags] [BUNDLE] | --rootfs DIR [-- CMD...]",
	.summary = "print every step that `run` would take, and take none",
	CTR_VERB_OPTIONS(table, struct explain_options),
	.operands_max = CTR_OPERANDS_ANY,
	.plans = true,
	.run = cmd_explain,
};
