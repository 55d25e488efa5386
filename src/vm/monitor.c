/* The monitor's beginning and its end. */
#include "vm/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/libc.h"
#include "vm/backend.h"
#include "vm/control.h"
#include "vm/monitor_state.h"
#include "vm/terminal.h"

static int open_terminal(struct monitor_session *session)
{
	int slave, r = ctr_terminal_open(&session->master, &slave);

	if (r < 0)
		return r;
	session->streams[CTR_STREAM_IN] = session->streams[CTR_STREAM_OUT] = slave;
	return 0;
}

static int begin(struct monitor *monitor, const struct ctr_monitor_start *start)
{
	struct monitor_session *first = monitor_session_new(monitor);
	sigset_t all;
	int r;

	first->sync = start->fds->sync;
	first->terminal = start->terminal;
	for (int i = 0; i < 3 && !start->terminal; i++)
		first->streams[i] = i;
	r = start->terminal ? open_terminal(first) : 0;
	if (r < 0) {
		ctr_monitor_fail(first->sync, -r, "process.terminal: cannot make a terminal");
		return -1;
	}

	ctr_sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	monitor->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	monitor->control = ctr_unix_listen(start->fds->dir, CTR_CONTROL_SOCKET, SOCK_SEQPACKET);
	if (monitor->signals < 0 || monitor->control < 0) {
		ctr_monitor_fail(first->sync, monitor->control < 0 ? -monitor->control : errno,
				 "cannot make the control socket");
		return -1;
	}
	if (start->channel >= 0)
		(void)fcntl(start->channel, F_SETFL, O_RDWR | O_NONBLOCK);
	if (start->console >= 0)
		(void)fcntl(start->console, F_SETFL, O_RDWR | O_NONBLOCK);
	(void)fcntl(start->output, F_SETFL, O_RDONLY | O_NONBLOCK);
	if (monitor->qmp >= 0)
		(void)ctr_write_all(monitor->qmp, "{\"execute\":\"qmp_capabilities\"}\n", 31);
	return 0;
}

static void end_child(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int ctr_monitor_end_like(int sig)
{
	const struct rlimit no_core = { 0, 0 };
	sigset_t one;

	/* The guest says by what it ended. Nothing ends by these. */
	if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
		return 128 + sig;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	(void)kill(getpid(), sig);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	return 128 + sig;
}

int ctr_monitor_run(const struct ctr_monitor_start *start)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	const struct monitor_session *first;

	if (!monitor)
		return 125;
	ctr_channel_init(&monitor->channel, start->channel);
	monitor->channel.unread_max = start->unread_max;
	monitor->channel.held = true;
	monitor->console.fd = start->console;
	monitor->output.fd = start->output;
	monitor->gate = start->fds->gate;
	monitor->qmp = start->qmp;
	monitor->listener = start->listener;
	monitor->dir = start->fds->dir;
	monitor->began = monitor_now();
	monitor->boot_seconds = start->boot_seconds;
	monitor->vmm = start->vmm;
	monitor->server = start->server;
	for (unsigned i = 0; i < MONITOR_CLIENTS; i++)
		monitor->clients[i].fd = -1;

	if (begin(monitor, start) == 0)
		monitor_loop(monitor);
	end_child(monitor->vmm);
	end_child(monitor->server);

	first = &monitor->sessions[0];
	if (first->exited)
		return WIFSIGNALED((int)first->status)
			       ? ctr_monitor_end_like(WTERMSIG((int)first->status))
			       : WEXITSTATUS((int)first->status);
	if (monitor->by_signal)
		return ctr_monitor_end_like(monitor->by_signal);
	return WIFSIGNALED(monitor->vmm_status)
		       ? ctr_monitor_end_like(WTERMSIG(monitor->vmm_status))
		       : 125;
}
