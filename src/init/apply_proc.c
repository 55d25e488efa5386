/*
 * Namespaces, labels, limits and filters of the process itself.
 */
#include "init/init.h"

#include <asm/resource.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

enum {
	PROC_ROOT = 1, /* inode of the root of a procfs */
	SIGNALS = 64,
	SET_MASK = 2, /* SIG_SETMASK */
	FIRST_FD = 3,
	NR_OPEN = 1 << 20,
};

/* KEY_POS_ALL, KEY_USR_{VIEW,READ,LINK}: as the kernel makes it; and KEY_USR_SEARCH, so that
 * processes of the container's users find what is in it. */
#define KEYRING_PERM 0x3f1b0000U

/* ---- namespaces */

long op_unshare(struct init *init, const struct ctr_op *op)
{
	(void)init;
	return SYS(unshare, op->arg);
}

long op_setns(struct init *init, const struct ctr_op *op)
{
	int fd = slot_fd(init, op->fd);

	return fd < 0 ? fd : SYS(setns, fd, op->arg);
}

/* Wait for the maker's next byte. Did it say one, or has it ended? Its end of the pipe is ctr's,
 * too: that would stay open. */
static bool hear_maker(const struct init *init, char *byte)
{
	struct sys_pollfd fds[] = {
		{.fd = init->made,   .events = POLLIN_},
		{ .fd = init->maker, .events = POLLIN_},
	};
	long r;

	do
		r = SYS(ppoll, fds, 2, NULL, NULL, 8);
	while (r == -EINTR);
	return r > 0 && (fds[0].revents & POLLIN_) && read_some(init->made, byte, 1) == 1;
}

static void leave_maker(struct init *init)
{
	drop_fd(&init->made);
	drop_fd(&init->maker);
}

/* By setns(2) with a pidfd, which kernels before 5.8 do not have; and whatever went wrong there,
 * the kernel says it once more about namespaces of our own. */
long op_join_maker(struct init *init, const struct ctr_op *op)
{
	const struct ctr_plan_header *plan = init->plan;
	char byte;

	if (plan->maker_fd >= 0) {
		init->made = plan->made_fd;
		init->maker = plan->maker_fd;
		(void)SYS(fcntl, init->made, F_SETFD, FD_CLOEXEC);
		(void)SYS(fcntl, init->maker, F_SETFD, FD_CLOEXEC);
		if (hear_maker(init, &byte) && SYS(setns, init->maker, op->arg) >= 0)
			return 0;
	}
	leave_maker(init);
	return SYS(unshare, op->arg);
}

static long write_proc(struct init *init, const char *path, const char *text)
{
	long r, fd = sys_openat(init->slots[CTR_SLOT_PROC], path, O_WRONLY, 0);
	struct statfs fs;

	if (fd < 0)
		return fd;
	/* A label or an offset must not end up in some other file. */
	r = sys_fstatfs((int)fd, &fs);
	if (r == 0 && fs.f_type != PROC_MAGIC)
		r = -EXDEV;
	if (r == 0)
		r = SYS(write, fd, text, str_length(text));
	(void)sys_close((int)fd);
	return r < 0 ? r : 0;
}

/* timeOffsets need no fork: write them, then enter the namespace meant for children. */
long op_time_offsets(struct init *init, const struct ctr_op *op)
{
	const char *offsets = op_str(init, op->str);
	long r = 0, fd;

	/* While we are not dumpable, our files in /proc belong to the host's root. The kernel does
	 * not take an empty text for "no offsets". */
	(void)sys_prctl(PR_SET_DUMPABLE, 1, 0);
	if (*offsets)
		r = write_proc(init, "self/timens_offsets", offsets);
	(void)sys_prctl(PR_SET_DUMPABLE, 0, 0);
	if (r < 0)
		return r;

	fd = sys_openat(init->slots[CTR_SLOT_PROC], "self/ns/time_for_children", O_RDONLY, 0);
	if (fd < 0)
		return fd;
	r = SYS(setns, fd, CLONE_NEWTIME);
	(void)sys_close((int)fd);
	return r;
}

long op_session(struct init *init, const struct ctr_op *op)
{
	long r = SYS(setsid, 0);

	(void)init;
	(void)op;
	/* We lead one already. */
	if (r == -EPERM && SYS(getsid, 0) == SYS(getpid, 0))
		return 0;
	return r < 0 ? r : 0;
}

/* A kernel or a host without keys for us is no reason to fail. */
long op_keyring(struct init *init, const struct ctr_op *op)
{
	long r = SYS(keyctl, KEYCTL_JOIN_SESSION_KEYRING, op_str(init, op->str));

	if (r >= 0)
		r = SYS(keyctl, KEYCTL_SETPERM, r, KEYRING_PERM);
	if (r == -ENOSYS || r == -EPERM || r == -EACCES || r == -EDQUOT) {
		sync_report(init, CTR_MSG_WARN, r);
		return 0;
	}
	return r;
}

long op_loopback(struct init *init, const struct ctr_op *op)
{
	char up = 0;

	(void)op;
	/* The maker that could not says nothing, or no. */
	if (init->made >= 0) {
		(void)hear_maker(init, &up);
		leave_maker(init);
		if (up)
			return 0;
	}
	return raw_loopback_up();
}

long op_hostname(struct init *init, const struct ctr_op *op)
{
	const char *name = op_str(init, op->str);

	return SYS(sethostname, name, str_length(name));
}

long op_domainname(struct init *init, const struct ctr_op *op)
{
	const char *name = op_str(init, op->str);

	return SYS(setdomainname, name, str_length(name));
}

