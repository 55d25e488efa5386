/* Units of systemd around a container's cgroup; cgroupfs needs nothing of it. */
#include "core/place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/cgroup.h"
#include "cgroup/limits.h"
#include "cgroup/property.h"
#include "cgroup/systemd.h"
#include "cgroup/unit.h"
#include "core/container.h"
#include "core/context.h"
#include "ns/idmap.h"
#include "oci/spec.h"
#include "state/record.h"

static const char subgroup_key[] = "run.oci.systemd.subgroup";
static const char delegate_key[] = "run.oci.delegate-cgroup";

/* The files' defaults are the properties', but for TasksMax: a share of what the host can have. */
static bool is_default(const struct ctr_limit *limit)
{
	return (limit->flags & CTR_LIMIT_DEFAULT) && strcmp(limit->file, "pids.max") != 0;
}

static void add_limits(struct ctr_properties *properties, const struct ctr_limits *limits,
		       bool defaults)
{
	for (size_t i = 0; i < limits->count; i++) {
		const struct ctr_limit *limit = &limits->list[i];

		/* Values of single devices are not in the property of the file. */
		if ((limit->flags & CTR_LIMIT_OR_NEXT) || strchr(limit->value, ':') ||
		    (is_default(limit) && !defaults))
			continue;
		ctr_properties_limit(properties, limit->file, limit->value);
	}
}

int ctr_place_start(struct ctr_container *container, const struct ctr_spec *spec,
		    const struct ctr_limits *limits, pid_t pid, const struct ctr_context *context,
		    struct ctr_error *err)
{
	struct ctr_cgroup *cgroup = &container->cgroup;
	const struct ctr_resources *resources = spec->linux_->resources;
	const char *name = ctr_spec_annotation(spec, subgroup_key);
	struct ctr_properties properties;

	ctr_properties_init(&properties, context->arena);
	ctr_properties_unit(&properties, cgroup->unit, container->id);
	ctr_properties_devices(&properties, resources ? resources->devices : NULL,
			       resources ? resources->ndevices : 0);
	add_limits(&properties, limits, false);
	if (ctr_properties_annotations(&properties, spec->annotations, spec->nannotations, err) < 0)
		return -1;

	if (ctr_systemd_start(cgroup, &properties, pid, container->dir, context->arena, err) < 0)
		return -1;
	if (name && *name != '\0' && ctr_cgroup_descend(cgroup, name, pid, context->arena, err) < 0)
		return -1;
	if (ctr_limits_update(limits, cgroup, context->arena, NULL, err) < 0)
		return -1;

	return ctr_place_give(cgroup, spec, context, err);
}

/* ---- delegation */

int ctr_place_check(const struct ctr_spec *spec, struct ctr_error *err)
{
	static const char *const keys[] = { subgroup_key, delegate_key };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(keys); i++) {
		const char *name = ctr_spec_annotation(spec, keys[i]);

		if (name && *name != '\0' && ctr_cgroup_check_sub(name, err) < 0)
			return ctr_fail_within(err, "annotations[%s]", keys[i]);
	}
	return 0;
}

static bool has_own(const struct ctr_spec *spec, enum ctr_ns_kind kind)
{
	return spec->linux_->namespaces[kind].listed && !spec->linux_->namespaces[kind].path;
}

/* The host's id of who is to own the cgroup; -1: nobody but us. */
static int64_t find_owner(const struct ctr_spec *spec, const struct ctr_context *context)
{
	struct ctr_idmap map;
	int64_t owner;

	if (!has_own(spec, CTR_NS_USER) || !spec->process)
		return -1;
	ctr_idmap_of(&map, spec, &context->host, context->arena);
	owner = ctr_idmap_to_host(map.uid, map.nuid, spec->process->user.uid);
	/* Without privileges nothing can be given away. */
	return context->host.rootless || owner == context->host.euid ? -1 : owner;
}

static bool has_writable_cgroup(const struct ctr_spec *spec)
{
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct ctr_mount *mount = &spec->mounts[i];

		if (strcmp(mount->destination, "/sys/fs/cgroup") == 0 && mount->type &&
		    strncmp(mount->type, "cgroup", 6) == 0)
			return !(mount->flags & MS_RDONLY);
	}
	return false;
}

