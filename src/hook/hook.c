/*
 * Running one hook: posix_spawn, then a poll loop that feeds standard input, keeps the first bytes
 * of what the hook prints, and watches the clock. A hook that does not read its input is fine.
 */
#include "hook/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/libc.h"
#include "base/run.h"
#include "base/strerror.h"
#include "oci/words.h"
#include "state/dir.h"

enum { OUTPUT_KEPT = 512, LOOK_MS = 100 };

struct hook_run {
	const struct ctr_hook *hook;
	const char *input;
	size_t input_left;
	int in, out; /* our ends */
	int pidfd;   /* negative: there is none */
	int dir;     /* the container's state; -1 */
	pid_t pid;
	char output[OUTPUT_KEPT + 1];
	size_t output_len;
};

static const char **copy_strings(const char *const *list, size_t n, const char *first)
{
	const char **copy = calloc(n + 2, sizeof(*copy));

	if (copy && n > 0)
		memcpy(copy, list, n * sizeof(*copy));
	else if (copy)
		copy[0] = first;
	return copy;
}

static int set_up_spawn(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr, int in,
			int out, const char *cwd)
{
	return posix_spawn_file_actions_adddup2(actions, in, 0) ?:
	       posix_spawn_file_actions_adddup2(actions, out, 1) ?:
	       posix_spawn_file_actions_adddup2(actions, out, 2) ?:
	       /* What our caller has left open is for us and the container. */
	       ctr_spawn_add_close_inherited(actions, 3) ?:
	       (cwd ? posix_spawn_file_actions_addchdir_np(actions, cwd) : 0) ?:
	       ctr_run_new_signals(attr);
}

/* 0 or an errno value. The hook's ends of the pipes are @in and @out. */
static int spawn(struct hook_run *run, int in, int out, const char *cwd)
{
	_cleanup_free_ const char **args =
		copy_strings(run->hook->args, run->hook->nargs, run->hook->path);
	_cleanup_free_ const char **env = copy_strings(run->hook->env, run->hook->nenv, NULL);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r;

	if (!args || !env)
		return ENOMEM;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	r = set_up_spawn(&actions, &attr, in, out, cwd);
	if (r == 0)
		r = posix_spawn(&run->pid, run->hook->path, &actions, &attr, (char *const *)args,
				run->hook->has_env ? (char *const *)env : environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_now(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void feed(struct hook_run *run)
{
	ssize_t n = write(run->in, run->input, run->input_left);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		/* EPIPE: it does not care for its input. */
		close_now(&run->in);
		return;
	}

	run->input += n;
	run->input_left -= (size_t)n;
	if (run->input_left == 0)
		close_now(&run->in);
}

static void collect(struct hook_run *run)
{
	char data[4096];
	ssize_t n = read(run->out, data, sizeof(data));
	size_t room = OUTPUT_KEPT - run->output_len;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close_now(&run->out);
		return;
	}

	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(run->output + run->output_len, data, room);
	run->output_len += room;
}

static bool has_ended(const struct hook_run *run)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

/* How long to sleep: to the deadline, but look now and then at what no descriptor tells. */
static int poll_timeout(const struct hook_run *run, int64_t left)
{
	int look = run->pidfd < 0 ? LOOK_MS / 10 : run->dir >= 0 ? LOOK_MS : -1;

	if (left < 0 || (look >= 0 && left > look))
		return look;
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Until the hook ended (0), time is over (-ETIMEDOUT), or nobody wants the container any more
 * (-ECANCELED). What it left running may hold the pipe. */
static int serve(struct hook_run *run, int64_t deadline)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = run->in,     .events = POLLOUT},
			{ .fd = run->out,   .events = POLLIN },
			{ .fd = run->pidfd, .events = POLLIN },
		};
		int64_t left = deadline ? deadline - now_ms() : -1;

		if (deadline && left <= 0)
			return -ETIMEDOUT;
		if (run->dir >= 0 && ctr_state_is_ending(run->dir))
			return -ECANCELED;
		if (poll(fds, 3, poll_timeout(run, left)) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}

		if (fds[0].revents)
			feed(run);
		if (fds[1].revents)
			collect(run);
		/* What it left running may print without end. */
		if ((!(fds[1].revents & POLLIN) || run->output_len == OUTPUT_KEPT) &&
		    (run->pidfd < 0 ? has_ended(run) : fds[2].revents != 0))
			return 0;
	}
}

