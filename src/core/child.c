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
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "core/clone.h"
#include "core/newnet.h"
#include "init/raw.h"
#include "oci/spec.h"

enum { STACK_SIZE = 32 << 10 };

static char child_stack[STACK_SIZE] __attribute__((aligned(4096)));
static char helper_stack[STACK_SIZE] __attribute__((aligned(4096)));

/* The same for kernels (or filters) without clone3: no CLONE_INTO_CGROUP there. */
static long clone_process(struct clone_args *args, int (*fn)(void *), struct ctr_child *child)
{
	long r = ctr_clone_onto_stack(args, fn, child);

	if (r != -ENOSYS)
		return r;

	if (args->flags & CLONE_INTO_CGROUP) {
		args->flags &= ~(CLONE_INTO_CGROUP | CLONE_VFORK);
		child->wait = true;
		child->enter_cgroup = true;
	}
	r = clone(fn, (char *)(uintptr_t)args->stack + args->stack_size,
		  (int)(args->flags | args->exit_signal), child);
	return r < 0 ? -errno : r;
}

static int in_child_fail(struct ctr_child *child, const char *step, long error)
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
	if (r == -EPERM && child->helper && !child->wait)
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

		if (r < 0)
			return in_child_fail(child, child->joins[i].origin, r);
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
		const uint64_t limit[2] = { rlimit->soft, rlimit->hard };
		long r = SYS(prlimit64, 0, rlimit->resource, limit, NULL);

		if (r < 0) {
			child->failed_rlimit = rlimit;
			return in_child_fail(child, "rlimit", r);
		}
	}

	return 0;
}

static int in_child_exec(struct ctr_child *child)
{
	static const char *const no_env[] = { NULL };
	const uint64_t no_signals = 0;
	long r = SYS(rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof(no_signals));

	for (size_t i = 0; i < child->nkeep && r >= 0; i++)
		r = SYS(fcntl, child->keep[i], F_SETFD, 0);
	if (r < 0)
		return in_child_fail(child, "cannot prepare descriptors and signals", r);

	/*
	 * Until ctr-init makes itself undumpable, a process of a PID namespace that was there
	 * before could look into it. With differing real and effective ids execve itself does it.
	 */
	if (child->hide) {
		r = SYS(setresuid, 65534, -1, -1);
		if (r < 0)
			return in_child_fail(child, "cannot hide from the PID namespace", r);
	}

	r = SYS(execveat, child->exec_fd, "", child->argv, no_env, AT_EMPTY_PATH);
	return in_child_fail(child, "cannot execute ctr-init", r);
}

static int in_child_main(void *arg)
{
	struct ctr_child *child = arg;
	char byte;
	long r;
	int status;

	if (child->wait) {
		do
			r = SYS(read, child->sync_fd, &byte, 1);
		while (r == -EINTR);
		if (r != 1)
			return in_child_fail(child, "cannot wait for id maps", r < 0 ? r : -EPIPE);
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
	if (child->become_root && (!child->helper || child->wait)) {
		r = in_child_become_root(child);
		if (r < 0)
			return in_child_fail(child, "cannot become root in the user namespace", r);
	}

	if (child->newnet) {
		r = ctr_newnet_join(child->newnet);
		if (r < 0)
			return in_child_fail(child, "clone", r);
	}

	return in_child_exec(child);
}

static struct clone_args clone_args_of(const struct ctr_child *child, char *stack)
{
	struct clone_args args = {
		.flags = CLONE_VM | child->clone_flags,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = STACK_SIZE,
	};

	if (!child->wait)
		args.flags |= CLONE_VFORK;
	if (child->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)child->cgroup_fd;
	}
	return args;
}

/* In the helper: join, become root there, clone the child as a sibling. */
static int in_helper_main(void *arg)
{
	struct ctr_child *child = arg;
	struct clone_args args = clone_args_of(child, child_stack);
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
	if (child->become_root && !child->wait) {
		r = in_child_become_root(child);
		if (r < 0)
			return in_child_fail(child, "cannot become root in the user namespace", r);
	}

	args.flags |= CLONE_PARENT;
	args.exit_signal = 0; /* CLONE_PARENT: the parent's signal is taken from the helper */
	r = clone_process(&args, in_child_main, child);
	if (r < 0)
		return in_child_fail(child, "clone", r);

	child->pid = (pid_t)r;
	return 0;
}

/* What the kernel means by the errors of clone that lie. */
static int clone_fail(const struct ctr_child *child, int error, struct ctr_error *err)
{
	if (error == ENOSPC)
		return ctr_fail(
			err, CTR_FAULT_HOST, 0,
			"cannot create namespaces: a limit in /proc/sys/user/max_*_namespaces is reached");
	if (error == EPERM && (child->clone_flags & CLONE_NEWUSER))
		return ctr_fail(
			err, CTR_FAULT_HOST, error,
			"cannot create a user namespace (see kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)");
	if (error == EBUSY && child->cgroup_fd >= 0)
		return ctr_fail(
			err, CTR_FAULT_HOST, error,
			"linux.cgroupsPath: cannot start in the cgroup: it has controllers enabled for its children");
	return ctr_fail(err, CTR_FAULT_HOST, error, "cannot create namespaces");
}

int ctr_child_fail(const struct ctr_child *child, struct ctr_error *err)
{
	if (child->step && strcmp(child->step, "clone") == 0)
		return clone_fail(child, child->error, err);

	if (child->failed_rlimit)
		return ctr_fail(err, CTR_FAULT_CONFIG, child->error,
				"process.rlimits[%td]: cannot set soft %llu, hard %llu",
				child->failed_rlimit - child->rlimits,
				(unsigned long long)child->failed_rlimit->soft,
				(unsigned long long)child->failed_rlimit->hard);

	return ctr_fail(err, CTR_FAULT_HOST, child->error, "%s",
			child->step ? child->step : "ctr-init ended before it began");
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return status;
}

int ctr_child_clone(struct ctr_child *child, struct ctr_error *err)
{
	struct clone_args args = clone_args_of(child, child_stack);
	int (*main_fn)(void *) = in_child_main;
	long pid;

	if (child->helper) {
		args = (struct clone_args){
			.flags = CLONE_VM | CLONE_VFORK,
			.exit_signal = SIGCHLD,
			.stack = (uintptr_t)helper_stack,
			.stack_size = STACK_SIZE,
		};
		main_fn = in_helper_main;
	}

	child->error = 0;
	child->step = NULL;
	child->pid = 0;
	child->enter_cgroup = false;
	pid = clone_process(&args, main_fn, child);
	if (pid < 0)
		return clone_fail(child, (int)-pid, err);

	if (child->helper)
		reap((pid_t)pid);
	else
		child->pid = (pid_t)pid;

	/* Only a child under CLONE_VFORK has got so far that an error can be there already. */
	if (child->error != 0 || child->pid == 0) {
		if (child->pid > 0)
			reap(child->pid);
		child->pid = 0;
		return ctr_child_fail(child, err);
	}

	return 0;
}

int ctr_child_go(int parent_sync, struct ctr_error *err)
{
	if (send(parent_sync, "", 1, MSG_NOSIGNAL) != 1)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot let ctr-init go on");
	return 0;
}
