/*
 * ctr: the command line. Global options, then a verb with its own; the only place that prints
 * errors and decides exit statuses.
 */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/names.h"
#include "base/near.h"
#include "base/path.h"
#include "base/strerror.h"
#include "cli/command.h"
#include "cli/commit.h"
#include "oci/words.h"
#include "state/dir.h"

#define NO_STACK "RLIMIT_STACK of the caller is below 128 KiB: too little"

enum { STACK_NEEDED = 128 << 10, STATUS_OWN = 125 };

struct global_options {
	const char *root, *log, *log_format, *log_level, *manager, *rootless;
	bool debug, systemd_cgroup, help, version;
};

#define GLOBAL(field) offsetof(struct global_options, field)

static const struct ctr_option global_table[] = {
	CTR_OPT("root", 0, STRING, GLOBAL(root), "DIR", "where the state of containers is kept"),
	CTR_OPT("log", 0, STRING, GLOBAL(log), "FILE",
		"append messages to FILE (also file:, journald:, syslog:)"),
	CTR_OPT("log-format", 0, STRING, GLOBAL(log_format), "FORMAT", "text (default) or json"),
	CTR_OPT("log-level", 0, STRING, GLOBAL(log_level), "LEVEL",
		"error (default), warning, info or debug"),
	CTR_OPT("debug", 0, FLAG, GLOBAL(debug), NULL, "same as --log-level debug"),
	CTR_OPT("systemd-cgroup", 's', FLAG, GLOBAL(systemd_cgroup), NULL,
		"same as --cgroup-manager systemd"),
	CTR_OPT("cgroup-manager", 0, STRING, GLOBAL(manager), "NAME",
		"cgroupfs (default), systemd or disabled"),
	CTR_OPT("rootless", 0, STRING, GLOBAL(rootless), "WHEN", "auto (default), true or false"),
	CTR_OPT("criu", 0, IGNORED_VALUE, 0, NULL, NULL),
	CTR_OPT("help", 'h', FLAG, GLOBAL(help), NULL, "this text"),
	CTR_OPT("version", 'v', FLAG, GLOBAL(version), NULL, "the version"),
};

static const struct ctr_verb *const verbs[] = {
	&ctr_verb_run,        &ctr_verb_create,  &ctr_verb_start,    &ctr_verb_exec,
	&ctr_verb_kill,       &ctr_verb_delete,  &ctr_verb_state,    &ctr_verb_list,
	&ctr_verb_ps,         &ctr_verb_pause,   &ctr_verb_resume,   &ctr_verb_update,
	&ctr_verb_checkpoint, &ctr_verb_restore, &ctr_verb_events,   &ctr_verb_spec,
	&ctr_verb_explain,    &ctr_verb_lint,    &ctr_verb_features, &ctr_verb_compare,
};

/* Pages cost more than anything at start-up: the first of the arena are static. */
static char arena_memory[32 << 10] __attribute__((aligned(4096)));

static void print_version(const char *name)
{
	const struct scmp_version *seccomp = seccomp_version();

	printf("%s version %s\ncommit: %s\nspec: %s\n", name, PACKAGE_VERSION, CTR_COMMIT,
	       CTR_OCI_VERSION);
	printf("%s%s+SECCOMP +CAP +SELINUX +APPARMOR +EBPF +YAJL\n",
	       CTR_WITH_SYSTEMD ? "+SYSTEMD " : "", CTR_WITH_CRIU ? "+CRIU " : "");
	printf("libseccomp: %u.%u.%u\nlibc: %s\n", seccomp->major, seccomp->minor, seccomp->micro,
	       CTR_LIBC);
}

static void print_help(const char *name)
{
	printf("Usage: %s [global flags] VERB [flags] [arguments]\n\n"
	       "Run OCI bundles: a directory with config.json and a root file system.\n"
	       "  %s spec; %s run .       make a default config.json, run it\n\nVerbs:\n",
	       name, name, name);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(verbs); i++)
		printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("  %-10s %s\n  %-10s %s\n\nGlobal flags:\n", "version", "the version", "help",
	       "this text, or that of a verb");
	ctr_options_print(global_table, CTR_ARRAY_SIZE(global_table));
}

static void print_verb_help(const char *name, const struct ctr_verb *verb)
{
	printf("Usage: %s %s%s%s\n\n%s\n", name, verb->name, *verb->synopsis ? " " : "",
	       verb->synopsis, verb->summary);
	if (verb->noptions > 0)
		printf("\nFlags:\n");
	ctr_options_print(verb->options, verb->noptions);
}

static const struct ctr_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];

	return NULL;
}

