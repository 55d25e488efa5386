/*
 * Rules between objects of the document, each a function of its own. What concerns one object alone
 * is in its `done` (spec_*.c), what concerns one value in its field. With collected faults these
 * run over a spec in which faulty values are missing: nothing here may rely on what is required.
 */
#include <string.h>

#include "base/arena.h"
#include "oci/decode.h"
#include "oci/words.h"

typedef int (*spec_rule)(struct ctr_decode *decode, const struct ctr_spec *spec);

#define AT(...) ctr_arena_printf(ctr_decode_arena(decode), __VA_ARGS__)

static bool is_listed(const struct ctr_spec *spec, enum ctr_ns_kind kind)
{
	return spec->linux_->namespaces[kind].listed;
}

static bool is_new(const struct ctr_spec *spec, enum ctr_ns_kind kind)
{
	return is_listed(spec, kind) && !spec->linux_->namespaces[kind].path;
}

/* Without a UTS namespace of its own the container would rename the host. */
static int rule_uts_names(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	if (is_listed(spec, CTR_NS_UTS))
		return 0;
	if (spec->hostname && ctr_decode_fault_at(decode, "hostname",
						  "needs a uts namespace in linux.namespaces") < 0)
		return -1;
	if (spec->domainname &&
	    ctr_decode_fault_at(decode, "domainname", "needs a uts namespace in linux.namespaces") <
		    0)
		return -1;
	return 0;
}

static int rule_id_mappings(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	const struct ctr_linux *linux_ = spec->linux_;
	const char *path = linux_->uid_mappings ? "linux.uidMappings" : "linux.gidMappings";
	const char *other = linux_->uid_mappings ? "linux.gidMappings" : "linux.uidMappings";

	if (!linux_->uid_mappings && !linux_->gid_mappings)
		return 0; /* the planner knows what the caller may map */
	if (!is_listed(spec, CTR_NS_USER))
		return ctr_decode_fault_at(decode, path,
					   "needs a user namespace in linux.namespaces");
	if (!linux_->uid_mappings || !linux_->gid_mappings)
		return ctr_decode_fault_at(decode, other, "is required beside %s", path);
	return 0;
}

static int rule_time_offsets(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	const struct ctr_linux *linux_ = spec->linux_;

	if (!linux_->time_monotonic.listed && !linux_->time_boottime.listed)
		return 0;
	if (is_new(spec, CTR_NS_TIME))
		return 0;
	return ctr_decode_fault_at(decode, "linux.timeOffsets",
				   is_listed(spec, CTR_NS_TIME)
					   ? "the time namespace is joined and has its offsets"
					   : "needs a time namespace in linux.namespaces");
}

static int rule_net_devices(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	if (spec->linux_->nnet_devices == 0 || is_listed(spec, CTR_NS_NETWORK))
		return 0;
	return ctr_decode_fault_at(decode, "linux.netDevices",
				   "needs a network namespace in linux.namespaces");
}

/* config.md#mounts: without mappings of the mount's own, the container's user namespace gives them.
 */
static int rule_mount_mappings(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	const struct ctr_mount *mount;
	size_t i;

	for (i = 0; i < spec->nmounts; i++) {
		mount = &spec->mounts[i];
		if (!(mount->bits & (CTR_MOUNT_IDMAP | CTR_MOUNT_RIDMAP)) || mount->uid_mappings ||
		    is_listed(spec, CTR_NS_USER))
			continue;
		if (ctr_decode_fault_at(
			    decode, AT("mounts[%zu].options", i),
			    "'%s' needs uidMappings and gidMappings, or a user namespace",
			    mount->bits & CTR_MOUNT_RIDMAP ? "ridmap" : "idmap") < 0)
			return -1;
	}
	return 0;
}

/* ---- sysctl: only what belongs to a namespace of the container */

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The namespace that keeps sysctl @key ("net/core/somaxconn"), or -1: it is the whole host's. */
static int sysctl_namespace(const char *key)
{
	static const char *const ipc[] = { "kernel/msgmax", "kernel/msgmnb",
					   "kernel/msgmni", "kernel/sem",
					   "kernel/shmall", "kernel/shmmax",
					   "kernel/shmmni", "kernel/shm_rmid_forced" };
	size_t i;

	for (i = 0; i < sizeof(ipc) / sizeof(ipc[0]); i++)
		if (strcmp(key, ipc[i]) == 0)
			return CTR_NS_IPC;
	if (begins_with(key, "fs/mqueue/"))
		return CTR_NS_IPC;
	if (begins_with(key, "net/"))
		return CTR_NS_NETWORK;
	if (strcmp(key, "kernel/domainname") == 0)
		return CTR_NS_UTS;
	if (begins_with(key, "user/"))
		return CTR_NS_USER;
	return -1;
}

