/* ctr exec. */
#include "base/error.h"
#include "cli/command.h"
#include "core/detach.h"
#include "core/exec.h"

struct exec_options {
	struct ctr_exec_options core;
	struct ctr_list env, gids, caps;
};

#define EXEC(field) offsetof(struct exec_options, core.field)
#define LIST(field) offsetof(struct exec_options, field)

static const struct ctr_option table[] = {
	CTR_OPT("cwd", 0, STRING, EXEC(cwd), "DIR", "working directory in the container"),
	CTR_OPT("env", 'e', LIST, LIST(env), "NAME[=VALUE]",
		"add to the environment (no VALUE: the caller's)"),
	CTR_OPT("tty", 't', FLAG, EXEC(tty), NULL, "allocate a terminal"),
	CTR_OPT("interactive", 'i', IGNORED_FLAG, 0, NULL, NULL),
	CTR_OPT("detach-keys", 0, STRING, EXEC(detach_keys), "KEYS",
		"leave it running when these are typed: ctrl-p,ctrl-q"),
	CTR_OPT("user", 'u', STRING, EXEC(user), "USER[:GROUP]",
		"run as this user: numbers, or names that the container knows"),
	CTR_OPT("additional-gids", 'g', LIST, LIST(gids), "GID", "additional group"),
	CTR_OPT("process", 'p', STRING, EXEC(process_file), "FILE",
		"process document instead of a command"),
	CTR_OPT("detach", 'd', FLAG, EXEC(detach), NULL, "do not wait for its end"),
	CTR_OPT("pid-file", 0, STRING, EXEC(pid_file), "FILE", "write the process id to FILE"),
	CTR_OPT("process-label", 0, STRING, EXEC(selinux_label), "LABEL", "SELinux label"),
	CTR_OPT("apparmor", 0, STRING, EXEC(apparmor_profile), "NAME", "AppArmor profile"),
	CTR_OPT("no-new-privs", 0, FLAG, EXEC(no_new_privs), NULL, "set no_new_privs"),
	CTR_OPT("cap", 'c', LIST, LIST(caps), "CAP", "add a capability"),
	CTR_OPT("preserve-fds", 0, U32, EXEC(preserve_fds), "N",
		"pass N more file descriptors, from 3 on"),
	CTR_OPT("cgroup", 0, STRING, EXEC(cgroup), "PATH", "sub-cgroup to run in"),
	CTR_OPT("ignore-paused", 0, FLAG, EXEC(ignore_paused), NULL, "also in a paused container"),
	CTR_OPT("console-socket", 0, STRING, EXEC(console_socket), "PATH",
		"unix socket that receives the terminal's master"),
	CTR_OPT("pidfd-socket", 0, STRING, EXEC(pidfd_socket), "PATH",
		"unix socket that receives a pidfd of the process"),
};

static int cmd_exec(struct ctr_command *command, struct ctr_error *err)
{
	const struct exec_options *given = command->options;
	struct ctr_exec_options options = given->core;
	struct ctr_detach keys;

	if (options.process_file && command->noperands > 1)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"exec: --process has the command, '%s' is one too many",
				command->operands[1]);

	options.id = command->operands[0];
	options.args = command->operands + 1;
	options.nargs = command->noperands - 1;
	options.env = given->env.items;
	options.nenv = given->env.count;
	options.additional_gids = given->gids.items;
	options.nadditional_gids = given->gids.count;
	options.caps = given->caps.items;
	options.ncaps = given->caps.count;

	if (ctr_detach_parse(&keys, options.detach_keys, err) < 0)
		return -1;

	if (ctr_exec(command->context, &options, &command->status, err) < 0)
		return ctr_fail_within(err, "exec failed");
	ctr_print_detached(command, options.id);
	return 0;
}

const struct ctr_verb ctr_verb_exec = {
	.name = "exec",
	.synopsis = "[flags] ID CMD... | -p FILE ID",
	.summary = "run one more process in a container",
	CTR_VERB_OPTIONS(table, struct exec_options),
	.max_operands = 1,
	.operands_min = 1,
	.operands_max = CTR_OPERANDS_ANY,
	.failure = 255,
	.run = cmd_exec,
};
