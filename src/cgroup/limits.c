/*
 * From linux.resources to files of cgroup v2 (config-linux.md#control-groups; cgroup-v2.rst,
 * "Controllers"). Pure: `create`, `update`, `explain` and the systemd manager all begin here.
 *
 * The order is the order of the writes. Swap comes before memory, so that a memory limit below the
 * usage finds the swap it is to use; idle before weight, for the kernel takes no weight of an idle
 * group; `unified` last, so that it wins.
 */
#include "cgroup/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup/controllers.h"
#include "oci/spec.h"

struct planner {
	struct ctr_arena *arena;
	struct ctr_error *err;
	struct ctr_limit *list;
	size_t count, size;
	const char **warnings;
	size_t nwarnings;
	uint32_t controllers;
};

/* ---- the list */

static void add(struct planner *planner, const char *file, const char *value, const char *origin,
		uint32_t flags)
{
	enum ctr_controller controller = ctr_controller_of(file);

	if (planner->count == planner->size) {
		size_t size = planner->size ? 2 * planner->size : 16;

		planner->list = ctr_arena_grow(planner->arena, planner->list,
					       planner->size * sizeof(*planner->list),
					       size * sizeof(*planner->list));
		planner->size = size;
	}
	planner->list[planner->count++] =
		(struct ctr_limit){ file, value, origin, controller, flags };
	if (controller != CTR_CONTROLLER_COUNT && !(flags & CTR_LIMIT_DEFAULT))
		planner->controllers |= CTR_CONTROLLER_BIT(controller);
}

static void warn(struct planner *planner, const char *text)
{
	planner->warnings = ctr_arena_grow(planner->arena, planner->warnings,
					   planner->nwarnings * sizeof(*planner->warnings),
					   (planner->nwarnings + 1) * sizeof(*planner->warnings));
	planner->warnings[planner->nwarnings++] = text;
}

static const char *number(struct planner *planner, uint64_t value)
{
	return ctr_arena_printf(planner->arena, "%" PRIu64, value);
}

static int refuse(struct planner *planner, const char *origin, const char *why)
{
	return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0, "%s: %s", origin, why);
}

/* What is refused because cgroup v2 has nothing like it. */
struct refusal {
	const char *origin;
	bool asked;
	const char *why;
};

static int refuse_any(struct planner *planner, const struct refusal *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].asked)
			return refuse(planner, rows[i].origin, rows[i].why);

	return 0;
}

/* ---- numbers of which -1 is "no limit" and, but for pids, 0 is "not said" */

/* The kernel counts pages in a long: whatever is above is no limit, and engines write it as one. */
static const uint64_t page_counter_max = INT64_MAX - 4095;

static int check_amount(struct planner *planner, int64_t amount, const char *origin)
{
	if (amount >= -1)
		return 0;
	return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0,
			"%s: %" PRId64 " is neither an amount nor -1 (unlimited)", origin, amount);
}

static int add_amount(struct planner *planner, const char *file, int64_t amount, const char *origin,
		      uint32_t when_max)
{
	if (check_amount(planner, amount, origin) < 0)
		return -1;
	if (amount == -1 || (uint64_t)amount >= page_counter_max)
		add(planner, file, "max", origin, when_max);
	else
		add(planner, file, number(planner, (uint64_t)amount), origin, 0);
	return 0;
}

/* ---- memory */

/* linux.resources.memory.swap is memory and swap together, memory.swap.max is swap alone. */
static int plan_swap(struct planner *planner, const struct ctr_memory *memory)
{
	static const char origin[] = "linux.resources.memory.swap";
	int64_t limit = memory->has_limit ? memory->limit : 0;
	int64_t swap = memory->has_swap ? memory->swap : 0;

	/* As it was with v1: who lifts the limit of memory lifts that of the sum. */
	if (swap == 0 && limit == -1)
		swap = -1;
	if (swap == 0)
		return 0;
	if (swap == -1) {
		add(planner, "memory.swap.max", "max", origin, CTR_LIMIT_DEFAULT);
		return 0;
	}

	if (check_amount(planner, swap, origin) < 0)
		return -1;
	if (limit <= 0)
		return refuse(planner, origin,
			      "unable to set swap limit without memory limit: it is the limit of "
			      "both together");
	if (swap < limit)
		return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0,
				"%s: memory+swap limit should be >= memory limit: %" PRId64
				" is less than %" PRId64,
				origin, swap, limit);

	/* A kernel that does not account swap cannot give a container any either. */
	add(planner, "memory.swap.max", number(planner, (uint64_t)(swap - limit)), origin,
	    swap == limit ? CTR_LIMIT_MAY_LACK : 0);
	return 0;
}

