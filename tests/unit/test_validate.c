/* oci/validate and what the tables check: the rules of config.md and config-linux.md, one by one.
 */
#include "document.h"

#include <errno.h>
#include <sys/mount.h>

#define LINUX(more)     "\"linux\":{" more "}"
#define SECCOMP(more)   LINUX("\"seccomp\":{" more "}")
#define RESOURCES(more) LINUX("\"resources\":{" more "}")
#define ONE_RULE(more)                                                                             \
	SECCOMP("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]," more   \
		"}]")
#define MAP(c, h, s) "[{\"containerID\":" c ",\"hostID\":" h ",\"size\":" s "}]"
#define USER_NS      "\"namespaces\":[{\"type\":\"user\"}]"

struct rule {
	const char *top, *process;
	const char *fault; /* "" if it is good */
};

/* Rows of tables; as macros, they are laid out like calls. */
#define GOOD(top_)                                                                                 \
	{                                                                                          \
		.top = top_, .process = "", .fault = ""                                            \
	}
#define GOOD_PROCESS(process_)                                                                     \
	{                                                                                          \
		.top = "", .process = process_, .fault = ""                                        \
	}
#define BAD(top_, fault_)                                                                          \
	{                                                                                          \
		.top = top_, .process = "", .fault = fault_                                        \
	}
#define BAD_PROCESS(process_, fault_)                                                              \
	{                                                                                          \
		.top = "", .process = process_, .fault = fault_                                    \
	}

static void check(const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;
		struct ctr_spec *spec;

		spec = document_decode(&arena, document_of(&arena, rules[i].top, rules[i].process),
				       &err);
		assert_string_equal(document_fault(&err), rules[i].fault);
		assert_true((spec != NULL) == !*rules[i].fault);
		ctr_arena_release(&arena);
	}
}

static void process_rules(void **state)
{
	static const struct rule rules[] = {
		GOOD_PROCESS("\"env\":[\"A=\",\"A=1\",\"B==\"]"),
		BAD_PROCESS("\"env\":[\"A\"]", "process.env[0]: 'A' is not of the form NAME=VALUE"),
		BAD_PROCESS("\"env\":[\"A=1\",\"=x\"]",
			    "process.env[1]: '=x' is not of the form NAME=VALUE"),
		BAD_PROCESS("\"env\":[\"\"]", "process.env[0]: '' is not of the form NAME=VALUE"),
		BAD_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":2,\"hard\":1}]",
			    "process.rlimits[0].soft: 2 is above the hard limit 1"),
		BAD_PROCESS("\"consoleSize\":{\"height\":1}",
			    "process.consoleSize.width: is required"),
		BAD_PROCESS("\"consoleSize\":{\"height\":65536,\"width\":80}",
			    "process.consoleSize.height: 65536 is not in 0..65535"),
		GOOD_PROCESS("\"apparmorProfile\":\"\",\"selinuxLabel\":\"\""),
		GOOD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":-20}"),
		BAD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":20}",
			    "process.scheduler.nice: 20 is not in -20..19"),
		BAD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"nice\":1,\"priority\":1}",
			    "process.scheduler.nice: only SCHED_OTHER and SCHED_BATCH take it"),
		GOOD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":99}"),
		BAD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":100}",
			    "process.scheduler.priority: 100 is not in 1..99"),
		BAD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_RR\"}",
			    "process.scheduler.priority: 0 is not in 1..99"),
		BAD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":5}",
			    "process.scheduler.priority: only SCHED_FIFO and SCHED_RR take it"),
		BAD_PROCESS(
			"\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"runtime\":5}",
			"process.scheduler.policy: only SCHED_DEADLINE takes runtime, deadline and period"),
		BAD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_DEADLINE\"}",
			    "process.scheduler.runtime: SCHED_DEADLINE needs it"),
		BAD_PROCESS("\"scheduler\":{}", "process.scheduler.policy: is required"),
		BAD_PROCESS("\"scheduler\":{\"policy\":\"SCHED_X\"}",
			    "process.scheduler.policy: unknown value 'SCHED_X'"),
		BAD_PROCESS("\"ioPriority\":{\"priority\":1}",
			    "process.ioPriority.class: is required"),
		BAD_PROCESS("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":-1}",
			    "process.ioPriority.priority: -1 is not in 0..7"),
		GOOD_PROCESS("\"execCPUAffinity\":{\"initial\":\"0-3,7, 9\",\"final\":\"\"}"),
		GOOD_PROCESS("\"execCPUAffinity\":{\"initial\":\"1500\"}"),
		BAD_PROCESS("\"execCPUAffinity\":{\"initial\":\"3-1\"}",
			    "process.execCPUAffinity.initial: '3-1' is not a list like '0-3,7'"),
		BAD_PROCESS("\"execCPUAffinity\":{\"initial\":\"1,\"}",
			    "process.execCPUAffinity.initial: '1,' is not a list like '0-3,7'"),
		BAD_PROCESS("\"execCPUAffinity\":{\"final\":\"a\"}",
			    "process.execCPUAffinity.final: 'a' is not a list like '0-3,7'"),
		BAD_PROCESS(
			"\"execCPUAffinity\":{\"final\":\"9999999999999\"}",
			"process.execCPUAffinity.final: '9999999999999' is not a list like '0-3,7'"),

	};

	(void)state;
	check(rules, unit_count(rules));
}

