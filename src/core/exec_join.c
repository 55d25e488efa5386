/*
 * Where exec goes: the namespaces of init, by one pidfd or by their files, and its cgroup. A
 * container that is still made is waited for.
 */
#include "core/exec_join.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "core/container.h"
#include "core/context.h"
#include "ns/shape.h"
#include "oci/spec.h"

enum { MADE_WAIT_MS = 10000, MADE_ROUND_MS = 1 };

/* ---- whether it can be */

int ctr_exec_fail_stopped(const struct ctr_container *container, struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_STATE, 0,
			"container '%s': cannot exec in a stopped container", container->id);
}

/* CRIU freezes a container that goes on (checkpoint --leave-running, --pre-dump), and has its lock
 * meanwhile: nobody has paused that. */
static enum ctr_status find_status(const struct ctr_container *container)
{
	const struct timespec pause = { .tv_nsec = MADE_ROUND_MS * 1000000L };
	enum ctr_status status = ctr_container_status(container);

	for (int waited = 0; status == CTR_STATUS_PAUSED && waited < MADE_WAIT_MS &&
			     !ctr_state_is_free(container->dir);
	     waited += MADE_ROUND_MS) {
		nanosleep(&pause, NULL);
		status = ctr_container_status(container);
	}
	return status;
}

int ctr_exec_check(const struct ctr_container *container, bool ignore_paused, struct ctr_error *err)
{
	enum ctr_status status =
		ignore_paused ? ctr_container_status(container) : find_status(container);

	/* With a process it is waited for. */
	if (status == CTR_STATUS_STOPPED ||
	    (status == CTR_STATUS_CREATING && container->record.pid == 0))
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': cannot exec in a %s container", container->id,
				ctr_status_name(status));
	if (status == CTR_STATUS_PAUSED && !ignore_paused)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': cannot exec in a paused container", container->id);
	return 0;
}

