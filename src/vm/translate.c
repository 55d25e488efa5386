/*
 * The document as a virtual machine carries it out: what the guest does is planned for a host that
 * is the guest; limits and hooks stay with this host. What neither can do is refused, before
 * anything is made.
 */
#include <string.h>
#include <sys/mount.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "vm/backend.h"
#include "vm/pod.h"
#include "vm/setup.h"

static int refuse(const struct ctr_machine *machine, const char *field, struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_CONFIG, 0, "%s: --isolation %s cannot do this", field,
			machine->backend->name);
}

static bool uses_listener(const struct ctr_seccomp *seccomp)
{
	if (!seccomp)
		return false;
	for (size_t i = 0; i < seccomp->nrules; i++)
		if (seccomp->rules[i].action == CTR_SECCOMP_NOTIFY)
			return true;
	return seccomp->default_action == CTR_SECCOMP_NOTIFY;
}

static int check_fields(const struct ctr_machine *machine, struct ctr_error *err)
{
	static const struct ctr_process no_process;
	const struct ctr_spec *spec = machine->spec;
	const struct ctr_linux *config = spec->linux_;
	const struct ctr_process *process = spec->process ? spec->process : &no_process;
	const struct {
		const char *field;
		bool asked;
	} rows[] = {
		{"process.apparmorProfile",     process->apparmor_profile != NULL               },
		{ "process.selinuxLabel",       process->selinux_label != NULL                  },
		{ "process.scheduler",          process->scheduler != NULL                      },
		{ "process.ioPriority",         process->io_priority != NULL                    },
		{ "process.execCPUAffinity",    process->exec_cpu_affinity != NULL              },
		{ "linux.mountLabel",           config->mount_label != NULL                     },
		{ "linux.netDevices",           config->nnet_devices > 0                        },
		{ "linux.intelRdt",             config->intel_rdt != NULL                       },
		{ "linux.memoryPolicy",         config->memory_policy != NULL                   },
		{ "linux.timeOffsets",
                 config->time_monotonic.listed || config->time_boottime.listed                  },
		{ "linux.seccomp.listenerPath", uses_listener(config->seccomp)                  },
		{ "linux.rootfsPropagation",
                 (config->rootfs_propagation & (MS_SHARED | MS_SLAVE)) != 0                     },
		{ "hooks.createContainer",      spec->hooks[CTR_HOOK_CREATE_CONTAINER].count > 0},
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(rows); i++)
		if (rows[i].asked)
			return refuse(machine, rows[i].field, err);
	return 0;
}

/* A virtual machine stands in a network in another's place, and in a pod where it is alone. */
static bool can_join(const struct ctr_machine *machine, unsigned kind)
{
	return kind == CTR_NS_NETWORK ||
	       ((kind == CTR_NS_IPC || kind == CTR_NS_UTS) && ctr_pod_joins(machine->spec));
}

/* It shares none of these with the host, and joins nobody's but those. */
static int check_namespaces(const struct ctr_machine *machine, struct ctr_error *err)
{
	static const struct {
		enum ctr_ns_kind kind;
		const char *name;
	} needed[] = {
		{CTR_NS_PID,      "pid"    },
                { CTR_NS_NETWORK, "network"},
                { CTR_NS_MOUNT,   "mount"  },
		{ CTR_NS_IPC,     "ipc"    },
                { CTR_NS_UTS,     "uts"    },
	};
	const struct ctr_namespace *namespaces = machine->spec->linux_->namespaces;

	for (unsigned i = 0; i < CTR_NS_KINDS; i++)
		if (namespaces[i].path && !can_join(machine, i))
			return ctr_fail(
				err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: --isolation %s cannot join '%s'",
				namespaces[i].index, machine->backend->name, namespaces[i].path);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(needed); i++)
		if (!namespaces[needed[i].kind].listed)
			return ctr_fail(
				err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces: no '%s': --isolation %s cannot share the "
				"host's",
				needed[i].name, machine->backend->name);
	if (namespaces[CTR_NS_TIME].listed)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u]: --isolation %s cannot do this",
				namespaces[CTR_NS_TIME].index, machine->backend->name);
	return 0;
}

static bool maps_root_only(const struct ctr_id_map *map, size_t n)
{
	return n == 1 && map->container_id == 0 && map->size == 1;
}

/* The guest has ids of its own. A rootless caller's only one is root in there, and its files
 * root's; what maps more would need an image with other owners. */
static int check_user(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		      struct ctr_error *err)
{
	const struct ctr_linux *config = machine->spec->linux_;

	if (!config->namespaces[CTR_NS_USER].listed)
		return 0;
	if (!maps_root_only(config->uid_mappings, config->nuid_mappings) ||
	    !maps_root_only(config->gid_mappings, config->ngid_mappings))
		return refuse(machine, "linux.uidMappings: more than root", err);
	setup->all_root = true;
	return 0;
}

