/*
 * Hooks of the container's namespaces: createContainer, run before the root is entered, and
 * startContainer, run right before the payload. What they print is kept for the error message. A
 * seccomp filter may be in force, so what fails for being unknown is done without.
 */
#include "init/init.h"

#include <linux/memfd.h>

enum {
	CLOCK_MONOTONIC_ = 1,
	SLICE_MS = 10,     /* between two looks, without a pidfd */
	PID_MARK = '\x01', /* op.h */
};

struct hook {
	const char *path;
	const char **argv, **envp;
	const char *state;
	size_t state_length;
	long pid, pidfd;
	int in, out;      /* its standard input; our end of its output */
	size_t output;    /* length of it */
	int64_t deadline; /* ms; 0: none */
};

static int64_t now_ms(void)
{
	struct sys_timespec now;

	if (SYS(clock_gettime, CLOCK_MONOTONIC_, &now) < 0)
		return 0;
	return now.sec * 1000 + now.nsec / 1000000;
}

/* The state is made before our pid is known: its place is marked. */
static long set_state(struct hook *hook, const char *text)
{
	size_t size = str_length(text) + sizeof("4194304");
	char *state, *at;

	hook->state = text;
	hook->state_length = str_length(text);
	for (const char *mark = text; *mark; mark++) {
		if (*mark != PID_MARK)
			continue;
		state = take_memory(size);
		if (!state)
			return -ENOMEM;
		for (at = state; text < mark;)
			*at++ = *text++;
		at = str_put_number(at, state + size, (uint64_t)SYS(getpid, 0), 10);
		at = str_put(at, state + size, mark + 1);
		hook->state = state;
		hook->state_length = (size_t)(at - state);
		break;
	}
	return 0;
}

static long read_plan(struct init *init, const struct ctr_op *op, struct hook *hook)
{
	uint32_t nargs = (uint32_t)(op->arg >> 32);
	const char *state, *s;
	long r;

	hook->path = op_str(init, op->str2);
	state = ctr_view_next(hook->path);
	s = ctr_view_next(state);
	hook->argv = nargs ? block_array(s, nargs, NULL) : block_array(hook->path, 1, NULL);
	for (uint32_t i = 0; i < nargs; i++)
		s = ctr_view_next(s);
	s = ctr_view_next(s);
	hook->envp = (uint32_t)op->arg == CTR_HOOK_ENV_PAYLOAD
			     ? block_array(init->env, init->nenv, init->home)
			     : block_array(s, ctr_op_hook_nenv(op->arg), NULL);
	r = set_state(hook, state);
	return hook->argv && hook->envp ? r : -ENOMEM;
}

/* Standard input: a file, so that a hook that does not read it blocks nobody. */
static long open_state(const struct hook *hook)
{
	long r, fd = SYS(memfd_create, "state", MFD_CLOEXEC);
	int ends[2];

	if (fd >= 0) {
		r = write_all((int)fd, hook->state, hook->state_length);
		if (r == 0)
			r = SYS(lseek, fd, 0, 0);
		if (r == 0)
			return fd;
		(void)sys_close((int)fd);
		return r;
	}

	r = SYS(pipe2, ends, O_CLOEXEC | O_NONBLOCK);
	if (r < 0)
		return r;
	r = write_all(ends[1], hook->state, hook->state_length);
	if (r == 0)
		r = SYS(fcntl, ends[0], F_SETFL, 0);
	(void)sys_close(ends[1]);
	if (r == 0)
		return ends[0];
	(void)sys_close(ends[0]);
	return r;
}

/* In the child: nothing that is open here may reach the hook. */
static _Noreturn void run_hook(struct init *init, const struct hook *hook, int out, int error)
{
	long r;

	r = SYS(dup3, hook->in, 0, 0);
	if (r >= 0)
		r = SYS(dup3, out, 1, 0);
	if (r >= 0)
		r = SYS(dup3, out, 2, 0);
	if (r >= 0)
		r = close_from(init, 3);
	(void)SYS(umask, init->umask);
	if (r >= 0)
		r = SYS(execve, hook->path, hook->argv, hook->envp);
	(void)write_all(error, &r, sizeof(r));
	sys_exit(127);
}

