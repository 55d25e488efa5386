/* linux.resources.cpu as files of cgroup v2. */
#include <inttypes.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "cgroup/limits_planner.h"
#include "oci/spec.h"

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

static int plan_weight(struct limits_planner *planner, const struct ctr_cpu *cpu)
{
	static const char shares[] = "linux.resources.cpu.shares";
	static const char idle[] = "linux.resources.cpu.idle";
	uint64_t weight = cpu->has_shares ? ctr_cpu_weight(cpu->shares) : 0;

	if (cpu->has_idle)
		limits_add(planner, "cpu.idle", cpu->idle ? "1" : "0", idle,
			   cpu->idle ? 0 : CTR_LIMIT_DEFAULT);
	if (weight == 0)
		return 0;
	if (cpu->has_idle && cpu->idle == 1) {
		limits_warn(planner, "linux.resources.cpu.shares: without effect beside cpu.idle");
		return 0;
	}

	limits_add(planner, "cpu.weight", limits_number(planner, weight), shares,
		   weight == 100 ? CTR_LIMIT_DEFAULT : 0);
	return 0;
}

static int plan_bandwidth(struct limits_planner *planner, const struct ctr_cpu *cpu)
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
		limits_add(planner, "cpu.max.burst", limits_number(planner, cpu->burst),
			   "linux.resources.cpu.burst", cpu->burst ? 0 : CTR_LIMIT_DEFAULT);
	if (quota == 0 && period == 0)
		return 0;

	if (period == 0)
		period = 100000;
	value = quota > 0 ? ctr_arena_printf(planner->arena, "%" PRId64 " %" PRIu64, quota, period)
			  : ctr_arena_printf(planner->arena, "max %" PRIu64, period);
	limits_add(planner, "cpu.max", value, quota != 0 ? quota_origin : period_origin,
		   quota > 0 ? 0 : CTR_LIMIT_DEFAULT);
	return 0;
}

int limits_plan_cpu(struct limits_planner *planner, const struct ctr_cpu *cpu)
{
	static const char realtime[] = "cgroup v2 has no real-time bandwidth of a cgroup";
	const struct limits_refusal refusals[] = {
		{"linux.resources.cpu.realtimeRuntime",
                 cpu->has_realtime_runtime && cpu->realtime_runtime != 0, realtime},
		{ "linux.resources.cpu.realtimePeriod",
                 cpu->has_realtime_period && cpu->realtime_period != 0,   realtime},
	};

	if (limits_refuse_any(planner, refusals, CTR_ARRAY_SIZE(refusals)) < 0)
		return -1;

	if (cpu->cpus && *cpu->cpus)
		limits_add(planner, "cpuset.cpus", cpu->cpus, "linux.resources.cpu.cpus", 0);
	if (cpu->mems && *cpu->mems)
		limits_add(planner, "cpuset.mems", cpu->mems, "linux.resources.cpu.mems", 0);
	if (plan_weight(planner, cpu) < 0)
		return -1;
	return plan_bandwidth(planner, cpu);
}