/* While ctr-init builds, the container's mount namespace has the host's files. */
static int wait_until_made(const struct ctr_container *container, struct ctr_error *err)
{
	const struct timespec pause = { .tv_nsec = MADE_ROUND_MS * 1000000L };

	for (int waited = 0; !ctr_container_is_made(container); waited += MADE_ROUND_MS) {
		if (waited >= MADE_WAIT_MS)
			return ctr_fail(err, CTR_FAULT_STATE, 0,
					"container '%s': cannot exec in a container that is still "
					"made, or whose hooks have not ended",
					container->id);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* ---- namespaces */

/* CLONE_NEW* of what the container does not share with its creator. The time namespace cannot be
 * entered on memory that is shared with ctr: the plan does that. */
static uint64_t namespaces_of(const struct ctr_spec *spec)
{
	uint64_t flags = 0;

	for (unsigned i = 0; i < CTR_NS_KINDS; i++)
		if (spec->linux_->namespaces[i].listed && i != CTR_NS_TIME)
			flags |= ctr_ns_flag((enum ctr_ns_kind)i);
	return flags;
}

/* With privilege the PID namespace is entered by ctr around its clone, and no helper is needed. */
void ctr_exec_shape(struct ctr_shape *out, const struct ctr_spec *spec, const struct ctr_host *host)
{
	uint64_t flags = namespaces_of(spec);

	*out = (struct ctr_shape){
		.kind = host->privileged || !(flags & CLONE_NEWPID) ? CTR_SHAPE_DIRECT
								    : CTR_SHAPE_JOIN,
		.become_root = (flags & CLONE_NEWUSER) != 0,
	};
}

static int open_namespace_files(struct ctr_exec_joins *out, const struct ctr_container *container,
				uint64_t flags, const struct ctr_context *context,
				struct ctr_error *err)
{
	/* The user namespace gives the right to enter the others, so it comes first. */
	static const enum ctr_ns_kind order[] = { CTR_NS_USER, CTR_NS_PID, CTR_NS_NETWORK,
						  CTR_NS_IPC,  CTR_NS_UTS, CTR_NS_CGROUP,
						  CTR_NS_MOUNT };

	out->own_fds = true;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(order); i++) {
		uint64_t flag = ctr_ns_flag(order[i]);
		const char *path;
		int fd;

		if (!(flags & flag))
			continue;
		path = ctr_arena_printf(context->arena, "/proc/%d/ns/%s", container->record.pid,
					ctr_ns_file(order[i]));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
		out->joins[out->count++] = (struct ctr_child_join){
			.fd = fd,
			.flags = flag,
			.origin = ctr_arena_printf(context->arena, "cannot join '%s'", path),
			.by_parent = order[i] == CTR_NS_PID && context->host.privileged,
		};
	}

	/* It was until now, so they were its. */
	return ctr_container_is_alive(container) ? 0 : ctr_exec_fail_stopped(container, err);
}

int ctr_exec_join(struct ctr_exec_joins *out, const struct ctr_container *container,
		  const struct ctr_spec *spec, const struct ctr_context *context,
		  struct ctr_error *err)
{
	uint64_t flags = namespaces_of(spec);
	bool by_parent = context->host.privileged && (flags & CLONE_NEWPID);

	if (wait_until_made(container, err) < 0)
		return -1;
	out->pidfd = ctr_container_pidfd(container);
	if (out->pidfd == -ENOSYS)
		return open_namespace_files(out, container, flags, context, err);
	if (out->pidfd == -ESRCH)
		return ctr_exec_fail_stopped(container, err);
	if (out->pidfd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -out->pidfd,
				"container '%s': cannot open its process", container->id);

	if (by_parent)
		out->joins[out->count++] = (struct ctr_child_join){
			.fd = out->pidfd,
			.flags = CLONE_NEWPID,
			.by_parent = true,
		};
	flags &= by_parent ? ~(uint64_t)CLONE_NEWPID : ~(uint64_t)0;
	if (flags)
		out->joins[out->count++] = (struct ctr_child_join){
			.fd = out->pidfd,
			.flags = flags,
			.origin = "cannot join the container's namespaces",
		};
	return 0;
}

int ctr_exec_open_root(const struct ctr_container *container, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	const char *path = ctr_arena_printf(arena, "/proc/%d/root", container->record.pid);
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	/* It was until now, so the directory is its. */
	if (!ctr_container_is_alive(container))
		return ctr_exec_fail_stopped(container, err);
	return ctr_take_fd(&fd);
}

void ctr_exec_joins_release(struct ctr_exec_joins *joins)
{
	ctr_close_ptr(&joins->pidfd);
	for (size_t i = 0; joins->own_fds && i < joins->count; i++)
		close(joins->joins[i].fd);
}

/* ---- cgroup */

int ctr_exec_follow_init(struct ctr_container *container, struct ctr_arena *arena)
{
	struct ctr_cgroup *cgroup = &container->cgroup;
	const char *path = ctr_arena_printf(arena, "/proc/%d/cgroup", container->record.pid);
	char *text = ctr_file_read(arena, AT_FDCWD, path, 1 << 16, NULL, NULL);
	char *line = text ? strstr(text, "0::/") : NULL, *end;
	int fd;

	if (!line || (line != text && line[-1] != '\n'))
		return -1;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';

	fd = open(ctr_arena_printf(arena, "%s%s", cgroup->mount, line + 3),
		  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ctr_cgroup_close(cgroup);
	cgroup->fd = fd;
	return 0;
}

int ctr_exec_open_cgroup(struct ctr_container *container, const char *sub, struct ctr_error *err)
{
	struct ctr_cgroup *cgroup = &container->cgroup;
	int fd = -1;

	if (!cgroup->mount)
		return sub ? ctr_fail(err, CTR_FAULT_USAGE, 0,
				      "--cgroup: the container has no cgroup")
			   : 0;

	if (ctr_cgroup_open(cgroup, err) < 0)
		return -1;
	if (!sub)
		return 0;

	if (ctr_cgroup_open_sub(cgroup, sub, &fd, err) < 0)
		return -1;
	ctr_cgroup_close(cgroup);
	cgroup->fd = fd;
	return 0;
}
