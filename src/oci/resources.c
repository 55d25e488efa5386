/*
 * Merging and encoding linux.resources, for `ctr update`: what it changes is remembered in the
 * container's state as a document of the same form.
 */
#include "oci/resources.h"

#include <string.h>

#include "base/arena.h"
#include "oci/encode.h"

/* ---- merge */

#define TAKE(to, from, field)                                                                      \
	do {                                                                                       \
		if ((from)->has_##field) {                                                         \
			(to)->field = (from)->field;                                               \
			(to)->has_##field = true;                                                  \
		}                                                                                  \
	} while (0)

/* Of many numbers 0 is what callers write who say nothing: it takes nothing back. */
#define SAYS(from, field) ((from)->has_##field && (from)->field != 0)
#define TAKE_SAID(to, from, field)                                                                 \
	do {                                                                                       \
		if (SAYS(from, field))                                                             \
			TAKE(to, from, field);                                                     \
	} while (0)

/* A copy of the struct at @old, or one that is all zero. */
static void *copy_of(const void *old, size_t size, struct ctr_arena *arena)
{
	void *copy = ctr_arena_alloc(arena, size);

	if (old)
		memcpy(copy, old, size);
	return copy;
}

static const struct ctr_memory *
merge_memory(const struct ctr_memory *old, const struct ctr_memory *update, struct ctr_arena *arena)
{
	struct ctr_memory *out = copy_of(old, sizeof(*out), arena);

	TAKE_SAID(out, update, limit);
	TAKE_SAID(out, update, reservation);
	TAKE_SAID(out, update, swap);
	TAKE(out, update, kernel);
	TAKE(out, update, kernel_tcp);
	TAKE(out, update, swappiness);
	TAKE(out, update, disable_oom_killer);
	TAKE(out, update, use_hierarchy);
	TAKE(out, update, check_before_update);
	/* Who lifts the limit of memory lifts that of the sum. */
	if (update->has_limit && update->limit == -1 && !SAYS(update, swap) && out->has_swap)
		out->swap = -1;
	return out;
}

static const struct ctr_cpu *merge_cpu(const struct ctr_cpu *old, const struct ctr_cpu *update,
				       struct ctr_arena *arena)
{
	struct ctr_cpu *out = copy_of(old, sizeof(*out), arena);

	TAKE_SAID(out, update, shares);
	TAKE(out, update, burst);
	TAKE_SAID(out, update, period);
	TAKE(out, update, realtime_period);
	TAKE_SAID(out, update, quota);
	TAKE(out, update, realtime_runtime);
	TAKE(out, update, idle);
	if (update->cpus && *update->cpus)
		out->cpus = update->cpus;
	if (update->mems && *update->mems)
		out->mems = update->mems;
	return out;
}

typedef bool (*same_function)(const void *a, const void *b);

/* The items of @old that @update has nothing for, then those of @update. */
static const void *merge_list(const void *old, size_t *n, const void *update, size_t nupdate,
			      size_t size, same_function same, struct ctr_arena *arena)
{
	char *out;
	size_t count = 0;

	if (nupdate == 0)
		return old;

	out = ctr_arena_array(arena, *n + nupdate, size);
	for (size_t i = 0; i < *n; i++) {
		const char *item = (const char *)old + i * size;
		bool replaced = false;

		for (size_t j = 0; j < nupdate && !replaced; j++)
			replaced = same(item, (const char *)update + j * size);
		if (!replaced)
			memcpy(out + count++ * size, item, size);
	}
	memcpy(out + count * size, update, nupdate * size);
	*n = count + nupdate;
	return out;
}

static bool same_weight(const void *a, const void *b)
{
	const struct ctr_weight_device *x = a, *y = b;

	return x->major == y->major && x->minor == y->minor;
}

static bool same_throttle(const void *a, const void *b)
{
	const struct ctr_throttle_device *x = a, *y = b;

	return x->major == y->major && x->minor == y->minor;
}

