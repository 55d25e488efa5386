/* oci/decode, oci/report: what the table engine refuses, and how it says so. */
#include "document.h"

#include "base/buf.h"

/* Rows of tables; as macros, they are laid out like calls. */
#define BAD(top_, fault_)                                                                          \
	{                                                                                          \
		.top = top_, .process = "", .fault = fault_                                        \
	}
#define BAD_PROCESS(process_, fault_)                                                              \
	{                                                                                          \
		.top = "", .process = process_, .fault = fault_                                    \
	}

static void faults(void **state)
{
	static const struct {
		const char *top, *process, *fault;
	} cases[] = {
		/* types */
		BAD("\"hostname\":1", "hostname: expected a string, got a number"),
		BAD("\"mounts\":{}", "mounts: expected an array, got an object"),
		BAD("\"mounts\":[null]", "mounts[0]: expected an object, got null"),
		BAD("\"mounts\":[[]]", "mounts[0]: expected an object, got an array"),
		BAD("\"linux\":[]", "linux: expected an object, got an array"),
		BAD("\"linux\":\"x\"", "linux: expected an object, got a string"),
		BAD("\"annotations\":[]", "annotations: expected an object, got an array"),
		BAD("\"annotations\":{\"a\":1}", "annotations.a: expected a string, got a number"),
		BAD("\"annotations\":{\"a.b\":{}}",
		    "annotations[\"a.b\"]: expected a string, got an object"),
		BAD("\"linux\":{\"resources\":{\"rdma\":{\"x\":1}}}",
		    "linux.resources.rdma.x: expected an object, got a number"),
		BAD_PROCESS("\"terminal\":1", "process.terminal: expected a boolean, got a number"),
		BAD_PROCESS("\"terminal\":\"true\"",
			    "process.terminal: expected a boolean, got a string"),
		BAD_PROCESS("\"user\":{\"uid\":\"0\"}",
			    "process.user.uid: expected a number, got a string"),
		BAD_PROCESS("\"user\":{\"uid\":true}",
			    "process.user.uid: expected a number, got a boolean"),
		BAD_PROCESS("\"user\":{\"uid\":[]}",
			    "process.user.uid: expected a number, got an array"),
		BAD_PROCESS("\"env\":[null]", "process.env[0]: expected a string, got null"),
		BAD_PROCESS("\"env\":[\"A=1\",[]]",
			    "process.env[1]: expected a string, got an array"),
		BAD_PROCESS("\"user\":{\"additionalGids\":[1,\"2\"]}",
			    "process.user.additionalGids[1]: expected a number, got a string"),
		BAD_PROCESS("\"capabilities\":{\"bounding\":[1]}",
			    "process.capabilities.bounding[0]: expected a string, got a number"),
		/* numbers */
		BAD_PROCESS("\"user\":{\"uid\":4294967296}",
			    "process.user.uid: 4294967296 is not in 0..4294967294"),
		BAD_PROCESS("\"user\":{\"uid\":-1}",
			    "process.user.uid: -1 is not in 0..4294967294"),
		BAD_PROCESS("\"user\":{\"uid\":1.5}",
			    "process.user.uid: expected an integer, got 1.5"),
		BAD_PROCESS("\"user\":{\"uid\":1.0}",
			    "process.user.uid: expected an integer, got 1.0"),
		BAD_PROCESS("\"user\":{\"uid\":1e3}",
			    "process.user.uid: expected an integer, got 1e3"),
		BAD_PROCESS("\"user\":{\"additionalGids\":[1,4294967296]}",
			    "process.user.additionalGids[1]: 4294967296 is not in 0..4294967294"),
		/* (uid_t)-1 would leave the process what ctr is: root */
		BAD_PROCESS("\"user\":{\"uid\":4294967295}",
			    "process.user.uid: 4294967295 is not in 0..4294967294"),
		BAD_PROCESS("\"user\":{\"gid\":4294967295}",
			    "process.user.gid: 4294967295 is not in 0..4294967294"),
		BAD_PROCESS("\"user\":{\"additionalGids\":[4294967295]}",
			    "process.user.additionalGids[0]: 4294967295 is not in 0..4294967294"),
		BAD("\"linux\":{\"devices\":[{\"type\":\"p\",\"path\":\"/x\",\"uid\":4294967295}]}",
		    "linux.devices[0].uid: 4294967295 is not in 0..4294967294"),
		BAD("\"linux\":{\"devices\":[{\"type\":\"p\",\"path\":\"/x\",\"gid\":4294967295}]}",
		    "linux.devices[0].gid: 4294967295 is not in 0..4294967294"),
		BAD_PROCESS("\"user\":{\"umask\":512}", "process.user.umask: 512 is not in 0..511"),
		BAD_PROCESS("\"oomScoreAdj\":1001",
			    "process.oomScoreAdj: 1001 is not in -1000..1000"),
		BAD_PROCESS("\"oomScoreAdj\":-1001",
			    "process.oomScoreAdj: -1001 is not in -1000..1000"),
		BAD_PROCESS(
			"\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":0,\"hard\":18446744073709551616}]",
			"process.rlimits[0].hard: 18446744073709551616 is not in 0..18446744073709551615"),
		BAD("\"linux\":{\"resources\":{\"pids\":{\"limit\":1e400}}}",
		    "linux.resources.pids.limit: expected an integer, got 1e400"),
		BAD("\"linux\":{\"resources\":{\"pids\":{\"limit\":9223372036854775808}}}",
		    "linux.resources.pids.limit: 9223372036854775808 is not in "
		    "-9223372036854775808..9223372036854775807"),
		BAD("\"linux\":{\"resources\":{\"pids\":{\"limit\":-9223372036854775809}}}",
		    "linux.resources.pids.limit: -9223372036854775809 is not in "
		    "-9223372036854775808..9223372036854775807"),
		BAD("\"linux\":{\"resources\":{\"blockIO\":{\"weight\":65536}}}",
		    "linux.resources.blockIO.weight: 65536 is not in 0..65535"),
		BAD_PROCESS("\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
			    "process.ioPriority.priority: 8 is not in 0..7"),
		/* words */
		BAD_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_BOGUS\",\"soft\":0,\"hard\":0}]",
			    "process.rlimits[0].type: unknown value 'RLIMIT_BOGUS'"),
		BAD_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CP\",\"soft\":0,\"hard\":0}]",
			    "process.rlimits[0].type: unknown value 'RLIMIT_CP', did you mean "
			    "'RLIMIT_CPU'?"),
		BAD_PROCESS("\"rlimits\":[{\"type\":\"\",\"soft\":0,\"hard\":0}]",
			    "process.rlimits[0].type: unknown value ''"),
		BAD_PROCESS(
			"\"rlimits\":[{\"type\":\"RLIMIT\\n\\u001b[31m\",\"soft\":0,\"hard\":0}]",
			"process.rlimits[0].type: unknown value 'RLIMIT??[31m'"),
		BAD("\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}}",
		    "linux.seccomp.flags[0]: unknown value 'X'"),
		BAD("\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":"
		    "[\"SCMP_ARCH_X86\",\"SCMP_ARCH_VAX\"]}}",
		    "linux.seccomp.architectures[1]: unknown value 'SCMP_ARCH_VAX'"),
		BAD("\"linux\":{\"timeOffsets\":{\"realtime\":{}}}",
		    "linux.timeOffsets: unknown value 'realtime'"),
		/* required, twice */
		BAD_PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":0}]",
			    "process.rlimits[0].hard: is required"),
		BAD_PROCESS("\"rlimits\":[{}]", "process.rlimits[0].type: is required"),
		BAD_PROCESS("\"rlimits\":[{\"type\":null,\"soft\":0,\"hard\":0}]",
			    "process.rlimits[0].type: is required"),
		BAD("\"mounts\":[{\"type\":\"proc\"}]", "mounts[0].destination: is required"),
		BAD("\"linux\":{\"resources\":{\"devices\":[{\"access\":\"r\"}]}}",
		    "linux.resources.devices[0].allow: is required"),
		BAD("\"vm\":{}", "vm.kernel: is required"),
		BAD("\"ociVersion\":\"1.0.0\"", "ociVersion: appears twice"),
		BAD_PROCESS("\"terminal\":true,\"terminal\":false",
			    "process.terminal: appears twice"),
		BAD_PROCESS("\"terminal\":null,\"terminal\":false",
			    "process.terminal: appears twice"),
		BAD("\"annotations\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}",
		    "annotations.a: appears twice"),
		BAD("\"annotations\":{\"\":\"1\"}", "annotations[\"\"]: a key must not be empty"),
		BAD("\"linux\":{\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{\"a\":{},\"a\":{}}}",
		    "linux.netDevices.a: appears twice"),

	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;

		assert_null(document_decode(
			&arena, document_of(&arena, cases[i].top, cases[i].process), &err));
		assert_string_equal(document_fault(&err), cases[i].fault);
		ctr_arena_release(&arena);
	}
}

