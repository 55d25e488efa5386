/* src/init: mounts, on this kernel and on older ones. Numbers are those of the fault list. */
#include "init_harness.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <errno.h>

int mount(const char *source, const char *target, const char *type, unsigned long flags,
	  const void *data);

enum { NEW = CLONE_NEWNS | CLONE_NEWPID };

static const struct variant variants[] = {
	{NULL,		0,      { 0 }									},
	{ "no openat2",       ENOSYS, { SYS_openat2 }							      },
	{ "no mount_setattr", ENOSYS, { SYS_mount_setattr }                                                        },
	{ "no move_mount",    ENOSYS, { SYS_move_mount }							   },
	{ "none of them",
         ENOSYS,		      { SYS_openat2, SYS_open_tree, SYS_mount_setattr, SYS_move_mount, SYS_fsopen }},
	{ "all forbidden",
         EPERM,		       { SYS_openat2, SYS_open_tree, SYS_mount_setattr, SYS_move_mount, SYS_fsopen }},
};

/* ---- file systems */

static void test_file_systems(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	add_mount(h, "proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, "")->flags =
		CTR_OPF_TARGET_NOFOLLOW;
	add_mount(h, "tmpfs", "/dev", MS_NOSUID, "mode=755,size=65536k");
	add_mount(h, "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
		  "newinstance,ptmxmode=0666,mode=0620");
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_true(has_option(mount_in(h, "/proc"), "nosuid"));
	assert_true(has_option(mount_in(h, "/proc"), "nodev"));
	assert_non_null(mount_in(h, "/dev/pts"));
	assert_true(exists_in(h, "/dev/pts/ptmx"));
	assert_null(mount_in(h, "/sys"));
	/* nothing of the host is left */
	assert_null(mount_in(h, h->dir));
	send_message(h, CTR_MSG_START, NULL, 0);
	assert_int_equal(await_exit(h), 0);
}

/* fault 40: the mode of the directory below; a given one wins; what is made keeps tmpfs' own. */
static void test_tmpfs_mode(void **state)
{
	struct harness *h = *state;

	make_dir(01777, "rootfs/kept");
	make_dir(01777, "rootfs/given");
	make_dir(0700, "rootfs/private");
	add_root(h, NULL);
	add_mount(h, "tmpfs", "/kept", 0, "")->flags = CTR_OPF_KEEP_MODE;
	add_mount(h, "tmpfs", "/given", 0, "mode=0711");
	add_mount(h, "tmpfs", "/private", 0, "size=4k")->flags = CTR_OPF_KEEP_MODE;
	add_mount(h, "tmpfs", "/made/here", 0, "")->flags = CTR_OPF_KEEP_MODE;
	add_op(h, CTR_OP_PIVOT);
	h->umask = 077;
	run_to_created(h, NEW);

	assert_int_equal(stat_in(h, "/kept").st_mode & 07777, 01777);
	assert_int_equal(stat_in(h, "/given").st_mode & 07777, 0711);
	assert_int_equal(stat_in(h, "/private").st_mode & 07777, 0700);
	assert_int_equal(stat_in(h, "/made").st_mode & 07777, 0755);
	assert_int_equal(stat_in(h, "/made/here").st_mode & 07777, 01777);
	assert_non_null(strstr(mount_in(h, "/private"), "size=4k"));
}

/* faults 41, 50: the content comes along, whatever the caller's umask. */
static void test_tmpcopyup(void **state)
{
	struct harness *h = *state;
	struct stat st;

	make_dir(0751, "rootfs/data");
	assert_int_equal(chown("rootfs/data", 7, 8), 0);
	make_dir(02775, "rootfs/data/sub");
	make_file("hello", "rootfs/data/sub/file");
	assert_int_equal(chown("rootfs/data/sub/file", 1000, 1001), 0);
	assert_int_equal(chmod("rootfs/data/sub/file", 04755), 0);
	make_symlink("sub/file", "rootfs/data/link");
	make_symlink("/nowhere", "rootfs/data/dangling");
	assert_int_equal(mknod("rootfs/data/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mkfifo("rootfs/data/fifo", 0622), 0);

	add_root(h, NULL);
	add_mount(h, "tmpfs", "/data", MS_RDONLY | MS_NOSUID, "")->flags =
		CTR_OPF_KEEP_MODE | CTR_OPF_TMPCOPYUP;
	add_op(h, CTR_OP_PIVOT);
	h->umask = 077;
	run_to_created(h, NEW);

	assert_true(has_option(mount_in(h, "/data"), "ro"));
	assert_true(has_option(mount_in(h, "/data"), "nosuid"));
	st = stat_in(h, "/data");
	assert_int_equal(st.st_mode & 07777, 0751);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(stat_in(h, "/data/sub").st_mode & 07777, 02775);
	st = stat_in(h, "/data/sub/file");
	assert_int_equal(st.st_mode & 07777, 04755);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 1001);
	assert_string_equal(read_in(h, "/data/link"), "hello");
	assert_true(S_ISLNK(stat_in(h, "/data/dangling").st_mode));
	assert_int_equal(stat_in(h, "/data/null").st_rdev, makedev(1, 3));
	assert_int_equal(stat_in(h, "/data/fifo").st_mode, S_IFIFO | 0622);
	/* nothing was added to the image */
	assert_int_equal(access("rootfs/data/sub/file", F_OK), 0);
}

/* faults 7, 8: /proc and /sys are directories, not links. */
static void test_proc_on_link(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/tmp");
	make_symlink("tmp", "rootfs/proc");
	add_root(h, NULL);
	ctr_plan_origin(&h->plan, "mounts[0]");
	add_mount(h, "proc", "/proc", 0, "")->flags = CTR_OPF_TARGET_NOFOLLOW;
	start_init(h, NEW);
	expect_fail(
		h,
		"mounts[0]: cannot mount 'proc' on '/proc': must be mounted on ordinary directory");
	assert_int_not_equal(access("rootfs/tmp/self", F_OK), 0);
}

static void test_proc_on_file(void **state)
{
	struct harness *h = *state;

	make_file("", "rootfs/proc");
	add_root(h, NULL);
	add_mount(h, "proc", "/proc", 0, "")->flags = CTR_OPF_TARGET_NOFOLLOW;
	start_init(h, NEW);
	expect_fail(h, "cannot mount 'proc' on '/proc': must be mounted on ordinary directory");
}

/* fault 7: nothing may hide a part of a procfs, however it is reached. */
static void test_mount_on_proc(void **state)
{
	struct harness *h = *state;

	make_symlink("/proc/sys", "rootfs/innocent");
	add_root(h, NULL);
	add_mount(h, "proc", "/proc", 0, "")->flags = CTR_OPF_TARGET_NOFOLLOW;
	add_mount(h, "tmpfs", "/innocent", 0, "");
	start_init(h, NEW);
	expect_fail(
		h,
		"cannot mount 'tmpfs' on '/innocent': the target is inside of a proc file system");
}

static void test_bind_on_proc(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	add_mount(h, "proc", "/proc", 0, "")->flags = CTR_OPF_TARGET_NOFOLLOW;
	make_file("1.00", "uptime");
	add_bind(h, "uptime", "/proc/uptime", 0)->flags = CTR_OPF_ON_PROC;
	add_bind(h, "uptime", "/proc/self/attr/current", 0);
	start_init(h, NEW);
	expect_fail(h,
		    "cannot bind 'uptime' on '/proc/self/attr/current': the target is inside of a "
		    "proc file system");
	assert_int_equal(h->msg.op, 5);
}

static void test_unknown_type(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	ctr_plan_origin(&h->plan, "mounts[7]");
	add_mount(h, "bogusfs", "/x", 0, "");
	start_init(h, NEW);
	expect_fail(h, "mounts[7]: cannot mount 'bogusfs' on '/x': No such device");
}

static void test_target_below_file(void **state)
{
	struct harness *h = *state;

	make_file("", "rootfs/file");
	add_root(h, NULL);
	add_mount(h, "tmpfs", "/file/x", 0, "");
	start_init(h, NEW);
	expect_fail(h, "cannot mount 'tmpfs' on '/file/x': cannot open or make the target: "
		       "Not a directory");
}

/* fault 49: a sysfs of one's own needs a network namespace of one's own. */
static void test_sysfs_in_userns(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	add_mount(h, "sysfs", "/sys", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "")->flags =
		CTR_OPF_FALLBACK_BIND;
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW | CLONE_NEWUSER);

	assert_true(has_option(mount_in(h, "/sys"), "ro"));
	assert_true(has_option(mount_in(h, "/sys"), "noexec"));
	assert_true(exists_in(h, "/sys/class"));
}

/* ---- binds */

/* faults 29, 31: links at the target lead inside of the root; what they point to is made when
 * missing. */
static void test_bind_on_links(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/etc");
	make_dir(0755, "rootfs/usr");
	make_file("UTC", "rootfs/usr/zone");
	make_symlink("/usr/zone", "rootfs/etc/localtime");
	make_symlink("../../../usr/share/zoneinfo/CET", "rootfs/etc/dangling");
	make_symlink("/../../escaped", "rootfs/etc/up");
	make_file("CEST", "source");
	add_root(h, NULL);
	add_bind(h, "source", "/etc/localtime", 0);
	add_bind(h, "source", "/etc/dangling", 0);
	add_bind(h, "source", "/etc/up/file", 0);
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_non_null(mount_in(h, "/usr/zone"));
	assert_string_equal(read_in(h, "/usr/zone"), "CEST");
	assert_non_null(mount_in(h, "/usr/share/zoneinfo/CET"));
	assert_non_null(mount_in(h, "/escaped/file"));
	assert_true(S_ISLNK(stat_in(h, "/etc/localtime").st_mode));
	assert_int_equal(access("/escaped", F_OK), -1);
	assert_string_equal(read_text("rootfs/usr/zone"), "UTC");
}

/* fault 34 */
static void test_many_slashes(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "source");
	make_file("x", "source/file");
	add_root(h, NULL);
	add_bind(h, "source", "//a///b//", 0);
	add_bind(h, "source", "/a/./c/../d", 0);
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);
	assert_string_equal(read_in(h, "/a/b/file"), "x");
	assert_string_equal(read_in(h, "/a/d/file"), "x");
}

