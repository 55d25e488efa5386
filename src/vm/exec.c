/*
 * One more process in a guest. On the host a process of its own stands for it, as every engine
 * expects: it hands the session to the monitor, passes signals and sizes on, and ends as the one in
 * the guest does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/libc.h"
#include "plan/view.h"
#include "vm/backend.h"
#include "vm/control.h"
#include "vm/machine.h"
#include "vm/monitor.h"
#include "vm/setup.h"
#include "vm/terminal.h"

struct proxy {
	int connection, signals, slave;
};

/* Those of the first process, as far as it has its own. */
static uint64_t namespaces_of(const struct ctr_spec *spec)
{
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

	return spec->linux_->namespaces[CTR_NS_CGROUP].listed ? flags | CLONE_NEWCGROUP : flags;
}

static int make_session_file(const struct ctr_machine *machine, const struct ctr_plan_header *plan,
			     const struct ctr_process *process)
{
	_cleanup_close_ int fd = memfd_create("session", MFD_CLOEXEC);
	const void *session;
	size_t size = 0;
	int r;

	if (fd < 0)
		return -errno;
	session =
		ctr_vm_session(plan, namespaces_of(machine->spec), process, machine->arena, &size);
	r = ctr_write_all(fd, session, size);
	return r < 0 ? r : ctr_take_fd(&fd);
}

static int begin(struct proxy *proxy, const struct ctr_machine *machine,
		 const struct ctr_plan_header *plan, const struct ctr_process *process,
		 const struct ctr_machine_fds *fds)
{
	const struct ctr_control_request request = { .kind = CTR_CONTROL_EXEC };
	int list[CTR_CONTROL_FDS_TERMINAL] = { fds->sync, 0, 1, 2 };
	size_t n = CTR_CONTROL_FDS;
	int r;

	proxy->connection = ctr_unix_connect(fds->dir, CTR_CONTROL_SOCKET, SOCK_SEQPACKET);
	if (proxy->connection < 0)
		return proxy->connection;
	list[4] = make_session_file(machine, plan, process);
	if (list[4] < 0)
		return list[4];
	if (process->terminal) {
		r = ctr_terminal_open(&list[5], &proxy->slave);
		if (r < 0)
			return r;
		list[1] = list[2] = list[3] = proxy->slave;
		n = CTR_CONTROL_FDS_TERMINAL;
	}
	r = ctr_send_fds(proxy->connection, &request, sizeof(request), list, n);
	/* All of them are the monitor's now. The slave stays open here, because it is our
	 * controlling terminal; it is closed in time for its end to be seen. */
	close(list[4]);
	if (process->terminal)
		close(list[5]);
	close(fds->sync);
	for (int i = 0; i < 3; i++)
		close(i);
	if (r == 0) {
		const int keep[] = { proxy->connection, proxy->signals, proxy->slave };

		/* What our caller has left open is neither ours nor the guest's. */
		ctr_fd_close_others(keep, CTR_ARRAY_SIZE(keep));
		(void)!chdir("/");
	}
	return r;
}

static void send_request(const struct proxy *proxy, uint32_t kind, uint32_t value)
{
	const struct ctr_control_request request = { .kind = kind, .value = value };

	(void)send(proxy->connection, &request, sizeof(request), MSG_NOSIGNAL);
}

static void serve_signals(const struct proxy *proxy)
{
	struct signalfd_siginfo info;

	while (read(proxy->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		struct winsize size;

		if (ctr_monitor_is_own(&info))
			continue;
		if (info.ssi_signo == SIGWINCH && proxy->slave >= 0) {
			if (ioctl(proxy->slave, TIOCGWINSZ, &size) == 0)
				send_request(proxy, CTR_CONTROL_RESIZE,
					     size.ws_row | (uint32_t)size.ws_col << 16);
			continue;
		}
		send_request(proxy, CTR_CONTROL_SIGNAL, info.ssi_signo);
	}
}

/* The answer comes at the end; without one the machine has gone. */
static int wait_for_end(const struct proxy *proxy)
{
	struct ctr_control_reply reply;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = proxy->connection, .events = POLLIN},
			{ .fd = proxy->signals,   .events = POLLIN},
		};
		ssize_t n;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			serve_signals(proxy);
		if (!fds[0].revents)
			continue;
		n = recv(proxy->connection, &reply, sizeof(reply), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)sizeof(reply))
			return SIGKILL;
		return reply.error ? 125 << 8 : (int)reply.status;
	}
}

int ctr_vm_exec(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		const struct ctr_process *process, const struct ctr_machine_fds *fds)
{
	struct proxy proxy = { .connection = -1, .slave = -1 };
	int status, r = 0;
	sigset_t all;

	ctr_sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	proxy.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (plan->preserve_fds > 0)
		r = -EOPNOTSUPP;
	if (r == 0)
		r = begin(&proxy, machine, plan, process, fds);
	if (r < 0) {
		ctr_monitor_fail(fds->sync, -r, "cannot reach the virtual machine");
		return 125;
	}
	status = wait_for_end(&proxy);
	return WIFSIGNALED(status) ? ctr_monitor_end_like(WTERMSIG(status)) : WEXITSTATUS(status);
}
