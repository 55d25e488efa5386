/* linux.resources.blockIO as files of cgroup v2. */
#include <inttypes.h>

#include "base/arena.h"
#include "cgroup/limits_planner.h"
#include "oci/spec.h"

/* 10..1000 of blkio.weight, 1..10000 of io.weight. */
static uint64_t io_weight(uint64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

static void plan_block_weight(struct limits_planner *planner, uint16_t weight)
{
	static const char origin[] = "linux.resources.blockIO.weight";

	limits_add(planner, "io.bfq.weight", limits_number(planner, weight), origin,
		   CTR_LIMIT_OR_NEXT);
	limits_add(planner, "io.weight", limits_number(planner, io_weight(weight)), origin, 0);
}

static int plan_device_weights(struct limits_planner *planner, const struct ctr_block_io *io)
{
	static const char no_leaves[] = "cgroup v2 has no weight of leaves";

	for (size_t i = 0; i < io->nweight_devices; i++) {
		const struct ctr_weight_device *device = &io->weight_devices[i];
		const char *origin = ctr_arena_printf(
			planner->arena, "linux.resources.blockIO.weightDevice[%zu]", i);
		const char *format = "%" PRId64 ":%" PRId64 " %" PRIu64;

		if (device->has_leaf_weight && device->leaf_weight != 0)
			return limits_refuse(planner, origin, no_leaves);
		if (!device->has_weight || device->weight == 0)
			continue;

		limits_add(planner, "io.bfq.weight",
			   ctr_arena_printf(planner->arena, format, device->major, device->minor,
					    (uint64_t)device->weight),
			   origin, CTR_LIMIT_OR_NEXT);
		limits_add(planner, "io.weight",
			   ctr_arena_printf(planner->arena, format, device->major, device->minor,
					    io_weight(device->weight)),
			   origin, 0);
	}
	return 0;
}

static void plan_throttles(struct limits_planner *planner, const struct ctr_block_io *io)
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
			const char *rate =
				device->rate ? limits_number(planner, device->rate) : "max";

			limits_add(planner, "io.max",
				   ctr_arena_printf(planner->arena, "%" PRId64 ":%" PRId64 " %s=%s",
						    device->major, device->minor, kinds[kind].key,
						    rate),
				   ctr_arena_printf(planner->arena,
						    "linux.resources.blockIO.%s[%zu]",
						    kinds[kind].field, i),
				   device->rate ? 0 : CTR_LIMIT_DEFAULT);
		}
	}
}

int limits_plan_io(struct limits_planner *planner, const struct ctr_block_io *io)
{
	if (io->has_leaf_weight && io->leaf_weight != 0)
		return limits_refuse(planner, "linux.resources.blockIO.leafWeight",
				     "cgroup v2 has no weight of leaves");
	if (io->has_weight && io->weight != 0)
		plan_block_weight(planner, io->weight);
	if (plan_device_weights(planner, io) < 0)
		return -1;

	plan_throttles(planner, io);
	return 0;
}
