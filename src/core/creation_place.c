/*
 * What a container gets on the host before it has a process: state directory, record, writable
 * layer, resctrl group, cgroup with its limits.
 */
#include "core/creation.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "core/context.h"
#include "core/create.h"
#include "core/place.h"

static void undo_state(struct ctr_creation *creation)
{
	struct ctr_container *container = &creation->container;

	if (creation->stays)
		return;
	if (ctr_state_remove(container->root, container->id, NULL) == 0)
		return;

	/* It takes a descriptor, and there may be no other. */
	ctr_close_ptr(&container->dir);
	container->dir = -1;
	(void)ctr_state_remove(container->root, container->id, NULL);
}

static void undo_cgroup(struct ctr_creation *creation)
{
	(void)ctr_place_remove(&creation->container.cgroup, creation->context, NULL);
}

static void undo_resctrl(struct ctr_creation *creation)
{
	(void)ctr_resctrl_remove(&creation->resctrl, creation->context->arena, NULL);
}

static void undo_overlay(struct ctr_creation *creation)
{
	ctr_overlay_undo(&creation->overlay);
}

static int check_terminal(const struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_create_options *options = creation->options;
	bool foreground = creation->run && !options->detach;

	if (!creation->spec->process)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"process: missing, it is required to create");

	if (creation->spec->process->terminal) {
		if (!foreground && !options->console_socket)
			return ctr_fail(
				err, CTR_FAULT_USAGE, 0,
				"process.terminal: cannot allocate tty if ctr will detach without setting console socket");
		return 0;
	}

	if (options->console_socket)
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"--console-socket: cannot use console socket if ctr will not detach or allocate tty");
	return 0;
}

static uint32_t hook_bits(const struct ctr_spec *spec)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < CTR_HOOK_KINDS; i++)
		bits |= (uint32_t)(spec->hooks[i].count > 0) << i;
	return bits;
}

static const char *manager_name(enum ctr_cgroup_manager manager)
{
	static const char *const names[] = {
		[CTR_MANAGER_CGROUPFS] = "cgroupfs",
		[CTR_MANAGER_SYSTEMD] = "systemd",
		[CTR_MANAGER_DISABLED] = "disabled",
	};

	return names[manager];
}

static void fill_record(struct ctr_creation *creation)
{
	const struct ctr_spec *spec = creation->spec;
	const struct ctr_backend *backend = creation->machine.backend;
	const struct ctr_namespace *pidns = &creation->machine.spec->linux_->namespaces[CTR_NS_PID];
	struct ctr_record *record = &creation->container.record;
	char *created = ctr_arena_alloc(creation->context->arena, CTR_CLOCK_TEXT);

	*record = (struct ctr_record){
		.id = creation->options->id,
		.bundle = spec->bundle,
		.rootfs = spec->root->path,
		.created = ctr_clock_now(created),
		.oci_version = spec->oci_version,
		.owner = creation->context->host.euid,
		.isolation = backend->name,
		.manager = manager_name(creation->context->manager),
		.hooks = hook_bits(spec),
		.terminal = spec->process->terminal,
		.has_pidns =
			(backend->bits & CTR_BACKEND_MACHINE) || (pidns->listed && !pidns->path),
		.network = creation->network.mode,
		.netns = creation->network.taken,
		.overlay = creation->overlay.recorded,
		.annotations = spec->annotations,
		.nannotations = spec->nannotations,
	};
}

/* The layer over the root file system, locked until others can learn of it from the record. */
static int take_overlay(struct ctr_creation *creation, struct ctr_error *err)
{
	struct ctr_plan_options *plan_options = &creation->plan_options;

	if (!creation->options->overlay)
		return 0;

	if (creation->machine.backend->bits & CTR_BACKEND_MACHINE)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--overlay: not with --isolation %s: its root file system is not "
				"mounted here",
				creation->machine.backend->name);

	ctr_creation_push_undo(creation, undo_overlay);
	if (ctr_overlay_take(&creation->overlay, creation->options->overlay,
			     creation->spec->root->path, creation->context, err) < 0)
		return -1;
	plan_options->overlay = true;
	plan_options->overlay_dir = creation->overlay.dir;
	return 0;
}

static void resctrl_to_record(struct ctr_creation *creation)
{
	const struct ctr_resctrl *resctrl = &creation->resctrl;
	struct ctr_record *record = &creation->container.record;

	record->resctrl = resctrl->mount ? resctrl->group : NULL;
	record->resctrl_made = resctrl->made;
	record->resctrl_monitored = resctrl->monitored;
}

/* The record tells of the group before it is there. */
static int take_resctrl(struct ctr_creation *creation, struct ctr_error *err)
{
	if (!creation->resctrl.mount)
		return 0;

	if (ctr_resctrl_make(&creation->resctrl, creation->spec->linux_->intel_rdt,
			     creation->context->arena, err) < 0)
		return -1;
	ctr_creation_push_undo(creation, undo_resctrl);
	resctrl_to_record(creation);
	return 0;
}

/* State directory, record and cgroup, in an order in which a kill -9 leaves what delete
 * understands. */
static int make_place(struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_context *context = creation->context;
	struct ctr_container *container = &creation->container;

	if (ctr_cgroup_place(&container->cgroup, context->arena, &context->host, context->manager,
			     creation->spec->linux_->cgroups_path, creation->options->id,
			     err) < 0 ||
	    ctr_container_limits(creation->spec, &container->cgroup, context, &creation->limits,
				 err) < 0 ||
	    (creation->spec->linux_->intel_rdt &&
	     ctr_resctrl_plan(&creation->resctrl, ctr_resctrl_mount(context->arena),
			      creation->spec->linux_->intel_rdt, creation->options->id,
			      context->arena, err) < 0))
		return -1;

	if (ctr_place_check(creation->spec, err) < 0)
		return -1;
	container->id = creation->options->id;
	container->root = ctr_context_open_root(context, true, err);
	if (container->root < 0)
		return -1;

	container->dir = ctr_state_make(container->root, container->id, err);
	if (container->dir < 0)
		return -1;
	ctr_creation_push_undo(creation, undo_state);

	fill_record(creation);
	resctrl_to_record(creation);
	ctr_place_to_record(&container->cgroup, &container->record);
	if (ctr_record_write(&container->record, container->dir, context->arena, err) < 0)
		return -1;

	if (ctr_network_files(&creation->network, creation->spec, container->dir, container->id,
			      context, err) < 0 ||
	    take_resctrl(creation, err) < 0 ||
	    ctr_container_confine(&container->cgroup, &creation->limits, context, err) < 0)
		return -1;
	ctr_creation_push_undo(creation, undo_cgroup);
	ctr_place_to_record(&container->cgroup, &container->record);
	if (ctr_place_claim(&container->cgroup, container->dir, err) < 0)
		return ctr_fail_within(err, "state of container '%s'", container->id);
	if (ctr_place_give(&container->cgroup, creation->spec, context, err) < 0)
		return -1;
	if (container->cgroup.made == 0)
		creation->oom_kills = ctr_container_oom_kills(&container->cgroup);
	return 0;
}

int ctr_creation_place(struct ctr_creation *creation, struct ctr_error *err)
{
	return check_terminal(creation, err) < 0 || take_overlay(creation, err) < 0
		       ? -1
		       : make_place(creation, err);
}