static void root_and_version(void **state)
{
	static const struct {
		const char *version, *fault;
	} cases[] = {
		{"1.0.0",             ""						      },
		{ "1.0.2-dev",        ""						      },
		{ "1.3.0-rc.1+dev.5", ""						      },
		{ "1.99.0",           ""						      },
		{ "2.0.0",            "ociVersion: '2.0.0' is not supported, only 1.x is"     },
		{ "0.9.0",            "ociVersion: '0.9.0' is not supported, only 1.x is"     },
		{ "",                 "ociVersion: '' is not a version like '1.2.0'"          },
		{ "1.0",              "ociVersion: '1.0' is not a version like '1.2.0'"       },
		{ "1.0.0.0",          "ociVersion: '1.0.0.0' is not a version like '1.2.0'"   },
		{ "v1.0.0",           "ociVersion: 'v1.0.0' is not a version like '1.2.0'"    },
		{ "1.01.0",           "ociVersion: '1.01.0' is not a version like '1.2.0'"    },
		{ "1.0.0-",           "ociVersion: '1.0.0-' is not a version like '1.2.0'"    },
		{ "1.0.0-a..b",       "ociVersion: '1.0.0-a..b' is not a version like '1.2.0'"},
		{ "1.0.0+a_b",        "ociVersion: '1.0.0+a_b' is not a version like '1.2.0'" },
	};
	static const struct {
		const char *path, *absolute;
	} roots[] = {
		{"rootfs",   "/bundle/rootfs"},
                { ".",       "/bundle"       },
		{ "./a//b/", "/bundle/a/b"   },
                { "/x/y",    "/x/y"          },
		{ "../r",    "/bundle/../r"  },
                { "/",       "/"             },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;
	struct ctr_spec *spec;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		(void)document_decode(
			&arena,
			ctr_arena_printf(&arena,
					 "{\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"a\"],"
					 "\"cwd\":\"/\"},\"ociVersion\":\"%s\"}",
					 cases[i].version),
			&err);
		assert_string_equal(document_fault(&err), cases[i].fault);
	}
	for (size_t i = 0; i < unit_count(roots); i++) {
		spec = document_decode(
			&arena,
			ctr_arena_printf(
				&arena,
				"{\"root\":{\"path\":\"%s\"},\"process\":{\"args\":[\"a\"],"
				"\"cwd\":\"/\"},\"ociVersion\":\"1.0.0\"}",
				roots[i].path),
			&err);
		assert_string_equal(err.text, "");
		assert_string_equal(spec->root->path, roots[i].absolute);
	}
	assert_null(document_decode(&arena, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}",
				    &err));
	assert_string_equal(document_fault(&err), "root.path: is empty");
	assert_null(document_decode(&arena, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\"}}",
				    &err));
	assert_string_equal(document_fault(&err), "process: is required");
	ctr_arena_release(&arena);
}

