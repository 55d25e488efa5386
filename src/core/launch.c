/* Launching ctr-init and talking to it. Every message is checked against the edge table. */
#include "core/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "core/image.h"
#include "core/launch_fds.h"
#include "core/newnet.h"
#include "core/prepare.h"
#include "ns/plan.h"
#include "plan/build.h"

enum { QUIET_MS = 20 };

struct message {
	struct ctr_msg head;
	char text[CTR_MSG_TEXT_MAX + 1];
};

/* ---- starting */

/* Namespace descriptors of the shape's joins; those of the parent are entered by the caller. */
static int open_joins(const struct ctr_shape *shape, struct ctr_child *child, int *pidns,
		      struct ctr_arena *arena, struct ctr_error *err)
{
	for (size_t i = 0; i < shape->njoins; i++) {
		const struct ctr_join *join = &shape->joins[i];
		int fd = ctr_ns_open(join, err);

		if (fd < 0)
			return -1;
		if (join->by_parent) {
			*pidns = fd;
			continue;
		}
		child->joins[child->njoins++] = (struct ctr_child_join){
			.fd = fd,
			.flags = join->flag,
			.origin = ctr_arena_printf(arena,
						   "linux.namespaces[%u].path: cannot join '%s'",
						   join->index, join->path),
		};
	}

	return 0;
}

/* A unit of systemd that is started with the child as its first process. */
static bool places(const struct ctr_launch *launch, const struct ctr_cgroup *cgroup)
{
	return cgroup && cgroup->unit && cgroup->fd < 0 && launch->calls->place;
}

/* What a waiting child waits for. */
static int prepare_waiting(struct ctr_launch *launch, const struct ctr_cgroup *cgroup,
			   struct ctr_error *err)
{
	if (places(launch, cgroup) && launch->calls->place(launch->data, launch, err) < 0)
		return -1;
	if (launch->child.enter_cgroup && ctr_cgroup_enter(cgroup, launch->pid, err) < 0)
		return -1;
	/* A helper has set them, and the ids of its child may be others already. */
	if (!launch->child.helper && ctr_prepare_rlimits(launch->actions, launch->pid, err) < 0)
		return -1;
	if (launch->actions->shape.write_maps &&
	    ctr_idmap_write(&launch->actions->idmap, launch->host, launch->pid, launch->arena,
			    err) < 0)
		return -1;

	return ctr_child_go(&launch->child, launch->sync, err);
}

/* argv of ctr-init: its name, the plan's descriptor and offset. */
static const char *const *make_argv(const struct ctr_image *image, struct ctr_arena *arena)
{
	const char **argv = ctr_arena_array(arena, 4, sizeof(*argv));

	argv[0] = "ctr-init";
	argv[1] = ctr_arena_printf(arena, "%d", image->plan_fd);
	argv[2] = ctr_arena_printf(arena, "%zu", image->plan_offset);
	return argv;
}

/* What the child does and keeps, of the plan's shape. */
static void describe_child(struct ctr_launch *launch, const struct ctr_cgroup *cgroup,
			   int child_sync)
{
	const struct ctr_shape *shape = &launch->actions->shape;
	struct ctr_child *child = &launch->child;

	*child = (struct ctr_child){
		.clone_flags = shape->clone_flags,
		.cgroup_fd = cgroup && cgroup->mount ? cgroup->fd : -1, /* -1: a unit to come */
		.rlimits = launch->actions->rlimits,
		.nrlimits = launch->actions->nrlimits,
		.late_rlimits = launch->actions->late_rlimits,
		.helper = shape->kind == CTR_SHAPE_JOIN,
		.wait = shape->write_maps || places(launch, cgroup),
		.become_root = shape->become_root,
		.keep_groups = shape->setgroups_denied,
		.pidns = -1,
		.sync_fd = child_sync,
		.parent_sync = launch->sync,
	};
}

/* Clone, with the shape's joins before those of exec (@joins). */
static int clone_child(struct ctr_launch *launch, const struct ctr_child_join *joins, size_t njoins,
		       struct ctr_error *err)
{
	const struct ctr_shape *shape = &launch->actions->shape;
	struct ctr_child *child = &launch->child;
	_cleanup_close_ int pidns = -1;
	int r = open_joins(shape, child, &pidns, launch->arena, err);
	size_t opened = child->njoins;

	child->pidns = pidns;
	/* Root of a user namespace has nothing that its own namespace should not see. */
	child->hide = (shape->njoins > 0 || njoins > 0) && !shape->become_root;
	for (size_t i = 0; i < njoins; i++) {
		if (joins[i].by_parent)
			child->pidns = joins[i].fd;
		else
			child->joins[child->njoins++] = joins[i];
	}
	if (r == 0)
		r = ctr_child_clone(child, err);
	while (opened > 0)
		close(child->joins[--opened].fd);
	return r;
}