static int plan_memory(struct planner *planner, const struct ctr_memory *memory)
{
	static const char limit[] = "linux.resources.memory.limit";
	const struct refusal refusals[] = {
		{"linux.resources.memory.swappiness",        memory->has_swappiness,
                 "cgroup v2 has no swappiness of its own for a cgroup (vm.swappiness is the host's)"},
		{ "linux.resources.memory.disableOOMKiller", memory->disable_oom_killer,
                 "cgroup v2 cannot do without the OOM killer (memory.high in linux.resources.unified "
		  "slows down instead of killing)"                                                  },
	};

	if (refuse_any(planner, refusals, CTR_ARRAY_SIZE(refusals)) < 0 ||
	    check_amount(planner, memory->has_limit ? memory->limit : 0, limit) < 0 ||
	    plan_swap(planner, memory) < 0)
		return -1;
	if (memory->has_limit && memory->limit != 0 &&
	    add_amount(planner, "memory.max", memory->limit, limit, CTR_LIMIT_DEFAULT) < 0)
		return -1;
	if (memory->has_reservation && memory->reservation != 0)
		return add_amount(planner, "memory.low", memory->reservation,
				  "linux.resources.memory.reservation", 0);
	return 0;
}

/* ---- cpu */

__extension__ typedef unsigned __int128 u128;

enum { LOG_BITS = 32 };

/* The binary logarithm of @n with LOG_BITS bits of fraction: every squaring gives one more bit. */
static uint64_t log2_fixed(uint64_t n)
{
	unsigned whole = 63 - (unsigned)__builtin_clzll(n);
	uint64_t mantissa = n << (62 - whole);
	uint64_t result = whole;

	for (int i = 0; i < LOG_BITS; i++) {
		mantissa = (uint64_t)((u128)mantissa * mantissa >> 62);
		result <<= 1;
		if (mantissa >> 63) {
			mantissa >>= 1;
			result |= 1;
		}
	}
	return result;
}

/*
 * ceil(10^((l^2 + 125 l) / 612 - 7/34)) with l = log2(shares), the curve that runc and crun share.
 * Found by comparing logarithms, without floating point: the least weight with
 * 612 log2(weight) >= (l^2 + 125 l - 126) log2(10). A test compares it with libm.
 */
