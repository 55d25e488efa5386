/* The helper that makes namespaces, and the three that talk with it by a futex. */
#include "core/newnet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "core/clone.h"
#include "init/raw.h"

enum { STACK_SIZE = 16 << 10 };

enum newnet_state {
	MAKING,
	MADE,
	FAILED,
	LEFT, /* joined, or not wanted: the helper may go */
};

static char stack[STACK_SIZE] __attribute__((aligned(4096)));

static uint32_t get(const struct ctr_newnet *newnet)
{
	return __atomic_load_n(&newnet->state, __ATOMIC_ACQUIRE);
}

static void set(struct ctr_newnet *newnet, uint32_t state)
{
	__atomic_store_n(&newnet->state, state, __ATOMIC_RELEASE);
	(void)SYS(futex, &newnet->state, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Until the state is no longer @state, or 50 ms. */
static void await(const struct ctr_newnet *newnet, uint32_t state)
{
	const struct timespec timeout = { .tv_nsec = 50000000 };

	(void)SYS(futex, &newnet->state, FUTEX_WAIT, state, &timeout, NULL, 0);
}

static int helper_main(void *arg)
{
	struct ctr_newnet *newnet = arg;
	long r;

	/* Nobody would let it end if ctr were killed. */
	(void)SYS(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (SYS(getppid, 0) != newnet->parent)
		return 0;

	r = SYS(unshare, newnet->flags);
	set(newnet, r < 0 ? FAILED : MADE);
	while (get(newnet) == MADE)
		await(newnet, MADE);
	return 0;
}

/*
 * Is there a CPU with nothing to do? The fourth field of /proc/loadavg begins with the number of
 * processes that run just now, this one among them. On a busy machine the helper would only be more
 * work: 100 starts at once took a tenth longer.
 */
static bool has_idle_cpu(void)
{
	cpu_set_t cpus;
	char text[64];
	const char *p = text;
	int running = 0;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0 || CPU_COUNT(&cpus) < 2 ||
	    ctr_file_read_small(AT_FDCWD, "/proc/loadavg", text, sizeof(text)) <= 0)
		return false;

	for (int field = 0; field < 3; field++) {
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	for (; *p >= '0' && *p <= '9' && running < CPU_SETSIZE; p++)
		running = running * 10 + (*p - '0');
	return running > 0 && running < CPU_COUNT(&cpus);
}

void ctr_newnet_begin(struct ctr_newnet *newnet, uint64_t flags)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&newnet->pidfd,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	long pid;

	*newnet = (struct ctr_newnet){
		.flags = flags,
		.pidfd = -1,
		.parent = getpid(),
		.state = MAKING,
	};
	if (!has_idle_cpu())
		return;
	pid = ctr_clone_onto_stack(&args, helper_main, newnet);
	if (pid > 0)
		newnet->pid = (pid_t)pid;
}

/* Has the helper ended? Nobody reaps it while the child is there to ask. */
static bool is_gone(const struct ctr_newnet *newnet)
{
	const struct timespec now = { 0 };
	struct pollfd fd = { .fd = newnet->pidfd, .events = POLLIN };

	return SYS(ppoll, &fd, 1, &now, NULL, 0) > 0;
}

long ctr_newnet_join(struct ctr_newnet *newnet)
{
	long r = -ESRCH;

	while (get(newnet) == MAKING && !is_gone(newnet))
		await(newnet, MAKING);
	if (get(newnet) == MADE)
		r = SYS(setns, newnet->pidfd, newnet->flags);
	set(newnet, LEFT);

	/* No setns(2) with a pidfd before 5.8; and whatever went wrong, here it can be said. */
	return r < 0 ? SYS(unshare, newnet->flags) : 0;
}

void ctr_newnet_end(struct ctr_newnet *newnet)
{
	if (newnet->pid <= 0)
		return;

	while (get(newnet) == MAKING && !is_gone(newnet))
		await(newnet, MAKING);
	set(newnet, LEFT);
	while (waitpid(newnet->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	close(newnet->pidfd);
	newnet->pid = 0;
}
