/* src/init: namespaces, ids, capabilities, filters, labels, the terminal. */
#include "init_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { NEW = CLONE_NEWNS | CLONE_NEWPID };

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define EMPTY     ((const char *const[]){ NULL })

static const struct variant variants[] = {
	{NULL, 0, { 0 }},
};

/* ---- namespaces */

static void test_names(void **state)
{
	struct harness *h = *state;

	add_op(h, CTR_OP_UNSHARE)->arg =
		CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
	add_str(h, CTR_OP_HOSTNAME, "box", 0);
	add_str(h, CTR_OP_DOMAINNAME, "example.org", 0);
	add_op(h, CTR_OP_LOOPBACK);
	add_payload(h,
		    LIST("/bin/sh", "-c",
			 "cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname >out; "
			 "cat /proc/net/if_inet6 >>out"),
		    LIST("PATH=/usr/bin:/bin"));
	start_init(h, 0);
	expect_message(h, CTR_MSG_CREATED);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	assert_int_equal(await_exit(h), 0);
	assert_int_equal(strncmp(read_text("out"), "box\nexample.org\n", 16), 0);
	/* an address of lo shows that it is up */
	if (access("/proc/net/if_inet6", F_OK) == 0)
		assert_non_null(strstr(read_text("out"), "lo\n"));
}

static void test_setns(void **state)
{
	struct harness *h = *state;
	struct ctr_op *op;
	char mine[64], got[64], path[64];
	int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	op = add_op(h, CTR_OP_WANT_FDS);
	op->arg2 = 1;
	op = add_op(h, CTR_OP_SETNS);
	op->fd = CTR_SLOT_FIRST;
	op->arg = CLONE_NEWUTS;
	add_stop(h);
	start_init(h, CLONE_NEWUTS);
	expect_message(h, CTR_MSG_WANT_FDS);
	send_message(h, CTR_MSG_FDS, &fd, 1);
	close(fd);
	expect_message(h, CTR_MSG_CREATED);
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", h->pid);
	assert_true(readlink("/proc/self/ns/uts", mine, sizeof(mine)) > 0);
	assert_true(readlink(path, got, sizeof(got)) > 0);
	assert_memory_equal(mine, got, 16);
}

static void test_setns_of_another_type(void **state)
{
	struct harness *h = *state;
	struct ctr_op *op;
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	ctr_plan_origin(&h->plan, "linux.namespaces[2].path");
	op = add_op(h, CTR_OP_WANT_FDS);
	op->arg2 = 1;
	op = add_op(h, CTR_OP_SETNS);
	op->fd = CTR_SLOT_FIRST;
	op->arg = CLONE_NEWUTS;
	start_init(h, 0);
	expect_message(h, CTR_MSG_WANT_FDS);
	send_message(h, CTR_MSG_FDS, &fd, 1);
	close(fd);
	expect_fail(h, "linux.namespaces[2].path: cannot join the namespace: Invalid argument");
}

/* Make UTS namespaces as the parent's helper does, unless @fails; its process id. */
enum maker { MAKER_WORKS, MAKER_FAILS, MAKER_DIES };

/* Its end of the pipe stays open in @tell, as it does in ctr. */
static pid_t start_maker(struct harness *h, enum maker kind, int *tell)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct pollfd readers = { .fd = ends[1] };

		close(ends[0]);
		if (kind == MAKER_FAILS || unshare(CLONE_NEWUTS) < 0 ||
		    sethostname("made", 4) < 0 || write(ends[1], "", 1) != 1)
			_exit(1);
		if (kind == MAKER_DIES) {
			(void)usleep(300000); /* until it was joined */
			_exit(1);
		}
		if (write(ends[1], "\1", 1) != 1)
			_exit(1);
		(void)poll(&readers, 1, -1);
		_exit(0);
	}
	h->maker = (int)syscall(SYS_pidfd_open, pid, 0);
	h->made = ends[0];
	assert_true(h->maker >= 0);
	*tell = ends[1];
	return pid;
}

static void run_joiner(struct harness *h)
{
	add_op(h, CTR_OP_JOIN_MAKER)->arg = CLONE_NEWUTS;
	add_op(h, CTR_OP_LOOPBACK);
	add_payload(h,
		    LIST("/bin/sh", "-c",
			 "cat /proc/sys/kernel/hostname >out; readlink /proc/self/ns/uts >>out; "
			 "ls -l /proc/self/fd | grep -v ' [012] -> ' >fds"),
		    LIST("PATH=/usr/bin:/bin"));
	start_init(h, 0);
	expect_message(h, CTR_MSG_CREATED);
}

