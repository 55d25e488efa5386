/* The root file system: how it comes to be, how it is entered, what is taken away in it. */
#include <string.h>
#include <sys/mount.h>

#include "base/error.h"
#include "ns/planner.h"

int ctr_plan_check_rootfs(struct ctr_planner *p)
{
	if (p->options->overlay && p->in_place)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"--overlay: the container has no mount namespace of its own "
				"(linux.namespaces)");
	return 0;
}

/* Does the root file system come as a descriptor? */
static bool is_opened_by_parent(const struct ctr_planner *p)
{
	return p->options->overlay || ctr_planner_walks_for_child(p);
}

void ctr_plan_request_rootfs(struct ctr_planner *p)
{
	if (p->in_place || !is_opened_by_parent(p))
		return;

	if (p->options->overlay) {
		*ctr_planner_request(p) = (struct ctr_fd_request){
			.kind = CTR_FD_OVERLAY,
			.path = p->spec->root->path,
			.layer = p->options->overlay_dir,
			.label = p->spec->linux_->mount_label,
			.origin = "root.path",
		};
		return;
	}

	*ctr_planner_request(p) = (struct ctr_fd_request){
		.kind = CTR_FD_TREE,
		.path = p->spec->root->path,
		.recursive = true,
		.origin = "root.path",
	};
}

/*
 * "/" becomes a slave of the host's: what is mounted there later still arrives below bind mounts
 * that ask for it, nothing goes the other way. The root file system is private while it is built,
 * because pivot_root(2) refuses a shared one; "slave" is what it can be from the start, and the
 * others are set after it was entered.
 */
void ctr_plan_rootfs(struct ctr_planner *p)
{
	uint32_t propagation = p->spec->linux_->rootfs_propagation;
	struct ctr_op *op;

	p->root_readonly = p->spec->root->readonly;
	p->root_propagation = propagation;

	if (p->in_place) {
		ctr_plan_origin(p->plan, "root.path");
		ctr_planner_add(p, CTR_OP_ROOTFS, p->spec->root->path)->flags = CTR_OPF_IN_PLACE;
		return;
	}

	ctr_plan_origin(p->plan, "%s", "");
	ctr_planner_add(p, CTR_OP_PROPAGATION, "/")->arg = MS_SLAVE | MS_REC;

	ctr_plan_origin(p->plan, "root.path");
	if (is_opened_by_parent(p)) {
		int16_t slot = ctr_planner_slot(p);

		op = ctr_planner_add(p, CTR_OP_ROOTFS, p->spec->root->path);
		op->fd = slot;
		op->flags = CTR_OPF_AT_ROOT;
	} else {
		op = ctr_planner_add(p, CTR_OP_ROOTFS, p->spec->root->path);
	}
	op->arg = propagation & MS_SLAVE ? propagation : 0;
}

static void add_readonly(struct ctr_planner *p, const struct ctr_late_readonly *late, int16_t slot)
{
	struct ctr_op *op;

	ctr_plan_origin(p->plan, "mounts[%zu]", late->index);
	op = ctr_planner_add(p, CTR_OP_REMOUNT, late->mount->destination);
	op->fd = slot;
	op->arg = MS_RDONLY;
}

/* What is missing of the working directory cannot be made later, where it is entered. */
static void add_cwd(struct ctr_planner *p)
{
	const char *cwd = p->spec->process->cwd;

	if (p->in_place || strcmp(cwd, "/") == 0 ||
	    (!p->root_readonly && !p->dev_readonly.mount && p->nlate == 0))
		return;

	ctr_plan_origin(p->plan, "process.cwd");
	(void)ctr_planner_add(p, CTR_OP_DIRECTORY, cwd);
}

void ctr_plan_enter_root(struct ctr_planner *p)
{
	struct ctr_op *op;

	ctr_plan_origin(p->plan, "root.path");
	op = ctr_plan_add(p->plan, CTR_OP_PIVOT);
	if (p->in_place)
		op->flags = CTR_OPF_IN_PLACE;
	else if (p->options->no_pivot)
		op->flags = CTR_OPF_NO_PIVOT;

	add_cwd(p);
	if (p->root_readonly) {
		ctr_plan_origin(p->plan, "root.readonly");
		(void)ctr_plan_add(p->plan, CTR_OP_ROOT_READONLY);
	}
	if (p->dev_readonly.mount)
		add_readonly(p, &p->dev_readonly, ctr_plan_kept(p, p->dev_readonly.mount));
	for (size_t i = 0; i < p->nlate; i++)
		if (p->late[i].mount)
			add_readonly(p, &p->late[i], (int16_t)(CTR_SLOT_LATE + i));
}

void ctr_plan_restrict_paths(struct ctr_planner *p)
{
	const struct ctr_linux *config = p->spec->linux_;

	for (size_t i = 0; i < config->nreadonly_paths; i++) {
		ctr_plan_origin(p->plan, "linux.readonlyPaths[%zu]", i);
		(void)ctr_planner_add(p, CTR_OP_READONLY, config->readonly_paths[i]);
	}
	for (size_t i = 0; i < config->nmasked_paths; i++) {
		ctr_plan_origin(p->plan, "linux.maskedPaths[%zu]", i);
		(void)ctr_planner_add(p, CTR_OP_MASK, config->masked_paths[i]);
	}
}

/* After the last mount: what is unbindable cannot be bound on itself to be read-only. */
void ctr_plan_root_propagation(struct ctr_planner *p)
{
	if (!(p->root_propagation & (MS_SHARED | MS_UNBINDABLE)))
		return;

	ctr_plan_origin(p->plan, "linux.rootfsPropagation");
	ctr_plan_add(p->plan, CTR_OP_ROOT_PROPAGATION)->arg = p->root_propagation;
}
