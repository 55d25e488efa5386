/*
 * /dev: the nodes that every container has and those of linux.devices, ptmx and the usual links
 * (config-linux.md#default-devices). Nothing is made in a /dev of the host's that was bound.
 */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "base/path.h"
#include "ns/planner.h"
#include "oci/default_devices.h"

static const struct {
	const char *path, *target;
	bool needs_proc;
} links[] = {
	{"/dev/ptmx",    "pts/ptmx",        false},
        { "/dev/fd",     "/proc/self/fd",   true },
	{ "/dev/stdin",  "/proc/self/fd/0", true },
        { "/dev/stdout", "/proc/self/fd/1", true },
	{ "/dev/stderr", "/proc/self/fd/2", true },
        { "/dev/core",   "/proc/kcore",     true },
};

static mode_t type_of(const struct ctr_device *device)
{
	switch (device->type) {
	case CTR_DEVICE_BLOCK:
		return S_IFBLK;
	case CTR_DEVICE_FIFO:
		return S_IFIFO;
	case CTR_DEVICE_ALL: /* in device rules only */
	case CTR_DEVICE_CHAR:
		break;
	}

	return S_IFCHR;
}

/* mknod(2) of a device is refused in every user namespace but the first. */
static bool must_bind(const struct ctr_planner *p, const struct ctr_device *device)
{
	return device->type != CTR_DEVICE_FIFO && (p->user_ns || p->host->in_userns);
}

static uint16_t flags_of(const struct ctr_planner *p, const struct ctr_device *device)
{
	if (must_bind(p, device))
		return CTR_OPF_BIND;

	return device->type == CTR_DEVICE_FIFO ? 0 : CTR_OPF_FALLBACK_BIND;
}

static void add_device(struct ctr_planner *p, const struct ctr_device *device)
{
	bool in_dev = ctr_path_is_below(device->path, "/dev");
	struct ctr_op *op;

	op = ctr_planner_add(p, CTR_OP_DEVICE, device->path);
	op->str2 = (device->file_mode & 07777) | type_of(device);
	op->arg = makedev((unsigned)device->major, (unsigned)device->minor);
	op->arg2 = (uint64_t)device->uid << 32 | device->gid;
	op->flags = flags_of(p, device);
	/* An image's /dev may be a link to a directory of the host's that is bound elsewhere in
	 * the container (CVE-2026-41579). */
	if (in_dev)
		op->flags |= CTR_OPF_TARGET_NOFOLLOW;
}

static const struct ctr_device *listed(const struct ctr_planner *p, const char *path)
{
	const struct ctr_linux *config = p->spec->linux_;

	for (size_t i = 0; i < config->ndevices; i++) {
		if (strcmp(config->devices[i].path, path) == 0)
			return &config->devices[i];
	}

	return NULL;
}

static void add_default_devices(struct ctr_planner *p)
{
	ctr_plan_origin(p->plan, "%s", "");
	for (size_t i = 0; i < CTR_DEFAULT_DEVICES; i++) {
		const struct ctr_device device = {
			.type = CTR_DEVICE_CHAR,
			.path = ctr_default_devices[i].path,
			.major = ctr_default_devices[i].major,
			.minor = ctr_default_devices[i].minor,
			.file_mode = 0666,
		};

		if (device.path && !listed(p, device.path))
			add_device(p, &device);
	}
}

/* A node of the host's keeps what it has there. */
static void warn_of_owner(struct ctr_planner *p, const struct ctr_device *device, size_t index)
{
	if (must_bind(p, device) && (device->uid || device->gid || device->file_mode != 0666))
		ctr_planner_warn(p,
				 "linux.devices[%zu]: '%s' is the host's in a user namespace: "
				 "fileMode, uid and gid are not applied",
				 index, device->path);
}

static void add_listed_devices(struct ctr_planner *p)
{
	const struct ctr_linux *config = p->spec->linux_;

	for (size_t i = 0; i < config->ndevices; i++) {
		const struct ctr_device *device = &config->devices[i];

		/* The container's own, of its devpts. */
		if (strcmp(device->path, "/dev/ptmx") == 0)
			continue;
		if (p->dev_bound && ctr_path_is_below(device->path, "/dev"))
			continue;

		ctr_plan_origin(p->plan, "linux.devices[%zu]", i);
		add_device(p, device);
		warn_of_owner(p, device, i);
	}
}

static void add_links(struct ctr_planner *p)
{
	ctr_plan_origin(p->plan, "%s", "");
	for (size_t i = 0; i < CTR_ARRAY_SIZE(links); i++) {
		struct ctr_op *op;

		if (links[i].needs_proc && !p->has_proc)
			continue;
		op = ctr_planner_add(p, CTR_OP_SYMLINK, links[i].path);
		op->str2 = ctr_plan_str(p->plan, links[i].target);
		op->flags = CTR_OPF_TARGET_NOFOLLOW;
	}
}

void ctr_plan_devices(struct ctr_planner *p)
{
	if (!p->dev_bound)
		add_default_devices(p);
	add_listed_devices(p);
	if (!p->dev_bound)
		add_links(p);
}
