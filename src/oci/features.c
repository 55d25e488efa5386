/*
 * The features document (features.md): what this build understands, whatever the host can do. Lists
 * come from the tables of the decoder. What a later change carries out is switched on here.
 */
#include <seccomp.h>

#include "oci/encode.h"
#include "oci/words.h"

#define TEXT_OF(x) #x
#define DIGITS(x)  TEXT_OF(x)
#define LIBSECCOMP DIGITS(SCMP_VER_MAJOR) "." DIGITS(SCMP_VER_MINOR) "." DIGITS(SCMP_VER_MICRO)

/* Annotations that may change what a container can do; an entry that ends in '.' is a prefix.
 * Engines keep those away from users. Names of other runtimes are here, too: ctr honours some of
 * them. */
static const char *const unsafe_annotations[] = {
	"io.kubernetes.cri.container-type",
	"krun.",
	"module.wasm.image/variant",
	"org.criu.config",
	"org.ctr.",
	"org.systemd.property.",
	"run.oci.",
};

static void put_names(struct ctr_json *json, const char *key, const struct ctr_name *names)
{
	ctr_json_array(json, key);
	for (; names->name; names++)
		ctr_json_string(json, NULL, names->name);
	ctr_json_end_array(json);
}

static void put_switch(struct ctr_json *json, const char *key, bool enabled)
{
	ctr_json_object(json, key);
	ctr_json_bool(json, "enabled", enabled);
	ctr_json_end_object(json);
}

static void put_cgroup(struct ctr_json *json)
{
	ctr_json_object(json, "cgroup");
	ctr_json_bool(json, "v1", false);
	ctr_json_bool(json, "v2", true);
	ctr_json_bool(json, "systemd", CTR_WITH_SYSTEMD);
	ctr_json_bool(json, "systemdUser", CTR_WITH_SYSTEMD);
	ctr_json_bool(json, "rdma", true);
	ctr_json_end_object(json);
}

static void put_seccomp(struct ctr_json *json)
{
	ctr_json_object(json, "seccomp");
	ctr_json_bool(json, "enabled", true);
	put_names(json, "actions", ctr_seccomp_action_names);
	put_names(json, "operators", ctr_seccomp_operator_names);
	put_names(json, "archs", ctr_seccomp_arch_names);
	put_names(json, "knownFlags", ctr_seccomp_flag_names);
	put_names(json, "supportedFlags", ctr_seccomp_flag_names);
	ctr_json_end_object(json);
}

static void put_linux(struct ctr_json *json)
{
	ctr_json_object(json, "linux");
	put_names(json, "namespaces", ctr_namespace_names);
	put_names(json, "capabilities", ctr_capability_names);
	put_cgroup(json);
	put_seccomp(json);
	put_switch(json, "apparmor", true);
	put_switch(json, "selinux", true);
	ctr_json_object(json, "memoryPolicy");
	put_names(json, "modes", ctr_memory_policy_names);
	put_names(json, "flags", ctr_memory_policy_flag_names);
	ctr_json_end_object(json);
	ctr_json_object(json, "intelRdt");
	ctr_json_bool(json, "enabled", true);
	ctr_json_bool(json, "schemata", true);
	ctr_json_bool(json, "monitoring", true);
	ctr_json_end_object(json);
	ctr_json_object(json, "mountExtensions");
	put_switch(json, "idmap", true);
	ctr_json_end_object(json);
	put_switch(json, "netDevices", true);
	ctr_json_end_object(json);
}

void ctr_features_encode(struct ctr_json *json)
{
	size_t i;

	ctr_json_object(json, NULL);
	/* CRI-O drops the whole document when one of these is empty. */
	ctr_json_string(json, "ociVersionMin", CTR_OCI_VERSION_MIN);
	ctr_json_string(json, "ociVersionMax", CTR_OCI_VERSION);
	put_names(json, "hooks", ctr_hook_names);
	ctr_json_array(json, "mountOptions");
	for (i = 0; ctr_mount_option_name((unsigned)i); i++)
		ctr_json_string(json, NULL, ctr_mount_option_name((unsigned)i));
	ctr_json_end_array(json);
	put_linux(json);
	ctr_json_object(json, "annotations");
	ctr_json_string(json, "org.ctr.version", PACKAGE_VERSION);
	ctr_json_string(json, "io.github.seccomp.libseccomp.version", LIBSECCOMP);
	ctr_json_end_object(json);
	ctr_json_array(json, "potentiallyUnsafeConfigAnnotations");
	for (i = 0; i < sizeof(unsafe_annotations) / sizeof(unsafe_annotations[0]); i++)
		ctr_json_string(json, NULL, unsafe_annotations[i]);
	ctr_json_end_array(json);
	ctr_json_end_object(json);
}
