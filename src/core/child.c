/*
 * The child between clone and execve, and the clone itself. Functions named in_child_* run in the
 * new process on shared memory: no libc call that touches state (errno, stdio, malloc), no return.
 *
 * Where the process stands when it executes ctr-init: user namespace joined or new and mapped,
 * namespaces of clone_flags new, those of joins entered, cgroup entered, root in its user namespace
 * when there is one; mount namespace new or joined but untouched; descriptors above 2: the socket,
 * the plan, the gate and what the caller preserves.
 */
#include "core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "core/clone.h"
#include "core/prepare.h"
#include "init/raw.h"
#include "oci/spec.h"

enum { STACK_SIZE = 32 << 10 };

static char child_stack[STACK_SIZE] __attribute__((aligned(4096)));
static char helper_stack[STACK_SIZE] __attribute__((aligned(4096)));

/* The same for kernels (or filters) without clone3, but that there is no CLONE_INTO_CGROUP. */
static long clone_process(struct clone_args *args, int (*fn)(void *), struct ctr_child *child)
{
	long r = ctr_clone_onto_stack(args, fn, child);

	if (r != -ENOSYS || (args->flags & CLONE_INTO_CGROUP))
		return r;

	r = clone(fn, (char *)(uintptr_t)args->stack + args->stack_size,
		  (int)(args->flags | args->exit_signal), child,
		  (void *)(uintptr_t)args->parent_tid);
	return r < 0 ? -errno : r;
}

static int in_child_fail(struct ctr_child *child, enum ctr_child_step step, long error)
{
	child->step = step;
	child->error = (int)-error;
	return 127;
}

/* Root in the user namespace: its id maps are there. */
static long in_child_become_root(const struct ctr_child *child)
{
	long r = 0;

	if (!child->keep_groups)
		r = SYS(setgroups, 0, NULL);
	/* A user namespace that was joined may deny it; in_helper_main() did what could be done. */
	if (r == -EPERM && child->helper && !(child->clone_flags & CLONE_NEWUSER))
		r = 0;
	if (r == 0)
		r = SYS(setresgid, 0, 0, 0);
	if (r == 0)
		r = SYS(setresuid, 0, 0, 0);
	return r;
}

/*
 * Join what is in @mask. A helper leaves the cgroup namespace to the child: from inside of it the
 * kernel does not let a process be born in a cgroup, as the parent's own is out of sight there.
 */
static int in_child_join(struct ctr_child *child, uint64_t mask)
{
	for (size_t i = 0; i < child->njoins; i++) {
		uint64_t flags = child->joins[i].flags & mask;
		long r = flags ? SYS(setns, child->joins[i].fd, flags) : 0;

		if (r < 0) {
			child->failed = i;
			return in_child_fail(child, CTR_CHILD_JOIN, r);
		}
	}

	return 0;
}

/*
 * Resource limits, as long as the process may raise them as its caller may: prlimit(2) from outside
 * would need CAP_SYS_RESOURCE once the ids differ.
 */
static int in_child_limits(struct ctr_child *child)
{
	for (size_t i = 0; i < child->nrlimits; i++) {
		const struct ctr_rlimit *rlimit = &child->rlimits[i];
		uint64_t limit[2] = { rlimit->soft, rlimit->hard };
		long r = 0;

		if (child->late_rlimits >> rlimit->resource & 1) {
			r = SYS(prlimit64, 0, rlimit->resource, NULL, limit);
			if (r == 0 && limit[0] >= rlimit->soft && limit[1] >= rlimit->hard)
				continue;
			limit[0] = limit[0] < rlimit->soft ? rlimit->soft : limit[0];
			limit[1] = limit[1] < rlimit->hard ? rlimit->hard : limit[1];
		}
		if (r == 0)
			r = SYS(prlimit64, 0, rlimit->resource, limit, NULL);

		if (r < 0) {
			child->failed = i;
			return in_child_fail(child, CTR_CHILD_RLIMIT, r);
		}
	}

	return 0;
}

/*
 * Until ctr-init makes itself undumpable, a process of a PID namespace that was there before could
 * look into it. A program that its caller may not read is executed undumpable (would_dump() in
 * fs/exec.c), and this one may be read by nobody without capabilities (image.h). Root has them
 * again after execve. Ids are left alone: processes are counted, keys owned and signals allowed by
 * the real ones, and where they differ from the effective ones execve cuts RLIMIT_STACK.
 */
