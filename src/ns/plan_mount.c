/*
 * mounts[] (config.md#mounts): which operations each becomes, in the order of the document. New
 * file systems are plan_filesystem.c, bind mounts plan_bind.c, what is refused plan_mount_kind.c.
 */
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "base/host.h"
#include "ns/plan_mount.h"
#include "ns/planner.h"

void ctr_plan_request_mounts(struct ctr_planner *p)
{
	for (size_t i = 0; i < p->spec->nmounts; i++) {
		const struct ctr_mount *mount = &p->spec->mounts[i];

		if (ctr_plan_mount_kind(mount) == CTR_MOUNT_KIND_BIND)
			ctr_plan_request_bind(p, mount, i);
	}
	if (p->options->notify_socket_dir && !p->in_place && ctr_planner_walks_for_child(p))
		*ctr_planner_request(p) = (struct ctr_fd_request){
			.kind = CTR_FD_TREE,
			.path = p->options->notify_socket_dir,
		};
}

/* In which slot the mount that operation @index makes is; it is in none yet: in @slot. */
static int16_t keep(struct ctr_planner *p, size_t index, int16_t slot)
{
	struct ctr_op *op = &p->plan->ops[index];

	if (op->fd2 == CTR_SLOT_NONE)
		op->fd2 = slot;
	return op->fd2;
}

int16_t ctr_plan_kept(struct ctr_planner *p, const struct ctr_mount *mount)
{
	if (ctr_plan_mount_is_at(mount, "/"))
		return CTR_SLOT_ROOT;
	if (p->dev && ctr_plan_mount_is_at(mount, "/dev"))
		return keep(p, p->dev_op, CTR_SLOT_DEV);
	if (p->latest && ctr_plan_mount_is_at(mount, p->latest->destination))
		return keep(p, p->latest_op, CTR_SLOT_MOUNT);

	return CTR_SLOT_NONE;
}

/* The latest operation makes @mount. */
static void note_mount(struct ctr_planner *p, const struct ctr_mount *mount)
{
	p->latest = mount;
	p->latest_op = p->plan->nops - 1;
	if (ctr_plan_mount_is_at(mount, "/dev")) {
		p->dev = mount;
		p->dev_op = p->latest_op;
	}
}

/* Is it to be read-only, it alone or with what is mounted below? */
static bool is_readonly(const struct ctr_mount *mount)
{
	return mount->flags & MS_RDONLY || mount->rec_set & MOUNT_ATTR_RDONLY;
}

/* /dev gets its nodes first, unless it is the host's. */
static bool is_late_dev(const struct ctr_planner *p, const struct ctr_mount *mount)
{
	return ctr_plan_mount_is_at(mount, "/dev") && !p->dev_bound && is_readonly(mount);
}

static void defer_dev(struct ctr_planner *p, const struct ctr_mount *mount, size_t index,
		      struct ctr_op *op)
{
	if (!is_late_dev(p, mount))
		return;

	op->arg &= ~(uint64_t)MS_RDONLY;
	p->dev_readonly = (struct ctr_late_readonly){ mount, index };
}

/* A new tmpfs is empty: what is to be mounted below it needs a mount point there. If there are more
 * of them than slots the last ones have none. */
static void defer_tmpfs(struct ctr_planner *p, const struct ctr_mount *mount, size_t index,
			struct ctr_op *op)
{
	if (!is_readonly(mount) || ctr_plan_mount_is_at(mount, "/") || is_late_dev(p, mount) ||
	    p->nlate == CTR_SLOT_LATE_MAX)
		return;

	op->arg &= ~(uint64_t)MS_RDONLY;
	op->fd2 = (int16_t)(CTR_SLOT_LATE + p->nlate);
	p->late[p->nlate++] = (struct ctr_late_readonly){ mount, index };
}

static bool is_late(const struct ctr_planner *p, const struct ctr_mount *mount)
{
	return is_late_dev(p, mount) || (p->nlate > 0 && p->late[p->nlate - 1].mount == mount);
}

/* What lies on the destination of mounts[@index]. */
static const struct ctr_mount *mount_below(const struct ctr_planner *p, size_t index)
{
	const struct ctr_mount *mounts = p->spec->mounts;

	for (size_t i = index; i-- > 0;)
		if (!ctr_plan_mount_is_change(ctr_plan_mount_kind(&mounts[i])) &&
		    ctr_plan_mount_is_at(&mounts[i], mounts[index].destination))
			return &mounts[i];
	return NULL;
}

