/* The helper that makes namespaces. */
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

#include "base/cleanup.h"
#include "base/file.h"
#include "core/clone.h"
#include "core/image.h"
#include "init/raw.h"

enum { STACK_SIZE = 16 << 10 };
enum { PATIENCE_NS = 2000000 };

static char stack[STACK_SIZE] __attribute__((aligned(4096)));

static bool make_namespaces(const struct ctr_newnet *newnet)
{
	char up;

	if (SYS(unshare, newnet->flags) < 0 || SYS(write, newnet->tell, "", 1) != 1)
		return false;

	/* 1: it is up; 0: ctr-init may say why not. */
	up = raw_loopback_up() >= 0;
	return SYS(write, newnet->tell, &up, 1) == 1;
}

static int helper_main(void *arg)
{
	struct ctr_newnet *newnet = arg;
	struct pollfd readers = { .fd = newnet->tell };
	bool made;

	/* Nobody would let it end if ctr were killed. */
	(void)SYS(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	atomic_store(&newnet->program, ctr_image_program());
	if (SYS(getppid, 0) != newnet->parent)
		return 0;

	made = make_namespaces(newnet);
	atomic_store(&newnet->idle, 1);
	(void)SYS(futex, &newnet->idle, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	/* POLLERR comes unasked. */
	while (made && SYS(ppoll, &readers, 1, NULL, NULL, 0) == -EINTR)
		;
	return 0;
}

/*
 * Would another CPU come to do it? The fourth field of /proc/loadavg begins with the number of
 * processes that run just now, this one among them, and what the kernel does after the end of the
 * container before, which takes microseconds. On a busy machine the helper would only be more work:
 * 100 starts at once took a tenth longer.
 */
static bool has_free_cpu(void)
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
	return running > 0 && running <= 2 * CPU_COUNT(&cpus);
}

void ctr_newnet_begin(struct ctr_newnet *newnet, uint64_t flags)
{
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&newnet->pidfd,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	int ends[2];
	long pid;

	if (!has_free_cpu() || pipe2(ends, O_CLOEXEC) < 0)
		return;

	*newnet = (struct ctr_newnet){
		.flags = flags,
		.pidfd = -1,
		.made = ends[0],
		.tell = ends[1],
		.program = -1,
		.parent = getpid(),
	};
	pid = ctr_clone_onto_stack(&args, helper_main, newnet);
	if (pid > 0) {
		newnet->pid = (pid_t)pid;
		return;
	}
	close(ends[0]);
	close(ends[1]);
}

int ctr_newnet_program(struct ctr_newnet *newnet)
{
	return newnet->pid > 0 ? atomic_exchange(&newnet->program, -1) : -1;
}

void ctr_newnet_yield(struct ctr_newnet *newnet)
{
	const struct timespec patience = { .tv_nsec = PATIENCE_NS };

	if (newnet->pid > 0)
		(void)SYS(futex, &newnet->idle, FUTEX_WAIT_PRIVATE, 0, &patience, NULL, 0);
}

void ctr_newnet_handed(struct ctr_newnet *newnet)
{
	if (newnet->pid > 0)
		close(ctr_take_fd(&newnet->made));
}

void ctr_newnet_end(struct ctr_newnet *newnet)
{
	int program;

	if (newnet->pid <= 0)
		return;

	if (newnet->made >= 0)
		ctr_newnet_handed(newnet);
	while (waitpid(newnet->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	program = ctr_newnet_program(newnet);
	ctr_close_ptr(&program);
	close(newnet->pidfd);
	close(newnet->tell);
	newnet->pid = 0;
}