static long in_child_hide(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	long r = SYS(capget, &header, sets);

	if (r < 0)
		return r;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].effective = 0;
	return SYS(capset, &header, sets);
}

static int in_child_exec(struct ctr_child *child)
{
	static const char *const no_env[] = { NULL };
	const uint64_t no_signals = 0;
	long r = SYS(rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof(no_signals));

	for (size_t i = 0; i < child->nkeep && r >= 0; i++)
		r = SYS(fcntl, child->keep[i], F_SETFD, 0);
	if (r < 0)
		return in_child_fail(child, CTR_CHILD_PREPARE, r);

	if (child->hide) {
		r = in_child_hide();
		if (r < 0)
			return in_child_fail(child, CTR_CHILD_HIDE, r);
	}

	r = SYS(execveat, child->exec_fd, "", child->argv, no_env, AT_EMPTY_PATH);
	return in_child_fail(child, CTR_CHILD_EXEC, r);
}

/* It has joined the user namespace; a new one is the child's alone, and has no ids before its maps.
 */
static bool helper_becomes_root(const struct ctr_child *child)
{
	return child->helper && !(child->clone_flags & CLONE_NEWUSER);
}

static int in_child_main(void *arg)
{
	struct ctr_child *child = arg;
	char byte;
	long r;
	int status;

	child->began = true;
	if (child->wait) {
		r = SYS(write, child->ready_fd, "", 1);
		if (r != 1)
			return in_child_fail(child, CTR_CHILD_TELL, r);
		do
			r = SYS(read, child->sync_fd, &byte, 1);
		while (r == -EINTR);
		if (r != 1)
			return in_child_fail(child, CTR_CHILD_WAIT, r < 0 ? r : -EPIPE);
	}
	if (!child->helper) {
		status = child->wait ? 0 : in_child_limits(child);
		if (status == 0)
			status = in_child_join(child, ~(uint64_t)0);
	} else {
		status = in_child_join(child, CLONE_NEWCGROUP);
	}
	if (status != 0)
		return status;

	/* In a new user namespace only now: the helper's ids were those of the one before. */
	if (child->become_root && !helper_becomes_root(child)) {
		r = in_child_become_root(child);
		if (r < 0)
			return in_child_fail(child, CTR_CHILD_BECOME_ROOT, r);
	}

	return in_child_exec(child);
}

static struct clone_args clone_args_of(struct ctr_child *child)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | child->clone_flags,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)child_stack,
		.stack_size = STACK_SIZE,
	};

	if (child->cgroup_fd >= 0 && !child->enter_cgroup) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)child->cgroup_fd;
	}
	return args;
}

/* What the helper does before the clone where the child does not join by itself. */
static int in_helper_join(struct ctr_child *child)
{
	int status = in_child_limits(child);
	long r;

	/* While it is allowed; without privileges it never is, and the groups mean nothing there.
	 */
	if (child->become_root && !child->keep_groups)
		(void)SYS(setgroups, 0, NULL);
	if (status == 0)
		status = in_child_join(child, ~(uint64_t)CLONE_NEWCGROUP);
	if (status != 0)
		return status;
	if (child->become_root && helper_becomes_root(child)) {
		r = in_child_become_root(child);
		if (r < 0)
			return in_child_fail(child, CTR_CHILD_BECOME_ROOT, r);
	}
	return 0;
}

/* In the helper: clone the child as a sibling. */
static int in_helper_main(void *arg)
{
	struct ctr_child *child = arg;
	struct clone_args args = clone_args_of(child);
	int status = child->helper ? in_helper_join(child) : 0;
	long r;

	if (status != 0)
		return status;
	/* Who waits is to hear the end of ctr, so nobody else may hold ctr's end of the pair. */
	if (child->wait)
		(void)SYS(close, child->parent_sync);
	if (child->pidns >= 0) {
		r = SYS(setns, child->pidns, CLONE_NEWPID);
		if (r < 0)
			return in_child_fail(child, CTR_CHILD_JOIN_PID, r);
	}

	args.flags |= CLONE_PARENT | CLONE_PARENT_SETTID;
	args.exit_signal = 0; /* CLONE_PARENT: the parent's signal is taken from the helper */
	args.parent_tid = (uintptr_t)&child->pid;
	r = clone_process(&args, in_child_main, child);
	return r < 0 ? in_child_fail(child, CTR_CHILD_CLONE, r) : 0;
}