static void mounts(void **state)
{
	static const struct rule rules[] = {
		BAD("\"mounts\":[{\"destination\":\"\",\"type\":\"proc\"}]",
		    "mounts[0].destination: is empty"),
		BAD("\"mounts\":[{\"destination\":\"/a\"}]",
		    "mounts[0].type: is required, unless options hold bind or rbind, or nothing "
		    "but a propagation"),
		BAD("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"rshared\",\"ro\"]}]",
		    "mounts[0].type: is required, unless options hold bind or rbind, or nothing "
		    "but a propagation"),
		GOOD("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"rshared\"]}]"),
		GOOD("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"remount\",\"ro\"]}]"),
		BAD("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\"]}]",
		    "mounts[0].source: is required for a bind mount"),
		GOOD("\"mounts\":[{\"destination\":\"/a\",\"options\":[\"bind\",\"remount\",\"ro\"]}]"),
		BAD("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"uidMappings\":" MAP(
			    "0", "1", "1") "}]",
		    "mounts[0].gidMappings: is required beside uidMappings"),
		BAD("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"gidMappings\":" MAP(
			    "0", "1", "1") "}]",
		    "mounts[0].uidMappings: is required beside gidMappings"),
		BAD("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"options\":[\"idmap\"]}]",
		    "mounts[0].options: 'idmap' needs uidMappings and gidMappings, or a user namespace"),
		BAD("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"options\":[\"ridmap\"]}]",
		    "mounts[0].options: 'ridmap' needs uidMappings and gidMappings, or a user namespace"),
		GOOD("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"options\":[\"idmap\"],"
		     "\"uidMappings\":" MAP("0", "1", "1") ",\"gidMappings\":" MAP("0", "1",
										   "1") "}]"),
		GOOD("\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"options\":[\"idmap\"]}]," LINUX(
			USER_NS)),

	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec;

	(void)state;
	check(rules, unit_count(rules));

	spec = document_good(&arena,
			     "\"mounts\":[{\"destination\":\"//a///b//\",\"type\":\"proc\"},"
			     "{\"destination\":\"data/./x\",\"type\":\"proc\"},"
			     "{\"destination\":\"/../../etc\",\"type\":\"proc\"}]",
			     "");
	assert_string_equal(spec->mounts[0].destination, "/a/b");
	assert_string_equal(spec->mounts[1].destination, "/data/x");
	assert_string_equal(spec->mounts[2].destination, "/etc");
	assert_int_equal(spec->nwarnings, 1);
	assert_non_null(strstr(spec->warnings[0],
			       ": mounts[1].destination: 'data/./x' is relative, which is "
			       "deprecated; taken as '/data/x'"));
	ctr_arena_release(&arena);
}

static void hooks(void **state)
{
	static const struct rule rules[] = {
		BAD("\"hooks\":{\"prestart\":[{\"path\":\"x\"}]}",
		    "hooks.prestart[0].path: 'x' is not an absolute path"),
		BAD("\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}",
		    "hooks.poststop[0].timeout: 0 is not in 1..2147483647"),
		BAD("\"hooks\":{\"poststart\":[{}]}", "hooks.poststart[0].path: is required"),
		BAD("\"hooks\":{\"createRuntime\":[{\"path\":\"/x\",\"env\":[\"A\"]}]}",
		    "hooks.createRuntime[0].env[0]: 'A' is not of the form NAME=VALUE"),
		GOOD("\"hooks\":{\"prestart\":[]}"),

	};

	(void)state;
	check(rules, unit_count(rules));
}

static void namespaces(void **state)
{
	static const struct rule rules[] = {
		BAD(LINUX("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]"),
		    "linux.namespaces[1]: namespace 'pid' is listed twice"),
		BAD(LINUX("\"namespaces\":[{\"type\":\"net\"}]"),
		    "linux.namespaces[0].type: unknown value 'net'"),
		BAD(LINUX("\"namespaces\":[{\"path\":\"/x\"}]"),
		    "linux.namespaces[0].type: is required"),
		BAD(LINUX("\"namespaces\":[{\"type\":\"pid\",\"path\":\"proc/1/ns/pid\"}]"),
		    "linux.namespaces[0].path: 'proc/1/ns/pid' is not an absolute path"),
		BAD("\"hostname\":\"x\"", "hostname: needs a uts namespace in linux.namespaces"),
		BAD("\"domainname\":\"x\"",
		    "domainname: needs a uts namespace in linux.namespaces"),
		GOOD("\"hostname\":\"x\",\"domainname\":\"y\"," LINUX(
			"\"namespaces\":[{\"type\":\"uts\"}]")),
		GOOD("\"hostname\":\"\""),
		BAD("\"hostname\":\"1234567890123456789012345678901234567890123456789012345678901234x\"",
		    "hostname: '1234567890123456789012345678901234567890123456789012345678901234x' is longer than "
		    "64 bytes"),
		BAD(LINUX("\"uidMappings\":" MAP("0", "1", "1")),
		    "linux.uidMappings: needs a user namespace in linux.namespaces"),
		BAD(LINUX("\"gidMappings\":" MAP("0", "1", "1")),
		    "linux.gidMappings: needs a user namespace in linux.namespaces"),
		BAD(LINUX(USER_NS ",\"uidMappings\":" MAP("0", "1", "1")),
		    "linux.gidMappings: is required beside linux.uidMappings"),
		GOOD(LINUX(USER_NS)),
		/* the planner decides */
		GOOD(LINUX(USER_NS ",\"uidMappings\":" MAP(
			"0", "0", "4294967295") ",\"gidMappings\":" MAP("0", "0", "4294967295"))),
		/* the sum is beyond 32 bits */
		BAD(LINUX(USER_NS ",\"uidMappings\":" MAP("1", "0", "4294967295")),
		    "linux.uidMappings[0].containerID: 1 and 4294967294 more are beyond 4294967294"),
		BAD(LINUX(USER_NS ",\"uidMappings\":" MAP("0", "4294967295", "1")),
		    "linux.uidMappings[0].hostID: 4294967295 and 0 more are beyond 4294967294"),
		BAD(LINUX(USER_NS ",\"uidMappings\":" MAP("0", "0", "0")),
		    "linux.uidMappings[0].size: 0 maps nothing"),
		BAD(LINUX("\"timeOffsets\":{\"boottime\":{\"secs\":1}}"),
		    "linux.timeOffsets: needs a time namespace in linux.namespaces"),
		BAD(LINUX("\"timeOffsets\":{\"boottime\":{\"secs\":1}},\"namespaces\":[{\"type\":\"time\",\"path\":\"/n\"}]"),
		    "linux.timeOffsets: the time namespace is joined and has its offsets"),
		GOOD(LINUX(
			"\"timeOffsets\":{\"boottime\":{\"secs\":1}},\"namespaces\":[{\"type\":\"time\"}]")),
		BAD(LINUX("\"timeOffsets\":{\"monotonic\":{\"nanosecs\":1000000000}}"),
		    "linux.timeOffsets.monotonic.nanosecs: 1000000000 is not in 0..999999999"),
		BAD(LINUX("\"netDevices\":{\"eth0\":{}}"),
		    "linux.netDevices: needs a network namespace in linux.namespaces"),
		BAD(LINUX("\"netDevices\":{\"eth0\":{\"name\":\"a/b\"}}"),
		    "linux.netDevices.eth0.name: 'a/b' is not the name of a network interface"),
		BAD(LINUX("\"netDevices\":{\"eth0\":{\"name\":\"..\"}}"),
		    "linux.netDevices.eth0.name: '..' is not the name of a network interface"),
		BAD(LINUX("\"netDevices\":{\"0123456789012345\":{}}"),
		    "linux.netDevices.0123456789012345: '0123456789012345' is not the name of a network interface"),
		GOOD(LINUX(
			"\"netDevices\":{\"eth0\":{\"name\":\"net%d\"},\"eth1\":{\"name\":\"\"}},"
			"\"namespaces\":[{\"type\":\"network\"}]")),

	};

	(void)state;
	check(rules, unit_count(rules));
}

static void sysctls(void **state)
{
#define NAMESPACES(type)  "\"namespaces\":[{\"type\":\"" type "\"}]"
#define SYSCTL(key, more) LINUX("\"sysctl\":{\"" key "\":\"1\"}" more)
	static const struct rule rules[] = {
		GOOD(SYSCTL("net.ipv4.ip_forward", "," NAMESPACES("network"))),
		BAD(SYSCTL("net.ipv4.ip_forward", ""),
		    "linux.sysctl[\"net.ipv4.ip_forward\"]: needs a network namespace in linux.namespaces"),
		GOOD(SYSCTL("kernel.shmmax", "," NAMESPACES("ipc"))),
		GOOD(SYSCTL("kernel/shm_rmid_forced", "," NAMESPACES("ipc"))),
		GOOD(SYSCTL("fs.mqueue.msg_max", "," NAMESPACES("ipc"))),
		BAD(SYSCTL("kernel.sem", ""),
		    "linux.sysctl[\"kernel.sem\"]: needs an ipc namespace in linux.namespaces"),
		GOOD(SYSCTL("kernel.domainname", "," NAMESPACES("uts"))),
		BAD(SYSCTL("kernel.hostname", "," NAMESPACES("uts")),
		    "linux.sysctl[\"kernel.hostname\"]: use hostname instead"),
		GOOD(SYSCTL("user.max_user_namespaces", "," NAMESPACES("user"))),
		BAD(SYSCTL("user.max_user_namespaces",
			   ",\"namespaces\":[{\"type\":\"user\",\"path\":\"/x\"}]"),
		    "linux.sysctl[\"user.max_user_namespaces\"]: needs a new user namespace in linux.namespaces"),
		BAD(SYSCTL("kernel.pid_max", ""),
		    "linux.sysctl[\"kernel.pid_max\"]: is the whole host's, not a namespace's"),
		BAD(SYSCTL("vm.overcommit_memory", ""),
		    "linux.sysctl[\"vm.overcommit_memory\"]: is the whole host's, not a namespace's"),
		BAD(SYSCTL("kernel.shmmaxx", "," NAMESPACES("ipc")),
		    "linux.sysctl[\"kernel.shmmaxx\"]: is the whole host's, not a namespace's"),
		GOOD(SYSCTL("net.ipv4", "," NAMESPACES("network"))),
		BAD(SYSCTL("net/../kernel/panic", "," NAMESPACES("network")),
		    "linux.sysctl[\"net/../kernel/panic\"]: is not the name of a sysctl"),
		BAD(SYSCTL("net./.", ""), "linux.sysctl[\"net/./\"]: is not the name of a sysctl"),
		BAD(SYSCTL("/net/core", ""), "linux.sysctl./net/core: is not the name of a sysctl"),
		BAD(SYSCTL("net//core", ""), "linux.sysctl.net//core: is not the name of a sysctl"),
		BAD(SYSCTL("net.core.", ""), "linux.sysctl.net/core/: is not the name of a sysctl"),
		BAD(LINUX("\"sysctl\":{\"net.core.x\":\"1\",\"net/core/x\":\"2\"}"),
		    "linux.sysctl.net/core/x: appears twice"),

	};
	static const struct {
		const char *key, *path;
	} keys[] = {
		{"net.ipv4.ip_forward",                "net/ipv4/ip_forward"              },
		{ "net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"},
		{ "net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"},
	};

	(void)state;
	check(rules, unit_count(rules));
	for (size_t i = 0; i < unit_count(keys); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_spec *spec = document_good(
			&arena,
			ctr_arena_printf(&arena,
					 LINUX("\"sysctl\":{\"%s\":\"1\"}," NAMESPACES("network")),
					 keys[i].key),
			"");

		assert_string_equal(spec->linux_->sysctl[0].key, keys[i].path);
		ctr_arena_release(&arena);
	}
}

static void devices(void **state)
{
#define DEVICE(more) LINUX("\"devices\":[{\"path\":\"/dev/x\"," more "}]")
	static const struct rule rules[] = {
		GOOD(DEVICE("\"type\":\"c\",\"major\":1,\"minor\":3")),
		GOOD(DEVICE("\"type\":\"p\"")),
		BAD(DEVICE("\"type\":\"x\""), "linux.devices[0].type: unknown value 'x'"),
		BAD(DEVICE("\"type\":\"a\""), "linux.devices[0].type: unknown value 'a'"),
		BAD(DEVICE("\"type\":\"b\",\"minor\":3"),
		    "linux.devices[0].major: is required for a device"),
		BAD(DEVICE("\"type\":\"u\",\"major\":3"),
		    "linux.devices[0].minor: is required for a device"),
		BAD(DEVICE("\"type\":\"c\",\"major\":4096,\"minor\":1"),
		    "linux.devices[0].major: 4096 is not in -1..4095"),
		BAD(DEVICE("\"type\":\"c\",\"major\":1,\"minor\":1048576"),
		    "linux.devices[0].minor: 1048576 is not in -1..1048575"),
		BAD(DEVICE("\"type\":\"p\",\"fileMode\":65536"),
		    "linux.devices[0].fileMode: 65536 is not in 0..4095"),
		BAD(LINUX("\"devices\":[{\"type\":\"p\",\"path\":\"dev/x\"}]"),
		    "linux.devices[0].path: 'dev/x' is not an absolute path"),
		GOOD(RESOURCES("\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]")),
		GOOD(RESOURCES(
			"\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":-1,\"minor\":-1}]")),
		BAD(RESOURCES("\"devices\":[{\"allow\":true,\"access\":\"rx\"}]"),
		    "linux.resources.devices[0].access: 'rx' is not made of 'r', 'w' and 'm'"),
		BAD(RESOURCES("\"devices\":[{\"allow\":true,\"access\":\"\"}]"),
		    "linux.resources.devices[0].access: '' is not made of 'r', 'w' and 'm'"),
		BAD(RESOURCES("\"devices\":[{\"allow\":true,\"type\":\"p\"}]"),
		    "linux.resources.devices[0].type: unknown value 'p'"),
		BAD(RESOURCES("\"devices\":[{\"allow\":true,\"type\":\"a\",\"major\":1}]"),
		    "linux.resources.devices[0].type: 'b' or 'c' is needed beside a device number"),
		BAD(RESOURCES("\"devices\":[{\"allow\":true,\"minor\":1}]"),
		    "linux.resources.devices[0].type: 'b' or 'c' is needed beside a device number"),
		BAD(RESOURCES("\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":-2}]"),
		    "linux.resources.devices[0].major: -2 is not in -1..4294967295"),

	};

	(void)state;
	check(rules, unit_count(rules));
}

