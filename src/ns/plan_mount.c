/*
 * mounts[] (config.md#mounts): which operations each becomes. Bind mounts are plan_bind.c. The only
 * place where the type of a mount is looked at.
 */
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "base/path.h"
#include "ns/planner.h"

enum kind {
	KIND_BIND,
	KIND_REMOUNT,
	KIND_PROPAGATION, /* a change of what is mounted there, as KIND_REMOUNT is */
	KIND_PROC,
	KIND_SYSFS,
	KIND_TMPFS,
	KIND_DEVPTS,
	KIND_CGROUP,
	KIND_OTHER,
};

static const struct {
	const char *type;
	enum kind kind;
	bool takes_context; /* SELinux: the "context=" option */
} types[] = {
	{"proc",     KIND_PROC,   false},
        { "sysfs",   KIND_SYSFS,  false},
	{ "tmpfs",   KIND_TMPFS,  true },
        { "devpts",  KIND_DEVPTS, true },
	{ "mqueue",  KIND_OTHER,  true },
        { "cgroup",  KIND_CGROUP, false},
	{ "cgroup2", KIND_CGROUP, false},
};

/* What fills in for /proc files of the host as lxcfs does; nothing else may hide a part of /proc,
 * because labels and sysctls are read and written there (CVE-2019-16884). */
static const char *const proc_files[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/slabinfo",
	"/proc/net/dev",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/sys/crypto/fips_enabled",
};

static enum kind kind_of(const struct ctr_mount *mount)
{
	if (mount->bits & CTR_MOUNT_REMOUNT)
		return KIND_REMOUNT;
	if (mount->bits & CTR_MOUNT_BIND)
		return KIND_BIND;
	if (!mount->type)
		return KIND_PROPAGATION;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(types); i++) {
		if (strcmp(mount->type, types[i].type) == 0)
			return types[i].kind;
	}

	return KIND_OTHER;
}

/* Nothing is mounted, what is there is changed. */
static bool is_change(enum kind kind)
{
	return kind == KIND_REMOUNT || kind == KIND_PROPAGATION;
}

static bool takes_context(const struct ctr_mount *mount)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(types); i++) {
		if (strcmp(mount->type, types[i].type) == 0)
			return types[i].takes_context;
	}

	return true;
}

static bool is_proc_file(const char *path)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(proc_files); i++) {
		if (strcmp(path, proc_files[i]) == 0)
			return true;
	}

	return false;
}

static bool is_at(const struct ctr_mount *mount, const char *path)
{
	return strcmp(mount->destination, path) == 0;
}

static int check_proc(struct ctr_planner *p, const struct ctr_mount *mount, size_t index,
		      enum kind kind)
{
	bool bind = kind == KIND_BIND;

	if (!ctr_path_is_below(mount->destination, "/proc") || is_change(kind))
		return 0;

	if (is_at(mount, "/proc")) {
		if (kind == KIND_PROC || (bind && strcmp(mount->source, "/proc") == 0))
			return 0;
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu].destination: only proc can be mounted on '/proc'",
				index);
	}
	if (bind && is_proc_file(mount->destination))
		return 0;
	return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
			"mounts[%zu].destination: cannot mount on '%s', inside of /proc", index,
			mount->destination);
}

static int check_mount(struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	enum kind kind = kind_of(mount);

	if (kind == KIND_BIND && ctr_plan_check_bind(p, mount, index) < 0)
		return -1;
	if (check_proc(p, mount, index, kind) < 0)
		return -1;

	if (kind == KIND_REMOUNT && mount->data)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu].options: 'remount' changes flags only, not '%s'",
				index, mount->data);
	if (kind == KIND_BIND || is_change(kind))
		return 0;

	if (mount->bits & (CTR_MOUNT_IDMAP | CTR_MOUNT_RIDMAP) || mount->nuid_mappings > 0)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu]: only bind mounts can map ids", index);
	if (mount->bits & CTR_MOUNT_TMPCOPYUP && kind != KIND_TMPFS)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu].options: 'tmpcopyup' is for tmpfs only", index);
	return 0;
}

