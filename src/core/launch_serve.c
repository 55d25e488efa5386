/* Talking to ctr-init. Every message is checked against the edge table. */
#include "core/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/signals.h"
#include "core/launch_fds.h"
#include "ns/plan.h"
#include "plan/build.h"

enum { QUIET_MS = 20, END_WAIT_MS = 1000 };

struct message {
	struct ctr_msg head;
	char text[CTR_MSG_TEXT_MAX + 1];
};

/* ---- what the child asks for */

static int send_message(struct ctr_launch *launch, uint32_t type, const int *fds, size_t nfds,
			struct ctr_error *err)
{
	struct ctr_msg msg = { .type = type, .value2 = (uint32_t)nfds };
	int next = ctr_sync_next(launch->state, type, CTR_FROM_PARENT);
	int r;

	if (next < 0)
		return ctr_fail(err, CTR_FAULT_BUG, 0, "message %u is not legal in state %u", type,
				launch->state);

	r = ctr_send_fds(launch->sync, &msg, sizeof(msg), fds, nfds);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot send to ctr-init");

	launch->state = (uint32_t)next;
	return 0;
}

static int serve_fds(struct ctr_launch *launch, const struct ctr_msg *msg, struct ctr_error *err)
{
	const struct ctr_actions *actions = launch->actions;
	int fds[CTR_FDS_MAX];
	size_t n = 0;
	int r = 0;

	if (!actions || msg->value2 > CTR_FDS_MAX || msg->value > actions->nfds ||
	    msg->value2 > actions->nfds - msg->value)
		return ctr_fail(err, CTR_FAULT_BUG, 0, "ctr-init asks for descriptors %u+%u",
				msg->value, msg->value2);

	while (r == 0 && n < msg->value2) {
		fds[n] = ctr_launch_open(launch, &actions->fds[msg->value + n], err);
		if (fds[n] < 0)
			r = -1;
		else
			n++;
	}
	if (r == 0)
		r = send_message(launch, CTR_MSG_FDS, fds, n, err);
	while (n > 0)
		close(fds[--n]);
	return r;
}

/*
 * Does the child end? Without its memory it is not ours to look at (EPERM), and still there. Before
 * Linux 6.9 what has ended has no such descriptor, for ever (EBADF).
 */
static bool ends(const struct ctr_launch *launch, int error, int round)
{
	struct pollfd child = { .fd = launch->pidfd, .events = POLLIN };

	if (error == EBADF && round % 100 == 99)
		return poll(&child, 1, 0) > 0;
	return error == ESRCH || (error == EPERM && poll(&child, 1, END_WAIT_MS) > 0);
}

/*
 * Take the seccomp listener out of the child. The child told its number before it called
 * seccomp(2), as it may not be able to send anything afterwards; it is there when that call
 * returned. *@fd is -1 where the child has ended: what it said last, or how it ended, tells why.
 */
static int take_listener(const struct ctr_launch *launch, int number, int *fd,
			 struct ctr_error *err)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	int error;

	if (launch->pidfd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, ENOSYS,
				"linux.seccomp: the listener cannot be taken without pidfd_open");

	for (int i = 0; i < 50000; i++) {
		*fd = (int)syscall(SYS_pidfd_getfd, launch->pidfd, number, 0);
		error = errno;
		if (*fd >= 0 || ends(launch, error, i))
			return 0;
		if (error != EBADF)
			return ctr_fail(err, CTR_FAULT_HOST, error,
					"linux.seccomp: cannot take the listener");
		nanosleep(&pause, NULL);
	}

	return ctr_fail(err, CTR_FAULT_HOST, ETIMEDOUT, "linux.seccomp: no listener came");
}

static int serve_listener(struct ctr_launch *launch, const struct ctr_msg *msg,
			  struct ctr_error *err)
{
	int fd = -1;

	if (take_listener(launch, (int)msg->value, &fd, err) < 0)
		return -1;
	if (fd < 0)
		return 0;
	return launch->calls->listener(launch->data, launch, fd, err);
}

static int serve_console(struct ctr_launch *launch, int fd, struct ctr_error *err)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot keep the terminal");

	return launch->calls->console(launch->data, launch, own, err);
}

static int serve_hooks(struct ctr_launch *launch, struct ctr_error *err)
{
	if (launch->calls->hooks(launch->data, launch, err) < 0)
		return -1;

	return send_message(launch, CTR_MSG_GO, NULL, 0, err);
}