static void test_link_loop(void **state)
{
	struct harness *h = *state;

	make_symlink("b", "rootfs/a");
	make_symlink("a", "rootfs/b");
	make_dir(0755, "source");
	add_root(h, NULL);
	add_bind(h, "source", "/a/x", 0);
	start_init(h, NEW);
	expect_fail(h, "cannot bind 'source' on '/a/x': cannot open or make the target: "
		       "Too many levels of symbolic links");
}

/* Flags set, kept and cleared. */
static void test_bind_flags(void **state)
{
	struct harness *h = *state;
	struct ctr_op *op;

	make_dir(0755, "source");
	assert_int_equal(mount("tmpfs", "source", "tmpfs", MS_NOEXEC | MS_NODEV | MS_NOATIME, NULL),
			 0);
	make_dir(0755, "source/sub");
	assert_int_equal(mount("tmpfs", "source/sub", "tmpfs", 0, NULL), 0);
	make_file("x", "source/sub/file");
	add_root(h, NULL);
	add_bind(h, "source", "/plain", 0);
	add_bind(h, "source", "/ro", MS_RDONLY)->flags = CTR_OPF_RECURSIVE;
	op = add_bind(h, "source", "/rw", MS_STRICTATIME | MS_NOSUID);
	op->arg2 = MS_NOEXEC | MS_NODEV | MS_NOATIME;
	op->flags = CTR_OPF_FLAGS_CLEAR;
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_true(has_option(mount_in(h, "/plain"), "noexec"));
	assert_false(has_option(mount_in(h, "/plain"), "ro"));
	assert_null(mount_in(h, "/plain/sub"));
	assert_true(has_option(mount_in(h, "/ro"), "ro"));
	assert_true(has_option(mount_in(h, "/ro"), "noexec"));
	assert_true(has_option(mount_in(h, "/ro"), "noatime"));
	assert_false(has_option(mount_in(h, "/ro/sub"), "ro"));
	assert_string_equal(read_in(h, "/ro/sub/file"), "x");
	assert_false(has_option(mount_in(h, "/rw"), "noexec"));
	assert_false(has_option(mount_in(h, "/rw"), "nodev"));
	assert_false(has_option(mount_in(h, "/rw"), "noatime"));
	assert_false(has_option(mount_in(h, "/rw"), "relatime"));
	assert_true(has_option(mount_in(h, "/rw"), "nosuid"));
}

