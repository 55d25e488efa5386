/* src/init: entering the root file system, masks, read-only paths, devices, links, sysctls. */
#include "init_harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { NEW = CLONE_NEWNS | CLONE_NEWPID };

static const struct variant variants[] = {
	{NULL,		0,      { 0 }									},
	{ "no openat2",       ENOSYS, { SYS_openat2 }							      },
	{ "no mount_setattr", ENOSYS, { SYS_mount_setattr }                                                        },
	{ "no move_mount",    ENOSYS, { SYS_move_mount }							   },
	{ "no open_tree",     ENOSYS, { SYS_open_tree }							    },
	{ "none of them",
         ENOSYS,		      { SYS_openat2, SYS_open_tree, SYS_mount_setattr, SYS_move_mount, SYS_fsopen }},
};

static size_t count_mounts(void)
{
	size_t n = 0;

	for (const char *s = read_text("/proc/self/mountinfo"); (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

static int count_fds(pid_t pid)
{
	char path[64];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* What every child of ours inherits. */
static int count_inherited(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) == 0;
	return n;
}

/* ---- pivot */

/* fault 43: everything shared on the host, as systemd has it. */
static void shared_host(struct harness *h, uint16_t pivot_flags)
{
	size_t before;

	assert_int_equal(mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL), 0);
	before = count_mounts();
	add_op(h, CTR_OP_OPEN_PROC);
	add_str(h, CTR_OP_PROPAGATION, "/", MS_SHARED | MS_REC);
	add_str(h, CTR_OP_ROOTFS, h->rootfs, MS_SHARED);
	add_mount(h, "tmpfs", "/tmp", 0, "");
	add_op(h, CTR_OP_PIVOT)->flags = pivot_flags;
	add_op(h, CTR_OP_ROOT_PROPAGATION)->arg = MS_SHARED;
	run_to_created(h, NEW);

	assert_int_equal(count_mounts(), before);
	assert_non_null(mount_in(h, "/tmp"));
	assert_non_null(strstr(mount_in(h, "/"), "shared:"));
	assert_null(mount_in(h, h->dir));
	send_message(h, CTR_MSG_START, NULL, 0);
	assert_int_equal(await_exit(h), 0);
	assert_int_equal(count_mounts(), before);
}

static void test_shared_host(void **state)
{
	shared_host(*state, 0);
}

static void test_shared_host_no_pivot(void **state)
{
	shared_host(*state, CTR_OPF_NO_PIVOT);
}

/* What the container mounts on a shared volume arrives on the host. */
static void test_shared_volume(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "volume");
	assert_int_equal(mount("tmpfs", "volume", "tmpfs", 0, NULL), 0);
	assert_int_equal(mount(NULL, "volume", NULL, MS_SHARED, NULL), 0);
	make_dir(0755, "volume/sub");
	add_op(h, CTR_OP_OPEN_PROC);
	add_str(h, CTR_OP_PROPAGATION, "/", MS_SHARED | MS_REC);
	add_str(h, CTR_OP_ROOTFS, h->rootfs, MS_SHARED);
	add_bind(h, "volume", "/volume", 0)->flags = CTR_OPF_RECURSIVE;
	add_str(h, CTR_OP_MOUNT_PROPAGATION, "/volume", MS_SHARED | MS_REC);
	add_op(h, CTR_OP_PIVOT);
	add_mount(h, "tmpfs", "/volume/sub", 0, "");
	run_to_created(h, NEW);
	assert_non_null(strstr(read_text("/proc/self/mountinfo"), "/volume/sub "));
}

/* The tree that the parent made, for a user namespace that may not look where it is. */
static void test_tree_of_the_parent(void **state)
{
	struct harness *h = *state;
	struct ctr_op *op;
	int fd;

	make_file("x", "rootfs/file");
	add_op(h, CTR_OP_OPEN_PROC);
	add_str(h, CTR_OP_PROPAGATION, "/", MS_SLAVE | MS_REC);
	add_op(h, CTR_OP_WANT_FDS)->arg2 = 1;
	op = add_str(h, CTR_OP_ROOTFS, h->rootfs, 0);
	op->fd = CTR_SLOT_FIRST;
	op->flags = CTR_OPF_AT_ROOT;
	add_mount(h, "proc", "/proc", 0, "");
	add_op(h, CTR_OP_PIVOT);
	add_stop(h);
	start_init(h, NEW | CLONE_NEWUSER);
	expect_message(h, CTR_MSG_WANT_FDS);
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, h->rootfs, OPEN_TREE_CLONE | O_CLOEXEC);
	send_message(h, CTR_MSG_FDS, &fd, 1);
	close(fd);
	if (is_denied(h, SYS_move_mount)) {
		expect_message(h, CTR_MSG_FAIL);
		return;
	}
	expect_message(h, CTR_MSG_CREATED);
	assert_string_equal(read_in(h, "/file"), "x");
	assert_null(mount_in(h, h->dir));
}

