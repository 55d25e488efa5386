/* User-Mode Linux: what is refused, what is found, and its command line. */
#include "vm/uml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "vm/network.h"
#include "vm/setup.h"

#define MODULES "/usr/lib/uml/modules"

/* As all machines do it, but it has one processor and is its own hypervisor. */
int ctr_uml_translate(struct ctr_machine *machine, struct ctr_error *err)
{
	const struct ctr_vm *config = machine->spec->vm;
	const char *field = NULL;

	if (config && config->hypervisor.path)
		field = "vm.hypervisor.path: there is none";
	else if (config && config->hw_config.has_vcpus && config->hw_config.vcpus > 1)
		field = "vm.hwConfig.vcpus: more than one";
	else if (config && config->image.path && config->image.format != CTR_IMAGE_RAW)
		field = "vm.image.format: another than raw";
	if (field)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "%s: --isolation uml cannot do this",
				field);
	return ctr_vm_translate(machine, err);
}

/* The one that was asked for, or the distribution's. */
static const char *find_program(const struct ctr_machine *machine, const struct ctr_vm_setup *setup)
{
	if (machine->kernel)
		return machine->kernel;
	if (setup->config && setup->config->kernel.path)
		return setup->config->kernel.path;
	return ctr_vm_find_program("linux.uml", machine->arena);
}

int ctr_uml_probe(const struct ctr_machine *machine, struct ctr_error *err)
{
	struct ctr_vm_setup *setup = machine->own;
	struct ctr_arena *arena = machine->arena;

	if (ctr_vm_look(machine, err) < 0)
		return -1;
	setup->kernel = setup->hypervisor = find_program(machine, setup);
	if (!setup->kernel)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--isolation uml: there is no linux.uml (package user-mode-linux)");
	if (access(setup->kernel, X_OK) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "--isolation uml: cannot execute '%s'",
				setup->kernel);
	if (ctr_vm_read_version(setup, arena, err) < 0)
		return -1;

	setup->modules = ctr_arena_printf(arena, MODULES "/%s", setup->version);
	if (access(setup->modules, F_OK) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--isolation uml: '%s' has no modules: there is no '%s'",
				setup->kernel, setup->modules);
	return 0;
}

int ctr_uml_prepare(struct ctr_machine *machine, struct ctr_error *err)
{
	static const char *const modules[] = { "erofs", "overlay", NULL };
	static const char *const with_network[] = { "erofs", "overlay", "ipv6", NULL };

	if (machine->passt)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--net bridge: --isolation uml cannot do this without privileges");
	return ctr_vm_prepare_with(machine, machine->own,
				   ctr_vm_network_expected(machine) ? with_network : modules, err);
}

/*
 * A kernel that says nothing, and ends where it would start again. What a guest could mount of the
 * host (hostfs) is below a place that cannot be: the guest's root is not to read the host's files.
 */
const char *const *ctr_uml_argv(const struct ctr_uml *uml, struct ctr_arena *arena)
{
	enum { OWN = 16 + CTR_VM_NICS };
	const char **words = ctr_arena_array(arena, OWN + uml->nparameters, sizeof(*words));
	size_t n = 0;

	words[n++] = uml->program;
	words[n++] = ctr_arena_printf(arena, "mem=%lluM", (unsigned long long)uml->memory >> 20);
	words[n++] = ctr_arena_printf(arena, "initrd=/proc/self/fd/%d", uml->initrd);
	/* r: read-only; c: shared by several, without a lock */
	words[n++] = ctr_arena_printf(arena, "ubd0rc=/proc/self/fd/%d", uml->image);
	words[n++] = "con=null";
	words[n++] = ctr_arena_printf(arena, "con0=null,fd:%d", uml->console);
	words[n++] = "ssl=null";
	words[n++] = ctr_arena_printf(arena, "ssl0=fd:%d", uml->channel);
	/* A file system that only it has; that of its memory as well. */
	words[n++] = "uml_dir=/dev/shm/";
	words[n++] = "hostfs=/dev/null/none";
	words[n++] = "noreboot";
	words[n++] = "panic=-1";
	words[n++] = "quiet";
	words[n++] = "loglevel=1";
	words[n++] = "audit=0";
	/* A frame a read: a tap is no socket, of which it could take several at once. */
	for (size_t i = 0; i < uml->nnics; i++)
		words[n++] = ctr_arena_printf(arena, "vec%zu:transport=fd,fd=%d,vec=0,mac=%s", i,
					      uml->nics[i].fd, uml->nics[i].mac);
	for (size_t i = 0; i < uml->nparameters; i++)
		words[n++] = uml->parameters[i];
	return words;
}
