/* What QEMU's two machines have in common; the functions of their rows in the table. */
#pragma once

#include <stdint.h>

#include "vm/backend.h"

int ctr_vm_probe(const struct ctr_machine *machine, struct ctr_error *err);
int ctr_vm_prepare(struct ctr_machine *machine, struct ctr_error *err);
int ctr_vm_spawn(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		 const struct ctr_machine_fds *fds);

/* exec.c */
int ctr_vm_exec(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		const struct ctr_process *process, const struct ctr_machine_fds *fds);
