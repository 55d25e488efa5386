/* Mounts that are new file systems, or the cgroup tree: their operations, types and data. */
#include <string.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/host.h"
#include "ns/plan_mount.h"
#include "ns/planner.h"

/* ---- data */

/* The length of the option at @data; commas in double quotes do not end it. */
static size_t option_length(const char *data)
{
	bool quoted = false;
	size_t len = 0;

	for (; data[len] && (quoted || data[len] != ','); len++) {
		if (data[len] == '"')
			quoted = !quoted;
	}

	return len;
}

static const char *next_option(const char *data)
{
	size_t len = option_length(data);

	return data[len] ? data + len + 1 : data + len;
}

static bool is_option(const char *option, const char *key)
{
	size_t len = strlen(key);

	return strncmp(option, key, len) == 0 && option[len] == '=';
}

static bool has_option(const char *data, const char *key)
{
	for (const char *o = data ? data : ""; *o; o = next_option(o)) {
		if (is_option(o, key))
			return true;
	}

	return false;
}

/* gid=5 is the group of terminals in every distribution, and in no single-id map: the owner's
 * group must do. */
static bool is_unmapped_gid(const struct ctr_planner *p, const char *option)
{
	uint64_t gid = 0;

	if (!is_option(option, "gid"))
		return false;
	for (const char *c = option + 4; *c >= '0' && *c <= '9' && gid <= UINT32_MAX; c++)
		gid = gid * 10 + (uint64_t)(*c - '0');
	return gid <= UINT32_MAX && !ctr_planner_maps_gid(p, (uint32_t)gid);
}

static const char *devpts_data(struct ctr_planner *p, const char *data)
{
	struct ctr_buf out;

	ctr_buf_init(&out, p->arena);
	for (const char *o = data ? data : ""; *o; o = next_option(o)) {
		if (is_unmapped_gid(p, o))
			continue;
		if (out.len > 0)
			ctr_buf_addc(&out, ',');
		ctr_buf_add(&out, o, option_length(o));
	}

	return ctr_buf_str(&out);
}

/* Labels hold commas, so they are quoted. */
static const char *with_context(struct ctr_planner *p, const struct ctr_mount *mount,
				const char *data)
{
	const char *label = p->spec->linux_->mount_label;

	if (!label || !ctr_plan_mount_takes_context(mount) || has_option(data, "context"))
		return data;

	return ctr_arena_printf(p->arena, "%s%scontext=\"%s\"", data ? data : "",
				data && *data ? "," : "", label);
}

/* ---- operations */

static struct ctr_op *add_mount(struct ctr_planner *p, const struct ctr_mount *mount,
				const char *type, const char *data)
{
	const char *block[] = { type, mount->source ? mount->source : type,
				with_context(p, mount, data) };
	struct ctr_op *op;

	op = ctr_planner_add(p, CTR_OP_MOUNT, mount->destination);
	op->str2 = ctr_plan_block(p->plan, block, CTR_ARRAY_SIZE(block));
	op->arg = mount->flags;
	if (mount->bits & CTR_MOUNT_DEST_NOFOLLOW)
		op->flags |= CTR_OPF_TARGET_NOFOLLOW;
	return op;
}

/*
 * Controllers of v1 are not for containers of ctr: a mount of type cgroup shows the unified
 * hierarchy, as with every runtime on a host that has no other.
 *
 * A cgroup namespace of its own shows the container's cgroup as the root. Without one the container
 * is meant to see the host's, and the hierarchy is bound: a user namespace that does not own the
 * cgroup namespace may not mount it. Rootless it is read-only then, for it is the user's own
 * session that could be written (CVE-2023-25809).
 */
static struct ctr_op *add_cgroup(struct ctr_planner *p, const struct ctr_mount *mount)
{
	bool own = p->spec->linux_->namespaces[CTR_NS_CGROUP].listed;
	struct ctr_op *op;

	if (p->host->cgroup_mode == CTR_CGROUP_NONE) {
		static const char *const empty[] = { "tmpfs", "cgroup", "mode=755" };

		/* Nothing to show; the path is there for those who look. */
		op = ctr_planner_add(p, CTR_OP_MOUNT, mount->destination);
		op->str2 = ctr_plan_block(p->plan, empty, CTR_ARRAY_SIZE(empty));
		op->arg = mount->flags | MS_RDONLY;
		return op;
	}

	if (own)
		return add_mount(p, mount, "cgroup2", mount->data);

	op = ctr_planner_add(p, CTR_OP_CGROUP_BIND, mount->destination);
	op->str2 = ctr_plan_str(p->plan, p->host->cgroup_mount);
	op->arg = mount->flags | (p->host->rootless ? MS_RDONLY : 0);
	return op;
}

struct ctr_op *ctr_plan_filesystem(struct ctr_planner *p, const struct ctr_mount *mount,
				   enum ctr_mount_kind kind)
{
	struct ctr_op *op;

	if (kind == CTR_MOUNT_KIND_CGROUP)
		return add_cgroup(p, mount);
	if (kind == CTR_MOUNT_KIND_DEVPTS)
		return add_mount(p, mount, mount->type, devpts_data(p, mount->data));

	op = add_mount(p, mount, mount->type, mount->data);
	/* A link here would put it where labels are not looked for (CVE-2019-19921). */
	if (kind == CTR_MOUNT_KIND_PROC)
		op->flags |= CTR_OPF_TARGET_NOFOLLOW | CTR_OPF_ON_PROC;
	if (kind == CTR_MOUNT_KIND_SYSFS)
		op->flags |= CTR_OPF_TARGET_NOFOLLOW | CTR_OPF_FALLBACK_BIND;
	if (kind == CTR_MOUNT_KIND_TMPFS && !has_option(mount->data, "mode"))
		op->flags |= CTR_OPF_KEEP_MODE;
	if (mount->bits & CTR_MOUNT_TMPCOPYUP)
		op->flags |= CTR_OPF_TMPCOPYUP;
	return op;
}
