/* Statistics as a document: what `ctr events` prints. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "cgroup/stats.h"
#include "core/stats_json.h"
#include "oci/encode.h"

static const char *encode(const struct ctr_stats *stats, char *network, struct ctr_arena *arena)
{
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_json_object(&json, NULL);
	if (stats)
		ctr_stats_encode(&json, stats);
	if (network)
		ctr_stats_encode_network(&json, network);
	ctr_json_end_object(&json);
	return ctr_buf_str(&buf);
}

static void test_nothing(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	const struct ctr_stats stats = { 0 };

	(void)state;
	assert_string_equal(
		encode(&stats, NULL, &arena),
		"{\"cpu\":{\"usage\":{\"total\":0,\"kernel\":0,\"user\":0},"
		"\"throttling\":{\"periods\":0,\"throttledPeriods\":0,\"throttledTime\":0}},"
		"\"memory\":{\"cache\":0,"
		"\"usage\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},"
		"\"swap\":{\"limit\":0,\"usage\":0,\"max\":0,\"failcnt\":0},"
		"\"kernel\":{\"limit\":18446744073709551615,\"usage\":0,\"max\":0,\"failcnt\":0},"
		"\"kernelTCP\":{\"limit\":18446744073709551615,\"usage\":0,\"max\":0,\"failcnt\":0},"
		"\"raw\":{},\"events\":{\"low\":0,\"high\":0,\"max\":0,\"oom\":0,\"oom_kill\":0,"
		"\"oom_group_kill\":0}},"
		"\"pids\":{\"current\":0,\"limit\":0,\"peak\":0,\"failcnt\":0},"
		"\"blkio\":{\"ioServiceBytesRecursive\":[],\"ioServicedRecursive\":[]},"
		"\"hugetlb\":{}}");
	ctr_arena_release(&arena);
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in %s", part, text);
}

static void test_all(void **state)
{
	static const struct ctr_stats_pair raw[] = {
		{"anon",          10},
                { "future_thing", 50}
	};
	static const struct ctr_stats_io_device disk = {
		.major = 8, .minor = 16, .rbytes = 1, .wbytes = 2, .rios = 3, .wios = 4, .dbytes = 5
	};
	static const struct ctr_stats_hugetlb page = { "2MB", 2097152, CTR_STATS_MAX, 11 };
	static const struct ctr_stats_rdma rdma = { "mlx5_1", 1, 2, CTR_STATS_MAX, 7 };
	const struct ctr_stats stats = {
		.cpu = {.present = true,
                        .usage = 300,
                        .user = 200,
                        .system = 100,
                        .periods = 9,
                        .throttled_periods = 8,
                        .throttled = 7,
                        .psi = { .present = true, .some = { 123, 5, 10000, UINT64_MAX } } },
		.memory = { .present = true,
                        .current = 4096,
                        .max = CTR_STATS_MAX,
                        .peak = 8192,
                        .swap_current = 4,
                        .swap_max = 5,
                        .event_max = 3,
                        .event_oom = 4,
                        .event_oom_kill = 5,
                        .cache = 20,
                        .kernel = 30,
                        .sock = 40,
                        .stat = raw,
                        .nstat = 2,
                        .psi = { .present = true } },
		.pids = { .present = true,
                        .current = 3,
                        .max = CTR_STATS_MAX,
                        .peak = 7,
                        .event_max = 2 },
		.io = { .present = true,
			.devices = &disk,
			.ndevices = 1,
			.psi = { .present = true, .full = { 1, 2, 3, 4 } }                                                         },
		.hugetlb = &page,
		.nhugetlb = 1,
		.rdma = &rdma,
		.nrdma = 1,
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	const char *text = encode(&stats, NULL, &arena);

	(void)state;
	/* Microseconds become nanoseconds, hundredths a fraction. */
	expect(text, "\"usage\":{\"total\":300000,\"kernel\":100000,\"user\":200000}");
	expect(text,
	       "\"throttling\":{\"periods\":9,\"throttledPeriods\":8,\"throttledTime\":7000}");
	expect(text, "\"psi\":{\"some\":{\"avg10\":1.23,\"avg60\":0.05,\"avg300\":100.00,"
		     "\"total\":18446744073709551615},\"full\":{\"avg10\":0.00,");
	expect(text, "\"cache\":20,\"usage\":{\"limit\":18446744073709551615,\"usage\":4096,"
		     "\"max\":8192,\"failcnt\":3}");
	/* No limit and a limit make no limit. */
	expect(text, "\"swap\":{\"limit\":18446744073709551615,\"usage\":4100,");
	expect(text, "\"kernel\":{\"limit\":18446744073709551615,\"usage\":30,");
	expect(text, "\"raw\":{\"anon\":10,\"future_thing\":50}");
	expect(text, "\"oom\":4,\"oom_kill\":5,");
	expect(text, "\"pids\":{\"current\":3,\"limit\":0,\"peak\":7,\"failcnt\":2}");
	expect(text, "\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\","
		     "\"value\":1},{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":2},"
		     "{\"major\":8,\"minor\":16,\"op\":\"Discard\",\"value\":5}]");
	expect(text, "\"full\":{\"avg10\":0.01,\"avg60\":0.02,\"avg300\":0.03,\"total\":4}");
	expect(text, "\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"limit\":18446744073709551615,"
		     "\"failcnt\":11}}");
	expect(text, "\"rdma\":{\"mlx5_1\":{\"hcaHandles\":1,\"hcaObjects\":2}}");
	ctr_arena_release(&arena);
}

static void test_network(void **state)
{
	char text[] =
		"Inter-|   Receive                            |  Transmit\n"
		" face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
		"    lo: 1 2 3 4 5 6 7 8 11 12 13 14 15 16 17 18\n"
		"eth0:1: 0 0 0 0 0 0 0 0 18446744073709551615 0 0 0 0 0 0 0\n";
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	assert_string_equal(encode(NULL, text, &arena),
			    "{\"network_interfaces\":[{\"Name\":\"lo\",\"RxBytes\":1,"
			    "\"RxPackets\":2,\"RxErrors\":3,\"RxDropped\":4,\"TxBytes\":11,"
			    "\"TxPackets\":12,\"TxErrors\":13,\"TxDropped\":14},"
			    "{\"Name\":\"eth0:1\",\"RxBytes\":0,\"RxPackets\":0,\"RxErrors\":0,"
			    "\"RxDropped\":0,\"TxBytes\":18446744073709551615,\"TxPackets\":0,"
			    "\"TxErrors\":0,\"TxDropped\":0}]}");
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
