/* Which mounts are external, and what is behind them. */
#include "criu/external.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/path.h"
#include "criu/mountinfo.h"
#include "oci/checkpoint.h"
#include "oci/default_devices.h"
#include "oci/spec.h"

/* Where CRIU works, cgroup2 is alone. */
static const char cgroup_mount[] = "/sys/fs/cgroup";

/* The bind mount of @spec that is @mount, by its id. */
static const struct ctr_mount *bind_at(const struct ctr_spec *spec, const unsigned *ids,
				       unsigned id)
{
	for (size_t i = spec->nmounts; i-- > 0;)
		if (ids[i] == id && (spec->mounts[i].bits & CTR_MOUNT_BIND))
			return &spec->mounts[i];

	return NULL;
}

/* Is @mount at, or by a recursive bind below, a bind mount of @spec? Its name then, else NULL. */
static const char *name_by_spec(const struct ctr_mountinfos *mounts,
				const struct ctr_mountinfo *mount, const struct ctr_spec *spec,
				const unsigned *ids, struct ctr_arena *arena)
{
	const struct ctr_mountinfo *at = mount;

	/* A chain of parents has an end, but this text was another's. */
	for (size_t depth = 0; at && depth < mounts->count; depth++) {
		const struct ctr_mount *bind = bind_at(spec, ids, at->id);

		if (bind && at == mount)
			return bind->destination;
		if (bind && (bind->bits & CTR_MOUNT_RECURSIVE) &&
		    ctr_path_is_below(mount->point, at->point))
			return ctr_arena_printf(arena, "%s%s", bind->destination,
						mount->point + strlen(at->point));
		/* Something of the container's own lies between. */
		for (size_t i = 0; i < spec->nmounts; i++)
			if (ids[i] == at->id)
				return NULL;
		at = ctr_mountinfo_find(mounts, at->parent);
	}
	return NULL;
}

/* Part of a file system that the container sees more of in another place: CRIU binds it from
 * there. */
static bool is_seen_elsewhere(const struct ctr_mountinfos *mounts,
			      const struct ctr_mountinfo *mount)
{
	for (size_t i = 0; i < mounts->count; i++) {
		const struct ctr_mountinfo *other = &mounts->list[i];

		if (other != mount && strcmp(other->device, mount->device) == 0 &&
		    strcmp(other->root, mount->root) != 0 &&
		    ctr_path_is_below(mount->root, other->root))
			return true;
	}
	return false;
}

/* Does it get mounts from outside? No mount of the container is of its master's group then. What
 * stands for a file system that could not be mounted, such as /sys, is like that. */
static bool has_outer_master(const struct ctr_mountinfos *mounts, const struct ctr_mountinfo *mount)
{
	if (mount->master == 0)
		return false;
	for (size_t i = 0; i < mounts->count; i++)
		if (mounts->list[i].shared == mount->master)
			return false;

	return true;
}

static bool is_listed(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], path) == 0)
			return true;

	return false;
}

/*
 * The name of @mount, which is below a recursive bind and is called @name by that, where it is the
 * mask on it: the configuration may have either path. NULL: it is none.
 */
static const char *name_of_mask(const struct ctr_mountinfos *mounts,
				const struct ctr_mountinfo *mount, const char *name,
				const struct ctr_linux *config)
{
	/* What was there before lies below the mask. */
	for (size_t i = 0; i < mounts->count; i++)
		if (mounts->list[i].parent == mount->id &&
		    strcmp(mounts->list[i].point, mount->point) == 0)
			return NULL;

	if (is_listed(config->masked_paths, config->nmasked_paths, name))
		return name;
	return is_listed(config->masked_paths, config->nmasked_paths, mount->point) ? mount->point
										    : NULL;
}

/* A file system that was mounted in the container as a whole. Of cgroup2 there is but one; its root
 * is the container's cgroup. */
static bool is_own(const struct ctr_mountinfo *mount)
{
	return strcmp(mount->root, "/") == 0 || strncmp(mount->type, "cgroup", 6) == 0;
}

