/*
 * The root file system of a guest: an uncompressed EROFS image of a directory tree, made by
 * mkfs.erofs(1) and kept in the cache. Many guests share its pages. Beside it lies a list of all
 * that the tree held (names, inodes, modes, owners, sizes, times) and of what the image itself was
 * when it was finished: it is used only as long as both still are so, byte for byte.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/run.h"
#include "base/signals.h"
#include "vm/backend.h"
#include "vm/hypervisor.h"
#include "vm/hypervisor_root.h"
#include "vm/setup.h"

enum { LIST_MAX = 256 << 20, DEPTH_MAX = 256 };

static void list_entry(struct ctr_buf *list, const char *name, const struct stat *st)
{
	ctr_buf_addf(list, "%s%c%llx %llx %o %u %u %llx %llx.%lx %llx.%lx\n", name, '\0',
		     (unsigned long long)st->st_dev, (unsigned long long)st->st_ino, st->st_mode,
		     st->st_uid, st->st_gid, (unsigned long long)st->st_size,
		     (unsigned long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		     (unsigned long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* A tree's list, and the bytes that an image of it takes at least: one has no holes, and files with
 * several names once. */
struct tree {
	struct ctr_buf list;
	uint64_t bytes;
};

static void add_bytes(struct tree *tree, const struct stat *st)
{
	const uint64_t bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size / st->st_nlink : 0;

	tree->bytes = bytes > UINT64_MAX - tree->bytes ? UINT64_MAX : tree->bytes + bytes;
}

static int list_tree(struct tree *tree, int dirfd, const char *name, unsigned depth,
		     struct ctr_error *err)
{
	/* The root may be reached by links; nothing in it is. */
	int fd = openat(dirfd, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth > 0 ? O_NOFOLLOW : 0));
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!dir || depth == DEPTH_MAX)
		return ctr_fail(err, CTR_FAULT_CONFIG, depth == DEPTH_MAX ? ELOOP : errno,
				"root.path: cannot read the directory '%s'", name);
	while ((errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, errno, "root.path: cannot read '%s'",
					entry->d_name);
		list_entry(&tree->list, entry->d_name, &st);
		add_bytes(tree, &st);
		if (S_ISDIR(st.st_mode) && list_tree(tree, fd, entry->d_name, depth + 1, err) < 0)
			return -1;
	}
	ctr_buf_addc(&tree->list, '\n');
	return errno ? ctr_fail(err, CTR_FAULT_CONFIG, errno,
				"root.path: cannot read the directory '%s'", name)
		     : 0;
}