int ctr_launch_pair(struct ctr_launch *launch, struct ctr_plan_header *plan, int *child_sync,
		    struct ctr_error *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a socket pair");

	launch->sync = pair[0];
	*child_sync = pair[1];
	plan->sync_fd = pair[1];
	return 0;
}

int ctr_launch_start(struct ctr_launch *launch, const struct ctr_cgroup *cgroup, int child_sync,
		     int gate, const struct ctr_child_join *joins, size_t njoins,
		     struct ctr_error *err)
{
	_cleanup_(ctr_image_close) struct ctr_image image = CTR_IMAGE_INIT;
	struct ctr_child *child = &launch->child;

	describe_child(launch, cgroup, child_sync);
	if (ctr_image_make(&image, launch->plan,
			   launch->newnet ? ctr_newnet_program(launch->newnet) : -1, err) < 0)
		return -1;
	child->exec_fd = image.exec_fd;
	child->argv = make_argv(&image, launch->arena);
	child->keep[child->nkeep++] = child_sync;
	child->keep[child->nkeep++] = image.plan_fd;
	if (gate >= 0)
		child->keep[child->nkeep++] = gate;
	if (launch->plan->maker_fd >= 0) {
		child->keep[child->nkeep++] = launch->plan->maker_fd;
		child->keep[child->nkeep++] = launch->plan->made_fd;
	}
	if (clone_child(launch, joins, njoins, err) < 0)
		return -1;
	if (launch->newnet)
		ctr_newnet_yield(launch->newnet);

	launch->pid = child->pid;
	launch->pidfd = ctr_pidfd_open(child->pid);
	if (launch->pidfd < 0)
		launch->pidfd = -1;
	launch->state = CTR_SYNC_BUILDING;
	if (child->wait && prepare_waiting(launch, cgroup, err) < 0) {
		ctr_launch_kill(launch);
		ctr_close_ptr(&launch->pidfd);
		launch->pidfd = -1;
		return -1;
	}

	return 0;
}

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
 * Take the seccomp listener out of the child. The child told its number before it called
 * seccomp(2), as it may not be able to send anything afterwards; it is there when that call
 * returned.
 */
static int take_listener(const struct ctr_launch *launch, int number, struct ctr_error *err)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	if (launch->pidfd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, ENOSYS,
				"linux.seccomp: the listener cannot be taken without pidfd_open");

	for (int i = 0; i < 50000; i++) {
		int fd = (int)syscall(SYS_pidfd_getfd, launch->pidfd, number, 0);

		if (fd >= 0 || errno != EBADF)
			return fd >= 0 ? fd
				       : ctr_fail(err, CTR_FAULT_HOST, errno,
						  "linux.seccomp: cannot take the listener");
		nanosleep(&pause, NULL);
	}

	return ctr_fail(err, CTR_FAULT_HOST, ETIMEDOUT, "linux.seccomp: no listener came");
}

static int serve_listener(struct ctr_launch *launch, const struct ctr_msg *msg,
			  struct ctr_error *err)
{
	int fd = take_listener(launch, (int)msg->value, err);

	if (fd < 0)
		return -1;

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
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct pollfd fds[] = {
		{.fd = launch->sync, .events = POLLIN},
                { .fd = -1,          .events = POLLIN}
	};
	struct signalfd_siginfo info;
	sigset_t set;

	if (!launch->slow || launch->pid <= 0)
		return;
	sigemptyset(&set);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(ends); i++)
		sigaddset(&set, ends[i]);
	fds[1].fd = signalfd(-1, &set, SFD_CLOEXEC);
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

void ctr_launch_kill(struct ctr_launch *launch)
{
	if (launch->pid <= 0)
		return;

	/* Without a pidfd it is a child that was not reaped yet, and the number still its own. What
	 * CRIU restored may have been: its pidfd knows. */
	if (launch->pidfd >= 0)
		(void)ctr_pidfd_kill(launch->pidfd, SIGKILL);
	else
		kill(launch->pid, SIGKILL);
	while (waitpid(launch->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	launch->pid = 0;
	ctr_child_forget_helper(&launch->child);
}

void ctr_launch_release(struct ctr_launch *launch)
{
	if (launch->sync >= 0)
		close(launch->sync);
	if (launch->pidfd >= 0)
		close(launch->pidfd);
	if (launch->userns >= 0)
		close(launch->userns);
	launch->sync = launch->pidfd = launch->userns = -1;
}
