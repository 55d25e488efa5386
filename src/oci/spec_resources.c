/* Tables of linux.resources (config-linux.md#control-groups), also a document of its own: `ctr
 * update`. */
#include <string.h>

#include "oci/decode.h"

/* ---- device rules */

static const struct ctr_name rule_type_names[] = {
	{"a",   CTR_DEVICE_ALL  },
	{ "c",  CTR_DEVICE_CHAR },
	{ "b",  CTR_DEVICE_BLOCK},
	{ NULL, 0               },
};

static int rule_access(struct ctr_decode *decode, void *object, void *member, const char *text,
		       size_t len)
{
	uint32_t access = 0;
	size_t i;

	(void)object;
	for (i = 0; i < len; i++)
		access |= text[i] == 'r'   ? CTR_ACCESS_READ
			  : text[i] == 'w' ? CTR_ACCESS_WRITE
			  : text[i] == 'm' ? CTR_ACCESS_MKNOD
					   : UINT32_C(1) << 31;
	if (len == 0 || access >> 31)
		return ctr_decode_fault(decode, "%s is not made of 'r', 'w' and 'm'",
					ctr_decode_quote(decode, text, len));
	*(uint32_t *)member = access;
	return 0;
}

static const struct ctr_field rule_fields[] = {
	F_BOOL(struct ctr_device_rule, allow, "allow", CTR_REQUIRED),
	F_ENUM(struct ctr_device_rule, type, "type", 0, rule_type_names),
	F_I64_IN(struct ctr_device_rule, major, "major", 0, -1, UINT32_MAX),
	F_I64_IN(struct ctr_device_rule, minor, "minor", 0, -1, UINT32_MAX),
	F_TEXT(struct ctr_device_rule, access, uint32_t, "access", 0, rule_access),
};

static void rule_init(void *object)
{
	struct ctr_device_rule *rule = object;

	rule->major = -1;
	rule->minor = -1;
	rule->access = CTR_ACCESS_MKNOD | CTR_ACCESS_READ | CTR_ACCESS_WRITE;
}

static int rule_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_device_rule *rule = object;

	/* Is it meant for all devices or for one? Better not guess what somebody may access. */
	if (rule->type == CTR_DEVICE_ALL && (rule->major >= 0 || rule->minor >= 0))
		return ctr_decode_fault_in(decode, "type",
					   "'b' or 'c' is needed beside a device number");
	return 0;
}

static const struct ctr_type type_rule = {
	CTR_TYPE(struct ctr_device_rule, rule_fields),
	.init = rule_init,
	.done = rule_done,
};

/* ---- memory, cpu, pids */

static const struct ctr_field memory_fields[] = {
	F_I64_OPT(struct ctr_memory, limit, "limit"),
	F_I64_OPT(struct ctr_memory, reservation, "reservation"),
	F_I64_OPT(struct ctr_memory, swap, "swap"),
	F_I64_OPT(struct ctr_memory, kernel, "kernel"),
	F_I64_OPT(struct ctr_memory, kernel_tcp, "kernelTCP"),
	F_U64_OPT_IN(struct ctr_memory, swappiness, "swappiness", 0, 100),
	F_BOOL_OPT(struct ctr_memory, disable_oom_killer, "disableOOMKiller"),
	F_BOOL_OPT(struct ctr_memory, use_hierarchy, "useHierarchy"),
	F_BOOL_OPT(struct ctr_memory, check_before_update, "checkBeforeUpdate"),
};

static const struct ctr_type type_memory = { CTR_TYPE(struct ctr_memory, memory_fields) };

