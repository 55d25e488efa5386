/* What QEMU's two machines have in common; the functions of their rows in the table. */
#pragma once

#include <stdint.h>

#include "vm/backend.h"

struct ctr_vm_setup;

int ctr_vm_probe(const struct ctr_machine *machine, struct ctr_error *err);
int ctr_vm_prepare(struct ctr_machine *machine, struct ctr_error *err);
int ctr_vm_spawn(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		 const struct ctr_machine_fds *fds);

/* exec.c */
int ctr_vm_exec(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		const struct ctr_process *process, const struct ctr_machine_fds *fds);

/* What the guest does before its first process (init/guest.c), in @machine's arena. */
const char *ctr_vm_guest_config(const struct ctr_machine *machine,
				const struct ctr_vm_setup *setup);
