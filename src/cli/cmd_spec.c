/* ctr spec, ctr features and ctr lint: documents. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/path.h"
#include "cli/command.h"
#include "oci/encode.h"
#include "oci/load.h"

struct spec_options {
	const char *bundle;
	bool rootless;
};

static const struct ctr_option spec_table[] = {
	CTR_OPT("bundle", 'b', STRING, offsetof(struct spec_options, bundle), "DIR",
		"where config.json is written (default: .)"),
	CTR_OPT("rootless", 0, FLAG, offsetof(struct spec_options, rootless), NULL,
		"for a caller who is not root"),
};

/* Never overwrites, and leaves no half file behind. */
static int write_new(const char *path, const struct ctr_buf *buf, struct ctr_error *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r;

	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "spec: cannot create '%s'", path);

	r = ctr_write_all(fd, buf->data, buf->len);
	if (r < 0) {
		unlink(path);
		return ctr_fail(err, CTR_FAULT_HOST, -r, "spec: cannot write '%s'", path);
	}
	return 0;
}

static int cmd_spec(struct ctr_command *command, struct ctr_error *err)
{
	const struct spec_options *options = command->options;
	struct ctr_context *context = command->context;
	const struct ctr_spec_defaults defaults = {
		.rootless = options->rootless,
		.uid = context->host.euid,
		.gid = context->host.egid,
	};
	struct ctr_json json;
	struct ctr_buf buf;

	if (options->bundle && options->bundle[0] == '\0')
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "spec: --bundle: empty path");

	ctr_buf_init(&buf, context->arena);
	ctr_json_init(&json, &buf, "\t");
	ctr_spec_default_encode(&json, &defaults);
	ctr_buf_addc(&buf, '\n');
	return write_new(ctr_path_join(context->arena, options->bundle ? options->bundle : ".",
				       "config.json"),
			 &buf, err);
}

static int cmd_features(struct ctr_command *command, struct ctr_error *err)
{
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_buf_init(&buf, command->context->arena);
	ctr_json_init(&json, &buf, "  ");
	ctr_features_encode(&json);
	ctr_buf_addc(&buf, '\n');
	return ctr_print(buf.data, buf.len, err);
}

/* lint [-b DIR | BUNDLE | FILE]: *@bundle, and *@config, which is NULL where it is the bundle's. */
static int place_lint(const struct ctr_command *command, const char **bundle, const char **config,
		      struct ctr_error *err)
{
	const struct spec_options *options = command->options;
	const char *operand = command->operands[0], *slash;
	struct stat st;

	*bundle = operand ? operand : options->bundle ? options->bundle : ".";
	*config = NULL;
	if (operand && options->bundle)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "lint: unexpected argument '%s'", operand);
	if (!operand || stat(operand, &st) < 0 || S_ISDIR(st.st_mode))
		return 0;

	*config = operand;
	slash = strrchr(operand, '/');
	*bundle = slash ? ctr_arena_strndup(command->context->arena, operand,
					    (size_t)(slash - operand) + 1)
			: ".";
	return 0;
}

static int cmd_lint(struct ctr_command *command, struct ctr_error *err)
{
	struct ctr_arena *arena = command->context->arena;
	struct ctr_findings findings = { 0 };
	const char *path, *bundle, *text;
	size_t len = 0, fatal = 0;

	if (place_lint(command, &bundle, &path, err) < 0)
		return -1;
	text = ctr_bundle_read(arena, bundle, &path, &len, err);
	if (!text)
		return -1;

	(void)ctr_spec_decode(arena, text, len, path, bundle, &findings, err);
	for (size_t i = 0; i < findings.count; i++) {
		fatal += findings.list[i].fatal;
		printf("%s: %s\n", findings.list[i].fatal ? "error" : "note",
		       findings.list[i].text);
	}
	if (fatal > 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "lint: %s: %zu error%s", path, fatal,
				fatal == 1 ? "" : "s");

	printf("%s: no errors, %zu note%s\n", path, findings.count, findings.count == 1 ? "" : "s");
	return 0;
}

const struct ctr_verb ctr_verb_spec = {
	.name = "spec",
	.synopsis = "[flags]",
	.summary = "write a default config.json",
	CTR_VERB_OPTIONS(spec_table, struct spec_options),
	.operands_max = 0,
	.run = cmd_spec,
};

const struct ctr_verb ctr_verb_features = {
	.name = "features",
	.synopsis = "",
	.summary = "print what this runtime supports as JSON",
	.operands_max = 0,
	.run = cmd_features,
};

static const struct ctr_option lint_table[] = {
	CTR_OPT("bundle", 'b', STRING, offsetof(struct spec_options, bundle), "DIR",
		"the bundle (default: .)"),
};

const struct ctr_verb ctr_verb_lint = {
	.name = "lint",
	.synopsis = "[flags] [BUNDLE | FILE]",
	.summary = "list the faults and oddities in a bundle's config.json",
	CTR_VERB_OPTIONS(lint_table, struct spec_options),
	.operands_max = 1,
	.run = cmd_lint,
};
