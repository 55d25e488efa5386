/*
 * Firecracker and Cloud Hypervisor, where the document names their program: what they are told, as
 * pure functions of what was decided. Their channel is a vsock, which they connect to a unix
 * socket.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_error;
struct ctr_machine;
struct ctr_vm_nic;
struct ctr_vm_setup;

enum ctr_vmm {
	CTR_VMM_QEMU,
	CTR_VMM_FIRECRACKER,
	CTR_VMM_CLOUD_HYPERVISOR,
};

/* The port of the host that the guest connects to. */
enum { CTR_VSOCK_PORT = 1024 };
/* The hypervisor's end of it, in its own /dev/shm: a connection of the guest to port N comes to a
 * socket of that name with "_N" behind it. */
#define CTR_VSOCK_PATH "/dev/shm/vsock"

struct ctr_foreign {
	enum ctr_vmm vmm;
	const char *program;
	uint64_t memory;
	uint32_t vcpus;
	int config; /* firecracker: a file of ctr_foreign_config() */
	int kernel, initrd, image;
	const struct ctr_vm_nic *nics;
	size_t nnics;
	const char *const *parameters; /* vm.hypervisor.parameters */
	size_t nparameters;
	const char *const *kernel_parameters;
	size_t nkernel_parameters;
};

/* Which one @program is, by its base name. */
enum ctr_vmm ctr_vmm_of(const char *program);

/* Firecracker's configuration file: its API's documents in one (firecracker.yaml). In @arena. */
const char *ctr_foreign_config(const struct ctr_foreign *foreign, struct ctr_arena *arena);
/* NULL-terminated, in @arena. */
const char *const *ctr_foreign_argv(const struct ctr_foreign *foreign, struct ctr_arena *arena);

/* Before anything is made: 0, or -1 and @err names what it cannot do. */
int ctr_foreign_check(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
		      struct ctr_error *err);
/* Start it, with @output as its standard output, on which the guest's kernel speaks as well. Its
 * pid, and *@listener, where the guest will connect. -1 and @err. */
pid_t ctr_foreign_start(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
			int kernel, int initrd, int output, int *listener, struct ctr_error *err);
