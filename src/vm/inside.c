/*
 * A guest that runs is asked for what its cgroup has counted and for its processes, and told new
 * limits. Its limits are those of the container's cgroup in there; the host gets memory back by the
 * balloon.
 */
#include "vm/inside.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "vm/control.h"
#include "vm/setup.h"

/* ---- statistics */

/* The part of @text that is of @file; NULL. */
static const char *find_file(const char *text, const char *file)
{
	size_t len = strlen(file);

	while (text && !(strncmp(text, file, len) == 0 && text[len] == '\n')) {
		text = strstr(text, "\n\n");
		text = text ? text + 2 : NULL;
	}
	return text ? text + len + 1 : NULL;
}

/* @key is NULL: the file is one number. */
static uint64_t find_number(const char *text, const char *file, const char *key)
{
	const char *at = find_file(text, file), *end = at ? strstr(at, "\n\n") : NULL;
	size_t len = key ? strlen(key) : 0;

	if (!at || !*at || *at == '\n')
		return 0;
	if (!key)
		return strncmp(at, "max", 3) == 0 ? UINT64_MAX : ctr_leading_u64(at);
	while (at && (!end || at < end)) {
		if (strncmp(at, key, len) == 0)
			return ctr_leading_u64(at + len);
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

static uint64_t bytes(uint64_t kib)
{
	return kib > UINT64_MAX / 1024 ? UINT64_MAX : kib * 1024;
}

void ctr_vm_parse_stats(const char *text, struct ctr_guest_stats *out)
{
	*out = (struct ctr_guest_stats){
		.memory = find_number(text, "memory.current", NULL),
		.memory_max = find_number(text, "memory.max", NULL),
		.memory_peak = find_number(text, "memory.peak", NULL),
		.oom_kills = find_number(text, "memory.events", "oom_kill "),
		.memory_total = bytes(find_number(text, "meminfo", "MemTotal:")),
		.memory_available = bytes(find_number(text, "meminfo", "MemAvailable:")),
		.pids = find_number(text, "pids.current", NULL),
		.pids_max = find_number(text, "pids.max", NULL),
		.cpu = find_number(text, "cpu.stat", "usage_usec "),
		.cpu_user = find_number(text, "cpu.stat", "user_usec "),
		.cpu_system = find_number(text, "cpu.stat", "system_usec "),
	};
}

int ctr_vm_stats(int dir, int timeout_ms, struct ctr_guest_stats *out, struct ctr_error *err)
{
	const struct ctr_control_request request = { .kind = CTR_CONTROL_STATS };
	const struct ctr_control_question question = {
		.request = &request,
		.length = sizeof(request),
		.what = "statistics",
		.timeout_ms = timeout_ms,
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_buf text;
	int r;

	ctr_buf_init(&text, &arena);
	r = ctr_control_ask(dir, &question, &text, NULL, err);
	if (r == 0)
		ctr_vm_parse_stats(ctr_buf_str(&text), out);
	ctr_arena_release(&arena);
	return r;
}

/* ---- processes */

void ctr_vm_make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x7f || (*text < ' ' && *text != '\n'))
			*text = '?';
}

int ctr_vm_processes(int dir, struct ctr_arena *arena, const char **out, struct ctr_error *err)
{
	const struct ctr_control_request request = { .kind = CTR_CONTROL_PROCESSES };
	const struct ctr_control_question question = {
		.request = &request,
		.length = sizeof(request),
		.what = "processes",
	};
	struct ctr_buf text;

	ctr_buf_init(&text, arena);
	if (ctr_control_ask(dir, &question, &text, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\0')
			text.data[i] = '?';
	(void)ctr_buf_str(&text);
	ctr_vm_make_printable((char *)text.data);
	*out = (const char *)text.data;
	return 0;
}

/* ---- limits */

/* 0 is "not said", as for a cgroup of the host (cgroup/limits.c). */
static bool says_limit(const struct ctr_memory *memory)
{
	return memory && memory->has_limit && memory->limit != 0;
}

/* Another hypervisor than QEMU, which cannot be asked for memory; NULL. */
static const char *foreign(const struct ctr_machine *machine)
{
	const struct ctr_vm_setup *setup = machine->own;
	const char *program = setup->config ? setup->config->hypervisor.path : NULL;

	return program && ctr_vmm_of(program) != CTR_VMM_QEMU ? program : NULL;
}

static int check_update(const struct ctr_machine *machine, const struct ctr_resources *update,
			struct ctr_error *err)
{
	static const struct ctr_memory no_memory;
	const struct ctr_memory *memory = update->memory ? update->memory : &no_memory;
	const struct ctr_vm_setup *setup = machine->own;
	const uint64_t kernel = (uint64_t)CTR_VM_MEMORY_GUEST * CTR_VM_MIB;
	const bool devices =
		update->has_devices && !ctr_vm_repeats_devices(setup->resources, update);
	const bool unified = !ctr_vm_repeats_unified(setup->resources, update);
	const bool swap = memory->has_swap && memory->swap != 0 && !says_limit(memory);
	const bool oom_killer = memory->has_disable_oom_killer && memory->disable_oom_killer;
	const struct {
		const char *field;
		bool asked;
	} rows[] = {
		{"devices",                  devices					    },
		{ "blockIO",                 ctr_vm_asks_block_io(update)                       },
		{ "hugepageLimits",          ctr_vm_asks_huge_pages(update)                     },
		{ "network",                 update->network != NULL                            },
		{ "rdma",                    update->nrdma > 0                                  },
		{ "unified",                 unified					    },
		{ "memory.reservation",      memory->has_reservation && memory->reservation != 0},
		{ "memory.kernel",           memory->has_kernel                                 },
		{ "memory.kernelTCP",        memory->has_kernel_tcp                             },
		{ "memory.swap",             swap					       },
		{ "memory.swappiness",       memory->has_swappiness                             },
		{ "memory.disableOOMKiller", oom_killer                                         },
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(rows); i++)
		if (rows[i].asked)
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"linux.resources.%s: --isolation %s cannot change it while "
					"it runs",
					rows[i].field, machine->backend->name);
	if (says_limit(memory) && foreign(machine))
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.memory.limit: vm.hypervisor.path: '%s' cannot "
				"change it while it runs",
				foreign(machine));
	if (memory->has_limit && memory->limit < -1)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.memory.limit: %lld is neither an amount nor -1 "
				"(unlimited)",
				(long long)memory->limit);
	/* With the limit it can only repeat that there is no swap in a guest. */
	if (memory->has_swap && memory->swap > 0 && memory->swap < memory->limit)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.memory.swap: memory+swap limit should be >= "
				"memory limit: %lld is less than %lld",
				(long long)memory->swap, (long long)memory->limit);
	if (memory->has_limit && memory->limit > 0 &&
	    (uint64_t)memory->limit > setup->memory - kernel)
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"linux.resources.memory.limit: %lld: the guest was started with %llu "
			"MiB, %d of them for its kernel",
			(long long)memory->limit, (unsigned long long)setup->memory / CTR_VM_MIB,
			(int)CTR_VM_MEMORY_GUEST);
	return 0;
}