static void test_slave_root(void **state)
{
	struct harness *h = *state;

	assert_int_equal(mount(h->rootfs, h->rootfs, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, h->rootfs, NULL, MS_SHARED, NULL), 0);
	make_dir(0755, "rootfs/later");
	add_op(h, CTR_OP_OPEN_PROC);
	add_str(h, CTR_OP_PROPAGATION, "/", MS_SLAVE | MS_REC);
	add_str(h, CTR_OP_ROOTFS, h->rootfs, MS_SLAVE | MS_REC);
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_int_equal(mount("tmpfs", "rootfs/later", "tmpfs", 0, NULL), 0);
	assert_non_null(mount_in(h, "/later"));
}

static void test_private_root(void **state)
{
	struct harness *h = *state;

	assert_int_equal(mount(h->rootfs, h->rootfs, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, h->rootfs, NULL, MS_SHARED, NULL), 0);
	make_dir(0755, "rootfs/later");
	add_root(h, NULL);
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_int_equal(mount("tmpfs", "rootfs/later", "tmpfs", 0, NULL), 0);
	assert_null(mount_in(h, "/later"));
}

/* Mounts below the rootfs directory come along; the host's root serves as well. */
static void test_submounts_and_slash(void **state)
{
	struct harness *h = *state;
	char inside[128];

	make_dir(0755, "rootfs/volume");
	assert_int_equal(mount("tmpfs", "rootfs/volume", "tmpfs", 0, NULL), 0);
	make_file("x", "rootfs/volume/file");
	add_root(h, "/");
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);
	snprintf(inside, sizeof(inside), "%s/volume/file", h->rootfs);
	assert_string_equal(read_in(h, inside), "x");
}

