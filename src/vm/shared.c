/*
 * One server for all binds of a machine: in a mount namespace of its own they are mounted below one
 * directory, by number, and that is what it serves. So files can be shared as well, nothing beside
 * them is seen by the guest, and what is to be read only is so on this side already.
 */
#include "vm/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/strerror.h"
#include "vm/backend.h"
#include "vm/hypervisor.h"
#include "vm/setup.h"

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif

#define SOCKET "shared"

static const char *find_server(void)
{
	static const char *const places[] = { "/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd" };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static _Noreturn void fail(const char *what, const char *operand)
{
	fprintf(stderr, "cannot %s '%s': %s\n", what, operand, ctr_strerror(errno));
	_exit(127);
}

static void mount_bind(const struct ctr_vm_bind *bind, const char *target)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = -1;

	if (bind->directory ? mkdir(target, 0755) < 0
			    : (fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0)
		fail("make", target);
	if (fd >= 0)
		close(fd);
	if (mount(bind->source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		fail("share", bind->source);
	if (bind->readonly &&
	    syscall(SYS_mount_setattr, AT_FDCWD, target, 0x8000 /* AT_RECURSIVE */, &attr,
		    sizeof(attr)) < 0 &&
	    mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		fail("make read-only", bind->source);
}

/* In the child. Mounts of others do not see what happens here. */
static void make_tree(const struct ctr_vm_setup *setup, const char *tree, struct ctr_arena *arena)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		fail("make a mount namespace for", tree);
	if (mkdir(tree, 0700) < 0 && errno != EEXIST)
		fail("make", tree);
	if (mount("shared", tree, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		fail("mount on", tree);
	for (size_t i = 0; i < setup->nbinds; i++)
		if (!setup->binds[i].copied)
			mount_bind(&setup->binds[i], ctr_arena_printf(arena, "%s/%zu", tree, i));
}

static _Noreturn void run(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
			  const char *server, int listener, int output)
{
	const char *tree = ctr_arena_printf(machine->arena, "%s/shared", machine->cache);
	/* Both implementations know these: QEMU's own, and its successor. */
	const char *const argv[] = { server, ctr_arena_printf(machine->arena, "--fd=%d", listener),
				     "-o",
				     ctr_arena_printf(machine->arena, "source=%s,cache=auto", tree),
				     NULL };
	sigset_t none;

	(void)setsid();
	/* What our caller has left open is none of its business, nor is where he stands. */
	(void)!chdir("/");
	(void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
	    fcntl(listener, F_SETFD, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(127);
	make_tree(setup, tree, machine->arena);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(argv[0], (char *const *)argv, (char *const *)ctr_hypervisor_env);
	fail("execute", argv[0]);
}

pid_t ctr_vm_share(const struct ctr_machine *machine, const struct ctr_vm_setup *setup, int dir,
		   int output, int *client, struct ctr_error *err)
{
	const char *server = find_server();
	_cleanup_close_ int listener = -1;
	pid_t pid;
	int fd;

	if (!server)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"mounts: --isolation %s: there is no virtiofsd to share them",
				machine->backend->name);
	listener = ctr_unix_listen(dir, SOCKET, SOCK_STREAM);
	fd = listener < 0 ? listener : ctr_unix_connect(dir, SOCKET, SOCK_STREAM);
	unlinkat(dir, SOCKET, 0);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -fd, "cannot make a socket for virtiofsd");
	pid = fork();
	if (pid == 0)
		run(machine, setup, server, listener, output);
	if (pid < 0) {
		close(fd);
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot fork");
	}
	*client = fd;
	return pid;
}
