/* src/init: the payload, its directory, environment and program; the start gate; hooks. */
#include "init_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NEW = CLONE_NEWNS | CLONE_NEWPID };

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define EMPTY     ((const char *const[]){ NULL })

static const struct variant variants[] = {
	{NULL,            0, { 0 }									     },
	{ "older kernel",
         ENOSYS,	     { SYS_openat2, SYS_faccessat2, SYS_close_range, SYS_pidfd_open, SYS_memfd_create }},
	{ "older filter",
         EPERM,	      { SYS_openat2, SYS_faccessat2, SYS_close_range, SYS_pidfd_open, SYS_memfd_create }},
};

/* Run a plan that ends in the payload; its exit status. */
static int run_payload(struct harness *h, int flags)
{
	start_init(h, flags);
	expect_message(h, CTR_MSG_CREATED);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	return await_exit(h);
}

static struct ctr_op *add_hook(struct harness *h, const char *const *strings, uint32_t nargs,
			       uint32_t nenv)
{
	struct ctr_op *op = add_block(h, CTR_OP_HOOK, strings);

	op->arg = (uint64_t)nargs << 32 | nenv;
	op->arg2 = 3 << 8 | 1;
	return op;
}

/* ---- finding the program */

static void test_search(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "first");
	make_dir(0755, "first/prog"); /* a directory is passed over */
	make_dir(0755, "second");
	make_file("#!/bin/sh\n", "second/prog"); /* and what may not be executed */
	make_dir(0755, "third");
	make_file("#!/bin/sh\nexit 42\n", "third/prog");
	assert_int_equal(chmod("third/prog", 0755), 0);
	add_payload(h, LIST("prog"), LIST("A=b", "PATH=/nowhere:first:second:third"));
	assert_int_equal(run_payload(h, 0), 42);
}

static void test_arguments_and_environment(void **state)
{
	struct harness *h = *state;

	add_payload(h,
		    LIST("/bin/sh", "-c", "echo \"$0|$1|$2|$X\" >out; env >env", "zero", "", "a b"),
		    LIST("PATH=/usr/bin:/bin", "X=*"));
	assert_int_equal(run_payload(h, 0), 0);
	assert_string_equal(read_text("out"), "zero||a b|*\n");
	assert_non_null(strstr(read_text("env"), "X=*\n"));
}

/* More strings than fit into the program's own memory. */
static void test_many_arguments(void **state)
{
	struct harness *h = *state;
	static const char *args[4004];

	args[0] = "/bin/sh";
	args[1] = "-c";
	args[2] = "exit $(($# == 3999 ? 7 : 8))";
	for (int i = 3; i < 4004 - 1; i++)
		args[i] = "x";
	args[3 + 4000] = NULL;
	add_payload(h, args, EMPTY);
	assert_int_equal(run_payload(h, 0), 7);
}

static void test_default_path(void **state)
{
	struct harness *h = *state;

	add_payload(h, LIST("sh", "-c", "exit 3"), EMPTY);
	assert_int_equal(run_payload(h, 0), 3);
}

static const struct {
	const char *name, *error;
	enum ctr_fault fault;
} programs[] = {
	{"no-such",           "executable file `no-such` not found in $PATH: No such file or directory",
         CTR_FAULT_EXEC_ABSENT												},
	{ "",		 "executable file `` not found in $PATH: No such file or directory",
         CTR_FAULT_EXEC_ABSENT												},
	{ "/no/such/command", "exec /no/such/command: no such file or directory",
         CTR_FAULT_EXEC_ABSENT												},
	{ "./plain/below",    "exec ./plain/below: not a directory",                                     CTR_FAULT_EXEC_ABSENT},
	{ "./plain",          "exec ./plain: permission denied",                                         CTR_FAULT_EXEC       },
	{ "plain",            "exec plain: permission denied",                                           CTR_FAULT_EXEC       },
	{ "/etc",
         "exec /etc: is a directory: the path `/etc` is not a regular file: "
	  "Operation not permitted",								     CTR_FAULT_EXEC       },
	{ "/dev/null",
         "exec /dev/null: permission denied: the path `/dev/null` is not a regular file: "
	  "Operation not permitted",								     CTR_FAULT_EXEC       },
	{ "./noexec/prog",    "exec ./noexec/prog: permission denied",                                   CTR_FAULT_EXEC       },
	{ "./loop",           "exec ./loop: too many levels of symbolic links",                          CTR_FAULT_EXEC       },
};