static bool same_page_size(const void *a, const void *b)
{
	const struct ctr_hugepage_limit *x = a, *y = b;

	return strcmp(x->page_size, y->page_size) == 0;
}

static bool same_rdma(const void *a, const void *b)
{
	const struct ctr_rdma *x = a, *y = b;

	return strcmp(x->device, y->device) == 0;
}

static bool same_key(const void *a, const void *b)
{
	const struct ctr_string_pair *x = a, *y = b;

	return strcmp(x->key, y->key) == 0;
}

static const struct ctr_block_io *merge_block_io(const struct ctr_block_io *old,
						 const struct ctr_block_io *update,
						 struct ctr_arena *arena)
{
	struct ctr_block_io *out = copy_of(old, sizeof(*out), arena);

	TAKE_SAID(out, update, weight);
	TAKE(out, update, leaf_weight);
	out->weight_devices = merge_list(out->weight_devices, &out->nweight_devices,
					 update->weight_devices, update->nweight_devices,
					 sizeof(*out->weight_devices), same_weight, arena);
	for (size_t i = 0; i < CTR_THROTTLE_KINDS; i++)
		out->throttle[i].list =
			merge_list(out->throttle[i].list, &out->throttle[i].count,
				   update->throttle[i].list, update->throttle[i].count,
				   sizeof(*out->throttle[i].list), same_throttle, arena);
	return out;
}

struct ctr_resources *ctr_resources_merge(const struct ctr_resources *old,
					  const struct ctr_resources *update,
					  struct ctr_arena *arena)
{
	struct ctr_resources *out = copy_of(old, sizeof(*out), arena);

	if (update->memory)
		out->memory = merge_memory(out->memory, update->memory, arena);
	if (update->cpu)
		out->cpu = merge_cpu(out->cpu, update->cpu, arena);
	if (update->block_io)
		out->block_io = merge_block_io(out->block_io, update->block_io, arena);
	if (update->network)
		out->network = update->network;
	if (update->has_devices) {
		out->devices = update->devices;
		out->ndevices = update->ndevices;
		out->has_devices = true;
	}
	TAKE(out, update, pids_limit);
	out->hugepage_limits = merge_list(out->hugepage_limits, &out->nhugepage_limits,
					  update->hugepage_limits, update->nhugepage_limits,
					  sizeof(*out->hugepage_limits), same_page_size, arena);
	out->rdma = merge_list(out->rdma, &out->nrdma, update->rdma, update->nrdma,
			       sizeof(*out->rdma), same_rdma, arena);
	out->unified = merge_list(out->unified, &out->nunified, update->unified, update->nunified,
				  sizeof(*out->unified), same_key, arena);
	return out;
}

/* ---- complete */

static const struct ctr_memory *complete_memory(const struct ctr_memory *update,
						const struct ctr_memory *merged,
						struct ctr_arena *arena)
{
	struct ctr_memory *out = copy_of(update, sizeof(*out), arena);

	if (SAYS(out, swap) || SAYS(out, limit)) {
		TAKE(out, merged, swap);
		TAKE(out, merged, limit);
	}
	TAKE(out, merged, check_before_update);
	return out;
}

static const struct ctr_cpu *complete_cpu(const struct ctr_cpu *update,
					  const struct ctr_cpu *merged, struct ctr_arena *arena)
{
	struct ctr_cpu *out = copy_of(update, sizeof(*out), arena);

	if (SAYS(out, quota) || SAYS(out, period)) {
		TAKE(out, merged, quota);
		TAKE(out, merged, period);
		TAKE(out, merged, burst);
	}
	/* An idle group has no weight, and forgets the one it had. */
	if (out->has_idle || SAYS(out, shares)) {
		TAKE(out, merged, idle);
		TAKE(out, merged, shares);
	}
	return out;
}

struct ctr_resources *ctr_resources_complete(const struct ctr_resources *update,
					     const struct ctr_resources *merged,
					     struct ctr_arena *arena)
{
	struct ctr_resources *out = copy_of(update, sizeof(*out), arena);