static int unknown_verb(const char *name, struct ctr_error *err)
{
	/* What engines call theirs. */
	static const char *const others[][2] = {
		{"rm",       "delete"},
		{ "ls",      "list"  },
		{ "stop",    "kill"  },
		{ "inspect", "state" },
	};
	struct ctr_near near;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(others); i++)
		if (strcmp(name, others[i][0]) == 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"unknown command '%s', did you mean '%s'?", name,
					others[i][1]);

	ctr_near_init(&near, name, strlen(name));
	for (size_t i = 0; i < CTR_ARRAY_SIZE(verbs); i++)
		ctr_near_try(&near, verbs[i]->name);
	return ctr_fail(err, CTR_FAULT_USAGE, 0, "unknown command '%s'%s", name,
			ctr_near_hint(&near));
}

static int parse_level(const struct global_options *options, enum ctr_log_level *out,
		       struct ctr_error *err)
{
	*out = options->debug ? CTR_LOG_DEBUG : CTR_LOG_ERROR;
	if (!options->log_level || ctr_log_level_parse(options->log_level, out) == 0)
		return 0;

	return ctr_fail(err, CTR_FAULT_USAGE, 0,
			"--log-level: '%s' is not error, warning, info or debug",
			options->log_level);
}

static int set_up_log(const struct global_options *options, struct ctr_error *err)
{
	enum ctr_log_format format = CTR_LOG_TEXT;
	enum ctr_log_level level;

	if (parse_level(options, &level, err) < 0)
		return -1;

	if (options->log_format && strcmp(options->log_format, "json") == 0)
		format = CTR_LOG_JSON;
	else if (options->log_format && strcmp(options->log_format, "text") != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--log-format: '%s' is not text or json",
				options->log_format);

	return ctr_log_setup(options->log, format, level, err);
}

static int set_manager(struct ctr_context *context, const struct global_options *options,
		       struct ctr_error *err)
{
	const char *name = options->manager;

	context->manager = options->systemd_cgroup ? CTR_MANAGER_SYSTEMD : CTR_MANAGER_CGROUPFS;
	if (!name)
		return 0;

	if (strcmp(name, "cgroupfs") == 0)
		context->manager = CTR_MANAGER_CGROUPFS;
	else if (strcmp(name, "systemd") == 0)
		context->manager = CTR_MANAGER_SYSTEMD;
	else if (strcmp(name, "disabled") == 0)
		context->manager = CTR_MANAGER_DISABLED;
	else
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--cgroup-manager: '%s' is not cgroupfs, systemd or disabled",
				name);
	return 0;
}

static int set_rootless(struct ctr_context *context, const struct global_options *options,
			struct ctr_error *err)
{
	const char *when = options->rootless;

	if (!when || strcmp(when, "auto") == 0)
		return 0;

	if (strcmp(when, "true") != 0 && strcmp(when, "false") != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--rootless: '%s' is not auto, true or false", when);
	context->host.rootless = when[0] == 't';
	return 0;
}

static int set_root(struct ctr_context *context, const struct global_options *options,
		    struct ctr_error *err)
{
	char cwd[4096];

	context->root_given = options->root != NULL;
	if (!options->root) {
		context->root = ctr_state_default_root(context->arena, &context->host);
		return 0;
	}

	if (options->root[0] == '\0')
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--root: empty path");
	context->root = options->root;
	if (options->root[0] == '/')
		return 0;

	if (!getcwd(cwd, sizeof(cwd)))
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"--root: cannot find the working directory");
	context->root = ctr_path_join(context->arena, cwd, options->root);
	return 0;
}

/* Behind an unknown flag: what it may have been meant to be, and where to stand. @verb is NULL
 * before one; @first is the first operand, if there was one. */
static int fail_flag(const struct ctr_context *context, const struct ctr_verb *verb,
		     const char *first, struct ctr_error *err)
{
	struct ctr_error given = *err;
	const char *flag = given.text + strlen(CTR_UNKNOWN_FLAG);
	struct ctr_near near;

	if (strncmp(given.text, CTR_UNKNOWN_FLAG, strlen(CTR_UNKNOWN_FLAG)) != 0)
		return -1;
	/* Of kill(1): the signal is no flag here. */
	if (verb == &ctr_verb_kill && (strcmp(flag, "-s") == 0 || strcmp(flag, "--signal") == 0 ||
				       ctr_signal_parse(flag + 1) >= 0))
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "%s (the signal stands behind the id: %s)",
				given.text, verb->synopsis);
	if (verb && ctr_options_have(global_table, CTR_ARRAY_SIZE(global_table), flag))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"%s (it stands before the verb: %s %s ... %s)", given.text,
				context->name, flag, verb->name);

	ctr_near_init(&near, flag, strncmp(flag, "--", 2) == 0 ? strlen(flag) : 0);
	if (verb)
		ctr_options_near(verb->options, verb->noptions, &near, context->arena);
	else
		ctr_options_near(global_table, CTR_ARRAY_SIZE(global_table), &near, context->arena);
	if (near.best)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "%s%s", given.text, ctr_near_hint(&near));
	for (size_t i = 0; !verb && i < CTR_ARRAY_SIZE(verbs); i++)
		if (ctr_options_have(verbs[i]->options, verbs[i]->noptions, flag))
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"%s (flags of a verb stand behind it: %s VERB %s)",
					given.text, context->name, flag);
	if (verb && first && first[0] != '-' && strstr(verb->synopsis, "-- CMD"))
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "%s (flags of a command stand behind --)",
				given.text);
	return -1;
}