/* Whole messages, with their places. */
static void places(void **state)
{
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{"{\n  \"ociVersion\": 1\n}",
                 "c.json:2:17: ociVersion: expected a string, got a number"											      },
		{ "{}",										 "c.json:1:1: ociVersion: is required"                            },
		{ "",										   "c.json:1:1: not valid JSON: parse error: premature EOF"         },
		{ "{\"ociVersion\":\"1.0.0\",\n\n\t\"root\": {},\n",
                 "c.json:3:10: root.path: is required"														   },
 /* columns are characters */
		{ "{\"\xc3\xa9\xc3\xa9\":1, \"ociVersion\":2}",
                 "c.json:1:23: ociVersion: expected a string, got a number"											      },
		{ "{\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"root\":{\"path\":\"/\"},\"ociVersion\":\"1.0.0\",\n"
		  " \"hostname\":\n  \"h\"}",					  "c.json:3:3: hostname: needs a uts namespace in linux.namespaces"},
		{ "{\"process\":{\n\"cwd\":\"/\"},\"root\":{\"path\":\"/\"},\"ociVersion\":\"1.0.0\"}",
                 "c.json:1:12: process.args: at least one word is required"											      },
		{ "{\"process\":{\"cwd\":\"\\u002e\\\"\"}}",
                 "c.json:1:19: process.cwd: '.\"' is not an absolute path"											       },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err;

		assert_null(document_decode(&arena, cases[i].text, &err));
		assert_string_equal(err.text, cases[i].fault);
		ctr_arena_release(&arena);
	}
}

