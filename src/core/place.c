/* Units of systemd around a container's cgroup; cgroupfs needs nothing of it. */
#include "core/place.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "cgroup/cgroup.h"
#include "cgroup/limits.h"
#include "cgroup/property.h"
#include "cgroup/systemd.h"
#include "cgroup/unit.h"
#include "core/context.h"
#include "oci/spec.h"
#include "state/record.h"

static int add_limits(struct ctr_properties *properties, const struct ctr_limits *limits,
		      bool defaults, struct ctr_error *err)
{
	for (size_t i = 0; i < limits->count; i++) {
		const struct ctr_limit *limit = &limits->list[i];

		/* Values of single devices are not in the property of the file. */
		if ((limit->flags & CTR_LIMIT_OR_NEXT) || strchr(limit->value, ':') ||
		    ((limit->flags & CTR_LIMIT_DEFAULT) && !defaults))
			continue;
		if (ctr_properties_limit(properties, limit->file, limit->value, err) < 0)
			return ctr_fail_within(err, "%s", limit->origin);
	}
	return 0;
}

int ctr_place_start(struct ctr_cgroup *cgroup, const struct ctr_spec *spec,
		    const struct ctr_limits *limits, const char *id, pid_t pid,
		    const struct ctr_context *context, struct ctr_error *err)
{
	const struct ctr_resources *resources = spec->linux_->resources;
	struct ctr_properties properties;

	ctr_properties_init(&properties, context->arena);
	ctr_properties_unit(&properties, cgroup->unit, id);
	ctr_properties_devices(&properties, resources ? resources->devices : NULL,
			       resources ? resources->ndevices : 0);
	if (add_limits(&properties, limits, false, err) < 0 ||
	    ctr_properties_annotations(&properties, spec->annotations, spec->nannotations, err) < 0)
		return -1;

	if (ctr_systemd_start(cgroup, &properties, pid, context->arena, err) < 0)
		return -1;

	return ctr_limits_update(limits, cgroup, context->arena, err);
}

int ctr_place_update(struct ctr_cgroup *cgroup, const struct ctr_resources *update,
		     const struct ctr_limits *limits, const struct ctr_context *context,
		     struct ctr_error *err)
{
	struct ctr_properties properties;

	/* First, for it knows what to refuse and takes back what it did. */
	if (ctr_limits_update(limits, cgroup, context->arena, err) < 0)
		return -1;
	if (!cgroup->unit)
		return 0;

	ctr_properties_init(&properties, context->arena);
	if (add_limits(&properties, limits, true, err) < 0)
		return -1;
	if (update->has_devices)
		ctr_properties_devices(&properties, update->devices, update->ndevices);
	return properties.count == 0
		       ? 0
		       : ctr_systemd_set(cgroup->unit, &properties, context->arena, err);
}

int ctr_place_remove(struct ctr_cgroup *cgroup, const struct ctr_context *context,
		     struct ctr_error *err)
{
	if (cgroup->unit && ctr_systemd_stop(cgroup->unit, context->arena, err) < 0)
		return -1;

	/* Without a path the unit was never started. */
	return cgroup->path ? ctr_cgroup_remove(cgroup, err) : 0;
}

void ctr_place_to_record(const struct ctr_cgroup *cgroup, struct ctr_record *record)
{
	record->cgroup_mount = cgroup->mount;
	record->cgroup_path = cgroup->path;
	record->cgroup_made = cgroup->made;
	record->unit = cgroup->unit ? cgroup->unit->name : NULL;
	record->user_unit = cgroup->unit && cgroup->unit->user;
}

void ctr_place_from_record(struct ctr_cgroup *cgroup, const struct ctr_record *record,
			   const struct ctr_context *context)
{
	*cgroup = (struct ctr_cgroup){ .fd = -1 };
	if (record->unit) {
		struct ctr_unit *unit = ctr_arena_alloc(context->arena, sizeof(*unit));

		unit->name = record->unit;
		unit->user = record->user_unit;
		cgroup->unit = unit;
	}
	/* A unit that was not started yet has no cgroup. */
	if (!record->cgroup_path)
		return;

	cgroup->mount = record->cgroup_mount;
	cgroup->path = record->cgroup_path;
	cgroup->made = record->cgroup_made;
}
