/*
 * The floor of `run`: the system calls that a container made from runc's default document takes,
 * and nothing else. No libc, no JSON, no state, no device filter, no protection of its own binary,
 * no message that says what went wrong. What a runtime needs beyond it is its own cost; nothing
 * that makes the same container can be faster. bench/run compares with it.
 *
 * usage: floor [-c CGROUP] [-s FILTER] ROOTFS PROGRAM [ARGUMENT...]
 *
 * CGROUP is a directory to make, start in and remove; FILTER a file with a compiled seccomp program
 * (struct sock_filter[]), as ctr caches it. The exit status is the program's; 99 when the floor
 * itself failed.
 *
 * The process is cloned with CLONE_VM|CLONE_VFORK: no page is copied, and the parent waits until
 * execve, which is the price of having no other means of synchronization.
 */
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/stat.h>
#include <stdbool.h>

#include "init/raw.h"

enum {
	FAILED = 99,
	STACK = 16384,
	SIGCHLD_ = 17,
	AF_INET_ = 2,
	SOCK_DGRAM_ = 2,
	SIOCSIFFLAGS_ = 0x8914,
	IFF_UP_ = 1,
	DETACH = 2,           /* umount2(2) */
	LAST_CAPABILITY = 40, /* CAP_CHECKPOINT_RESTORE */
	FILTER_MAX = 4096,    /* instructions, BPF_MAXINSNS */
};

#define DEV(major, minor) ((major) << 8 | (minor))
#define HIDDEN            (MS_NOSUID | MS_NOEXEC | MS_NODEV)

struct floor {
	const char *rootfs;
	const char *const *argv;
	const struct sock_fprog *filter;
	bool in_cgroup;
};

static char stack[STACK] __attribute__((aligned(16)));
static struct sock_filter instructions[FILTER_MAX];

void _start(void);
_Noreturn void floor_main(const long *words);

static _Noreturn void quit(int status)
{
	for (;;)
		(void)SYS(exit_group, status);
}

/* A call that must succeed. */
static long must(long result)
{
	if (result < 0)
		quit(FAILED);
	return result;
}

