/* src/plan/msg.c: the words of ctr-init's errors. They are part of the interface. */
#include "unit.h"

#include <errno.h>

#include "base/arena.h"
#include "base/error.h"
#include "plan/build.h"
#include "plan/msg.h"

enum { MOUNT, DEVICE, SYSCTL, HOOK, EXEC, FIND_EXEC, HOSTNAME, JOIN, PTS, TMPFS, OPS };

static struct ctr_arena arena = CTR_ARENA_INIT;
static const struct ctr_plan_header *blob;

static int make_plan(void **state)
{
	const char *const mount[] = { "proc", "proc", "" };
	const char *const pts[] = { "devpts", "devpts", "newinstance,gid=5" };
	const char *const tmpfs[] = { "tmpfs", "tmpfs", "size=x" };
	const char *const hook[] = { "/bin/hook", "{}", "" };
	struct ctr_plan_builder plan;
	struct ctr_op *op;

	(void)state;
	ctr_plan_init(&plan, &arena);
	ctr_plan_origin(&plan, "mounts[3]");
	op = ctr_plan_add(&plan, CTR_OP_MOUNT);
	op->str = ctr_plan_str(&plan, "/proc");
	op->str2 = ctr_plan_block(&plan, mount, 3);
	ctr_plan_origin(&plan, "linux.devices[0]");
	op = ctr_plan_add(&plan, CTR_OP_DEVICE);
	op->str = ctr_plan_str(&plan, "/dev/x");
	ctr_plan_origin(&plan, "linux.sysctl");
	op = ctr_plan_add(&plan, CTR_OP_SYSCTL);
	op->str = ctr_plan_str(&plan, "net/x");
	op->str2 = ctr_plan_str(&plan, "100%s");
	ctr_plan_origin(&plan, "hooks.startContainer[1]");
	op = ctr_plan_add(&plan, CTR_OP_HOOK);
	op->str2 = ctr_plan_block(&plan, hook, 3);
	op->arg2 = 2 << 16 | 3 << 8 | 1;
	ctr_plan_origin(&plan, "process.args");
	(void)ctr_plan_add(&plan, CTR_OP_EXEC);
	(void)ctr_plan_add(&plan, CTR_OP_FIND_EXEC);
	ctr_plan_origin(&plan, "%s", "");
	op = ctr_plan_add(&plan, CTR_OP_HOSTNAME);
	op->str = ctr_plan_str(&plan, "name");
	(void)ctr_plan_add(&plan, CTR_OP_JOIN_MAKER);
	op = ctr_plan_add(&plan, CTR_OP_MOUNT);
	op->str = ctr_plan_str(&plan, "/dev/pts");
	op->str2 = ctr_plan_block(&plan, pts, 3);
	op = ctr_plan_add(&plan, CTR_OP_MOUNT);
	op->str = ctr_plan_str(&plan, "/t");
	op->str2 = ctr_plan_block(&plan, tmpfs, 3);
	blob = ctr_plan_finish(&plan, NULL);
	return blob ? 0 : -1;
}

static int release_plan(void **state)
{
	(void)state;
	ctr_arena_release(&arena);
	return 0;
}