	if (out->memory)
		out->memory = complete_memory(out->memory, merged->memory, arena);
	if (out->cpu)
		out->cpu = complete_cpu(out->cpu, merged->cpu, arena);
	return out;
}

/* ---- encode */

/* Members that are there. */
#define PUT(json, object, field, name, kind)                                                       \
	do {                                                                                       \
		if ((object)->has_##field)                                                         \
			ctr_json_##kind(json, name, (object)->field);                              \
	} while (0)

static void encode_devices(struct ctr_json *json, const struct ctr_resources *resources)
{
	static const char *const types[] = {
		[CTR_DEVICE_ALL] = "a",
		[CTR_DEVICE_CHAR] = "c",
		[CTR_DEVICE_BLOCK] = "b",
	};

	if (!resources->has_devices)
		return;

	ctr_json_array(json, "devices");
	for (size_t i = 0; i < resources->ndevices; i++) {
		const struct ctr_device_rule *rule = &resources->devices[i];
		char access[4];
		size_t n = 0;

		if (rule->access & CTR_ACCESS_READ)
			access[n++] = 'r';
		if (rule->access & CTR_ACCESS_WRITE)
			access[n++] = 'w';
		if (rule->access & CTR_ACCESS_MKNOD)
			access[n++] = 'm';
		access[n] = '\0';
		ctr_json_object(json, NULL);
		ctr_json_bool(json, "allow", rule->allow);
		ctr_json_string(json, "type", types[rule->type]);
		if (rule->major >= 0)
			ctr_json_i64(json, "major", rule->major);
		if (rule->minor >= 0)
			ctr_json_i64(json, "minor", rule->minor);
		ctr_json_string(json, "access", access);
		ctr_json_end_object(json);
	}
	ctr_json_end_array(json);
}

static void encode_memory(struct ctr_json *json, const struct ctr_memory *memory)
{
	ctr_json_object(json, "memory");
	PUT(json, memory, limit, "limit", i64);
	PUT(json, memory, reservation, "reservation", i64);
	PUT(json, memory, swap, "swap", i64);
	PUT(json, memory, kernel, "kernel", i64);
	PUT(json, memory, kernel_tcp, "kernelTCP", i64);
	PUT(json, memory, swappiness, "swappiness", u64);
	PUT(json, memory, disable_oom_killer, "disableOOMKiller", bool);
	PUT(json, memory, use_hierarchy, "useHierarchy", bool);
	PUT(json, memory, check_before_update, "checkBeforeUpdate", bool);
	ctr_json_end_object(json);
}

static void encode_cpu(struct ctr_json *json, const struct ctr_cpu *cpu)
{
	ctr_json_object(json, "cpu");
	PUT(json, cpu, shares, "shares", u64);
	PUT(json, cpu, quota, "quota", i64);
	PUT(json, cpu, burst, "burst", u64);
	PUT(json, cpu, period, "period", u64);
	PUT(json, cpu, realtime_runtime, "realtimeRuntime", i64);
	PUT(json, cpu, realtime_period, "realtimePeriod", u64);
	PUT(json, cpu, idle, "idle", i64);
	if (cpu->cpus)
		ctr_json_string(json, "cpus", cpu->cpus);
	if (cpu->mems)
		ctr_json_string(json, "mems", cpu->mems);
	ctr_json_end_object(json);
}

static void encode_device_number(struct ctr_json *json, int64_t major, int64_t minor)
{
	ctr_json_i64(json, "major", major);
	ctr_json_i64(json, "minor", minor);
}

static void encode_block_io(struct ctr_json *json, const struct ctr_block_io *io)
{
	static const char *const throttles[CTR_THROTTLE_KINDS] = {
		[CTR_THROTTLE_READ_BPS] = "throttleReadBpsDevice",
		[CTR_THROTTLE_WRITE_BPS] = "throttleWriteBpsDevice",
		[CTR_THROTTLE_READ_IOPS] = "throttleReadIOPSDevice",
		[CTR_THROTTLE_WRITE_IOPS] = "throttleWriteIOPSDevice",
	};

	ctr_json_object(json, "blockIO");
	PUT(json, io, weight, "weight", u64);
	PUT(json, io, leaf_weight, "leafWeight", u64);
	if (io->nweight_devices > 0) {
		ctr_json_array(json, "weightDevice");
		for (size_t i = 0; i < io->nweight_devices; i++) {
			const struct ctr_weight_device *device = &io->weight_devices[i];

			ctr_json_object(json, NULL);
			encode_device_number(json, device->major, device->minor);
			PUT(json, device, weight, "weight", u64);
			PUT(json, device, leaf_weight, "leafWeight", u64);
			ctr_json_end_object(json);
		}
		ctr_json_end_array(json);
	}
	for (size_t kind = 0; kind < CTR_THROTTLE_KINDS; kind++) {
		if (io->throttle[kind].count == 0)
			continue;
		ctr_json_array(json, throttles[kind]);
		for (size_t i = 0; i < io->throttle[kind].count; i++) {
			const struct ctr_throttle_device *device = &io->throttle[kind].list[i];

			ctr_json_object(json, NULL);
			encode_device_number(json, device->major, device->minor);
			ctr_json_u64(json, "rate", device->rate);
			ctr_json_end_object(json);
		}
		ctr_json_end_array(json);
	}
	ctr_json_end_object(json);
}

static void encode_network(struct ctr_json *json, const struct ctr_network_class *network)
{
	ctr_json_object(json, "network");
	PUT(json, network, class_id, "classID", u64);
	if (network->npriorities > 0) {
		ctr_json_array(json, "priorities");
		for (size_t i = 0; i < network->npriorities; i++) {
			ctr_json_object(json, NULL);
			ctr_json_string(json, "name", network->priorities[i].name);
			ctr_json_u64(json, "priority", network->priorities[i].priority);
			ctr_json_end_object(json);
		}
		ctr_json_end_array(json);
	}
	ctr_json_end_object(json);
}

static void encode_lists(struct ctr_json *json, const struct ctr_resources *resources)
{
	if (resources->nhugepage_limits > 0) {
		ctr_json_array(json, "hugepageLimits");
		for (size_t i = 0; i < resources->nhugepage_limits; i++) {
			ctr_json_object(json, NULL);
			ctr_json_string(json, "pageSize", resources->hugepage_limits[i].page_size);
			ctr_json_u64(json, "limit", resources->hugepage_limits[i].limit);
			ctr_json_end_object(json);
		}
		ctr_json_end_array(json);
	}
	if (resources->nrdma > 0) {
		ctr_json_object(json, "rdma");
		for (size_t i = 0; i < resources->nrdma; i++) {
			ctr_json_object(json, resources->rdma[i].device);
			PUT(json, &resources->rdma[i], hca_handles, "hcaHandles", u64);
			PUT(json, &resources->rdma[i], hca_objects, "hcaObjects", u64);
			ctr_json_end_object(json);
		}
		ctr_json_end_object(json);
	}
	if (resources->nunified > 0)
		ctr_json_map(json, "unified", resources->unified, resources->nunified);
}

void ctr_resources_encode(struct ctr_json *json, const char *key,
			  const struct ctr_resources *resources)
{
	ctr_json_object(json, key);
	encode_devices(json, resources);
	if (resources->memory)
		encode_memory(json, resources->memory);
	if (resources->cpu)
		encode_cpu(json, resources->cpu);
	if (resources->has_pids_limit) {
		ctr_json_object(json, "pids");
		ctr_json_i64(json, "limit", resources->pids_limit);
		ctr_json_end_object(json);
	}
	if (resources->block_io)
		encode_block_io(json, resources->block_io);
	if (resources->network)
		encode_network(json, resources->network);
	encode_lists(json, resources);
	ctr_json_end_object(json);
}
