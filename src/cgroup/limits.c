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
#include "cgroup/limits_planner.h"
#include "oci/spec.h"

/* ---- the list */

void limits_add(struct limits_planner *planner, const char *file, const char *value,
		const char *origin, uint32_t flags)
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

void limits_warn(struct limits_planner *planner, const char *text)
{
	planner->warnings = ctr_arena_grow(planner->arena, planner->warnings,
					   planner->nwarnings * sizeof(*planner->warnings),
					   (planner->nwarnings + 1) * sizeof(*planner->warnings));
	planner->warnings[planner->nwarnings++] = text;
}

const char *limits_number(struct limits_planner *planner, uint64_t value)
{
	return ctr_arena_printf(planner->arena, "%" PRIu64, value);
}

int limits_refuse(struct limits_planner *planner, const char *origin, const char *why)
{
	return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0, "%s: %s", origin, why);
}

int limits_refuse_any(struct limits_planner *planner, const struct limits_refusal *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].asked)
			return limits_refuse(planner, rows[i].origin, rows[i].why);

	return 0;
}

int limits_check_amount(struct limits_planner *planner, int64_t amount, const char *origin)
{
	if (amount >= -1)
		return 0;
	return ctr_fail(planner->err, CTR_FAULT_CONFIG, 0,
			"%s: %" PRId64 " is neither an amount nor -1 (unlimited)", origin, amount);
}

int limits_add_amount(struct limits_planner *planner, const char *file, int64_t amount,
		      const char *origin, uint32_t when_max)
{
	if (limits_check_amount(planner, amount, origin) < 0)
		return -1;
	if (amount == -1 || (uint64_t)amount >= LIMITS_PAGE_COUNTER_MAX)
		limits_add(planner, file, "max", origin, when_max);
	else
		limits_add(planner, file, limits_number(planner, (uint64_t)amount), origin, 0);
	return 0;
}

/* ---- pids */

/* 0 is a limit, but systemd has no TasksMax=0: 1 with every manager, as the first process is there
 * anyway. */
static int plan_pids(struct limits_planner *planner, int64_t limit)
{
	return limits_add_amount(planner, "pids.max", limit == 0 ? 1 : limit,
				 "linux.resources.pids.limit", CTR_LIMIT_DEFAULT);
}

/* ---- huge pages, network, rdma */

static void plan_huge_pages(struct limits_planner *planner, const struct ctr_resources *resources)
{
	for (size_t i = 0; i < resources->nhugepage_limits; i++) {
		const struct ctr_hugepage_limit *limit = &resources->hugepage_limits[i];
		bool unlimited = limit->limit >= LIMITS_PAGE_COUNTER_MAX;
		const char *value = unlimited ? "max" : limits_number(planner, limit->limit);
		const char *origin =
			ctr_arena_printf(planner->arena, "linux.resources.hugepageLimits[%zu]", i);
		uint32_t flags = unlimited ? CTR_LIMIT_DEFAULT : 0;

		limits_add(planner,
			   ctr_arena_printf(planner->arena, "hugetlb.%s.max", limit->page_size),
			   value, origin, flags);
		/* Of pages that are reserved but not used yet; since Linux 5.7. */
		limits_add(
			planner,
			ctr_arena_printf(planner->arena, "hugetlb.%s.rsvd.max", limit->page_size),
			value, origin, flags | CTR_LIMIT_MAY_LACK);
	}
}

static int plan_network(struct limits_planner *planner, const struct ctr_network_class *network)
{
	static const char why[] = "cgroup v2 has no controller for it (a BPF program or "
				  "nftables' 'socket cgroupv2' does that)";
	const struct limits_refusal refusals[] = {
		{"linux.resources.network.classID",
                 network->has_class_id && network->class_id != 0,                 why},
		{ "linux.resources.network.priorities", network->npriorities > 0, why},
	};

	return limits_refuse_any(planner, refusals, CTR_ARRAY_SIZE(refusals));
}

static int plan_rdma(struct limits_planner *planner, const struct ctr_rdma *rdma)
{
	const char *origin =
		ctr_arena_printf(planner->arena, "linux.resources.rdma.%s", rdma->device);
	char handles[40] = "", objects[40] = "";

	/* A blank would end the name and begin a limit. */
	if (*rdma->device == '\0' || strpbrk(rdma->device, " \t\r\n"))
		return limits_refuse(planner, origin, "is not the name of a device");

	if (rdma->has_hca_handles)
		(void)snprintf(handles, sizeof(handles), " hca_handle=%u", rdma->hca_handles);
	if (rdma->has_hca_objects)
		(void)snprintf(objects, sizeof(objects), " hca_object=%u", rdma->hca_objects);
	limits_add(planner, "rdma.max",
		   ctr_arena_printf(planner->arena, "%s%s%s", rdma->device, handles, objects),
		   origin, 0);
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
static int plan_unified(struct limits_planner *planner, const struct ctr_string_pair *pair)
{
	const char *origin =
		ctr_arena_printf(planner->arena, "linux.resources.unified[\"%s\"]", pair->key);
	const char *line = pair->value;
	bool any = false;

	if (is_an_action(pair->key))
		return limits_refuse(planner, origin, "is no limit of the container");

	while (*line != '\0') {
		size_t len = strcspn(line, "\n");

		if (len > 0)
			limits_add(planner, pair->key, ctr_arena_strndup(planner->arena, line, len),
				   origin, 0);
		any |= len > 0;
		line += len;
		line += *line == '\n';
	}
	return any ? 0 : limits_refuse(planner, origin, "there is nothing to write");
}

/* ---- all */

static int plan(struct limits_planner *planner, const struct ctr_resources *resources)
{
	if (resources->cpu && limits_plan_cpu(planner, resources->cpu) < 0)
		return -1;
	if (resources->memory && limits_plan_memory(planner, resources->memory) < 0)
		return -1;
	if (resources->has_pids_limit && plan_pids(planner, resources->pids_limit) < 0)
		return -1;
	if (resources->block_io && limits_plan_io(planner, resources->block_io) < 0)
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
	struct limits_planner planner = { .arena = arena, .err = err };
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