static int run_verb(struct ctr_context *context, const struct ctr_verb *verb, const char **argv,
		    int *status, const char **hint, struct ctr_error *err)
{
	char options[CTR_OPTIONS_SIZE_MAX] __attribute__((aligned(16))) = { 0 };
	struct ctr_command command = { .context = context, .options = options };

	if (ctr_options_parse(verb->options, verb->noptions, options, argv, verb->max_operands,
			      &command.operands, &command.noperands, context->arena, err) < 0)
		return fail_flag(context, verb, argv[0], err);

	/* One "--" behind the last operand that is ours is skipped. */
	if (verb->max_operands > 0 && command.noperands > verb->max_operands &&
	    strcmp(command.operands[verb->max_operands], "--") == 0) {
		memmove(&command.operands[verb->max_operands],
			&command.operands[verb->max_operands + 1],
			(command.noperands - verb->max_operands) * sizeof(*command.operands));
		command.noperands--;
	}
	if (command.noperands < verb->operands_min)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "%s: %s (usage: %s %s %s)", verb->name,
				command.noperands > 0 ? "not enough arguments"
				: strstr(verb->synopsis, " BUNDLE")
					? "which bundle?"
					: "container id cannot be empty",
				context->name, verb->name, verb->synopsis);
	if (command.noperands > verb->operands_max)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"%s: unexpected argument '%s' (usage: %s %s%s%s)", verb->name,
				command.operands[verb->operands_max], context->name, verb->name,
				*verb->synopsis ? " " : "", verb->synopsis);

	if (verb->run(&command, err) < 0) {
		*hint = err->fault == CTR_FAULT_CONFIG ? command.bundle : NULL;
		return -1;
	}
	*status = command.status;
	return 0;
}

/* `VERB --help` and `help VERB` end well, whatever else stands there: Podman and CRI-O find out by
 * it what a runtime can do. */
static bool wants_help(const struct ctr_verb *verb, const char **argv)
{
	for (size_t i = 0; argv[i] && (verb->max_operands == 0 || argv[i][0] == '-'); i++) {
		if (strcmp(argv[i], "--") == 0)
			return false;
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}

	return false;
}

/* The exit status of an error: 125, 126 and 127 where the payload's own would stand (run). */
static int status_of(const struct ctr_verb *verb, const struct ctr_error *err)
{
	if (verb && verb->failure == STATUS_OWN && err->fault == CTR_FAULT_EXEC)
		return 126;
	if (verb && verb->failure == STATUS_OWN && err->fault == CTR_FAULT_EXEC_ABSENT)
		return 127;

	return verb && verb->failure ? verb->failure : 1;
}

static int fail(const struct ctr_verb *verb, const struct ctr_error *err)
{
	/* What was printed before it comes before it, also where both go to one file. */
	(void)fflush(stdout);
	ctr_log_error(err);
	return status_of(verb, err);
}

/* `help`, `version` and their like, which need nothing of the host. -1: it is something else. */
static int run_simple(const struct ctr_context *context, const struct global_options *options,
		      const char **operands)
{
	const struct ctr_verb *verb;
	struct ctr_error err;

	if (options->version || (operands[0] && strcmp(operands[0], "version") == 0)) {
		print_version(context->name);
		return 0;
	}
	if (options->help || !operands[0] || strcmp(operands[0], "help") == 0) {
		verb = operands[0] && operands[1] ? find_verb(operands[1]) : NULL;
		if (!verb && operands[0] && operands[1] && strcmp(operands[1], "help") != 0 &&
		    strcmp(operands[1], "version") != 0) {
			unknown_verb(operands[1], &err);
			return fail(NULL, &err);
		}
		if (verb)
			print_verb_help(context->name, verb);
		else
			print_help(context->name);
		return options->help || operands[0] ? 0 : 1;
	}

	return -1;
}

/* For a person: engines read the standard error stream. */
static void print_hint(const struct ctr_context *context, const char *bundle)
{
	if (bundle && isatty(STDERR_FILENO))
		fprintf(stderr, "try `%s lint %s`, which lists all that is wrong with it\n",
			context->name, bundle);
}

enum stack {
	STACK_ENOUGH,
	STACK_LENT, /* too little for work, enough by now to say so in the log */
	STACK_NONE,
};