uint64_t ctr_cpu_weight(uint64_t shares)
{
	const uint64_t log2_of_10 = 14267572527; /* 2^32 log2(10) */
	const uint64_t slack = 256;              /* of rounding; 1024 shares are 100 exactly */
	uint64_t low = 1, high = 10000, l, exponent, wanted;

	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;

	l = log2_fixed(shares);
	exponent = (uint64_t)((u128)l * l >> LOG_BITS) + 125 * l - (UINT64_C(126) << LOG_BITS);
	wanted = (uint64_t)((u128)exponent * log2_of_10 >> LOG_BITS);
	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (612 * log2_fixed(middle) + slack < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int plan_weight(struct planner *planner, const struct ctr_cpu *cpu)
{
	static const char shares[] = "linux.resources.cpu.shares";
	static const char idle[] = "linux.resources.cpu.idle";
	uint64_t weight = cpu->has_shares ? ctr_cpu_weight(cpu->shares) : 0;

	if (cpu->has_idle)
		add(planner, "cpu.idle", cpu->idle ? "1" : "0", idle,
		    cpu->idle ? 0 : CTR_LIMIT_DEFAULT);
	if (weight == 0)
		return 0;
	if (cpu->has_idle && cpu->idle == 1) {
		warn(planner, "linux.resources.cpu.shares: without effect beside cpu.idle");
		return 0;
	}

	add(planner, "cpu.weight", number(planner, weight), shares,
	    weight == 100 ? CTR_LIMIT_DEFAULT : 0);
	return 0;
}

static int plan_bandwidth(struct planner *planner, const struct ctr_cpu *cpu)
{
	static const char quota_origin[] = "linux.resources.cpu.quota";
	static const char period_origin[] = "linux.resources.cpu.period";
	uint64_t period = cpu->has_period ? cpu->period : 0;
	int64_t quota = cpu->has_quota ? cpu->quota : 0;
	const char *value;

	/* Bounds of the kernel's tg_set_cfs_bandwidth(). */
	if (period != 0 && (period < 1000 || period > 1000000))
		return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0,
				"%s: %" PRIu64 " is not between 1000 and 1000000 microseconds",
				period_origin, period);
	if (quota > 0 && quota < 1000)
		return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0,
				"%s: %" PRId64 " is less than 1000 microseconds", quota_origin,
				quota);
	if (cpu->has_burst && quota > 0 && cpu->burst > (uint64_t)quota)
		return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0,
				"linux.resources.cpu.burst: %" PRIu64
				" is more than the quota, %" PRId64,
				cpu->burst, quota);

	/* The kernel wants burst <= quota at all times: whichever is refused comes again later. */
	if (cpu->has_burst)
		add(planner, "cpu.max.burst", number(planner, cpu->burst),
		    "linux.resources.cpu.burst", cpu->burst ? 0 : CTR_LIMIT_DEFAULT);
	if (quota == 0 && period == 0)
		return 0;

	if (period == 0)
		period = 100000;
	value = quota > 0 ? ctr_arena_printf(planner->arena, "%" PRId64 " %" PRIu64, quota, period)
			  : ctr_arena_printf(planner->arena, "max %" PRIu64, period);
	add(planner, "cpu.max", value, quota != 0 ? quota_origin : period_origin,
	    quota > 0 ? 0 : CTR_LIMIT_DEFAULT);
	return 0;
}

static int plan_cpu(struct planner *planner, const struct ctr_cpu *cpu)
{
	static const char realtime[] = "cgroup v2 has no real-time bandwidth of a cgroup";
	const struct refusal refusals[] = {
		{"linux.resources.cpu.realtimeRuntime",
                 cpu->has_realtime_runtime && cpu->realtime_runtime != 0, realtime},
		{ "linux.resources.cpu.realtimePeriod",
                 cpu->has_realtime_period && cpu->realtime_period != 0,   realtime},
	};

	if (refuse_any(planner, refusals, CTR_ARRAY_SIZE(refusals)) < 0)
		return -1;

	if (cpu->cpus && *cpu->cpus)
		add(planner, "cpuset.cpus", cpu->cpus, "linux.resources.cpu.cpus", 0);
	if (cpu->mems && *cpu->mems)
		add(planner, "cpuset.mems", cpu->mems, "linux.resources.cpu.mems", 0);
	if (plan_weight(planner, cpu) < 0)
		return -1;
	return plan_bandwidth(planner, cpu);
}

/* ---- pids */

/* 0 is a limit, but systemd has no TasksMax=0: 1 with every manager, as the first process is there
 * anyway. */
static int plan_pids(struct planner *planner, int64_t limit)
{
	return add_amount(planner, "pids.max", limit == 0 ? 1 : limit, "linux.resources.pids.limit",
			  CTR_LIMIT_DEFAULT);
}

/* ---- block I/O */