static void check_program(struct harness *h, size_t i)
{
	make_file("", "plain");
	make_symlink("loop", "loop");
	make_dir(0755, "noexec");
	assert_int_equal(mount("tmpfs", "noexec", "tmpfs", MS_NOEXEC, NULL), 0);
	make_file("#!/bin/sh\n", "noexec/prog");
	assert_int_equal(chmod("noexec/prog", 0755), 0);

	add_payload(h, LIST(programs[i].name), LIST("PATH=.:/nowhere"));
	start_init(h, 0);
	expect_fail(h, programs[i].error);
	assert_int_equal(h->err.fault, programs[i].fault);
}

static void test_programs(void **state)
{
	void *each = NULL;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		each = (void *)((struct harness *)*state)->variant;
		assert_int_equal(harness_setup(&each), 0);
		check_program(each, i);
		assert_int_equal(harness_teardown(&each), 0);
	}
}

/* What only execve(2) can find out comes after STARTING. */
static void exec_fails(struct harness *h, const char *content, const char *error)
{
	make_file(content, "prog");
	assert_int_equal(chmod("prog", 0755), 0);
	add_payload(h, LIST("./prog"), EMPTY);
	start_init(h, 0);
	expect_message(h, CTR_MSG_CREATED);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	expect_fail(h, error);
}

static void test_exec_format(void **state)
{
	exec_fails(*state, "echo no shebang\n", "exec ./prog: exec format error");
}

static void test_missing_interpreter(void **state)
{
	struct harness *h = *state;

	exec_fails(h, "#!/no/such/interpreter\n", "exec ./prog: no such file or directory");
	assert_int_equal(h->err.fault, CTR_FAULT_EXEC_ABSENT);
}

/* faults 76, 77: looked up as the user; capabilities count. */
static void add_user(struct harness *h, uint32_t uid, uint64_t caps)
{
	struct ctr_op_caps sets = { .effective = caps, .permitted = caps, .inheritable = 0 };

	add_op(h, CTR_OP_GROUPS);
	add_op(h, CTR_OP_IDS)->arg = uid;
	h->plan.ops[h->plan.nops - 1].arg2 = uid;
	add_op(h, CTR_OP_CAPS)->str = ctr_plan_data(&h->plan, &sets, sizeof(sets));
}

static void test_others_program(void **state)
{
	struct harness *h = *state;

	make_file("#!/bin/sh\nexit 9\n", "prog");
	assert_int_equal(chmod("prog", 0700), 0);
	assert_int_equal(chmod(".", 0755), 0);
	add_user(h, 1000, 0);
	add_payload(h, LIST("./prog"), EMPTY);
	start_init(h, 0);
	expect_fail(h, "exec ./prog: permission denied");
}

static void test_others_program_capable(void **state)
{
	struct harness *h = *state;

	assert_int_equal(system("cp /bin/true prog && chmod 0700 prog && chmod 0755 ."), 0);
	add_user(h, 1000, 1 << CAP_DAC_OVERRIDE);
	add_payload(h, LIST("./prog"), EMPTY);
	/* by real ids the capability does not count */
	if (is_denied(h, SYS_faccessat2)) {
		start_init(h, 0);
		expect_fail(h, "exec ./prog: permission denied");
		return;
	}
	assert_int_equal(run_payload(h, 0), 0);
}

/* ---- HOME (73) */