static void finish_joiner(struct harness *h)
{
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	assert_int_equal(await_exit(h), 0);
	assert_null(strstr(read_text("fds"), "pipe:"));
	assert_null(strstr(read_text("fds"), "pidfd"));
}

static void test_join_maker(void **state)
{
	struct harness *h = *state;
	int status, tell;
	pid_t maker = start_maker(h, MAKER_WORKS, &tell);

	run_joiner(h);
	/* It ends when ctr-init has joined and nobody else reads. */
	close(tell);
	close(h->made);
	h->made = -1;
	assert_int_equal(waitpid(maker, &status, 0), maker);
	assert_int_equal(status, 0);
	finish_joiner(h);
	assert_int_equal(strncmp(read_text("out"), "made\n", 5), 0);
}

/* What ctr-init made itself is none of ours, nor a maker's. */
static void check_own(struct harness *h)
{
	char mine[64] = "";

	finish_joiner(h);
	assert_true(readlink("/proc/self/ns/uts", mine, sizeof(mine) - 1) > 0);
	assert_non_null(strstr(read_text("out"), "uts:["));
	assert_null(strstr(read_text("out"), mine));
	assert_int_not_equal(strncmp(read_text("out"), "made\n", 5), 0);
}

static void test_join_failed_maker(void **state)
{
	struct harness *h = *state;
	int tell;
	pid_t maker = start_maker(h, MAKER_FAILS, &tell);

	run_joiner(h);
	assert_int_equal(waitpid(maker, NULL, 0), maker);
	check_own(h);
	close(tell);
}

static void test_join_dying_maker(void **state)
{
	struct harness *h = *state;
	int tell;
	pid_t maker = start_maker(h, MAKER_DIES, &tell);

	run_joiner(h);
	finish_joiner(h);
	assert_int_equal(waitpid(maker, NULL, 0), maker);
	close(tell);
}

static void test_join_no_maker(void **state)
{
	run_joiner(*state);
	check_own(*state);
}

static void test_join_maker_refused(void **state)
{
	struct harness *h = *state;

	add_op(h, CTR_OP_JOIN_MAKER)->arg = 1;
	start_init(h, 0);
	expect_fail(h, "cannot create namespaces: Invalid argument");
}

/* Fewer descriptors than were asked for. */
static void test_missing_descriptors(void **state)
{
	struct harness *h = *state;
	int fd = open("/", O_PATH | O_CLOEXEC);

	add_op(h, CTR_OP_WANT_FDS)->arg2 = 2;
	start_init(h, 0);
	expect_message(h, CTR_MSG_WANT_FDS);
	send_message(h, CTR_MSG_FDS, &fd, 1);
	close(fd);
	expect_fail(h, "cannot receive descriptors: Bad message");
}

static void time_offsets(struct harness *h, int flags)
{
	add_op(h, CTR_OP_OPEN_PROC);
	add_op(h, CTR_OP_UNSHARE)->arg = 0x80; /* CLONE_NEWTIME */
	add_str(h, CTR_OP_TIME_OFFSETS, "monotonic 1000000 5\nboottime 2000000 0\n", 0);
	add_payload(h, LIST("/bin/sh", "-c", "cut -d. -f1 /proc/uptime >out"),
		    LIST("PATH=/usr/bin:/bin"));
	start_init(h, flags);
	expect_message(h, CTR_MSG_CREATED);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	assert_int_equal(await_exit(h), 0);
	assert_true(atol(read_text("out")) >= 2000000);
}

static void test_time_offsets(void **state)
{
	time_offsets(*state, 0);
}

static void test_time_offsets_in_userns(void **state)
{
	time_offsets(*state, CLONE_NEWUSER);
}

static void test_session_and_signals(void **state)
{
	struct harness *h = *state;
	sigset_t set, old;
	unsigned long long ignored;

	/* fault 70: what the caller ignores or blocks */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &old);
	add_op(h, CTR_OP_SIGNALS)->arg = 1 << (SIGHUP - 1) | 1 << (SIGPIPE - 1);
	add_op(h, CTR_OP_SESSION);
	add_op(h, CTR_OP_SESSION);
	run_to_created(h, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);

	assert_int_equal(strtoull(status_of(h, "SigBlk"), NULL, 16), 0);
	ignored = strtoull(status_of(h, "SigIgn"), NULL, 16);
	assert_int_equal(ignored & (1 << (SIGHUP - 1) | 1 << (SIGPIPE - 1)), 0);
	assert_int_equal(getsid(h->pid), h->pid);
}