static void test_no_pivot(void **state)
{
	struct harness *h = *state;
	char path[128];

	make_file("container", "rootfs/file");
	add_root(h, NULL);
	add_mount(h, "proc", "/proc", 0, "");
	add_op(h, CTR_OP_PIVOT)->flags = CTR_OPF_NO_PIVOT;
	add_str(h, CTR_OP_MASK, "/proc/uptime", 0);
	make_dir(0755, "rootfs/dev");
	assert_int_equal(mknod("rootfs/dev/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	run_to_created(h, NEW);

	assert_string_equal(read_in(h, "/file"), "container");
	snprintf(path, sizeof(path), "/../../..%s", h->dir);
	assert_false(exists_in(h, path));
	assert_string_equal(read_in(h, "/proc/uptime"), "");
}

static void test_missing_rootfs(void **state)
{
	struct harness *h = *state;

	ctr_plan_origin(&h->plan, "root.path");
	add_root(h, "/no/such/rootfs");
	start_init(h, NEW);
	expect_fail(h, "root.path: cannot use root file system '/no/such/rootfs': "
		       "No such file or directory");
}

static void test_rootfs_is_file(void **state)
{
	struct harness *h = *state;

	make_file("", "file");
	add_root(h, "file");
	start_init(h, NEW);
	expect_fail(h, "cannot use root file system 'file': Not a directory");
}

static void test_root_readonly(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	add_mount(h, "tmpfs", "/tmp", 0, "");
	add_op(h, CTR_OP_PIVOT);
	add_op(h, CTR_OP_ROOT_READONLY);
	run_to_created(h, NEW);
	assert_true(has_option(mount_in(h, "/"), "ro"));
	assert_false(has_option(mount_in(h, "/tmp"), "ro"));
}

static void test_in_userns(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	add_mount(h, "proc", "/proc", 0, "");
	add_mount(h, "tmpfs", "/dev", MS_NOSUID, "mode=755");
	add_str(h, CTR_OP_DEVICE, "/dev/null", makedev(1, 3))->str2 = S_IFCHR | 0666;
	h->plan.ops[h->plan.nops - 1].flags = CTR_OPF_FALLBACK_BIND | CTR_OPF_TARGET_NOFOLLOW;
	add_op(h, CTR_OP_PIVOT);
	add_str(h, CTR_OP_MASK, "/proc/uptime", 0);
	add_str(h, CTR_OP_MASK, "/proc/fs", 0);
	add_str(h, CTR_OP_READONLY, "/proc/sys", 0);
	add_op(h, CTR_OP_ROOT_READONLY);
	run_to_created(h, NEW | CLONE_NEWUSER);

	assert_int_equal(stat_in(h, "/dev/null").st_rdev, makedev(1, 3));
	assert_string_equal(read_in(h, "/proc/uptime"), "");
	assert_true(has_option(mount_in(h, "/proc/sys"), "ro"));
	assert_true(has_option(mount_in(h, "/proc/fs"), "ro"));
	assert_true(has_option(mount_in(h, "/"), "ro"));
}

/* ---- masks */

static void add_container(struct harness *h)
{
	add_root(h, NULL);
	add_mount(h, "proc", "/proc", MS_NOSUID | MS_NOEXEC, "");
	add_mount(h, "tmpfs", "/dev", MS_NOSUID, "mode=755");
	add_str(h, CTR_OP_DEVICE, "/dev/null", makedev(1, 3))->str2 = S_IFCHR | 0666;
	add_op(h, CTR_OP_PIVOT);
}

static void test_masks(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/secret");
	make_file("x", "rootfs/secret/file");
	make_dir(0755, "rootfs/other");
	make_file("x", "rootfs/other/file");
	make_symlink("other", "rootfs/link");
	add_container(h);
	add_str(h, CTR_OP_MASK, "/proc/uptime", 0);
	add_str(h, CTR_OP_MASK, "/secret", 0);
	add_str(h, CTR_OP_MASK, "/proc/fs", 0);
	add_str(h, CTR_OP_MASK, "/link", 0);
	add_str(h, CTR_OP_MASK, "/no/such/path", 0);
	add_str(h, CTR_OP_MASK, "/proc/version/below-a-file", 0);
	add_str(h, CTR_OP_READONLY, "/proc/sys", 0);
	add_str(h, CTR_OP_READONLY, "/proc/bus", 0);
	add_str(h, CTR_OP_READONLY, "/absent", 0);
	run_to_created(h, NEW);

	assert_int_equal(stat_in(h, "/proc/uptime").st_rdev, makedev(1, 3));
	assert_false(exists_in(h, "/secret/file"));
	assert_false(exists_in(h, "/other/file"));
	assert_true(has_option(mount_in(h, "/secret"), "ro"));
	assert_true(has_option(mount_in(h, "/proc/fs"), "ro"));
	/* one file system for all */
	assert_int_equal(stat_in(h, "/secret").st_dev, stat_in(h, "/proc/fs").st_dev);
	assert_int_equal(stat_in(h, "/secret").st_dev, stat_in(h, "/other").st_dev);
	assert_true(has_option(mount_in(h, "/proc/sys"), "ro"));
	assert_true(has_option(mount_in(h, "/proc/sys"), "nosuid"));
	assert_true(has_option(mount_in(h, "/proc/sys"), "noexec"));
	assert_null(mount_in(h, "/absent"));
	/* the socket is all that is still open */
	assert_int_equal(count_fds(h->pid), count_inherited() + 1);
}

/* fault 4: a null device that is none. */
static void test_false_null(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/dev");
	make_dir(0755, "rootfs/proc");
	make_symlink("/proc/sysrq-trigger", "rootfs/dev/null");
	make_file("x", "rootfs/secret");
	add_root(h, NULL);
	add_op(h, CTR_OP_PIVOT);
	ctr_plan_origin(&h->plan, "linux.maskedPaths[0]");
	add_str(h, CTR_OP_MASK, "/secret", 0);
	start_init(h, NEW);
	expect_fail(h, "linux.maskedPaths[0]: cannot mask '/secret': /dev/null of the container is "
		       "not the null device");
}

static void test_readonly_keeps_submounts(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/data");
	add_root(h, NULL);
	add_mount(h, "tmpfs", "/data", MS_NODEV, "");
	add_mount(h, "tmpfs", "/data/sub", 0, "");
	add_op(h, CTR_OP_PIVOT);
	add_str(h, CTR_OP_READONLY, "/data", 0);
	run_to_created(h, NEW);
	assert_true(has_option(mount_in(h, "/data"), "ro"));
	assert_true(has_option(mount_in(h, "/data"), "nodev"));
	assert_false(has_option(mount_in(h, "/data/sub"), "ro"));
}

/* ---- devices and links */

static struct ctr_op *add_device(struct harness *h, const char *path, mode_t mode,
				 unsigned minor_nr)
{
	struct ctr_op *op = add_str(h, CTR_OP_DEVICE, path, makedev(1, minor_nr));

	op->str2 = mode;
	op->flags = CTR_OPF_TARGET_NOFOLLOW;
	return op;
}

static void test_devices(void **state)
{
	struct harness *h = *state;
	struct stat st;

	make_dir(0755, "rootfs/dev");
	assert_int_equal(mknod("rootfs/dev/zero", S_IFCHR | 0600, makedev(1, 5)), 0);
	add_root(h, NULL);
	add_device(h, "/dev/null", S_IFCHR | 0666, 3);
	add_device(h, "/dev/zero", S_IFCHR | 0666, 5);
	add_device(h, "/dev/owned", S_IFBLK | 0640, 7)->arg2 = UINT64_C(5) << 32 | 6;
	add_device(h, "/else/where/fifo", S_IFIFO | 0622, 0)->arg = 0;
	make_symlink("/dev", "rootfs/linked");
	add_str(h, CTR_OP_DEVICE, "/linked/deep/er/null", makedev(1, 3))->str2 = S_IFCHR | 0666;
	add_str(h, CTR_OP_SYMLINK, "/dev/fd", 0)->str2 = ctr_plan_str(&h->plan, "/proc/self/fd");
	add_str(h, CTR_OP_SYMLINK, "/dev/null", 0)->str2 = ctr_plan_str(&h->plan, "nowhere");
	add_op(h, CTR_OP_PIVOT);
	h->umask = 0137;
	run_to_created(h, NEW);

	st = stat_in(h, "/dev/null");
	assert_int_equal(st.st_mode, S_IFCHR | 0666);
	assert_int_equal(st.st_rdev, makedev(1, 3));
	/* what is there already is left alone */
	assert_int_equal(stat_in(h, "/dev/zero").st_mode, S_IFCHR | 0600);
	st = stat_in(h, "/dev/owned");
	assert_int_equal(st.st_mode, S_IFBLK | 0640);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(stat_in(h, "/else/where/fifo").st_mode, S_IFIFO | 0622);
	assert_int_equal(stat_in(h, "/dev/deep/er/null").st_rdev, makedev(1, 3));
	assert_true(S_ISLNK(stat_in(h, "/dev/fd").st_mode));
	assert_int_equal(stat_in(h, "/dev/deep").st_mode & 07777, 0755);
}

static void test_other_device(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/dev");
	make_file("", "rootfs/dev/null");
	add_root(h, NULL);
	ctr_plan_origin(&h->plan, "linux.devices[2]");
	add_device(h, "/dev/null", S_IFCHR | 0666, 3);
	start_init(h, NEW);
	expect_fail(h, "linux.devices[2]: cannot create device '/dev/null': another file is there");
}

/* In a user namespace the host's node is bound, which must be the one that was asked for. */
static void test_device_of_host(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/dev");
	make_file("", "rootfs/dev/zero");
	add_root(h, NULL);
	add_device(h, "/dev/null", S_IFCHR | 0600, 3)->flags |= CTR_OPF_BIND;
	add_device(h, "/dev/zero", S_IFCHR | 0666, 5)->flags |= CTR_OPF_BIND;
	add_device(h, "/dev/null", S_IFCHR | 0666, 3)->flags |= CTR_OPF_BIND;
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW | CLONE_NEWUSER);
	assert_int_equal(stat_in(h, "/dev/null").st_rdev, makedev(1, 3));
	assert_int_equal(stat_in(h, "/dev/zero").st_rdev, makedev(1, 5));
}

static void test_other_device_of_host(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	ctr_plan_origin(&h->plan, "linux.devices[1]");
	add_device(h, "/dev/zero", S_IFCHR | 0666, 7)->flags |= CTR_OPF_BIND;
	start_init(h, NEW | CLONE_NEWUSER);
	expect_fail(h, "linux.devices[1]: cannot create device '/dev/zero': "
		       "the host has another file there");
	assert_int_not_equal(access("rootfs/dev/zero", F_OK), 0);
}

static void test_device_on_proc(void **state)
{
	struct harness *h = *state;
	char path[80], message[200];

	snprintf(path, sizeof(path), "%s/uptime", h->dir);
	snprintf(message, sizeof(message),
		 "cannot create device '%s': the target is inside of a proc file system", path);
	assert_int_equal(mknod(path, S_IFCHR | 0666, makedev(1, 3)), 0);
	add_root(h, NULL);
	add_mount(h, "proc", h->dir, 0, "")->flags = CTR_OPF_ON_PROC;
	add_device(h, path, S_IFCHR | 0666, 3)->flags |= CTR_OPF_BIND;
	start_init(h, NEW);
	expect_fail(h, message);
}

/* fault 14: an image whose /dev is a link. */
static void test_dev_is_link(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/elsewhere");
	make_symlink("/elsewhere", "rootfs/dev");
	add_root(h, NULL);
	add_device(h, "/dev/null", S_IFCHR | 0666, 3);
	start_init(h, NEW);
	expect_fail(h, "cannot create device '/dev/null': cannot open or make the target: "
		       "Too many levels of symbolic links");
	assert_int_not_equal(access("rootfs/elsewhere/null", F_OK), 0);
}

static void test_link_in_linked_dev(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "hostdir");
	make_symlink(h->dir, "rootfs/dev");
	add_root(h, NULL);
	add_str(h, CTR_OP_SYMLINK, "/dev/fd", 0)->str2 = ctr_plan_str(&h->plan, "/proc/self/fd");
	h->plan.ops[h->plan.nops - 1].flags = CTR_OPF_TARGET_NOFOLLOW;
	start_init(h, NEW);
	expect_fail(h, "cannot create link '/dev/fd' to '/proc/self/fd': cannot open or make the "
		       "target: Too many levels of symbolic links");
	assert_int_not_equal(access("fd", F_OK), 0);
}

