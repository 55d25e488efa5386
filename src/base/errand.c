/* Fork, one message, wait. */
#include "base/errand.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"

struct report {
	int result;
	struct ctr_error err;
};

/* Whose end came before is not told of. */
static void end_with(pid_t caller)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != caller)
		_exit(1);
}

static _Noreturn void run(ctr_errand_fn fn, void *data, int sock, pid_t caller)
{
	struct report report = { 0 };
	int fd = -1;

	end_with(caller);
	report.result = fn(data, &fd, &report.err);
	_exit(ctr_send_fds(sock, &report, sizeof(report), &fd, fd >= 0) < 0);
}

static int receive(int sock, const char *what, int *fd, struct ctr_error *err)
{
	size_t nfds = fd ? 1 : 0;
	struct report report;
	ssize_t n = ctr_recv_fds(sock, &report, sizeof(report), fd, &nfds);

	/* What did not fit in is the descriptor. */
	if (n < 0)
		return ctr_fail(err, CTR_FAULT_HOST, n == -EMSGSIZE ? EMFILE : (int)-n,
				"cannot hear from %s", what);
	if (n != (ssize_t)sizeof(report))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "%s was killed", what);
	if (report.result < 0 && err)
		*err = report.err;
	return report.result < 0 ? -1 : 0;
}

int ctr_errand_run(ctr_errand_fn fn, void *data, const char *what, int *fd, struct ctr_error *err)
{
	_cleanup_close_ int ours = -1;
	const pid_t caller = getpid();
	int pair[2], r;
	pid_t pid;

	if (fd)
		*fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a socket pair");
	ours = pair[0];
	pid = fork();
	if (pid == 0) {
		close(ours);
		run(fn, data, pair[1], caller);
	}
	close(pair[1]);
	if (pid < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot fork");

	r = receive(ours, what, fd, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

/* EINVAL: not mapped. */
int ctr_errand_become_root(int userns)
{
	/* Had that one ended, this would not be reached. */
	const pid_t caller = getppid();

	if (setns(userns, CLONE_NEWUSER) < 0 || (setresgid(0, 0, 0) < 0 && errno != EINVAL) ||
	    (setresuid(0, 0, 0) < 0 && errno != EINVAL))
		return -1;
	end_with(caller);
	return 0;
}
