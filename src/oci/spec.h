/*
 * The OCI configuration (runtime-spec 1.3.0, config.md, config-linux.md, config-vm.md) as decoded,
 * validated values. Everything is const after loading and lives in one arena. Behind this door no
 * string of the document is compared again: enums, flags, numbers and clean paths only.
 *
 * Conventions: arrays are `x` with count `nx`; an optional number is `x` with `has_x`; an optional
 * object is a pointer, NULL when absent; an absent string is NULL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_string_pair {
	const char *key;
	const char *value;
};

struct ctr_id_map {
	uint32_t container_id, host_id, size;
};

/* ---- process (config.md#process) */

struct ctr_rlimit {
	uint32_t resource; /* RLIMIT_* of <sys/resource.h> */
	uint64_t soft, hard;
};

/* Bit n is capability n. */
struct ctr_capabilities {
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct ctr_scheduler {
	uint32_t policy; /* SCHED_* of <linux/sched.h> */
	int32_t nice, priority;
	uint64_t flags;                     /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period; /* ns */
};

struct ctr_io_priority {
	uint32_t class;   /* IOPRIO_CLASS_* : 1 RT, 2 BE, 3 IDLE */
	int32_t priority; /* 0..7 */
};

struct ctr_exec_cpu_affinity {
	const char *initial, *final; /* validated CPU lists, or NULL */
};

struct ctr_user {
	uint32_t uid, gid;
	uint32_t umask;
	bool has_umask;
	const uint32_t *additional_gids;
	size_t nadditional_gids;
	bool groups_of_name;  /* exec --user: of those, the ones that can be had; never decoded */
	const char *username; /* Windows only; decoded, unused */
};

struct ctr_process {
	bool terminal;
	bool has_console_size;
	uint16_t console_height, console_width;
	const char *cwd;        /* absolute */
	const char *const *env; /* "K=V" */
	size_t nenv;
	const char *const *args;
	size_t nargs;
	const char *command_line; /* Windows only */
	const struct ctr_rlimit *rlimits;
	size_t nrlimits;
	const char *apparmor_profile; /* NULL: unset; "" and "unconfined" are NULL, too */
	const char *selinux_label;
	const struct ctr_capabilities *capabilities; /* NULL: absent */
	bool no_new_privileges;
	int32_t oom_score_adj;
	bool has_oom_score_adj;
	const struct ctr_scheduler *scheduler;
	const struct ctr_io_priority *io_priority;
	const struct ctr_exec_cpu_affinity *exec_cpu_affinity;
	struct ctr_user user;
};

/* ---- root and mounts (config.md#root, #mounts) */

struct ctr_root {
	const char *path; /* absolute after load: joined with the bundle */
	bool readonly;
};

enum ctr_mount_bits {
	CTR_MOUNT_BIND = 1 << 0,      /* options hold bind or rbind, or type is bind */
	CTR_MOUNT_RECURSIVE = 1 << 1, /* rbind */
	CTR_MOUNT_REMOUNT = 1 << 2,
	CTR_MOUNT_TMPCOPYUP = 1 << 3,
	CTR_MOUNT_IDMAP = 1 << 4,
	CTR_MOUNT_RIDMAP = 1 << 5,
	CTR_MOUNT_COPY_SYMLINK = 1 << 6, /* crun's copy-symlink */
	CTR_MOUNT_SRC_NOFOLLOW = 1 << 7,
	CTR_MOUNT_DEST_NOFOLLOW = 1 << 8,
};

struct ctr_mount {
	const char *destination; /* cleaned, absolute inside the container */
	const char *type;        /* NULL when absent */
	const char *source;      /* bind: absolute (joined with the bundle), NULL when absent */
	uint32_t bits;           /* enum ctr_mount_bits */
	uint64_t flags;          /* MS_* set: of mount(2), without MS_BIND|MS_REC|propagation */
	uint64_t
		flags_cleared; /* MS_* that an option explicitly clears (rw, exec, dev, suid ...) */
	uint64_t rec_set,
		rec_clear;    /* MOUNT_ATTR_* of the recursive family (rro, rnosuid ...);
			       * rec_clear holds all of MOUNT_ATTR__ATIME when an atime mode is set */
	uint32_t propagation; /* MS_SHARED/SLAVE/PRIVATE/UNBINDABLE, maybe |MS_REC; 0: none asked */
	const char *data;     /* what is left for the file system, comma-separated; NULL: none */
	const struct ctr_id_map *uid_mappings, *gid_mappings;
	size_t nuid_mappings, ngid_mappings;
};

/* ---- hooks (config.md#posix-platform-hooks) */

enum ctr_hook_kind {
	CTR_HOOK_PRESTART,
	CTR_HOOK_CREATE_RUNTIME,
	CTR_HOOK_CREATE_CONTAINER,
	CTR_HOOK_START_CONTAINER,
	CTR_HOOK_POSTSTART,
	CTR_HOOK_POSTSTOP,
	CTR_HOOK_KINDS,
};

struct ctr_hook {
	const char *path; /* absolute */
	const char *const *args;
	size_t nargs;
	const char *const *env;
	size_t nenv;
	bool has_env;    /* present: it is the whole environment, even when empty */
	int64_t timeout; /* seconds > 0; 0: none */
};

struct ctr_hooks {
	const struct ctr_hook *list;
	size_t count;
};

/* ---- linux (config-linux.md) */

enum ctr_ns_kind {
	CTR_NS_PID,
	CTR_NS_NETWORK,
	CTR_NS_MOUNT,
	CTR_NS_IPC,
	CTR_NS_UTS,
	CTR_NS_USER,
	CTR_NS_CGROUP,
	CTR_NS_TIME,
	CTR_NS_KINDS,
};

struct ctr_namespace {
	bool listed;      /* in the document: new, or joined when path is set */
	const char *path; /* absolute, NULL: create */
	uint32_t index;   /* its place in linux.namespaces[], for messages */
};

enum ctr_device_type {
	CTR_DEVICE_ALL,   /* 'a' or unset, in device rules only */
	CTR_DEVICE_CHAR,  /* 'c', 'u' */
	CTR_DEVICE_BLOCK, /* 'b' */
	CTR_DEVICE_FIFO,  /* 'p' */
};

struct ctr_device {
	enum ctr_device_type type;
	const char *path; /* cleaned, absolute */
	int64_t major, minor;
	uint32_t file_mode; /* permission bits; 0666 when absent */
	uint32_t uid, gid;
};

struct ctr_net_device {
	const char *host_name;
	const char *name; /* in the container; NULL: keep */
};

struct ctr_time_offset {
	bool listed;
	int64_t secs;
	uint32_t nanosecs;
};

enum { CTR_ACCESS_MKNOD = 1, CTR_ACCESS_READ = 2, CTR_ACCESS_WRITE = 4 }; /* as BPF_DEVCG_ACC_* */

struct ctr_device_rule {
	bool allow;
	enum ctr_device_type type;
	int64_t major, minor; /* -1: all */
	uint32_t access;      /* CTR_ACCESS_*; all three when absent */
};

struct ctr_memory {
	int64_t limit, reservation, swap, kernel, kernel_tcp;
	bool has_limit, has_reservation, has_swap, has_kernel, has_kernel_tcp;
	uint64_t swappiness;
	bool has_swappiness;
	bool disable_oom_killer, has_disable_oom_killer;
	bool use_hierarchy, has_use_hierarchy;
	bool check_before_update, has_check_before_update;
};

struct ctr_cpu {
	uint64_t shares, burst, period, realtime_period;
	int64_t quota, realtime_runtime, idle;
	bool has_shares, has_burst, has_period, has_realtime_period;
	bool has_quota, has_realtime_runtime, has_idle;
	const char *cpus, *mems; /* validated lists */
};

struct ctr_weight_device {
	int64_t major, minor;
	uint16_t weight, leaf_weight;
	bool has_weight, has_leaf_weight;
};

struct ctr_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};

