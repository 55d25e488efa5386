/* Tables of the linux section (config-linux.md), without resources and seccomp. */
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>

#include "oci/decode.h"
#include "oci/words.h"

/* ---- namespaces */

const struct ctr_name ctr_namespace_names[] = {
	{"pid",      CTR_NS_PID    },
        { "network", CTR_NS_NETWORK},
        { "mount",   CTR_NS_MOUNT  },
	{ "ipc",     CTR_NS_IPC    },
        { "uts",     CTR_NS_UTS    },
        { "user",    CTR_NS_USER   },
	{ "cgroup",  CTR_NS_CGROUP },
        { "time",    CTR_NS_TIME   },
        { NULL,      0             },
};

struct namespace_item {
	enum ctr_ns_kind kind;
	const char *path;
};

/* Go writes `"path": ""` for no path. */
static int namespace_path(struct ctr_decode *decode, void *object, void *member, const char *text,
			  size_t len)
{
	return len == 0 ? 0 : ctr_text_absolute(decode, object, member, text, len);
}

static const struct ctr_field namespace_fields[] = {
	F_ENUM(struct namespace_item, kind, "type", CTR_REQUIRED, ctr_namespace_names),
	F_TEXT(struct namespace_item, path, const char *, "path", 0, namespace_path),
};

static const struct ctr_type type_namespace = { CTR_TYPE(struct namespace_item, namespace_fields) };

static int add_namespace(struct ctr_decode *decode, void *object, void *member, const char *text,
			 size_t len)
{
	const struct namespace_item *item = member;
	struct ctr_linux *linux_ = object;
	struct ctr_namespace *namespace = &linux_->namespaces[item->kind];
	size_t index = ctr_decode_index(decode);

	(void)text;
	(void)len;
	if (namespace->listed)
		return ctr_decode_fault(decode, "namespace '%s' is listed twice",
					ctr_name_of(ctr_namespace_names, item->kind));
	*namespace = (struct ctr_namespace){ .listed = true,
					     .path = item->path,
					     .index = (uint32_t)index };
	return 0;
}

/* ---- time offsets: keys are clocks */

static const struct ctr_field time_offset_fields[] = {
	F_I64(struct ctr_time_offset, secs, "secs", 0),
	F_U32_IN(struct ctr_time_offset, nanosecs, "nanosecs", 0, 0, 999999999),
};

static const struct ctr_type type_time_offset = {
	CTR_TYPE(struct ctr_time_offset, time_offset_fields),
};

static const struct ctr_field time_offsets_fields[] = {
	F_OBJECT_OPT(struct ctr_linux, time_monotonic, struct ctr_time_offset,
		     time_monotonic.listed, "monotonic", &type_time_offset),
	F_OBJECT_OPT(struct ctr_linux, time_boottime, struct ctr_time_offset, time_boottime.listed,
		     "boottime", &type_time_offset),
};

static const struct ctr_type type_time_offsets = {
	CTR_TYPE(struct ctr_linux, time_offsets_fields),
	.closed = true,
};

/* ---- devices */

static const struct ctr_name device_type_names[] = {
	{"c",   CTR_DEVICE_CHAR },
	{ "u",  CTR_DEVICE_CHAR },
	{ "b",  CTR_DEVICE_BLOCK},
	{ "p",  CTR_DEVICE_FIFO },
	{ NULL, 0               },
};

/* What mknod(2) takes: 12 and 20 bits. */
enum { MAJOR_MAX = (1 << 12) - 1, MINOR_MAX = (1 << 20) - 1 };

static const struct ctr_field device_fields[] = {
	F_ENUM(struct ctr_device, type, "type", CTR_REQUIRED, device_type_names),
	F_TEXT(struct ctr_device, path, const char *, "path", CTR_REQUIRED, ctr_text_clean_path),
	F_I64_IN(struct ctr_device, major, "major", 0, -1, MAJOR_MAX),
	F_I64_IN(struct ctr_device, minor, "minor", 0, -1, MINOR_MAX),
	F_U32(struct ctr_device, file_mode, "fileMode", 0),
	F_ID(struct ctr_device, uid, "uid", 0),
	F_ID(struct ctr_device, gid, "gid", 0),
};

static void device_init(void *object)
{
	struct ctr_device *device = object;

	device->major = -1;
	device->minor = -1;
	device->file_mode = 0666;
}

