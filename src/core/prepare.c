/* The parent's actions on a new process, each with the config field in its error. */
#include "core/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/bitlist.h"
#include "base/error.h"
#include "base/file.h"
#include "base/libc.h"
#include "base/log.h"
#include "ns/plan.h"

/* As the kernel has it (sched_setattr(2)); glibc of Debian 12 has no declaration. */
struct sched_attr_v1 {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max; /* with SCHED_FLAG_UTIL_CLAMP_* */
};

enum { CPUS_MAX = 8192 };
enum { IOPRIO_WHO_PROCESS_ = 1, IOPRIO_CLASS_SHIFT_ = 13 };

void ctr_prepare_warn(const struct ctr_actions *actions)
{
	for (size_t i = 0; i < actions->nwarnings; i++)
		ctr_log(CTR_LOG_WARNING, "%s", actions->warnings[i]);
}

static int set_oom_score(const struct ctr_actions *actions, pid_t pid, struct ctr_error *err)
{
	char path[48], text[16];
	int len, r;

	if (!actions->has_oom_score_adj)
		return 0;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	len = snprintf(text, sizeof(text), "%d", actions->oom_score_adj);
	r = ctr_file_write_once(AT_FDCWD, path, text, (size_t)len);
	if (r < 0)
		return ctr_fail(
			err, CTR_FAULT_CONFIG, -r,
			"process.oomScoreAdj: cannot set %d (lowering it needs CAP_SYS_RESOURCE)",
			actions->oom_score_adj);
	return 0;
}

static int set_scheduler(const struct ctr_actions *actions, pid_t pid, struct ctr_error *err)
{
	const struct ctr_scheduler *scheduler = actions->scheduler;
	struct sched_attr_v1 attr = { .size = sizeof(attr) };

	if (!scheduler)
		return 0;

	attr.policy = scheduler->policy;
	attr.flags = scheduler->flags;
	attr.nice = scheduler->nice;
	attr.priority = (uint32_t)scheduler->priority;
	attr.runtime = scheduler->runtime;
	attr.deadline = scheduler->deadline;
	attr.period = scheduler->period;
	if (syscall(SYS_sched_setattr, pid, &attr, 0) < 0)
		return ctr_fail(
			err, CTR_FAULT_CONFIG, errno, "process.scheduler: cannot set it%s",
			errno == EPERM && attr.policy == SCHED_DEADLINE
				? " (SCHED_DEADLINE is refused together with a restricted cpuset)"
				: "");
	return 0;
}

int ctr_prepare_io_priority(const struct ctr_io_priority *priority, pid_t pid,
			    struct ctr_error *err)
{
	long value;

	if (!priority)
		return 0;

	value = (long)priority->class << IOPRIO_CLASS_SHIFT_ | priority->priority;
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS_, pid, value) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "process.ioPriority: cannot set it");
	return 0;
}

static int set_affinity(pid_t pid, const char *list, const char *field, struct ctr_error *err)
{
	uint64_t cpus[CPUS_MAX / 64] = { 0 };

	if (ctr_bitlist_parse(list, cpus, CPUS_MAX) <= 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "%s: invalid CPU list '%s'", field, list);
	if (syscall(SYS_sched_setaffinity, pid, sizeof(cpus), cpus) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "%s: cannot set CPUs '%s'", field,
				list);
	return 0;
}

int ctr_prepare_affinity(const struct ctr_actions *actions, struct ctr_error *err)
{
	const struct ctr_exec_cpu_affinity *affinity = actions->exec_cpu_affinity;

	if (!affinity || !affinity->initial || !affinity->initial[0])
		return 0;

	return set_affinity(0, affinity->initial, "process.execCPUAffinity.initial", err);
}

/* The caller may be pinned to some CPUs; the container gets all that its cpuset allows, unless a
 * process that joins it is given its own. */
static int reset_affinity(const struct ctr_actions *actions, pid_t pid, struct ctr_error *err)
{
	const struct ctr_exec_cpu_affinity *affinity = actions->exec_cpu_affinity;
	uint64_t all[CPUS_MAX / 64];

	if (affinity && affinity->final && affinity->final[0])
		return set_affinity(pid, affinity->final, "process.execCPUAffinity.final", err);
	if (affinity && affinity->initial && affinity->initial[0])
		return 0;

	memset(all, 0xff, sizeof(all));
	/* Refused when nothing is allowed, or by a filter: then the caller's affinity stays. */
	(void)syscall(SYS_sched_setaffinity, pid, sizeof(all), all);
	return 0;
}