enum ctr_throttle_kind {
	CTR_THROTTLE_READ_BPS,
	CTR_THROTTLE_WRITE_BPS,
	CTR_THROTTLE_READ_IOPS,
	CTR_THROTTLE_WRITE_IOPS,
	CTR_THROTTLE_KINDS,
};

struct ctr_block_io {
	uint16_t weight, leaf_weight;
	bool has_weight, has_leaf_weight;
	const struct ctr_weight_device *weight_devices;
	size_t nweight_devices;
	struct {
		const struct ctr_throttle_device *list;
		size_t count;
	} throttle[CTR_THROTTLE_KINDS];
};

struct ctr_hugepage_limit {
	const char *page_size; /* matches ^[1-9][0-9]*[KMG]B$ */
	uint64_t limit;
};

struct ctr_interface_priority {
	const char *name;
	uint32_t priority;
};

struct ctr_network_class {
	uint32_t class_id;
	bool has_class_id;
	const struct ctr_interface_priority *priorities;
	size_t npriorities;
};

struct ctr_rdma {
	const char *device;
	uint32_t hca_handles, hca_objects;
	bool has_hca_handles, has_hca_objects;
};

struct ctr_resources {
	const struct ctr_device_rule *devices;
	size_t ndevices;
	bool has_devices; /* the array is there, even when empty */
	bool has_pids_limit;
	int64_t pids_limit;
	const struct ctr_memory *memory;
	const struct ctr_cpu *cpu;
	const struct ctr_block_io *block_io;
	const struct ctr_hugepage_limit *hugepage_limits;
	size_t nhugepage_limits;
	const struct ctr_network_class *network;
	const struct ctr_rdma *rdma;
	size_t nrdma;
	const struct ctr_string_pair *unified;
	size_t nunified;
};

