/* bench: what a hypervisor has beside the memory of its guest. */
#include "unit.h"

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "bench/memory.h"

enum { GUEST = 96 << 20, OWN = 8 << 20, FILES = 4 << 20 };

/* A process with a mapping of the size of a guest, all of it touched, and one of its own. */
static pid_t start(int ready, bool in_memory)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* Apart from each other: of equal neighbours the kernel would make one. */
		char *guest = mmap(NULL, GUEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
		char *gap = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *own =
			mmap(NULL, OWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		/* A file that nobody else maps, on disk (/tmp may not be), and one in memory, whose
		 * pages are dirty. */
		char name[] = "ctr-unit.XXXXXX", text[4096] = "x";
		const int fd = in_memory ? memfd_create("unit", 0) : mkstemp(name);
		const char *file;
		unsigned sum = 0;

		if (!in_memory)
			(void)unlink(name);
		for (int at = 0; at < FILES; at += (int)sizeof(text))
			(void)!write(fd, text, sizeof(text));
		(void)fsync(fd);
		file = mmap(NULL, FILES, PROT_READ, MAP_PRIVATE, fd, 0);
		for (int at = 0; at < FILES; at += (int)sizeof(text))
			sum += (unsigned char)file[at];
		(void)gap;
		(void)madvise(guest, GUEST, MADV_DONTDUMP);
		memset(guest, 1, GUEST);
		memset(own, 1, OWN);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!write(ready, sum > 0 ? "x" : "", 1);
		for (;;)
			pause();
	}
	return pid;
}

static void hypervisor_of(bool in_memory)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_footprint memory;
	int pipes[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = start(pipes[1], in_memory);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	ctr_memory_of(&arena, getpid(), NULL, GUEST, &memory);
	assert_true(memory.uss >= GUEST + OWN);
	assert_true(memory.hypervisor >= OWN);
	assert_true(memory.hypervisor < OWN + FILES);
	assert_true(memory.hypervisor_files >= FILES);
	ctr_memory_of(&arena, getpid(), NULL, 0, &memory);
	assert_int_equal(memory.hypervisor, 0);
	assert_int_equal(memory.hypervisor_files, 0);
	/* no guest of that size */
	ctr_memory_of(&arena, getpid(), NULL, GUEST / 2, &memory);
	assert_int_equal(memory.hypervisor, 0);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	ctr_arena_release(&arena);
}

static void hypervisor(void **state)
{
	(void)state;
	hypervisor_of(false);
	hypervisor_of(true);
}

static int wait_for_signal(void *ready)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(*(int *)ready, "x", 1);
	while (pause() < 0)
		;
	return 0;
}

/* As User-Mode Linux has its threads: processes, with one memory. */
static void same_memory(void **state)
{
	static char stack[64 << 10];
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_footprint memory;
	int pipes[2];
	char bytes[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		char *own =
			mmap(NULL, OWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(own, 1, OWN);
		(void)clone(wait_for_signal, stack + sizeof(stack), CLONE_VM | SIGCHLD, &pipes[1]);
		_exit(wait_for_signal(&pipes[1]));
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(read(pipes[0], bytes, 1), 1);
	ctr_memory_of(&arena, getpid(), NULL, 0, &memory);
	assert_int_equal(memory.processes, 2);
	assert_int_equal(memory.unreadable, 0);
	assert_true(memory.uss >= OWN);
	assert_true(memory.uss < OWN + OWN / 2);
	assert_true(memory.pss < OWN + OWN / 2);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hypervisor),
		cmocka_unit_test(same_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