/* The last line of a list: the image that was made of it. */
static void list_image(struct ctr_buf *list, const struct stat *st)
{
	ctr_buf_addf(list, "image %llx %llx %llx.%lx\n", (unsigned long long)st->st_ino,
		     (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		     st->st_mtim.tv_nsec);
}

/* An open descriptor, or -1 when there is none that can be used. */
static int find_cached(int cache, const char *name, const struct ctr_buf *tree,
		       struct ctr_arena *arena)
{
	_cleanup_close_ int fd = -1;
	struct ctr_buf expected;
	struct stat st;
	size_t len = 0;
	char *list;

	fd = ctr_vm_cache_file(cache, ctr_arena_printf(arena, "%s.erofs", name), &st);
	if (fd < 0)
		return -1;
	list = ctr_file_read(arena, cache, ctr_arena_printf(arena, "%s.list", name), LIST_MAX, &len,
			     NULL);
	ctr_buf_init(&expected, arena);
	ctr_buf_add(&expected, tree->data, tree->len);
	list_image(&expected, &st);
	if (!list || len != expected.len || memcmp(list, expected.data, len) != 0)
		return -1;
	/* It was used last: others go first. */
	(void)utimensat(cache, ctr_arena_printf(arena, "%s.list", name), NULL, 0);
	return ctr_take_fd(&fd);
}

/* ---- making one */

struct job {
	const struct ctr_machine *machine;
	const struct ctr_vm_setup *setup;
	int cache;
	const char *name; /* of the image in there */
	const char *root;
	pid_t caller; /* it ends with */
};

/* In the process that becomes mkfs.erofs. The cache is the one that is open: whoever can rename it
 * has the image made nowhere else. Without root a link in the tree leads to what is the caller's.
 */
static _Noreturn void run(const struct job *job, const char *program, int errors)
{
	struct ctr_arena *arena = job->machine->arena;
	const char *work = ctr_arena_printf(arena, "/proc/self/fd/%d", job->cache);
	const char *argv[8] = { program, "-d0" }, *tree = job->root;
	struct stat cache, st;
	sigset_t none;
	size_t n = 2;
	int progress;

	if (dup2(errors, STDERR_FILENO) < 0)
		_exit(127);
	/* -d0 does not keep it from telling of each file that it looks at. */
	progress = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (progress < 0 || dup2(progress, STDOUT_FILENO) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		ctr_hypervisor_fail("set mkfs.erofs up");
	if (getppid() != job->caller)
		_exit(127);
	if (geteuid() == 0) {
		ctr_hypervisor_see_tree(program, tree, job->machine->cache);
		tree = "/tree";
		work = "/work";
	}
	if (stat(work, &st) < 0 || fstat(job->cache, &cache) < 0 || st.st_ino != cache.st_ino ||
	    st.st_dev != cache.st_dev)
		ctr_hypervisor_fail("find the cache again");
	if (job->setup->all_root)
		argv[n++] = "--all-root";
	argv[n++] = ctr_arena_printf(arena, "%s/%s", work, job->name);
	argv[n++] = tree;
	/* What our caller has left open is none of its business. */
	(void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	if (geteuid() != 0)
		(void)fcntl(job->cache, F_SETFD, 0);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	execve(program, (char *const *)argv, (char *const *)ctr_hypervisor_env);
	ctr_hypervisor_fail("execute mkfs.erofs");
}

/* Its pid, and in *@errors what it says of them; or -errno. */
static pid_t start(const struct job *job, const char *program, int *errors)
{
	_cleanup_close_ int write_end = -1;
	char real[PATH_MAX];
	int fds[2];
	pid_t pid;

	if (!realpath(program, real) || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	write_end = fds[1];
	pid = fork();
	if (pid == 0)
		run(job, real, write_end);
	if (pid < 0) {
		pid = -errno;
		close(fds[0]);
		return pid;
	}
	*errors = fds[0];
	return pid;
}

/* Until it says something, or ends. It may take minutes, and signals are blocked here. */
static void await(pid_t pid, int errors)
{
	struct pollfd fds[] = {
		{.fd = errors,              .events = POLLIN},
		{ .fd = ctr_signals_open(), .events = POLLIN},
	};

	while (poll(fds, 2, -1) < 0 || !fds[0].revents)
		if (fds[1].revents && kill(pid, SIGKILL) == 0)
			break;
	if (fds[1].fd >= 0)
		close(fds[1].fd);
}

static int run_mkfs(const struct job *job, struct ctr_error *err)
{
	struct ctr_arena *arena = job->machine->arena;
	const char *program = ctr_vm_find_program("mkfs.erofs", arena);
	_cleanup_close_ int errors = -1;
	pid_t pid = program ? start(job, program, &errors) : -ENOENT;
	char text[400];
	int status = 0;

	if (pid < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -pid,
				"--isolation %s: cannot run mkfs.erofs (package erofs-utils)",
				job->machine->backend->name);
	await(pid, errors);
	ctr_run_read(errors, text, sizeof(text));
	if (ctr_run_wait(pid, &status) == 0 && status == 0)
		return 0;
	return ctr_fail(err, CTR_FAULT_HOST, 0,
			"root.path: mkfs.erofs cannot make an image of '%s': %s", job->root,
			text[0] ? text : "it was killed");
}

/* A file of holes may be larger than all there is: seen before the host has no room left. */
static int check_room(const struct ctr_machine *machine, int cache, const struct tree *tree,
		      struct ctr_error *err)
{
	struct statvfs fs;

	if (fstatvfs(cache, &fs) < 0 || tree->bytes / fs.f_frsize <= fs.f_bavail)
		return 0;
	return ctr_fail(err, CTR_FAULT_HOST, ENOSPC,
			"root.path: the cache '%s' has no room for an image of %llu bytes",
			machine->cache, (unsigned long long)tree->bytes);
}

static int make(const struct ctr_machine *machine, const struct ctr_vm_setup *setup, int cache,
		const char *name, const char *root, struct tree *tree, struct ctr_error *err)
{
	struct ctr_arena *arena = machine->arena;
	const char *file = ctr_arena_printf(arena, "%s.erofs", name);
	const char *temporary = ctr_arena_printf(arena, ".%s.tmp", name);
	const struct job job = { machine, setup, cache, temporary, root, getpid() };
	struct stat st;
	int r;

	/* Of one that was killed: we have the lock. */
	unlinkat(cache, temporary, 0);
	if (check_room(machine, cache, tree, err) < 0)
		return -1;
	r = run_mkfs(&job, err);
	if (r == 0 && fchmodat(cache, temporary, 0444, 0) < 0)
		r = ctr_fail(err, CTR_FAULT_HOST, errno, "root.path: no image came of mkfs.erofs");
	if (r == 0 && renameat(cache, temporary, cache, file) < 0)
		r = ctr_fail(err, CTR_FAULT_HOST, errno, "cannot rename '%s/%s'", machine->cache,
			     temporary);
	if (r < 0) {
		unlinkat(cache, temporary, 0);
		return -1;
	}
	if (fstatat(cache, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s/%s'", machine->cache,
				file);
	list_image(&tree->list, &st);
	if (ctr_file_replace(cache, ctr_arena_printf(arena, "%s.list", name), tree->list.data,
			     tree->list.len, 0600, err) < 0) {
		unlinkat(cache, file, 0);
		return ctr_fail_within(err, "root.path");
	}
	return 0;
}

/* By where the tree is: another state of it takes the place of this one. */
static const char *name_of(const char *root, struct ctr_arena *arena)
{
	return ctr_arena_printf(arena, "root-%016llx",
				(unsigned long long)ctr_vm_cache_hash(root, strlen(root)));
}

const char *ctr_vm_image_file(const struct ctr_machine *machine, const struct ctr_vm_setup *setup)
{
	if (setup->config && setup->config->image.path)
		return setup->config->image.path;
	return ctr_arena_printf(machine->arena, "%s/%s.erofs", machine->cache,
				name_of(setup->root, machine->arena));
}

int ctr_vm_image(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int cache,
		 const char *root, struct ctr_error *err)
{
	_cleanup_close_ int lock = -1;
	const char *name = name_of(root, machine->arena);
	struct tree tree = { .bytes = 0 };
	struct stat st;

	ctr_buf_init(&tree.list, machine->arena);
	ctr_buf_addf(&tree.list, "%s%c%d\n", root, '\0', setup->all_root);
	if (stat(root, &st) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "root.path: cannot open '%s'", root);
	list_entry(&tree.list, ".", &st);
	if (list_tree(&tree, AT_FDCWD, root, 0, err) < 0)
		return -1;

	lock = ctr_vm_cache_lock(cache, name, true);
	if (lock < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -lock, "cannot lock '%s' in the cache '%s'",
				name, machine->cache);
	setup->image = find_cached(cache, name, &tree.list, machine->arena);
	if (setup->image >= 0)
		return 0;
	if (make(machine, setup, cache, name, root, &tree, err) < 0)
		return -1;
	setup->image =
		ctr_vm_cache_file(cache, ctr_arena_printf(machine->arena, "%s.erofs", name), &st);
	if (setup->image < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open the image of '%s'", root);
	return 0;
}