/* Values are libseccomp's; linux.seccomp of config-linux.md. */
struct ctr_seccomp_arg {
	uint32_t index; /* 0..5 */
	uint64_t value, value_two;
	uint32_t op; /* enum scmp_compare */
};

enum ctr_seccomp_action {
	CTR_SECCOMP_KILL_THREAD, /* SCMP_ACT_KILL, SCMP_ACT_KILL_THREAD */
	CTR_SECCOMP_KILL_PROCESS,
	CTR_SECCOMP_TRAP,
	CTR_SECCOMP_ERRNO,
	CTR_SECCOMP_TRACE,
	CTR_SECCOMP_ALLOW,
	CTR_SECCOMP_LOG,
	CTR_SECCOMP_NOTIFY,
};

struct ctr_seccomp_rule {
	const char *const *names;
	size_t nnames;
	enum ctr_seccomp_action action;
	uint32_t errno_ret; /* EPERM when absent, for ERRNO and TRACE */
	bool has_errno_ret;
	const struct ctr_seccomp_arg *args;
	size_t nargs;
};

struct ctr_seccomp {
	enum ctr_seccomp_action default_action;
	uint32_t default_errno_ret;
	bool has_default_errno_ret;
	const uint32_t *architectures; /* SCMP_ARCH_* tokens of libseccomp */
	size_t narchitectures;
	uint64_t flags; /* SECCOMP_FILTER_FLAG_* of <linux/seccomp.h> */
	bool has_flags; /* absent: SPEC_ALLOW is the default */
	const char *listener_path, *listener_metadata;
	const struct ctr_seccomp_rule *rules;
	size_t nrules;
};

struct ctr_intel_rdt {
	const char *clos_id, *l3_cache_schema, *mem_bw_schema;
	const char *const *schemata;
	size_t nschemata;
	bool enable_monitoring;
};