int ctr_plan_check_mounts(struct ctr_planner *p)
{
	if (p->spec->linux_->mount_label && !p->host->selinux)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"linux.mountLabel: SELinux is not enabled on this host");

	for (size_t i = 0; i < p->spec->nmounts; i++) {
		const struct ctr_mount *mount = &p->spec->mounts[i];

		if (check_mount(p, mount, i) < 0)
			return -1;
		if (is_at(mount, "/dev") && kind_of(mount) == KIND_BIND)
			p->dev_bound = true;
		if (is_at(mount, "/proc"))
			p->has_proc = true;
		if (mount->propagation & MS_SHARED)
			p->any_shared = true;
	}

	return 0;
}

void ctr_plan_request_mounts(struct ctr_planner *p)
{
	for (size_t i = 0; i < p->spec->nmounts; i++) {
		const struct ctr_mount *mount = &p->spec->mounts[i];

		if (kind_of(mount) == KIND_BIND)
			ctr_plan_request_bind(p, mount, i);
	}
	if (p->options->notify_socket_dir && !p->in_place && ctr_planner_walks_for_child(p))
		*ctr_planner_request(p) = (struct ctr_fd_request){
			.kind = CTR_FD_TREE,
			.path = p->options->notify_socket_dir,
		};
}

/* ---- the data of a file system */

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

	if (!label || !takes_context(mount) || has_option(data, "context"))
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

int16_t ctr_plan_kept(struct ctr_planner *p, const struct ctr_mount *mount)
{
	if (is_at(mount, "/"))
		return CTR_SLOT_ROOT;
	if (p->dev && is_at(mount, "/dev"))
		return p->plan->ops[p->dev_op].fd2 = CTR_SLOT_DEV;
	if (p->latest && is_at(mount, p->latest->destination))
		return p->plan->ops[p->latest_op].fd2 = CTR_SLOT_MOUNT;

	return CTR_SLOT_NONE;
}