int ctr_place_give(const struct ctr_cgroup *cgroup, const struct ctr_spec *spec,
		   const struct ctr_context *context, struct ctr_error *err)
{
	int64_t owner;

	if (cgroup->fd < 0 || !has_own(spec, CTR_NS_CGROUP) || !has_writable_cgroup(spec))
		return 0;

	owner = find_owner(spec, context);
	return owner < 0 ? 0 : ctr_cgroup_give(cgroup, (uid_t)owner, err);
}

const char *ctr_place_delegated(const struct ctr_spec *spec)
{
	const char *name = ctr_spec_annotation(spec, delegate_key);

	return name && *name != '\0' ? name : NULL;
}

int ctr_place_delegate(const struct ctr_cgroup *cgroup, const struct ctr_spec *spec, pid_t pid,
		       const struct ctr_context *context, struct ctr_error *err)
{
	const char *name = ctr_place_delegated(spec);
	struct ctr_cgroup sub = *cgroup;
	int64_t owner = find_owner(spec, context);
	int r = 0;

	if (!name || cgroup->fd < 0)
		return 0;

	/* The caller's descriptor stays open: descending closes a copy. No controllers: they are
	 * the container's affair, and those of the limits end above. */
	sub.fd = fcntl(cgroup->fd, F_DUPFD_CLOEXEC, 0);
	sub.controllers = 0;
	if (sub.fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open cgroup '%s'",
				cgroup->path);
	r = ctr_cgroup_descend(&sub, name, pid, context->arena, err);
	if (r == 0 && owner >= 0)
		r = ctr_cgroup_give(&sub, (uid_t)owner, err);
	ctr_cgroup_close(&sub);
	return r < 0 ? ctr_fail_within(err, "annotations[%s]", delegate_key) : 0;
}

int ctr_place_attach(const struct ctr_cgroup *cgroup, const char *sub, pid_t pid,
		     const struct ctr_context *context, struct ctr_error *err)
{
	const char *unit = ctr_arena_printf(context->arena, "/%s", cgroup->unit->name);
	const char *below = strstr(cgroup->path, unit);

	below = below ? below + strlen(unit) : "";
	return ctr_systemd_attach(cgroup->unit,
				  ctr_arena_printf(context->arena, "%s/%s", below, sub ? sub : ""),
				  pid, context->arena, err);
}

/*
 * What systemd writes anew whenever it changes something of the same controller, and has no
 * property for that says as much: a quota is rounded to percents, and OOMPolicy cannot be changed
 * later.
 */
static const char *const rewritten[] = {
	"cpu.max",
	"cpu.weight", /* of cpu.weight.nice */
	"memory.oom.group",
	"memory.zswap.writeback",
};

static int tell_systemd(const struct ctr_cgroup *cgroup, const struct ctr_properties *properties,
			const struct ctr_context *context, struct ctr_error *err)
{
	char before[CTR_ARRAY_SIZE(rewritten)][64], now[64];
	ssize_t n[CTR_ARRAY_SIZE(rewritten)];
	int r;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(rewritten); i++)
		n[i] = ctr_file_read_small(cgroup->fd, rewritten[i], before[i], sizeof(before[i]));
	r = ctr_systemd_set(cgroup->unit, properties, context->arena, err);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(rewritten); i++)
		if (n[i] > 0 &&
		    ctr_file_read_small(cgroup->fd, rewritten[i], now, sizeof(now)) > 0 &&
		    strcmp(now, before[i]) != 0)
			(void)ctr_file_write_once(cgroup->fd, rewritten[i], before[i],
						  strlen(before[i]));
	return r;
}

int ctr_place_update(struct ctr_cgroup *cgroup, const struct ctr_resources *update,
		     const struct ctr_limits *limits, const struct ctr_context *context,
		     struct ctr_error *err)
{
	struct ctr_properties properties;
	const char *const *before;

	/* First, for it knows what to refuse and takes back what it did. */
	if (ctr_limits_update(limits, cgroup, context->arena, &before, err) < 0)
		return -1;
	if (!cgroup->unit)
		return 0;

	ctr_properties_init(&properties, context->arena);
	add_limits(&properties, limits, true);
	if (update->has_devices)
		ctr_properties_devices(&properties, update->devices, update->ndevices);
	if (properties.count == 0)
		return 0;
	if (tell_systemd(cgroup, &properties, context, err) < 0) {
		ctr_limits_put_back(limits, cgroup, before);
		return -1;
	}

