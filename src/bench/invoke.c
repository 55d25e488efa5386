/* Children: starting them, waiting for them, none of them forgotten. */
#include "bench/invoke.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/run.h"
#include "bench/processes.h"
#include "bench/scratch.h"
#include "core/context.h"

enum { WORDS_MAX = 32, STUBBORN_S = 60, WIPE_TRIES = 16, SAID_MAX = 256 };

int64_t ctr_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int ctr_bench_begin(struct ctr_bench *bench, struct ctr_error *err)
{
	sigset_t signals;

	bench->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (bench->null < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '/dev/null'");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot adopt orphaned processes");

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot block signals");
	bench->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (bench->signals < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot wait for signals");

	if (ctr_scratch_make(bench, err) < 0)
		return -1;
	ctr_scratch_sweep(bench);
	return 0;
}

void ctr_bench_end(struct ctr_bench *bench)
{
	ctr_scratch_remove(bench);
}

static const char *manager_name(const struct ctr_context *context)
{
	switch (context->manager) {
	case CTR_MANAGER_SYSTEMD:
		return "systemd";
	case CTR_MANAGER_DISABLED:
		return "disabled";
	default:
		return "cgroupfs";
	}
}

static int new_program(posix_spawnattr_t *attr)
{
	short flags = 0;

	return ctr_run_new_signals(attr) ?: posix_spawnattr_getflags(attr, &flags)
	       ?: posix_spawnattr_setflags(attr, (short)(flags | POSIX_SPAWN_SETPGROUP));
}

int ctr_invoke(const struct ctr_bench *bench, const char *const *words, int in, int out, pid_t *pid)
{
	const char *argv[WORDS_MAX] = { bench->context->name, "--root", bench->context->root,
					"--cgroup-manager", manager_name(bench->context) };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	size_t n = 5;
	int error;

	while (*words && n < WORDS_MAX - 1)
		argv[n++] = *words++;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attr);
	error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	if (!error)
		error = new_program(&attr);
	if (!error)
		error = posix_spawn(pid, "/proc/self/exe", &actions, &attr, (char *const *)argv,
				    environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* -EINTR when one of them asks for an end. */
static int take_signals(struct ctr_bench *bench)
{
	struct signalfd_siginfo info;
	int r = 0;

	while (read(bench->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			r = -EINTR;
	bench->interrupted |= r < 0;
	return r;
}

int ctr_bench_poll(struct ctr_bench *bench, struct pollfd *fds, nfds_t n, int64_t deadline)
{
	struct pollfd *signals = &fds[n - 1];
	int64_t left = deadline - ctr_now();
	struct timespec timeout;
	int r;

	if (left < 0)
		left = 0;
	timeout = (struct timespec){ .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
	*signals = (struct pollfd){ .fd = bench->signals, .events = POLLIN };
	r = ppoll(fds, n, &timeout, NULL);
	if (r < 0)
		return errno == EINTR ? 1 : -errno;
	if (r > 0 && signals->revents && take_signals(bench) < 0)
		return -EINTR;
	return r;
}

int ctr_bench_wait(struct ctr_bench *bench, pid_t pid, int64_t deadline, int *status)
{
	for (;;) {
		struct pollfd fds[1];
		pid_t found = waitpid(pid, status, WNOHANG);
		int r;

		if (found == pid)
			return 0;
		if (found < 0)
			return -errno;
		/* The signals are looked at behind waitpid: none is missed. */
		r = ctr_bench_poll(bench, fds, 1, deadline);
		if (r <= 0)
			return r < 0 ? r : -ETIMEDOUT;
	}
}

void ctr_bench_drop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What must not be left half done: a signal is kept in mind until the child has ended. */
static int wait_stubbornly(struct ctr_bench *bench, pid_t pid, int *status)
{
	int64_t enough = (int64_t)STUBBORN_S * 1000000000;
	int64_t deadline = ctr_now() + (bench->timeout > enough ? bench->timeout : enough);
	int r;

	do
		r = ctr_bench_wait(bench, pid, deadline, status);
	while (r == -EINTR);
	return r;
}

static int call(struct ctr_bench *bench, const char *const *words, bool stubborn, char *text,
		size_t size)
{
	_cleanup_close_ int output = -1;
	int fds[2], status = 0, r;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	output = fds[0];
	r = ctr_invoke(bench, words, bench->null, fds[1], &pid);
	(void)close(fds[1]);
	if (r < 0)
		return r;

	/* What these verbs say fits into a pipe. */
	r = stubborn ? wait_stubbornly(bench, pid, &status)
		     : ctr_bench_wait(bench, pid, ctr_now() + bench->timeout, &status);
	if (r < 0)
		ctr_bench_drop(pid);
	n = read(output, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	if (r < 0)
		return r;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int ctr_bench_call(struct ctr_bench *bench, const char *const *words, char *text, size_t size)
{
	return call(bench, words, false, text, size);
}

int ctr_bench_wipe(struct ctr_bench *bench, const char *id)
{
	const char *const words[] = { "delete", "--force", id, NULL };
	char said[SAID_MAX];
	int r;

	/* One that is born while a signal is sent to all of our group may still be in it. */
	for (int tries = 0; tries < WIPE_TRIES; tries++) {
		r = call(bench, words, true, said, sizeof(said));
		if (r <= 128)
			break;
	}
	return r;
}

int ctr_bench_wait_all(struct ctr_bench *bench, int64_t deadline)
{
	for (;;) {
		struct pollfd fds[1];
		pid_t found = waitpid(-1, NULL, WNOHANG);
		int r;

		if (found > 0)
			continue;
		if (found < 0)
			return errno == ECHILD ? 0 : -errno;
		r = ctr_bench_poll(bench, fds, 1, deadline);
		if (r <= 0)
			return r < 0 ? r : -ETIMEDOUT;
	}
}

size_t ctr_bench_kill_all(struct ctr_bench *bench)
{
	size_t killed = 0, n;
	pid_t *pids;

	/* A child's pid is its own until it is reaped, which is done here only. Its children are
	 * ours then. */
	do {
		struct ctr_arena arena = CTR_ARENA_INIT;

		n = ctr_children(&arena, getpid(), &pids);
		for (size_t i = 0; i < n; i++) {
			(void)kill(pids[i], SIGKILL);
			(void)waitpid(pids[i], NULL, 0);
		}
		killed += n;
		ctr_arena_release(&arena);
	} while (n > 0);

	(void)ctr_bench_wait_all(bench, ctr_now());
	return killed;
}
