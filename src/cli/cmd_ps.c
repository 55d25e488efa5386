/* ctr ps: the container's processes, as a table of the host's ps(1) or as JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/run.h"
#include "cli/command.h"
#include "core/verbs.h"
#include "oci/encode.h"

struct ps_options {
	bool quiet;
	const char *format;
};

static const struct ctr_option table[] = {
	CTR_OPT("quiet", 'q', FLAG, offsetof(struct ps_options, quiet), NULL, "process ids only"),
	CTR_OPT("format", 'f', STRING, offsetof(struct ps_options, format), "FORMAT",
		"table (default) or json"),
};

static int print_json(struct ctr_command *command, const pid_t *pids, size_t n,
		      struct ctr_error *err)
{
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_buf_init(&buf, command->context->arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_json_array(&json, NULL);
	for (size_t i = 0; i < n; i++)
		ctr_json_i64(&json, NULL, pids[i]);
	ctr_json_end_array(&json);
	ctr_buf_addc(&buf, '\n');
	return ctr_print(buf.data, buf.len, err);
}

/* Start ps(1) with the caller's options, -ef without any, and return its output as a stream. */
static FILE *start_ps(struct ctr_command *command, pid_t *pid, struct ctr_error *err)
{
	const char **args =
		ctr_arena_array(command->context->arena, command->noperands + 3, sizeof(*args));
	size_t n = 0;
	FILE *stream;
	int output;

	args[n++] = "ps";
	if (command->noperands == 1)
		args[n++] = "-ef";
	for (size_t i = 1; i < command->noperands; i++)
		args[n++] = command->operands[i];

	output = ctr_run_start(args, false, pid);
	if (output < 0) {
		ctr_fail(err, CTR_FAULT_HOST, -output, "ps: cannot run the program 'ps'");
		return NULL;
	}

	stream = fdopen(output, "r");
	if (!stream) {
		ctr_fail(err, CTR_FAULT_HOST, errno, "ps: cannot read from the program 'ps'");
		(void)close(output);
	}
	return stream;
}

/* Which column of the header is PID? -1: none. */
static int find_pid_column(const char *header)
{
	int column = 0;

	for (const char *at = header; *at; column++) {
		size_t len;

		at += strspn(at, " \t\n");
		len = strcspn(at, " \t\n");
		if (len == 3 && strncmp(at, "PID", 3) == 0)
			return column;
		at += len;
	}

	return -1;
}

static bool has_pid(const char *line, int column, const pid_t *pids, size_t n)
{
	const char *at = line + strspn(line, " \t");
	uint64_t pid;

	for (int i = 0; i < column; i++) {
		at += strcspn(at, " \t\n");
		at += strspn(at, " \t");
	}

	pid = ctr_leading_u64(at);
	for (size_t i = 0; i < n; i++)
		if ((uint64_t)pids[i] == pid)
			return true;
	return false;
}

static int print_table(struct ctr_command *command, const pid_t *pids, size_t n,
		       struct ctr_error *err)
{
	char *line = NULL;
	size_t size = 0;
	int column = -1, status = 0;
	pid_t pid = 0;
	FILE *stream = start_ps(command, &pid, err);

	if (!stream)
		return -1;

	for (bool first = true; getline(&line, &size, stream) > 0; first = false) {
		if (first)
			column = find_pid_column(line);
		if (column < 0 || first || has_pid(line, column, pids, n))
			fputs(column < 0 ? "" : line, stdout);
	}
	free(line);
	fclose(stream);

	if (ctr_run_wait(pid, &status) < 0 || status != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "ps: the program 'ps' failed");
	if (column < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "ps: its output has no column PID");
	return ctr_print_end(err);
}

/* The columns are as wide as ps(1) makes them. */
static int print_guest(const char *lines, struct ctr_error *err)
{
	printf("%7s %8s %8s %s\n", "PID", "UID", "RSS", "COMMAND");
	while (*lines) {
		int len = (int)strcspn(lines, "\n"), at = 0;
		char pid[16] = "", uid[16] = "", rss[16] = "";

		(void)sscanf(lines, "%15[0-9] %15[0-9] %15[0-9] %n", pid, uid, rss, &at);
		if (at > 0 && at <= len)
			printf("%7s %8s %8s %.*s\n", pid, uid, rss, len - at, lines + at);
		lines += len + (lines[len] == '\n');
	}
	return ctr_print_end(err);
}

static int cmd_ps(struct ctr_command *command, struct ctr_error *err)
{
	const struct ps_options *options = command->options;
	const char *format = options->format ? options->format : "table";
	const char *guest = NULL;
	pid_t *pids = NULL;
	size_t n = 0;

	if (strcmp(format, "json") != 0 && strcmp(format, "table") != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "ps: --format: '%s' is not table or json",
				format);
	if (!options->quiet && format[0] == 't' && command->noperands == 1 &&
	    ctr_guest_processes(command->context, command->operands[0], &guest, err) < 0)
		return -1;
	if (guest)
		return print_guest(guest, err);
	if (ctr_pids(command->context, command->operands[0], &pids, &n, err) < 0)
		return -1;

	if (options->quiet) {
		for (size_t i = 0; i < n; i++)
			printf("%d\n", (int)pids[i]);
		return ctr_print_end(err);
	}

	return format[0] == 'j' ? print_json(command, pids, n, err)
				: print_table(command, pids, n, err);
}

const struct ctr_verb ctr_verb_ps = {
	.name = "ps",
	.synopsis = "[flags] ID [ps options]",
	.summary = "list the processes of a container",
	CTR_VERB_OPTIONS(table, struct ps_options),
	.max_operands = 1,
	.operands_min = 1,
	.operands_max = CTR_OPERANDS_ANY,
	.run = cmd_ps,
};
