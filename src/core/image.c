/* The sealed image of ctr-init and its plan. */
#include "core/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/init_image.h"
#include "init/raw.h"
#include "plan/view.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#endif

enum { FD_PATH = 32, PAGE = 4096, NOBODYS_GID = -2 };
enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* A memfd with @flags (MFD_EXEC or MFD_NOEXEC_SEAL, which kernels before 6.3 lack). */
static int make_memfd(unsigned flags)
{
	int fd = memfd_create("ctr-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("ctr-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

/* "/proc/self/fd/N", at the end of @text. Without the C library, which is not ours alone in a
 * process that shares memory. */
static const char *fd_path(char text[FD_PATH], int fd)
{
	static const char prefix[] = "/proc/self/fd/";
	char *at = text + FD_PATH - 1;

	*at = '\0';
	do
		*--at = (char)('0' + fd % 10);
	while ((fd /= 10) > 0);
	at -= sizeof(prefix) - 1;
	return memcpy(at, prefix, sizeof(prefix) - 1);
}

/* The file of @fd open for reading only: execve refuses one that anybody can write (ETXTBSY). -1
 * and errno on failure. */
static int reopen(int fd)
{
	char path[FD_PATH];

	return open(fd_path(path, fd), O_RDONLY | O_CLOEXEC);
}

/* A descriptor of what was written to *@fd, which nobody can write any more. -1 and errno on
 * failure. */
static int seal(int *fd, bool is_memfd, bool executed)
{
	if (is_memfd && fcntl(*fd, F_ADD_SEALS, SEALS) < 0)
		return -1;
	return is_memfd && !executed ? ctr_take_fd(fd) : reopen(*fd);
}

/*
 * Let nobody read what is executed, which the kernel does all the same. The owner could not, and
 * "others" are those of a user namespace in which the file's ids are not mapped. The group that it
 * is given where that is allowed is mapped in next to none; the user stays, whose right it is to
 * change the mode. 0, or -1 and errno.
 */
static int conceal(int fd)
{
	/* Where that id is none (EINVAL), or without privilege over all ids, the caller's remains.
	 */
	if (fchown(fd, (uid_t)-1, (gid_t)NOBODYS_GID) < 0 && errno != EINVAL && errno != EPERM)
		return -1;
	return fchmod(fd, 0111);
}

/* Without memfd_create: a file without a name. */
static int make_temporary(void)
{
	static const char *const places[] = { "/run", "/dev/shm", "/tmp" };
	int fd = -1;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(places) && fd < 0; i++)
		fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0500);
	return fd;
}

/* The installed ctr-init, where nobody can write it through the mount that the container sees. */
static int open_installed(struct ctr_error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	const char *path = CTR_LIBEXECDIR "/ctr-init";
	_cleanup_close_ int fd = -1;

	fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd >= 0 && syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return ctr_take_fd(&fd);

	/* Unprivileged: the file itself; it is not the caller's to write, or nothing is lost. */
	ctr_close_ptr(&fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"executable memfds are forbidden here and '%s' cannot be opened",
				path);
	return ctr_take_fd(&fd);
}

static int write_parts(int fd, const struct ctr_plan_header *plan, size_t offset)
{
	int r = 0;

	if (offset > 0) {
		r = ctr_write_all(fd, ctr_init_image, ctr_init_image_size);
		if (r == 0 && lseek(fd, (off_t)offset, SEEK_SET) < 0)
			r = -errno;
	}
	return r < 0 ? r : ctr_write_all(fd, plan, plan->size);
}

int ctr_image_program(void)
{
	char path[FD_PATH];
	long fd, program = -1;

	fd = SYS(memfd_create, "ctr-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0)
		return -1;
	if (SYS(write, fd, ctr_init_image, ctr_init_image_size) == (long)ctr_init_image_size &&
	    SYS(fcntl, fd, F_ADD_SEALS, SEALS) == 0)
		program = SYS(openat, AT_FDCWD, fd_path(path, (int)fd), O_RDONLY | O_CLOEXEC, 0);
	(void)SYS(close, fd);
	return program < 0 ? -1 : (int)program;
}

int ctr_image_make(struct ctr_image *out, const struct ctr_plan_header *plan, int program,
		   bool concealed, struct ctr_error *err)
{
	size_t offset = program >= 0 ? 0 : (ctr_init_image_size + PAGE - 1) / PAGE * PAGE;
	_cleanup_close_ int fd = -1, plan_fd = -1, exec_fd = program;
	bool is_memfd = true;
	int r;

	fd = make_memfd(offset ? MFD_EXEC : MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EACCES && offset) {
		/* vm.memfd_noexec=2 */
		fd = make_memfd(MFD_NOEXEC_SEAL);
		offset = 0;
	}
	if (fd < 0) {
		fd = make_temporary();
		is_memfd = false;
		offset = 0;
	}
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a file for the plan");

	r = write_parts(fd, plan, offset);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot write the plan");

	plan_fd = seal(&fd, is_memfd, offset > 0);
	if (plan_fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot seal the plan");

	if (concealed && (offset > 0 || exec_fd >= 0) &&
	    conceal(offset > 0 ? plan_fd : exec_fd) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot let nobody read ctr-init");
	if (offset == 0 && exec_fd < 0) {
		exec_fd = open_installed(err);
		if (exec_fd < 0)
			return -1;
	}

	out->plan_offset = offset;
	out->exec_fd = offset ? plan_fd : ctr_take_fd(&exec_fd);
	out->plan_fd = ctr_take_fd(&plan_fd);
	return 0;
}

void ctr_image_close(struct ctr_image *image)
{
	if (image->exec_fd >= 0 && image->exec_fd != image->plan_fd)
		close(image->exec_fd);
	if (image->plan_fd >= 0)
		close(image->plan_fd);
	image->exec_fd = image->plan_fd = -1;
}
