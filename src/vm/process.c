/*
 * The backend `process`: no isolation but the address space, the base line of every comparison. Of
 * the document it takes the process section, the hooks and the limits; the root file system is
 * entered by chroot(2), so that the bundle's own program runs. What would isolate (new namespaces,
 * mounts, devices, masked paths, names, seccomp) is left out, which ctr(1) says; what would change
 * the host, or would be missed in silence, is refused.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "vm/backend.h"

static int check(const struct ctr_spec *spec, const struct ctr_host *host, struct ctr_error *err)
{
	const struct ctr_linux *config = spec->linux_;
	const struct {
		const char *field;
		bool asked;
	} rows[] = {
		{"linux.namespaces: user", config->namespaces[CTR_NS_USER].listed  },
		{ "linux.uidMappings",     config->nuid_mappings > 0               },
		{ "linux.gidMappings",     config->ngid_mappings > 0               },
		{ "linux.sysctl",          config->nsysctl > 0                     },
		{ "linux.netDevices",      config->nnet_devices > 0                },
		{ "process.terminal",      spec->process && spec->process->terminal},
		{ "vm",                    spec->vm != NULL                        },
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(rows); i++) {
		if (rows[i].asked)
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"%s: --isolation process cannot do this", rows[i].field);
	}
	for (unsigned i = 0; i < CTR_NS_KINDS; i++) {
		if (config->namespaces[i].path)
			return ctr_fail(
				err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: --isolation process cannot join '%s'",
				config->namespaces[i].index, config->namespaces[i].path);
	}
	if (!host->privileged)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--isolation process: entering the root file system needs "
				"privileges; a user namespace would be isolation");
	return 0;
}

/* Device rules are isolation as well; other limits are kept. */
static const struct ctr_resources *limits_of(const struct ctr_linux *config,
					     struct ctr_arena *arena)
{
	struct ctr_resources *resources;

	resources = ctr_arena_alloc(arena, sizeof(*resources));
	if (config->resources)
		*resources = *config->resources;
	resources->devices = &ctr_all_devices;
	resources->ndevices = 1;
	resources->has_devices = true;
	return resources;
}

int ctr_process_translate(struct ctr_machine *machine, struct ctr_error *err)
{
	const struct ctr_spec *spec = machine->spec;
	struct ctr_spec *copy = ctr_arena_alloc(machine->arena, sizeof(*copy));
	struct ctr_linux *config = ctr_arena_alloc(machine->arena, sizeof(*config));
	struct ctr_root *root = ctr_arena_alloc(machine->arena, sizeof(*root));

	if (check(spec, machine->host, err) < 0)
		return -1;

	*copy = *spec;
	*root = *spec->root;
	root->readonly = false;
	*config = (struct ctr_linux){
		.cgroups_path = spec->linux_->cgroups_path,
		.resources = limits_of(spec->linux_, machine->arena),
		.intel_rdt = spec->linux_->intel_rdt,
		.memory_policy = spec->linux_->memory_policy,
		.personality = spec->linux_->personality,
	};
	copy->root = root;
	copy->linux_ = config;
	copy->mounts = NULL;
	copy->nmounts = 0;
	copy->hostname = copy->domainname = NULL;

	machine->spec = machine->host_spec = copy;
	return 0;
}