/* ---- the loop */

/* What a signal to ctr-init means. */
static const char *explain_signal(int sig)
{
	switch (sig) {
	case SIGSYS:
	case SIGILL: /* of __builtin_trap(), where it may not exit */
	case SIGTRAP:
		return " (linux.seccomp forbids what it needs)";
	case SIGXFSZ:
		return " (a file may not become that long: RLIMIT_FSIZE of the caller)";
	case SIGXCPU:
		return " (it may not take that much time: RLIMIT_CPU of the caller)";
	default:
		return "";
	}
}

/* How the child ended, when it could not say it. */
static int end_fail(struct ctr_launch *launch, struct ctr_error *err)
{
	int status = 0;

	if (launch->pid <= 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"container init ended before it executed the process");

	while (waitpid(launch->pid, &status, __WALL) < 0 && errno == EINTR)
		;
	launch->pid = 0;
	if (launch->child.error != 0)
		return ctr_child_fail(&launch->child, err);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return ctr_fail(
			err, CTR_FAULT_HOST, 0,
			"ctr-init was killed while it set up the container (is the memory limit too low?)");
	if (WIFSIGNALED(status))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"ctr-init was killed by signal %d while it set up the container%s",
				WTERMSIG(status), explain_signal(WTERMSIG(status)));
	return ctr_fail(err, CTR_FAULT_HOST, 0, "ctr-init ended with status %d",
			WEXITSTATUS(status));
}

static int dispatch(struct ctr_launch *launch, struct message *msg, int fd, struct ctr_error *err)
{
	const struct ctr_launch_calls *calls = launch->calls;
	struct ctr_error warning;

	switch (msg->head.type) {
	case CTR_MSG_FAIL:
		launch->failed = msg->head.op;
		return ctr_msg_fail(launch->plan, &msg->head, msg->text, err);
	case CTR_MSG_WARN:
		(void)ctr_msg_fail(launch->plan, &msg->head, msg->text, &warning);
		ctr_log(CTR_LOG_WARNING, "%s", warning.text);
		return 0;
	case CTR_MSG_WANT_FDS:
		return serve_fds(launch, &msg->head, err);
	case CTR_MSG_HOOKS:
		if (calls && calls->hooks)
			return serve_hooks(launch, err);
		break;
	case CTR_MSG_CONSOLE:
		if (calls && calls->console && fd >= 0)
			return serve_console(launch, fd, err);
		break;
	case CTR_MSG_LISTENER:
		if (calls && calls->listener)
			return serve_listener(launch, &msg->head, err);
		break;
	case CTR_MSG_CREATED:
		if (calls && calls->created)
			calls->created(launch->data);
		return 0;
	default:
		return 0;
	}

	return ctr_fail(err, CTR_FAULT_BUG, 0, "unexpected message %u from ctr-init",
			msg->head.type);
}

/* Until there is a message. Signals are blocked while something is half made; where that takes as
 * long as a kernel's boot, those that mean "end" reach the child. */
static void await(const struct ctr_launch *launch)
{
	struct pollfd fds[] = {
		{.fd = launch->sync, .events = POLLIN},
                { .fd = -1,          .events = POLLIN}
	};
	struct signalfd_siginfo info;

	if (!launch->slow || launch->pid <= 0)
		return;
	fds[1].fd = ctr_signals_open();
	while (poll(fds, 2, -1) < 0 || !fds[0].revents)
		if (fds[1].revents && read(fds[1].fd, &info, sizeof(info)) == sizeof(info))
			kill(launch->pid, (int)info.ssi_signo);
	if (fds[1].fd >= 0)
		close(fds[1].fd);
}

/* Until the child's end is closed, which is what is waited for: to be woken up by each message
 * costs the child more than the message. One that takes long may have something to say. */
static void await_end(struct ctr_launch *launch)
{
	struct pollfd fd = { .fd = launch->sync };

	if (launch->quiet && !launch->slow)
		(void)poll(&fd, 1, QUIET_MS);
	launch->quiet = false;
}