/* In a user namespace the host's flags are locked: kept, unless asked to go. */
static void test_locked_flags(void **state)
{
	struct harness *h = *state;
	struct ctr_op *op;

	make_dir(0755, "source");
	assert_int_equal(mount("tmpfs", "source", "tmpfs", MS_NOEXEC | MS_NODEV, NULL), 0);
	add_root(h, NULL);
	op = add_bind(h, "source", "/kept", MS_RDONLY);
	op->arg2 = MS_NOEXEC;
	op = add_bind(h, "source", "/cleared", MS_RDONLY);
	op->arg2 = MS_NOEXEC;
	op->flags = CTR_OPF_FLAGS_CLEAR;
	start_init(h, NEW | CLONE_NEWUSER);
	expect_fail(h, "cannot bind 'source' on '/cleared': cannot set the mount flags: "
		       "Operation not permitted");
}

/* fault 46: a link as the source. */
static void test_source_links(void **state)
{
	struct harness *h = *state;

	make_file("text", "target");
	make_symlink("target", "source");
	add_root(h, NULL);
	add_bind(h, "source", "/followed", 0);
	add_bind(h, "source", "/copied", 0)->flags = CTR_OPF_COPY_SYMLINK;
	add_bind(h, "target", "/dir/file", 0)->flags = CTR_OPF_COPY_SYMLINK;
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_string_equal(read_in(h, "/followed"), "text");
	assert_true(S_ISLNK(stat_in(h, "/copied").st_mode));
	assert_null(mount_in(h, "/copied"));
	assert_string_equal(read_in(h, "/dir/file"), "text");
}