static void test_words(void **state)
{
	static const struct {
		uint32_t op, detail, value;
		int error;
		const char *text, *words;
		enum ctr_fault fault;
		int code;
	} cases[] = {
		{MOUNT,      0,                       0,      ENODEV,    "",
                 "mounts[3]: cannot mount 'proc' on '/proc': No such device",												       CTR_FAULT_HOST,
                 ENODEV																							   },
		{ MOUNT,     CTR_DETAIL_OPEN_TARGET,  0,      ENOTDIR,   "",
                 "mounts[3]: cannot mount 'proc' on '/proc': cannot open or make the target: "
		  "Not a directory",																		CTR_FAULT_HOST,        ENOTDIR},
		{ MOUNT,     CTR_DETAIL_TARGET_LINK,  0,      ELOOP,     "",
                 "mounts[3]: cannot mount 'proc' on '/proc': must be mounted on ordinary directory",										CTR_FAULT_HOST,        0      },
		{ MOUNT,     CTR_DETAIL_COPY,         0,      ENOSPC,    "",
                 "mounts[3]: cannot mount 'proc' on '/proc': cannot copy the directory below it: "
		  "No space left on device",																	CTR_FAULT_HOST,        ENOSPC },
		{ MOUNT,     CTR_DETAIL_COPY,         0,      ELOOP,     "",
                 "mounts[3]: cannot mount 'proc' on '/proc': cannot copy the directory below it: it is too deep (64 directories in each other are copied)",
                 CTR_FAULT_HOST,																					   0      },
		{ PTS,       0,                       0,      EINVAL,    "",
                 "cannot mount 'devpts' on '/dev/pts' with options 'newinstance,gid=5' (is that owner's id mapped in this user namespace? If not, leave it out): Invalid argument",
                 CTR_FAULT_HOST,																					   EINVAL },
		{ TMPFS,     0,                       0,      EINVAL,    "",
                 "cannot mount 'tmpfs' on '/t' with options 'size=x': Invalid argument",											    CTR_FAULT_HOST,        EINVAL },
		{ DEVICE,    CTR_DETAIL_OTHER_DEVICE, 0,      EEXIST,    "",
                 "linux.devices[0]: cannot create device '/dev/x': another file is there",											  CTR_FAULT_HOST,        0      },
		{ SYSCTL,    0,                       0,      EINVAL,    "",
                 "linux.sysctl: cannot write '100%s' to sysctl 'net/x': Invalid argument",											  CTR_FAULT_HOST,        EINVAL },
		{ HOSTNAME,  0,                       0,      EPERM,     "",           "cannot set host name 'name': Operation not permitted",
                 CTR_FAULT_HOST,																					   EPERM  },
		{ JOIN,      0,                       0,      ENOSPC,    "",
                 "cannot create namespaces: a limit in /proc/sys/user/max_*_namespaces is reached",										 CTR_FAULT_HOST,        0      },
		{ HOSTNAME,  999,                     0,      0,         "extra",      "cannot set host name 'name': 'extra'",
                 CTR_FAULT_HOST,																					   0      },
 /* hooks, in runc's words */
		{ HOOK,      CTR_DETAIL_HOOK_STATUS,  1 << 8, ECANCELED, "one\ntwo\n",
                 "hooks.startContainer[1]: error running startContainer hook #1: exit status 1, "
		  "output: one\ntwo",																	       CTR_FAULT_HOST,        0      },
		{ HOOK,      CTR_DETAIL_HOOK_STATUS,  15,     ECANCELED, "",
                 "hooks.startContainer[1]: error running startContainer hook #1: signal 15 "
		  "(Terminated)",																		   CTR_FAULT_HOST,        0      },
		{ HOOK,      CTR_DETAIL_HOOK_TIMEOUT, 0,      ETIMEDOUT, "",
                 "hooks.startContainer[1]: error running startContainer hook #1: hook ran past "
		  "specified timeout of 2s",																	CTR_FAULT_HOST,        0      },
		{ HOOK,      0,                       0,      ENOENT,    "",
                 "hooks.startContainer[1]: hook '/bin/hook' failed: No such file or directory",										     CTR_FAULT_HOST,        ENOENT },
 /* the payload, in words that engines look for */
		{ FIND_EXEC, CTR_DETAIL_EXEC_PATH,    0,      ENOENT,    "ls",
                 "executable file `ls` not found in $PATH: No such file or directory",											      CTR_FAULT_EXEC_ABSENT, ENOENT },
		{ FIND_EXEC, CTR_DETAIL_EXEC,         0,      EACCES,    "/x",         "exec /x: permission denied",
                 CTR_FAULT_EXEC,																					   EACCES },
		{ FIND_EXEC, CTR_DETAIL_EXEC_TYPE,    0,      EISDIR,    "/etc",
                 "exec /etc: is a directory: the path `/etc` is not a regular file: "
		  "Operation not permitted",																	CTR_FAULT_EXEC,        EPERM  },
		{ EXEC,      CTR_DETAIL_EXEC,         0,      ENOENT,    "/x",         "exec /x: no such file or directory",
                 CTR_FAULT_EXEC_ABSENT,																				    ENOENT },
		{ EXEC,      CTR_DETAIL_EXEC,         0,      ENOTDIR,   "/x/y",       "exec /x/y: not a directory",
                 CTR_FAULT_EXEC_ABSENT,																				    ENOTDIR},
		{ EXEC,      CTR_DETAIL_EXEC,         0,      ENOEXEC,   "/x",         "exec /x: exec format error",
                 CTR_FAULT_EXEC,																					   ENOEXEC},
 /* ctr-init or its channel is broken */
		{ OPS,       0,                       0,      EINVAL,    "",
                 "ctr-init failed before its first operation: Invalid argument",												    CTR_FAULT_BUG,
                 EINVAL																							   },
		{ MOUNT,     CTR_DETAIL_PROTOCOL,     77,     EPROTO,    "",
                 "ctr-init got message 77, which is not expected now (operation 0)",												CTR_FAULT_BUG,
                 0																								},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_msg msg = {
			.type = CTR_MSG_FAIL,
			.op = cases[i].op,
			.error = cases[i].error,
			.detail = cases[i].detail,
			.value = cases[i].value,
		};
		struct ctr_error err = { 0 };

		assert_int_equal(ctr_msg_fail(blob, &msg, cases[i].text, &err), -1);
		assert_string_equal(err.text, cases[i].words);
		assert_int_equal(err.fault, cases[i].fault);
		assert_int_equal(err.code, cases[i].code);
	}
}

