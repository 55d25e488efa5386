/* src/plan/dump.c: a plan as `ctr explain` shows it. */
#include "unit.h"

#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/buf.h"
#include "plan/build.h"
#include "plan/msg.h"

static struct ctr_arena arena;
static struct ctr_plan_builder plan;

static int setup(void **state)
{
	(void)state;
	arena = (struct ctr_arena)CTR_ARENA_INIT;
	ctr_plan_init(&plan, &arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ctr_arena_release(&arena);
	return 0;
}

static struct ctr_op *add(enum ctr_op_kind kind, const char *str, const char *str2, uint64_t arg,
			  uint64_t arg2)
{
	struct ctr_op *op = ctr_plan_add(&plan, kind);

	op->str = ctr_plan_str(&plan, str);
	op->str2 = ctr_plan_str(&plan, str2);
	op->arg = arg;
	op->arg2 = arg2;
	return op;
}

static void expect(const char *text)
{
	struct ctr_plan_header *blob = ctr_plan_finish(&plan, NULL);
	struct ctr_buf out;

	assert_non_null(blob);
	ctr_buf_init(&out, &arena);
	ctr_plan_dump(blob, &out);
	assert_string_equal(ctr_buf_str(&out), text);
}

static void test_mounts(void **state)
{
	const char *const proc[] = { "proc", "proc", "" };
	const char *const overlay[] = { "overlay", "none", "lowerdir=/a b" };

	(void)state;
	add(CTR_OP_OPEN_PROC, NULL, NULL, 0, 0);
	add(CTR_OP_PROPAGATION, "/", NULL, MS_SLAVE | MS_REC, 0);
	add(CTR_OP_ROOTFS, "/bundle/rootfs", NULL, 0, 0);
	ctr_plan_origin(&plan, "mounts[0]");
	add(CTR_OP_MOUNT, "/proc", NULL, MS_NOSUID | MS_NODEV, 0)->str2 =
		ctr_plan_block(&plan, proc, 3);
	ctr_plan_origin(&plan, "mounts[1]");
	add(CTR_OP_MOUNT, "/o", NULL, 0, 0)->str2 = ctr_plan_block(&plan, overlay, 3);
	add(CTR_OP_BIND, "/data", "/srv/data", MS_RDONLY, MS_NOEXEC)->flags =
		CTR_OPF_RECURSIVE | CTR_OPF_FLAGS_CLEAR;
	add(CTR_OP_BIND, "/slot", "", 0, 0)->fd = CTR_SLOT_FIRST + 2;
	add(CTR_OP_MOUNT_ATTR, "/data", NULL, MOUNT_ATTR_RDONLY, MOUNT_ATTR__ATIME)->flags =
		CTR_OPF_RECURSIVE;
	add(CTR_OP_MOUNT_PROPAGATION, "/data", NULL, MS_PRIVATE, 0);
	expect("   0 open-proc\n"
	       "   1 propagation / rec,slave\n"
	       "   2 rootfs /bundle/rootfs\n"
	       "   3 mount proc /proc nosuid,nodev   # mounts[0]\n"
	       "   4 mount overlay none /o data=\"lowerdir=/a b\"   # mounts[1]\n"
	       "   5 bind /srv/data /data ro clear=noexec [recursive,clear-flags]   # mounts[1]\n"
	       "   6 bind @2 /slot   # mounts[1]\n"
	       "   7 mount-attr /data ro clear=atime [recursive]   # mounts[1]\n"
	       "   8 mount-propagation /data private   # mounts[1]\n");
}

static void test_nodes(void **state)
{
	(void)state;
	add(CTR_OP_DEVICE, "/dev/null", NULL, makedev(1, 3), 0)->str2 = S_IFCHR | 0666;
	add(CTR_OP_DEVICE, "/dev/sda", NULL, makedev(8, 0), UINT64_C(1) << 32 | 6)->str2 =
		S_IFBLK | 0660;
	add(CTR_OP_DEVICE, "/fifo", NULL, 0, 0)->str2 = S_IFIFO | 0600;
	add(CTR_OP_SYMLINK, "/dev/fd", "/proc/self/fd", 0, 0);
	add(CTR_OP_PIVOT, NULL, NULL, 0, 0)->flags = CTR_OPF_NO_PIVOT;
	add(CTR_OP_MASK, "/proc/kcore", NULL, 0, 0);
	add(CTR_OP_SYSCTL, "net/ipv4/ip_forward", "1", 0, 0);
	add(CTR_OP_PTY, "/dev/console", NULL, UINT64_C(1000) << 32, UINT64_C(24) << 32 | 80);
	expect("   0 device /dev/null c 1:3 0666\n"
	       "   1 device /dev/sda b 8:0 0660 1:6\n"
	       "   2 device /fifo p 0600\n"
	       "   3 symlink /proc/self/fd /dev/fd\n"
	       "   4 pivot [no-pivot]\n"
	       "   5 mask /proc/kcore\n"
	       "   6 sysctl 1 net/ipv4/ip_forward\n"
	       "   7 pty /dev/console uid=1000 size=80x24\n");
}

static void test_process(void **state)
{
	struct ctr_op_caps caps = { .effective = 1, .permitted = UINT64_C(1) << 63 | 3 };
	struct sock_filter filter[2] = { { 0 } };
	uint32_t groups[] = { 4, 20 };
	uint64_t nodes[] = { 5, 1 };

	(void)state;
	add(CTR_OP_UNSHARE, NULL, NULL, CLONE_NEWNS | CLONE_NEWCGROUP, 0);
	add(CTR_OP_SETNS, NULL, NULL, CLONE_NEWNET, 0)->fd = CTR_SLOT_FIRST;
	add(CTR_OP_TIME_OFFSETS, "monotonic 1 0\n", NULL, 0, 0);
	add(CTR_OP_BOUNDING, NULL, NULL, 1 << 21, 0);
	add(CTR_OP_SECCOMP, NULL, NULL, 2,
	    SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_NEW_LISTENER)
		->str = ctr_plan_data(&plan, filter, sizeof(filter));
	add(CTR_OP_GROUPS, NULL, NULL, 2, 0)->str = ctr_plan_data(&plan, groups, sizeof(groups));
	add(CTR_OP_IDS, NULL, NULL, 1, 2);
	add(CTR_OP_CAPS, NULL, NULL, 0, 0)->str = ctr_plan_data(&plan, &caps, sizeof(caps));
	add(CTR_OP_AMBIENT, NULL, NULL, 0, 0);
	add(CTR_OP_MEMORY_POLICY, NULL, NULL, 2, 65)->str =
		ctr_plan_data(&plan, nodes, sizeof(nodes));
	add(CTR_OP_UMASK, NULL, NULL, 022, 0);
	add(CTR_OP_CHDIR, "/", NULL, 1, 0);
	add(CTR_OP_WANT_FDS, NULL, NULL, 3, 2);
	add(CTR_OP_SEND, NULL, NULL, CTR_MSG_CREATED, 0);
	add(CTR_OP_GATE, NULL, NULL, 0, 0)->fd = CTR_SLOT_GATE;
	add(CTR_OP_RECV, NULL, NULL, CTR_MSG_START, 0);
	add(CTR_OP_JOIN_MAKER, NULL, NULL, CLONE_NEWNET | CLONE_NEWIPC, 0);
	expect("   0 unshare mount,cgroup\n"
	       "   1 setns @0 net\n"
	       "   2 time-offsets \"monotonic 1 0\\n\"\n"
	       "   3 bounding sys_admin\n"
	       "   4 seccomp 2 instructions flags=log,new-listener\n"
	       "   5 groups 4 20\n"
	       "   6 ids uid=1 gid=2\n"
	       "   7 caps effective=chown permitted=chown,dac_override,0x8000000000000000 "
	       "inheritable=none\n"
	       "   8 ambient none\n"
	       "   9 memory-policy mode=0x2 nodes=0x5,0x1\n"
	       "  10 umask 0022\n"
	       "  11 chdir / 1\n"
	       "  12 want-fds 3+2\n"
	       "  13 send created\n"
	       "  14 gate @gate\n"
	       "  15 recv start\n"
	       "  16 join-maker ipc,net\n");
}

static void test_payload(void **state)
{
	const char *const env[] = { "A=\x1b[0m", "" };
	const char *const args[] = { "sh", "-c", "echo \"x\"" };
	const char *const hook[] = { "/bin/hook", "{}", "hook", "arg", "", "K=V" };

	(void)state;
	add(CTR_OP_ENV, NULL, NULL, 2, 0)->str2 = ctr_plan_block(&plan, env, 2);
	add(CTR_OP_ARGS, NULL, NULL, 3, 0)->str2 = ctr_plan_block(&plan, args, 3);
	add(CTR_OP_HOOK, NULL, NULL, UINT64_C(2) << 32 | 1, 5 << 16 | 3 << 8 | 1)->str2 =
		ctr_plan_block(&plan, hook, 6);
	add(CTR_OP_HOOK, NULL, NULL, UINT32_MAX, 2 << 8)->str2 = ctr_plan_block(&plan, hook, 6);
	add(CTR_OP_CLOSE_FDS, NULL, NULL, 3, 0);
	add(CTR_OP_EXEC, NULL, NULL, 0, 0);
	expect("   0 env \"A=\\x1b[0m\" \"\"\n"
	       "   1 args sh -c \"echo \\\"x\\\"\"\n"
	       "   2 hook startContainer #1 /bin/hook hook arg env: K=V timeout=5s\n"
	       "   3 hook createContainer #0 /bin/hook env=inherited\n"
	       "   4 close-fds 3\n"
	       "   5 exec\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mounts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payload, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
