/*
 * A hypervisor that a guest has taken over is a process of the host. It gets: no user of its own
 * but nobody, no capability, no way to gain any; PID, IPC, UTS and network namespaces in which it
 * is alone; few files, read-only (hypervisor_root.c); and QEMU's own seccomp filter (-sandbox).
 * What it works with is open when it starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strerror.h"
#include "vm/hypervisor.h"
#include "vm/hypervisor_root.h"

/* Since Linux 6.18; -EINVAL before. */
#ifndef PR_THP_DISABLE_EXCEPT_ADVISED
#define PR_THP_DISABLE_EXCEPT_ADVISED (1 << 1)
#endif

enum { NOBODY = 65534 };

const char *const ctr_hypervisor_env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };

static void set_streams(int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0)
		_exit(127);
}

static void write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ctr_hypervisor_fail("map its ids");
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
		ctr_hypervisor_fail("mount a file system at /dev/shm");
}

/* In a place that only it sees: nothing of it is on the host. */
static void open_listener(const struct ctr_hypervisor *hypervisor)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", hypervisor->listener_path);
	if (bind(hypervisor->listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(hypervisor->listener_path, 0666) < 0 || listen(hypervisor->listener, 1) < 0)
		ctr_hypervisor_fail("listen to its guest");
}

static void give_up_root(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		ctr_hypervisor_fail("become nobody");
}

static bool needs_user_namespace(const struct ctr_hypervisor *hypervisor)
{
	return hypervisor->scratch && !hypervisor->unprivileged;
}

static _Noreturn void run(const struct ctr_hypervisor *hypervisor, uid_t uid, gid_t gid)
{
	const struct rlimit no_core = { 0, 0 };
	const char *program = hypervisor->argv[0];
	sigset_t none;

	set_streams(hypervisor->output);
	(void)setsid();
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (needs_user_namespace(hypervisor))
		map_ids(uid, gid);
	if (hypervisor->unprivileged || hypervisor->scratch)
		ctr_hypervisor_narrow(hypervisor, &program);
	if (hypervisor->scratch)
		mount_scratch();
	if (hypervisor->listener_path)
		open_listener(hypervisor);
	if (hypervisor->unprivileged)
		give_up_root();
	/* After the change of ids, which would clear it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		ctr_hypervisor_fail("restrict itself");
	/* Its heap is small and many are alike: huge pages are for what it advises, its guest's
	 * memory. */
	(void)prctl(PR_SET_THP_DISABLE, 1, PR_THP_DISABLE_EXCEPT_ADVISED, 0, 0);
	/* What our caller has left open is none of its business. */
	(void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; i < hypervisor->nkeep; i++)
		if (hypervisor->keep[i] >= 0 && fcntl(hypervisor->keep[i], F_SETFD, 0) < 0)
			ctr_hypervisor_fail("keep a descriptor");

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	execve(program, (char *const *)hypervisor->argv,
	       (char *const *)(hypervisor->env ? hypervisor->env : ctr_hypervisor_env));
	{
		char text[256];
		int n = snprintf(text, sizeof(text), "cannot execute '%s': %s\n",
				 hypervisor->argv[0], ctr_strerror(errno));

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