/* As the host's cgroup would be asked (cgroup/limits_apply.c); there is no swap in a guest. */
static int check_usage(int dir, const struct ctr_memory *memory, struct ctr_error *err)
{
	struct ctr_guest_stats guest;

	if (!memory || !memory->check_before_update || memory->limit <= 0)
		return 0;
	if (ctr_vm_stats(dir, 0, &guest, err) < 0)
		return -1;
	if ((uint64_t)memory->limit < guest.memory)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.resources.memory.limit: rejecting memory limit %lld: it is "
				"less than the usage, %llu",
				(long long)memory->limit, (unsigned long long)guest.memory);
	return 0;
}

static int change_limit(int dir, enum ctr_control_which which, int64_t value, const char *field,
			struct ctr_error *err)
{
	const struct ctr_control_limit limit = {
		.head = {.kind = CTR_CONTROL_LIMIT, .value = which},
		.value = value > 0 ? (uint64_t)value : UINT64_MAX,
	};
	const struct ctr_control_question question = {
		.request = &limit.head,
		.length = sizeof(limit),
		.what = field,
	};

	return ctr_control_ask(dir, &question, NULL, NULL, err);
}

/* The guest's memory is to be @bytes, and it gives back what it has more as far as it can; @has is
 * what it then has. */
static int change_balloon(int dir, uint64_t bytes, uint64_t *has, struct ctr_error *err)
{
	enum { TRIES = 50, TRIES_IN_ALL = 600 };
	const struct timespec nap = { .tv_nsec = 100000000 };
	struct ctr_control_request request = {
		.kind = CTR_CONTROL_BALLOON,
		.value = (uint32_t)(bytes / CTR_VM_MIB),
	};
	const struct ctr_control_question question = {
		.request = &request,
		.length = sizeof(request),
		.what = "linux.resources.memory.limit",
	};
	uint32_t mib = 0, least = UINT32_MAX;

	for (int i = 0, all = 0; i < TRIES && all < TRIES_IN_ALL; i++, all++) {
		if (ctr_control_ask(dir, &question, NULL, &mib, err) < 0)
			return -1;
		if (mib <= bytes / CTR_VM_MIB)
			break;
		/* a slow guest takes its time; one that gives nothing for TRIES is at its end */
		if (mib < least)
			i = 0;
		least = mib < least ? mib : least;
		request.value = 0;
		(void)nanosleep(&nap, NULL);
	}
	*has = (uint64_t)mib * CTR_VM_MIB;
	return 0;
}

