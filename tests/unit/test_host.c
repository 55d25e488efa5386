/* base/host: what the kernel says of this machine, said once more in another way. */
#include "unit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/host.h"

static void probe(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_host host;
	struct stat st;

	(void)state;
	(void)signal(SIGUSR2, SIG_IGN);
	ctr_host_probe(&host, &arena);
	(void)signal(SIGUSR2, SIG_DFL);
	assert_true(host.ignored_signals >> (SIGUSR2 - 1) & 1);
	assert_false(host.ignored_signals >> (SIGUSR1 - 1) & 1);
	assert_int_equal(host.euid, geteuid());
	assert_int_equal(host.egid, getegid());
	assert_true(host.euid == 0 || host.rootless);
	for (int cap = 0; cap < 64; cap++) {
		int r = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		assert_int_equal(r >= 0, cap <= host.last_cap);
		assert_int_equal(r > 0, host.cap_bounding >> cap & 1);
	}
	assert_int_equal(host.has_user_ns, stat("/proc/self/ns/user", &st) == 0);
	assert_true(host.has_proc);
	assert_int_equal(host.has_time_ns, access("/proc/self/ns/time", F_OK) == 0);
	assert_int_equal(host.cgroup_mode == CTR_CGROUP_NONE, host.cgroup_mount == NULL);
	if (host.cgroup_mount) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/cgroup.procs", host.cgroup_mount);
		assert_true(access(path, F_OK) == 0 || host.cgroup_mode == CTR_CGROUP_UNIFIED);
		assert_int_equal(host.cgroup_self[0], '/');
	}
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