/* A change makes writable what was to become read-only. */
static void stay_writable(struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	const struct ctr_mount *below = mount_below(p, index);

	if (!(mount->flags_cleared & MS_RDONLY) && !(mount->rec_clear & MOUNT_ATTR_RDONLY))
		return;

	if (ctr_plan_mount_is_at(mount, "/dev"))
		p->dev_readonly.mount = NULL;
	for (size_t i = 0; i < p->nlate; i++)
		if (p->late[i].mount == below)
			p->late[i].mount = NULL;
}

/*
 * What is mounted on "/" is the root file system from then on (crun #1752), and ctr-init puts what
 * follows there. It becomes read-only and gets its propagation when that one would have.
 */
static void replace_root(struct ctr_planner *p, const struct ctr_mount *mount, struct ctr_op *op)
{
	if (!ctr_plan_mount_is_at(mount, "/"))
		return;

	op->arg &= ~(uint64_t)MS_RDONLY;
	p->root_readonly = p->spec->root->readonly || is_readonly(mount);
	if (mount->propagation)
		p->root_propagation = mount->propagation;
}

static void add_remount(struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	struct ctr_op *op;

	op = ctr_planner_add(p, CTR_OP_REMOUNT, mount->destination);
	op->fd = ctr_plan_kept(p, mount);
	op->arg = mount->flags;
	defer_dev(p, mount, index, op);
	stay_writable(p, mount, index);
	if (ctr_plan_mount_is_at(mount, "/") && is_readonly(mount)) {
		op->arg &= ~(uint64_t)MS_RDONLY;
		p->root_readonly = true;
	}
	op->arg2 = mount->flags_cleared;
	op->flags = mount->flags_cleared ? CTR_OPF_FLAGS_CLEAR : 0;
}

/*
 * A new file system is private already, unless it lies on a shared mount; a bind is what its source
 * was.
 */
static uint32_t propagation_of(const struct ctr_planner *p, const struct ctr_mount *mount,
			       enum ctr_mount_kind kind)
{
	uint32_t propagation = mount->propagation;

	if (ctr_plan_mount_is_at(mount, "/") && !ctr_plan_mount_is_change(kind))
		return MS_PRIVATE | MS_REC; /* pivot_root(2) wants it so */
	if (kind == CTR_MOUNT_KIND_BIND && !propagation && ctr_plan_bind_needs_slot(p, mount))
		return MS_SLAVE | MS_REC; /* else it stays the host's peer */
	if (kind != CTR_MOUNT_KIND_BIND && !ctr_plan_mount_is_change(kind) &&
	    propagation & MS_PRIVATE && !p->any_shared)
		return 0;
	return propagation;
}

/* A read-only bind of all of /sys leaves what is mounted below writable: without privileges that is
 * the user's own part of the cgroup tree (CVE-2023-25809). */
static void protect_cgroups(struct ctr_planner *p, const struct ctr_mount *mount)
{
	struct ctr_op *op;

	if (!p->host->rootless || !p->host->cgroup_mount || !(mount->flags & MS_RDONLY) ||
	    !(mount->bits & CTR_MOUNT_RECURSIVE) || strcmp(mount->source, "/sys") != 0)
		return;

	op = ctr_planner_add(p, CTR_OP_MOUNT_ATTR,
			     ctr_arena_printf(p->arena, "%s%s", mount->destination,
					      p->host->cgroup_mount + strlen("/sys")));
	op->fd = ctr_plan_kept(p, mount);
	op->str2 = ctr_plan_str(p->plan, p->host->cgroup_mount + strlen("/sys/"));
	op->arg = MOUNT_ATTR_RDONLY;
}

/*
 * What is needed still, /dev and the root, becomes read-only later. Below a root that was bound
 * there may be mounts, which get it now: only the root itself is made writable again.
 */
static void add_recursive(struct ctr_planner *p, const struct ctr_mount *mount,
			  enum ctr_mount_kind kind, uint16_t flags)
{
	bool readonly = mount->rec_set & MOUNT_ATTR_RDONLY;
	bool tree = ctr_plan_mount_is_at(mount, "/") &&
		    (kind == CTR_MOUNT_KIND_BIND || ctr_plan_mount_is_change(kind));
	uint64_t set = mount->rec_set;
	struct ctr_op *op;

	if (readonly && !tree && (ctr_plan_mount_is_at(mount, "/") || is_late(p, mount)))
		set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if (set || mount->rec_clear) {
		op = ctr_planner_add(p, CTR_OP_MOUNT_ATTR, mount->destination);
		op->fd = ctr_plan_kept(p, mount);
		op->arg = set;
		op->arg2 = mount->rec_clear;
		op->flags = CTR_OPF_RECURSIVE | flags;
	}
	if (readonly && tree) {
		op = ctr_planner_add(p, CTR_OP_REMOUNT, mount->destination);
		op->fd = ctr_plan_kept(p, mount);
		op->arg2 = MS_RDONLY;
	}
}

