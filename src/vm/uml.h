/*
 * User-Mode Linux: a kernel that is a program of the host, ported to its system calls. It needs
 * neither KVM nor root. Its guest is that of the other machines: same initramfs, same image, same
 * frames, here over a serial line.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vm/backend.h"

struct ctr_vm_nic;

/* Half of what n_tty keeps for a reader (N_TTY_BUF_SIZE): a full line is never read again. */
enum { CTR_UML_UNREAD_MAX = 2048 };

struct ctr_uml {
	const char *program;
	uint64_t memory;
	/* descriptors that it inherits; -1: none */
	int initrd, image, channel, console;
	const struct ctr_vm_nic *nics;
	size_t nnics;
	const char *const *parameters;
	size_t nparameters;
};

/* NULL-terminated, in @arena. Pure. */
const char *const *ctr_uml_argv(const struct ctr_uml *uml, struct ctr_arena *arena);

/* The functions of its row in the table. */
int ctr_uml_translate(struct ctr_machine *machine, struct ctr_error *err);
int ctr_uml_probe(const struct ctr_machine *machine, struct ctr_error *err);
int ctr_uml_prepare(struct ctr_machine *machine, struct ctr_error *err);