/* The link itself, whatever it says. */
static void test_source_nofollow(void **state)
{
	struct harness *h = *state;

	make_symlink("/no/where", "source");
	add_root(h, NULL);
	add_bind(h, "source", "/link", 0)->flags = CTR_OPF_SOURCE_NOFOLLOW;
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);
	assert_true(S_ISLNK(stat_in(h, "/link").st_mode));
	assert_non_null(mount_in(h, "/link"));
}

static void test_source_missing(void **state)
{
	struct harness *h = *state;

	add_root(h, NULL);
	add_bind(h, "/no/such/source", "/x", 0);
	start_init(h, NEW);
	expect_fail(h, "cannot bind '/no/such/source' on '/x': cannot open the source: "
		       "No such file or directory");
	assert_int_not_equal(access("rootfs/x", F_OK), 0);
}

static void test_target_nofollow(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "rootfs/real");
	make_symlink("real", "rootfs/link");
	make_dir(0755, "source");
	add_root(h, NULL);
	add_bind(h, "source", "/link/x", 0)->flags = CTR_OPF_TARGET_NOFOLLOW;
	start_init(h, NEW);
	expect_fail(h, "cannot bind 'source' on '/link/x': must be mounted on ordinary directory");
	assert_int_not_equal(access("rootfs/real/x", F_OK), 0);
}

