/* From linux.resources to files of the cgroup: a table of fragments and what is written. */
#include "unit.h"

#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "cgroup/controllers.h"
#include "cgroup/limits.h"
#include "oci/load.h"

/* Members of linux.resources with ' for "; "FILE=VALUE;..." that comes out. Behind a value, '?': a
 * new cgroup has it; '~': the file may be absent; '|': the next one instead. Behind '!': a warning.
 * Or the fault, without "linux.resources.". */
struct row {
	const char *members, *limits, *fault;
};

#define IO "'major':8,'minor':16"

static const struct row rows[] = {
	{"",										  "",					 NULL						     },
 /* memory */
	{ "'memory':{}",								      "",					 NULL						     },
	{ "'memory':{'limit':1048576}",						       "memory.max=1048576",                       NULL                                                     },
	{ "'memory':{'limit':0}",							     "",					 NULL						     },
	{ "'memory':{'limit':-1}",							    "memory.swap.max=max?;memory.max=max?",     NULL                                                     },
	{ "'memory':{'limit':-2}",							    NULL,
         "memory.limit: -2 is neither an amount nor -1 (unlimited)"																},
	{ "'memory':{'limit':9223372036854771712}",                                           "memory.max=max?",                          NULL                                                     },
	{ "'memory':{'limit':9223372036854771711}",                                           "memory.max=9223372036854771711",           NULL                                                     },
	{ "'memory':{'reservation':4096}",						    "memory.low=4096",                          NULL                                                     },
	{ "'memory':{'reservation':-1}",						      "memory.low=max",                           NULL                                                     },
	{ "'memory':{'reservation':0}",						       "",                                         NULL						     },
 /* fault 91 */
	{ "'memory':{'limit':100,'swap':300}",						"memory.swap.max=200;memory.max=100",       NULL                                                     },
	{ "'memory':{'limit':100,'swap':100}",						"memory.swap.max=0~;memory.max=100",        NULL                                                     },
	{ "'memory':{'limit':100,'swap':-1}",						 "memory.swap.max=max?;memory.max=100",      NULL                                                     },
	{ "'memory':{'limit':100,'swap':0}",						  "memory.max=100",                           NULL                                                     },
	{ "'memory':{'limit':-1,'swap':0}",						   "memory.swap.max=max?;memory.max=max?",     NULL                                                     },
	{ "'memory':{'swap':-1}",							     "memory.swap.max=max?",                     NULL                                                     },
	{ "'memory':{'swap':100}",							    NULL,
         "memory.swap: unable to set swap limit without memory limit: it is the limit of both "
	  "together"																					       },
	{ "'memory':{'limit':-1,'swap':100}",						 NULL,
         "memory.swap: unable to set swap limit without memory limit: it is the limit of both "
	  "together"																					       },
	{ "'memory':{'swap':-7}",							     NULL,                                       "memory.swap: -7 is neither an amount nor -1 (unlimited)"},
	{ "'memory':{'kernel':1,'kernelTCP':1,'useHierarchy':true,'disableOOMKiller':false}", "",
         NULL																						      },
	{ "'memory':{'disableOOMKiller':true}",                                               NULL,
         "memory.disableOOMKiller: cgroup v2 cannot do without the OOM killer (memory.high in "
	  "linux.resources.unified slows down instead of killing)"																 },
	{ "'memory':{'swappiness':60}",						       NULL,
         "memory.swappiness: cgroup v2 has no swappiness of its own for a cgroup (vm.swappiness "
	  "is the host's)"																					 },
 /* cpu */
	{ "'cpu':{'shares':0}",							       "",					 NULL						     },
	{ "'cpu':{'shares':1024}",							    "cpu.weight=100?",                          NULL                                                     },
	{ "'cpu':{'shares':512}",							     "cpu.weight=59",                            NULL                                                     },
	{ "'cpu':{'quota':20000}",							    "cpu.max=20000 100000",                     NULL                                                     },
	{ "'cpu':{'quota':20000,'period':50000}",                                             "cpu.max=20000 50000",                      NULL                                                     },
	{ "'cpu':{'period':50000}",							   "cpu.max=max 50000?",                       NULL                                                     },
	{ "'cpu':{'quota':-1}",							       "cpu.max=max 100000?",                      NULL                                                     },
	{ "'cpu':{'quota':0}",								"",					 NULL						     },
	{ "'cpu':{'quota':-1,'period':50000}",						"cpu.max=max 50000?",                       NULL                                                     },
	{ "'cpu':{'quota':20000,'burst':10000}",                                              "cpu.max.burst=10000;cpu.max=20000 100000", NULL                                                     },
	{ "'cpu':{'burst':0}",								"cpu.max.burst=0?",                         NULL                                                     },
	{ "'cpu':{'quota':999}",							      NULL,				       "cpu.quota: 999 is less than 1000 microseconds"          },
	{ "'cpu':{'period':999}",							     NULL,
         "cpu.period: 999 is not between 1000 and 1000000 microseconds"															    },
	{ "'cpu':{'period':1000001}",							 NULL,
         "cpu.period: 1000001 is not between 1000 and 1000000 microseconds"															},
	{ "'cpu':{'idle':1}",								 "cpu.idle=1",                               NULL						     },
	{ "'cpu':{'idle':0,'shares':2}",						      "cpu.idle=0?;cpu.weight=1",                 NULL                                                     },
	{ "'cpu':{'idle':1,'shares':2}",
         "cpu.idle=1!linux.resources.cpu.shares: without effect beside cpu.idle",                                                         NULL                                                     },
	{ "'cpu':{'cpus':'0-1','mems':'0'}",						  "cpuset.cpus=0-1;cpuset.mems=0",            NULL                                                     },
	{ "'cpu':{'cpus':'','mems':''}",						      "",                                         NULL						     },
	{ "'cpu':{'realtimeRuntime':0,'realtimePeriod':0}",                                   "",                                         NULL                                                     },
	{ "'cpu':{'realtimeRuntime':1}",						      NULL,
         "cpu.realtimeRuntime: cgroup v2 has no real-time bandwidth of a cgroup"														   },
	{ "'cpu':{'realtimePeriod':1}",						       NULL,
         "cpu.realtimePeriod: cgroup v2 has no real-time bandwidth of a cgroup"														    },
 /* pids */
	{ "'pids':{'limit':10}",							      "pids.max=10",                              NULL						     },
	{ "'pids':{'limit':0}",							       "pids.max=1",                               NULL						     },
	{ "'pids':{'limit':-1}",							      "pids.max=max?",                            NULL                                                     },
	{ "'memory':{'limit':-2,'swap':5}",						   NULL,
         "memory.limit: -2 is neither an amount nor -1 (unlimited)"																},
	{ "'pids':{'limit':-2}",							      NULL,				       "pids.limit: -2 is neither an amount nor -1 (unlimited)" },
 /* block I/O */
	{ "'blockIO':{'weight':0}",							   "",					 NULL						     },
	{ "'blockIO':{'weight':10}",							  "io.bfq.weight=10|;io.weight=1",            NULL                                                     },
	{ "'blockIO':{'weight':100}",							 "io.bfq.weight=100|;io.weight=910",         NULL                                                     },
	{ "'blockIO':{'weight':500}",							 "io.bfq.weight=500|;io.weight=4950",        NULL                                                     },
	{ "'blockIO':{'weight':1000}",							"io.bfq.weight=1000|;io.weight=10000",      NULL                                                     },
	{ "'blockIO':{'leafWeight':10}",						      NULL,
         "blockIO.leafWeight: cgroup v2 has no weight of leaves"																   },
	{ "'blockIO':{'weightDevice':[{" IO ",'weight':100}]}",
         "io.bfq.weight=8:16 100|;io.weight=8:16 910",										    NULL                                                     },
	{ "'blockIO':{'throttleReadBpsDevice':[{" IO ",'rate':5}],"
	  "'throttleWriteIOPSDevice':[{" IO ",'rate':0}]}",
         "io.max=8:16 rbps=5;io.max=8:16 wiops=max?",										     NULL                                                     },
	{ "'blockIO':{'throttleWriteBpsDevice':[{" IO ",'rate':6}],"
	  "'throttleReadIOPSDevice':[{" IO ",'rate':7}]}",
         "io.max=8:16 wbps=6;io.max=8:16 riops=7",											NULL                                                     },
 /* the rest */
	{ "'hugepageLimits':[{'pageSize':'2MB','limit':4194304}]",
         "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304~",									 NULL                                                     },
	{ "'hugepageLimits':[{'pageSize':'1GB','limit':9223372036854771712}]",
         "hugetlb.1GB.max=max?;hugetlb.1GB.rsvd.max=max?~",									       NULL                                                     },
	{ "'network':{'classID':0}",							  "",					 NULL						     },
	{ "'network':{'classID':1}",							  NULL,
         "network.classID: cgroup v2 has no controller for it (a BPF program or nftables' 'socket "
	  "cgroupv2' does that)"																				   },
	{ "'rdma':{'mlx5_1':{'hcaHandles':3,'hcaObjects':4}}",
         "rdma.max=mlx5_1 hca_handle=3 hca_object=4",										     NULL                                                     },
	{ "'rdma':{'mlx5_1':{'hcaObjects':4}}",                                               "rdma.max=mlx5_1 hca_object=4",             NULL                                                     },
	{ "'rdma':{'a b':{'hcaObjects':4}}",						  NULL,                                       "rdma.a b: is not the name of a device"                  },
	{ "'unified':{'memory.high':'1000'},'memory':{'limit':2000}",
         "memory.max=2000;memory.high=1000",											      NULL						     },
 /* fault 92 */
	{ "'unified':{'io.max':'8:0 rbps=1\\n8:16 rbps=2\\n'}",
         "io.max=8:0 rbps=1;io.max=8:16 rbps=2",											  NULL                                                     },
	{ "'unified':{'misc.max':'res_a 1','dmem.max':'x 1','foo.bar':'1'}",
         "misc.max=res_a 1;dmem.max=x 1;foo.bar=1",										       NULL                                                     },
	{ "'unified':{'memory.high':''}",						     NULL,
         "unified[\"memory.high\"]: there is nothing to write"																     },
	{ "'unified':{'cgroup.freeze':'1'}",						  NULL,
         "unified[\"cgroup.freeze\"]: is no limit of the container"																},
};

