/* Namespaces and what they hold: names, sysctls, time offsets, the loopback interface. */
#include <inttypes.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "ns/planner.h"

/*
 * Without a mount namespace of its own, mounts and device nodes would be those of others and stay
 * behind. Such a container is a directory to change root to, or "/" itself, as it is.
 */
static int check_in_place(struct ctr_planner *p)
{
	size_t next = 0;
	const char *field = ctr_spec_unplaced(p->spec, &next);

	return field ? ctr_fail(p->err, CTR_FAULT_CONFIG, 0, "%s: " CTR_UNPLACED, field) : 0;
}

/* ctr-init is root of the container until it switches to the user. */
static int check_root_mapped(struct ctr_planner *p)
{
	if (!ctr_planner_maps_uid(p, 0))
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"linux.uidMappings: container id 0 is not mapped");
	if (!ctr_planner_maps_gid(p, 0))
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"linux.gidMappings: container id 0 is not mapped");
	return 0;
}

int ctr_plan_check_namespaces(struct ctr_planner *p)
{
	if (p->spec->linux_->nnet_devices > 0 && !p->host->privileged)
		return ctr_fail(p->err, CTR_FAULT_CONFIG, 0,
				"linux.netDevices: moving network interfaces needs privileges");
	if (check_in_place(p) < 0)
		return -1;

	return check_root_mapped(p);
}

/* timens_offsets takes a line a clock, all in one write before the first process is inside. */
static const char *time_offsets(struct ctr_planner *p)
{
	const struct ctr_linux *config = p->spec->linux_;
	const struct {
		const char *clock;
		const struct ctr_time_offset *offset;
	} clocks[] = {
		{"monotonic", &config->time_monotonic},
		{ "boottime", &config->time_boottime },
	};
	const char *text = "";

	for (size_t i = 0; i < CTR_ARRAY_SIZE(clocks); i++) {
		if (clocks[i].offset->listed)
			text = ctr_arena_printf(p->arena, "%s%s %" PRId64 " %" PRIu32 "\n", text,
						clocks[i].clock, clocks[i].offset->secs,
						clocks[i].offset->nanosecs);
	}

	return text;
}

void ctr_plan_request_time(struct ctr_planner *p, const char *path, const char *origin)
{
	*ctr_planner_request(p) = (struct ctr_fd_request){
		.kind = CTR_FD_NAMESPACE,
		.path = path,
		.origin = origin,
	};
}

void ctr_plan_join_time(struct ctr_planner *p, const char *origin)
{
	int16_t slot;
	struct ctr_op *op;

	ctr_plan_origin(p->plan, "%s", origin);
	slot = ctr_planner_slot(p);
	op = ctr_planner_add(p, CTR_OP_SETNS, NULL);
	op->fd = slot;
	op->arg = ctr_ns_flag(CTR_NS_TIME);
}

static void unshare_rest(struct ctr_planner *p)
{
	uint64_t flags = p->actions->shape.unshare_flags;

	if (flags == 0)
		return;

	ctr_plan_origin(p->plan, "linux.namespaces");
	ctr_plan_add(p->plan, CTR_OP_UNSHARE)->arg = flags;

	/* Without offsets, too: unshare(2) is for children, this enters. */
	if (flags & ctr_ns_flag(CTR_NS_TIME)) {
		ctr_plan_origin(p->plan, "linux.timeOffsets");
		(void)ctr_planner_add(p, CTR_OP_TIME_OFFSETS, time_offsets(p));
	}
}

static const char *time_origin(const struct ctr_planner *p)
{
	return ctr_arena_printf(p->arena, "linux.namespaces[%u].path",
				p->actions->shape.time.index);
}

/* Descriptors are asked for in the order of use, so all requests are made before the first one is.
 */
static void request_descriptors(struct ctr_planner *p)
{
	if (p->actions->shape.plan_joins_time)
		ctr_plan_request_time(p, p->actions->shape.time.path, time_origin(p));
	ctr_plan_request_rootfs(p);
	ctr_plan_request_mounts(p);
}

void ctr_plan_made(struct ctr_planner *p)
{
	if (!p->options->made_flags)
		return;

	ctr_plan_origin(p->plan, "%s", "");
	ctr_plan_add(p->plan, CTR_OP_JOIN_MAKER)->arg = p->options->made_flags;
}

void ctr_plan_loopback(struct ctr_planner *p)
{
	const struct ctr_namespace *network = &p->spec->linux_->namespaces[CTR_NS_NETWORK];

	if (!network->listed || network->path)
		return;

	/* A caller that may not open sockets has its reasons (crun #1828). */
	ctr_plan_origin(p->plan, "linux.namespaces[%u]", network->index);
	ctr_plan_add(p->plan, CTR_OP_LOOPBACK)->flags = CTR_OPF_OPTIONAL;
}

void ctr_plan_namespaces(struct ctr_planner *p)
{
	request_descriptors(p);

	(void)ctr_plan_add(p->plan, CTR_OP_SESSION);
	(void)ctr_plan_add(p->plan, CTR_OP_OPEN_PROC);
	if (p->actions->shape.plan_joins_time)
		ctr_plan_join_time(p, time_origin(p));
	unshare_rest(p);
	if (!p->options->made_flags)
		ctr_plan_loopback(p);
}

void ctr_plan_names(struct ctr_planner *p)
{
	if (p->spec->hostname) {
		ctr_plan_origin(p->plan, "hostname");
		(void)ctr_planner_add(p, CTR_OP_HOSTNAME, p->spec->hostname);
	}
	if (p->spec->domainname) {
		ctr_plan_origin(p->plan, "domainname");
		(void)ctr_planner_add(p, CTR_OP_DOMAINNAME, p->spec->domainname);
	}
}

void ctr_plan_sysctl(struct ctr_planner *p)
{
	const struct ctr_linux *config = p->spec->linux_;

	ctr_plan_origin(p->plan, "linux.sysctl");
	for (size_t i = 0; i < config->nsysctl; i++) {
		struct ctr_op *op = ctr_planner_add(p, CTR_OP_SYSCTL, config->sysctl[i].key);

		op->str2 = ctr_plan_str(p->plan, config->sysctl[i].value);
	}
}
