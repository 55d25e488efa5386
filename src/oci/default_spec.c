/*
 * What `ctr spec` writes: the document that runc's `spec` writes, in the same order, so that habits
 * and scripts carry over. Rootless: a user namespace with the caller alone in it, the host's
 * network and /sys, no device rules, and no ids that are not mapped.
 */
#include <string.h>

#include "oci/encode.h"
#include "oci/words.h"

static void put_strings(struct ctr_json *json, const char *key, const char *const *strings)
{
	ctr_json_array(json, key);
	for (; *strings; strings++)
		ctr_json_string(json, NULL, *strings);
	ctr_json_end_array(json);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void put_args(struct ctr_json *json, const struct ctr_spec_defaults *defaults)
{
	ctr_json_array(json, "args");
	for (size_t i = 0; i < defaults->nargs; i++)
		ctr_json_string(json, NULL, defaults->args[i]);
	if (defaults->nargs == 0)
		ctr_json_string(json, NULL, "sh");
	ctr_json_end_array(json);
}

static void put_process(struct ctr_json *json, const struct ctr_spec_defaults *defaults)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	size_t i;

	ctr_json_object(json, "process");
	ctr_json_bool(json, "terminal", !defaults->no_terminal);
	ctr_json_object(json, "user");
	ctr_json_u64(json, "uid", 0);
	ctr_json_u64(json, "gid", 0);
	ctr_json_end_object(json);
	put_args(json, defaults);
	put_strings(json, "env",
		    LIST("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			 "TERM=xterm"));
	ctr_json_string(json, "cwd", "/");
	ctr_json_object(json, "capabilities");
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		put_strings(json, sets[i],
			    LIST("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"));
	ctr_json_end_object(json);
	ctr_json_array(json, "rlimits");
	ctr_json_object(json, NULL);
	ctr_json_string(json, "type", "RLIMIT_NOFILE");
	ctr_json_u64(json, "hard", 1024);
	ctr_json_u64(json, "soft", 1024);
	ctr_json_end_object(json);
	ctr_json_end_array(json);
	ctr_json_bool(json, "noNewPrivileges", true);
	ctr_json_end_object(json);
}

struct default_mount {
	const char *destination, *type, *source;
	const char *options[8];
};

static const struct default_mount mounts[] = {
	{"/proc",           "proc",   "proc",   { NULL }						   },
	{ "/dev",           "tmpfs",  "tmpfs",  { "nosuid", "strictatime", "mode=755", "size=65536k" }     },
	{ "/dev/pts",
         "devpts",		    "devpts",
         { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" }                      },
	{ "/dev/shm",       "tmpfs",  "shm",    { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" }},
	{ "/dev/mqueue",    "mqueue", "mqueue", { "nosuid", "noexec", "nodev" }                            },
	{ "/sys",           "sysfs",  "sysfs",  { "nosuid", "noexec", "nodev", "ro" }                      },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" }          },
};

/* sysfs can be mounted only by who owns the network namespace as well. */
static const struct default_mount rootless_sys = {
	"/sys",
	"none",
	"/sys",
	{"rbind", "nosuid", "noexec", "nodev", "ro"},
};

static void put_mount(struct ctr_json *json, const struct default_mount *mount, bool rootless)
{
	size_t i;

	if (rootless && strcmp(mount->destination, "/sys") == 0)
		mount = &rootless_sys;

	ctr_json_object(json, NULL);
	ctr_json_string(json, "destination", mount->destination);
	ctr_json_string(json, "type", mount->type);
	ctr_json_string(json, "source", mount->source);
	if (mount->options[0]) {
		ctr_json_array(json, "options");
		for (i = 0; mount->options[i]; i++)
			if (!rootless || strncmp(mount->options[i], "gid=", 4) != 0)
				ctr_json_string(json, NULL, mount->options[i]);
		ctr_json_end_array(json);
	}
	ctr_json_end_object(json);
}

static void put_id_map(struct ctr_json *json, const char *key, uint32_t id)
{
	ctr_json_array(json, key);
	ctr_json_object(json, NULL);
	ctr_json_u64(json, "containerID", 0);
	ctr_json_u64(json, "hostID", id);
	ctr_json_u64(json, "size", 1);
	ctr_json_end_object(json);
	ctr_json_end_array(json);
}

static void put_resources(struct ctr_json *json)
{
	ctr_json_object(json, "resources");
	ctr_json_array(json, "devices");
	ctr_json_object(json, NULL);
	ctr_json_bool(json, "allow", false);
	ctr_json_string(json, "access", "rwm");
	ctr_json_end_object(json);
	ctr_json_end_array(json);
	ctr_json_end_object(json);
}

static void put_namespaces(struct ctr_json *json, const char *const *types)
{
	ctr_json_array(json, "namespaces");
	for (; *types; types++) {
		ctr_json_object(json, NULL);
		ctr_json_string(json, "type", *types);
		ctr_json_end_object(json);
	}
	ctr_json_end_array(json);
}

static void put_linux(struct ctr_json *json, bool rootless, uint32_t uid, uint32_t gid)
{
	ctr_json_object(json, "linux");
	if (rootless) {
		put_id_map(json, "uidMappings", uid);
		put_id_map(json, "gidMappings", gid);
		put_namespaces(json, LIST("pid", "ipc", "uts", "mount", "cgroup", "user"));
	} else {
		put_resources(json);
		put_namespaces(json, LIST("pid", "network", "ipc", "uts", "mount", "cgroup"));
	}
	put_strings(json, "maskedPaths",
		    LIST("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
			 "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
			 "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
			 "/sys/devices/virtual/tpm"));
	put_strings(json, "readonlyPaths",
		    LIST("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"));
	ctr_json_end_object(json);
}

void ctr_spec_default_encode(struct ctr_json *json, const struct ctr_spec_defaults *defaults)
{
	size_t i;

	ctr_json_object(json, NULL);
	ctr_json_string(json, "ociVersion", CTR_OCI_VERSION);
	put_process(json, defaults);
	ctr_json_object(json, "root");
	ctr_json_string(json, "path", defaults->rootfs ? defaults->rootfs : "rootfs");
	ctr_json_bool(json, "readonly", !defaults->writable);
	ctr_json_end_object(json);
	ctr_json_string(json, "hostname", defaults->hostname ? defaults->hostname : "ctr");
	ctr_json_array(json, "mounts");
	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		put_mount(json, &mounts[i], defaults->rootless);
	ctr_json_end_array(json);
	put_linux(json, defaults->rootless, defaults->uid, defaults->gid);
	ctr_json_end_object(json);
}