static void resources(void **state)
{
	static const struct rule rules[] = {
		GOOD(RESOURCES("\"memory\":{\"limit\":-1,\"swap\":-1}")),
		GOOD(RESOURCES("\"memory\":{\"limit\":10,\"swap\":0}")),
		GOOD(RESOURCES("\"memory\":{\"limit\":10,\"swap\":10}")),
		BAD(RESOURCES("\"memory\":{\"limit\":10,\"swap\":9}"),
		    "linux.resources.memory.swap: 9 is below memory.limit 10, which it includes"),
		BAD(RESOURCES("\"memory\":{\"swappiness\":101}"),
		    "linux.resources.memory.swappiness: 101 is not in 0..100"),
		BAD(RESOURCES("\"cpu\":{\"quota\":10,\"burst\":11}"),
		    "linux.resources.cpu.burst: 11 is above cpu.quota 10"),
		GOOD(RESOURCES("\"cpu\":{\"quota\":-1,\"burst\":11}")),
		BAD(RESOURCES("\"cpu\":{\"idle\":2}"),
		    "linux.resources.cpu.idle: 2 is not in 0..1"),
		BAD(RESOURCES("\"cpu\":{\"cpus\":\"0-x\"}"),
		    "linux.resources.cpu.cpus: '0-x' is not a list like '0-3,7'"),
		GOOD(RESOURCES("\"cpu\":{\"mems\":\"\"}")),
		GOOD(RESOURCES("\"pids\":{}")),
		BAD(RESOURCES("\"blockIO\":{\"weight\":9}"),
		    "linux.resources.blockIO.weight: 9 is not in 10..1000"),
		BAD(RESOURCES("\"blockIO\":{\"weight\":0,\"leafWeight\":1001}"),
		    "linux.resources.blockIO.leafWeight: 1001 is not in 10..1000"),
		BAD(RESOURCES(
			    "\"blockIO\":{\"weightDevice\":[{\"major\":1,\"minor\":2,\"weight\":1}]}"),
		    "linux.resources.blockIO.weightDevice[0].weight: 1 is not in 10..1000"),
		BAD(RESOURCES("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"rate\":2}]}"),
		    "linux.resources.blockIO.throttleReadBpsDevice[0].minor: is required"),
		GOOD(RESOURCES("\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]")),
		/* it becomes part of a file name */
		/* fault 92 */
		BAD(RESOURCES("\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":1}]"),
		    "linux.resources.hugepageLimits[0].pageSize: '../2MB' is not a size like '2MB'"),
		BAD(RESOURCES("\"hugepageLimits\":[{\"pageSize\":\"2MiB\",\"limit\":1}]"),
		    "linux.resources.hugepageLimits[0].pageSize: '2MiB' is not a size like '2MB'"),
		BAD(RESOURCES("\"hugepageLimits\":[{\"pageSize\":\"02MB\",\"limit\":1}]"),
		    "linux.resources.hugepageLimits[0].pageSize: '02MB' is not a size like '2MB'"),
		BAD(RESOURCES("\"hugepageLimits\":[{\"pageSize\":\"MB\",\"limit\":1}]"),
		    "linux.resources.hugepageLimits[0].pageSize: 'MB' is not a size like '2MB'"),
		BAD(RESOURCES("\"rdma\":{\"mlx\":{}}"),
		    "linux.resources.rdma.mlx: needs hcaHandles or hcaObjects"),
		GOOD(RESOURCES("\"unified\":{\"memory.high\":\"1\",\"a.b.c\":\"\"}")),
		BAD(RESOURCES("\"unified\":{\"../x\":\"1\"}"),
		    "linux.resources.unified[\"../x\"]: '../x' is not of the form CONTROLLER.PARAMETER"),
		BAD(RESOURCES("\"unified\":{\"a.b\\nc\":\"1\"}"),
		    "linux.resources.unified[\"a.b?c\"]: 'a.b?c' is not of the form CONTROLLER.PARAMETER"),
		BAD(RESOURCES("\"unified\":{\"a.b/c\":\"1\"}"),
		    "linux.resources.unified[\"a.b/c\"]: 'a.b/c' is not of the form CONTROLLER.PARAMETER"),
		BAD(RESOURCES("\"unified\":{\"memory\":\"1\"}"),
		    "linux.resources.unified.memory: 'memory' is not of the form CONTROLLER.PARAMETER"),
		BAD(RESOURCES("\"unified\":{\"..\":\"1\"}"),
		    "linux.resources.unified[\"..\"]: '..' is not of the form CONTROLLER.PARAMETER"),
		BAD(RESOURCES("\"unified\":{\"memory.\":\"1\"}"),
		    "linux.resources.unified[\"memory.\"]: 'memory.' is not of the form CONTROLLER.PARAMETER"),

	};

	(void)state;
	check(rules, unit_count(rules));
}

