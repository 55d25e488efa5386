/* The table of backends, and which one is meant. Called by core/ before anything is planned. */
#include "vm/backend.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "vm/control.h"
#include "vm/inside.h"
#include "vm/machine.h"
#include "vm/pod.h"
#include "vm/setup.h"
#include "vm/uml.h"

/* clang-format off: it knows no lists of this kind. */
const struct ctr_backend ctr_backends[] = {
	{
         .name = "container",
         .about = "OS-level virtualization: one kernel, namespaces and cgroups",
	 },
	{
         .name = "process",
         .about = "no isolation but the address space",
         .bits = CTR_BACKEND_BARE,
         .translate = ctr_process_translate,
	 },
	{
         .name = "microvm",
         .about = "hardware-assisted virtualization with paravirtual devices",
         .bits = CTR_BACKEND_MACHINE | CTR_BACKEND_NEEDS_KVM | CTR_BACKEND_BLK |
			CTR_BACKEND_HOT_MEMORY | CTR_BACKEND_VIRTIOFS | CTR_BACKEND_MMIO,
         .translate = ctr_vm_translate,
         .probe = ctr_vm_probe,
         .prepare = ctr_vm_prepare,
         .spawn = ctr_vm_spawn,
         .exec = ctr_vm_exec,
         .signal = ctr_vm_signal,
         .stats = ctr_vm_stats,
         .footprint = ctr_vm_footprint,
         .processes = ctr_vm_processes,
         .update = ctr_vm_update,
         .pause = ctr_vm_pause,
	 },
	{
         .name = "vm",
         .about = "full virtualization: a PC with firmware, on KVM or by binary translation",
         .bits = CTR_BACKEND_MACHINE | CTR_BACKEND_EMULATES | CTR_BACKEND_BLK |
			CTR_BACKEND_HOT_MEMORY | CTR_BACKEND_VIRTIOFS,
         .translate = ctr_vm_translate,
         .probe = ctr_vm_probe,
         .prepare = ctr_vm_prepare,
         .spawn = ctr_vm_spawn,
         .exec = ctr_vm_exec,
         .signal = ctr_vm_signal,
         .stats = ctr_vm_stats,
         .footprint = ctr_vm_footprint,
         .processes = ctr_vm_processes,
         .update = ctr_vm_update,
         .pause = ctr_vm_pause,
	 },
	{
         .name = "uml",
         .about =
			"paravirtualization: a kernel ported to the host's system calls (User-Mode Linux)",
         .bits = CTR_BACKEND_MACHINE | CTR_BACKEND_PARAVIRT | CTR_BACKEND_BLK |
			CTR_BACKEND_PORTED, .translate = ctr_uml_translate,
         .probe = ctr_uml_probe,
         .prepare = ctr_uml_prepare,
         .spawn = ctr_vm_spawn,
         .exec = ctr_vm_exec,
         .signal = ctr_vm_signal,
         .stats = ctr_vm_stats,
         .footprint = ctr_vm_footprint,
         .processes = ctr_vm_processes,
         .update = ctr_vm_update,
	 },
	{ .name = NULL       },
};
/* clang-format on */

const struct ctr_device_rule ctr_all_devices = {
	.allow = true,
	.type = CTR_DEVICE_ALL,
	.major = -1,
	.minor = -1,
	.access = CTR_ACCESS_MKNOD | CTR_ACCESS_READ | CTR_ACCESS_WRITE,
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

char *ctr_backend_names(char text[static CTR_BACKEND_NAMES])
{
	size_t len = 0;

	text[0] = '\0';
	for (const struct ctr_backend *backend = ctr_backends; backend->name; backend++)
		len += (size_t)snprintf(text + len, CTR_BACKEND_NAMES - len, "%s%s",
					len == 0          ? ""
					: backend[1].name ? ", "
							  : " or ",
					backend->name);
	return text;
}

static const struct ctr_backend *find(const char *name, const char *where, struct ctr_error *err)
{
	const struct ctr_backend *backend = ctr_backend_find(name);
	char names[CTR_BACKEND_NAMES];

	if (!backend)
		ctr_fail(err, CTR_FAULT_USAGE, 0, "%s: unknown isolation '%s', it is %s", where,
			 name, ctr_backend_names(names));
	return backend;
}

static int strength(const struct ctr_backend *backend)
{
	if (backend->bits & CTR_BACKEND_MACHINE)
		return 2;
	return backend->bits & CTR_BACKEND_BARE ? 0 : 1;
}

/* What an engine asks for by the name it calls us, or by annotations. Among those may be what an
 * image says of itself, which may not take away from how it is confined. */
static const struct ctr_backend *asked_for(const struct ctr_spec *spec, const char *program,
					   struct ctr_error *err)
{
	const char *isolation = ctr_spec_annotation(spec, "org.ctr.isolation");
	const char *handler = ctr_spec_annotation(spec, "run.oci.handler");
	const struct ctr_backend *usual =
		ctr_backend_find(strcmp(program, "ctr-vm") == 0 ? "microvm" : NULL);
	const struct ctr_backend *asked;

	if (!isolation)
		return handler && strcmp(handler, "krun") == 0 ? ctr_backend_find("microvm")
							       : usual;
	asked = find(isolation, "annotations[org.ctr.isolation]", err);
	if (asked && strength(asked) < strength(usual)) {
		ctr_fail(err, CTR_FAULT_USAGE, 0,
			 "annotations[org.ctr.isolation]: '%s' confines less than %s does: only "
			 "--isolation chooses that",
			 isolation, program);
		return NULL;
	}
	return asked;
}

const struct ctr_backend *ctr_backend_choose(const struct ctr_spec *spec, const char *option,
					     const char *program, struct ctr_error *err)
{
	const struct ctr_backend *backend;

	if (option)
		return find(option, "--isolation", err);
	backend = asked_for(spec, program, err);
	/* It holds the namespaces that the machine of its pod stands in. */
	if (backend && (backend->bits & CTR_BACKEND_MACHINE) &&
	    ctr_pod_part(spec) == CTR_POD_SANDBOX)
		return ctr_backend_find(NULL);
	return backend;
}