/* faults 37, 38: recursive attributes on files, sockets and devices; the atime field. */
static void test_recursive_attributes(void **state)
{
	struct harness *h = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	static const char *const names[] = { "file", "socket", "null" };
	char source[32], target[32];

	make_file("x", "file");
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	close(sock);
	assert_int_equal(mknod("null", S_IFCHR | 0666, makedev(1, 3)), 0);
	make_dir(0755, "dir");
	make_dir(0755, "dir/sub");
	assert_int_equal(mount("tmpfs", "dir/sub", "tmpfs", MS_NOATIME, NULL), 0);

	add_root(h, NULL);
	for (size_t i = 0; i < 3; i++) {
		snprintf(source, sizeof(source), "%s", names[i]);
		snprintf(target, sizeof(target), "/bound-%s", names[i]);
		add_bind(h, source, target, 0)->flags = CTR_OPF_RECURSIVE;
		add_str(h, CTR_OP_MOUNT_ATTR, target, MOUNT_ATTR_RDONLY)->flags = CTR_OPF_RECURSIVE;
	}
	add_bind(h, "dir", "/dir", 0)->flags = CTR_OPF_RECURSIVE;
	add_str(h, CTR_OP_MOUNT_ATTR, "/dir", MOUNT_ATTR_RDONLY | MOUNT_ATTR_STRICTATIME)->flags =
		CTR_OPF_RECURSIVE;
	add_bind(h, "dir", "/rel", 0)->flags = CTR_OPF_RECURSIVE;
	h->plan.ops[h->plan.nops - 1].flags = CTR_OPF_RECURSIVE;
	add_op(h, CTR_OP_MOUNT_ATTR)->str = ctr_plan_str(&h->plan, "/rel");
	h->plan.ops[h->plan.nops - 1].flags = CTR_OPF_RECURSIVE;
	h->plan.ops[h->plan.nops - 1].arg2 = MOUNT_ATTR_NOATIME; /* relatime is 0 */
	add_op(h, CTR_OP_PIVOT);
	if (is_denied(h, SYS_mount_setattr)) {
		start_init(h, NEW);
		expect_fail(h, h->variant->error == ENOSYS
				       ? "cannot change mount attributes of '/bound-file': "
					 "Function not implemented"
				       : "cannot change mount attributes of '/bound-file': "
					 "Operation not permitted");
		return;
	}
	run_to_created(h, NEW);

	assert_true(has_option(mount_in(h, "/bound-file"), "ro"));
	assert_true(has_option(mount_in(h, "/bound-socket"), "ro"));
	assert_true(has_option(mount_in(h, "/bound-null"), "ro"));
	assert_true(has_option(mount_in(h, "/dir/sub"), "ro"));
	assert_false(has_option(mount_in(h, "/dir/sub"), "noatime"));
	assert_false(has_option(mount_in(h, "/dir/sub"), "relatime"));
	assert_true(has_option(mount_in(h, "/rel/sub"), "relatime"));
}

static void test_single_attributes(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "dir");
	add_root(h, NULL);
	add_bind(h, "dir", "/dir", MS_NODEV);
	add_str(h, CTR_OP_MOUNT_ATTR, "/dir", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME);
	add_str(h, CTR_OP_REMOUNT, "/dir", MS_NOEXEC)->arg2 = MS_NODEV;
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);
	assert_true(has_option(mount_in(h, "/dir"), "ro"));
	assert_true(has_option(mount_in(h, "/dir"), "noexec"));
	assert_true(has_option(mount_in(h, "/dir"), "noatime"));
	assert_false(has_option(mount_in(h, "/dir"), "nodev"));
}

/* fault 44: what the host mounts later below the source appears, and nothing goes back. */
static void test_propagation(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "source");
	assert_int_equal(mount("tmpfs", "source", "tmpfs", 0, NULL), 0);
	assert_int_equal(mount(NULL, "source", NULL, MS_SHARED, NULL), 0);
	make_dir(0755, "source/later");
	add_root(h, NULL);
	add_bind(h, "source", "/slave", 0)->flags = CTR_OPF_RECURSIVE;
	add_str(h, CTR_OP_MOUNT_PROPAGATION, "/slave", MS_SLAVE | MS_REC);
	add_bind(h, "source", "/private", 0)->flags = CTR_OPF_RECURSIVE;
	add_str(h, CTR_OP_MOUNT_PROPAGATION, "/private", MS_PRIVATE | MS_REC);
	add_bind(h, "source", "/shared", 0)->flags = CTR_OPF_RECURSIVE;
	add_str(h, CTR_OP_MOUNT_PROPAGATION, "/shared", MS_SHARED);
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_int_equal(mount("tmpfs", "source/later", "tmpfs", 0, NULL), 0);
	assert_non_null(mount_in(h, "/slave/later"));
	assert_null(mount_in(h, "/private/later"));
	assert_non_null(mount_in(h, "/shared/later"));
	assert_non_null(strstr(mount_in(h, "/shared"), "shared:"));
}