static void seccomp(void **state)
{
	static const struct rule rules[] = {
		BAD(SECCOMP("\"syscalls\":[]"), "linux.seccomp.defaultAction: is required"),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_FOO\""),
		    "linux.seccomp.defaultAction: unknown value 'SCMP_ACT_FOO'"),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_NOTIFY\""),
		    "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY is possible for single system calls only"),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1"),
		    "linux.seccomp.defaultErrnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take it"),
		GOOD(SECCOMP("\"defaultAction\":\"SCMP_ACT_TRACE\",\"defaultErrnoRet\":65535")),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096"),
		    "linux.seccomp.defaultErrnoRet: 4096 is not in 0..4095"),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\""),
		    "linux.seccomp.listenerMetadata: needs listenerPath beside it"),
		BAD(ONE_RULE("\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1"),
		    "linux.seccomp.syscalls[0].errnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take it"),
		BAD(ONE_RULE("\"action\":\"SCMP_ACT_NOTIFY\""),
		    "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath"),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/s\",\"syscalls\":[{\"names\":"
			    "[\"read\",\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}]"),
		    "linux.seccomp.syscalls[0].names[1]: SCMP_ACT_NOTIFY is impossible for 'write'"),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":"
			    "\"SCMP_ACT_ALLOW\"}]"),
		    "linux.seccomp.syscalls[0].names: is empty"),
		BAD(SECCOMP("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"\"],\"action\":"
			    "\"SCMP_ACT_ALLOW\"}]"),
		    "linux.seccomp.syscalls[0].names[0]: is empty"),
		BAD(ONE_RULE(
			    "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]"),
		    "linux.seccomp.syscalls[0].args[0].index: 6 is not in 0..5"),
		BAD(ONE_RULE(
			    "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":1,\"value\":1,\"op\":\"EQ\"}]"),
		    "linux.seccomp.syscalls[0].args[0].op: unknown value 'EQ', did you mean 'SCMP_CMP_EQ'?"),
		BAD(ONE_RULE("\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":1,\"value\":1}]"),
		    "linux.seccomp.syscalls[0].args[0].op: is required"),

	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec;

	(void)state;
	check(rules, unit_count(rules));

	/* flags: absent and empty differ */
	spec = document_good(&arena, SECCOMP("\"defaultAction\":\"SCMP_ACT_ERRNO\""), "");
	assert_false(spec->linux_->seccomp->has_flags);
	assert_int_equal(spec->linux_->seccomp->default_errno_ret, EPERM);
	spec = document_good(&arena, SECCOMP("\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[]"),
			     "");
	assert_true(spec->linux_->seccomp->has_flags);
	assert_int_equal(spec->linux_->seccomp->flags, 0);
	ctr_arena_release(&arena);
}

