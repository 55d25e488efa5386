/*
 * System calls without a libc, for x86_64 and aarch64, and the few kernel structures that the
 * kernel's own headers hide or mix with a libc's. All return what the kernel returns: a result, or
 * a negative errno.
 */
#pragma once

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/raw.h"

/* ---- what the headers do not have */

#ifndef SIGCHLD
#error "asm/signal.h without SIGCHLD"
#endif

enum {
	MNT_DETACH = 2,
	MAP_PRIVATE_ = 2,
	MAP_ANONYMOUS_ = 0x20,
	PROT_READ_ = 1,
	PROT_WRITE_ = 2,
	AF_INET_ = 2,
	SOCK_STREAM_ = 1,
	SOCK_DGRAM_ = 2,
	SOCK_CLOEXEC_ = O_CLOEXEC,
	SOL_SOCKET_ = 1,
	SCM_RIGHTS_ = 1,
	MSG_NOSIGNAL_ = 0x4000,
	MSG_CMSG_CLOEXEC_ = 0x40000000,
	SIOCSIFFLAGS_ = 0x8914,
	IFF_UP_ = 1,
	POLLIN_ = 1,
	P_WNOHANG = 1,
	PROC_MAGIC = 0x9fa0,
	DEVPTS_MAGIC = 0x1cd1,
	RAMFS_MAGIC = 0x858458f6 - 0x100000000,
	TMPFS_MAGIC = 0x01021994,
	PATH_BYTES = 4096, /* PATH_MAX */
	NAME_BYTES = 256,
};

#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW /* Linux 5.14 */
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

struct sys_iovec {
	void *base;
	size_t len;
};

struct sys_msghdr {
	void *name;
	int namelen;
	struct sys_iovec *iov;
	size_t iovlen;
	void *control;
	size_t controllen;
	unsigned flags;
};

struct sys_cmsghdr {
	size_t len;
	int level, type;
};

struct sys_pollfd {
	int fd;
	short events, revents;
};

struct sys_sigaction {
	void *handler; /* 0: default, 1: ignore */
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

struct sys_timespec {
	int64_t sec, nsec;
};

struct sys_rlimit {
	uint64_t cur, max;
};

struct sys_dirent {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

/* ---- the calls */

static inline _Noreturn void sys_exit(int status)
{
	(void)SYS(exit_group, status);
	/* A seccomp filter may answer even that with an errno; a fault it cannot answer. */
	for (;;)
		__builtin_trap();
}

static inline long sys_openat(int dir, const char *path, int flags, unsigned mode)
{
	return SYS(openat, dir, path, flags | O_CLOEXEC, mode);
}

static inline long sys_close(int fd)
{
	return SYS(close, fd);
}

static inline long sys_mount(const char *source, const char *target, const char *type,
			     unsigned long flags, const char *data)
{
	return SYS(mount, source, target, type, flags, data);
}

static inline long sys_fstat(int fd, struct stat *st)
{
	return SYS(fstat, fd, st);
}

static inline long sys_fstatfs(int fd, struct statfs *fs)
{
	return SYS(fstatfs, fd, fs);
}

static inline long sys_prctl(int option, unsigned long a, unsigned long b)
{
	return SYS(prctl, option, a, b, 0L, 0L);
}