/* What the kernel means by the errors of clone that lie. */
static int clone_fail(const struct ctr_child *child, int error, struct ctr_error *err)
{
	if (error == ENOSPC)
		return ctr_fail(
			err, CTR_FAULT_HOST, 0,
			"cannot create namespaces: a limit in /proc/sys/user/max_*_namespaces is reached");
	if (error == EAGAIN)
		return ctr_fail(
			err, CTR_FAULT_HOST, error,
			"cannot start ctr-init: a limit of processes is reached (pids.max of a cgroup, RLIMIT_NPROC of the caller, kernel.pid_max)");
	if (error == EPERM && (child->clone_flags & CLONE_NEWUSER))
		return ctr_fail(
			err, CTR_FAULT_HOST, error,
			"cannot create a user namespace (none can be made in a chroot; see kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)");
	if (error == EBUSY && child->cgroup_fd >= 0)
		return ctr_fail(
			err, CTR_FAULT_HOST, error,
			"linux.cgroupsPath: cannot start in the cgroup: it has controllers enabled for its children");
	if (error == EACCES && child->cgroup_fd >= 0)
		return ctr_fail(
			err, CTR_FAULT_HOST, error,
			"cannot start in the container's cgroup: no cgroup above both this and the caller's is the caller's own (--systemd-cgroup lets systemd do it)");
	return ctr_fail(err, CTR_FAULT_HOST, error, "cannot create namespaces");
}