/* One message, with at most one descriptor. Its length, 0 at the end, or -errno. */
static ssize_t receive(struct ctr_launch *launch, struct message *msg, int *fds, size_t *nfds)
{
	const size_t room = *nfds;
	ssize_t n;

	await(launch);
	await_end(launch);
	n = ctr_recv_fds(launch->sync, msg, sizeof(*msg) - 1, fds, nfds);

	/* The child is gone without having read what was sent to it. The kernel says so once,
	 * before it delivers what the child sent. */
	if (n == -ECONNRESET) {
		*nfds = room;
		n = ctr_recv_fds(launch->sync, msg, sizeof(*msg) - 1, fds, nfds);
	}
	return n;
}

int ctr_launch_serve(struct ctr_launch *launch, enum ctr_sync_state until, struct ctr_error *err)
{
	struct message msg;

	for (;;) {
		int fds[1];
		size_t nfds = 1;
		ssize_t n;
		int next, r;

		if (launch->state == until && until != CTR_SYNC_DONE)
			return 0;

		n = receive(launch, &msg, fds, &nfds);
		if (n == 0)
			return launch->state == CTR_SYNC_DONE ? 0 : end_fail(launch, err);
		if (n < (ssize_t)sizeof(msg.head))
			return ctr_fail(err, CTR_FAULT_HOST, n < 0 ? (int)-n : EBADMSG,
					"cannot receive from ctr-init");
		((char *)&msg)[n] = '\0';

		next = ctr_sync_next(launch->state, msg.head.type, CTR_FROM_CHILD);
		if (next >= 0)
			launch->state = (uint32_t)next;
		if (launch->state == CTR_SYNC_CREATED && launch->ahead)
			launch->state = CTR_SYNC_STARTING;
		r = next < 0 ? ctr_fail(err, CTR_FAULT_BUG, 0,
					"message %u from ctr-init is not legal in state %u",
					msg.head.type, launch->state)
			     : dispatch(launch, &msg, nfds ? fds[0] : -1, err);
		if (nfds)
			close(fds[0]);
		if (r < 0)
			return -1;
	}
}

void ctr_launch_blame(struct ctr_launch *launch, struct ctr_error *err)
{
	struct pollfd fd = { .fd = launch->sync };
	struct ctr_error said;

	if (poll(&fd, 1, 0) > 0 && (fd.revents & POLLHUP) &&
	    ctr_launch_serve(launch, CTR_SYNC_CREATED, &said) < 0)
		*err = said;
}

bool ctr_launch_asks(const struct ctr_launch *launch)
{
	const struct ctr_op *ops = ctr_view_ops(launch->plan);

	for (uint32_t i = 0; i < launch->plan->nops; i++) {
		const struct ctr_op *op = &ops[i];

		if (op->kind == CTR_OP_WANT_FDS || op->kind == CTR_OP_PTY ||
		    (op->kind == CTR_OP_SECCOMP && (op->arg2 & SECCOMP_FILTER_FLAG_NEW_LISTENER)))
			return true;
		if (op->kind == CTR_OP_SEND)
			return op->arg != CTR_MSG_CREATED;
	}

	return true;
}

/* Does @op wait for what was not sent? */
static bool is_held(const struct ctr_launch *launch, const struct ctr_op *op)
{
	if (op->kind != CTR_OP_RECV)
		return false;
	if (op->arg == CTR_MSG_GO)
		return launch->state == CTR_SYNC_WAIT_HOOKS;
	return !launch->ahead && launch->state < CTR_SYNC_STARTING;
}

bool ctr_launch_began_hook(const struct ctr_launch *launch)
{
	const struct ctr_op *ops;

	if (!launch->plan || launch->child.error != 0)
		return false;

	ops = ctr_view_ops(launch->plan);
	for (uint32_t i = 0; i < launch->plan->nops && i <= launch->failed; i++) {
		if (ops[i].kind == CTR_OP_HOOK)
			return true;
		if (is_held(launch, &ops[i]))
			return false;
	}

	return false;
}

static int go_ahead(struct ctr_launch *launch, struct ctr_error *err)
{
	const struct ctr_msg msg = { .type = CTR_MSG_START };
	int r = ctr_send_fds(launch->sync, &msg, sizeof(msg), NULL, 0);

	/* A child that has failed already: it said why. */
	if (r < 0 && r != -EPIPE)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot send to ctr-init");

	launch->ahead = launch->quiet = true;
	return 0;
}

int ctr_launch_go(struct ctr_launch *launch, struct ctr_error *err)
{
	if (launch->state == CTR_SYNC_BUILDING)
		return go_ahead(launch, err);
	return send_message(launch, CTR_MSG_START, NULL, 0, err);
}