int ctr_external_find(struct ctr_externals *out, const struct ctr_mountinfos *mounts,
		      const struct ctr_spec *spec, const unsigned *ids,
		      const struct ctr_external_own *own, struct ctr_arena *arena,
		      struct ctr_error *err)
{
	*out = (struct ctr_externals){
		.list = ctr_arena_array(arena, mounts->count, sizeof(*out->list)),
	};

	for (size_t i = 0; i < mounts->count; i++) {
		const struct ctr_mountinfo *mount = &mounts->list[i];
		bool outer = has_outer_master(mounts, mount);
		bool ours = own->name && own->id == mount->id;
		const char *name, *mask;

		out->masters = out->masters || outer;
		/* The root is CRIU's root of a restore. */
		if (strcmp(mount->point, "/") == 0)
			continue;
		name = ours ? own->name : name_by_spec(mounts, mount, spec, ids, arena);
		mask = name ? name_of_mask(mounts, mount, name, spec->linux_) : NULL;
		if ((!name || mask) && !outer &&
		    (is_own(mount) || is_seen_elsewhere(mounts, mount)))
			continue;
		name = mask ? mask : name ? name : mount->point;
		/* Both are parts of one word of its options. */
		if (strpbrk(name, "]\n") || strpbrk(mount->point, "]\n"))
			return ctr_fail(err, CTR_FAULT_HOST, 0,
					"the mount on '%s' has a name that CRIU cannot be told",
					name);
		out->list[out->count++] = (struct ctr_external){
			.name = name,
			.point = mount->point,
			.slave = mount->master != 0 || mount->shared != 0,
		};
	}
	return 0;
}

/* ---- restore */

static bool is_of_cgroups(const struct ctr_mount *mount)
{
	return mount->type && strncmp(mount->type, "cgroup", strlen("cgroup")) == 0;
}

/* A user namespace that does not own the network namespace can mount no sysfs, and gets the
 * host's; so does who has no cgroup namespace, and cgroups (ns/plan_filesystem.c). */
static const char *source_of(const struct ctr_spec *spec, const struct ctr_mount *mount)
{
	const struct ctr_namespace *namespaces = spec->linux_->namespaces;
	const struct ctr_namespace *net = &namespaces[CTR_NS_NETWORK];

	if (mount->bits & CTR_MOUNT_BIND)
		return mount->source;
	if (!mount->type)
		return NULL;

	if (strcmp(mount->type, "sysfs") == 0)
		return namespaces[CTR_NS_USER].listed && (!net->listed || net->path) ? "/sys"
										     : NULL;
	return is_of_cgroups(mount) && !namespaces[CTR_NS_CGROUP].listed ? cgroup_mount : NULL;
}

static bool is_recursive(const struct ctr_mount *mount)
{
	return !(mount->bits & CTR_MOUNT_BIND) || mount->bits & CTR_MOUNT_RECURSIVE;
}

static bool find_bind(struct ctr_external *out, const struct ctr_spec *spec, const char *name)
{
	const struct ctr_mount *best = NULL;

	/* The last one of the longest destination: it lies on top. */
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct ctr_mount *mount = &spec->mounts[i];

		if (!source_of(spec, mount) || !ctr_path_is_below(name, mount->destination) ||
		    (strcmp(name, mount->destination) != 0 && !is_recursive(mount)))
			continue;
		if (!best || strlen(mount->destination) >= strlen(best->destination))
			best = mount;
	}
	if (!best)
		return false;

	*out = (struct ctr_external){
		.name = name,
		.kind = CTR_EXTERNAL_BIND,
		.source = source_of(spec, best),
		.beneath = name + strlen(best->destination),
	};
	return true;
}

static bool set_device(struct ctr_external *out, const char *name, const char *source,
		       int64_t major, int64_t minor)
{
	*out = (struct ctr_external){
		.name = name,
		.kind = CTR_EXTERNAL_DEVICE,
		.source = source,
		.beneath = "",
		.device = makedev((unsigned)major, (unsigned)minor),
	};
	return true;
}

/* Below a /sys of the host's lies the host's cgroup file system, and on it the container's own one.
 * CRIU tells mounts by their place, and gives both what the first is said to be. */
