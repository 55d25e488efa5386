/*
 * ctr update: new limits for a container that is there. What it has now is its configuration and,
 * over it, what updates have left in its state directory ("resources.json").
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "cgroup/devices.h"
#include "cgroup/limits.h"
#include "core/container.h"
#include "core/context.h"
#include "core/machine.h"
#include "core/place.h"
#include "core/verbs.h"
#include "oci/encode.h"
#include "oci/load.h"
#include "oci/resources.h"

static const char file_name[] = "resources.json";
static const char new_name[] = "resources.json.new";

static int load_current(const struct ctr_container *container, const struct ctr_context *context,
			const struct ctr_resources **out, struct ctr_error *err)
{
	const struct ctr_spec *spec;
	size_t len = 0;
	char *text;

	if (faccessat(container->dir, file_name, F_OK, 0) == 0) {
		text = ctr_file_read(context->arena, container->dir, file_name, CTR_CONFIG_SIZE_MAX,
				     &len, err);
		*out = text ? ctr_resources_decode(context->arena, text, len, file_name, err)
			    : NULL;
		return *out ? 0 : -1;
	}

	spec = ctr_container_spec(container, context, err);
	if (!spec)
		return -1;
	*out = spec->linux_->resources;
	return 0;
}

/* What is to be the container's when everything has it: a disk that is full is told before. */
static int save_new(const struct ctr_container *container, const struct ctr_context *context,
		    const struct ctr_resources *resources, struct ctr_error *err)
{
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_buf_init(&buf, context->arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_resources_encode(&json, NULL, resources);
	if (ctr_file_replace(container->dir, new_name, buf.data, buf.len, 0600, err) < 0)
		return ctr_fail_within(err, "state of container '%s'", container->id);
	return 0;
}

static int keep_new(const struct ctr_container *container, struct ctr_error *err)
{
	return renameat(container->dir, new_name, container->dir, file_name) < 0
		       ? ctr_fail(err, CTR_FAULT_HOST, errno, "cannot rename '%s'", new_name)
		       : 0;
}

/* The filter of @resources (NULL: of none) in place of the one there is. */
static int attach_devices(const struct ctr_container *container, const struct ctr_context *context,
			  const struct ctr_resources *resources, struct ctr_error *err)
{
	struct bpf_insn *insns = NULL;
	size_t n = 0;

	if (ctr_devices_compile(resources ? resources->devices : NULL,
				resources ? resources->ndevices : 0, context->arena, &insns, &n,
				err) < 0)
		return -1;
	return ctr_devices_attach(&container->cgroup, &context->host, insns, n, true, err);
}

static int check(const struct ctr_container *container, struct ctr_error *err)
{
	enum ctr_status status = ctr_container_status(container);

	if (status != CTR_STATUS_RUNNING && status != CTR_STATUS_CREATED &&
	    status != CTR_STATUS_PAUSED)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': container not running: %s", container->id,
				ctr_status_name(status));
	if (!container->cgroup.mount)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': it has no cgroup, so nothing can limit it",
				container->id);
	return 0;
}

/* What the host's cgroup had before it was made room in; "": it was not. */
struct room {
	char before[32];
};

/* A guest that is to have more memory can take it at once, so the cgroup it is in has it first. In
 * the end ctr_place_update() writes the same, and tells the manager. */
static int make_room(const struct ctr_container *container, uint64_t bytes, struct room *room,
		     struct ctr_error *err)
{
	static const char file[] = "memory.max";
	char before[sizeof(room->before)], text[32];
	uint64_t now;
	int r;

	room->before[0] = '\0';
	if (bytes == 0 ||
	    ctr_file_read_small(container->cgroup.fd, file, before, sizeof(before)) < 0 ||
	    ctr_parse_u64(before, &now) < 0 || now >= bytes)
		return 0;
	r = snprintf(text, sizeof(text), "%" PRIu64, bytes);
	r = ctr_file_write_once(container->cgroup.fd, file, text, (size_t)r);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r,
				"linux.resources.memory.limit: cannot write %s to %s", text, file);
	memcpy(room->before, before, sizeof(before));
	return 0;
}

static void take_room_back(const struct ctr_container *container, const struct room *room)
{
	if (room->before[0])
		(void)ctr_file_write_once(container->cgroup.fd, "memory.max", room->before,
					  strlen(room->before));
}