int ctr_child_fail(const struct ctr_child *child, struct ctr_error *err)
{
	static const char *const words[] = {
		[CTR_CHILD_JOIN_PID] = "cannot join the PID namespace",
		[CTR_CHILD_TELL] = "cannot tell that it waits",
		[CTR_CHILD_WAIT] = "cannot wait for id maps",
		[CTR_CHILD_BECOME_ROOT] = "cannot become root in the user namespace",
		[CTR_CHILD_PREPARE] = "cannot prepare descriptors and signals",
		[CTR_CHILD_HIDE] = "cannot hide from the PID namespace",
		[CTR_CHILD_EXEC] = "cannot execute ctr-init",
	};

	if (child->error == 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "ctr-init ended before it began");

	switch (child->step) {
	case CTR_CHILD_CLONE:
		return clone_fail(child, child->error, err);
	case CTR_CHILD_RLIMIT:
		return ctr_prepare_rlimit_fail(&child->rlimits[child->failed], child->failed,
					       child->error, err);
	case CTR_CHILD_JOIN:
		return ctr_fail(err, CTR_FAULT_HOST, child->error, "%s",
				child->joins[child->failed].origin);
	default:
		return ctr_fail(err, CTR_FAULT_HOST, child->error, "%s", words[child->step]);
	}
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

void ctr_child_forget_helper(struct ctr_child *child)
{
	if (child->helper_pid > 0)
		reap(child->helper_pid);
	child->helper_pid = 0;
}

/* Clone while being in another PID namespace for children, and come back. */
static int clone_in_pidns(struct clone_args *args, struct ctr_child *child, long *pid,
			  struct ctr_error *err)
{
	_cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (own < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '/proc/self/ns/pid'");
	if (setns(child->pidns, CLONE_NEWPID) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot join the PID namespace");

	*pid = clone_process(args, in_child_main, child);
	if (setns(own, CLONE_NEWPID) == 0)
		return 0;

	(void)ctr_fail(err, CTR_FAULT_HOST, errno, "cannot return to the own PID namespace");
	if (*pid > 0) {
		kill((pid_t)*pid, SIGKILL);
		reap((pid_t)*pid);
	}
	return -1;
}

static int clone_here(struct ctr_child *child, struct ctr_error *err)
{
	struct clone_args args = clone_args_of(child);
	long pid = 0;

	if (child->pidns < 0)
		pid = clone_process(&args, in_child_main, child);
	else if (clone_in_pidns(&args, child, &pid, err) < 0)
		return -1;

	if (pid < 0)
		(void)in_child_fail(child, CTR_CHILD_CLONE, pid);
	else
		child->pid = (pid_t)pid;
	return 0;
}

/*
 * The child is born by a helper that stays in vfork until the execve, also when the child waits and
 * ctr goes on meanwhile. To the OOM killer a process that shares its memory is one with all that
 * share it, so the memory limit of a container could kill ctr; but it never takes one in vfork, and
 * what allocates memory fails instead, which can be reported (mm/oom_kill.c, in_vfork()).
 */
static int clone_by_helper(struct ctr_child *child, struct ctr_error *err)
{
	struct clone_args args = {
		.flags = CLONE_VM | (child->wait ? 0 : CLONE_VFORK),
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)helper_stack,
		.stack_size = STACK_SIZE,
	};
	int ready[2] = { -1, -1 };
	char byte;
	long pid;

	if (child->wait && pipe2(ready, O_CLOEXEC) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a pipe");
	child->ready_fd = ready[1];
	pid = clone_process(&args, in_helper_main, child);
	ctr_close_ptr(&ready[1]);
	child->helper_pid = pid < 0 ? 0 : (pid_t)pid;
	if (pid < 0)
		(void)in_child_fail(child, CTR_CHILD_CLONE, pid);
	/* A byte of the child, or the end of it and the helper. */
	while (pid > 0 && child->wait && read(ready[0], &byte, 1) < 0 && errno == EINTR)
		;
	ctr_close_ptr(&ready[0]);
	if (!child->wait || child->error != 0 || child->pid == 0)
		ctr_child_forget_helper(child);
	return 0;
}

/*
 * Could ctr come back from another PID namespace? Its own may belong to a user namespace above,
 * where root of this one (rootless Podman's, say) may do nothing: the kernel does not even show it.
 */
static bool can_return(void)
{
	_cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int owner = own < 0 ? -1 : ioctl(own, NS_GET_USERNS);

	return owner >= 0;
}

/* 0 also when the clone or the child has failed: child->error tells then. */
static int clone_once(struct ctr_child *child, struct ctr_error *err)
{
	child->error = 0;
	child->began = false;
	child->pid = 0;
	child->helper_pid = 0;
	if (child->helper || child->wait || (child->pidns >= 0 && !can_return()))
		return clone_by_helper(child, err);
	return clone_here(child, err);
}

/*
 * Without clone3, or where root of a user namespace that is joined has no right to the cgroup,
 * which the caller has, the caller moves the child. So it does where a child is killed at its
 * birth: Linux takes it for one that was about to be born when all of its cgroup was killed,
 * wherever cgroup.kill was written to more often in one of the two cgroups than in the other
 * (cgroup_post_fork() of 6.18).
 */
static bool cannot_start_inside(const struct ctr_child *child)
{
	if (child->cgroup_fd < 0)
		return false;
	if (child->error == 0)
		return child->pid > 0 && !child->began;
	return child->step == CTR_CHILD_CLONE &&
	       (child->error == ENOSYS || (child->error == EACCES && helper_becomes_root(child)));
}

static void reap_stillborn(struct ctr_child *child)
{
	ctr_child_forget_helper(child);
	if (child->pid > 0)
		reap(child->pid);
}

int ctr_child_clone(struct ctr_child *child, struct ctr_error *err)
{
	child->enter_cgroup = false;
	if (clone_once(child, err) < 0)
		return -1;
	if (cannot_start_inside(child)) {
		reap_stillborn(child);
		child->enter_cgroup = child->wait = true;
		if (clone_once(child, err) < 0)
			return -1;
	}

	/* Without wait it has executed ctr-init by now, or has failed to. */
	if (child->error != 0 || child->pid == 0) {
		if (child->pid > 0)
			reap(child->pid);
		child->pid = 0;
		return ctr_child_fail(child, err);
	}
	return 0;
}

int ctr_child_go(struct ctr_child *child, int parent_sync, struct ctr_error *err)
{
	if (send(parent_sync, "", 1, MSG_NOSIGNAL) != 1)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot let ctr-init go on");

	ctr_child_forget_helper(child);
	return child->error == 0 ? 0 : ctr_child_fail(child, err);
}
