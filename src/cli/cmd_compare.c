/* ctr compare. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "bench/compare.h"
#include "bench/kinds.h"
#include "bench/parallel.h"
#include "bench/report.h"
#include "bench/workload.h"
#include "cli/command.h"
#include "cli/commit.h"
#include "vm/backend.h"

struct compare_options {
	const char *isolation, *idle, *json, *csv, *html, *seed, *runs, *idle_runs, *max, *timeout,
		*settle, *reserve, *parallel;
	bool density, kill, cold, quiet;
};

#define COMPARE(field) offsetof(struct compare_options, field)

static const struct ctr_option table[] = {
	CTR_OPT("isolation", 0, STRING, COMPARE(isolation), "LIST",
		"kinds to compare, with commas (default: all)"),
	CTR_OPT("runs", 'n', STRING, COMPARE(runs), "N", "blocks of one run of each kind (20)"),
	CTR_OPT("parallel", 0, STRING, COMPARE(parallel), "LIST",
		"blocks of bursts, too: so many starts at once (1,2,4)"),
	CTR_OPT("density", 0, FLAG, COMPARE(density), NULL, "see how many idle instances fit, too"),
	CTR_OPT("max", 0, STRING, COMPARE(max), "N",
		"with --density: not more than N instances (100; 0: until memory is short)"),
	CTR_OPT("reserve", 0, STRING, COMPARE(reserve), "PERCENT",
		"memory that --density leaves alone (10)"),
	CTR_OPT("idle", 0, STRING, COMPARE(idle), "COMMAND", "what an idle instance runs"),
	CTR_OPT("idle-runs", 0, STRING, COMPARE(idle_runs), "N", "idle instances of each kind (3)"),
	CTR_OPT("settle", 0, STRING, COMPARE(settle), "MS",
		"how long they are left alone before memory is measured (2000)"),
	CTR_OPT("kill", 0, FLAG, COMPARE(kill), NULL,
		"kill the program at its first byte: it does not end by itself"),
	CTR_OPT("cold", 0, FLAG, COMPARE(cold), NULL,
		"empty the page cache before each run (of the whole machine)"),
	CTR_OPT("timeout", 0, STRING, COMPARE(timeout), "SECONDS", "limit of a single step (120)"),
	CTR_OPT("seed", 0, STRING, COMPARE(seed), "N", "for the same order of runs again"),
	CTR_OPT("json", 0, STRING, COMPARE(json), "FILE",
		"write everything (-: instead of the table)"),
	CTR_OPT("csv", 0, STRING, COMPARE(csv), "FILE", "write every run"),
	CTR_OPT("html", 0, STRING, COMPARE(html), "FILE", "write a report with plots"),
	CTR_OPT("quiet", 'q', FLAG, COMPARE(quiet), NULL, "tell nothing of its progress"),
};

static int parse_number(const char *flag, const char *text, uint32_t low, uint32_t high,
			uint32_t *out, struct ctr_error *err)
{
	uint64_t value;

	if (!text)
		return 0;
	if (ctr_parse_u64(text, &value) < 0 || value < low || value > high)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"compare: --%s: '%s' is not a number from %u to %u", flag, text,
				low, high);
	*out = (uint32_t)value;
	return 0;
}

static int parse_numbers(const struct compare_options *given, struct ctr_compare_options *out,
			 struct ctr_error *err)
{
	out->runs = 20;
	out->idle_runs = 3;
	out->max = 100;
	out->timeout_s = 120;
	out->settle_ms = 2000;
	out->reserve_percent = 10;
	if (parse_number("runs", given->runs, 0, 100000, &out->runs, err) < 0 ||
	    parse_number("idle-runs", given->idle_runs, 0, 60, &out->idle_runs, err) < 0 ||
	    parse_number("max", given->max, 0, 1000000, &out->max, err) < 0 ||
	    parse_number("timeout", given->timeout, 1, 86400, &out->timeout_s, err) < 0 ||
	    parse_number("settle", given->settle, 0, 3600000, &out->settle_ms, err) < 0 ||
	    parse_number("reserve", given->reserve, 1, 90, &out->reserve_percent, err) < 0)
		return -1;

	if (!given->seed) {
		if (getrandom(&out->seed, sizeof(out->seed), 0) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "compare: no seed");
		/* One that JSON's readers keep and people can type. */
		out->seed >>= 32;
	} else if (ctr_parse_u64(given->seed, &out->seed) < 0) {
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "compare: --seed: '%s' is no number",
				given->seed);
	}

	return 0;
}

static int parse_kinds(const char *list, struct ctr_compare_options *out, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	const char **kinds = ctr_arena_array(arena, 64, sizeof(*kinds));
	char names[CTR_BACKEND_NAMES];
	size_t n = 0;

	for (const struct ctr_bench_kind *kind = ctr_bench_kinds; !list && kind->name; kind++)
		if (ctr_backend_find(kind->name))
			kinds[n++] = kind->name;
	while (list && n < 64) {
		size_t len = strcspn(list, ",");
		const char *name = ctr_arena_strndup(arena, list, len);

		if (!ctr_bench_kind(name) || !ctr_backend_find(name))
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"compare: --isolation: unknown kind '%s', it is %s", name,
					ctr_backend_names(names));
		for (size_t i = 0; i < n; i++)
			if (strcmp(kinds[i], name) == 0)
				return ctr_fail(err, CTR_FAULT_USAGE, 0,
						"compare: --isolation: '%s' stands there twice",
						name);
		kinds[n++] = name;
		list = list[len] ? list + len + 1 : NULL;
	}

	out->kinds = kinds;
	out->nkinds = n;
	return 0;
}

