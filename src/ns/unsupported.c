/*
 * What ctr decodes and validates but does not carry out yet: a clear error, never silence. A row
 * goes away with the work that carries it out. Values that mean "no limit" are none.
 */
#include <limits.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "ns/planner.h"

struct row {
	const char *field;
	bool asked;
};

/* What cpu.shares is without being set. */
static const uint64_t default_shares = 1024;

static const struct ctr_memory no_memory = { 0 };
static const struct ctr_cpu no_cpu = { 0 };
static const struct ctr_block_io no_block_io = { 0 };
static const struct ctr_network_class no_network = { 0 };
static const struct ctr_resources no_resources = { 0 };

static int check_rows(const struct row *rows, size_t n, struct ctr_error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].asked)
			return ctr_fail(err, CTR_FAULT_CONFIG, 0, "%s: ctr cannot do this yet",
					rows[i].field);
	}

	return 0;
}

static int check_memory(const struct ctr_resources *resources, struct ctr_error *err)
{
	const struct ctr_memory *m = resources->memory ? resources->memory : &no_memory;
	const struct row rows[] = {
		{"linux.resources.memory.limit",             m->has_limit && m->limit > 0            },
		{ "linux.resources.memory.reservation",      m->has_reservation && m->reservation > 0},
		{ "linux.resources.memory.swap",             m->has_swap && m->swap > 0              },
		{ "linux.resources.memory.swappiness",       m->has_swappiness                       },
		{ "linux.resources.memory.disableOOMKiller", m->disable_oom_killer                   },
	};

	return check_rows(rows, CTR_ARRAY_SIZE(rows), err);
}

static int check_cpu(const struct ctr_resources *resources, struct ctr_error *err)
{
	const struct ctr_cpu *c = resources->cpu ? resources->cpu : &no_cpu;
	const struct row rows[] = {
		{"linux.resources.cpu.shares",
                 c->has_shares && c->shares != 0 && c->shares != default_shares      },
		{ "linux.resources.cpu.quota",           c->has_quota && c->quota > 0},
		{ "linux.resources.cpu.burst",           c->has_burst && c->burst > 0},
		{ "linux.resources.cpu.realtimeRuntime",
                 c->has_realtime_runtime && c->realtime_runtime != 0                 },
		{ "linux.resources.cpu.realtimePeriod",
                 c->has_realtime_period && c->realtime_period != 0                   },
		{ "linux.resources.cpu.idle",            c->has_idle && c->idle != 0 },
		{ "linux.resources.cpu.cpus",            c->cpus && *c->cpus         },
		{ "linux.resources.cpu.mems",            c->mems && *c->mems         },
	};

	return check_rows(rows, CTR_ARRAY_SIZE(rows), err);
}

static bool is_weighted(const struct ctr_block_io *io)
{
	return (io->has_weight && io->weight != 0) || (io->has_leaf_weight && io->leaf_weight != 0);
}

static bool limits_huge_pages(const struct ctr_resources *resources)
{
	for (size_t i = 0; i < resources->nhugepage_limits; i++) {
		/* Engines write the largest signed number for "none". */
		if (resources->hugepage_limits[i].limit < INT64_MAX)
			return true;
	}

	return false;
}

static int check_resources(const struct ctr_spec *spec, struct ctr_error *err)
{
	const struct ctr_resources *r =
		spec->linux_->resources ? spec->linux_->resources : &no_resources;
	const struct ctr_block_io *io = r->block_io ? r->block_io : &no_block_io;
	const struct ctr_network_class *n = r->network ? r->network : &no_network;
	const struct row rows[] = {
		{"linux.resources.pids.limit",                       r->has_pids_limit && r->pids_limit >= 0   },
		{ "linux.resources.blockIO",                         is_weighted(io) || io->nweight_devices > 0},
		{ "linux.resources.blockIO.throttleReadBpsDevice",
                 io->throttle[CTR_THROTTLE_READ_BPS].count > 0                                                 },
		{ "linux.resources.blockIO.throttleWriteBpsDevice",
                 io->throttle[CTR_THROTTLE_WRITE_BPS].count > 0                                                },
		{ "linux.resources.blockIO.throttleReadIOPSDevice",
                 io->throttle[CTR_THROTTLE_READ_IOPS].count > 0                                                },
		{ "linux.resources.blockIO.throttleWriteIOPSDevice",
                 io->throttle[CTR_THROTTLE_WRITE_IOPS].count > 0                                               },
		{ "linux.resources.hugepageLimits",                  limits_huge_pages(r)                      },
		{ "linux.resources.network.classID",                 n->has_class_id && n->class_id != 0       },
		{ "linux.resources.network.priorities",              n->npriorities > 0                        },
		{ "linux.resources.rdma",                            r->nrdma > 0                              },
		{ "linux.resources.unified",                         r->nunified > 0                           },
	};

	if (check_memory(r, err) < 0 || check_cpu(r, err) < 0)
		return -1;
	return check_rows(rows, CTR_ARRAY_SIZE(rows), err);
}

int ctr_plan_check_supported(const struct ctr_spec *spec, struct ctr_error *err)
{
	const struct row rows[] = {
		{"linux.netDevices", spec->linux_->nnet_devices > 0 },
		{ "linux.intelRdt",  spec->linux_->intel_rdt != NULL},
	};

	if (check_rows(rows, CTR_ARRAY_SIZE(rows), err) < 0)
		return -1;
	return check_resources(spec, err);
}
