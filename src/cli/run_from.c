/*
 * Containers out of one checkpoint, as many at a time as there are CPUs: a restore keeps one busy.
 * Each is made by a process of its own, which ends as a detached `ctr run` does.
 */
#include "cli/run_from.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/signals.h"
#include "cli/command.h"
#include "core/create.h"
#include "core/prepare.h"
#include "criu/options.h"

/* Where a process of ours says what became of its container; shared with it. */
struct outcome {
	pid_t pid; /* the parent's alone; 0: has ended, or was not begun */
	struct ctr_error error;
};

/* With a log and work of its own; the images are only read. */
static int run_one(struct ctr_command *command, const struct ctr_create_options *options,
		   const char *from, const char *id, struct ctr_error *err)
{
	const struct ctr_criu_flags flags = {
		.image_path = from,
		.work_path = ctr_arena_printf(command->context->arena, "%s/work-%s", from, id),
	};
	struct ctr_create_options own = *options;

	own.id = id;
	own.restore = &flags;
	return ctr_run(command->context, &own, &command->status, err);
}

static size_t count_cpus(void)
{
	cpu_set_t cpus;

	/* more of them than the set has bits */
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return CPU_SETSIZE;
	return (size_t)CPU_COUNT(&cpus);
}

/* Wait until one of @outcomes ends. */
static void reap(struct outcome *outcomes, size_t n)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);

		if (pid < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < n && pid > 0; i++) {
			struct outcome *outcome = &outcomes[i];

			if (outcome->pid != pid)
				continue;
			outcome->pid = 0;
			if (WIFSIGNALED(status))
				(void)ctr_fail(&outcome->error, CTR_FAULT_HOST, 0,
					       "what restored it was ended by signal %d (ctr "
					       "delete --force)",
					       WTERMSIG(status));
			else if (status != 0 && outcome->error.fault == CTR_FAULT_NONE)
				(void)ctr_fail(&outcome->error, CTR_FAULT_HOST, 0,
					       "what restored it has ended with status %d (ctr "
					       "delete --force)",
					       WEXITSTATUS(status));
			return;
		}
	}
}

static int start_one(struct ctr_command *command, const struct ctr_create_options *options,
		     const char *from, const char *id, const sigset_t *signals,
		     struct outcome *outcome)
{
	pid_t pid = fork();

	if (pid < 0)
		return ctr_fail(&outcome->error, CTR_FAULT_HOST, errno, "cannot fork");
	if (pid > 0) {
		outcome->pid = pid;
		return 0;
	}

	(void)sigprocmask(SIG_SETMASK, signals, NULL);
	if (run_one(command, options, from, id, &outcome->error) == 0)
		outcome->error.fault = CTR_FAULT_NONE;
	_exit(0);
}

/* Errors in the order of @ids; the last one is @err. */
static int tell(const struct outcome *outcomes, const char *const *ids, size_t n,
		struct ctr_error *err)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		if (outcomes[i].error.fault == CTR_FAULT_NONE)
			continue;
		if (r < 0)
			ctr_log_error(err);
		*err = outcomes[i].error;
		r = ctr_fail_within(err, "container '%s'", ids[i]);
	}
	return r;
}

static int run_all(struct ctr_command *command, const struct ctr_create_options *options,
		   const char *from, const char *const *ids, size_t n, struct ctr_error *err)
{
	const size_t max = count_cpus();
	struct outcome *outcomes = mmap(NULL, n * sizeof(*outcomes), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t running = 0;
	sigset_t signals;
	int r;

	if (outcomes == MAP_FAILED)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot map memory");

	/* One that is to end begins no more, and goes when those that run are done. */
	ctr_prepare_block_signals(&signals);
	for (size_t i = 0; i < n && !ctr_signals_pending(); i++) {
		if (running == max) {
			reap(outcomes, n);
			running--;
		}
		if (start_one(command, options, from, ids[i], &signals, &outcomes[i]) == 0)
			running++;
	}
	for (; running > 0; running--)
		reap(outcomes, n);
	(void)sigprocmask(SIG_SETMASK, &signals, NULL);

	r = tell(outcomes, ids, n, err);
	(void)munmap(outcomes, n * sizeof(*outcomes));
	return r;
}

int ctr_run_from(struct ctr_command *command, const struct ctr_create_options *options,
		 const char *from, const char *const *ids, size_t n, struct ctr_error *err)
{
	if (n > 1 && !options->detach)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"run: --from with more than one container needs --detach");
	if (n > 1 && options->pid_file)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"run: --pid-file is for one container, not for %zu", n);

	/* For each of them there is to be a directory with its log. */
	if (access(from, W_OK) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "--from: cannot write to '%s'", from);

	return n > 1 ? run_all(command, options, from, ids, n, err)
		     : run_one(command, options, from, ids[0], err);
}
