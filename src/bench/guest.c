/* The same questions that `create` asks, before anything is made. */
#include "bench/guest.h"

#include "base/arena.h"
#include "base/error.h"
#include "bench/report.h"
#include "core/context.h"
#include "core/machine.h"
#include "vm/backend.h"
#include "vm/setup.h"

void ctr_bench_guest(const struct ctr_context *context, const struct ctr_spec *spec,
		     struct ctr_row *row)
{
	const struct ctr_backend *backend = ctr_backend_find(row->kind);
	const struct ctr_machine_choice choice = { .isolation = row->kind };
	const struct ctr_vm_setup *setup;
	struct ctr_guest *guest;
	struct ctr_machine machine;
	struct ctr_error err;
	bool ported;

	if (!backend || !(backend->bits & CTR_BACKEND_MACHINE) ||
	    ctr_machine_init(&machine, context, spec, "compare", &choice, &err) < 0)
		return;

	setup = machine.own;
	ported = backend->bits & CTR_BACKEND_PORTED;
	row->accel = ported ? CTR_ACCEL_UML : setup->kvm ? CTR_ACCEL_KVM : CTR_ACCEL_TCG;
	guest = ctr_arena_alloc(context->arena, sizeof(*guest));
	*guest = (struct ctr_guest){ .memory = setup->memory,
				     .vcpus = setup->vcpus,
				     .kernel = setup->kernel,
				     .version = setup->version,
				     .program = ported ? NULL : setup->hypervisor,
				     .image = ctr_vm_image_file(&machine, setup) };
	row->guest = guest;
}