/* HOME as a hook sees it, in the host's root with an /etc of our own. */
static void home_is(struct harness *h, const char *const *env, uint32_t uid, const char *home)
{
	add_root(h, NULL);
	add_mount(h, "tmpfs", "/mnt", 0, "mode=0777");
	add_op(h, CTR_OP_PIVOT);
	add_block(h, CTR_OP_ENV, env);
	add_op(h, CTR_OP_HOME)->arg = uid;
	add_hook(h,
		 LIST("/bin/sh", "{}", "sh", "-c",
		      "echo \"$HOME\" >/mnt/home; "
		      "/usr/bin/env | /bin/grep -c ^HOME= >/mnt/count",
		      ""),
		 3, UINT32_MAX);
	run_to_created(h, NEW);
	assert_string_equal(read_in(h, "/mnt/home"), home);
	assert_string_equal(read_in(h, "/mnt/count"), "1\n");
}

/* The host's tree as rootfs/, but an empty /etc. */
static void use_host_root(void)
{
	assert_int_equal(mount("/", "rootfs", NULL, MS_BIND | MS_REC, NULL), 0);
	assert_int_equal(mount("tmpfs", "rootfs/etc", "tmpfs", 0, NULL), 0);
}

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "bad:x:1x:0::/bad:/bin/sh\n"
			     "noh:x:5:0:::/bin/sh\n"
			     "other:x:1000:0:a,b,c:/home/other:/bin/sh\n"
			     "again:x:1000:0::/home/again:/bin/sh\n"
			     "last:x:4294967294:0::/last:/bin/sh";

static void test_home(void **state)
{
	use_host_root();
	make_file(passwd, "rootfs/etc/passwd");
	home_is(*state, EMPTY, 1000, "/home/other\n");
}

static void test_home_replaces_empty(void **state)
{
	use_host_root();
	make_file(passwd, "rootfs/etc/passwd");
	home_is(*state, LIST("A=1", "HOME=", "B=2"), 0, "/root\n");
}

static void test_home_given(void **state)
{
	use_host_root();
	make_file(passwd, "rootfs/etc/passwd");
	home_is(*state, LIST("HOME=/given"), 0, "/given\n");
}

static void test_home_of_last_line(void **state)
{
	use_host_root();
	make_file(passwd, "rootfs/etc/passwd");
	home_is(*state, EMPTY, 4294967294, "/last\n");
}

static void test_home_unknown(void **state)
{
	use_host_root();
	make_file(passwd, "rootfs/etc/passwd");
	home_is(*state, EMPTY, 5, "/\n");
}

static void test_home_without_passwd(void **state)
{
	use_host_root();
	home_is(*state, EMPTY, 12345, "/\n");
}

static void test_home_fifo(void **state)
{
	use_host_root();
	assert_int_equal(mkfifo("rootfs/etc/passwd", 0644), 0);
	home_is(*state, EMPTY, 0, "/\n");
}

static void test_home_huge_passwd(void **state)
{
	use_host_root();
	make_file("", "rootfs/etc/passwd");
	assert_int_equal(truncate("rootfs/etc/passwd", INT64_C(1) << 40), 0);
	home_is(*state, EMPTY, 0, "/\n");
}

/* ---- working directory */

static void test_cwd_is_made(void **state)
{
	struct harness *h = *state;

	add_root(h, "/");
	add_mount(h, "tmpfs", "/mnt", 0, "");
	add_op(h, CTR_OP_PIVOT);
	add_str(h, CTR_OP_CHDIR, "/mnt/new/dir", 1);
	add_op(h, CTR_OP_CHECK_CWD);
	add_payload(h,
		    LIST("/bin/sh", "-c", "test \"$PWD\" = /mnt/new/dir && test -d /mnt/new/dir"),
		    EMPTY);
	assert_int_equal(run_payload(h, NEW), 0);
}