static void linux_rest(void **state)
{
#define RDT(more)    LINUX("\"intelRdt\":{" more "}")
#define POLICY(more) LINUX("\"memoryPolicy\":{" more "}")
	static const struct rule rules[] = {
		GOOD(LINUX("\"rootfsPropagation\":\"rslave\"")),
		BAD(LINUX("\"rootfsPropagation\":\"x\""),
		    "linux.rootfsPropagation: unknown value 'x'"),
		BAD(LINUX("\"maskedPaths\":[\"/a\",\"b\"]"),
		    "linux.maskedPaths[1]: 'b' is not an absolute path"),
		BAD(LINUX("\"readonlyPaths\":[\"\"]"),
		    "linux.readonlyPaths[0]: '' is not an absolute path"),
		GOOD(LINUX("\"personality\":{\"domain\":\"LINUX\"}")),
		BAD(LINUX("\"personality\":{\"domain\":\"BSD\"}"),
		    "linux.personality.domain: unknown value 'BSD'"),
		BAD(LINUX("\"personality\":{}"), "linux.personality.domain: is required"),
		BAD(LINUX("\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}"),
		    "linux.personality.flags[0]: unknown value 'X'"),
		GOOD(RDT("\"closID\":\"/\"")),
		BAD(RDT("\"closID\":\"..\""),
		    "linux.intelRdt.closID: '..' is not the name of a directory"),
		BAD(RDT("\"closID\":\".\""),
		    "linux.intelRdt.closID: '.' is not the name of a directory"),
		BAD(RDT("\"closID\":\"a/b\""),
		    "linux.intelRdt.closID: 'a/b' is not the name of a directory"),
		BAD(RDT("\"l3CacheSchema\":\"L3:0=f\\nL3:1=f\""),
		    "linux.intelRdt.l3CacheSchema: 'L3:0=f?L3:1=f' has more than one line"),
		BAD(RDT("\"memBwSchema\":\"L3:0=1\""),
		    "linux.intelRdt.memBwSchema: 'L3:0=1' does not begin with 'MB:'"),
		BAD(RDT("\"schemata\":[\"a\",\"b\\n\"]"),
		    "linux.intelRdt.schemata[1]: 'b?' has more than one line"),
		GOOD(POLICY("\"mode\":\"MPOL_LOCAL\",\"nodes\":\"\"")),
		GOOD(POLICY("\"mode\":\"MPOL_PREFERRED\"")),
		BAD(POLICY("\"nodes\":\"0\""), "linux.memoryPolicy.mode: is required"),
		BAD(POLICY("\"mode\":\"MPOL_X\""),
		    "linux.memoryPolicy.mode: unknown value 'MPOL_X'"),
		BAD(POLICY("\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\""),
		    "linux.memoryPolicy.nodes: MPOL_LOCAL takes none"),
		BAD(POLICY("\"mode\":\"MPOL_DEFAULT\",\"nodes\":\"0\""),
		    "linux.memoryPolicy.nodes: MPOL_DEFAULT takes none"),
		BAD(POLICY("\"mode\":\"MPOL_INTERLEAVE\",\"nodes\":\"\""),
		    "linux.memoryPolicy.nodes: MPOL_INTERLEAVE needs at least one"),
		BAD(POLICY("\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_NODES\","
			   "\"MPOL_F_RELATIVE_NODES\"]"),
		    "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other"),
		BAD(POLICY("\"mode\":\"MPOL_INTERLEAVE\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_NUMA_BALANCING\"]"),
		    "linux.memoryPolicy.flags: MPOL_F_NUMA_BALANCING is for MPOL_BIND and MPOL_PREFERRED_MANY"),
		BAD(POLICY("\"mode\":\"MPOL_PREFERRED\",\"flags\":[\"MPOL_F_STATIC_NODES\"]"),
		    "linux.memoryPolicy.flags: MPOL_F_STATIC_NODES needs nodes"),
		BAD("\"vm\":{\"kernel\":{\"path\":\"vmlinuz\"}}",
		    "vm.kernel.path: 'vmlinuz' is not an absolute path"),
		BAD("\"vm\":{\"kernel\":{}}", "vm.kernel.path: is required"),
		BAD("\"vm\":{\"kernel\":{\"path\":\"/k\"},\"image\":{\"path\":\"/i\",\"format\":\"iso\"}}",
		    "vm.image.format: unknown value 'iso'"),
		BAD("\"vm\":{\"kernel\":{\"path\":\"/k\"},\"hwConfig\":{\"vcpus\":0}}",
		    "vm.hwConfig.vcpus: 0 is not in 1..4294967295"),
		BAD("\"vm\":{\"kernel\":{\"path\":\"/k\"},\"hypervisor\":{}}",
		    "vm.hypervisor.path: is required"),

	};

	(void)state;
	check(rules, unit_count(rules));
}

