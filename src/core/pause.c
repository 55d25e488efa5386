/* ctr pause and ctr resume, by the cgroup freezer or by what the backend has. */
#include "base/error.h"
#include "core/container.h"
#include "core/context.h"
#include "core/machine.h"
#include "core/verbs.h"

static int set_frozen(const struct ctr_context *context, const char *id, bool freeze,
		      struct ctr_error *err)
{
	const struct ctr_backend *backend = NULL;
	struct ctr_container container;
	enum ctr_status status;
	int r;

	r = ctr_container_open(&container, context, id, CTR_LOCK_WAIT, err);
	if (r < 0)
		goto out;

	status = ctr_container_status(&container);
	if (freeze && status != CTR_STATUS_RUNNING && status != CTR_STATUS_CREATED)
		r = ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s': container not running: %s",
			     id, ctr_status_name(status));
	else if (!freeze && status != CTR_STATUS_PAUSED)
		r = ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s': container not paused: %s",
			     id, ctr_status_name(status));
	else if (!(backend = ctr_machine_backend(&container, err)))
		r = -1;
	else if (backend->pause)
		r = backend->pause(container.dir, freeze, err);
	else if (!container.cgroup.mount)
		r = ctr_fail(err, CTR_FAULT_STATE, 0,
			     "container '%s': it has no cgroup, so it cannot be paused", id);
	else
		r = ctr_cgroup_open(&container.cgroup, err);
	if (r == 0 && !backend->pause)
		r = ctr_cgroup_freeze(&container.cgroup, freeze, err);
	/* What ends meanwhile never counts as frozen. */
	if (r < 0 && freeze && ctr_container_status(&container) == CTR_STATUS_STOPPED)
		r = ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s': container not running: %s",
			     id, ctr_status_name(CTR_STATUS_STOPPED));
out:
	ctr_container_release(&container);
	return r;
}

int ctr_pause(const struct ctr_context *context, const char *id, struct ctr_error *err)
{
	return set_frozen(context, id, true, err);
}

int ctr_resume(const struct ctr_context *context, const char *id, struct ctr_error *err)
{
	return set_frozen(context, id, false, err);
}
