/* What of a virtual machine by QEMU or another hypervisor this host has: the programs, KVM. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "vm/foreign.h"
#include "vm/machine.h"
#include "vm/setup.h"

#define KVM "/dev/kvm"

static int open_kvm(void)
{
	return open(KVM, O_RDWR | O_CLOEXEC);
}

/* KVM of a host that is a guest without nested virtualization itself (kvm_pvm) runs no kernel but
 * those that are made for it, and QEMU cannot tell. */
static bool is_pvm(void)
{
	return access("/sys/module/kvm_pvm", F_OK) == 0 &&
	       access("/sys/module/kvm_intel", F_OK) < 0 && access("/sys/module/kvm_amd", F_OK) < 0;
}

const char *ctr_vm_find_program(const char *name, struct ctr_arena *arena)
{
	const char *path = getenv("PATH");

	for (path = path ? path : "/usr/bin:/bin"; *path;) {
		size_t len = strcspn(path, ":");
		const char *file = ctr_arena_printf(arena, "%.*s/%s", (int)len, path, name);

		if (len > 0 && access(file, X_OK) == 0)
			return file;
		path += len + (path[len] == ':');
	}
	return NULL;
}

/* Is it linked with libseccomp? What is not has no -sandbox, as the small QEMU of Debian 12. The
 * names of libraries stand at the beginning of a program. */
static bool has_filter(const char *program)
{
	static const char name[] = "libseccomp.so";
	_cleanup_close_ int fd = open(program, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *text;
	bool found;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		return false;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return false;
	found = memmem(text, (size_t)st.st_size, name, strlen(name)) != NULL;
	munmap(text, (size_t)st.st_size);
	return found;
}

/*
 * Debian has QEMU a second time, with nothing in it that a microvm cannot have, which takes less
 * memory for itself and less time to start. It shares no directories, knows raw images and
 * qcow2, and has no translator; who gives parameters of his own may want what else the large one
 * has. NULL: it is not there, or will not do.
 */
static const char *find_small(const struct ctr_machine *machine, const struct ctr_vm_setup *setup)
{
	const struct ctr_vm *config = setup->config;
	const char *program;

	if (!(machine->backend->bits & CTR_BACKEND_MMIO) || !setup->kvm || setup->nshared > 0)
		return NULL;
	if (config && (config->hypervisor.nparameters > 0 ||
		       (config->image.path && config->image.format != CTR_IMAGE_RAW &&
			config->image.format != CTR_IMAGE_QCOW2)))
		return NULL;
	program = ctr_vm_find_program("qemu-system-x86_64-microvm", machine->arena);
	return program && has_filter(program) ? program : NULL;
}

/* The program of the document, or the one of the distribution. NULL: it is not there. */
static const char *find_hypervisor(const struct ctr_machine *machine,
				   const struct ctr_vm_setup *setup)
{
	const char *small;

	if (setup->config && setup->config->hypervisor.path)
		return access(setup->config->hypervisor.path, X_OK) == 0
			       ? setup->config->hypervisor.path
			       : NULL;
	small = find_small(machine, setup);
	return small ? small : ctr_vm_find_program("qemu-system-x86_64", machine->arena);
}

int ctr_vm_probe(const struct ctr_machine *machine, struct ctr_error *err)
{
	struct ctr_vm_setup *setup = machine->own;
	const char *name = machine->backend->name;
	const char *accel = ctr_spec_annotation(machine->spec, "org.ctr.accel");
	_cleanup_close_ int kvm = open_kvm();
	const int error = errno;

	if (ctr_vm_look(machine, err) < 0)
		return -1;
	if (accel && strcmp(accel, "kvm") != 0 && strcmp(accel, "tcg") != 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"annotations[org.ctr.accel]: '%s' is neither kvm nor tcg", accel);
	setup->kvm = accel ? accel[0] == 'k' : kvm >= 0 && !is_pvm();
	if (!accel && !setup->kvm && kvm >= 0 && (machine->backend->bits & CTR_BACKEND_NEEDS_KVM))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--isolation %s: '" KVM "' is kvm_pvm's, which runs only kernels "
				"made for it (--isolation vm can do without, slowly)",
				name);
	if (kvm < 0 && (setup->kvm || (machine->backend->bits & CTR_BACKEND_NEEDS_KVM)))
		return ctr_fail(err, CTR_FAULT_HOST, error,
				"--isolation %s: cannot open '" KVM
				"' (--isolation vm can do without it, slowly)",
				name);
	setup->hypervisor = find_hypervisor(machine, setup);
	if (!setup->hypervisor && setup->config && setup->config->hypervisor.path)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno,
				"vm.hypervisor.path: cannot execute '%s'",
				setup->config->hypervisor.path);
	if (!setup->hypervisor)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--isolation %s: there is no qemu-system-x86_64 (package "
				"qemu-system-x86)",
				name);
	setup->vmm = ctr_vmm_of(setup->hypervisor);
	if (setup->vmm != CTR_VMM_QEMU && ctr_foreign_check(machine, setup, err) < 0)
		return -1;
	if (!setup->kvm)
		ctr_log(CTR_LOG_INFO,
			"--isolation %s: without " KVM
			", QEMU translates the guest's code, which is "
			"many times slower than hardware",
			name);
	return ctr_vm_find_kernel(machine, setup, err);
}