/* fault 116 */
static void test_keyring(void **state)
{
	struct harness *h = *state;

	add_str(h, CTR_OP_KEYRING, "_ses.test", 0);
	add_stop(h);
	start_init(h, 0);
	/* a kernel without keys: a warning, no more */
	if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0 &&
	    errno == ENOSYS) {
		expect_message(h, CTR_MSG_WARN);
		assert_string_equal(h->err.text, "cannot join session keyring '_ses.test': "
						 "Function not implemented");
	}
	expect_message(h, CTR_MSG_CREATED);
}

/* fault 116: the quota of keys is used up */
static void test_keyring_quota(void **state)
{
	static const struct variant full = { NULL, EDQUOT, { SYS_keyctl } };
	struct harness *h = *state;

	h->variant = &full;
	add_str(h, CTR_OP_KEYRING, "_ses.test", 0);
	add_stop(h);
	start_init(h, 0);
	expect_message(h, CTR_MSG_WARN);
	assert_string_equal(h->err.text,
			    "cannot join session keyring '_ses.test': Disk quota exceeded");
	expect_message(h, CTR_MSG_CREATED);
}

static void test_keyring_filtered(void **state)
{
	static const struct variant none = { NULL, EPERM, { SYS_keyctl } };
	struct harness *h = *state;

	h->variant = &none;
	add_str(h, CTR_OP_KEYRING, "_ses.test", 0);
	add_stop(h);
	start_init(h, 0);
	expect_message(h, CTR_MSG_WARN);
	assert_string_equal(h->err.text,
			    "cannot join session keyring '_ses.test': Operation not permitted");
	expect_message(h, CTR_MSG_CREATED);
}

/* fault 122: no sockets for us; the planner decides whether that matters. */
static void test_loopback_optional(void **state)
{
	static const struct variant none = { NULL, EAFNOSUPPORT, { SYS_socket } };
	struct harness *h = *state;

	h->variant = &none;
	add_op(h, CTR_OP_LOOPBACK)->flags = CTR_OPF_OPTIONAL;
	add_stop(h);
	start_init(h, CLONE_NEWNET);
	expect_message(h, CTR_MSG_WARN);
	assert_string_equal(h->err.text, "cannot bring up the loopback interface: "
					 "Address family not supported by protocol");
	expect_message(h, CTR_MSG_CREATED);
}

/* ---- ids and capabilities */

static void test_user(void **state)
{
	struct harness *h = *state;
	struct ctr_op_caps caps = {
		.effective = 1 << CAP_NET_RAW | 1 << CAP_CHOWN,
		.permitted = 1 << CAP_NET_RAW | 1 << CAP_CHOWN | 1 << CAP_KILL,
		.inheritable = 1 << CAP_NET_RAW,
	};
	uint32_t groups[] = { 10, 4294967294 };
	struct ctr_op *op;

	add_op(h, CTR_OP_BOUNDING)->arg = 1 << CAP_NET_RAW | 1 << CAP_CHOWN | 1 << CAP_KILL;
	op = add_op(h, CTR_OP_GROUPS);
	op->str = ctr_plan_data(&h->plan, groups, sizeof(groups));
	op->arg = 2;
	op = add_op(h, CTR_OP_IDS);
	op->arg = 1000;
	op->arg2 = 1001;
	add_op(h, CTR_OP_CAPS)->str = ctr_plan_data(&h->plan, &caps, sizeof(caps));
	add_op(h, CTR_OP_AMBIENT)->arg = 1 << CAP_NET_RAW;
	add_op(h, CTR_OP_NO_NEW_PRIVS);
	add_op(h, CTR_OP_UMASK)->arg = 027;
	run_to_created(h, 0);

	assert_string_equal(status_of(h, "Uid"), "1000\t1000\t1000\t1000");
	assert_string_equal(status_of(h, "Gid"), "1001\t1001\t1001\t1001");
	assert_string_equal(status_of(h, "Groups"), "10 4294967294 ");
	assert_int_equal(strtoull(status_of(h, "CapBnd"), NULL, 16), 0x2021);
	assert_int_equal(strtoull(status_of(h, "CapEff"), NULL, 16), 0x2001);
	assert_int_equal(strtoull(status_of(h, "CapPrm"), NULL, 16), 0x2021);
	assert_int_equal(strtoull(status_of(h, "CapInh"), NULL, 16), 0x2000);
	assert_int_equal(strtoull(status_of(h, "CapAmb"), NULL, 16), 0x2000);
	assert_string_equal(status_of(h, "NoNewPrivs"), "1");
	assert_string_equal(status_of(h, "Umask"), "0027");
}