	/* systemd writes what it understood: a quota rounded to percents. */
	if (ctr_limits_apply(limits, cgroup, false, err) < 0) {
		ctr_limits_put_back(limits, cgroup, before);
		return -1;
	}
	return 0;
}

/* There are other state directories with the same ids, and so other units of that name: where the
 * cgroup is gone, one in another slice, or without that sub-cgroup. */
static int end_unit(const struct ctr_cgroup *cgroup, const struct ctr_context *context,
		    struct ctr_error *err)
{
	if (!cgroup->path || ctr_cgroup_is_gone(cgroup))
		return ctr_systemd_forget(cgroup->unit, context->arena, err);
	if (ctr_cgroup_is_replaced(cgroup))
		return 0;
	return ctr_systemd_stop(cgroup->unit, context->arena, err);
}

int ctr_place_remove(struct ctr_cgroup *cgroup, const struct ctr_context *context,
		     struct ctr_error *err)
{
	if (cgroup->unit && end_unit(cgroup, context, err) < 0)
		return -1;

	/* Without a path the unit was never started. */
	return cgroup->path ? ctr_cgroup_remove(cgroup, err) : 0;
}

static const char claim_name[] = "cgroup";

int ctr_place_claim(const struct ctr_cgroup *cgroup, int dir, struct ctr_error *err)
{
	char text[40];

	/* Of a unit the record tells: it is started later. */
	if (!cgroup->mount || cgroup->unit)
		return 0;

	(void)snprintf(text, sizeof(text), "%" PRIu64 ":%u", cgroup->inode, cgroup->made);
	if (symlinkat(text, dir, claim_name) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make the link '%s'",
				claim_name);
	return 0;
}

void ctr_place_read_claim(struct ctr_record *record, int dir)
{
	char text[40], *colon;
	ssize_t n = readlinkat(dir, claim_name, text, sizeof(text) - 1);
	uint64_t inode, made;

	text[n < 0 ? 0 : n] = '\0';
	colon = strchr(text, ':');
	if (!colon)
		return;
	*colon = '\0';
	if (ctr_parse_u64(text, &inode) < 0 || ctr_parse_u64(colon + 1, &made) < 0)
		return;

	record->cgroup_inode = inode;
	record->cgroup_made = (uint32_t)made;
}

void ctr_place_to_record(const struct ctr_cgroup *cgroup, struct ctr_record *record)
{
	record->cgroup_mount = cgroup->mount;
	record->cgroup_path = cgroup->path;
	record->cgroup_made = cgroup->made;
	record->cgroup_inode = cgroup->inode;
	record->unit = cgroup->unit ? cgroup->unit->name : NULL;
	record->user_unit = cgroup->unit && cgroup->unit->user;
	record->slice = cgroup->unit ? cgroup->unit->slice : NULL;
}

void ctr_place_sweep(const struct ctr_record *record, const struct ctr_context *context)
{
	const char *slice;
	struct ctr_error ignored;

	if (!record->unit || record->cgroup_path || !record->cgroup_mount || !record->slice ||
	    record->user_unit)
		return;
	slice = ctr_unit_expand_slice(record->slice, context->arena, &ignored);
	if (slice)
		(void)rmdir(ctr_arena_printf(context->arena, "%s%s/%s", record->cgroup_mount, slice,
					     record->unit));
}

void ctr_place_from_record(struct ctr_cgroup *cgroup, const struct ctr_record *record,
			   const struct ctr_context *context)
{
	*cgroup = (struct ctr_cgroup){ .fd = -1 };
	if (record->unit) {
		struct ctr_unit *unit = ctr_arena_alloc(context->arena, sizeof(*unit));

		unit->name = record->unit;
		unit->user = record->user_unit;
		unit->slice = record->slice;
		cgroup->unit = unit;
	}
	/* A unit that was not started yet has no cgroup. */
	if (!record->cgroup_path)
		return;

	cgroup->mount = record->cgroup_mount;
	cgroup->path = record->cgroup_path;
	cgroup->made = record->cgroup_made;
	cgroup->inode = record->cgroup_inode;
}