long op_signals(struct init *init, const struct ctr_op *op)
{
	struct sys_sigaction action = { .handler = NULL };
	uint64_t none = 0;
	long r;

	(void)init;
	for (int i = 0; i < SIGNALS; i++) {
		if (!(op->arg >> i & 1) || i + 1 == SIGKILL || i + 1 == SIGSTOP)
			continue;
		r = SYS(rt_sigaction, i + 1, &action, NULL, sizeof(none));
		if (r < 0)
			return r;
	}
	return SYS(rt_sigprocmask, SET_MASK, &none, NULL, sizeof(none));
}

/* ---- by way of /proc */

/* The root of a procfs, nothing else: labels are written through it (CVE-2019-16884). */
long op_open_proc(struct init *init, const struct ctr_op *op)
{
	long r, fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
	struct statfs fs;
	struct stat st;

	(void)op;
	if (fd < 0)
		return fd;
	r = sys_fstatfs((int)fd, &fs);
	if (r == 0)
		r = sys_fstat((int)fd, &st);
	if (r == 0 && (fs.f_type != PROC_MAGIC || st.st_ino != PROC_ROOT))
		r = -ENODEV;
	if (r < 0) {
		(void)sys_close((int)fd);
		return r;
	}

	drop_fd(&init->slots[CTR_SLOT_PROC]);
	init->slots[CTR_SLOT_PROC] = (int)fd;
	return 0;
}

long op_lsm(struct init *init, const struct ctr_op *op)
{
	const char *end = init_memory.scratch + PATH_BYTES;
	char *at = str_put(init_memory.scratch, end, "thread-self/");

	if (!str_put(at, end, op_str(init, op->str)))
		return -ENAMETOOLONG;
	return write_proc(init, init_memory.scratch, op_str(init, op->str2));
}

/* ---- personality, memory, filter */

long op_personality(struct init *init, const struct ctr_op *op)
{
	long r = SYS(personality, op->arg);

	(void)init;
	return r < 0 ? r : 0;
}

long op_memory_policy(struct init *init, const struct ctr_op *op)
{
	if (op->arg2 == 0)
		return SYS(set_mempolicy, op->arg, NULL, 0);
	/* The kernel takes one bit less than it is told. */
	return SYS(set_mempolicy, op->arg, op_str(init, op->str), op->arg2 + 1);
}

/* The listener gets the lowest free descriptor. The parent must know it before a filter is in force
 * that could keep us from telling. */
static long announce_listener(struct init *init)
{
	long fd = SYS(fcntl, init->sync, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	(void)sys_close((int)fd);
	return sync_send(init, CTR_MSG_LISTENER, (uint32_t)fd, 0, -1);
}

long op_seccomp(struct init *init, const struct ctr_op *op)
{
	struct sock_fprog program = {
		.len = (unsigned short)op->arg,
		.filter = (struct sock_filter *)op_str(init, op->str),
	};
	long r;

	if (op->arg2 & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		r = announce_listener(init);
		if (r < 0)
			return r;
	}
	r = SYS(seccomp, SECCOMP_SET_MODE_FILTER, op->arg2, &program);
	return r < 0 ? r : 0;
}

long op_rlimit(struct init *init, const struct ctr_op *op)
{
	const struct ctr_op_rlimit *limit = (const struct ctr_op_rlimit *)op_str(init, op->str);
	const struct sys_rlimit value = { .cur = limit->soft, .max = limit->hard };

	return SYS(prlimit64, 0, limit->resource, &value, NULL);
}

long op_umask(struct init *init, const struct ctr_op *op)
{
	init->umask = (long)op->arg;
	(void)SYS(umask, op->arg);
	return 0;
}

/* ---- descriptors */

static void close_on_exec(uint64_t fd)
{
	(void)SYS(fcntl, fd, F_SETFD, FD_CLOEXEC);
}

/* Before 5.11 close_range could not set the flag. */
static long close_each(struct init *init, uint64_t first)
{
	char list[512] __attribute__((aligned(8)));
	long n, dir;

	if (init->slots[CTR_SLOT_PROC] < 0)
		(void)op_open_proc(init, NULL);
	dir = sys_openat(init->slots[CTR_SLOT_PROC], "self/fd", O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0) {
		struct sys_rlimit limit = { 0 };

		/* The limit may be a thousand times what fs.nr_open lets anybody have by default.
		 */
		(void)SYS(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
		for (uint64_t fd = first; fd < limit.cur && fd < NR_OPEN; fd++)
			close_on_exec(fd);
		return 0;
	}

	while ((n = SYS(getdents64, dir, list, sizeof(list))) > 0) {
		for (long at = 0; at < n;) {
			struct sys_dirent *entry = (struct sys_dirent *)(list + at);
			uint64_t fd = str_number(entry->name);

			if (entry->name[0] != '.' && fd >= first)
				close_on_exec(fd);
			at += entry->reclen;
		}
	}
	(void)sys_close((int)dir);
	return n;
}

long close_from(struct init *init, uint64_t first)
{
	long r = SYS(close_range, first, ~0U, CLOSE_RANGE_CLOEXEC);

	if (r == -EINVAL || is_missing(r))
		return close_each(init, first);
	return r;
}

/* Whatever the caller left open ends with execve(2); the socket to the parent must live until then.
 */
long op_close_fds(struct init *init, const struct ctr_op *op)
{
	return close_from(init, op->arg < FIRST_FD ? FIRST_FD : op->arg);
}