/* Limits of what runs in a guest are changed there; *@host is what is left for the cgroup here. */
static int update_machine(const struct ctr_container *container, const struct ctr_context *context,
			  const struct ctr_resources *update, const struct ctr_resources **host,
			  struct ctr_error *err)
{
	const struct ctr_backend *backend = ctr_machine_backend(container, err);
	struct ctr_resources *without;
	const struct ctr_spec *spec;
	struct ctr_machine machine;
	struct room room;

	*host = update;
	if (!backend)
		return -1;
	if (!backend->update)
		return 0;
	if (ctr_machine_can_answer(container, err) < 0)
		return -1;
	spec = ctr_container_spec(container, context, err);
	if (!spec || ctr_machine_open(&machine, context, spec, container, err) < 0 ||
	    make_room(container, backend->footprint(&machine, update), &room, err) < 0)
		return -1;
	if (backend->update(&machine, container->dir, update, host, err) < 0) {
		if (!(*host)->memory)
			take_room_back(container, &room);
		return -1;
	}
	/* Where the host counts no memory the machine was started without such a limit. */
	if ((*host)->memory && faccessat(container->cgroup.fd, "memory.max", F_OK, 0) < 0) {
		without = ctr_arena_alloc(context->arena, sizeof(*without));
		*without = **host;
		without->memory = NULL;
		*host = without;
	}
	return 0;
}

/* What the host's cgroup has of @resources, as they are in the document. */
static const struct ctr_resources *of_host(const struct ctr_container *container,
					   const struct ctr_resources *resources,
					   struct ctr_arena *arena)
{
	const struct ctr_backend *backend = ctr_backend_find(container->record.isolation);
	struct ctr_resources *host;

	if (!resources || !backend || !backend->update)
		return resources;
	host = ctr_arena_alloc(arena, sizeof(*host));
	host->cpu = resources->cpu;
	return host;
}

/* All of it, or nothing: systemd, which may refuse what the kernel took, comes last. */
static int change(struct ctr_container *container, const struct ctr_context *context,
		  const struct ctr_resources *current, const struct ctr_resources *update,
		  const struct ctr_limits *limits, struct ctr_error *err)
{
	struct ctr_error ignored;

	if (update->has_devices && attach_devices(container, context, update, err) < 0)
		return -1;
	if (ctr_place_update(&container->cgroup, update, limits, context, err) == 0)
		return 0;
	if (update->has_devices)
		(void)attach_devices(container, context, current, &ignored);
	return -1;
}

static int update_container(struct ctr_container *container, const struct ctr_context *context,
			    const struct ctr_resources *update, struct ctr_error *err)
{
	const struct ctr_resources *current = NULL, *merged, *host, *host_current;
	struct ctr_limits limits;

	if (load_current(container, context, &current, err) < 0 ||
	    ctr_cgroup_open(&container->cgroup, err) < 0)
		return -1;
	merged = ctr_resources_merge(current, update, context->arena);
	if (save_new(container, context, merged, err) < 0)
		return -1;

	host_current = of_host(container, current, context->arena);
	if (update_machine(container, context, update, &host, err) < 0 ||
	    ctr_limits_plan(ctr_resources_complete(
				    host, ctr_resources_merge(host_current, host, context->arena),
				    context->arena),
			    context->arena, &limits, err) < 0 ||
	    change(container, context, host_current, host, &limits, err) < 0) {
		(void)unlinkat(container->dir, new_name, 0);
		return -1;
	}
	for (size_t i = 0; i < limits.nwarnings; i++)
		ctr_log(CTR_LOG_WARNING, "%s", limits.warnings[i]);
	return keep_new(container, err);
}

static int update_resctrl(const struct ctr_container *container, const struct ctr_context *context,
			  const struct ctr_intel_rdt *rdt, struct ctr_error *err)
{
	const struct ctr_resctrl resctrl = ctr_container_resctrl(container, context);

	if (!rdt)
		return 0;
	if (!resctrl.mount)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': linux.intelRdt: it was created without",
				container->id);
	return ctr_resctrl_update(&resctrl, rdt, context->arena, err);
}

int ctr_update(const struct ctr_context *context, const char *id,
	       const struct ctr_resources *update, const struct ctr_intel_rdt *rdt,
	       struct ctr_error *err)
{
	struct ctr_container container;
	int r;

	r = ctr_container_open(&container, context, id, CTR_LOCK_WAIT, err);
	if (r == 0)
		r = check(&container, err);
	if (r == 0)
		r = update_resctrl(&container, context, rdt, err);
	if (r == 0)
		r = update_container(&container, context, update, err);
	ctr_container_release(&container);
	return r;
}