static uint64_t balloon_target(const struct ctr_vm_setup *setup, int64_t limit)
{
	const uint64_t mib = CTR_VM_MIB;
	uint64_t target = setup->memory;

	if (limit > 0)
		target = ((uint64_t)limit + mib - 1) / mib * mib + CTR_VM_MEMORY_GUEST * mib;
	if (target < CTR_VM_MEMORY_MIN * mib)
		target = CTR_VM_MEMORY_MIN * mib;
	return target < setup->memory ? target : setup->memory;
}

uint64_t ctr_vm_footprint(const struct ctr_machine *machine, const struct ctr_resources *update)
{
	if (!(machine->backend->bits & CTR_BACKEND_HOT_MEMORY) || foreign(machine) ||
	    !says_limit(update->memory))
		return 0;
	return balloon_target(machine->own, update->memory->limit) +
	       (uint64_t)CTR_VM_MEMORY_HOST * CTR_VM_MIB;
}

int ctr_vm_update(const struct ctr_machine *machine, int dir, const struct ctr_resources *update,
		  const struct ctr_resources **host, struct ctr_error *err)
{
	struct ctr_resources *resources = ctr_arena_alloc(machine->arena, sizeof(*resources));
	struct ctr_memory *memory = ctr_arena_alloc(machine->arena, sizeof(*memory));
	uint64_t target, has = 0;

	*resources = (struct ctr_resources){ .cpu = update->cpu };
	*host = resources;
	if (check_update(machine, update, err) < 0 || check_usage(dir, update->memory, err) < 0)
		return -1;
	if (update->has_pids_limit && change_limit(dir, CTR_CONTROL_PIDS, update->pids_limit,
						   "linux.resources.pids.limit", err) < 0)
		return -1;
	if (!says_limit(update->memory))
		return 0;
	if (change_limit(dir, CTR_CONTROL_MEMORY, update->memory->limit,
			 "linux.resources.memory.limit", err) < 0)
		return -1;
	if (!(machine->backend->bits & CTR_BACKEND_HOT_MEMORY))
		return 0;
	target = balloon_target(machine->own, update->memory->limit);
	/* Said before it is asked for: what fails here may still be carried out, later. */
	resources->memory = memory;
	if (change_balloon(dir, target, &has, err) < 0)
		return -1;
	*memory = (struct ctr_memory){
		.has_limit = true,
		.limit = (int64_t)((has > target ? has : target) +
				   (uint64_t)CTR_VM_MEMORY_HOST * CTR_VM_MIB),
	};
	return 0;
}
