/*
 * Which clone makes the container. Called when planning by ctr_plan_container() and by
 * core/launch.c, which carries the decision out; pure but for ctr_ns_open().
 */
#include "ns/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "ns/idmap.h"
#include "oci/words.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct {
	uint64_t flag;
	const char *file;
} kinds[CTR_NS_KINDS] = {
	[CTR_NS_PID] = {CLONE_NEWPID,     "pid"   },
          [CTR_NS_NETWORK] = { CLONE_NEWNET,    "net"   },
	[CTR_NS_MOUNT] = { CLONE_NEWNS,     "mnt"   },
          [CTR_NS_IPC] = { CLONE_NEWIPC,    "ipc"   },
	[CTR_NS_UTS] = { CLONE_NEWUTS,    "uts"   },
          [CTR_NS_USER] = { CLONE_NEWUSER,   "user"  },
	[CTR_NS_CGROUP] = { CLONE_NEWCGROUP, "cgroup"},
          [CTR_NS_TIME] = { CLONE_NEWTIME,   "time"  },
};

/* All but user and time. The mount namespace is the last: nothing is opened by path after it. */
static const enum ctr_ns_kind join_order[] = {
	CTR_NS_PID, CTR_NS_NETWORK, CTR_NS_IPC, CTR_NS_UTS, CTR_NS_CGROUP, CTR_NS_MOUNT,
};

uint64_t ctr_ns_flag(enum ctr_ns_kind kind)
{
	return kinds[kind].flag;
}

const char *ctr_ns_file(enum ctr_ns_kind kind)
{
	return kinds[kind].file;
}

const char *ctr_ns_name(enum ctr_ns_kind kind)
{
	return ctr_name_of(ctr_namespace_names, (int64_t)kind);
}

static bool is_new(const struct ctr_namespace *ns)
{
	return ns->listed && !ns->path;
}

static bool is_joined(const struct ctr_namespace *ns)
{
	return ns->listed && ns->path;
}

/* The namespace that keeps sysctl @key; the decoder lets no others through but those of user. */
static enum ctr_ns_kind sysctl_kind(const char *key)
{
	if (strncmp(key, "net/", 4) == 0)
		return CTR_NS_NETWORK;
	if (strncmp(key, "user/", 5) == 0)
		return CTR_NS_USER;
	return strcmp(key, "kernel/domainname") == 0 ? CTR_NS_UTS : CTR_NS_IPC;
}

/* What would change the host if the joined namespace were the host's (runc isHostNetNS). */
static const char *writer_of(const struct ctr_spec *spec, enum ctr_ns_kind kind)
{
	if (kind == CTR_NS_UTS && spec->hostname)
		return "hostname";
	if (kind == CTR_NS_UTS && spec->domainname)
		return "domainname";

	for (size_t i = 0; i < spec->linux_->nsysctl; i++) {
		if (sysctl_kind(spec->linux_->sysctl[i].key) == kind)
			return "linux.sysctl";
	}

	return NULL;
}

static struct ctr_join join_of(const struct ctr_spec *spec, enum ctr_ns_kind kind)
{
	const struct ctr_namespace *ns = &spec->linux_->namespaces[kind];

	return (struct ctr_join){
		.kind = kind,
		.flag = ctr_ns_flag(kind),
		.path = ns->path,
		.writer = writer_of(spec, kind),
		.index = ns->index,
	};
}

static void add_join(struct ctr_shape *shape, const struct ctr_spec *spec, enum ctr_ns_kind kind)
{
	shape->joins[shape->njoins++] = join_of(spec, kind);
}

static void add_joins(struct ctr_shape *shape, const struct ctr_spec *spec)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(join_order); i++) {
		if (is_joined(&spec->linux_->namespaces[join_order[i]]))
			add_join(shape, spec, join_order[i]);
	}
}

/* CLONE_NEW* of the new namespaces for which @wanted says so. */
static uint64_t new_flags(const struct ctr_spec *spec, uint64_t wanted)
{
	uint64_t flags = 0;

	for (int kind = 0; kind < CTR_NS_KINDS; kind++) {
		if (is_new(&spec->linux_->namespaces[kind]))
			flags |= kinds[kind].flag & wanted;
	}

	return flags;
}

/*
 * The cgroup namespace takes the cgroup its maker is in as root, and the child is in its own only
 * after clone; the time namespace is entered by children of its maker, or by itself with setns(2)
 * when offsets are written. The plan unshares both.
 */
static const uint64_t by_plan = CLONE_NEWCGROUP | CLONE_NEWTIME;

static void decide_direct(struct ctr_shape *out, const struct ctr_spec *spec)
{
	out->kind = CTR_SHAPE_DIRECT;
	out->clone_flags = new_flags(spec, ~by_plan);
	out->unshare_flags = new_flags(spec, by_plan);

	add_joins(out, spec);
	for (size_t i = 0; i < out->njoins; i++) {
		if (out->joins[i].kind == CTR_NS_PID)
			out->joins[i].by_parent = true;
	}
}

/*
 * A new user namespace. What is joined is owned by others, and nothing of theirs can be entered any
 * more once the process is in it: a helper joins first (runc #4390).
 */