/* 10..1000 of blkio.weight, 1..10000 of io.weight. */
static uint64_t io_weight(uint64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

static void plan_block_weight(struct planner *planner, uint16_t weight)
{
	static const char origin[] = "linux.resources.blockIO.weight";

	add(planner, "io.bfq.weight", number(planner, weight), origin, CTR_LIMIT_OR_NEXT);
	add(planner, "io.weight", number(planner, io_weight(weight)), origin, 0);
}

static int plan_device_weights(struct planner *planner, const struct ctr_block_io *io)
{
	static const char no_leaves[] = "cgroup v2 has no weight of leaves";

	for (size_t i = 0; i < io->nweight_devices; i++) {
		const struct ctr_weight_device *device = &io->weight_devices[i];
		const char *origin = ctr_arena_printf(
			planner->arena, "linux.resources.blockIO.weightDevice[%zu]", i);
		const char *format = "%" PRId64 ":%" PRId64 " %" PRIu64;

		if (device->has_leaf_weight && device->leaf_weight != 0)
			return refuse(planner, origin, no_leaves);
		if (!device->has_weight || device->weight == 0)
			continue;

		add(planner, "io.bfq.weight",
		    ctr_arena_printf(planner->arena, format, device->major, device->minor,
				     (uint64_t)device->weight),
		    origin, CTR_LIMIT_OR_NEXT);
		add(planner, "io.weight",
		    ctr_arena_printf(planner->arena, format, device->major, device->minor,
				     io_weight(device->weight)),
		    origin, 0);
	}
	return 0;
}

static void plan_throttles(struct planner *planner, const struct ctr_block_io *io)
{
	static const struct {
		const char *field, *key;
	} kinds[CTR_THROTTLE_KINDS] = {
		[CTR_THROTTLE_READ_BPS] = {"throttleReadBpsDevice",    "rbps" },
		[CTR_THROTTLE_WRITE_BPS] = { "throttleWriteBpsDevice",  "wbps" },
		[CTR_THROTTLE_READ_IOPS] = { "throttleReadIOPSDevice",  "riops"},
		[CTR_THROTTLE_WRITE_IOPS] = { "throttleWriteIOPSDevice", "wiops"},
	};

	for (size_t kind = 0; kind < CTR_THROTTLE_KINDS; kind++) {
		for (size_t i = 0; i < io->throttle[kind].count; i++) {
			const struct ctr_throttle_device *device = &io->throttle[kind].list[i];
			const char *rate = device->rate ? number(planner, device->rate) : "max";

			add(planner, "io.max",
			    ctr_arena_printf(planner->arena, "%" PRId64 ":%" PRId64 " %s=%s",
					     device->major, device->minor, kinds[kind].key, rate),
			    ctr_arena_printf(planner->arena, "linux.resources.blockIO.%s[%zu]",
					     kinds[kind].field, i),
			    device->rate ? 0 : CTR_LIMIT_DEFAULT);
		}
	}
}

static int plan_block_io(struct planner *planner, const struct ctr_block_io *io)
{
	if (io->has_leaf_weight && io->leaf_weight != 0)
		return refuse(planner, "linux.resources.blockIO.leafWeight",
			      "cgroup v2 has no weight of leaves");
	if (io->has_weight && io->weight != 0)
		plan_block_weight(planner, io->weight);
	if (plan_device_weights(planner, io) < 0)
		return -1;

	plan_throttles(planner, io);
	return 0;
}

/* ---- huge pages, network, rdma */

static void plan_huge_pages(struct planner *planner, const struct ctr_resources *resources)
{
	for (size_t i = 0; i < resources->nhugepage_limits; i++) {
		const struct ctr_hugepage_limit *limit = &resources->hugepage_limits[i];
		bool unlimited = limit->limit >= page_counter_max;
		const char *value = unlimited ? "max" : number(planner, limit->limit);
		const char *origin =
			ctr_arena_printf(planner->arena, "linux.resources.hugepageLimits[%zu]", i);
		uint32_t flags = unlimited ? CTR_LIMIT_DEFAULT : 0;

		add(planner, ctr_arena_printf(planner->arena, "hugetlb.%s.max", limit->page_size),
		    value, origin, flags);
		/* Of pages that are reserved but not used yet; since Linux 5.7. */
		add(planner,
		    ctr_arena_printf(planner->arena, "hugetlb.%s.rsvd.max", limit->page_size),
		    value, origin, flags | CTR_LIMIT_MAY_LACK);
	}
}

static int plan_network(struct planner *planner, const struct ctr_network_class *network)
{
	static const char why[] = "cgroup v2 has no controller for it (a BPF program or "
				  "nftables' 'socket cgroupv2' does that)";
	const struct refusal refusals[] = {
		{"linux.resources.network.classID",
                 network->has_class_id && network->class_id != 0,                 why},
		{ "linux.resources.network.priorities", network->npriorities > 0, why},
	};

	return refuse_any(planner, refusals, CTR_ARRAY_SIZE(refusals));
}

static int plan_rdma(struct planner *planner, const struct ctr_rdma *rdma)
{
	const char *origin =
		ctr_arena_printf(planner->arena, "linux.resources.rdma.%s", rdma->device);
	char handles[40] = "", objects[40] = "";

	/* A blank would end the name and begin a limit. */
	if (*rdma->device == '\0' || strpbrk(rdma->device, " \t\r\n"))
		return refuse(planner, origin, "is not the name of a device");

	if (rdma->has_hca_handles)
		(void)snprintf(handles, sizeof(handles), " hca_handle=%u", rdma->hca_handles);
	if (rdma->has_hca_objects)
		(void)snprintf(objects, sizeof(objects), " hca_object=%u", rdma->hca_objects);
	add(planner, "rdma.max",
	    ctr_arena_printf(planner->arena, "%s%s%s", rdma->device, handles, objects), origin, 0);
	return 0;
}

/* ---- unified */

/* Files that are no settings but do something, to a container that is just being made. */
static bool is_an_action(const char *file)
{
	static const char *const actions[] = {
		"cgroup.freeze", "cgroup.kill", "cgroup.procs", "cgroup.threads", "cgroup.type",
	};

	for (size_t i = 0; i < CTR_ARRAY_SIZE(actions); i++)
		if (strcmp(file, actions[i]) == 0)
			return true;

	return false;
}

/* Files like io.max take one line a write. */
static int plan_unified(struct planner *planner, const struct ctr_string_pair *pair)
{
	const char *origin =
		ctr_arena_printf(planner->arena, "linux.resources.unified[\"%s\"]", pair->key);
	const char *line = pair->value;
	bool any = false;

	if (is_an_action(pair->key))
		return refuse(planner, origin, "is no limit of the container");

	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		if (len > 0)
			add(planner, pair->key, ctr_arena_strndup(planner->arena, line, len),
			    origin, 0);
		any |= len > 0;
		line += len;
		line += *line == '\n';
	}
	return any ? 0 : refuse(planner, origin, "there is nothing to write");
}