/* The path of sysctl @key in the notation that the document has. */
static const char *sysctl_path(struct ctr_decode *decode, const char *key)
{
	char *dotted = ctr_arena_strdup(ctr_decode_arena(decode), key);
	const char *path;
	char *p;

	for (p = dotted; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	path = AT("linux.sysctl[\"%s\"]", dotted);
	return ctr_decode_is_there(decode, path) ? path : AT("linux.sysctl[\"%s\"]", key);
}

static int check_sysctl(struct ctr_decode *decode, const struct ctr_spec *spec, const char *key)
{
	int kind = sysctl_namespace(key);

	if (strcmp(key, "kernel/hostname") == 0)
		return ctr_decode_fault_at(decode, sysctl_path(decode, key),
					   "use hostname instead");
	if (kind < 0)
		return ctr_decode_fault_at(decode, sysctl_path(decode, key),
					   "is the whole host's, not a namespace's");
	if (kind == CTR_NS_USER && !is_new(spec, CTR_NS_USER))
		return ctr_decode_fault_at(decode, sysctl_path(decode, key),
					   "needs a new user namespace in linux.namespaces");
	if (!is_listed(spec, (enum ctr_ns_kind)kind))
		return ctr_decode_fault_at(decode, sysctl_path(decode, key),
					   "needs %s %s namespace in linux.namespaces",
					   kind == CTR_NS_IPC ? "an" : "a",
					   ctr_name_of(ctr_namespace_names, kind));
	return 0;
}

static int rule_sysctl(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	size_t i;

	for (i = 0; i < spec->linux_->nsysctl; i++)
		if (check_sysctl(decode, spec, spec->linux_->sysctl[i].key) < 0)
			return -1;
	return 0;
}

/* ---- seccomp */

static int rule_seccomp_notify(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	const struct ctr_seccomp *seccomp = spec->linux_->seccomp;
	size_t i, k;

	for (i = 0; seccomp && i < seccomp->nrules; i++) {
		const struct ctr_seccomp_rule *rule = &seccomp->rules[i];

		if (rule->action != CTR_SECCOMP_NOTIFY)
			continue;
		/* ctr-init has to tell that the filter is in force, and the one who answers for
		 * the listener does not have it yet. */
		for (k = 0; k < rule->nnames; k++)
			if (strcmp(rule->names[k], "write") == 0 &&
			    ctr_decode_fault_at(decode,
						AT("linux.seccomp.syscalls[%zu].names[%zu]", i, k),
						"SCMP_ACT_NOTIFY is impossible for 'write'") < 0)
				return -1;
		if (!seccomp->listener_path &&
		    ctr_decode_fault_at(decode, AT("linux.seccomp.syscalls[%zu].action", i),
					"SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath") < 0)
			return -1;
	}
	return 0;
}

static int rule_process(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	return spec->process ? ctr_validate_process(decode, spec->process, "process") : 0;
}

static int rule_resources(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	const struct ctr_resources *resources = spec->linux_->resources;

	return resources ? ctr_validate_resources(decode, resources, "linux.resources") : 0;
}

static const spec_rule spec_rules[] = {
	rule_process,      rule_uts_names,      rule_id_mappings,
	rule_time_offsets, rule_net_devices,    rule_mount_mappings,
	rule_sysctl,       rule_seccomp_notify, rule_resources,
};

int ctr_validate_spec(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	size_t i;

	for (i = 0; i < sizeof(spec_rules) / sizeof(spec_rules[0]); i++)
		if (spec_rules[i](decode, spec) < 0)
			return -1;
	return 0;
}

/* ---- what is told by lint alone: it depends on the kind of isolation, or is legal */

const char *ctr_spec_unplaced(const struct ctr_spec *spec, size_t *next)
{
	const struct ctr_linux *linux_ = spec->linux_;
	const struct {
		const char *field;
		bool asked;
	} rows[] = {
		{"mounts",                   spec->nmounts > 0                 },
		{ "root.readonly",           spec->root && spec->root->readonly},
		{ "linux.rootfsPropagation", linux_->rootfs_propagation != 0   },
		{ "linux.devices",           linux_->ndevices > 0              },
		{ "linux.maskedPaths",       linux_->nmasked_paths > 0         },
		{ "linux.readonlyPaths",     linux_->nreadonly_paths > 0       },
	};

	while (!is_new(spec, CTR_NS_MOUNT) && *next < sizeof(rows) / sizeof(rows[0])) {
		size_t i = (*next)++;

		if (rows[i].asked)
			return rows[i].field;
	}
	return NULL;
}

int ctr_validate_container(struct ctr_decode *decode, const struct ctr_spec *spec)
{
	const char *field;
	size_t next = 0;
	unsigned kind = 0;

	/* Who runs it in something else has that judge. */
	if (ctr_spec_annotation(spec, "org.ctr.isolation") ||
	    ctr_spec_annotation(spec, "run.oci.handler"))
		return 0;

	while ((field = ctr_spec_unplaced(spec, &next)))
		if (ctr_decode_fault_at(decode, field, CTR_UNPLACED) < 0)
			return -1;
	while (kind < CTR_NS_KINDS && !is_listed(spec, (enum ctr_ns_kind)kind))
		kind++;
	if (kind == CTR_NS_KINDS)
		ctr_decode_warn_at(decode, "linux.namespaces",
				   "there is none: the container has the caller's processes, "
				   "network, mounts and names, and its root is that of chroot(2)");
	return 0;
}

/* ---- process, wherever it stands */

/* @member of the object at @path, which is "" for a document of its own. */
static const char *below(struct ctr_decode *decode, const char *path, const char *member)
{
	return AT("%s%s%s", path, *path ? "." : "", member);
}

static int check_args(struct ctr_decode *decode, const struct ctr_process *process,
		      const char *path)
{
	if (process->nargs == 0)
		return ctr_decode_fault_at(decode, below(decode, path, "args"),
					   "at least one word is required");
	return 0;
}

static int check_rlimits(struct ctr_decode *decode, const struct ctr_process *process,
			 const char *path)
{
	uint64_t seen = 0;
	size_t i;

	for (i = 0; i < process->nrlimits; i++) {
		uint32_t resource = process->rlimits[i].resource;

		if (seen >> resource & 1) {
			if (ctr_decode_fault_at(
				    decode, AT("%s[%zu].type", below(decode, path, "rlimits"), i),
				    "'%s' is listed twice",
				    ctr_name_of(ctr_rlimit_names, resource)) < 0)
				return -1;
		}
		seen |= UINT64_C(1) << resource;
	}
	return 0;
}

int ctr_validate_process(struct ctr_decode *decode, const struct ctr_process *process,
			 const char *path)
{
	if (check_args(decode, process, path) < 0 || check_rlimits(decode, process, path) < 0)
		return -1;
	return 0;
}

/* ---- resources, wherever they stand */

static int check_memory(struct ctr_decode *decode, const struct ctr_memory *memory,
			const char *path)
{
	static const char discouraged[] = "is deprecated and has no effect";

	if (memory->has_kernel)
		ctr_decode_warn_at(decode, below(decode, path, "memory.kernel"), discouraged);
	if (memory->has_kernel_tcp)
		ctr_decode_warn_at(decode, below(decode, path, "memory.kernelTCP"), discouraged);

	/* swap is memory and swap together (config-linux.md#memory). */
	if (memory->has_swap && memory->swap > 0 && memory->has_limit && memory->limit > 0 &&
	    memory->swap < memory->limit)
		return ctr_decode_fault_at(decode, below(decode, path, "memory.swap"),
					   "%lld is below memory.limit %lld, which it includes",
					   (long long)memory->swap, (long long)memory->limit);
	return 0;
}

static int check_weight(struct ctr_decode *decode, const char *path, const char *member,
			unsigned weight)
{
	enum { WEIGHT_MIN = 10, WEIGHT_MAX = 1000 };

	/* 0 is what callers write for none. */
	if (weight == 0 || (weight >= WEIGHT_MIN && weight <= WEIGHT_MAX))
		return 0;
	return ctr_decode_fault_at(decode, below(decode, path, member), "%u is not in %d..%d",
				   weight, WEIGHT_MIN, WEIGHT_MAX);
}

static int check_block_io(struct ctr_decode *decode, const struct ctr_block_io *io,
			  const char *path)
{
	size_t i;

	if (check_weight(decode, path, "blockIO.weight", io->weight) < 0 ||
	    check_weight(decode, path, "blockIO.leafWeight", io->leaf_weight) < 0)
		return -1;
	for (i = 0; i < io->nweight_devices; i++)
		if (check_weight(decode, path, AT("blockIO.weightDevice[%zu].weight", i),
				 io->weight_devices[i].weight) < 0 ||
		    check_weight(decode, path, AT("blockIO.weightDevice[%zu].leafWeight", i),
				 io->weight_devices[i].leaf_weight) < 0)
			return -1;
	return 0;
}

static int check_cpu(struct ctr_decode *decode, const struct ctr_cpu *cpu, const char *path)
{
	if (cpu->has_burst && cpu->has_quota && cpu->quota > 0 && cpu->burst > (uint64_t)cpu->quota)
		return ctr_decode_fault_at(decode, below(decode, path, "cpu.burst"),
					   "%llu is above cpu.quota %lld",
					   (unsigned long long)cpu->burst, (long long)cpu->quota);
	if (cpu->has_idle && cpu->idle != 0 && cpu->idle != 1)
		return ctr_decode_fault_at(decode, below(decode, path, "cpu.idle"),
					   "%lld is not in 0..1", (long long)cpu->idle);
	return 0;
}

int ctr_validate_resources(struct ctr_decode *decode, const struct ctr_resources *resources,
			   const char *path)
{
	if (resources->memory && check_memory(decode, resources->memory, path) < 0)
		return -1;
	if (resources->cpu && check_cpu(decode, resources->cpu, path) < 0)
		return -1;
	if (resources->block_io && check_block_io(decode, resources->block_io, path) < 0)
		return -1;
	return 0;
}