static int device_done(struct ctr_decode *decode, void *object)
{
	enum { FORMAT = 0170000, PERMISSIONS = 07777 }; /* S_IFMT */
	struct ctr_device *device = object;

	if (device->type != CTR_DEVICE_FIFO && device->major < 0)
		return ctr_decode_fault_in(decode, "major", "is required for a device");
	if (device->type != CTR_DEVICE_FIFO && device->minor < 0)
		return ctr_decode_fault_in(decode, "minor", "is required for a device");
	/* Podman passes st_mode whole, with the file type in it. */
	if (device->file_mode & ~(uint32_t)(FORMAT | PERMISSIONS))
		return ctr_decode_fault_in(decode, "fileMode", "%u is not in 0..%u",
					   device->file_mode, (unsigned)PERMISSIONS);
	device->file_mode &= PERMISSIONS;
	return 0;
}

static const struct ctr_type type_device = {
	CTR_TYPE(struct ctr_device, device_fields),
	.init = device_init,
	.done = device_done,
};

/* ---- network devices: keys are names of interfaces on the host */

static bool is_interface_name(const char *text, size_t len)
{
	enum { NAME_SIZE = 16 }; /* IFNAMSIZ, with its NUL */
	size_t i;

	if (len == 0 || len >= NAME_SIZE ||
	    (text[0] == '.' && (len == 1 || (len == 2 && text[1] == '.'))))
		return false;
	for (i = 0; i < len; i++)
		if (text[i] == '/' || text[i] == ':' || (unsigned char)text[i] <= ' ')
			return false;
	return true;
}

static int interface_name(struct ctr_decode *decode, void *object, void *member, const char *text,
			  size_t len)
{
	if (len > 0 && !is_interface_name(text, len))
		return ctr_decode_fault(decode, "%s is not the name of a network interface",
					ctr_decode_quote(decode, text, len));
	return ctr_text_word(decode, object, member, text, len);
}

static const struct ctr_field net_device_fields[] = {
	F_TEXT(struct ctr_net_device, name, const char *, "name", 0, interface_name),
};

static int net_device_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_net_device *device = object;

	if (!is_interface_name(device->host_name, strlen(device->host_name)))
		return ctr_decode_fault_in(decode, NULL,
					   "%s is not the name of a network interface",
					   ctr_decode_quotes(decode, device->host_name));
	return 0;
}

static const struct ctr_type type_net_device = {
	CTR_TYPE(struct ctr_net_device, net_device_fields),
	.done = net_device_done,
};

/* ---- sysctl */

/*
 * Both notations, as sysctl(8) reads them: the first separator tells which of '.' and '/'
 * separates; the other one belongs to a name ("net/ipv4/conf/eth0.100/forwarding" and
 * "net.ipv4.conf.eth0/100.forwarding" are the same).
 */