static void test_groups_dropped(void **state)
{
	struct harness *h = *state;

	add_op(h, CTR_OP_GROUPS);
	run_to_created(h, 0);
	assert_string_equal(status_of(h, "Groups"), "");
}

/* fault 74: setgroups denied */
static void test_groups_denied(void **state)
{
	struct harness *h = *state;
	uint32_t group = 10;
	struct ctr_op *op;
	struct ctr_op_caps none = { 0 };

	add_op(h, CTR_OP_CAPS)->str = ctr_plan_data(&h->plan, &none, sizeof(none));
	ctr_plan_origin(&h->plan, "process.user.additionalGids");
	op = add_op(h, CTR_OP_GROUPS);
	op->str = ctr_plan_data(&h->plan, &group, sizeof(group));
	op->arg = 1;
	start_init(h, 0);
	expect_fail(h, "process.user.additionalGids: cannot set additional groups: "
		       "Operation not permitted");
}

static void test_not_dumpable(void **state)
{
	struct harness *h = *state;
	struct stat st;
	char path[64];

	add_op(h, CTR_OP_IDS)->arg = 1000;
	run_to_created(h, 0);
	/* files of a process that is not dumpable are root's */
	snprintf(path, sizeof(path), "/proc/%d/environ", h->pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
}

static void test_personality_and_memory(void **state)
{
	struct harness *h = *state;
	uint64_t node = 1;
	struct ctr_op *op;

	add_op(h, CTR_OP_PERSONALITY)->arg = PER_LINUX32;
	op = add_op(h, CTR_OP_MEMORY_POLICY);
	op->str = ctr_plan_data(&h->plan, &node, sizeof(node));
	op->arg = MPOL_BIND;
	op->arg2 = 1;
	op->flags = CTR_OPF_OPTIONAL; /* a kernel without NUMA */
	op = add_op(h, CTR_OP_MEMORY_POLICY);
	op->arg = MPOL_LOCAL;
	op->flags = CTR_OPF_OPTIONAL;
	add_stop(h);
	start_init(h, 0);
	expect_after_warnings(h, CTR_MSG_CREATED);
	assert_string_equal(read_text("/proc/%d/personality", h->pid), "00000008\n");
}

/* ---- labels */

static void test_lsm(void **state)
{
	struct harness *h = *state;

	add_op(h, CTR_OP_OPEN_PROC);
	ctr_plan_origin(&h->plan, "process.apparmorProfile");
	add_str(h, CTR_OP_LSM, "attr/bogus/exec", 0)->str2 = ctr_plan_str(&h->plan, "exec p");
	start_init(h, 0);
	expect_fail(h, "process.apparmorProfile: cannot write 'exec p' to "
		       "/proc/thread-self/attr/bogus/exec: No such file or directory");
}

/* fault 7: a /proc that is none. */
static void test_false_proc(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/proc");
	add_root(h, NULL);
	add_op(h, CTR_OP_PIVOT);
	add_op(h, CTR_OP_OPEN_PROC);
	start_init(h, NEW);
	expect_fail(h, "cannot open /proc: No such device");
}

static void test_part_of_proc(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/proc");
	add_root(h, NULL);
	add_bind(h, "/proc/sys", "/proc", 0);
	add_op(h, CTR_OP_PIVOT);
	add_op(h, CTR_OP_OPEN_PROC);
	start_init(h, NEW);
	expect_fail(h, "cannot open /proc: No such device");
}

/* ---- seccomp */

static void add_filter(struct harness *h, long nr, uint32_t action, uint64_t flags)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct ctr_op *op = add_op(h, CTR_OP_SECCOMP);

	op->str = ctr_plan_data(&h->plan, filter, sizeof(filter));
	op->arg = 4;
	op->arg2 = flags;
}