/* Start it, with pipes to its input and from its output. 0, or -1 and @err. */
static int start(struct hook_run *run, const char *cwd, struct ctr_error *err)
{
	_cleanup_close_ int in_read = -1, out_write = -1;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a pipe");
	in_read = ends[0];
	run->in = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a pipe");
	run->out = ends[0];
	out_write = ends[1];

	r = spawn(run, in_read, out_write, cwd);
	if (r != 0)
		return ctr_fail(err, CTR_FAULT_HOST, r, "cannot execute '%s'", run->hook->path);

	run->pidfd = ctr_pidfd_open(run->pid);
	(void)fcntl(run->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(run->out, F_SETFL, O_NONBLOCK);
	return 0;
}

/* In the words of plan/msg.c, which tells of the hooks that ctr-init runs. */
static int report(struct hook_run *run, bool late, int status, struct ctr_error *err)
{
	const struct ctr_hook *hook = run->hook;
	const char *before;

	run->output[run->output_len] = '\0';
	while (run->output_len > 0 && run->output[run->output_len - 1] == '\n')
		run->output[--run->output_len] = '\0';
	before = run->output_len > 0 ? ", output: " : "";

	if (late)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"'%s': hook ran past specified timeout of %llds%s%s", hook->path,
				(long long)hook->timeout, before, run->output);
	if (WIFSIGNALED(status))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "'%s': signal %d (%s)%s%s", hook->path,
				WTERMSIG(status), ctr_strsignal(WTERMSIG(status)), before,
				run->output);

	return ctr_fail(err, CTR_FAULT_HOST, 0, "'%s': exit status %d%s%s", hook->path,
			WEXITSTATUS(status), before, run->output);
}

/* Wait for the end of what was started. 0, or -1 and @err. */
static int await(struct hook_run *run, struct ctr_error *err)
{
	const struct ctr_hook *hook = run->hook;
	int r = serve(run, hook->timeout ? now_ms() + hook->timeout * 1000 : 0), status = 0;

	close_now(&run->in);
	if (r < 0)
		(void)kill(run->pid, SIGKILL);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	if ((r == 0 || r == -ETIMEDOUT) && run->out >= 0)
		collect(run);

	if (r == -ECANCELED)
		return ctr_fail(err, CTR_FAULT_STATE, 0, "'%s': the container is being deleted",
				hook->path);
	if (r < 0 && r != -ETIMEDOUT)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "'%s'", hook->path);
	return r == 0 && status == 0 ? 0 : report(run, r < 0, status, err);
}

static int run_one(const struct ctr_hook *hook, const char *state, const char *cwd, int dir,
		   struct ctr_error *err)
{
	struct hook_run run = {
		.hook = hook,
		.input = state,
		.input_left = strlen(state),
		.in = -1,
		.out = -1,
		.pidfd = -1,
		.dir = dir,
	};
	int r = start(&run, cwd, err);

	if (r == 0)
		r = await(&run, err);
	close_now(&run.in);
	close_now(&run.out);
	close_now(&run.pidfd);
	return r;
}

int ctr_hooks_run(const struct ctr_hooks *hooks, enum ctr_hook_kind kind, const char *state,
		  const char *cwd, int dir, struct ctr_error *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int r = 0;

	if (hooks->count == 0)
		return 0;

	/* Writing to a hook that ended must not end us. */
	sigaction(SIGPIPE, &ignore, &before);
	for (size_t i = 0; i < hooks->count && r == 0; i++)
		if (run_one(&hooks->list[i], state, cwd, dir, err) < 0)
			r = ctr_fail_within(err, "error running %s hook #%zu",
					    ctr_name_of(ctr_hook_names, (int64_t)kind), i);
	sigaction(SIGPIPE, &before, NULL);

	return r;
}