/* fault 71 */
static void cwd_of(struct harness *h, uid_t owner, uint32_t uid)
{
	/* CAP_SETGID and CAP_SETUID, but no CAP_DAC_OVERRIDE */
	struct ctr_op_caps few = { .effective = 0xc0, .permitted = 0xc0 };

	make_dir(0700, "private");
	assert_int_equal(chown("private", owner, owner), 0);
	assert_int_equal(chmod(".", 0755), 0);
	add_op(h, CTR_OP_CAPS)->str = ctr_plan_data(&h->plan, &few, sizeof(few));
	add_str(h, CTR_OP_CHDIR, "private", 0);
	add_user(h, uid, 0);
	add_str(h, CTR_OP_CHDIR, "private", 0)->flags = CTR_OPF_AFTER_IDS;
	add_payload(h, LIST("/bin/true"), EMPTY);
}

static void test_cwd_of_root(void **state)
{
	cwd_of(*state, 0, 1000);
	assert_int_equal(run_payload(*state, 0), 0);
}

static void test_cwd_of_user(void **state)
{
	cwd_of(*state, 1000, 1000);
	assert_int_equal(run_payload(*state, 0), 0);
}

static void test_cwd_of_another(void **state)
{
	struct harness *h = *state;

	cwd_of(h, 1001, 1000);
	start_init(h, 0);
	expect_fail(h, "cannot change to directory 'private': Permission denied");
}

/* fault 2: a descriptor of the host as the working directory. */
static void test_cwd_outside(void **state)
{
	struct harness *h = *state;
	char path[64];
	int fd = open("/", O_PATH | O_DIRECTORY); /* inherited */

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	add_root(h, NULL);
	add_mount(h, "proc", "/proc", 0, "");
	add_op(h, CTR_OP_PIVOT);
	ctr_plan_origin(&h->plan, "process.cwd");
	add_str(h, CTR_OP_CHDIR, path, 0);
	add_op(h, CTR_OP_CHECK_CWD);
	start_init(h, NEW);
	expect_fail(h, "process.cwd: current working directory is outside of the root file system: "
		       "No such file or directory");
	close(fd);
}

/* ---- the gate */

static void add_gate(struct harness *h)
{
	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_CREATED;
	add_op(h, CTR_OP_GATE)->fd = CTR_SLOT_GATE;
	add_op(h, CTR_OP_RECV)->arg = CTR_MSG_START;
	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_STARTING;
}

static void test_gate(void **state)
{
	struct harness *h = *state;

	add_block(h, CTR_OP_ARGS, LIST("/bin/sh", "-c", "exit 5"));
	add_block(h, CTR_OP_ENV, EMPTY);
	add_gate(h);
	add_op(h, CTR_OP_EXEC);
	start_init(h, 0);
	expect_message(h, CTR_MSG_CREATED);

	/* the parent goes; others come and go, or talk nonsense */
	connect_gate(h);
	connect_gate(h);
	send_message(h, CTR_MSG_GO, NULL, 0);
	connect_gate(h);
	assert_int_equal(send(h->sock, "x", 1, 0), 1);
	connect_gate(h);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	assert_int_equal(await_exit(h), 5);
}

/* `ctr start` learns why the program could not be executed. */
static void test_gate_tells(void **state)
{
	struct harness *h = *state;

	make_file("not a program", "prog");
	assert_int_equal(chmod("prog", 0755), 0);
	add_block(h, CTR_OP_ARGS, LIST("./prog"));
	add_block(h, CTR_OP_ENV, EMPTY);
	add_gate(h);
	add_op(h, CTR_OP_EXEC);
	start_init(h, 0);
	expect_message(h, CTR_MSG_CREATED);
	connect_gate(h);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_message(h, CTR_MSG_STARTING);
	expect_fail(h, "exec ./prog: exec format error");
}