static long start_hook(struct init *init, struct hook *hook)
{
	int out[2], error[2];
	long r, failed = 0;

	r = SYS(pipe2, out, O_CLOEXEC);
	if (r < 0)
		return r;
	hook->out = out[0];
	r = SYS(pipe2, error, O_CLOEXEC);
	if (r < 0) {
		(void)sys_close(out[1]);
		return r;
	}

	r = SYS(clone, SIGCHLD, 0, 0, 0, 0);
	if (r == 0)
		run_hook(init, hook, out[1], error[1]);
	hook->pid = r;
	(void)sys_close(out[1]);
	(void)sys_close(error[1]);
	if (r > 0 && read_some(error[0], &failed, sizeof(failed)) == sizeof(failed)) {
		(void)SYS(wait4, hook->pid, NULL, 0, NULL);
		r = failed;
	}
	(void)sys_close(error[0]);
	return r < 0 ? r : 0;
}

static void keep_output(struct hook *hook)
{
	char more[256];
	long n = read_some(hook->out, more, sizeof(more));

	if (n <= 0) {
		drop_fd(&hook->out);
		return;
	}
	/* More is read, but not kept. */
	for (long i = 0; i < n && hook->output < sizeof(init_memory.hook_output); i++)
		init_memory.hook_output[hook->output++] = more[i];
}

/* Wait for output, the end of the hook, or a moment. Less than 0 ms: no limit. */
static bool wait_output(const struct hook *hook, int64_t ms)
{
	struct sys_pollfd fds[2] = {
		{hook->out,         POLLIN_, 0},
                { (int)hook->pidfd, POLLIN_, 0}
	};
	struct sys_timespec limit = { ms / 1000, ms % 1000 * 1000000 };

	if (SYS(ppoll, fds, 2, ms < 0 ? NULL : &limit, NULL, 8) < 0)
		return false;
	return fds[0].revents != 0;
}

/* The wait status, or -ETIMEDOUT. A child of the hook may keep the pipe open: the hook's end
 * counts. */
static long await_hook(struct hook *hook)
{
	int status = 0;
	int64_t ms;
	long r;

	for (;;) {
		r = SYS(wait4, hook->pid, &status, P_WNOHANG, NULL);
		if (r == hook->pid)
			break;
		if (r < 0 && r != -EINTR)
			return r;

		ms = hook->deadline ? hook->deadline - now_ms() : -1;
		if (hook->deadline && ms <= 0) {
			(void)SYS(kill, hook->pid, SIGKILL);
			(void)SYS(wait4, hook->pid, NULL, 0, NULL);
			return -ETIMEDOUT;
		}
		if (hook->pidfd < 0 && (ms < 0 || ms > SLICE_MS))
			ms = SLICE_MS;
		if (wait_output(hook, ms))
			keep_output(hook);
	}
	/* Nor may one that prints without end keep us. */
	while (hook->out >= 0 && hook->output < sizeof(init_memory.hook_output) &&
	       wait_output(hook, 0))
		keep_output(hook);
	return status;
}

long op_hook(struct init *init, const struct ctr_op *op)
{
	struct hook hook = { .out = -1, .pidfd = -1 };
	int64_t timeout = (int64_t)(op->arg2 >> 16);
	long r = read_plan(init, op, &hook);

	if (r == 0)
		r = open_state(&hook);
	if (r < 0)
		return r;
	hook.in = (int)r;

	r = start_hook(init, &hook);
	(void)sys_close(hook.in);
	if (r == 0) {
		hook.deadline = timeout ? now_ms() + timeout * 1000 : 0;
		hook.pidfd = SYS(pidfd_open, hook.pid, 0);
		r = await_hook(&hook);
		if (hook.pidfd >= 0)
			(void)sys_close((int)hook.pidfd);
		init->text = init_memory.hook_output;
		init->text_length = hook.output;
		if (r == -ETIMEDOUT) {
			(void)fail_at(init, CTR_DETAIL_HOOK_TIMEOUT, r);
		} else if (r > 0) {
			init->value = (uint32_t)r;
			r = fail_at(init, CTR_DETAIL_HOOK_STATUS, -ECANCELED);
		}
	}
	drop_fd(&hook.out);
	return r;
}