/* A null member is absent. */
static void null_is_absent(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec;

	(void)state;
	spec = document_good(
		&arena,
		"\"mounts\":null,\"hooks\":null,\"annotations\":{\"a\":null,\"b\":\"1\"},\"vm\":null,"
		"\"hostname\":null,\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
		"\"architectures\":null,\"flags\":null,\"syscalls\":null},\"resources\":null}",
		"\"env\":null,\"capabilities\":null,\"user\":null,\"terminal\":null,"
		"\"oomScoreAdj\":null,\"rlimits\":null,\"consoleSize\":null");
	assert_int_equal(spec->nmounts, 0);
	assert_null(spec->vm);
	assert_null(spec->hostname);
	assert_int_equal(spec->nannotations, 1);
	assert_string_equal(ctr_spec_annotation(spec, "b"), "1");
	assert_null(ctr_spec_annotation(spec, "a"));
	assert_null(spec->linux_->resources);
	assert_int_equal(spec->linux_->seccomp->narchitectures, 0);
	assert_false(spec->linux_->seccomp->has_flags);
	assert_int_equal(spec->process->nenv, 0);
	assert_null(spec->process->capabilities);
	assert_false(spec->process->has_oom_score_adj);
	assert_false(spec->process->has_console_size);
	ctr_arena_release(&arena);
}

/* Unknown keys MUST be ignored, whatever they hold; so must other platforms' sections. */
static void unknown_is_ignored(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_spec *spec;

	(void)state;
	spec = document_good(
		&arena,
		"\"x\":{\"a\":[{\"b\":[[]]},1e400,null]},\"y\":[1,[2]],\"z\":null,\"windows\":{\"a\":[1]},"
		"\"linux\":{\"landlock\":{\"rules\":[{}]},\"cgroupsPath\":\"p\"},"
		"\"solaris\":[],\"zos\":1,\"freebsd\":\"x\"",
		"\"argss\":[1]");
	assert_string_equal(spec->linux_->cgroups_path, "p");
	ctr_arena_release(&arena);
}

/* `ctr lint` hears of every fault, warning and unknown key. */
static void findings(void **state)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0.0\",\"foo\":1,\"process\":{\"cwd\":\"x\",\"args\":[\"a\",1],\"env\":[\"A\",\"B=1\"],\n"
		"\"capabilities\":{\"bounding\":[\"CAP_X\",\"CAP_KILL\"]},\"rlimits\":[{\"type\":\"RLIMIT_CPU\"}]},\n"
		"\"hostname\":\"h\",\"mounts\":[7,{\"destination\":\"/a\",\"type\":\"tmpfs\",\"bar\":{}}]}";
	static const struct {
		bool fatal;
		const char *text;
	} expected[] = {
		{false,  "c.json:1:23: unknown property 'foo' is ignored"                              },
		{ true,  "c.json:1:48: process.cwd: 'x' is not an absolute path"                       },
		{ true,  "c.json:1:64: process.args[1]: expected a string, got a number"               },
		{ true,  "c.json:1:74: process.env[0]: 'A' is not of the form NAME=VALUE"              },
		{ false,
                 "c.json:2:29: process.capabilities.bounding[0]: unknown capability 'CAP_X' is ignored"},
		{ true,  "c.json:2:61: process.rlimits[0].soft: is required"                           },
		{ true,  "c.json:2:61: process.rlimits[0].hard: is required"                           },
		{ true,  "c.json:3:26: mounts[0]: expected an object, got a number"                    },
		{ false, "c.json:3:63: mounts[1]: unknown property 'bar' is ignored"                   },
		{ true,  "c.json:1:1: root: is required"                                               },
		{ true,  "c.json:3:12: hostname: needs a uts namespace in linux.namespaces"            },
		{ true,  "c.json:3:25: mounts: " CTR_UNPLACED                                          },
		{ false,
                 "c.json:1:1: linux.namespaces: there is none: the container has the caller's "
		  "processes, network, mounts and names, and its root is that of chroot(2)"            },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_findings found = { 0 };
	struct ctr_error err = { 0 };

	(void)state;
	assert_null(ctr_spec_decode(&arena, text, sizeof(text) - 1, "c.json", "/b", &found, &err));
	for (size_t i = 0; i < found.count && i < unit_count(expected); i++) {
		assert_string_equal(found.list[i].text, expected[i].text);
		assert_int_equal(found.list[i].fatal, expected[i].fatal);
	}
	assert_int_equal(found.count, unit_count(expected));
	assert_string_equal(err.text, expected[1].text);
	ctr_arena_release(&arena);
}