/* A start that dies right after START does not take the container with it. */
static void test_start_dies(void **state)
{
	struct harness *h = *state;

	add_root(h, "/");
	add_op(h, CTR_OP_PIVOT);
	add_block(h, CTR_OP_ARGS, LIST("/bin/sh", "-c", "exit 6"));
	add_block(h, CTR_OP_ENV, EMPTY);
	add_gate(h);
	add_op(h, CTR_OP_EXEC);
	start_init(h, NEW);
	expect_message(h, CTR_MSG_CREATED);
	connect_gate(h);
	send_message(h, CTR_MSG_START, NULL, 0);
	close(h->sock);
	h->sock = -1;
	assert_int_equal(waitpid(h->pid, &h->status, 0), h->pid);
	h->pid = 0;
	assert_int_equal(WEXITSTATUS(h->status), 6);
}

/* ---- the protocol */

static void test_parent_dies(void **state)
{
	struct harness *h = *state;

	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_HOOKS;
	add_op(h, CTR_OP_RECV)->arg = CTR_MSG_GO;
	start_init(h, 0);
	expect_message(h, CTR_MSG_HOOKS);
	assert_int_equal(shutdown(h->sock, SHUT_WR), 0);
	assert_int_equal(await_exit(h), 1);
}

static void test_unexpected_message(void **state)
{
	struct harness *h = *state;

	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_HOOKS;
	add_op(h, CTR_OP_RECV)->arg = CTR_MSG_GO;
	start_init(h, 0);
	expect_message(h, CTR_MSG_HOOKS);
	send_message(h, CTR_MSG_START, NULL, 0);
	expect_fail(h, "ctr-init got message 11, which is not expected now (operation 1)");
}

static void test_optional(void **state)
{
	struct harness *h = *state;
	struct ctr_op *op = add_op(h, CTR_OP_UNSHARE);

	op->arg = 1; /* no namespace */
	op->flags = CTR_OPF_OPTIONAL;
	start_init(h, 0);
	expect_message(h, CTR_MSG_WARN);
	assert_string_equal(h->err.text, "cannot unshare namespaces: Invalid argument");
	assert_int_equal(await_exit(h), 0);
}

/* ---- descriptors */

static void test_close_fds(void **state)
{
	struct harness *h = *state;
	int fds[10];

	for (int i = 0; i < 10; i++)
		fds[i] = open("/", O_PATH); /* without O_CLOEXEC */
	add_payload(h, LIST("/bin/sh", "-c", "exec >out; cd /proc/$$/fd; echo *"), EMPTY);
	assert_int_equal(run_payload(h, 0), 0);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	/* the shell reads the directory through 3 */
	assert_string_equal(read_text("out"), "0 1 2 3\n");
}

/* ---- hooks */

static void test_hook(void **state)
{
	struct harness *h = *state;

	add_block(h, CTR_OP_ENV, LIST("PATH=/usr/bin:/bin", "V=inherited"));
	/* {path, state, args..., "", env...} */
	add_hook(h,
		 LIST("/bin/sh", "{\"id\":\"x\",\"pid\":\x01,\"bundle\":\"/b\"}", "sh", "-c",
		      "cat >state; echo \"$V\" >value; ls /proc/self/fd | wc -l >count; "
		      "echo $$ >pid",
		      ""),
		 3, UINT32_MAX);
	add_hook(h, LIST("/bin/sh", "{}", "sh", "-c", "echo \"$V$W\" >own", "", "V=1", "W=2"), 3,
		 2);
	run_to_created(h, 0);

	assert_string_equal(read_text("value"), "inherited\n");
	assert_string_equal(read_text("own"), "12\n");
	assert_string_equal(read_text("count"), "4\n"); /* 0, 1, 2 and ls's own */
	{
		char expected[128];

		snprintf(expected, sizeof(expected), "{\"id\":\"x\",\"pid\":%d,\"bundle\":\"/b\"}",
			 h->pid);
		assert_string_equal(read_text("state"), expected);
	}
}

