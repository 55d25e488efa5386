/* sec/lsm: which label goes where. */
#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/host.h"
#include "sec/lsm.h"

static const struct ctr_host none;
static const struct ctr_host both = { .apparmor = true, .selinux = true };

/* fault 115 */
static void test_apparmor(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_lsm_label label;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_lsm_apparmor("web", &both, &arena, &label, &err), 0);
	assert_string_equal(label.file, "attr/apparmor/exec");
	assert_string_equal(label.text, "exec web");

	assert_int_equal(ctr_lsm_apparmor("unconfined", &none, &arena, &label, &err), 0);
	assert_null(label.file);
	assert_int_equal(ctr_lsm_apparmor("unconfined_web", &both, &arena, &label, &err), 0);
	assert_string_equal(label.text, "exec unconfined_web");

	assert_int_equal(ctr_lsm_apparmor("web", &none, &arena, &label, &err), -1);
	assert_string_equal(err.text, "process.apparmorProfile: 'web': AppArmor is not enabled on "
				      "this host");
	ctr_arena_release(&arena);
}

static void test_selinux(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_lsm_label label;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_lsm_selinux("a:b:c:s0", &both, &arena, &label, &err), 0);
	assert_string_equal(label.file, "attr/exec");
	assert_string_equal(label.text, "a:b:c:s0");

	assert_int_equal(ctr_lsm_selinux("a:b:c:s0", &none, &arena, &label, &err), -1);
	assert_string_equal(err.text, "process.selinuxLabel: 'a:b:c:s0': SELinux is not enabled on "
				      "this host");
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apparmor),
		cmocka_unit_test(test_selinux),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