static int run(struct ctr_context *context, const char **argv, enum stack stack)
{
	const char *hint = NULL;
	struct global_options options = { 0 };
	const struct ctr_verb *verb = NULL;
	struct ctr_error err = { 0 };
	const char **operands;
	size_t noperands;
	int status;

	/* -V is crun's spelling of --version. */
	if (argv[0] && strcmp(argv[0], "-V") == 0)
		argv[0] = "--version";
	if (ctr_options_parse(global_table, CTR_ARRAY_SIZE(global_table), &options, argv, 1,
			      &operands, &noperands, context->arena, &err) < 0) {
		(void)fail_flag(context, NULL, NULL, &err);
		return fail(NULL, &err);
	}
	if (set_up_log(&options, &err) < 0)
		return fail(NULL, &err);
	if (stack == STACK_LENT) {
		ctr_log(CTR_LOG_ERROR, NO_STACK);
		return STATUS_OWN;
	}

	status = run_simple(context, &options, operands);
	if (status >= 0)
		return status;

	verb = find_verb(operands[0]);
	if (!verb) {
		unknown_verb(operands[0], &err);
		return fail(NULL, &err);
	}
	if (wants_help(verb, operands + 1)) {
		print_verb_help(context->name, verb);
		return 0;
	}

	ctr_host_identify(&context->host);
	if (set_rootless(context, &options, &err) < 0)
		return fail(verb, &err);
	if (verb->plans)
		ctr_host_complete(&context->host, CTR_HOST_ALL, context->arena);
	if (set_manager(context, &options, &err) < 0 || set_root(context, &options, &err) < 0 ||
	    run_verb(context, verb, operands + 1, &status, &hint, &err) < 0) {
		status = fail(verb, &err);
		print_hint(context, hint);
		return status;
	}

	return status;
}

/* Of a program that is set-user-ID everything is the caller's to choose: bundle, hooks, PATH. */
static bool is_set_id(void)
{
	return getuid() != geteuid() || getgid() != getegid();
}

/* What a caller may have set that nothing could be done with. */
static void loosen_bonds(void)
{
	struct rlimit files;
	mode_t mask;

	/* Children would leave no status, and nobody would be told of their end. */
	(void)signal(SIGCHLD, SIG_DFL);
	/* A file that must not grow is an error with a name, not the end of us. */
	if (getrlimit(RLIMIT_FSIZE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
		(void)signal(SIGXFSZ, SIG_IGN);
	/* What we make must be ours to use. */
	mask = umask(S_IRWXG | S_IRWXO);
	(void)umask(mask & ~(mode_t)S_IRWXU);
}

/* Whatever is done with less may end in the middle of it, by SIGSEGV. */
static enum stack check_stack(void)
{
	struct rlimit stack;

	if (getrlimit(RLIMIT_STACK, &stack) < 0 || stack.rlim_cur >= STACK_NEEDED)
		return STACK_ENOUGH;
	if (stack.rlim_max < STACK_NEEDED)
		return STACK_NONE;
	/* The kernel looks at the limit when the stack grows. */
	stack.rlim_cur = STACK_NEEDED;
	return setrlimit(RLIMIT_STACK, &stack) == 0 ? STACK_LENT : STACK_NONE;
}

/* Without the log, whose records are made on the stack. */
static void tell_of_stack(void)
{
	static const char text[] = "ctr: " NO_STACK "\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}

int main(int argc, char **argv)
{
	struct ctr_arena arena;
	struct ctr_context context = { .arena = &arena, .name = "ctr" };
	struct ctr_error err;
	const enum stack stack = check_stack();
	const char *slash;
	int status, r;

	if (stack == STACK_NONE) {
		tell_of_stack();
		return STATUS_OWN;
	}
	r = ctr_fd_sanitize_std();
	if (r < 0) {
		ctr_log(CTR_LOG_ERROR, "cannot open '/dev/null' for a closed standard stream: %s",
			ctr_strerror(-r));
		return STATUS_OWN;
	}
	if (is_set_id()) {
		ctr_log(CTR_LOG_ERROR, "it must not be a set-user-ID or set-group-ID program: "
				       "whoever may run it could do anything");
		return STATUS_OWN;
	}
	loosen_bonds();

	/* Linux since 5.18 sees to it that there is an argv[0]. */
	if (argc < 1)
		return STATUS_OWN;

	slash = strrchr(argv[0], '/');
	if (argv[0][0])
		context.name = slash ? slash + 1 : argv[0];
	ctr_log_name(context.name);
	ctr_arena_init(&arena, arena_memory, sizeof(arena_memory));
	status = run(&context, (const char **)argv + 1, stack);
	if (ctr_print_end(&err) < 0 && status == 0)
		status = fail(NULL, &err);
	/* The arena goes with the process. */
	return status;
}