/* Go's decoder does not mind case; the spec, and so ctr, does. */
static void other_case(void **state)
{
	static const char text[] =
		"{\"ociversion\":\"1.0.0\",\"root\":{\"readOnly\":true,\"path\":\"/\"}}";
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_findings found = { 0 };
	struct ctr_error err = { 0 };

	(void)state;
	assert_null(ctr_spec_decode(&arena, text, sizeof(text) - 1, "c.json", "/b", &found, &err));
	assert_string_equal(found.list[0].text,
			    "c.json:1:2: unknown property 'ociversion' is ignored, "
			    "did you mean 'ociVersion'?");
	assert_string_equal(found.list[1].text,
			    "c.json:1:31: root: unknown property 'readOnly' is ignored, "
			    "did you mean 'readonly'?");
	ctr_arena_release(&arena);
}

/* Faults can be endless; the list is not. */
static void too_many_findings(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_findings found = { 0 };
	struct ctr_error err = { 0 };
	struct ctr_buf text;

	(void)state;
	ctr_buf_init(&text, &arena);
	ctr_buf_adds(&text, "{\"mounts\":[1");
	for (size_t i = 0; i < 100000; i++)
		ctr_buf_adds(&text, ",\n2");
	ctr_buf_adds(&text, "]}");
	assert_null(ctr_spec_decode(&arena, text.data, text.len, "c.json", "/b", &found, &err));
	assert_int_equal(found.count, 1001);
	assert_string_equal(found.list[1000].text, "c.json: too many findings, giving up");
	ctr_arena_release(&arena);
}

/* Map keys are compared by sorting: a million of them do not cost a trillion comparisons. */
static void many_keys(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;
	struct ctr_buf text;
	struct ctr_spec *spec;

	(void)state;
	ctr_buf_init(&text, &arena);
	ctr_buf_adds(&text, "\"annotations\":{\"k\":\"\"");
	for (size_t i = 0; i < 200000; i++)
		ctr_buf_addf(&text, ",\"k%zu\":\"\"", i);
	spec = document_decode(
		&arena,
		document_of(&arena, ctr_arena_printf(&arena, "%s}", ctr_buf_str(&text)), ""), &err);
	assert_non_null(spec);
	assert_int_equal(spec->nannotations, 200001);

	ctr_buf_adds(&text, ",\"k77777\":\"\"}");
	assert_null(document_decode(&arena, document_of(&arena, ctr_buf_str(&text), ""), &err));
	assert_string_equal(document_fault(&err), "annotations.k77777: appears twice");
	ctr_arena_release(&arena);
}

/* A long value does not push the rest of the message out. */
static void long_values(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;
	char word[5000];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(document_decode(
		&arena, document_of(&arena, "", ctr_arena_printf(&arena, "\"env\":[\"%s\"]", word)),
		&err));
	assert_true(strlen(err.text) < 250);
	assert_non_null(strstr(err.text, "xxx...' is not of the form NAME=VALUE"));
	memset(word, '1', sizeof(word) - 1);
	assert_null(document_decode(
		&arena,
		document_of(&arena, "", ctr_arena_printf(&arena, "\"user\":{\"uid\":%s}", word)),
		&err));
	assert_non_null(strstr(err.text, "111 is not in 0..4294967294"));
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults),
		cmocka_unit_test(places),
		cmocka_unit_test(null_is_absent),
		cmocka_unit_test(unknown_is_ignored),
		cmocka_unit_test(findings),
		cmocka_unit_test(other_case),
		cmocka_unit_test(too_many_findings),
		cmocka_unit_test(many_keys),
		cmocka_unit_test(long_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