struct ctr_memory_policy {
	uint32_t mode;     /* MPOL_* of <linux/mempolicy.h> */
	uint32_t flags;    /* MPOL_F_* */
	const char *nodes; /* validated list, may be "" or NULL */
};

struct ctr_personality {
	uint32_t domain; /* PER_LINUX or PER_LINUX32 */
};

struct ctr_linux {
	struct ctr_namespace namespaces[CTR_NS_KINDS];
	const struct ctr_id_map *uid_mappings, *gid_mappings;
	size_t nuid_mappings, ngid_mappings;
	struct ctr_time_offset time_monotonic, time_boottime;
	const struct ctr_device *devices;
	size_t ndevices;
	const struct ctr_net_device *net_devices;
	size_t nnet_devices;
	const char *cgroups_path;        /* as given */
	uint32_t rootfs_propagation;     /* MS_* maybe |MS_REC; 0: unset */
	const char *const *masked_paths; /* cleaned, absolute */
	size_t nmasked_paths;
	const char *const *readonly_paths;
	size_t nreadonly_paths;
	const char *mount_label;
	const struct ctr_string_pair
		*sysctl; /* keys with '/' as separator: "net/ipv4/ip_forward" */
	size_t nsysctl;
	const struct ctr_seccomp *seccomp;
	const struct ctr_resources *resources;
	const struct ctr_intel_rdt *intel_rdt;
	const struct ctr_memory_policy *memory_policy;
	const struct ctr_personality *personality;
};

/* ---- vm (config-vm.md) */

enum ctr_image_format {
	CTR_IMAGE_RAW,
	CTR_IMAGE_QCOW2,
	CTR_IMAGE_VDI,
	CTR_IMAGE_VMDK,
	CTR_IMAGE_VHD,
};

struct ctr_vm_iomem {
	uint64_t first_gfn, first_mfn, nr_mfns;
	bool has_first_gfn;
};

struct ctr_vm {
	struct {
		const char *path;
		const char *const *parameters;
		size_t nparameters;
	} hypervisor;
	struct {
		const char *path;
		const char *const *parameters;
		size_t nparameters;
		const char *initrd;
	} kernel;
	struct {
		const char *path;
		enum ctr_image_format format;
	} image;
	struct {
		const char *device_tree;
		uint32_t vcpus;
		uint64_t memory; /* bytes */
		bool has_vcpus, has_memory;
		const char *const *dtdevs;
		size_t ndtdevs;
		const struct ctr_vm_iomem *iomems;
		size_t niomems;
		const uint32_t *irqs;
		size_t nirqs;
	} hw_config;
};

/* ---- the whole document */

/* sethostname(2) and setdomainname(2) take no more. */
enum { CTR_UTS_NAME_MAX = 64 };

struct ctr_spec {
	const char *oci_version;
	const char *bundle; /* absolute, clean */
	const struct ctr_root *root;
	const struct ctr_process *process;
	const struct ctr_mount *mounts;
	size_t nmounts;
	const char *hostname, *domainname;
	struct ctr_hooks hooks[CTR_HOOK_KINDS];
	const struct ctr_string_pair *annotations;
	size_t nannotations;
	const struct ctr_linux *linux_; /* never NULL: an empty one when absent */
	const struct ctr_vm *vm;
	const char *const
		*warnings; /* what is odd but allowed: unknown capabilities, deprecated forms */
	size_t nwarnings;
};

/* The value of annotation @key, or NULL. */
const char *ctr_spec_annotation(const struct ctr_spec *spec, const char *key);

/*
 * Of a container whose mount namespace is not its own: the path of a field that cannot be carried
 * out in another's, and what to say behind it. *@next, 0 at first, is where to go on. NULL: there
 * is none (any more). Kinds of isolation other than a container may have no need of it.
 */
const char *ctr_spec_unplaced(const struct ctr_spec *spec, size_t *next);
#define CTR_UNPLACED                                                                               \
	"needs a mount namespace of the container's own: {\"type\":\"mount\"} without a path"