static void test_seccomp(void **state)
{
	struct harness *h = *state;

	add_op(h, CTR_OP_NO_NEW_PRIVS);
	add_filter(h, SYS_unshare, SECCOMP_RET_ERRNO | EDOM, SECCOMP_FILTER_FLAG_LOG);
	add_op(h, CTR_OP_UNSHARE)->flags = CTR_OPF_OPTIONAL;
	add_stop(h);
	start_init(h, 0);
	expect_message(h, CTR_MSG_WARN);
	assert_int_equal(h->msg.error, EDOM);
	expect_message(h, CTR_MSG_CREATED);
	assert_string_equal(status_of(h, "Seccomp"), "2");
}

/* After the filter nothing but read, write and execve is needed. */
static void test_strict_filter(void **state)
{
	struct harness *h = *state;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct ctr_op *op;

	add_block(h, CTR_OP_ENV, EMPTY);
	add_block(h, CTR_OP_ARGS, LIST("/bin/true"));
	add_op(h, CTR_OP_FIND_EXEC);
	add_op(h, CTR_OP_CLOSE_FDS)->arg = 3;
	add_op(h, CTR_OP_NO_NEW_PRIVS);
	op = add_op(h, CTR_OP_SECCOMP);
	op->str = ctr_plan_data(&h->plan, filter, sizeof(filter));
	op->arg = 6;
	add_stop(h);
	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_STARTING;
	add_op(h, CTR_OP_EXEC);
	start_init(h, 0);
	expect_message(h, CTR_MSG_CREATED);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	/* killed by the first call of the payload's, not by one of ours */
	assert_int_equal(await_exit(h), 128 + SIGSYS);
}

/* fault 112 */
static void test_listener(void **state)
{
	struct harness *h = *state;
	int pidfd, fd = -1;

	add_op(h, CTR_OP_NO_NEW_PRIVS);
	add_filter(h, SYS_mkdirat, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	add_stop(h);
	start_init(h, 0);
	expect_message(h, CTR_MSG_LISTENER);
	pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	for (int i = 0; i < 30000 && fd < 0; i++) {
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)h->msg.value, 0);
		if (fd < 0)
			usleep(1000);
	}
	assert_true(fd >= 0);
	expect_message(h, CTR_MSG_CREATED);
	close(fd);
	close(pidfd);
}

static void test_bad_filter(void **state)
{
	struct harness *h = *state;

	ctr_plan_origin(&h->plan, "linux.seccomp");
	add_op(h, CTR_OP_NO_NEW_PRIVS);
	add_filter(h, SYS_mkdirat, SECCOMP_RET_ERRNO, 1 << 20);
	start_init(h, 0);
	expect_fail(h, "linux.seccomp: cannot load the seccomp filter: Invalid argument");
}

/* ---- terminal */

