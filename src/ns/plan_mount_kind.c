/*
 * mounts[] (config.md#mounts): what kind each is, and which are refused. The only place where the
 * type of a mount is looked at.
 */
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "base/path.h"
#include "ns/plan_mount.h"
#include "ns/planner.h"

static const struct {
	const char *type;
	enum ctr_mount_kind kind;
	bool takes_context; /* SELinux: the "context=" option */
} types[] = {
	{"proc",     CTR_MOUNT_KIND_PROC,   false},
        { "sysfs",   CTR_MOUNT_KIND_SYSFS,  false},
	{ "tmpfs",   CTR_MOUNT_KIND_TMPFS,  true },
        { "devpts",  CTR_MOUNT_KIND_DEVPTS, true },
	{ "mqueue",  CTR_MOUNT_KIND_OTHER,  true },
        { "cgroup",  CTR_MOUNT_KIND_CGROUP, false},
	{ "cgroup2", CTR_MOUNT_KIND_CGROUP, false},
};

/* What fills in for /proc files of the host as lxcfs does; nothing else may hide a part of /proc,
 * because labels and sysctls are read and written there (CVE-2019-16884). */
static const char *const proc_files[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/slabinfo",
	"/proc/net/dev",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/sys/crypto/fips_enabled",
};

enum ctr_mount_kind ctr_plan_mount_kind(const struct ctr_mount *mount)
{
	if (mount->bits & CTR_MOUNT_REMOUNT)
		return CTR_MOUNT_KIND_REMOUNT;
	if (mount->bits & CTR_MOUNT_BIND)
		return CTR_MOUNT_KIND_BIND;
	if (!mount->type)
		return CTR_MOUNT_KIND_PROPAGATION;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(types); i++) {
		if (strcmp(mount->type, types[i].type) == 0)
			return types[i].kind;
	}

	return CTR_MOUNT_KIND_OTHER;
}

bool ctr_plan_mount_is_change(enum ctr_mount_kind kind)
{
	return kind == CTR_MOUNT_KIND_REMOUNT || kind == CTR_MOUNT_KIND_PROPAGATION;
}

bool ctr_plan_mount_takes_context(const struct ctr_mount *mount)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(types); i++) {
		if (strcmp(mount->type, types[i].type) == 0)
			return types[i].takes_context;
	}

	return true;
}

static bool is_proc_file(const char *path)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(proc_files); i++) {
		if (strcmp(path, proc_files[i]) == 0)
			return true;
	}

	return false;
}

bool ctr_plan_mount_is_at(const struct ctr_mount *mount, const char *path)
{
	return strcmp(mount->destination, path) == 0;
}

static int check_proc(struct ctr_planner *p, const struct ctr_mount *mount, size_t index,
		      enum ctr_mount_kind kind)
{
	bool bind = kind == CTR_MOUNT_KIND_BIND;

	if (!ctr_path_is_below(mount->destination, "/proc") || ctr_plan_mount_is_change(kind))
		return 0;

	if (ctr_plan_mount_is_at(mount, "/proc")) {
		if (kind == CTR_MOUNT_KIND_PROC || (bind && strcmp(mount->source, "/proc") == 0))
			return 0;
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu].destination: only proc can be mounted on '/proc'",
				index);
	}
	if (bind && is_proc_file(mount->destination))
		return 0;
	return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
			"mounts[%zu].destination: cannot mount on '%s', inside of /proc", index,
			mount->destination);
}

static int check_mount(struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	enum ctr_mount_kind kind = ctr_plan_mount_kind(mount);

	if (kind == CTR_MOUNT_KIND_BIND && ctr_plan_check_bind(p, mount, index) < 0)
		return -1;
	if (check_proc(p, mount, index, kind) < 0)
		return -1;

	if (kind == CTR_MOUNT_KIND_REMOUNT && mount->data)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu].options: 'remount' changes flags only, not '%s'",
				index, mount->data);
	if (kind == CTR_MOUNT_KIND_BIND || ctr_plan_mount_is_change(kind))
		return 0;

	if (mount->bits & (CTR_MOUNT_IDMAP | CTR_MOUNT_RIDMAP) || mount->nuid_mappings > 0)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu]: only bind mounts can map ids", index);
	if (mount->bits & CTR_MOUNT_TMPCOPYUP && kind != CTR_MOUNT_KIND_TMPFS)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu].options: 'tmpcopyup' is for tmpfs only", index);
	return 0;
}

int ctr_plan_check_mounts(struct ctr_planner *p)
{
	if (p->spec->linux_->mount_label && !p->host->selinux)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"linux.mountLabel: SELinux is not enabled on this host");

	for (size_t i = 0; i < p->spec->nmounts; i++) {
		const struct ctr_mount *mount = &p->spec->mounts[i];

		if (check_mount(p, mount, i) < 0)
			return -1;
		if (ctr_plan_mount_is_at(mount, "/dev") &&
		    ctr_plan_mount_kind(mount) == CTR_MOUNT_KIND_BIND)
			p->dev_bound = true;
		if (ctr_plan_mount_is_at(mount, "/proc"))
			p->has_proc = true;
		if (mount->propagation & MS_SHARED)
			p->any_shared = true;
	}

	return 0;
}