/* The guest's kernel has what every kernel has; other numbers are the host's hardware. */
static int check_devices(const struct ctr_machine *machine, struct ctr_error *err)
{
	enum { MEMORY = 1, TERMINAL = 5 };
	const struct ctr_linux *config = machine->spec->linux_;

	for (size_t i = 0; i < config->ndevices; i++) {
		const struct ctr_device *device = &config->devices[i];

		if (device->type == CTR_DEVICE_FIFO ||
		    (device->type == CTR_DEVICE_CHAR &&
		     (device->major == MEMORY || device->major == TERMINAL)))
			continue;
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.devices[%zu]: '%s' is a device of the host: --isolation %s "
				"cannot pass it",
				i, device->path, machine->backend->name);
	}
	return 0;
}

/* ---- mounts */

static int check_mount(const struct ctr_machine *machine, const struct ctr_mount *mount, size_t i,
		       struct ctr_error *err)
{
	const char *what = NULL;

	if (mount->propagation & (MS_SHARED | MS_SLAVE))
		what = "propagation";
	else if (mount->nuid_mappings > 0 || mount->ngid_mappings > 0 ||
		 (mount->bits & (CTR_MOUNT_IDMAP | CTR_MOUNT_RIDMAP)))
		what = "mapped ids";
	else if (mount->bits & (CTR_MOUNT_COPY_SYMLINK | CTR_MOUNT_SRC_NOFOLLOW))
		what = "a link as source";
	if (what)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu]: %s: --isolation %s cannot do this", i, what,
				machine->backend->name);
	return 0;
}

/* Those of the network are written later. */
static bool is_own_file(const struct ctr_machine *machine, const char *source)
{
	const size_t length = machine->dir ? strlen(machine->dir) : 0;

	if (length == 0 || strncmp(source, machine->dir, length) != 0 || source[length] != '/')
		return false;
	for (const char *const *file = machine->files; *file; file++)
		if (strcmp(source + length + 1, *file) == 0)
			return true;
	return false;
}

static void add_bind(const struct ctr_machine *machine, struct ctr_vm_setup *setup, size_t i,
		     const struct ctr_mount *mount)
{
	setup->binds[setup->nbinds++] = (struct ctr_vm_bind){
		.source = mount->source,
		.index = i,
		.own = is_own_file(machine, mount->source),
	};
}

/* /sys of the host is what a caller binds who may mount none: a guest has its own. */
static bool is_sysfs(const struct ctr_mount *mount)
{
	return (mount->bits & CTR_MOUNT_BIND) && mount->source &&
	       strcmp(mount->source, "/sys") == 0;
}

static struct ctr_mount own_sysfs(const struct ctr_mount *mount)
{
	return (struct ctr_mount){
		.destination = mount->destination,
		.type = "sysfs",
		.source = "sysfs",
		.flags = mount->flags,
	};
}

static int translate_mounts(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
			    struct ctr_error *err)
{
	const struct ctr_spec *spec = machine->spec;
	struct ctr_mount *mounts =
		ctr_arena_array(machine->arena, spec->nmounts + 1, sizeof(*mounts));

	setup->mounts = mounts;
	setup->binds = ctr_arena_array(machine->arena, spec->nmounts + 1, sizeof(*setup->binds));
	for (size_t i = 0; i < spec->nmounts; i++) {
		mounts[i] =
			is_sysfs(&spec->mounts[i]) ? own_sysfs(&spec->mounts[i]) : spec->mounts[i];
		/* Its mounts are made. */
		if (machine->exists)
			continue;
		if (check_mount(machine, &mounts[i], i, err) < 0)
			return -1;
		if ((mounts[i].bits & CTR_MOUNT_BIND) && mounts[i].source &&
		    !(mounts[i].bits & CTR_MOUNT_REMOUNT))
			add_bind(machine, setup, i, &mounts[i]);
	}
	return 0;
}

/* ---- the machine */

static int check_vm(const struct ctr_machine *machine, struct ctr_error *err)
{
	const struct ctr_vm *config = machine->spec->vm;
	const struct {
		const char *field;
		bool asked;
	} rows[] = {
		{"vm.hwConfig.deviceTree", config && config->hw_config.device_tree},
		{ "vm.hwConfig.dtdevs",    config && config->hw_config.ndtdevs > 0},
		{ "vm.hwConfig.iomems",    config && config->hw_config.niomems > 0},
		{ "vm.hwConfig.irqs",      config && config->hw_config.nirqs > 0  },
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(rows); i++)
		if (rows[i].asked)
			return refuse(machine, rows[i].field, err);
	return 0;
}

