/* Handing controllers down from the cgroup2 root to the parent of the container's cgroup. */
#include "cgroup/controllers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

static const char *const names[CTR_CONTROLLER_COUNT] = {
	[CTR_CONTROLLER_CPUSET] = "cpuset",   [CTR_CONTROLLER_CPU] = "cpu",
	[CTR_CONTROLLER_IO] = "io",           [CTR_CONTROLLER_MEMORY] = "memory",
	[CTR_CONTROLLER_HUGETLB] = "hugetlb", [CTR_CONTROLLER_PIDS] = "pids",
	[CTR_CONTROLLER_RDMA] = "rdma",       [CTR_CONTROLLER_MISC] = "misc",
	[CTR_CONTROLLER_DMEM] = "dmem",
};

static enum ctr_controller find(const char *name, size_t len)
{
	for (int i = 0; i < CTR_CONTROLLER_COUNT; i++) {
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return (enum ctr_controller)i;
	}
	return CTR_CONTROLLER_COUNT;
}

enum ctr_controller ctr_controller_of(const char *file)
{
	return find(file, strcspn(file, "."));
}

uint32_t ctr_controllers_parse(const char *text)
{
	uint32_t found = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " \n");
		enum ctr_controller controller = find(text, len);

		if (controller != CTR_CONTROLLER_COUNT)
			found |= CTR_CONTROLLER_BIT(controller);
		text += len;
		text += strspn(text, " \n");
	}
	return found;
}

/* Where a v1 hierarchy holds the controller: cgroup v1 calls io "blkio". */
static bool find_v1_mount(const char *name, char *dir, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const char *option = strcmp(name, "io") == 0 ? "blkio" : name;
	struct mntent *entry;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && (entry = getmntent(mounts))) {
		found = strcmp(entry->mnt_type, "cgroup") == 0 && hasmntopt(entry, option);
		if (found)
			(void)snprintf(dir, size, "%s", entry->mnt_dir);
	}
	(void)endmntent(mounts);
	return found;
}

int ctr_controller_unavailable(enum ctr_controller controller, struct ctr_error *err)
{
	const char *name = names[controller];
	char dir[256];

	if (find_v1_mount(name, dir, sizeof(dir)))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"the cgroup controller '%s' is not in cgroup2: this host has it in "
				"cgroup v1, at '%s'",
				name, dir);
	return ctr_fail(err, CTR_FAULT_HOST, 0, "the cgroup controller '%s' is not available",
			name);
}

static int explain(int dir, const char *path, enum ctr_controller controller, int code,
		   struct ctr_error *err)
{
	char text[256];
	ssize_t n = ctr_file_read_small(dir, "cgroup.controllers", text, sizeof(text));
	const char *why = "";

	if (n >= 0 && !(ctr_controllers_parse(text) & CTR_CONTROLLER_BIT(controller))) {
		(void)ctr_controller_unavailable(controller, err);
		return ctr_fail_within(err, "linux.resources");
	}
	/* The rule of cgroup-v2.rst, "No Internal Process Constraint". */
	if (code == EBUSY)
		why = " (processes are in that cgroup itself: they have to move to a sub-cgroup)";
	else if (code == EOPNOTSUPP)
		why = " (it is a threaded cgroup)";
	return ctr_fail(err, CTR_FAULT_HOST, code,
			"linux.resources: cannot enable controller '%s' in cgroup '/%s'%s",
			names[controller], path, why);
}

/* What of @optional, which is not enabled at the root of cgroup2, could be. */
static uint32_t available_at(int dir, uint32_t optional)
{
	char text[256];

	if (optional == 0 || ctr_file_read_small(dir, "cgroup.controllers", text, sizeof(text)) < 0)
		return 0;
	return optional & ctr_controllers_parse(text);
}

/* Enable one by one, which tells what it is that cannot be: an error, or less of @optional. */
static int enable_each(int dir, const char *path, uint32_t missing, uint32_t *optional,
		       struct ctr_error *err)
{
	for (int i = 0; i < CTR_CONTROLLER_COUNT; i++) {
		uint32_t bit = CTR_CONTROLLER_BIT(i);
		char text[16];
		int len, r;

		if (!(missing & bit))
			continue;
		len = snprintf(text, sizeof(text), "+%s", names[i]);
		r = ctr_file_write_once(dir, "cgroup.subtree_control", text, (size_t)len);
		if (r < 0 && !(*optional & bit))
			return explain(dir, path, (enum ctr_controller)i, -r, err);
		if (r < 0)
			*optional &= ~bit;
	}
	return 0;
}

/*
 * The kernel refuses to hand memory and io down from a cgroup with processes of its own. For cpu
 * and pids it makes that cgroup the root of a threaded tree instead, below which no container can
 * start: worse than a refusal.
 */
static bool holds_processes(int dir)
{
	char text[64];
	ssize_t n = ctr_file_read_small(dir, "cgroup.procs", text, sizeof(text));

	/* EFBIG: more than a few. */
	return n > 0 || n == -EFBIG;
}

static int enable_at(int dir, const char *path, uint32_t wanted, uint32_t *optional,
		     struct ctr_error *err)
{
	uint32_t enabled = 0, missing;
	char text[256];
	size_t len = 0;

	/* Reading is cheap; a write takes the lock of all cgroups, even when it changes nothing. */
	if (ctr_file_read_small(dir, "cgroup.subtree_control", text, sizeof(text)) >= 0)
		enabled = ctr_controllers_parse(text);
	if (*path == '\0')
		*optional = (*optional & enabled) | available_at(dir, *optional & ~enabled);
	missing = (wanted | *optional) & ~enabled;
	if (missing != 0 && *path != '\0' && holds_processes(dir)) {
		*optional &= enabled;
		missing = wanted & ~enabled;
		for (int i = 0; i < CTR_CONTROLLER_COUNT; i++) {
			if (missing & CTR_CONTROLLER_BIT(i))
				return explain(dir, path, (enum ctr_controller)i, EBUSY, err);
		}
	}
	if (missing == 0)
		return 0;

	for (int i = 0; i < CTR_CONTROLLER_COUNT; i++) {
		if (missing & CTR_CONTROLLER_BIT(i))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "+%s ", names[i]);
	}
	/* All or nothing. */
	if (ctr_file_write_once(dir, "cgroup.subtree_control", text, len) == 0)
		return 0;
	return enable_each(dir, path, missing, optional, err);
}

int ctr_controllers_enable(int mount, const char *path, uint32_t wanted, uint32_t optional,
			   struct ctr_error *err)
{
	char prefix[PATH_MAX];

	optional &= ~wanted;
	/* Each '/' of @path ends the name of one directory above the container's cgroup. */
	for (size_t i = 0; path[i] != '\0' && i < sizeof(prefix) && (wanted | optional); i++) {
		_cleanup_close_ int dir = -1;

		prefix[i] = path[i];
		if (path[i] != '/')
			continue;

		prefix[i] = '\0';
		dir = openat(mount, i == 0 ? "." : prefix + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open cgroup '%s'",
					prefix);
		if (enable_at(dir, prefix + (i != 0), wanted, &optional, err) < 0)
			return -1;
		prefix[i] = '/';
	}
	return 0;
}
