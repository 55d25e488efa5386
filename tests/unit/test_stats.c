/* Statistics, read from a directory that plays the cgroup. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/cgroup.h"
#include "cgroup/stats.h"

struct stage {
	struct ctr_arena arena;
	const char *path;
	struct ctr_cgroup cgroup;
};

static struct stage begin(void)
{
	struct stage stage = { .arena = CTR_ARENA_INIT, .path = unit_make_dir() };

	stage.cgroup.fd = open(stage.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return stage;
}

static void end(struct stage *stage)
{
	(void)close(stage->cgroup.fd);
	unit_remove_dir(stage->path);
	ctr_arena_release(&stage->arena);
}

static void put(struct stage *stage, const char *file, const char *text)
{
	assert_int_equal(ctr_file_replace(stage->cgroup.fd, file, text, strlen(text), 0644, NULL),
			 0);
}

static void test_nothing(void **state)
{
	struct stage stage = begin();
	struct ctr_stats stats;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_stats_read(&stage.cgroup, &stage.arena, &stats, &err), -1);
	assert_string_equal(err.text, "no statistics: the container has no cgroup of its own (any "
				      "more)");
	put(&stage, "cgroup.procs", "");
	assert_int_equal(ctr_stats_read(&stage.cgroup, &stage.arena, &stats, &err), 0);
	assert_false(stats.cpu.present || stats.memory.present || stats.pids.present ||
		     stats.io.present || stats.cpu.psi.present);
	assert_int_equal(stats.nhugetlb + stats.nrdma, 0);
	end(&stage);
}

static void test_all(void **state)
{
	struct stage stage = begin();
	struct ctr_stats stats;
	uint64_t value;

	(void)state;
	put(&stage, "cgroup.procs", "");
	put(&stage, "cpu.stat",
	    "usage_usec 300\nuser_usec 200\nsystem_usec 100\ncore_sched.force_idle_usec 0\n"
	    "nr_periods 9\nnr_throttled 8\nthrottled_usec 7\nnr_bursts 6\nburst_usec 5\n");
	put(&stage, "cpu.pressure",
	    "some avg10=1.23 avg60=0.05 avg300=100.00 total=18446744073709551615\n"
	    "full avg10=0.00 avg60=0.00 avg300=0.00 total=4\n");
	put(&stage, "memory.current", "4096\n");
	put(&stage, "memory.max", "max\n");
	put(&stage, "memory.peak", "8192\n");
	put(&stage, "memory.swap.current", "12\n");
	put(&stage, "memory.swap.max", "13\n");
	put(&stage, "memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n");
	put(&stage, "memory.stat", "anon 10\nfile 20\nkernel 30\nsock 40\nfuture_thing 50\n");
	put(&stage, "pids.current", "3\n");
	put(&stage, "pids.max", "100\n");
	put(&stage, "pids.peak", "7\n");
	put(&stage, "pids.events", "max 2\n");
	put(&stage, "io.stat",
	    "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
	    "253:0 rbytes=7 cost.usage=9 wbytes=8\n7:0 \n");
	put(&stage, "hugetlb.2MB.current", "2097152\n");
	put(&stage, "hugetlb.2MB.max", "max\n");
	put(&stage, "hugetlb.2MB.events", "max 11\n");
	put(&stage, "hugetlb.2MB.rsvd.current", "99\n");
	put(&stage, "rdma.current", "mlx5_1 hca_handle=1 hca_object=2\nmlx4_0 hca_handle=0\n");
	put(&stage, "rdma.max", "mlx5_1 hca_handle=max hca_object=7\n");

	assert_int_equal(ctr_stats_read(&stage.cgroup, &stage.arena, &stats, NULL), 0);
	assert_true(stats.cpu.present && stats.cpu.psi.present);
	assert_int_equal(stats.cpu.usage, 300);
	assert_int_equal(stats.cpu.system, 100);
	assert_int_equal(stats.cpu.throttled_periods, 8);
	assert_int_equal(stats.cpu.burst, 5);
	assert_int_equal(stats.cpu.psi.some.avg10, 123);
	assert_int_equal(stats.cpu.psi.some.avg60, 5);
	assert_int_equal(stats.cpu.psi.some.avg300, 10000);
	assert_true(stats.cpu.psi.some.total == UINT64_MAX);
	assert_int_equal(stats.cpu.psi.full.total, 4);
	assert_false(stats.memory.psi.present);

	assert_true(stats.memory.present && stats.memory.has_peak && stats.memory.has_swap);
	assert_false(stats.memory.has_swap_peak);
	assert_true(stats.memory.max == CTR_STATS_MAX);
	assert_int_equal(stats.memory.peak, 8192);
	assert_int_equal(stats.memory.swap_max, 13);
	assert_int_equal(stats.memory.event_oom_kill, 5);
	assert_int_equal(stats.memory.cache, 20);
	assert_int_equal(stats.memory.nstat, 5);
	assert_string_equal(stats.memory.stat[4].name, "future_thing");
	assert_int_equal(stats.memory.stat[4].value, 50);

	assert_int_equal(stats.pids.max, 100);
	assert_int_equal(stats.pids.peak, 7);
	assert_int_equal(stats.pids.event_max, 2);

	assert_int_equal(stats.io.ndevices, 3);
	assert_int_equal(stats.io.devices[0].minor, 16);
	assert_int_equal(stats.io.devices[0].dios, 6);
	assert_int_equal(stats.io.devices[1].major, 253);
	assert_int_equal(stats.io.devices[1].wbytes, 8);
	assert_int_equal(stats.io.devices[2].wbytes, 0);

	assert_int_equal(stats.nhugetlb, 1);
	assert_string_equal(stats.hugetlb[0].page_size, "2MB");
	assert_int_equal(stats.hugetlb[0].current, 2097152);
	assert_true(stats.hugetlb[0].max == CTR_STATS_MAX);
	assert_int_equal(stats.hugetlb[0].event_max, 11);

	assert_int_equal(stats.nrdma, 2);
	assert_string_equal(stats.rdma[0].device, "mlx5_1");
	assert_int_equal(stats.rdma[0].hca_objects, 2);
	assert_true(stats.rdma[0].max_hca_handles == CTR_STATS_MAX);
	assert_int_equal(stats.rdma[0].max_hca_objects, 7);

	assert_int_equal(ctr_stats_key(stage.cgroup.fd, "memory.events", "oom", &value), 0);
	assert_int_equal(value, 4);
	assert_int_equal(ctr_stats_key(stage.cgroup.fd, "memory.events", "oom_kill", &value), 0);
	assert_int_equal(value, 5);
	assert_int_equal(ctr_stats_key(stage.cgroup.fd, "memory.events", "oom_", &value), -ENOENT);
	assert_int_equal(ctr_stats_key(stage.cgroup.fd, "cpu.weight", "x", &value), -ENOENT);
	assert_int_equal(ctr_stats_number(stage.cgroup.fd, "memory.max", &value), 0);
	assert_true(value == CTR_STATS_MAX);
	assert_int_equal(ctr_stats_number(stage.cgroup.fd, "pids.current", &value), 0);
	assert_int_equal(value, 3);
	end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