/* The latest operation makes @mount. */
static void note_mount(struct ctr_planner *p, const struct ctr_mount *mount)
{
	p->latest = mount;
	p->latest_op = p->plan->nops - 1;
	if (is_at(mount, "/dev")) {
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
static bool defers_readonly(const struct ctr_planner *p, const struct ctr_mount *mount)
{
	return is_at(mount, "/dev") && !p->dev_bound && is_readonly(mount);
}

static void defer_readonly(struct ctr_planner *p, const struct ctr_mount *mount, size_t index,
			   struct ctr_op *op)
{
	if (!defers_readonly(p, mount))
		return;

	op->arg &= ~(uint64_t)MS_RDONLY;
	p->dev_readonly = mount;
	p->dev_readonly_index = index;
}

/*
 * What is mounted on "/" is the root file system from then on (crun #1752), and ctr-init puts what
 * follows there. It becomes read-only and gets its propagation when that one would have.
 */
static void replace_root(struct ctr_planner *p, const struct ctr_mount *mount, struct ctr_op *op)
{
	if (!is_at(mount, "/"))
		return;

	op->arg &= ~(uint64_t)MS_RDONLY;
	p->root_readonly = p->spec->root->readonly || is_readonly(mount);
	if (mount->propagation)
		p->root_propagation = mount->propagation;
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
static void add_cgroup(struct ctr_planner *p, const struct ctr_mount *mount)
{
	bool own = p->spec->linux_->namespaces[CTR_NS_CGROUP].listed;
	struct ctr_op *op;

	if (p->host->cgroup_mode == CTR_CGROUP_NONE) {
		static const char *const empty[] = { "tmpfs", "cgroup", "mode=755" };

		/* Nothing to show; the path is there for those who look. */
		op = ctr_planner_add(p, CTR_OP_MOUNT, mount->destination);
		op->str2 = ctr_plan_block(p->plan, empty, CTR_ARRAY_SIZE(empty));
		op->arg = mount->flags | MS_RDONLY;
		return;
	}

	if (own) {
		(void)add_mount(p, mount, "cgroup2", mount->data);
		return;
	}

	op = ctr_planner_add(p, CTR_OP_CGROUP_BIND, mount->destination);
	op->str2 = ctr_plan_str(p->plan, p->host->cgroup_mount);
	op->arg = mount->flags | (p->host->rootless ? MS_RDONLY : 0);
}

static void add_remount(struct ctr_planner *p, const struct ctr_mount *mount, size_t index)
{
	struct ctr_op *op;

	op = ctr_planner_add(p, CTR_OP_REMOUNT, mount->destination);
	op->fd = ctr_plan_kept(p, mount);
	op->arg = mount->flags;
	defer_readonly(p, mount, index, op);
	if (is_at(mount, "/") && is_readonly(mount)) {
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
			       enum kind kind)
{
	uint32_t propagation = mount->propagation;

	if (is_at(mount, "/") && !is_change(kind))
		return MS_PRIVATE | MS_REC; /* pivot_root(2) wants it so */
	if (kind == KIND_BIND && !propagation && ctr_plan_bind_needs_slot(p, mount))
		return MS_SLAVE | MS_REC; /* else it stays the host's peer */
	if (kind != KIND_BIND && !is_change(kind) && propagation & MS_PRIVATE && !p->any_shared)
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
static void add_recursive(struct ctr_planner *p, const struct ctr_mount *mount, enum kind kind,
			  uint16_t flags)
{
	bool readonly = mount->rec_set & MOUNT_ATTR_RDONLY;
	bool tree = is_at(mount, "/") && (kind == KIND_BIND || is_change(kind));
	uint64_t set = mount->rec_set;
	struct ctr_op *op;

	if (readonly && !tree && (is_at(mount, "/") || defers_readonly(p, mount)))
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

static void add_attributes(struct ctr_planner *p, const struct ctr_mount *mount, enum kind kind)
{
	uint16_t link = mount->bits & CTR_MOUNT_COPY_SYMLINK ? CTR_OPF_COPY_SYMLINK : 0;
	uint32_t propagation = propagation_of(p, mount, kind);
	struct ctr_op *op;

	/* pivot_root(2) refuses it; it comes when the root was entered. */
	if (is_at(mount, "/") && propagation & (MS_SHARED | MS_UNBINDABLE)) {
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
			enum kind kind)
{
	struct ctr_op *op;

	switch (kind) {
	case KIND_BIND:
		replace_root(p, mount, ctr_plan_bind(p, mount));
		return;
	case KIND_REMOUNT:
		add_remount(p, mount, index);
		return;
	case KIND_PROPAGATION:
		return;
	case KIND_CGROUP:
		add_cgroup(p, mount);
		return;
	case KIND_PROC:
		/* A link here would put it where labels are not looked for (CVE-2019-19921). */
		op = add_mount(p, mount, mount->type, mount->data);
		op->flags |= CTR_OPF_TARGET_NOFOLLOW | CTR_OPF_ON_PROC;
		return;
	case KIND_SYSFS:
		op = add_mount(p, mount, mount->type, mount->data);
		op->flags |= CTR_OPF_TARGET_NOFOLLOW | CTR_OPF_FALLBACK_BIND;
		return;
	case KIND_TMPFS:
		op = add_mount(p, mount, mount->type, mount->data);
		if (!has_option(mount->data, "mode"))
			op->flags |= CTR_OPF_KEEP_MODE;
		if (mount->bits & CTR_MOUNT_TMPCOPYUP)
			op->flags |= CTR_OPF_TMPCOPYUP;
		defer_readonly(p, mount, index, op);
		replace_root(p, mount, op);
		return;
	case KIND_DEVPTS:
		(void)add_mount(p, mount, mount->type, devpts_data(p, mount->data));
		return;
	case KIND_OTHER:
		op = add_mount(p, mount, mount->type, mount->data);
		defer_readonly(p, mount, index, op);
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
static bool needs_made(enum kind kind)
{
	return kind == KIND_SYSFS || kind == KIND_OTHER;
}

void ctr_plan_mounts(struct ctr_planner *p)
{
	bool joined = false;

	for (size_t i = 0; i < p->spec->nmounts; i++) {
		const struct ctr_mount *mount = &p->spec->mounts[i];
		enum kind kind = kind_of(mount);

		if (needs_made(kind) && !joined) {
			ctr_plan_made(p);
			joined = true;
		}
		ctr_plan_origin(p->plan, "mounts[%zu]", i);
		add_by_kind(p, mount, i, kind);
		if (!is_change(kind))
			note_mount(p, mount);
		if (kind == KIND_BIND)
			protect_cgroups(p, mount);
		add_attributes(p, mount, kind);
	}
	if (!joined)
		ctr_plan_made(p);
	add_notify_socket(p);
}