/* What a hook printed may be longer than an error's text. */
static void test_long_output(void **state)
{
	struct ctr_msg msg = { .op = HOOK, .detail = CTR_DETAIL_HOOK_STATUS, .value = 256 };
	static char text[CTR_MSG_TEXT_MAX + 1];
	struct ctr_error err = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(ctr_msg_fail(blob, &msg, text, &err), -1);
	assert_non_null(strstr(err.text, "exit status 1, output: xxxx"));
	assert_int_equal(ctr_msg_fail(blob, &msg, text, NULL), -1);
}

/* `ctr start` has no plan: the message names the operation. */
static void test_without_plan(void **state)
{
	struct ctr_msg msg = {
		.kind = CTR_OP_HOOK,
		.arg2 = 3 << 8 | 1,
		.detail = CTR_DETAIL_HOOK_STATUS,
		.value = 2 << 8,
	};
	struct ctr_error err = { 0 };

	(void)state;
	assert_int_equal(ctr_msg_fail(NULL, &msg, "", &err), -1);
	assert_string_equal(err.text, "error running startContainer hook #1: exit status 2");
	msg = (struct ctr_msg){ .kind = CTR_OP_CHDIR, .error = ENOENT };
	assert_int_equal(ctr_msg_fail(NULL, &msg, "", &err), -1);
	assert_string_equal(err.text, "cannot change to directory '?': No such file or directory");
	msg.kind = CTR_OP_COUNT;
	assert_int_equal(ctr_msg_fail(NULL, &msg, "", &err), -1);
	assert_int_equal(err.fault, CTR_FAULT_BUG);
}

/* Every operation has words, and no more operands in them than it takes. */
static void test_table(void **state)
{
	(void)state;
	for (uint16_t kind = 0; kind < CTR_OP_COUNT; kind++) {
		const struct ctr_op_info *info = ctr_op_info(kind);

		assert_non_null(info);
		assert_true(*info->name && *info->words);
		for (const char *s = info->words; (s = strchr(s, '%')); s += 2) {
			const char *takes = s[1] == 't' ? "tB" : s[1] == 's' ? "s" : "a";

			assert_non_null(strpbrk(info->operands, takes));
		}
	}
	assert_null(ctr_op_info(CTR_OP_COUNT));
	assert_string_equal(ctr_plan_hook_name(0), "prestart");
	assert_string_equal(ctr_plan_hook_name(5), "poststop");
	assert_string_equal(ctr_plan_hook_name(6), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_long_output),
		cmocka_unit_test(test_without_plan),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, make_plan, release_plan);
}