static void hook_fails(struct harness *h, const char *script, uint64_t timeout, const char *error)
{
	ctr_plan_origin(&h->plan, "hooks.startContainer[1]");
	add_op(h, CTR_OP_OPEN_PROC);
	add_hook(h, LIST("/bin/sh", "{}", "sh", "-c", script, "", "PATH=/usr/bin:/bin"), 3, 1)
		->arg2 |= timeout << 16;
	start_init(h, 0);
	expect_fail(h, error);
}

static void test_hook_status(void **state)
{
	hook_fails(*state, "echo out; echo err >&2; exit 7", 0,
		   "hooks.startContainer[1]: error running startContainer hook #1: exit status 7, "
		   "output: out\nerr");
}

static void test_hook_signal(void **state)
{
	hook_fails(*state, "kill -9 $$", 5,
		   "hooks.startContainer[1]: error running startContainer hook #1: signal 9 "
		   "(Killed)");
}

static void test_hook_timeout(void **state)
{
	hook_fails(*state, "echo slow; sleep 60", 1,
		   "hooks.startContainer[1]: error running startContainer hook #1: hook ran past "
		   "specified timeout of 1s, output: slow");
}

/* More than a pipe holds, and a grandchild that keeps it open. */
static void test_hook_output(void **state)
{
	struct harness *h = *state;

	add_hook(h,
		 LIST("/bin/sh", "{}", "sh", "-c",
		      "i=0; while [ $i -lt 3000 ]; do echo "
		      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done; "
		      "sleep 60 & exit 1",
		      "", "PATH=/usr/bin:/bin"),
		 3, 1);
	start_init(h, NEW);
	expect_message(h, CTR_MSG_FAIL);
	assert_int_equal(h->msg.length, CTR_MSG_TEXT_MAX);
	assert_int_equal(h->msg.detail, CTR_DETAIL_HOOK_STATUS);
}

static void test_hook_missing(void **state)
{
	struct harness *h = *state;

	ctr_plan_origin(&h->plan, "hooks.createContainer[0]");
	add_hook(h, LIST("/no/such/hook", "{}", ""), 0, 0);
	start_init(h, 0);
	expect_fail(h, "hooks.createContainer[0]: hook '/no/such/hook' failed: "
		       "No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HARNESS_TEST(test_search),
		HARNESS_TEST(test_arguments_and_environment),
		HARNESS_TEST(test_many_arguments),
		HARNESS_TEST(test_default_path),
		HARNESS_TEST(test_programs),
		HARNESS_TEST(test_exec_format),
		HARNESS_TEST(test_missing_interpreter),
		HARNESS_TEST(test_others_program),
		HARNESS_TEST(test_others_program_capable),
		HARNESS_TEST(test_home),
		HARNESS_TEST(test_home_replaces_empty),
		HARNESS_TEST(test_home_given),
		HARNESS_TEST(test_home_of_last_line),
		HARNESS_TEST(test_home_unknown),
		HARNESS_TEST(test_home_without_passwd),
		HARNESS_TEST(test_home_fifo),
		HARNESS_TEST(test_home_huge_passwd),
		HARNESS_TEST(test_cwd_is_made),
		HARNESS_TEST(test_cwd_of_root),
		HARNESS_TEST(test_cwd_of_user),
		HARNESS_TEST(test_cwd_of_another),
		HARNESS_TEST(test_cwd_outside),
		HARNESS_TEST(test_gate),
		HARNESS_TEST(test_gate_tells),
		HARNESS_TEST(test_start_dies),
		HARNESS_TEST(test_parent_dies),
		HARNESS_TEST(test_unexpected_message),
		HARNESS_TEST(test_optional),
		HARNESS_TEST(test_close_fds),
		HARNESS_TEST(test_hook),
		HARNESS_TEST(test_hook_status),
		HARNESS_TEST(test_hook_signal),
		HARNESS_TEST(test_hook_timeout),
		HARNESS_TEST(test_hook_output),
		HARNESS_TEST(test_hook_missing),
	};

	return RUN_VARIANTS(tests, variants);
}
