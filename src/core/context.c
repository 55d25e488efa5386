/* The host, as far as a document asks for it: what it is and can do takes a tenth of a start. */
#include "core/context.h"

#include "base/error.h"
#include "oci/spec.h"
#include "state/dir.h"

int ctr_context_open_root(const struct ctr_context *context, bool make, struct ctr_error *err)
{
	if (!context->host.has_proc)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"the proc file system of this PID namespace is not at /proc");
	return ctr_state_open_root(context->root, make, err);
}

void ctr_context_complete(struct ctr_context *context, const struct ctr_spec *spec,
			  const struct ctr_process *process)
{
	unsigned parts = 0;

	if (spec->linux_->namespaces[CTR_NS_TIME].listed)
		parts |= CTR_HOST_TIME_NS;
	if (spec->linux_->mount_label ||
	    (process && (process->apparmor_profile || process->selinux_label)))
		parts |= CTR_HOST_LSM;
	ctr_host_complete(&context->host, parts, context->arena);
}