/* ---- sysctls */

static void test_sysctl(void **state)
{
	struct harness *h = *state;

	add_container(h);
	add_str(h, CTR_OP_SYSCTL, "net/ipv4/ip_forward", 0)->str2 = ctr_plan_str(&h->plan, "1");
	add_str(h, CTR_OP_SYSCTL, "kernel/msgmax", 0)->str2 = ctr_plan_str(&h->plan, "4242");
	add_str(h, CTR_OP_READONLY, "/proc/sys", 0);
	run_to_created(h, NEW | CLONE_NEWNET | CLONE_NEWIPC);
	/* /proc/PID/root does not change which namespaces the files are of: ask in the child's */
	send_message(h, CTR_MSG_START, NULL, 0);
	assert_int_equal(await_exit(h), 0);
}

static void test_sysctl_missing(void **state)
{
	struct harness *h = *state;

	add_container(h);
	ctr_plan_origin(&h->plan, "linux.sysctl");
	add_str(h, CTR_OP_SYSCTL, "kernel/bogus", 0)->str2 = ctr_plan_str(&h->plan, "1");
	start_init(h, NEW);
	expect_fail(h, "linux.sysctl: cannot write '1' to sysctl 'kernel/bogus': "
		       "No such file or directory");
}

/* A host whose /proc/sys is read-only, as in a container around us: the old root is taken apart
 * when it goes, and its /proc is bare then. */