static int parse_sizes(const char *list, struct ctr_compare_options *out, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	uint32_t *sizes = ctr_arena_array(arena, CTR_PARALLEL_SIZES, sizeof(*sizes));
	size_t n = 0;

	while (list) {
		size_t len = strcspn(list, ",");

		if (n == CTR_PARALLEL_SIZES)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"compare: --parallel: more than %d numbers",
					CTR_PARALLEL_SIZES);
		if (parse_number("parallel", ctr_arena_strndup(arena, list, len), 1, CTR_BURST_MAX,
				 &sizes[n++], err) < 0)
			return -1;
		list = list[len] ? list + len + 1 : NULL;
	}

	out->parallel = sizes;
	out->nparallel = n;
	return 0;
}

/* ---- progress */

static void show_bar(void *data, const char *phase, const char *what, size_t done, size_t all)
{
	char bar[31];
	size_t filled = all > 0 ? done * (sizeof(bar) - 1) / all : 0;

	(void)data;
	for (size_t i = 0; i < sizeof(bar) - 1; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[sizeof(bar) - 1] = '\0';
	(void)fprintf(stderr, "\r\033[K[%s] %zu/%zu %s%s%s", bar, done, all, phase,
		      what ? ": " : "", what ? what : "");
}

/* Where there is no terminal: a line when something else begins. *@data is the latest phase. */
static void show_line(void *data, const char *phase, const char *what, size_t done, size_t all)
{
	const char **latest = data;

	(void)done;
	if (*latest && strcmp(*latest, phase) == 0)
		return;
	*latest = phase;
	if (what)
		(void)fprintf(stderr, "compare: %s (%zu)\n", phase, all);
	else
		(void)fprintf(stderr, "compare: %s\n", phase);
}

static void end_progress(void)
{
	(void)fputs("\r\033[K", stderr);
}

/* ---- what is written */

static int write_report(const struct ctr_report *report, const char *flag, const char *path,
			void (*render)(const struct ctr_report *, struct ctr_buf *),
			struct ctr_arena *arena, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;
	struct ctr_buf buf;
	int r;

	if (!path)
		return 0;
	ctr_buf_init(&buf, arena);
	render(report, &buf);
	if (strcmp(path, "-") == 0)
		return ctr_print(buf.data, buf.len, err);

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : ctr_write_all(fd, buf.data, buf.len);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "compare: --%s: cannot write '%s'", flag,
				path);
	return 0;
}

static bool to_stdout(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

/* What cannot be written should be known before hours of measuring. */
static int check_file(const char *flag, const char *path, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;

	if (!path || to_stdout(path))
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "compare: --%s: cannot write '%s'",
				flag, path);
	return 0;
}

static int write_all(const struct compare_options *given, const struct ctr_report *report,
		     struct ctr_arena *arena, struct ctr_error *err)
{
	bool table_wanted =
		!to_stdout(given->json) && !to_stdout(given->csv) && !to_stdout(given->html);

	if (write_report(report, "json", given->json, ctr_report_json, arena, err) < 0 ||
	    write_report(report, "csv", given->csv, ctr_report_csv, arena, err) < 0 ||
	    write_report(report, "html", given->html, ctr_report_html, arena, err) < 0)
		return -1;
	return table_wanted ? write_report(report, "", "-", ctr_report_text, arena, err) : 0;
}

static int cmd_compare(struct ctr_command *command, struct ctr_error *err)
{
	const struct compare_options *given = command->options;
	struct ctr_arena *arena = command->context->arena;
	struct ctr_compare_options options = { .bundle = command->operands[0],
					       .density = given->density,
					       .kill = given->kill,
					       .cold = given->cold,
					       .version = PACKAGE_VERSION " " CTR_COMMIT };
	const bool is_terminal = isatty(STDERR_FILENO);
	const char *latest = NULL;
	struct ctr_report report;
	int r;

	if (command->noperands > 1)
		options.args = command->operands + 1;
	if (given->idle) {
		options.idle = ctr_words(arena, given->idle);
		if (!options.idle)
			return ctr_fail(err, CTR_FAULT_USAGE, 0, "compare: --idle: no command");
	}
	if (to_stdout(given->json) + to_stdout(given->csv) + to_stdout(given->html) > 1)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"compare: only one report can go to standard output");
	if (parse_numbers(given, &options, err) < 0 ||
	    parse_kinds(given->isolation, &options, arena, err) < 0 ||
	    parse_sizes(given->parallel, &options, arena, err) < 0 ||
	    check_file("json", given->json, err) < 0 || check_file("csv", given->csv, err) < 0 ||
	    check_file("html", given->html, err) < 0)
		return -1;

	options.progress = given->quiet ? NULL : is_terminal ? show_bar : show_line;
	options.progress_data = &latest;
	r = ctr_compare(command->context, &options, &report, err);
	if (options.progress == show_bar)
		end_progress();
	if (r < 0 || write_all(given, &report, arena, err) < 0)
		return -1;

	/* As a shell has it for a program that SIGINT has ended. */
	command->status = report.interrupted ? 130 : 0;
	return 0;
}

const struct ctr_verb ctr_verb_compare = {
	.name = "compare",
	.synopsis = "[flags] BUNDLE [-- CMD...]",
	.summary = "run a bundle in every kind of virtualization, and compare them",
	CTR_VERB_OPTIONS(table, struct compare_options),
	.operands_min = 1,
	.operands_max = CTR_OPERANDS_ANY,
	.plans = true,
	.run = cmd_compare,
};