static const struct ctr_field cpu_fields[] = {
	F_U64_OPT(struct ctr_cpu, shares, "shares"),
	F_I64_OPT(struct ctr_cpu, quota, "quota"),
	F_U64_OPT(struct ctr_cpu, burst, "burst"),
	F_U64_OPT(struct ctr_cpu, period, "period"),
	F_I64_OPT(struct ctr_cpu, realtime_runtime, "realtimeRuntime"),
	F_U64_OPT(struct ctr_cpu, realtime_period, "realtimePeriod"),
	F_TEXT(struct ctr_cpu, cpus, const char *, "cpus", 0, ctr_text_list),
	F_TEXT(struct ctr_cpu, mems, const char *, "mems", 0, ctr_text_list),
	F_I64_OPT(struct ctr_cpu, idle, "idle"),
};

static const struct ctr_type type_cpu = { CTR_TYPE(struct ctr_cpu, cpu_fields) };

static const struct ctr_field pids_fields[] = {
	{CTR_ROW("limit", CTR_F_I64, 0),
         .offset = CTR_OFFSET(struct ctr_resources, pids_limit, int64_t),
         .has = CTR_HAS(struct ctr_resources, has_pids_limit)},
};

static const struct ctr_type type_pids = { CTR_TYPE(struct ctr_resources, pids_fields) };

/* ---- block I/O */

static const struct ctr_field weight_device_fields[] = {
	F_I64_IN(struct ctr_weight_device, major, "major", CTR_REQUIRED, 0, UINT32_MAX),
	F_I64_IN(struct ctr_weight_device, minor, "minor", CTR_REQUIRED, 0, UINT32_MAX),
	F_U16_OPT(struct ctr_weight_device, weight, "weight"),
	F_U16_OPT(struct ctr_weight_device, leaf_weight, "leafWeight"),
};

static const struct ctr_type type_weight_device = {
	CTR_TYPE(struct ctr_weight_device, weight_device_fields),
};

static const struct ctr_field throttle_device_fields[] = {
	F_I64_IN(struct ctr_throttle_device, major, "major", CTR_REQUIRED, 0, UINT32_MAX),
	F_I64_IN(struct ctr_throttle_device, minor, "minor", CTR_REQUIRED, 0, UINT32_MAX),
	F_U64(struct ctr_throttle_device, rate, "rate", 0),
};

static const struct ctr_type type_throttle_device = {
	CTR_TYPE(struct ctr_throttle_device, throttle_device_fields),
};

#define F_THROTTLE(kind, name)                                                                     \
	F_OBJECTS(struct ctr_block_io, throttle[kind].list, throttle[kind].count,                  \
		  struct ctr_throttle_device, name, 0, &type_throttle_device)

static const struct ctr_field block_io_fields[] = {
	F_U16_OPT(struct ctr_block_io, weight, "weight"),
	F_U16_OPT(struct ctr_block_io, leaf_weight, "leafWeight"),
	F_OBJECTS(struct ctr_block_io, weight_devices, nweight_devices, struct ctr_weight_device,
		  "weightDevice", 0, &type_weight_device),
	F_THROTTLE(CTR_THROTTLE_READ_BPS, "throttleReadBpsDevice"),
	F_THROTTLE(CTR_THROTTLE_WRITE_BPS, "throttleWriteBpsDevice"),
	F_THROTTLE(CTR_THROTTLE_READ_IOPS, "throttleReadIOPSDevice"),
	F_THROTTLE(CTR_THROTTLE_WRITE_IOPS, "throttleWriteIOPSDevice"),
};

static const struct ctr_type type_block_io = { CTR_TYPE(struct ctr_block_io, block_io_fields) };

/* ---- huge pages, network, rdma */

