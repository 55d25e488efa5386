/*
 * System calls without a libc: what the kernel returns, a result or a negative errno. SYS(openat,
 * dir, path, flags, mode). Apart from sys.h, so that ctr itself can use it where errno is not its
 * own (core/child.c), beside the headers of a libc.
 */
#pragma once

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

static inline long sys3(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

#elif defined(__aarch64__)

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

static inline long sys3(long nr, long a, long b, long c)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}

#else
#error "ctr-init knows the system calls of x86_64 and aarch64 only"
#endif

#define SYS(name, ...)                     SYS_PICK(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)(__NR_##name, __VA_ARGS__)
#define SYS_PICK(a, b, c, d, e, f, n, ...) SYS_ARGS_##n
#define SYS_ARGS_1(nr, a)                  sys3(nr, (long)(a), 0, 0)
#define SYS_ARGS_2(nr, a, b)               sys3(nr, (long)(a), (long)(b), 0)
#define SYS_ARGS_3(nr, a, b, c)            sys3(nr, (long)(a), (long)(b), (long)(c))
#define SYS_ARGS_4(nr, a, b, c, d)         sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_ARGS_5(nr, a, b, c, d, e)                                                              \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_ARGS_6(nr, a, b, c, d, e, f)                                                           \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Bring up `lo` in the network namespace that this process is in. */
static inline long raw_loopback_up(void)
{
	enum { INET = 2, DATAGRAM_CLOEXEC = 02000002, SET_FLAGS = 0x8914, UP = 1 };
	struct {
		char name[16];
		short flags;
		char rest[22];
	} request = { .name = "lo", .flags = UP }; /* struct ifreq */
	long r, fd = SYS(socket, INET, DATAGRAM_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	r = SYS(ioctl, fd, SET_FLAGS, &request);
	(void)SYS(close, fd);
	return r;
}