/* What Go writes for members that were never set. */
static void empty_is_absent(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec;

	(void)state;
	spec = document_good(
		&arena,
		"\"vm\":{\"hypervisor\":{\"path\":\"\"},\"kernel\":{\"path\":\"/k\"},"
		"\"image\":{\"path\":\"\",\"format\":\"\"}},\"hostname\":\"\","
		"\"mounts\":[{\"destination\":\"/a\",\"source\":\"\",\"type\":\"proc\",\"options\":[\"\"]}]," LINUX(
			"\"cgroupsPath\":\"\",\"mountLabel\":\"\",\"namespaces\":[{\"type\":\"pid\","
			"\"path\":\"\"}],\"intelRdt\":{\"closID\":\"\",\"memBwSchema\":\"\"}"),
		"\"selinuxLabel\":\"\"");
	assert_null(spec->vm->hypervisor.path);
	assert_null(spec->vm->image.path);
	assert_null(spec->hostname);
	assert_null(spec->mounts[0].source);
	assert_null(spec->mounts[0].data);
	assert_null(spec->linux_->cgroups_path);
	assert_null(spec->linux_->mount_label);
	assert_true(spec->linux_->namespaces[CTR_NS_PID].listed);
	assert_null(spec->linux_->namespaces[CTR_NS_PID].path);
	assert_null(spec->linux_->intel_rdt->clos_id);
	assert_null(spec->linux_->intel_rdt->mem_bw_schema);
	assert_null(spec->process->selinux_label);
	ctr_arena_release(&arena);
}