static bool find_cgroup(struct ctr_external *out, const struct ctr_spec *spec, const char *name)
{
	if (!spec->linux_->namespaces[CTR_NS_CGROUP].listed)
		return false;
	for (size_t i = spec->nmounts; i-- > 0;) {
		const struct ctr_mount *mount = &spec->mounts[i];

		if (strcmp(mount->destination, name) != 0)
			continue;
		if (mount->bits & CTR_MOUNT_BIND || !is_of_cgroups(mount))
			return false;
		*out = (struct ctr_external){
			.name = name,
			.kind = CTR_EXTERNAL_CGROUP,
			.source = name,
			.beneath = "",
			.readonly = mount->flags & MS_RDONLY,
		};
		return true;
	}
	return false;
}

/* Nodes that every container has, and those of linux.devices, where they could only be bound. */
static bool find_device(struct ctr_external *out, const struct ctr_spec *spec, const char *name)
{
	const struct ctr_linux *config = spec->linux_;

	for (size_t i = 0; i < config->ndevices; i++) {
		const struct ctr_device *device = &config->devices[i];

		if (device->type != CTR_DEVICE_FIFO && strcmp(device->path, name) == 0)
			return set_device(out, name, name, device->major, device->minor);
	}
	for (size_t i = 0; i < CTR_DEFAULT_DEVICES; i++) {
		const struct ctr_default_device *device = &ctr_default_devices[i];

		if (device->path && strcmp(device->path, name) == 0)
			return set_device(out, name, name, device->major, device->minor);
	}
	return false;
}

static bool find_mask(struct ctr_external *out, const struct ctr_spec *spec, const char *name)
{
	const struct ctr_linux *config = spec->linux_;

	return is_listed(config->masked_paths, config->nmasked_paths, name) &&
	       set_device(out, name, "/dev/null", 1, 3);
}

static bool find_own(struct ctr_external *out, const struct ctr_external_own *own, const char *name)
{
	if (!own->name || strcmp(own->name, name) != 0)
		return false;
	*out = (struct ctr_external){
		.name = name,
		.kind = CTR_EXTERNAL_BIND,
		.source = own->source,
		.beneath = "",
	};
	return true;
}

static void resolve_all(struct ctr_externals *out, const struct ctr_spec *spec,
			struct ctr_arena *arena)
{
	const struct ctr_linux *config = spec->linux_;

	out->list = ctr_arena_array(arena, spec->nmounts + config->nmasked_paths + config->ndevices,
				    sizeof(*out->list));
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct ctr_mount *mount = &spec->mounts[i];

		if (mount->bits & CTR_MOUNT_BIND && mount->source)
			out->list[out->count++] = (struct ctr_external){
				.name = mount->destination,
				.source = mount->source,
				.beneath = "",
			};
	}
	for (size_t i = 0; i < config->nmasked_paths; i++)
		out->count += find_mask(&out->list[out->count], spec, config->masked_paths[i]);
	for (size_t i = 0; i < config->ndevices; i++)
		out->count += find_device(&out->list[out->count], spec, config->devices[i].path);
	for (size_t i = 0; i < out->count; i++)
		out->list[i].slave = true;
}

int ctr_external_resolve(struct ctr_externals *out, const struct ctr_checkpoint *checkpoint,
			 const struct ctr_spec *spec, const struct ctr_external_own *own,
			 struct ctr_arena *arena, struct ctr_error *err)
{
	*out = (struct ctr_externals){ 0 };
	if (!checkpoint) {
		resolve_all(out, spec, arena);
		return 0;
	}

	out->list = ctr_arena_array(arena, checkpoint->nmounts, sizeof(*out->list));
	for (size_t i = 0; i < checkpoint->nmounts; i++) {
		const char *name = checkpoint->mounts[i];
		struct ctr_external *mount = &out->list[out->count++];

		/* Masks lie on what they hide. */
		if (!find_mask(mount, spec, name) && !find_cgroup(mount, spec, name) &&
		    !find_own(mount, own, name) && !find_bind(mount, spec, name) &&
		    !find_device(mount, spec, name))
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"mounts: the checkpointed container had a mount of the "
					"host's on '%s', which the configuration has not",
					name);
		mount->slave = i >= checkpoint->nslaves || checkpoint->slaves[i] != 0;
	}
	return 0;
}
