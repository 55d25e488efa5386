/*
 * linux.resources of a machine: how large it is, what the container in the guest is limited to by
 * the guest's kernel, and what the host's cgroup is to have. What neither does is refused.
 */
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "vm/backend.h"
#include "vm/setup.h"

/* ---- what is refused */

/* Docker's are there, and empty. */
bool ctr_vm_asks_block_io(const struct ctr_resources *resources)
{
	const struct ctr_block_io *io = resources->block_io;

	if (!io)
		return false;
	for (size_t i = 0; i < CTR_THROTTLE_KINDS; i++)
		if (io->throttle[i].count > 0)
			return true;
	return (io->has_weight && io->weight != 0) ||
	       (io->has_leaf_weight && io->leaf_weight != 0) || io->nweight_devices > 0;
}

/* A guest has none, so that a limit of 0 is kept: Kubernetes says it of all sizes there are. */
bool ctr_vm_asks_huge_pages(const struct ctr_resources *resources)
{
	for (size_t i = 0; i < resources->nhugepage_limits; i++)
		if (resources->hugepage_limits[i].limit > 0)
			return true;
	return false;
}

/* Files of the container's cgroup in the guest. Others are about the host, or have a property. */
static bool is_guests(const struct ctr_string_pair *pair)
{
	static const char *const files[] = { "memory.high", "memory.low", "memory.min",
					     "memory.oom.group" };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(files); i++)
		if (strcmp(pair->key, files[i]) == 0)
			/* they are words of lines on their way */
			return pair->value[0] && !strpbrk(pair->value, " \t\n");
	return false;
}

int ctr_vm_check_resources(const struct ctr_machine *machine, struct ctr_error *err)
{
	static const struct ctr_resources no_resources;
	static const struct ctr_cpu no_cpu;
	static const struct ctr_memory no_memory;
	const struct ctr_resources *given = machine->spec->linux_->resources;
	const struct ctr_resources *resources = given ? given : &no_resources;
	const struct ctr_cpu *cpu = resources->cpu ? resources->cpu : &no_cpu;
	const struct ctr_memory *memory = resources->memory ? resources->memory : &no_memory;
	const struct {
		const char *field;
		bool asked;
	} rows[] = {
		{"blockIO",                  ctr_vm_asks_block_io(resources)                    },
		{ "hugepageLimits",          ctr_vm_asks_huge_pages(resources)                  },
		{ "network",                 resources->network != NULL                         },
		{ "rdma",                    resources->nrdma > 0                               },
		{ "cpu.realtimeRuntime",     cpu->has_realtime_runtime                          },
		{ "cpu.realtimePeriod",      cpu->has_realtime_period                           },
		{ "memory.reservation",      memory->has_reservation && memory->reservation != 0},
		{ "memory.swappiness",       memory->has_swappiness                             },
		{ "memory.disableOOMKiller", memory->disable_oom_killer                         },
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(rows); i++)
		if (rows[i].asked)
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"linux.resources.%s: --isolation %s cannot do this",
					rows[i].field, machine->backend->name);
	for (size_t i = 0; i < resources->nunified; i++)
		if (!is_guests(&resources->unified[i]))
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"linux.resources.unified[\"%s\"]: '%s': --isolation %s "
					"cannot do this",
					resources->unified[i].key, resources->unified[i].value,
					machine->backend->name);
	return 0;
}

/* ---- what an update only repeats: engines say all that there is */

static bool is_same_rule(const struct ctr_device_rule *a, const struct ctr_device_rule *b)
{
	return a->allow == b->allow && a->type == b->type && a->major == b->major &&
	       a->minor == b->minor && a->access == b->access;
}

bool ctr_vm_repeats_devices(const struct ctr_resources *given, const struct ctr_resources *update)
{
	if (!given || given->ndevices != update->ndevices)
		return false;
	for (size_t i = 0; i < given->ndevices; i++)
		if (!is_same_rule(&given->devices[i], &update->devices[i]))
			return false;
	return true;
}

static bool has_pair(const struct ctr_resources *given, const struct ctr_string_pair *pair)
{
	for (size_t i = 0; i < given->nunified; i++)
		if (strcmp(given->unified[i].key, pair->key) == 0 &&
		    strcmp(given->unified[i].value, pair->value) == 0)
			return true;
	return false;
}

bool ctr_vm_repeats_unified(const struct ctr_resources *given, const struct ctr_resources *update)
{
	for (size_t i = 0; i < update->nunified; i++)
		if (!given || !has_pair(given, &update->unified[i]))
			return false;
	return true;
}

/* ---- the machine */

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

int ctr_vm_size(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		struct ctr_error *err)
{
	const struct ctr_resources *resources = machine->spec->linux_->resources;
	const struct ctr_memory *memory = resources ? resources->memory : NULL;
	const struct ctr_cpu *cpu = resources ? resources->cpu : NULL;
	const struct ctr_vm *config = machine->spec->vm;
	const uint64_t mib = CTR_VM_MIB;
	const char *field = "vm.hwConfig.memory";

	setup->memory = CTR_VM_MEMORY * mib;
	if (memory && memory->has_limit && memory->limit > 0) {
		setup->memory_max = memory->limit;
		setup->memory =
			round_up((uint64_t)memory->limit + CTR_VM_MEMORY_GUEST * mib, 2 * mib);
		if (setup->memory < CTR_VM_MEMORY_MIN * mib)
			setup->memory = CTR_VM_MEMORY_MIN * mib;
	}
	if (config && config->hw_config.has_memory)
		setup->memory = config->hw_config.memory / mib * mib;
	if (setup->memory < CTR_VM_MEMORY_MIN * mib)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"%s: %llu bytes are too little for a guest, which needs %d MiB",
				field, (unsigned long long)config->hw_config.memory,
				(int)CTR_VM_MEMORY_MIN);

	if (setup->memory > CTR_VM_MEMORY_MAX * mib)
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0, "%s: %llu MiB are more than a machine can have",
			config && config->hw_config.has_memory ? field
							       : "linux.resources.memory.limit",
			(unsigned long long)(setup->memory / mib));

	setup->vcpus = 1;
	if (cpu && cpu->has_quota && cpu->quota > 0) {
		uint64_t period = cpu->has_period && cpu->period ? cpu->period : 100000;

		setup->vcpus = (uint32_t)(((uint64_t)cpu->quota + period - 1) / period);
	}
	if (config && config->hw_config.has_vcpus)
		setup->vcpus = config->hw_config.vcpus;
	if (resources && resources->has_pids_limit && resources->pids_limit > 0)
		setup->pids_max = resources->pids_limit;
	return 0;
}

/* The hypervisor's processes get what the guest may have and their own; how many they are is not
 * the container's affair, and the host's devices are what they need. */
const struct ctr_resources *ctr_vm_host_resources(const struct ctr_machine *machine,
						  const struct ctr_vm_setup *setup)
{
	const struct ctr_resources *given = machine->spec->linux_->resources;
	struct ctr_resources *resources;
	struct ctr_memory *memory;

	resources = ctr_arena_alloc(machine->arena, sizeof(*resources));
	resources->devices = &ctr_all_devices;
	resources->ndevices = 1;
	resources->has_devices = true;
	if (!given)
		return resources;
	resources->cpu = given->cpu;
	if (given->memory && given->memory->has_limit && given->memory->limit > 0) {
		memory = ctr_arena_alloc(machine->arena, sizeof(*memory));
		memory->has_limit = true;
		memory->limit =
			(int64_t)(setup->memory + (uint64_t)CTR_VM_MEMORY_HOST * CTR_VM_MIB);
		resources->memory = memory;
	}
	return resources;
}