/* The size becomes part of a file name: "2MB" in hugetlb.2MB.max. */
static int page_size(struct ctr_decode *decode, void *object, void *member, const char *text,
		     size_t len)
{
	size_t digits = 0;

	while (digits < len && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	if (digits == 0 || digits > 12 || text[0] == '0' || len != digits + 2 ||
	    !memchr("KMG", text[digits], 3) || text[digits + 1] != 'B')
		return ctr_decode_fault(decode, "%s is not a size like '2MB'",
					ctr_decode_quote(decode, text, len));
	return ctr_text_word(decode, object, member, text, len);
}

static const struct ctr_field hugepage_fields[] = {
	F_TEXT(struct ctr_hugepage_limit, page_size, const char *, "pageSize", CTR_REQUIRED,
	       page_size),
	F_U64(struct ctr_hugepage_limit, limit, "limit", CTR_REQUIRED),
};

static const struct ctr_type type_hugepage = { CTR_TYPE(struct ctr_hugepage_limit,
							hugepage_fields) };

static const struct ctr_field priority_fields[] = {
	F_STRING(struct ctr_interface_priority, name, "name", CTR_REQUIRED),
	F_U32(struct ctr_interface_priority, priority, "priority", CTR_REQUIRED),
};

static const struct ctr_type type_priority = {
	CTR_TYPE(struct ctr_interface_priority, priority_fields),
};

static const struct ctr_field network_fields[] = {
	F_U32_OPT(struct ctr_network_class, class_id, "classID"),
	F_OBJECTS(struct ctr_network_class, priorities, npriorities, struct ctr_interface_priority,
		  "priorities", 0, &type_priority),
};

static const struct ctr_type type_network = { CTR_TYPE(struct ctr_network_class, network_fields) };

static const struct ctr_field rdma_fields[] = {
	F_U32_OPT(struct ctr_rdma, hca_handles, "hcaHandles"),
	F_U32_OPT(struct ctr_rdma, hca_objects, "hcaObjects"),
};

static int rdma_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_rdma *rdma = object;

	if (!rdma->has_hca_handles && !rdma->has_hca_objects)
		return ctr_decode_fault_in(decode, NULL, "needs hcaHandles or hcaObjects");
	return 0;
}

static const struct ctr_type type_rdma = {
	CTR_TYPE(struct ctr_rdma, rdma_fields),
	.done = rdma_done,
};

/* ---- all of it */

/* A key is the name of a file in the cgroup: CONTROLLER.PARAMETER. */
static int unified_key(struct ctr_decode *decode, void *object, void *member, const char *text,
		       size_t len)
{
	const struct ctr_string_pair *pair = member;
	const char *dot = strchr(pair->key, '.');

	(void)object;
	(void)text;
	(void)len;
	if (!dot || dot == pair->key || !dot[1] || strpbrk(pair->key, "/ \t\r\n"))
		return ctr_decode_fault(decode, "%s is not of the form CONTROLLER.PARAMETER",
					ctr_decode_quotes(decode, pair->key));
	return 0;
}

static const struct ctr_field resources_fields[] = {
	F_OBJECTS(struct ctr_resources, devices, ndevices, struct ctr_device_rule, "devices", 0,
		  &type_rule),
	F_POINTER(struct ctr_resources, memory, struct ctr_memory, "memory", 0, &type_memory),
	F_POINTER(struct ctr_resources, cpu, struct ctr_cpu, "cpu", 0, &type_cpu),
	F_GROUP("pids", 0, &type_pids),
	F_POINTER(struct ctr_resources, block_io, struct ctr_block_io, "blockIO", 0,
		  &type_block_io),
	F_OBJECTS(struct ctr_resources, hugepage_limits, nhugepage_limits,
		  struct ctr_hugepage_limit, "hugepageLimits", 0, &type_hugepage),
	F_POINTER(struct ctr_resources, network, struct ctr_network_class, "network", 0,
		  &type_network),
	F_MAP_OBJECTS(struct ctr_resources, rdma, nrdma, struct ctr_rdma, device, "rdma",
		      &type_rdma),
	F_PAIRS(struct ctr_resources, unified, nunified, "unified", unified_key),
};

static int resources_done(struct ctr_decode *decode, void *object)
{
	struct ctr_resources *resources = object;

	resources->has_devices = ctr_decode_present(decode, "devices");
	return 0;
}

const struct ctr_type ctr_type_resources = {
	CTR_TYPE(struct ctr_resources, resources_fields),
	.done = resources_done,
};