static void test_sysctl_below_readonly(void **state)
{
	struct harness *h = *state;

	assert_int_equal(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, "/proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	add_container(h);
	add_str(h, CTR_OP_SYSCTL, "kernel/msgmax", 0)->str2 = ctr_plan_str(&h->plan, "4242");
	start_init(h, NEW | CLONE_NEWIPC);
	(void)umount2("/proc/sys", MNT_DETACH);
	assert_int_equal(await_exit(h), 0);
}

/* All of /proc read-only: through a procfs of our own. */
static void test_sysctl_on_readonly(void **state)
{
	struct harness *h = *state;

	assert_int_equal(mount(NULL, "/proc", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	add_container(h);
	add_str(h, CTR_OP_SYSCTL, "kernel/msgmax", 0)->str2 = ctr_plan_str(&h->plan, "4242");
	start_init(h, NEW | CLONE_NEWIPC);
	(void)mount(NULL, "/proc", NULL, MS_BIND | MS_REMOUNT, NULL);
	if (is_denied(h, SYS_fsopen))
		expect_fail(h, "cannot write '4242' to sysctl 'kernel/msgmax': "
			       "Read-only file system");
	else
		assert_int_equal(await_exit(h), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HARNESS_TEST(test_shared_host),
		HARNESS_TEST(test_shared_host_no_pivot),
		HARNESS_TEST(test_shared_volume),
		HARNESS_TEST(test_tree_of_the_parent),
		HARNESS_TEST(test_slave_root),
		HARNESS_TEST(test_private_root),
		HARNESS_TEST(test_submounts_and_slash),
		HARNESS_TEST(test_no_pivot),
		HARNESS_TEST(test_missing_rootfs),
		HARNESS_TEST(test_rootfs_is_file),
		HARNESS_TEST(test_root_readonly),
		HARNESS_TEST(test_in_userns),
		HARNESS_TEST(test_masks),
		HARNESS_TEST(test_false_null),
		HARNESS_TEST(test_readonly_keeps_submounts),
		HARNESS_TEST(test_devices),
		HARNESS_TEST(test_other_device),
		HARNESS_TEST(test_device_of_host),
		HARNESS_TEST(test_other_device_of_host),
		HARNESS_TEST(test_device_on_proc),
		HARNESS_TEST(test_dev_is_link),
		HARNESS_TEST(test_link_in_linked_dev),
		HARNESS_TEST(test_sysctl),
		HARNESS_TEST(test_sysctl_missing),
		HARNESS_TEST(test_sysctl_below_readonly),
		HARNESS_TEST(test_sysctl_on_readonly),
	};

	return RUN_VARIANTS(tests, variants);
}
