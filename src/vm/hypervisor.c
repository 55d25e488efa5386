/*
 * A hypervisor that a guest has taken over is a process of the host. It gets: no user of its own
 * but nobody, no capability, no way to gain any; PID, IPC, UTS and network namespaces in which it
 * is alone; the host's files read-only; and QEMU's own seccomp filter (-sandbox). What it works
 * with is open when it starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm/hypervisor.h"

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif
#ifndef MOUNT_ATTR_NOSUID
#define MOUNT_ATTR_NOSUID 0x00000002
#endif

enum { NOBODY = 65534 };

static _Noreturn void fail(const char *what)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "cannot %s: %s\n", what, strerror(errno));

	(void)!write(STDERR_FILENO, text, (size_t)n);
	_exit(127);
}

static void set_streams(int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(127);
}

/* A /dev of its own with what a hypervisor needs: who may open the host's nodes is the host's
 * affair, and others it has no business with. */
static void make_devices(bool kvm)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {
		{"/dev/null",     1, 3},
		{ "/dev/zero",    1, 5},
		{ "/dev/random",  1, 8},
		{ "/dev/urandom", 1, 9},
	};
	struct stat st;

	if (kvm && stat("/dev/kvm", &st) < 0)
		fail("open /dev/kvm");
	if (mount("dev", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") < 0)
		fail("mount its /dev");
	(void)umask(0);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(nodes); i++)
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) <
		    0)
			fail("make its devices");
	if (kvm && mknod("/dev/kvm", S_IFCHR | 0666, st.st_rdev) < 0)
		fail("make its /dev/kvm");
	if (mkdir("/dev/shm", 01777) < 0)
		fail("make its /dev/shm");
}

/* Nothing of the host's is to be written, and no program to gain anything. Where the kernel cannot
 * do it in one step, ids and the filter must do. */
static void narrow_mounts(const struct ctr_hypervisor *hypervisor)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		fail("make its mounts private");
	/* In a user namespace there are no nodes to be made; those of the host serve as before. */
	if (hypervisor->unprivileged)
		make_devices(hypervisor->kvm);
	/* Other hypervisors are nobody's as well: it sees no process but its own. */
	if (hypervisor->unprivileged &&
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		fail("mount its /proc");
	(void)syscall(SYS_mount_setattr, AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, &attr,
		      sizeof(attr));
}

static void write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("map its ids");
	(void)close(fd);
}

/* The caller's ids are themselves, as they were before the user namespace. */
static void map_ids(uid_t uid, gid_t gid)
{
	char text[64];

	write_map("/proc/self/setgroups", "deny");
	(void)snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	write_map("/proc/self/uid_map", text);
	(void)snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	write_map("/proc/self/gid_map", text);
}

static void mount_scratch(void)
{
	if (mount("scratch", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
		fail("mount a file system at /dev/shm");
}

static void give_up_root(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		fail("become nobody");
}

static bool needs_user_namespace(const struct ctr_hypervisor *hypervisor)
{
	return hypervisor->scratch && !hypervisor->unprivileged;
}

static _Noreturn void run(const struct ctr_hypervisor *hypervisor, uid_t uid, gid_t gid)
{
	const struct rlimit no_core = { 0, 0 };
	sigset_t none;

	set_streams(hypervisor->output);
	(void)setsid();
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (needs_user_namespace(hypervisor))
		map_ids(uid, gid);
	if (hypervisor->unprivileged || hypervisor->scratch)
		narrow_mounts(hypervisor);
	if (hypervisor->scratch)
		mount_scratch();
	if (hypervisor->unprivileged)
		give_up_root();
	/* After the change of ids, which would clear it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("restrict itself");
	/* What our caller has left open is none of its business. */
	(void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; i < hypervisor->nkeep; i++)
		if (hypervisor->keep[i] >= 0 && fcntl(hypervisor->keep[i], F_SETFD, 0) < 0)
			fail("keep a descriptor");

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	if (hypervisor->env)
		environ = (char **)hypervisor->env;
	execvp(hypervisor->argv[0], (char *const *)hypervisor->argv);
	{
		char text[256];
		int n = snprintf(text, sizeof(text), "cannot execute '%s': %s\n",
				 hypervisor->argv[0], strerror(errno));

		(void)!write(STDERR_FILENO, text, (size_t)n);
	}
	_exit(127);
}

pid_t ctr_hypervisor_start(const struct ctr_hypervisor *hypervisor)
{
	unsigned long flags = SIGCHLD;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	long pid;

	if (needs_user_namespace(hypervisor))
		flags |= CLONE_NEWUSER;
	if (hypervisor->unprivileged || hypervisor->scratch)
		flags |= CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
	/* Like fork(2); the C library need not know of a child that only executes. */
	pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (pid == 0)
		run(hypervisor, uid, gid);
	return (pid_t)pid;
}