static const char *show(const struct ctr_limits *limits, struct ctr_arena *arena)
{
	struct ctr_buf out;

	ctr_buf_init(&out, arena);
	for (size_t i = 0; i < limits->count; i++) {
		const struct ctr_limit *limit = &limits->list[i];

		assert_int_equal(strncmp(limit->origin, "linux.resources.", 16), 0);
		ctr_buf_addf(&out, "%s%s=%s%s%s%s", i ? ";" : "", limit->file, limit->value,
			     limit->flags & CTR_LIMIT_DEFAULT ? "?" : "",
			     limit->flags & CTR_LIMIT_MAY_LACK ? "~" : "",
			     limit->flags & CTR_LIMIT_OR_NEXT ? "|" : "");
	}
	for (size_t i = 0; i < limits->nwarnings; i++)
		ctr_buf_addf(&out, "!%s", limits->warnings[i]);
	return ctr_buf_str(&out);
}

static const struct ctr_resources *decode(struct ctr_arena *arena, const char *members)
{
	char *text = ctr_arena_printf(arena, "{%s}", members);
	struct ctr_resources *resources;
	struct ctr_error err = { 0 };

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	resources = ctr_resources_decode(arena, text, strlen(text), "r.json", &err);
	if (!resources)
		fail_msg("%s: %s", members, err.text);
	return resources;
}