static void add_terminal(struct harness *h, const char *console, uint32_t uid)
{
	struct ctr_op *op;

	add_root(h, NULL);
	add_mount(h, "tmpfs", "/dev", MS_NOSUID, "mode=755");
	add_mount(h, "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_op(h, CTR_OP_SESSION);
	op = add_str(h, CTR_OP_PTY, console, (uint64_t)uid << 32);
	op->arg2 = UINT64_C(24) << 32 | 81;
}

/* The controlling terminal and the session of the child. */
static void check_session(struct harness *h)
{
	int tty, session;
	const char *rest = strrchr(read_text("/proc/%d/stat", h->pid), ')');

	assert_int_equal(sscanf(rest, ") %*c %*d %*d %d %d", &session, &tty), 2);
	assert_int_equal(session, h->pid);
	assert_int_equal(tty, makedev(136, 0));
}

static void test_terminal(void **state)
{
	struct harness *h = *state;
	struct winsize size;
	struct stat st;
	int master;
	char byte;

	add_terminal(h, "/dev/console", 1000);
	add_op(h, CTR_OP_PIVOT);
	add_op(h, CTR_OP_STDIO_OWNER)->arg = 1000;
	add_stop(h);
	start_init(h, NEW);
	expect_message(h, CTR_MSG_CONSOLE);
	master = dup(h->fd);
	assert_true(master >= 0);
	assert_int_equal(ioctl(master, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 24);
	assert_int_equal(size.ws_col, 81);

	expect_message(h, CTR_MSG_CREATED);
	st = stat_in(h, "/dev/console");
	assert_int_equal(st.st_mode, S_IFCHR | 0620);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 5);
	assert_int_equal(major(st.st_rdev), 136);
	assert_int_equal(st.st_ino, stat_in(h, "/dev/pts/0").st_ino);
	check_session(h);
	assert_int_equal(write(master, "\n", 1), 1);
	assert_int_equal(read(master, &byte, 1), 1); /* the echo */
	close(master);
}

/* fault 5: links in place of the console. */
static void test_console_is_link(void **state)
{
	struct harness *h = *state;

	make_file("precious", "rootfs/file");
	add_root(h, NULL);
	make_dir(0755, "rootfs/dev");
	make_dir(0755, "rootfs/dev/pts");
	make_symlink("/file", "rootfs/dev/console");
	add_mount(h, "devpts", "/dev/pts", 0, "newinstance,ptmxmode=0666,mode=0620");
	add_op(h, CTR_OP_SESSION);
	add_str(h, CTR_OP_PTY, "/dev/console", 0);
	start_init(h, NEW);
	expect_fail(h, "cannot set up the terminal: cannot open or make the target: "
		       "'/dev/console': Too many levels of symbolic links");
}

static void test_ptmx_is_file(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/dev");
	make_file("", "rootfs/dev/ptmx");
	add_root(h, NULL);
	add_op(h, CTR_OP_SESSION);
	add_str(h, CTR_OP_PTY, "", 0);
	start_init(h, NEW);
	expect_fail(h, "cannot set up the terminal: '/dev/ptmx': "
		       "Inappropriate ioctl for device");
}

/* As exec does: in the root already, no console. */
static void test_terminal_without_console(void **state)
{
	struct harness *h = *state;
	int master;

	add_op(h, CTR_OP_SESSION);
	add_str(h, CTR_OP_PTY, "", 0);
	add_stop(h);
	start_init(h, 0);
	expect_message(h, CTR_MSG_CONSOLE);
	master = dup(h->fd); /* closing it would hang up on the child */
	assert_true(master >= 0);
	expect_message(h, CTR_MSG_CREATED);
	close(master);
}

/* fault 68: pipes become the user's, /dev/null stays root's. */
static void test_stdio_owner(void **state)
{
	struct harness *h = *state;
	struct stat before, st;

	assert_int_equal(stat("/dev/null", &before), 0);
	h->stdio_null = true;
	add_op(h, CTR_OP_STDIO_OWNER)->arg = 1000;
	run_to_created(h, 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_int_equal(st.st_uid, before.st_uid);
}

static void test_stdio_pipe(void **state)
{
	struct harness *h = *state;
	struct stat st;
	int fds[2], saved = dup(0);

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[0], 0), 0);
	add_op(h, CTR_OP_STDIO_OWNER)->arg = 1000;
	run_to_created(h, 0);
	dup2(saved, 0);
	close(saved);
	assert_int_equal(fstat(fds[1], &st), 0);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 0);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HARNESS_TEST(test_names),
		HARNESS_TEST(test_setns),
		HARNESS_TEST(test_setns_of_another_type),
		HARNESS_TEST(test_join_maker),
		HARNESS_TEST(test_join_failed_maker),
		HARNESS_TEST(test_join_dying_maker),
		HARNESS_TEST(test_join_no_maker),
		HARNESS_TEST(test_join_maker_refused),
		HARNESS_TEST(test_missing_descriptors),
		HARNESS_TEST(test_time_offsets),
		HARNESS_TEST(test_time_offsets_in_userns),
		HARNESS_TEST(test_session_and_signals),
		HARNESS_TEST(test_keyring),
		HARNESS_TEST(test_keyring_quota),
		HARNESS_TEST(test_keyring_filtered),
		HARNESS_TEST(test_loopback_optional),
		HARNESS_TEST(test_user),
		HARNESS_TEST(test_groups_dropped),
		HARNESS_TEST(test_groups_denied),
		HARNESS_TEST(test_not_dumpable),
		HARNESS_TEST(test_personality_and_memory),
		HARNESS_TEST(test_lsm),
		HARNESS_TEST(test_false_proc),
		HARNESS_TEST(test_part_of_proc),
		HARNESS_TEST(test_seccomp),
		HARNESS_TEST(test_strict_filter),
		HARNESS_TEST(test_listener),
		HARNESS_TEST(test_bad_filter),
		HARNESS_TEST(test_terminal),
		HARNESS_TEST(test_console_is_link),
		HARNESS_TEST(test_ptmx_is_file),
		HARNESS_TEST(test_terminal_without_console),
		HARNESS_TEST(test_stdio_owner),
		HARNESS_TEST(test_stdio_pipe),
	};

	return RUN_VARIANTS(tests, variants);
}
