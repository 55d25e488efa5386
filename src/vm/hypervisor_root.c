/*
 * What a hypervisor works with is open when it starts. By path it finds the system's programs, with
 * which it came, and nothing else: a disk image that names other files opens none of the host's,
 * and a mount of the host's is not kept busy by a machine that runs. Who gives parameters of his
 * own may name files in them; then it sees the host's, and its unmounts. What makes the image of a
 * tree sees as little: another may change that tree at the same time, and put a link where a file
 * was.
 */
#include "vm/hypervisor_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strerror.h"
#include "vm/hypervisor.h"

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif
#ifndef MOUNT_ATTR_NOSUID
#define MOUNT_ATTR_NOSUID 0x00000002
#endif

/* Where its root is made. Nothing of what is there by then is needed. */
#define PLACE "/sys"

_Noreturn void ctr_hypervisor_fail(const char *what)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "cannot %s: %s\n", what, ctr_strerror(errno));

	(void)!write(STDERR_FILENO, text, (size_t)n);
	_exit(127);
}

/* ---- /dev and /proc, below @root */

static const struct {
	const char *path;
	unsigned major, minor;
} nodes[] = {
	{"/dev/null",     1, 3},
	{ "/dev/zero",    1, 5},
	{ "/dev/random",  1, 8},
	{ "/dev/urandom", 1, 9},
};

static const char *below(const char *root, const char *path, char text[PATH_MAX])
{
	(void)snprintf(text, PATH_MAX, "%s%s", root, path);
	return text;
}

/* Of its own, with what it needs: who may open the host's nodes is the host's affair, and others it
 * has no business with. */
static void make_devices(const char *root, bool kvm)
{
	char path[PATH_MAX];
	struct stat st;

	if (kvm && stat("/dev/kvm", &st) < 0)
		ctr_hypervisor_fail("open /dev/kvm");
	if (mount("dev", below(root, "/dev", path), "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") < 0)
		ctr_hypervisor_fail("mount its /dev");
	for (size_t i = 0; i < CTR_ARRAY_SIZE(nodes); i++)
		if (mknod(below(root, nodes[i].path, path), S_IFCHR | 0666,
			  makedev(nodes[i].major, nodes[i].minor)) < 0)
			ctr_hypervisor_fail("make its devices");
	if (kvm && mknod(below(root, "/dev/kvm", path), S_IFCHR | 0666, st.st_rdev) < 0)
		ctr_hypervisor_fail("make its /dev/kvm");
	if (mkdir(below(root, "/dev/shm", path), 01777) < 0)
		ctr_hypervisor_fail("make its /dev/shm");
}

/* Other hypervisors are nobody's as well: it sees no process but its own. */
static void mount_proc(const char *root)
{
	char path[PATH_MAX];

	if (mount("proc", below(root, "/proc", path), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0)
		ctr_hypervisor_fail("mount its /proc");
}

/* ---- a root of its own */

static void bind(const char *source, const char *target)
{
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		ctr_hypervisor_fail("bind what it needs");
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		ctr_hypervisor_fail("make its root");
	close(fd);
}

static void make_directories(char *path)
{
	for (char *slash = path + strlen(PLACE) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			ctr_hypervisor_fail("make its root");
		*slash = '/';
	}
}

/* The same in there as @path is here; what is not here is not there. */
static void show(const char *path)
{
	char target[PATH_MAX], link[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (lstat(path, &st) < 0)
		return;
	make_directories((char *)below(PLACE, path, target));
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			ctr_hypervisor_fail("read a link");
		link[n] = '\0';
		if (symlink(link, target) < 0)
			ctr_hypervisor_fail("make its root");
		return;
	}
	if (!S_ISDIR(st.st_mode))
		make_file(target);
	else if (mkdir(target, 0755) < 0 && errno != EEXIST)
		ctr_hypervisor_fail("make its root");
	bind(path, target);
}

/* Where a program of the administrator's own finds what came with it: PREFIX of PREFIX/bin, or its
 * directory. */
static void show_installation(const char *program)
{
	static const char *const shown[] = { "/usr/", "/lib", "/bin/", "/sbin/", "/nix/", "/gnu/" };
	char text[PATH_MAX], *slash;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(shown); i++)
		if (strncmp(program, shown[i], strlen(shown[i])) == 0)
			return;
	(void)snprintf(text, sizeof(text), "%s", program);
	slash = strrchr(text, '/');
	*slash = '\0';
	slash = strrchr(text, '/');
	if (slash && slash != text && (strcmp(slash, "/bin") == 0 || strcmp(slash, "/sbin") == 0))
		*slash = '\0';
	show(text[0] ? text : program);
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0)
		ctr_hypervisor_fail("make its root");
}