/* What is odd but allowed. */
static void warnings(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec;

	(void)state;
	spec = document_good(
		&arena, "",
		"\"capabilities\":{\"bounding\":[\"CAP_BOGUS\",\"CAP_KILL\",\"KILL\",\"cap_chown\"]}");
	assert_int_equal(spec->process->capabilities->bounding, 1 << 5);
	assert_int_equal(spec->nwarnings, 3);
	assert_string_equal(
		strstr(spec->warnings[0], "process."),
		"process.capabilities.bounding[0]: unknown capability 'CAP_BOGUS' is ignored");
	spec = document_good(&arena, RESOURCES("\"memory\":{\"kernel\":1}"), "");
	assert_int_equal(spec->nwarnings, 1);
	assert_string_equal(strstr(spec->warnings[0], "linux."),
			    "linux.resources.memory.kernel: is deprecated and has no effect");
	/* Only the whole word means none */
	spec = document_good(&arena, "", "\"apparmorProfile\":\"unconfined\"");
	assert_null(spec->process->apparmor_profile);
	spec = document_good(&arena, "", "\"apparmorProfile\":\"unconfined_foo\"");
	assert_string_equal(spec->process->apparmor_profile, "unconfined_foo");
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_rules), cmocka_unit_test(root_and_version),
		cmocka_unit_test(mounts),        cmocka_unit_test(hooks),
		cmocka_unit_test(namespaces),    cmocka_unit_test(sysctls),
		cmocka_unit_test(devices),       cmocka_unit_test(resources),
		cmocka_unit_test(seccomp),       cmocka_unit_test(linux_rest),
		cmocka_unit_test(warnings),      cmocka_unit_test(empty_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
