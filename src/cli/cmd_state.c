/* ctr state and ctr list. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"
#include "core/container.h"

struct list_options {
	bool quiet;
	const char *format;
};

static const struct ctr_option list_table[] = {
	CTR_OPT("quiet", 'q', FLAG, offsetof(struct list_options, quiet), NULL, "ids only"),
	CTR_OPT("format", 'f', STRING, offsetof(struct list_options, format), "FORMAT",
		"table (default) or json"),
};

static int cmd_state(struct ctr_command *command, struct ctr_error *err)
{
	struct ctr_container container;
	struct ctr_state_doc doc;
	struct ctr_json json;
	struct ctr_buf buf;

	if (ctr_container_open(&container, command->context, command->operands[0], CTR_LOCK_NONE,
			       err) < 0) {
		ctr_container_release(&container);
		return -1;
	}

	ctr_container_doc(&container, ctr_container_status(&container), &doc, command->context);
	ctr_container_release(&container);
	ctr_buf_init(&buf, command->context->arena);
	ctr_json_init(&json, &buf, "  ");
	ctr_state_encode(&json, &doc);
	ctr_buf_addc(&buf, '\n');
	return ctr_print(buf.data, buf.len, err);
}

struct listing {
	int root; /* -1: there is none, and so no container */
	const char **ids;
	size_t nids;
	struct ctr_state_doc *docs;
	size_t n;
};

static int find(const struct ctr_context *context, struct listing *listing, struct ctr_error *err)
{
	listing->root = ctr_context_open_root(context, false, err);
	if (listing->root < 0)
		return err->fault == CTR_FAULT_NOT_FOUND && !context->root_given ? 0 : -1;

	return ctr_state_list(listing->root, context->arena, &listing->ids, &listing->nids, err);
}

/* All that can be read; what cannot is named on standard error and left out. */
static void collect(const struct ctr_context *context, struct listing *listing)
{
	listing->docs = ctr_arena_array(context->arena, listing->nids, sizeof(*listing->docs));
	for (size_t i = 0; i < listing->nids; i++) {
		struct ctr_container container;
		struct ctr_error skipped;

		if (ctr_container_open_in(&container, context, listing->root, listing->ids[i],
					  &skipped) == 0)
			ctr_container_doc(&container, ctr_container_status(&container),
					  &listing->docs[listing->n++], context);
		else if (skipped.fault != CTR_FAULT_NOT_FOUND)
			fprintf(stderr, "%s: skipped: %s\n", context->name, skipped.text);
		ctr_container_release(&container);
	}
}

static void print_json(const struct listing *listing, struct ctr_buf *buf)
{
	struct ctr_json json;

	ctr_json_init(&json, buf, NULL);
	ctr_json_array(&json, NULL);
	for (size_t i = 0; i < listing->n; i++)
		ctr_state_encode(&json, &listing->docs[i]);
	ctr_json_end_array(&json);
	ctr_buf_addc(buf, '\n');
}

static void print_quiet(const struct listing *listing, struct ctr_buf *buf)
{
	for (size_t i = 0; i < listing->n; i++)
		ctr_buf_addf(buf, "%s\n", listing->docs[i].id);
}

static size_t widest(size_t width, const char *text)
{
	size_t len = strlen(text);

	return len > width ? len : width;
}

/* A path may have a newline in it, or what a terminal obeys. */
static const char *without_controls(const char *text, struct ctr_buf *buf)
{
	char *copy = ctr_arena_strdup(buf->arena, text);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return copy;
}

static void print_table(const struct listing *listing, struct ctr_buf *buf)
{
	size_t id = 2, bundle = 6;

	for (size_t i = 0; i < listing->n; i++) {
		id = widest(id, listing->docs[i].id);
		bundle = widest(bundle, listing->docs[i].bundle);
	}

	ctr_buf_addf(buf, "%-*s   %-10s  %-8s   %-*s   %-30s   %s\n", (int)id, "ID", "PID",
		     "STATUS", (int)bundle, "BUNDLE", "CREATED", "OWNER");
	for (size_t i = 0; i < listing->n; i++) {
		const struct ctr_state_doc *doc = &listing->docs[i];

		ctr_buf_addf(buf, "%-*s   %-10d  %-8s   %-*s   %-30s   %s\n", (int)id, doc->id,
			     doc->pid, doc->status, (int)bundle, without_controls(doc->bundle, buf),
			     doc->created, doc->owner);
	}
}

static int cmd_list(struct ctr_command *command, struct ctr_error *err)
{
	const struct list_options *options = command->options;
	const char *format = options->format ? options->format : "table";
	bool is_json = strcmp(format, "json") == 0;
	struct listing listing = { .root = -1 };
	struct ctr_buf buf;

	if (!is_json && strcmp(format, "table") != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"list: --format: '%s' is not table or json", format);
	if (find(command->context, &listing, err) < 0)
		return -1;
	collect(command->context, &listing);
	ctr_close_ptr(&listing.root);

	ctr_buf_init(&buf, command->context->arena);
	if (options->quiet)
		print_quiet(&listing, &buf);
	else if (is_json)
		print_json(&listing, &buf);
	else
		print_table(&listing, &buf);
	return ctr_print(ctr_buf_str(&buf), buf.len, err);
}

const struct ctr_verb ctr_verb_state = {
	.name = "state",
	.synopsis = "ID",
	.summary = "print the state of a container as JSON",
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_state,
};

const struct ctr_verb ctr_verb_list = {
	.name = "list",
	.synopsis = "[flags]",
	.summary = "list containers",
	CTR_VERB_OPTIONS(list_table, struct list_options),
	.operands_max = 0,
	.run = cmd_list,
};
