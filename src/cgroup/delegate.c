/*
 * Giving a cgroup, or one below it, to those who run in it (config-linux.md#cgroup-ownership;
 * cgroup-v2.rst, "Delegation").
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/cgroup.h"
#include "cgroup/controllers.h"

enum { DELEGATE_TEXT = 4096 };

/* The files that the kernel says are safe to give away. */
static void list_files(char *text, size_t size)
{
	static const char fallback[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

	if (ctr_file_read_small(AT_FDCWD, "/sys/kernel/cgroup/delegate", text, size) <= 0)
		memcpy(text, fallback, sizeof(fallback));
}

static int give(int dir, const char *file, uid_t owner)
{
	/* Files of controllers that are not there are in the list as well. */
	return fchownat(dir, file, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT
		       ? -errno
		       : 0;
}

int ctr_cgroup_give(const struct ctr_cgroup *cgroup, uid_t owner, struct ctr_error *err)
{
	char text[DELEGATE_TEXT], *rest = text, *file;
	int r = fchown(cgroup->fd, owner, (gid_t)-1) < 0 ? -errno : 0;

	list_files(text, sizeof(text));
	while (r == 0 && (file = strsep(&rest, "\n"))) {
		if (*file != '\0' && !strchr(file, '/'))
			r = give(cgroup->fd, file, owner);
	}
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot give cgroup '%s' to user %u",
				cgroup->path, (unsigned)owner);
	return 0;
}

int ctr_cgroup_check_sub(const char *name, struct ctr_error *err)
{
	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strpbrk(name, "/\n") || strlen(name) > 255)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"bad sub cgroup path '%.64s': it is not the name of one below the "
				"container's",
				name);
	return 0;
}

int ctr_cgroup_descend(struct ctr_cgroup *cgroup, const char *name, pid_t pid,
		       struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_cgroup sub = *cgroup;
	_cleanup_close_ int mount = -1;

	sub.path = ctr_arena_printf(arena, "%s/%s", cgroup->path, name);
	sub.fd = -1;
	sub.made++;
	if (mkdirat(cgroup->fd, name, 0755) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make cgroup '%s'", sub.path);
	if (ctr_cgroup_adopt(&sub, err) < 0)
		return -1;
	if (ctr_cgroup_enter(&sub, pid, err) < 0) {
		ctr_cgroup_close(&sub);
		return -1;
	}

	ctr_cgroup_close(cgroup);
	*cgroup = sub;
	mount = open(cgroup->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", cgroup->mount);
	return ctr_controllers_enable(mount, cgroup->path, cgroup->controllers,
				      CTR_CONTROLLERS_ACCOUNTING, err);
}