static void make_system(const char *program)
{
	static const char *const system[] = {
		"/usr",   "/bin",    "/sbin", "/lib", "/lib32",
		"/lib64", "/libx32", "/nix",  "/gnu", "/etc/ld.so.cache",
	};

	if (mount("root", PLACE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") < 0)
		ctr_hypervisor_fail("mount its root");
	make_directory(PLACE "/etc");
	for (size_t i = 0; i < CTR_ARRAY_SIZE(system); i++)
		show(system[i]);
	show_installation(program);
}

static void make_root(const struct ctr_hypervisor *hypervisor, const char *program)
{
	char path[PATH_MAX];

	make_system(program);
	make_directory(PLACE "/dev");
	make_directory(PLACE "/proc");

	if (hypervisor->unprivileged) {
		make_devices(PLACE, hypervisor->kvm);
		mount_proc(PLACE);
		return;
	}
	/* In a user namespace there are neither nodes nor a /proc to be made: the host's serve. */
	for (size_t i = 0; i < CTR_ARRAY_SIZE(nodes); i++)
		show(nodes[i].path);
	if (hypervisor->kvm)
		show("/dev/kvm");
	if (mkdir(PLACE "/dev/shm", 0755) < 0)
		ctr_hypervisor_fail("make its /dev/shm");
	bind("/proc", below(PLACE, "/proc", path));
}

static void enter_root(void)
{
	if (chdir(PLACE) < 0)
		ctr_hypervisor_fail("enter its root");
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			ctr_hypervisor_fail("leave the host's files");
	} else if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0) {
		/* The first of all root file systems cannot be pivoted. */
		ctr_hypervisor_fail("enter its root");
	}
	if (chdir("/") < 0)
		ctr_hypervisor_fail("enter its root");
}

/* Nothing is to be written, and no program to gain anything. Where the kernel cannot do it in one
 * step, ids and the filter must do. */
static void make_readonly(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

	(void)syscall(SYS_mount_setattr, AT_FDCWD, "/", 0x8000 /* AT_RECURSIVE */, &attr,
		      sizeof(attr));
}

/* What is unmounted out there is so in here. */
static void make_slaves(void)
{
	if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		ctr_hypervisor_fail("make its mounts its own");
}

void ctr_hypervisor_see_tree(const char *program, const char *tree, const char *work)
{
	if (unshare(CLONE_NEWNS) < 0)
		ctr_hypervisor_fail("make a mount namespace");
	make_slaves();
	make_system(program);
	make_directory(PLACE "/tree");
	bind(tree, PLACE "/tree");
	make_directory(PLACE "/work");
	bind(work, PLACE "/work");
	enter_root();
}

void ctr_hypervisor_narrow(const struct ctr_hypervisor *hypervisor, const char **program)
{
	static char real[PATH_MAX];

	(void)umask(0);
	make_slaves();
	if (!realpath(hypervisor->argv[0], real))
		ctr_hypervisor_fail("find its program");
	*program = real;
	if (!hypervisor->sees_host) {
		make_root(hypervisor, real);
		enter_root();
	} else if (hypervisor->unprivileged) {
		make_devices("", hypervisor->kvm);
		mount_proc("");
	}
	make_readonly();
}
