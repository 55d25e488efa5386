/* QEMU: its command line, as a pure function of what was decided. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_vm_nic;

struct ctr_qemu {
	const char *program;
	bool microvm; /* else q35 */
	bool kvm;     /* else binary translation */
	uint64_t memory;
	uint32_t vcpus;
	const char *image_format;
	/* descriptors that it inherits; -1: none */
	int kernel, initrd, image, channel, monitor, console, shared;
	const struct ctr_vm_nic *nics;
	size_t nnics;
	const char *const *parameters; /* vm.hypervisor.parameters */
	size_t nparameters;
	const char *const *kernel_parameters;
	size_t nkernel_parameters;
};

/* NULL-terminated, in @arena. */
const char *const *ctr_qemu_argv(const struct ctr_qemu *qemu, struct ctr_arena *arena);