static void test_plan(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(rows); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err = { 0 };
		struct ctr_limits limits;
		int r = ctr_limits_plan(decode(&arena, rows[i].members), &arena, &limits, &err);

		print_message("# %s\n", rows[i].members);
		if (rows[i].fault) {
			assert_int_equal(r, -1);
			assert_int_equal(err.fault, CTR_FAULT_CONFIG);
			assert_string_equal(err.text, ctr_arena_printf(&arena, "linux.resources.%s",
								       rows[i].fault));
		} else {
			assert_int_equal(r, 0);
			assert_string_equal(show(&limits, &arena), rows[i].limits);
		}
		ctr_arena_release(&arena);
	}
}

/* What update puts together of two documents, each of them fine. */
static void test_merged(void **state)
{
	const struct ctr_memory memory = {
		.limit = 101, .has_limit = true, .swap = 100, .has_swap = true
	};
	const struct ctr_cpu cpu = {
		.quota = 20000, .has_quota = true, .burst = 20001, .has_burst = true
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_limits limits;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_limits_plan(&(struct ctr_resources){ .memory = &memory }, &arena,
					 &limits, &err),
			 -1);
	assert_string_equal(err.text, "linux.resources.memory.swap: memory+swap limit should be >= "
				      "memory limit: 100 is less than 101");
	assert_int_equal(
		ctr_limits_plan(&(struct ctr_resources){ .cpu = &cpu }, &arena, &limits, &err), -1);
	assert_string_equal(err.text, "linux.resources.cpu.burst: 20001 is more than the quota, "
				      "20000");
	ctr_arena_release(&arena);
}

static void test_controllers(void **state)
{
	static const struct {
		const char *members;
		uint32_t controllers;
	} cases[] = {
		{"'memory':{'limit':-1},'cpu':{'shares':1024},'pids':{'limit':-1}",       0},
		{ "'memory':{'limit':1},'pids':{'limit':0}",
                 1U << CTR_CONTROLLER_MEMORY | 1U << CTR_CONTROLLER_PIDS                   },
		{ "'cpu':{'cpus':'0','shares':2}",
                 1U << CTR_CONTROLLER_CPUSET | 1U << CTR_CONTROLLER_CPU                    },
		{ "'unified':{'misc.max':'a 1','cgroup.max.depth':'1','io.latency':'x'}",
                 1U << CTR_CONTROLLER_MISC | 1U << CTR_CONTROLLER_IO                       },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_limits limits;

		assert_int_equal(
			ctr_limits_plan(decode(&arena, cases[i].members), &arena, &limits, NULL),
			0);
		assert_int_equal(limits.controllers, cases[i].controllers);
		ctr_arena_release(&arena);
	}
}

/* The curve as runc computes it, for every number of shares. */
static void test_weight(void **state)
{
	(void)state;
	assert_int_equal(ctr_cpu_weight(0), 0);
	assert_int_equal(ctr_cpu_weight(1), 1);
	assert_int_equal(ctr_cpu_weight(2), 1);
	assert_int_equal(ctr_cpu_weight(1024), 100);
	assert_int_equal(ctr_cpu_weight(262144), 10000);
	assert_int_equal(ctr_cpu_weight(UINT64_MAX), 10000);
	for (uint64_t shares = 3; shares < 262144; shares++) {
		double l = log2((double)shares);
		double weight = ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));

		if (ctr_cpu_weight(shares) != (uint64_t)weight)
			fail_msg("%lu shares", (unsigned long)shares);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
