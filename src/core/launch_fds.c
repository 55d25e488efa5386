/* Descriptors that the plan asks for: namespaces, and detached trees of mounts. */
#include "core/launch_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "core/launch.h"
#include "core/overlay.h"
#include "ns/plan.h"

static int open_container_userns(struct ctr_launch *launch, struct ctr_error *err)
{
	char path[48];

	if (launch->userns >= 0)
		return launch->userns;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)launch->pid);
	launch->userns = open(path, O_RDONLY | O_CLOEXEC);
	if (launch->userns < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	return launch->userns;
}

/* An id-mapped attribute on a detached tree. */
static int map_tree(struct ctr_launch *launch, const struct ctr_fd_request *request, int tree,
		    struct ctr_error *err)
{
	const unsigned flags = AT_EMPTY_PATH | (request->idmap_recursive ? AT_RECURSIVE : 0);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	_cleanup_close_ int own = -1;
	int userns;

	if (request->idmap_of_container) {
		userns = open_container_userns(launch, err);
	} else {
		own = ctr_idmap_userns(&request->map, launch->host, launch->arena, err);
		userns = own;
	}
	if (userns < 0)
		return ctr_fail_within(err, "%s", request->origin);

	attr.userns_fd = (uint64_t)userns;
	if (syscall(SYS_mount_setattr, tree, "", flags, &attr, sizeof(attr)) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"%s: cannot map ids of the mount of '%s'%s", request->origin,
				request->path,
				errno == EINVAL ? " (its file system may not support it)" : "");
	return 0;
}

/* Without privilege the container's user namespace is where it can be mounted. */
static int open_overlay(struct ctr_launch *launch, const struct ctr_fd_request *request,
			struct ctr_error *err)
{
	bool privileged = launch->host->privileged;
	int userns = privileged ? -1 : open_container_userns(launch, err);

	if (!privileged && userns < 0)
		return -1;
	return ctr_overlay_mount(request, userns, !privileged || launch->host->in_userns, err);
}

int ctr_launch_open(struct ctr_launch *launch, const struct ctr_fd_request *request,
		    struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;

	if (request->kind == CTR_FD_NAMESPACE) {
		fd = open(request->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "%s: cannot open '%s'",
					request->origin, request->path);
		return ctr_take_fd(&fd);
	}

	if (request->kind == CTR_FD_OVERLAY)
		return open_overlay(launch, request, err);

	fd = (int)syscall(SYS_open_tree, AT_FDCWD, request->path,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
				  (request->recursive ? AT_RECURSIVE : 0) |
				  (request->nofollow ? AT_SYMLINK_NOFOLLOW : 0));
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "%s: cannot open '%s'", request->origin,
				request->path);
	if (request->idmap && map_tree(launch, request, fd, err) < 0)
		return -1;

	return ctr_take_fd(&fd);
}
