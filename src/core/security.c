/* seccomp, LSM labels and the device filter of a container: compile first, plan later. */
#include "core/security.h"

#include <linux/seccomp.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "cgroup/devices.h"
#include "core/container.h"
#include "core/context.h"
#include "ns/plan.h"
#include "oci/encode.h"
#include "sec/lsm.h"
#include "sec/seccomp.h"

static int plan_seccomp(struct ctr_plan_options *options, const struct ctr_seccomp *seccomp,
			const struct ctr_context *context, struct ctr_error *err)
{
	struct ctr_seccomp_program program;
	const char *cache;

	if (!seccomp)
		return 0;

	/* A name that no container id can have. */
	cache = context->root ? ctr_arena_printf(context->arena, "%s/-seccomp", context->root)
			      : NULL;
	if (ctr_seccomp_compile(seccomp, cache, context->arena, &program, err) < 0)
		return -1;

	options->seccomp = program.filter;
	options->seccomp_length = program.length;
	options->seccomp_flags = program.flags;
	/* A path that no rule uses is ignored (config-linux.md#seccomp). */
	options->seccomp_listener = program.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return 0;
}

static void place_label(struct ctr_plan_options *options, size_t i,
			const struct ctr_lsm_label *label)
{
	options->lsm_file[i] = label->file;
	options->lsm_text[i] = label->text;
}

int ctr_security_plan(struct ctr_plan_options *options, const struct ctr_spec *spec,
		      const struct ctr_process *process, const struct ctr_context *context,
		      struct ctr_error *err)
{
	struct ctr_lsm_label label = { 0 };

	if (process->selinux_label) {
		if (ctr_lsm_selinux(process->selinux_label, &context->host, context->arena, &label,
				    err) < 0)
			return -1;
		place_label(options, 0, &label);
	}
	if (process->apparmor_profile) {
		if (ctr_lsm_apparmor(process->apparmor_profile, &context->host, context->arena,
				     &label, err) < 0)
			return -1;
		place_label(options, 1, &label);
	}

	return plan_seccomp(options, spec->linux_->seccomp, context, err);
}

int ctr_security_devices(const struct ctr_cgroup *cgroup, const struct ctr_spec *spec,
			 const struct ctr_context *context, struct ctr_error *err)
{
	const struct ctr_resources *resources = spec->linux_->resources;
	struct bpf_insn *insns = NULL;
	size_t n = 0;

	if (!cgroup->mount)
		return 0;

	if (ctr_devices_compile(resources ? resources->devices : NULL,
				resources ? resources->ndevices : 0, context->arena, &insns, &n,
				err) < 0)
		return -1;

	return n == 0 ? 0 : ctr_devices_attach(cgroup, &context->host, insns, n, false, err);
}

const char *ctr_security_listener_state(const struct ctr_container *container,
					const struct ctr_seccomp *seccomp, pid_t pid,
					const struct ctr_context *context)
{
	struct ctr_state_doc doc;
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_container_doc(container, CTR_STATUS_CREATING, &doc, context);
	doc.pid = pid;
	ctr_buf_init(&buf, context->arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_json_object(&json, NULL);
	ctr_json_string(&json, "ociVersion", container->record.oci_version);
	ctr_json_array(&json, "fds");
	ctr_json_string(&json, NULL, "seccompFd");
	ctr_json_end_array(&json);
	ctr_json_i64(&json, "pid", pid);
	if (seccomp->listener_metadata)
		ctr_json_string(&json, "metadata", seccomp->listener_metadata);
	ctr_json_object(&json, "state");
	ctr_state_encode_members(&json, &doc);
	ctr_json_end_object(&json);
	ctr_json_end_object(&json);
	return ctr_buf_str(&buf);
}