static int sysctl_key(struct ctr_decode *decode, void *object, void *member, const char *text,
		      size_t len)
{
	struct ctr_string_pair *pair = member;
	char *key = (char *)pair->key;
	char *p = key + strcspn(key, "./");
	const char *name;

	(void)object;
	(void)text;
	(void)len;
	if (*p == '.')
		for (; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;

	/* It becomes a path below /proc/sys. */
	for (name = key;; name += len + 1) {
		len = strcspn(name, "/");
		if (len == 0 || (len == 1 && name[0] == '.') ||
		    (len == 2 && memcmp(name, "..", 2) == 0))
			return ctr_decode_fault(decode, "is not the name of a sysctl");
		if (!name[len])
			return 0;
	}
}

/* ---- the small ones */

static const struct ctr_name propagation_names[] = {
	{"shared",       MS_SHARED             },
	{ "slave",       MS_SLAVE              },
	{ "private",     MS_PRIVATE            },
	{ "unbindable",  MS_UNBINDABLE         },
	{ "rshared",     MS_SHARED | MS_REC    },
	{ "rslave",      MS_SLAVE | MS_REC     },
	{ "rprivate",    MS_PRIVATE | MS_REC   },
	{ "runbindable", MS_UNBINDABLE | MS_REC},
	{ NULL,          0		     },
};

static const struct ctr_name personality_names[] = {
	{"LINUX",    PER_LINUX  },
	{ "LINUX32", PER_LINUX32},
	{ NULL,      0          },
};

/* The spec has the array, but not a single value for it. */
static int personality_flag(struct ctr_decode *decode, void *object, void *member, const char *text,
			    size_t len)
{
	(void)object;
	(void)member;
	return ctr_decode_fault(decode, "unknown value %s", ctr_decode_quote(decode, text, len));
}

static const struct ctr_field personality_fields[] = {
	F_ENUM(struct ctr_personality, domain, "domain", CTR_REQUIRED, personality_names),
	F_TEXTS(struct ctr_personality, domain, uint32_t, "flags", personality_flag),
};

static const struct ctr_type type_personality = {
	CTR_TYPE(struct ctr_personality, personality_fields),
};

/* <linux/mempolicy.h>, whose newest mode is of Linux 6.9. */
enum {
	MODE_DEFAULT = 0,
	MODE_PREFERRED = 1,
	MODE_BIND = 2,
	MODE_INTERLEAVE = 3,
	MODE_LOCAL = 4,
	MODE_PREFERRED_MANY = 5,
	MODE_WEIGHTED_INTERLEAVE = 6,
	MODE_STATIC_NODES = 1 << 15,
	MODE_RELATIVE_NODES = 1 << 14,
	MODE_NUMA_BALANCING = 1 << 13,
};

const struct ctr_name ctr_memory_policy_names[] = {
	{"MPOL_DEFAULT",              MODE_DEFAULT            },
	{ "MPOL_BIND",                MODE_BIND               },
	{ "MPOL_INTERLEAVE",          MODE_INTERLEAVE         },
	{ "MPOL_WEIGHTED_INTERLEAVE", MODE_WEIGHTED_INTERLEAVE},
	{ "MPOL_PREFERRED",           MODE_PREFERRED          },
	{ "MPOL_PREFERRED_MANY",      MODE_PREFERRED_MANY     },
	{ "MPOL_LOCAL",               MODE_LOCAL              },
	{ NULL,		       0		       },
};

const struct ctr_name ctr_memory_policy_flag_names[] = {
	{"MPOL_F_NUMA_BALANCING",  MODE_NUMA_BALANCING},
	{ "MPOL_F_RELATIVE_NODES", MODE_RELATIVE_NODES},
	{ "MPOL_F_STATIC_NODES",   MODE_STATIC_NODES  },
	{ NULL,		    0		  },
};

static const struct ctr_field memory_policy_fields[] = {
	F_ENUM(struct ctr_memory_policy, mode, "mode", CTR_REQUIRED, ctr_memory_policy_names),
	F_TEXT(struct ctr_memory_policy, nodes, const char *, "nodes", 0, ctr_text_list),
	F_FLAGS(struct ctr_memory_policy, flags, "flags", ctr_memory_policy_flag_names),
};

/* Which modes take nodes and flags: set_mempolicy(2). */
static int memory_policy_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_memory_policy *policy = object;
	const char *mode = ctr_name_of(ctr_memory_policy_names, policy->mode);
	uint32_t relation = policy->flags & (MODE_STATIC_NODES | MODE_RELATIVE_NODES);

	if ((policy->mode == MODE_DEFAULT || policy->mode == MODE_LOCAL) && policy->nodes)
		return ctr_decode_fault_in(decode, "nodes", "%s takes none", mode);
	if (policy->mode != MODE_DEFAULT && policy->mode != MODE_LOCAL &&
	    policy->mode != MODE_PREFERRED && !policy->nodes)
		return ctr_decode_fault_in(decode, "nodes", "%s needs at least one", mode);
	if (relation == (MODE_STATIC_NODES | MODE_RELATIVE_NODES))
		return ctr_decode_fault_in(
			decode, "flags",
			"MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
	if (relation && !policy->nodes)
		return ctr_decode_fault_in(decode, "flags", "%s needs nodes",
					   ctr_name_of(ctr_memory_policy_flag_names, relation));
	if (policy->flags & MODE_NUMA_BALANCING && policy->mode != MODE_BIND &&
	    policy->mode != MODE_PREFERRED_MANY)
		return ctr_decode_fault_in(
			decode, "flags",
			"MPOL_F_NUMA_BALANCING is for MPOL_BIND and MPOL_PREFERRED_MANY");
	return 0;
}

static const struct ctr_type type_memory_policy = {
	CTR_TYPE(struct ctr_memory_policy, memory_policy_fields),
	.done = memory_policy_done,
};

/* ---- Intel RDT */

/* The name of a directory below /sys/fs/resctrl, or "/" for that itself. */
static int clos_id(struct ctr_decode *decode, void *object, void *member, const char *text,
		   size_t len)
{
	bool dots = len <= 2 && len > 0 && text[0] == '.' && text[len - 1] == '.';

	if (dots || (memchr(text, '/', len) && len != 1) || memchr(text, '\n', len))
		return ctr_decode_fault(decode, "%s is not the name of a directory",
					ctr_decode_quote(decode, text, len));
	return ctr_text_word(decode, object, member, text, len);
}

/* Lines of a `schemata` file: one each. */
static int schema_line(struct ctr_decode *decode, void *object, void *member, const char *text,
		       size_t len)
{
	(void)object;
	(void)member;
	if (memchr(text, '\n', len))
		return ctr_decode_fault(decode, "%s has more than one line",
					ctr_decode_quote(decode, text, len));
	return 0;
}

static int schema(struct ctr_decode *decode, void *object, void *member, const char *text,
		  size_t len)
{
	if (memchr(text, '\n', len))
		return schema_line(decode, object, member, text, len);
	return ctr_text_word(decode, object, member, text, len);
}

static int mem_bw_schema(struct ctr_decode *decode, void *object, void *member, const char *text,
			 size_t len)
{
	if (len > 0 && (len < 3 || memcmp(text, "MB:", 3) != 0))
		return ctr_decode_fault(decode, "%s does not begin with 'MB:'",
					ctr_decode_quote(decode, text, len));
	return schema(decode, object, member, text, len);
}

static const struct ctr_field intel_rdt_fields[] = {
	F_TEXT(struct ctr_intel_rdt, clos_id, const char *, "closID", 0, clos_id),
	F_TEXT(struct ctr_intel_rdt, l3_cache_schema, const char *, "l3CacheSchema", 0, schema),
	F_TEXT(struct ctr_intel_rdt, mem_bw_schema, const char *, "memBwSchema", 0, mem_bw_schema),
	F_STRINGS(struct ctr_intel_rdt, schemata, nschemata, "schemata", 0, schema_line),
	F_BOOL(struct ctr_intel_rdt, enable_monitoring, "enableMonitoring", 0),
};

static const struct ctr_type type_intel_rdt = { CTR_TYPE(struct ctr_intel_rdt, intel_rdt_fields) };

/* ---- all of it */

static const struct ctr_field linux_fields[] = {
	F_EACH("namespaces", &type_namespace, add_namespace),
	F_OBJECTS(struct ctr_linux, uid_mappings, nuid_mappings, struct ctr_id_map, "uidMappings",
		  0, &ctr_type_id_map),
	F_OBJECTS(struct ctr_linux, gid_mappings, ngid_mappings, struct ctr_id_map, "gidMappings",
		  0, &ctr_type_id_map),
	F_GROUP("timeOffsets", 0, &type_time_offsets),
	F_OBJECTS(struct ctr_linux, devices, ndevices, struct ctr_device, "devices", 0,
		  &type_device),
	F_MAP_OBJECTS(struct ctr_linux, net_devices, nnet_devices, struct ctr_net_device, host_name,
		      "netDevices", &type_net_device),
	F_TEXT(struct ctr_linux, cgroups_path, const char *, "cgroupsPath", 0, ctr_text_word),
	F_POINTER(struct ctr_linux, resources, struct ctr_resources, "resources", 0,
		  &ctr_type_resources),
	F_ENUM(struct ctr_linux, rootfs_propagation, "rootfsPropagation", 0, propagation_names),
	F_POINTER(struct ctr_linux, seccomp, struct ctr_seccomp, "seccomp", 0, &ctr_type_seccomp),
	F_PAIRS(struct ctr_linux, sysctl, nsysctl, "sysctl", sysctl_key),
	F_STRINGS(struct ctr_linux, masked_paths, nmasked_paths, "maskedPaths", 0,
		  ctr_string_clean_path),
	F_STRINGS(struct ctr_linux, readonly_paths, nreadonly_paths, "readonlyPaths", 0,
		  ctr_string_clean_path),
	F_TEXT(struct ctr_linux, mount_label, const char *, "mountLabel", 0, ctr_text_word),
	F_POINTER(struct ctr_linux, intel_rdt, struct ctr_intel_rdt, "intelRdt", 0,
		  &type_intel_rdt),
	F_POINTER(struct ctr_linux, memory_policy, struct ctr_memory_policy, "memoryPolicy", 0,
		  &type_memory_policy),
	F_POINTER(struct ctr_linux, personality, struct ctr_personality, "personality", 0,
		  &type_personality),
};

const struct ctr_type ctr_type_linux = { CTR_TYPE(struct ctr_linux, linux_fields) };