static void add_attributes(struct ctr_planner *p, const struct ctr_mount *mount,
			   enum ctr_mount_kind kind)
{
	uint16_t link = mount->bits & CTR_MOUNT_COPY_SYMLINK ? CTR_OPF_COPY_SYMLINK : 0;
	uint32_t propagation = propagation_of(p, mount, kind);
	struct ctr_op *op;

	/* pivot_root(2) refuses it; it comes when the root was entered. */
	if (ctr_plan_mount_is_at(mount, "/") && propagation & (MS_SHARED | MS_UNBINDABLE)) {
		p->root_propagation = propagation;
		propagation = 0;
	}
	add_recursive(p, mount, kind, link);
	if (propagation) {
		op = ctr_planner_add(p, CTR_OP_MOUNT_PROPAGATION, mount->destination);
		op->fd = ctr_plan_kept(p, mount);
		op->arg = propagation;
		op->flags = link;
	}
}

static void add_by_kind(struct ctr_planner *p, const struct ctr_mount *mount, size_t index,
			enum ctr_mount_kind kind)
{
	struct ctr_op *op;

	switch (kind) {
	case CTR_MOUNT_KIND_BIND:
		replace_root(p, mount, ctr_plan_bind(p, mount));
		return;
	case CTR_MOUNT_KIND_REMOUNT:
		add_remount(p, mount, index);
		return;
	case CTR_MOUNT_KIND_PROPAGATION:
		return;
	case CTR_MOUNT_KIND_PROC:
	case CTR_MOUNT_KIND_SYSFS:
	case CTR_MOUNT_KIND_DEVPTS:
	case CTR_MOUNT_KIND_CGROUP:
		(void)ctr_plan_filesystem(p, mount, kind);
		return;
	case CTR_MOUNT_KIND_TMPFS:
	case CTR_MOUNT_KIND_OTHER:
		op = ctr_plan_filesystem(p, mount, kind);
		defer_dev(p, mount, index, op);
		if (kind == CTR_MOUNT_KIND_TMPFS)
			defer_tmpfs(p, mount, index, op);
		replace_root(p, mount, op);
		return;
	}
}

/* crun and runc tell a service manager's socket by a directory that both sides see. */
static void add_notify_socket(struct ctr_planner *p)
{
	int16_t slot = CTR_SLOT_NONE;
	struct ctr_op *op;

	if (!p->options->notify_socket_dir)
		return;

	ctr_plan_origin(p->plan, "%s", "");
	if (ctr_planner_walks_for_child(p))
		slot = ctr_planner_slot(p);
	op = ctr_planner_add(p, CTR_OP_BIND, "/run/notify");
	op->fd = slot;
	op->str2 = ctr_plan_str(p->plan, p->options->notify_socket_dir);
	op->fd2 = CTR_SLOT_MOUNT;
	op->arg = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	/* A slave CRIU would look for by its path, as root of a user namespace. */
	op = ctr_planner_add(p, CTR_OP_MOUNT_PROPAGATION, "/run/notify");
	op->fd = CTR_SLOT_MOUNT;
	op->arg = MS_PRIVATE;
}

/* A file system is of the network or IPC namespace that it is mounted in, but for these kinds. */
static bool needs_made(enum ctr_mount_kind kind)
{
	return kind == CTR_MOUNT_KIND_SYSFS || kind == CTR_MOUNT_KIND_OTHER;
}

void ctr_plan_mounts(struct ctr_planner *p)
{
	bool joined = false;

	for (size_t i = 0; i < p->spec->nmounts; i++) {
		const struct ctr_mount *mount = &p->spec->mounts[i];
		enum ctr_mount_kind kind = ctr_plan_mount_kind(mount);

		if (needs_made(kind) && !joined) {
			ctr_plan_made(p);
			joined = true;
		}
		ctr_plan_origin(p->plan, "mounts[%zu]", i);
		add_by_kind(p, mount, i, kind);
		if (!ctr_plan_mount_is_change(kind))
			note_mount(p, mount);
		if (kind == CTR_MOUNT_KIND_BIND)
			protect_cgroups(p, mount);
		add_attributes(p, mount, kind);
	}
	if (!joined)
		ctr_plan_made(p);
	add_notify_socket(p);
}