/* ---- the two views */

static const struct ctr_spec *host_view(const struct ctr_machine *machine,
					const struct ctr_vm_setup *setup)
{
	struct ctr_spec *spec = ctr_arena_alloc(machine->arena, sizeof(*spec));
	struct ctr_linux *config = ctr_arena_alloc(machine->arena, sizeof(*config));

	*spec = *machine->spec;
	*config = *machine->spec->linux_;
	config->resources = ctr_vm_host_resources(machine, setup);
	spec->linux_ = config;
	return spec;
}

static const struct ctr_process *guest_process(const struct ctr_machine *machine)
{
	struct ctr_process *process;

	if (!machine->spec->process)
		return NULL;
	process = ctr_arena_alloc(machine->arena, sizeof(*process));
	*process = *machine->spec->process;
	/* Set in the guest, by its PID 1. */
	process->has_oom_score_adj = false;
	return process;
}

static struct ctr_spec *guest_view(const struct ctr_machine *machine,
				   const struct ctr_mount *mounts)
{
	struct ctr_spec *spec = ctr_arena_alloc(machine->arena, sizeof(*spec));
	struct ctr_linux *config = ctr_arena_alloc(machine->arena, sizeof(*config));
	struct ctr_root *root = ctr_arena_alloc(machine->arena, sizeof(*root));

	*spec = *machine->spec;
	*config = *machine->spec->linux_;
	config->namespaces[CTR_NS_USER] = (struct ctr_namespace){ .listed = false };
	for (unsigned i = 0; i < CTR_NS_KINDS; i++)
		config->namespaces[i].path = NULL;
	config->uid_mappings = config->gid_mappings = NULL;
	config->nuid_mappings = config->ngid_mappings = 0;
	config->resources = NULL;
	*root = (struct ctr_root){ .path = "/root", .readonly = machine->spec->root->readonly };
	spec->root = root;
	spec->linux_ = config;
	spec->process = guest_process(machine);
	spec->mounts = mounts;
	spec->vm = NULL;
	return spec;
}

/* What every kernel of these days has, and root of it. */
static const struct ctr_host *guest_host(const struct ctr_machine *machine)
{
	enum { LAST_CAP = 40 }; /* CAP_CHECKPOINT_RESTORE, Linux 5.9 */
	struct ctr_host *host = ctr_arena_alloc(machine->arena, sizeof(*host));

	*host = (struct ctr_host){
		.privileged = true,
		.cap_bounding = ((uint64_t)1 << (LAST_CAP + 1)) - 1,
		.last_cap = LAST_CAP,
		.cgroup_mode = CTR_CGROUP_UNIFIED,
		.cgroup_mount = "/sys/fs/cgroup",
		.cgroup_self = "/",
		.has_time_ns = true,
		.has_cgroup_ns = true,
		.has_user_ns = true,
	};
	return host;
}

static int read_patience(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
			 struct ctr_error *err)
{
	const char *text = ctr_spec_annotation(machine->spec, "org.ctr.boot-timeout");
	uint64_t seconds = CTR_VM_BOOT_SECONDS;

	if (text && (ctr_parse_u64(text, &seconds) < 0 || seconds < 1 || seconds > 86400))
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"annotations[org.ctr.boot-timeout]: '%s' is not a number of seconds "
			"from 1 to 86400",
			text);
	setup->boot_seconds = (uint32_t)seconds;
	return 0;
}

int ctr_vm_translate(struct ctr_machine *machine, struct ctr_error *err)
{
	struct ctr_vm_setup *setup = ctr_arena_alloc(machine->arena, sizeof(*setup));

	*setup = (struct ctr_vm_setup){
		.config = machine->spec->vm,
		.resources = machine->spec->linux_->resources,
		.pod = ctr_pod_joins(machine->spec),
		.claim = -1,
		.process = machine->spec->process,
		.root = machine->spec->root->path,
		.privileged = machine->host->privileged,
		.initramfs = -1,
		.common = -1,
		.image = -1,
	};
	if (read_patience(machine, setup, err) < 0 || check_vm(machine, err) < 0 ||
	    check_fields(machine, err) < 0 || ctr_vm_check_resources(machine, err) < 0 ||
	    check_namespaces(machine, err) < 0 || check_user(machine, setup, err) < 0 ||
	    check_devices(machine, err) < 0 || ctr_vm_size(machine, setup, err) < 0 ||
	    translate_mounts(machine, setup, err) < 0)
		return -1;

	setup->guest = guest_view(machine, setup->mounts);
	machine->own = setup;
	machine->host_spec = host_view(machine, setup);
	machine->spec = setup->guest;
	machine->host = guest_host(machine);
	return 0;
}
