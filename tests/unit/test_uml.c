/* User-Mode Linux: its command line, and what it refuses. */
#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "oci/spec.h"
#include "vm/setup.h"
#include "vm/uml.h"

static void test_argv(void **state)
{
	static const char *const given[] = { "mitigations=off", "debug" };
	static const char *const expected[] = {
		"/usr/bin/linux.uml",
		"mem=256M",
		"initrd=/proc/self/fd/11",
		"ubd0rc=/proc/self/fd/12",
		"con=null",
		"con0=null,fd:14",
		"ssl=null",
		"ssl0=fd:13",
		"uml_dir=/dev/shm/",
		"hostfs=/dev/null/none",
		"noreboot",
		"panic=-1",
		"quiet",
		"loglevel=1",
		"audit=0",
		"vec0:transport=fd,fd=15,vec=0,mac=02:00:00:00:00:01",
		"mitigations=off",
		"debug",
	};
	const struct ctr_vm_nic nic = { .name = "eth0", .mac = "02:00:00:00:00:01", .fd = 15 };
	const struct ctr_uml uml = {
		.program = "/usr/bin/linux.uml",
		.memory = (uint64_t)256 << 20,
		.initrd = 11,
		.image = 12,
		.channel = 13,
		.console = 14,
		.nics = &nic,
		.nnics = 1,
		.parameters = given,
		.nparameters = 2,
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	const char *const *argv = ctr_uml_argv(&uml, &arena);

	(void)state;
	for (size_t i = 0; i < unit_count(expected); i++)
		assert_string_equal(argv[i], expected[i]);
	assert_null(argv[unit_count(expected)]);
	ctr_arena_release(&arena);
}

static void test_refused(void **state)
{
	static const struct {
		struct ctr_vm vm;
		const char *error;
	} cases[] = {
		{{ .hypervisor.path = "/usr/bin/qemu" },
                 "vm.hypervisor.path: there is none: --isolation uml cannot do this"},
		{ { .hw_config = { .has_vcpus = true, .vcpus = 2 } },
                 "vm.hwConfig.vcpus: more than one: --isolation uml cannot do this" },
		{ { .image = { .path = "/i", .format = CTR_IMAGE_QCOW2 } },
                 "vm.image.format: another than raw: --isolation uml cannot do this"},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		const struct ctr_spec spec = { .vm = &cases[i].vm };
		struct ctr_machine machine = { .backend = ctr_backend_find("uml"),
					       .arena = &arena,
					       .spec = &spec };
		struct ctr_error err;

		assert_int_equal(ctr_uml_translate(&machine, &err), -1);
		assert_string_equal(err.text, cases[i].error);
		assert_int_equal(err.fault, CTR_FAULT_CONFIG);
		ctr_arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
