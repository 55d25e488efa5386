/* Launching ctr-init, and ending it. */
#include "core/launch.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/host.h"
#include "cgroup/cgroup.h"
#include "core/image.h"
#include "core/newnet.h"
#include "core/prepare.h"
#include "ns/plan.h"
#include "plan/build.h"

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

/* Are there processes before it that may look into it? */
static bool joins_others(const struct ctr_launch *launch, size_t njoins)
{
	return launch->actions->shape.njoins > 0 || njoins > 0;
}

/*
 * Let nobody look into the child who is no root here. Before its execve it has the memory of ctr,
 * and may be in a user namespace with processes that have CAP_SYS_PTRACE there. Without privilege
 * ctr could not look into it, either.
 */
static bool conceals(const struct ctr_launch *launch, size_t njoins)
{
	return joins_others(launch, njoins) && launch->host->privileged &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
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
	/* Root of a user namespace would have its capabilities there; its file does what can be
	 * done. */
	child->hide = joins_others(launch, njoins) && !shape->become_root;
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

	/* A container that waits for its start can be looked into. */
	ctr_fd_close_on_exec(STDERR_FILENO + 1 + launch->plan->preserve_fds);
	describe_child(launch, cgroup, child_sync);
	if (ctr_image_make(&image, launch->plan,
			   launch->newnet ? ctr_newnet_program(launch->newnet) : -1,
			   conceals(launch, njoins), err) < 0)
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
	if (launch->newnet && !child->wait)
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