/* So that /dev/stdout can be opened again. Never /dev/null: it is the host's (runc 3674). */
static int give_streams(const struct ctr_actions *actions, struct ctr_error *err)
{
	struct stat st;

	for (int fd = 0; actions->has_stdio_owner && fd <= STDERR_FILENO; fd++) {
		if (fstat(fd, &st) < 0 ||
		    (S_ISCHR(st.st_mode) && st.st_rdev == makedev(MEM_MAJOR, 3)) ||
		    st.st_uid == actions->stdio_owner)
			continue;
		if (fchown(fd, actions->stdio_owner, (gid_t)-1) < 0 && errno != EINVAL &&
		    errno != EPERM && errno != EROFS && errno != ENOSYS)
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"process.user.uid: cannot own descriptor %d", fd);
	}
	return 0;
}

int ctr_prepare_process(const struct ctr_actions *actions, pid_t pid, struct ctr_error *err)
{
	if (give_streams(actions, err) < 0 || reset_affinity(actions, pid, err) < 0 ||
	    set_oom_score(actions, pid, err) < 0 || set_scheduler(actions, pid, err) < 0)
		return -1;
	return ctr_prepare_io_priority(actions->io_priority, pid, err);
}

int ctr_prepare_rlimit_fail(const struct ctr_rlimit *rlimit, size_t index, int error,
			    struct ctr_error *err)
{
	const char *why = "";

	/* getrlimit(2): for descriptors whoever asks. */
	if (error == EPERM && rlimit->resource == RLIMIT_NOFILE)
		why = " (more than fs.nr_open allows, or raised without CAP_SYS_RESOURCE)";
	else if (error == EPERM)
		why = " (raising a hard limit needs CAP_SYS_RESOURCE)";
	return ctr_fail(err, CTR_FAULT_CONFIG, error,
			"process.rlimits[%zu]: cannot set soft %llu, hard %llu%s", index,
			(unsigned long long)rlimit->soft, (unsigned long long)rlimit->hard, why);
}

int ctr_prepare_rlimits(const struct ctr_actions *actions, pid_t pid, struct ctr_error *err)
{
	for (size_t i = 0; i < actions->nrlimits; i++) {
		const struct ctr_rlimit *rlimit = &actions->rlimits[i];
		struct rlimit limit = { .rlim_cur = rlimit->soft, .rlim_max = rlimit->hard };

		if (actions->late_rlimits >> rlimit->resource & 1) {
			if (prlimit(pid, (int)rlimit->resource, NULL, &limit) == 0 &&
			    limit.rlim_cur >= rlimit->soft && limit.rlim_max >= rlimit->hard)
				continue;
			if (limit.rlim_cur < rlimit->soft)
				limit.rlim_cur = rlimit->soft;
			if (limit.rlim_max < rlimit->hard)
				limit.rlim_max = rlimit->hard;
		}
		if (prlimit(pid, (int)rlimit->resource, &limit, NULL) < 0)
			return ctr_prepare_rlimit_fail(rlimit, i, errno, err);
	}

	return 0;
}

void ctr_prepare_block_signals(sigset_t *old)
{
	sigset_t all;

	ctr_sigfillset(&all);
	/* Their default actions are what a bug of ours should get. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	(void)sigprocmask(SIG_BLOCK, &all, old);
}

void ctr_prepare_restore_signals(const sigset_t *old)
{
	const struct timespec now = { 0 };
	sigset_t pipe;

	/* Who reads from us (a hook, a terminal's other end) may have ended first. A blocked signal
	 * is kept even where it is ignored meanwhile. */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	(void)sigtimedwait(&pipe, NULL, &now);

	(void)sigprocmask(SIG_SETMASK, old, NULL);
}

/* One that closes on exec is ours: no caller can have passed it. */
static bool is_passed(uint32_t fd)
{
	int flags = fcntl((int)fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

int ctr_prepare_fds(uint32_t preserve, uint32_t *n, uint32_t *listen, const char **names,
		    struct ctr_error *err)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t value = 0, owner = 0;

	*listen = 0;
	if (fds && pid && ctr_parse_u64(pid, &owner) == 0 && owner == (uint64_t)getpid()) {
		if (ctr_parse_u64(fds, &value) < 0 || value > 4096)
			return ctr_fail(err, CTR_FAULT_USAGE, 0, "LISTEN_FDS: invalid value '%s'",
					fds);
		*listen = (uint32_t)value;
	}

	*names = *listen > 0 ? getenv("LISTEN_FDNAMES") : NULL;
	*n = preserve + *listen;
	/* Who passes some of many says how far they go: the last one is among them. */
	if (preserve > 0 && !is_passed(2 + *n))
		return ctr_fail(err, CTR_FAULT_USAGE, EBADF,
				"--preserve-fds %u: file descriptor %u is not open", preserve,
				2 + *n);
	for (uint32_t fd = 3; fd < 3 + *listen; fd++)
		if (!is_passed(fd))
			return ctr_fail(err, CTR_FAULT_USAGE, EBADF,
					"LISTEN_FDS: file descriptor %u is not open", fd);

	return 0;
}
