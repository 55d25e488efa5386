/* The table of backends, and which one is meant. Called by core/ before anything is planned. */
#include "vm/backend.h"

#include <string.h>

#include "base/error.h"

const struct ctr_backend ctr_backends[] = {
	{
         .name = "container",
         .about = "OS-level virtualization: one kernel, namespaces and cgroups",
	 },
	{
         .name = "process",
         .about = "no isolation but the address space",
         .translate = ctr_process_translate,
	 },
	{ .name = NULL  },
};

const struct ctr_backend *ctr_backend_find(const char *name)
{
	const struct ctr_backend *backend = ctr_backends;

	if (!name)
		return backend;
	while (backend->name && strcmp(backend->name, name) != 0)
		backend++;
	return backend->name ? backend : NULL;
}

static const struct ctr_backend *find(const char *name, const char *where, struct ctr_error *err)
{
	const struct ctr_backend *backend = ctr_backend_find(name);

	if (!backend)
		ctr_fail(err, CTR_FAULT_USAGE, 0, "%s: unknown isolation '%s'", where, name);
	return backend;
}

const struct ctr_backend *ctr_backend_choose(const struct ctr_spec *spec, const char *option,
					     const char *program, struct ctr_error *err)
{
	const char *isolation = ctr_spec_annotation(spec, "org.ctr.isolation");
	const char *handler = ctr_spec_annotation(spec, "run.oci.handler");

	if (option)
		return find(option, "--isolation", err);
	if (isolation)
		return find(isolation, "annotations[org.ctr.isolation]", err);
	if (handler && strcmp(handler, "krun") == 0)
		return find("microvm", "annotations[run.oci.handler=krun]", err);
	if (strcmp(program, "ctr-vm") == 0)
		return find("microvm", "ctr-vm", err);
	return ctr_backend_find(NULL);
}
