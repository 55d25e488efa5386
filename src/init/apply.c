/*
 * The loop over the plan's operations. One that fails ends the process, unless it is optional: then
 * the parent gets a warning.
 */
#include "init/init.h"

_Noreturn void apply(struct init *init);

const char *op_str(const struct init *init, uint32_t offset)
{
	return ctr_view_str(init->plan, offset);
}

int slot_fd(const struct init *init, int16_t slot)
{
	if (slot < 0 || slot >= CTR_SLOT_COUNT || init->slots[slot] < 0)
		return -EBADF;
	return init->slots[slot];
}

long fail_at(struct init *init, enum ctr_fail_detail detail, long error)
{
	init->detail = detail;
	return error;
}

void report_text(struct init *init, const char *text)
{
	init->text = text;
	init->text_length = str_length(text);
}

int root_fd(struct init *init)
{
	int *root = &init->slots[CTR_SLOT_ROOT];

	/* A process that joined a container is in its root. */
	if (*root < 0)
		*root = (int)sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return *root;
}

static long run(struct init *init, const struct ctr_op *op)
{
	switch (op->kind) {
	case CTR_OP_UNSHARE:
		return op_unshare(init, op);
	case CTR_OP_SETNS:
		return op_setns(init, op);
	case CTR_OP_JOIN_MAKER:
		return op_join_maker(init, op);
	case CTR_OP_TIME_OFFSETS:
		return op_time_offsets(init, op);
	case CTR_OP_SESSION:
		return op_session(init, op);
	case CTR_OP_KEYRING:
		return op_keyring(init, op);
	case CTR_OP_LOOPBACK:
		return op_loopback(init, op);
	case CTR_OP_HOSTNAME:
		return op_hostname(init, op);
	case CTR_OP_DOMAINNAME:
		return op_domainname(init, op);
	case CTR_OP_SIGNALS:
		return op_signals(init, op);
	case CTR_OP_OPEN_PROC:
		return op_open_proc(init, op);
	case CTR_OP_PROPAGATION:
		return op_propagation(init, op);
	case CTR_OP_ROOTFS:
		return op_rootfs(init, op);
	case CTR_OP_WANT_FDS:
		return op_want_fds(init, op);
	case CTR_OP_MOUNT:
		return op_mount(init, op);
	case CTR_OP_BIND:
		return op_bind(init, op);
	case CTR_OP_REMOUNT:
		return op_remount(init, op);
	case CTR_OP_MOUNT_ATTR:
		return op_mount_attr(init, op);
	case CTR_OP_MOUNT_PROPAGATION:
		return op_mount_propagation(init, op);
	case CTR_OP_CGROUP_BIND:
		return op_cgroup_bind(init, op);
	case CTR_OP_DEVICE:
		return op_device(init, op);
	case CTR_OP_SYMLINK:
		return op_symlink(init, op);
	case CTR_OP_PIVOT:
		return op_pivot(init, op);
	case CTR_OP_ROOT_READONLY:
		return op_root_readonly(init, op);
	case CTR_OP_ROOT_PROPAGATION:
		return op_root_propagation(init, op);
	case CTR_OP_MASK:
		return op_mask(init, op);
	case CTR_OP_READONLY:
		return op_readonly(init, op);
	case CTR_OP_SYSCTL:
		return op_sysctl(init, op);
	case CTR_OP_PTY:
		return op_pty(init, op);
	case CTR_OP_STDIO_OWNER:
		return op_stdio_owner(init, op);
	case CTR_OP_LSM:
		return op_lsm(init, op);
	case CTR_OP_PERSONALITY:
		return op_personality(init, op);
	case CTR_OP_MEMORY_POLICY:
		return op_memory_policy(init, op);
	case CTR_OP_BOUNDING:
		return op_bounding(init, op);
	case CTR_OP_SECCOMP:
		return op_seccomp(init, op);
	case CTR_OP_GROUPS:
		return op_groups(init, op);
	case CTR_OP_IDS:
		return op_ids(init, op);
	case CTR_OP_CAPS:
		return op_caps(init, op);
	case CTR_OP_AMBIENT:
		return op_ambient(init, op);
	case CTR_OP_NO_NEW_PRIVS:
		return op_no_new_privs(init, op);
	case CTR_OP_UMASK:
		return op_umask(init, op);
	case CTR_OP_CHDIR:
		return op_chdir(init, op);
	case CTR_OP_DIRECTORY:
		return op_directory(init, op);
	case CTR_OP_CHECK_CWD:
		return op_check_cwd(init, op);
	case CTR_OP_ENV:
		return op_env(init, op);
	case CTR_OP_HOME:
		return op_home(init, op);
	case CTR_OP_ARGS:
		return op_args(init, op);
	case CTR_OP_FIND_EXEC:
		return op_find_exec(init, op);
	case CTR_OP_HOOK:
		return op_hook(init, op);
	case CTR_OP_CLOSE_FDS:
		return op_close_fds(init, op);
	case CTR_OP_RLIMIT:
		return op_rlimit(init, op);
	case CTR_OP_EXEC:
		return op_exec(init, op);
	case CTR_OP_SEND:
		return op_send(init, op);
	case CTR_OP_RECV:
		return op_recv(init, op);
	case CTR_OP_GATE:
		return op_gate(init, op);
	default:
		return -EINVAL;
	}
}

/* Does @op make a node? Then the directory it is made in is kept for the next one. */
static bool makes_node(const struct ctr_op *op)
{
	return op->kind == CTR_OP_DEVICE || op->kind == CTR_OP_SYMLINK;
}

void apply(struct init *init)
{
	const struct ctr_op *ops = ctr_view_ops(init->plan);
	long r;

	for (init->index = 0; init->index < init->plan->nops; init->index++) {
		init->op = &ops[init->index];
		init->detail = init->value = 0;
		init->text_length = 0;
		if (init->dir >= 0 && !makes_node(init->op))
			drop_fd(&init->dir);

		r = run(init, init->op);
		if (r >= 0)
			continue;
		if (!(init->op->flags & CTR_OPF_OPTIONAL)) {
			sync_report(init, CTR_MSG_FAIL, r);
			sys_exit(1);
		}
		sync_report(init, CTR_MSG_WARN, r);
	}

	/* A plan without a payload. */
	sys_exit(0);
}