/* Somebody renames where a mount was made: what follows changes that mount, not what lies there. */
static void test_renamed_target(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "vol");
	make_dir(0755, "vol/x");
	make_dir(0755, "vol/t");
	make_dir(0755, "rootfs/other");
	make_dir(0755, "source");
	add_root(h, NULL);
	add_bind(h, "vol", "/vol", 0);
	add_mount(h, "tmpfs", "/other", 0, "");
	add_bind(h, "source", "/vol/x", 0)->fd2 = CTR_SLOT_DEV;
	add_mount(h, "tmpfs", "/vol/t", 0, "")->fd2 = CTR_SLOT_MOUNT;
	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_HOOKS;
	add_op(h, CTR_OP_RECV)->arg = CTR_MSG_GO;
	add_str(h, CTR_OP_MOUNT_ATTR, "/vol/x", MOUNT_ATTR_RDONLY)->fd = CTR_SLOT_DEV;
	add_str(h, CTR_OP_REMOUNT, "/vol/t", MS_RDONLY)->fd = CTR_SLOT_MOUNT;
	add_str(h, CTR_OP_MOUNT_PROPAGATION, "/vol/t", MS_SHARED)->fd = CTR_SLOT_MOUNT;
	add_op(h, CTR_OP_PIVOT);
	add_stop(h);
	start_init(h, NEW);
	expect_message(h, CTR_MSG_HOOKS);
	assert_int_equal(rename("vol/x", "vol/X"), 0);
	assert_int_equal(rename("vol/t", "vol/T"), 0);
	make_symlink("/other", "vol/x");
	make_symlink("/other", "vol/t");
	send_message(h, CTR_MSG_GO, NULL, 0);
	expect_message(h, CTR_MSG_CREATED);

	assert_true(has_option(mount_in(h, "/vol/X"), "ro"));
	assert_true(has_option(mount_in(h, "/vol/T"), "ro"));
	assert_non_null(strstr(mount_in(h, "/vol/T"), "shared:"));
	assert_false(has_option(mount_in(h, "/other"), "ro"));
	assert_null(strstr(mount_in(h, "/other"), "shared:"));
}

static void test_tmpcopyup_on_root(void **state)
{
	struct harness *h = *state;

	make_file("text", "rootfs/file");
	add_root(h, NULL);
	add_mount(h, "tmpfs", "/", 0, "")->flags = CTR_OPF_TMPCOPYUP;
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);
	assert_string_equal(read_in(h, "/file"), "text");
	assert_non_null(strstr(mount_in(h, "/"), "tmpfs"));
}

/* Detached trees that the parent made. */
static void test_trees_of_the_parent(void **state)
{
	struct harness *h = *state;
	struct ctr_op *op;
	int fds[2];

	make_dir(0755, "source");
	make_file("dir", "source/file");
	make_file("file", "single");
	add_root(h, NULL);
	op = add_op(h, CTR_OP_WANT_FDS);
	op->arg = 5;
	op->arg2 = 2;
	op = add_bind(h, "source", "/dir", MS_RDONLY);
	op->fd = CTR_SLOT_FIRST;
	op = add_bind(h, "single", "/file", 0);
	op->fd = CTR_SLOT_FIRST + 1;
	add_op(h, CTR_OP_PIVOT);
	add_stop(h);
	start_init(h, NEW);

	fds[0] = (int)syscall(SYS_open_tree, AT_FDCWD, "source", OPEN_TREE_CLONE | O_CLOEXEC);
	fds[1] = (int)syscall(SYS_open_tree, AT_FDCWD, "single", OPEN_TREE_CLONE | O_CLOEXEC);
	expect_message(h, CTR_MSG_WANT_FDS);
	assert_int_equal(h->msg.value, 5);
	assert_int_equal(h->msg.value2, 2);
	send_message(h, CTR_MSG_FDS, fds, 2);
	close(fds[0]);
	close(fds[1]);
	if (is_denied(h, SYS_move_mount)) {
		expect_fail(h, h->variant->error == ENOSYS
				       ? "cannot bind 'source' on '/dir': Function not implemented"
				       : "cannot bind 'source' on '/dir': Operation not permitted");
		return;
	}
	expect_message(h, CTR_MSG_CREATED);
	assert_string_equal(read_in(h, "/dir/file"), "dir");
	assert_string_equal(read_in(h, "/file"), "file");
	assert_true(has_option(mount_in(h, "/dir"), "ro"));
}

