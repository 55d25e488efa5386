/*
 * The entry of ctr-init: `ctr-init FD [OFFSET]`. FD is a memfd that holds the plan from OFFSET on
 * (a multiple of the page size, 0 by default: this program's own image may be in front). There is
 * no C runtime: _start gets the stack as execve(2) left it.
 */
#include "init/guest.h"
#include "init/init.h"

#include <linux/prctl.h>

void _start(void);
_Noreturn void init_main(long *stack);
/* apply.c */
_Noreturn void apply(struct init *init);

#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call init_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	bl init_main\n");
#endif

enum { NO_PLAN = 127 }; /* the parent sees end of file on the socket and this status */

/* Map the plan; it stays mapped until the payload is executed. */
static const struct ctr_plan_header *map_plan(int fd, uint64_t offset)
{
	const struct ctr_plan_header *plan;
	struct stat st;
	long mapped;

	if (sys_fstat(fd, &st) < 0 || (uint64_t)st.st_size < offset + sizeof(*plan))
		return NULL;
	mapped = SYS(mmap, NULL, (uint64_t)st.st_size - offset, PROT_READ_, MAP_PRIVATE_, fd,
		     offset);
	if (mapped < 0 && mapped > -4096)
		return NULL;
	(void)sys_close(fd);

	plan = (const struct ctr_plan_header *)mapped;
	if (plan->magic != CTR_PLAN_MAGIC || plan->version != CTR_PLAN_VERSION ||
	    plan->size > (uint64_t)st.st_size - offset)
		return NULL;
	return plan;
}

void init_main(long *stack)
{
	char **argv = (char **)(stack + 1);
	struct init *init = &init_memory.init;

	for (int i = 0; i < CTR_SLOT_COUNT; i++)
		init->slots[i] = -1;
	init->dir = init->null = init->empty = init->made = init->maker = -1;

	/* Nobody may trace what stands with one foot in the host. */
	(void)sys_prctl(PR_SET_DUMPABLE, 0, 0);

	/* Modes in the plan are what they say, whatever the caller's umask. */
	init->umask = SYS(umask, 0);

	/* The kernel of a virtual machine starts it by this name. */
	if (str_equal(argv[0], "/init") && SYS(getpid, 0) == 1)
		guest_main();
	if (stack[0] < 2)
		sys_exit(NO_PLAN);
	init->plan = map_plan((int)str_number(argv[1]), stack[0] > 2 ? str_number(argv[2]) : 0);
	if (!init->plan)
		sys_exit(NO_PLAN);

	init->sync = init->plan->sync_fd;
	init->slots[CTR_SLOT_GATE] = init->plan->gate_fd;
	if (init->sync >= 0)
		(void)SYS(fcntl, init->sync, F_SETFD, FD_CLOEXEC);
	if (init->plan->gate_fd >= 0)
		(void)SYS(fcntl, init->plan->gate_fd, F_SETFD, FD_CLOEXEC);

	apply(init);
}