/* ---- all */

static int plan(struct planner *planner, const struct ctr_resources *resources)
{
	if (resources->cpu && plan_cpu(planner, resources->cpu) < 0)
		return -1;
	if (resources->memory && plan_memory(planner, resources->memory) < 0)
		return -1;
	if (resources->has_pids_limit && plan_pids(planner, resources->pids_limit) < 0)
		return -1;
	if (resources->block_io && plan_block_io(planner, resources->block_io) < 0)
		return -1;
	if (resources->network && plan_network(planner, resources->network) < 0)
		return -1;

	plan_huge_pages(planner, resources);
	for (size_t i = 0; i < resources->nrdma; i++)
		if (plan_rdma(planner, &resources->rdma[i]) < 0)
			return -1;
	for (size_t i = 0; i < resources->nunified; i++)
		if (plan_unified(planner, &resources->unified[i]) < 0)
			return -1;
	return 0;
}

int ctr_limits_plan(const struct ctr_resources *resources, struct ctr_arena *arena,
		    struct ctr_limits *out, struct ctr_error *err)
{
	struct planner planner = { .arena = arena, .err = err };
	const struct ctr_memory *memory = resources ? resources->memory : NULL;

	if (resources && plan(&planner, resources) < 0)
		return -1;

	*out = (struct ctr_limits){
		.list = planner.list,
		.count = planner.count,
		.controllers = planner.controllers,
		.warnings = planner.warnings,
		.nwarnings = planner.nwarnings,
	};
	if (memory && memory->check_before_update) {
		out->check_memory = true;
		out->memory = memory->has_limit ? memory->limit : 0;
		out->memory_swap = memory->has_swap ? memory->swap : 0;
	}
	return 0;
}