static void decide_new_user(struct ctr_shape *out, const struct ctr_spec *spec,
			    const struct ctr_host *host)
{
	const struct ctr_linux *config = spec->linux_;
	struct ctr_idmap map = {
		.uid = config->uid_mappings,
		.nuid = config->nuid_mappings,
		.gid = config->gid_mappings,
		.ngid = config->ngid_mappings,
	};

	add_joins(out, spec);
	out->kind = out->njoins > 0 ? CTR_SHAPE_JOIN : CTR_SHAPE_USERNS;
	out->clone_flags = new_flags(spec, CLONE_NEWUSER | CLONE_NEWPID);
	out->unshare_flags = new_flags(spec, ~(uint64_t)(CLONE_NEWUSER | CLONE_NEWPID));
	out->write_maps = true;
	out->become_root = true;
	/* No map in the document is the single-id map. */
	if (!host->privileged && (map.ngid == 0 || !ctr_idmap_needs_gid_helper(&map, host)))
		out->setgroups_denied = true;
}

/*
 * A user namespace is joined. Privileged callers have every capability in all user namespaces below
 * theirs, so the others come first; unprivileged ones get capabilities only by joining one that
 * they own, so it comes first, and then those that it owns.
 */
static void decide_join_user(struct ctr_shape *out, const struct ctr_spec *spec,
			     const struct ctr_host *host)
{
	out->kind = CTR_SHAPE_JOIN;
	out->clone_flags = new_flags(spec, ~by_plan);
	out->unshare_flags = new_flags(spec, by_plan);
	out->become_root = true;

	if (!host->privileged)
		add_join(out, spec, CTR_NS_USER);
	add_joins(out, spec);
	if (host->privileged)
		add_join(out, spec, CTR_NS_USER);
}

static int check_kernel(const struct ctr_spec *spec, const struct ctr_host *host,
			struct ctr_error *err)
{
	const struct {
		enum ctr_ns_kind kind;
		bool there;
	} optional[] = {
		{CTR_NS_USER,    host->has_user_ns  },
		{ CTR_NS_CGROUP, host->has_cgroup_ns},
		{ CTR_NS_TIME,   host->has_time_ns  },
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(optional); i++) {
		const struct ctr_namespace *ns = &spec->linux_->namespaces[optional[i].kind];

		if (ns->listed && !optional[i].there)
			return ctr_fail(
				err, CTR_FAULT_HOST, 0,
				"linux.namespaces[%u].type: this kernel has no %s namespaces",
				ns->index, ctr_ns_name(optional[i].kind));
	}

	return 0;
}

/* What an unprivileged caller cannot have. */
static int check_privilege(const struct ctr_spec *spec, const struct ctr_host *host,
			   struct ctr_error *err)
{
	const struct ctr_namespace *namespaces = spec->linux_->namespaces;

	if (host->privileged)
		return 0;

	if (!namespaces[CTR_NS_USER].listed)
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"linux.namespaces: a rootless container needs a user namespace: add {\"type\":\"user\"} to linux.namespaces (ctr spec --rootless)");

	if (is_joined(&namespaces[CTR_NS_USER]))
		return 0;

	for (int kind = 0; kind < CTR_NS_KINDS; kind++) {
		if (is_joined(&namespaces[kind]))
			return ctr_fail(
				err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: cannot join '%s': a new user namespace gives no right to; join the one that owns it, too",
				namespaces[kind].index, namespaces[kind].path);
	}

	return 0;
}

static int check_maps(const struct ctr_spec *spec, const struct ctr_host *host,
		      struct ctr_error *err)
{
	const struct ctr_linux *config = spec->linux_;

	if (!is_new(&config->namespaces[CTR_NS_USER]) || !host->privileged)
		return 0;

	if (config->nuid_mappings == 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.uidMappings: a new user namespace needs id mappings");
	if (config->ngid_mappings == 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.gidMappings: a new user namespace needs id mappings");
	return 0;
}

int ctr_shape_decide(struct ctr_shape *out, const struct ctr_spec *spec,
		     const struct ctr_host *host, struct ctr_error *err)
{
	const struct ctr_namespace *user = &spec->linux_->namespaces[CTR_NS_USER];
	struct ctr_shape shape = { .setgroups_denied = host->setgroups_denied };

	if (check_kernel(spec, host, err) < 0 || check_privilege(spec, host, err) < 0 ||
	    check_maps(spec, host, err) < 0)
		return -1;

	if (is_new(user))
		decide_new_user(&shape, spec, host);
	else if (is_joined(user))
		decide_join_user(&shape, spec, host);
	else
		decide_direct(&shape, spec);

	if (is_joined(&spec->linux_->namespaces[CTR_NS_TIME])) {
		shape.plan_joins_time = true;
		shape.time = join_of(spec, CTR_NS_TIME);
	}
	*out = shape;
	return 0;
}

static bool is_own(int fd, enum ctr_ns_kind kind)
{
	struct stat joined, own;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", ctr_ns_file(kind));
	return fstat(fd, &joined) == 0 && stat(path, &own) == 0 && joined.st_dev == own.st_dev &&
	       joined.st_ino == own.st_ino;
}

int ctr_ns_open(const struct ctr_join *join, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;
	int type;

	fd = open(join->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"linux.namespaces[%u].path: cannot open '%s'", join->index,
				join->path);

	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: '%s' is not a namespace", join->index,
				join->path);
	if ((uint64_t)type != join->flag)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: '%s' is not a %s namespace",
				join->index, join->path, ctr_ns_name(join->kind));

	if (join->writer && is_own(fd, join->kind))
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"linux.namespaces[%u].path: '%s' is the host's own, which %s would change",
			join->index, join->path, join->writer);

	return ctr_take_fd(&fd);
}