static void mounts(const char *rootfs)
{
	must(SYS(mount, "", "/", NULL, MS_REC | MS_SLAVE, NULL));
	must(SYS(mount, rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
	must(SYS(chdir, rootfs));

	must(SYS(mount, "proc", "proc", "proc", 0, NULL));
	must(SYS(mount, "tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME,
		 "mode=755,size=65536k"));
	must(SYS(mkdirat, AT_FDCWD, "dev/pts", 0755));
	must(SYS(mount, "devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		 "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	must(SYS(mkdirat, AT_FDCWD, "dev/shm", 0755));
	must(SYS(mount, "shm", "dev/shm", "tmpfs", HIDDEN, "mode=1777,size=65536k"));
	must(SYS(mkdirat, AT_FDCWD, "dev/mqueue", 0755));
	must(SYS(mount, "mqueue", "dev/mqueue", "mqueue", HIDDEN, NULL));
	must(SYS(mount, "sysfs", "sys", "sysfs", HIDDEN | MS_RDONLY, NULL));
	must(SYS(mount, "cgroup", "sys/fs/cgroup", "cgroup2", HIDDEN | MS_RELATIME | MS_RDONLY,
		 NULL));
}

static void devices(void)
{
	static const struct {
		const char *path;
		unsigned number;
	} nodes[] = {
		{"dev/null",     DEV(1, 3)},
                { "dev/zero",    DEV(1, 5)},
		{ "dev/full",    DEV(1, 7)},
                { "dev/random",  DEV(1, 8)},
		{ "dev/urandom", DEV(1, 9)},
                { "dev/tty",     DEV(5, 0)},
	};
	static const char *const links[][2] = {
		{"/proc/self/fd",    "dev/fd"    },
                { "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout"},
                { "/proc/self/fd/2", "dev/stderr"},
		{ "pts/ptmx",        "dev/ptmx"  },
	};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		must(SYS(mknodat, AT_FDCWD, nodes[i].path, S_IFCHR | 0666, nodes[i].number));
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		must(SYS(symlinkat, links[i][0], AT_FDCWD, links[i][1]));
}

/* Paths of the default document that are missing here are missing for everyone: passed over. */
static void hidden_paths(void)
{
	static const char *const masked_files[] = {
		"/proc/asound",     "/proc/kcore",       "/proc/keys",        "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	};
	static const char *const masked_directories[] = { "/proc/acpi", "/sys/firmware",
							  "/proc/scsi" };
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
						"/proc/sysrq-trigger" };

	for (size_t i = 0; i < sizeof(readonly) / sizeof(*readonly); i++) {
		if (SYS(mount, readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) < 0)
			continue;
		must(SYS(mount, NULL, readonly[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	}
	for (size_t i = 0; i < sizeof(masked_files) / sizeof(*masked_files); i++)
		(void)SYS(mount, "/dev/null", masked_files[i], NULL, MS_BIND, NULL);
	for (size_t i = 0; i < sizeof(masked_directories) / sizeof(*masked_directories); i++)
		(void)SYS(mount, "tmpfs", masked_directories[i], "tmpfs", MS_RDONLY,
			  "nr_blocks=1,nr_inodes=1");
}

static void loopback_up(void)
{
	struct {
		char name[16];
		short flags;
		char rest[22];
	} request = { .name = "lo", .flags = IFF_UP_ };
	int fd = (int)must(SYS(socket, AF_INET_, SOCK_DGRAM_, 0));

	must(SYS(ioctl, fd, SIOCSIFFLAGS_, &request));
	must(SYS(close, fd));
}

static void privileges(const struct sock_fprog *filter)
{
	static const struct rlimit nofile = { 1024, 1024 };
	static const unsigned keep =
		1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	const struct __user_cap_data_struct sets[2] = {
		{keep, keep, 0}
	};

	must(SYS(prlimit64, 0, RLIMIT_NOFILE, &nofile, NULL));
	for (unsigned cap = 0; cap <= LAST_CAPABILITY; cap++) {
		if (cap > 31 || !(keep & 1U << cap))
			must(SYS(prctl, PR_CAPBSET_DROP, cap, 0));
	}
	must(SYS(setgroups, 0, NULL));
	must(SYS(setresgid, 0, 0, 0));
	must(SYS(setresuid, 0, 0, 0));
	must(SYS(capset, &header, sets));
	must(SYS(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (filter)
		must(SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, filter));
}

/* In the new process, on its own stack and the parent's memory. */
static _Noreturn void child(const struct floor *floor)
{
	static const char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"TERM=xterm",
		"HOME=/root",
		NULL,
	};

	if (floor->in_cgroup)
		must(SYS(unshare, CLONE_NEWCGROUP));
	must(SYS(setsid, 0));
	must(SYS(umask, 0));
	must(SYS(sethostname, "runc", 4));
	loopback_up();

	mounts(floor->rootfs);
	devices();
	must(SYS(mount, NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	must(SYS(pivot_root, ".", "."));
	must(SYS(umount2, ".", DETACH));
	must(SYS(chdir, "/"));
	hidden_paths();
	must(SYS(umask, 022));

	privileges(floor->filter);
	must(SYS(close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC));
	must(SYS(execve, floor->argv[0], floor->argv, environment));
	quit(FAILED);
}

/* clone3(2) onto @stack; the child goes on in child(). */
static long clone_child(struct clone_args *args, const struct floor *floor)
{
#if defined(__x86_64__)
	register long result __asm__("rax") = __NR_clone3;
	register struct clone_args *rdi __asm__("rdi") = args;
	register size_t rsi __asm__("rsi") = sizeof(*args);
	register const struct floor *r12 __asm__("r12") = floor;
	register void (*r13)(const struct floor *) __asm__("r13") = child;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "call *%%r13\n\t"
			 "hlt\n"
			 "1:"
			 : "+r"(result)
			 : "r"(rdi), "r"(rsi), "r"(r12), "r"(r13)
			 : "rcx", "r11", "memory", "cc");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = __NR_clone3;
	register long x0 __asm__("x0") = (long)args;
	register size_t x1 __asm__("x1") = sizeof(*args);
	register const struct floor *x19 __asm__("x19") = floor;
	register void (*x20)(const struct floor *) __asm__("x20") = child;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "mov x0, x19\n\t"
			 "blr x20\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x19), "r"(x20)
			 : "memory", "cc", "x30");
	return x0;
#endif
}

static void read_filter(const char *path, struct sock_fprog *filter)
{
	int fd = (int)must(SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0));
	long size = must(SYS(read, fd, instructions, sizeof(instructions)));

	filter->len = (unsigned short)((size_t)size / sizeof(*instructions));
	filter->filter = instructions;
	must(SYS(close, fd));
}

_Noreturn void floor_main(const long *words)
{
	const char *const *argv = (const char *const *)(words + 2);
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
			 CLONE_NEWUTS | CLONE_NEWNS,
		.exit_signal = SIGCHLD_,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	struct sock_fprog filter;
	struct floor floor = { 0 };
	const char *cgroup = NULL;
	int status = 0;
	long pid;

	for (; argv[0] && argv[0][0] == '-' && argv[1]; argv += 2) {
		if (argv[0][1] == 'c') {
			cgroup = argv[1];
		} else {
			read_filter(argv[1], &filter);
			floor.filter = &filter;
		}
	}
	if (!argv[0] || !argv[1])
		quit(FAILED);
	floor.rootfs = argv[0];
	floor.argv = argv + 1;

	if (cgroup) {
		must(SYS(mkdirat, AT_FDCWD, cgroup, 0755));
		args.cgroup = (uint64_t)must(
			SYS(openat, AT_FDCWD, cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
		args.flags |= CLONE_INTO_CGROUP;
		floor.in_cgroup = true;
	} else {
		args.flags |= CLONE_NEWCGROUP;
	}

	pid = must(clone_child(&args, &floor));
	must(SYS(wait4, pid, &status, 0, NULL));
	if (cgroup)
		must(SYS(unlinkat, AT_FDCWD, cgroup, AT_REMOVEDIR));

	quit((status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f));
}

#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call floor_main\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	bl floor_main\n");
#endif