/* fault 32: a bind on "/" becomes the root, and what follows lies in it. */
static void test_bind_on_root(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "other");
	make_file("other", "other/file");
	make_dir(0755, "data");
	make_file("data", "data/file");
	add_root(h, NULL);
	add_bind(h, "other", "/", 0);
	add_bind(h, "data", "/data", 0);
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);

	assert_string_equal(read_in(h, "/file"), "other");
	assert_string_equal(read_in(h, "/data/file"), "data");
	assert_int_equal(access("other/data", F_OK), 0);
	assert_int_not_equal(access("rootfs/data", F_OK), 0);
}

static void test_tmpfs_on_root(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "data");
	make_file("data", "data/file");
	add_root(h, NULL);
	add_mount(h, "tmpfs", "/", 0, "");
	add_bind(h, "data", "/data", 0);
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);
	assert_string_equal(read_in(h, "/data/file"), "data");
	assert_int_not_equal(access("rootfs/data", F_OK), 0);
}

static void test_cgroup_bind(void **state)
{
	struct harness *h = *state;

	make_dir(0755, "group");
	make_file("0\n", "group/cgroup.procs");
	add_root(h, NULL);
	add_str(h, CTR_OP_CGROUP_BIND, "/sys/fs/cgroup", MS_RDONLY | MS_NOSUID)->str2 =
		ctr_plan_str(&h->plan, "group");
	add_op(h, CTR_OP_PIVOT);
	run_to_created(h, NEW);
	assert_true(has_option(mount_in(h, "/sys/fs/cgroup"), "ro"));
	assert_string_equal(read_in(h, "/sys/fs/cgroup/cgroup.procs"), "0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HARNESS_TEST(test_file_systems),        HARNESS_TEST(test_tmpfs_mode),
		HARNESS_TEST(test_tmpcopyup),           HARNESS_TEST(test_proc_on_link),
		HARNESS_TEST(test_proc_on_file),        HARNESS_TEST(test_mount_on_proc),
		HARNESS_TEST(test_bind_on_proc),        HARNESS_TEST(test_unknown_type),
		HARNESS_TEST(test_target_below_file),   HARNESS_TEST(test_sysfs_in_userns),
		HARNESS_TEST(test_bind_on_links),       HARNESS_TEST(test_many_slashes),
		HARNESS_TEST(test_link_loop),           HARNESS_TEST(test_bind_flags),
		HARNESS_TEST(test_locked_flags),        HARNESS_TEST(test_source_links),
		HARNESS_TEST(test_source_nofollow),     HARNESS_TEST(test_source_missing),
		HARNESS_TEST(test_target_nofollow),     HARNESS_TEST(test_recursive_attributes),
		HARNESS_TEST(test_single_attributes),   HARNESS_TEST(test_propagation),
		HARNESS_TEST(test_trees_of_the_parent), HARNESS_TEST(test_bind_on_root),
		HARNESS_TEST(test_renamed_target),      HARNESS_TEST(test_tmpcopyup_on_root),
		HARNESS_TEST(test_tmpfs_on_root),       HARNESS_TEST(test_cgroup_bind),
	};

	return RUN_VARIANTS(tests, variants);
}
