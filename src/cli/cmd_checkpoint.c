/* ctr checkpoint and ctr restore. */
#include "base/error.h"
#include "cli/command.h"
#include "core/checkpoint.h"
#include "core/create.h"

struct checkpoint_options {
	struct ctr_criu_flags flags;
	struct ctr_list empty_ns, ip, publish;
	struct ctr_create_options create; /* restore */
};

#define FLAG(name, field, help)                                                                    \
	CTR_OPT(name, 0, FLAG, offsetof(struct checkpoint_options, flags.field), NULL, help)
#define WORD(name, field, value, help)                                                             \
	CTR_OPT(name, 0, STRING, offsetof(struct checkpoint_options, flags.field), value, help)
#define CREATE(name, letter, kind, field, value, help)                                             \
	CTR_OPT(name, letter, kind, offsetof(struct checkpoint_options, create.field), value, help)

/* What both have, in the order in which help lists it. */
#define COMMON                                                                                     \
	WORD("image-path", image_path, "DIR", "directory of the images (default: checkpoint)"),    \
		WORD("work-path", work_path, "DIR",                                                \
		     "where CRIU's log goes (default: there, too)"),                               \
		FLAG("tcp-established", tcp_established, "keep established TCP connections"),      \
		FLAG("tcp-skip-in-flight", tcp_skip_in_flight,                                     \
		     "leave out TCP connections that are about to be made"),                       \
		FLAG("ext-unix-sk", ext_unix_sk, "keep unix sockets connected to the outside"),    \
		FLAG("shell-job", shell_job, "keep a terminal of a session outside"),              \
		FLAG("file-locks", file_locks, "keep file locks"),                                 \
		FLAG("lazy-pages", lazy_pages, "memory follows when it is used"),                  \
		FLAG("link-remap", link_remap, "keep files that were deleted and are open"),       \
		WORD("manage-cgroups-mode", manage_cgroups_mode, "MODE",                           \
		     "soft (default), full, strict, ignore, none or props"),                       \
		CTR_OPT("empty-ns", 0, LIST, offsetof(struct checkpoint_options, empty_ns),        \
			"NAME", "leave the contents of namespace NAME (network) to hooks"),        \
		FLAG("auto-dedup", auto_dedup, "keep each page of memory in one image only")

static const struct ctr_option checkpoint_table[] = {
	COMMON,
	FLAG("leave-running", leave_running, "the container runs on"),
	FLAG("pre-dump", pre_dump, "its memory only, and it runs on"),
	WORD("parent-path", parent_path, "PATH",
	     "images of an earlier --pre-dump, relative to --image-path"),
	WORD("page-server", page_server, "ADDRESS:PORT",
	     "send memory to, or with --lazy-pages offer it at, this address"),
	CTR_OPT("status-fd", 0, U32, offsetof(struct checkpoint_options, flags.status_fd), "N",
		"write a byte to descriptor N when the page server is ready"),
};

static const struct ctr_option restore_table[] = {
	CREATE("bundle", 'b', STRING, bundle, "DIR", "the bundle (default: .)"),
	CREATE("pid-file", 0, STRING, pid_file, "FILE", "write the process id of init to FILE"),
	CREATE("console-socket", 0, STRING, console_socket, "PATH",
	       "unix socket that receives the terminal's master"),
	CREATE("detach", 'd', FLAG, detach, NULL, "leave it running"),
	CREATE("tty", 't', FLAG, tty, NULL, "it has a terminal that run -t had given it"),
	CREATE("keep", 0, FLAG, keep, NULL, "do not delete it when it has ended"),
	CREATE("no-subreaper", 0, FLAG, no_subreaper, NULL, "do not take over orphaned processes"),
	CREATE("preserve-fds", 0, U32, preserve_fds, "N",
	       "descriptors 3 .. N+2 take the place of pipes that were passed on as these"),
	CREATE("no-pivot", 0, FLAG, no_pivot, NULL, "no effect: the root is CRIU's affair"),
	CREATE("no-new-keyring", 0, FLAG, no_new_keyring, NULL,
	       "keep the caller's session keyring"),
	CREATE("net", 0, STRING, network.net, "MODE", "the network, as run makes it"),
	CTR_OPT("ip", 0, LIST, offsetof(struct checkpoint_options, ip), "ADDRESS",
		"its address on a bridge"),
	CTR_OPT("publish", 'p', LIST, offsetof(struct checkpoint_options, publish),
		"[ADDRESS:]HOST:PORT", "a port of the host that leads to it"),
	COMMON,
	FLAG("paused", paused, "leave it paused"),
	FLAG("tcp-close", tcp_close, "TCP connections come back closed"),
	WORD("lsm-profile", lsm_profile, "TYPE:NAME",
	     "apparmor: or selinux: profile instead of its own"),
	WORD("lsm-mount-context", lsm_mount_context, "CONTEXT",
	     "SELinux context of mounts instead of theirs"),
	CTR_OPT("pidfd-socket", 0, STRING, offsetof(struct checkpoint_options, create.pidfd_socket),
		"PATH", "unix socket that receives a pidfd of init"),
};

static int take_flags(struct ctr_criu_flags *flags, const struct checkpoint_options *options,
		      struct ctr_error *err)
{
	*flags = options->flags;
	flags->empty_ns = options->empty_ns.items;
	flags->nempty_ns = options->empty_ns.count;
	/* Without memory that follows later nobody waits for it; other runtimes do not look at it.
	 */
	if (!flags->lazy_pages)
		flags->status_fd = 0;
	return ctr_criu_flags_decode(flags, err);
}

static int cmd_checkpoint(struct ctr_command *command, struct ctr_error *err)
{
	struct ctr_criu_flags flags;

	if (take_flags(&flags, command->options, err) < 0)
		return -1;
	return ctr_checkpoint(command->context, command->operands[0], &flags, err);
}

static int cmd_restore(struct ctr_command *command, struct ctr_error *err)
{
	const struct checkpoint_options *given = command->options;
	struct ctr_create_options options = given->create;
	struct ctr_criu_flags flags;

	if (take_flags(&flags, given, err) < 0)
		return -1;
	options.id = command->operands[0];
	options.network.ip = given->ip.items;
	options.network.nip = given->ip.count;
	options.network.publish = given->publish.items;
	options.network.npublish = given->publish.count;
	options.restore = &flags;
	if (!options.bundle)
		options.bundle = ".";
	return ctr_run(command->context, &options, &command->status, err);
}

const struct ctr_verb ctr_verb_checkpoint = {
	.name = "checkpoint",
	.synopsis = "[flags] ID",
	.summary = "write the state of a running container to files, and delete it",
	CTR_VERB_OPTIONS(checkpoint_table, struct checkpoint_options),
	.operands_min = 1,
	.operands_max = 1,
	.plans = true,
	.run = cmd_checkpoint,
};

const struct ctr_verb ctr_verb_restore = {
	.name = "restore",
	.synopsis = "[flags] ID",
	.summary = "make a container of the files of a checkpoint",
	CTR_VERB_OPTIONS(restore_table, struct checkpoint_options),
	.operands_min = 1,
	.operands_max = 1,
	.failure = 125,
	.run = cmd_restore,
};
