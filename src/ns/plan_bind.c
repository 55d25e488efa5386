/*
 * Bind mounts. Most are opened by the child itself, by path. Others come as a tree that the parent
 * detached: those with mapped ids, those whose path the root of a user namespace may not be able to
 * walk, and those that must stay the host's peer (a bind made inside is a slave already, because
 * "/" is).
 */
#include <string.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "base/path.h"
#include "ns/planner.h"

static bool has_idmap(const struct ctr_mount *mount)
{
	return mount->bits & (CTR_MOUNT_IDMAP | CTR_MOUNT_RIDMAP) || mount->nuid_mappings > 0 ||
	       mount->ngid_mappings > 0;
}

bool ctr_plan_bind_needs_slot(const struct ctr_planner *p, const struct ctr_mount *mount)
{
	if (mount->bits & CTR_MOUNT_COPY_SYMLINK)
		return false;
	if (has_idmap(mount))
		return true;

	return ctr_planner_walks_for_child(p) ||
	       (p->host->privileged && mount->propagation & MS_SHARED);
}

static int check_idmap(const struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	if (!has_idmap(mount))
		return 0;

	if (!p->host->privileged)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu]: mapping the ids of a mount needs privileges", index);
	if (mount->bits & CTR_MOUNT_COPY_SYMLINK)
		return ctr_fail(
			p->err, CTR_FAULT_CONFIG, 0,
			"mounts[%zu].options: 'copy-symlink' and mapped ids exclude each other",
			index);
	return 0;
}

int ctr_plan_check_bind(const struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	if (mount->bits & CTR_MOUNT_TMPCOPYUP)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu].options: 'tmpcopyup' is for tmpfs only", index);

	return check_idmap(p, mount, index);
}

static struct ctr_fd_request request_of(struct ctr_planner *p, const struct ctr_mount *mount,
					size_t index)
{
	struct ctr_fd_request request = {
		.kind = CTR_FD_TREE,
		.path = mount->source,
		.recursive = mount->bits & CTR_MOUNT_RECURSIVE,
		.nofollow = mount->bits & CTR_MOUNT_SRC_NOFOLLOW,
		.origin = ctr_arena_printf(p->arena, "mounts[%zu]", index),
	};

	if (!has_idmap(mount))
		return request;

	request.idmap = true;
	request.idmap_recursive = mount->bits & CTR_MOUNT_RIDMAP;
	request.idmap_of_container = mount->nuid_mappings == 0;
	request.map = (struct ctr_idmap){
		.uid = mount->uid_mappings,
		.nuid = mount->nuid_mappings,
		.gid = mount->gid_mappings,
		.ngid = mount->ngid_mappings,
	};
	return request;
}

void ctr_plan_request_bind(struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	if (ctr_plan_bind_needs_slot(p, mount))
		*ctr_planner_request(p) = request_of(p, mount, index);
}

static const struct {
	uint32_t bit;
	uint16_t flag;
} flags_of_bits[] = {
	{CTR_MOUNT_RECURSIVE,      CTR_OPF_RECURSIVE      },
	{ CTR_MOUNT_COPY_SYMLINK,  CTR_OPF_COPY_SYMLINK   },
	{ CTR_MOUNT_SRC_NOFOLLOW,  CTR_OPF_SOURCE_NOFOLLOW},
	{ CTR_MOUNT_DEST_NOFOLLOW, CTR_OPF_TARGET_NOFOLLOW},
};

static uint16_t flags_of(const struct ctr_mount *mount)
{
	uint16_t flags = 0;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(flags_of_bits); i++) {
		if (mount->bits & flags_of_bits[i].bit)
			flags |= flags_of_bits[i].flag;
	}
	if (mount->flags_cleared)
		flags |= CTR_OPF_FLAGS_CLEAR;
	/* What else may lie there was checked: files in place of the kernel's, or /proc itself. */
	if (ctr_path_is_below(mount->destination, "/proc"))
		flags |= CTR_OPF_ON_PROC;
	if (strcmp(mount->destination, "/proc") == 0 || strcmp(mount->destination, "/sys") == 0)
		flags |= CTR_OPF_TARGET_NOFOLLOW;
	return flags;
}

struct ctr_op *ctr_plan_bind(struct ctr_planner *p, const struct ctr_mount *mount)
{
	int16_t slot = CTR_SLOT_NONE;
	struct ctr_op *op;

	if (ctr_plan_bind_needs_slot(p, mount))
		slot = ctr_planner_slot(p);
	op = ctr_planner_add(p, CTR_OP_BIND, mount->destination);
	op->fd = slot;
	op->str2 = ctr_plan_str(p->plan, mount->source);
	op->arg = mount->flags;
	op->arg2 = mount->flags_cleared;
	op->flags = flags_of(mount);
	return op;
}
