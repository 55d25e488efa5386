/*
 * What code compiled against glibc's headers wants of a libc and musl has not. The static ctr is
 * linked with musl's libc.a where that is installed, because most of the life of a `ctr state` was
 * glibc's start: it asks CPUID some forty times, which traps under every hypervisor (5 us each),
 * and touches twice the pages. Nothing is compiled against musl's headers: its binary interface
 * follows glibc's (struct layouts, constants, the names of the Linux Standard Base), libyajl,
 * libseccomp and libcap come as glibc's archives anyway, and the tests link the same objects with
 * glibc.
 *
 * Left to do are the entry points of _FORTIFY_SOURCE and of C23. configure links a program with
 * this file and runs it; `configure --without-musl` does without.
 */
#undef _FORTIFY_SOURCE

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- _FORTIFY_SOURCE: a length is checked against the size that the compiler knew */

static inline void check(size_t length, size_t size)
{
	if (__builtin_expect(length > size, 0))
		abort();
}

#define CHECKED(type, name, parameters)                                                            \
	type name parameters;                                                                      \
	type name parameters

CHECKED(void *, __memcpy_chk, (void *to, const void *from, size_t n, size_t size))
{
	check(n, size);
	return memcpy(to, from, n);
}

CHECKED(void *, __memmove_chk, (void *to, const void *from, size_t n, size_t size))
{
	check(n, size);
	return memmove(to, from, n);
}

CHECKED(void *, __memset_chk, (void *to, int byte, size_t n, size_t size))
{
	check(n, size);
	return memset(to, byte, n);
}

CHECKED(char *, __strcpy_chk, (char *to, const char *from, size_t size))
{
	check(strlen(from) + 1, size);
	return strcpy(to, from);
}

CHECKED(char *, __strncpy_chk, (char *to, const char *from, size_t n, size_t size))
{
	check(n, size);
	return strncpy(to, from, n);
}

CHECKED(char *, __strcat_chk, (char *to, const char *from, size_t size))
{
	check(strlen(to) + strlen(from) + 1, size);
	return strcat(to, from);
}

CHECKED(int, __vsnprintf_chk,
	(char *to, size_t n, int flag, size_t size, const char *format, va_list ap))
{
	(void)flag;
	check(n, size);
	return vsnprintf(to, n, format, ap);
}

CHECKED(int, __snprintf_chk, (char *to, size_t n, int flag, size_t size, const char *format, ...))
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = __vsnprintf_chk(to, n, flag, size, format, ap);
	va_end(ap);
	return r;
}

CHECKED(int, __sprintf_chk, (char *to, int flag, size_t size, const char *format, ...))
{
	va_list ap;
	int r;

	(void)flag;
	va_start(ap, format);
	r = vsnprintf(to, size, format, ap);
	va_end(ap);
	if (r >= 0)
		check((size_t)r + 1, size);
	return r;
}

CHECKED(int, __vfprintf_chk, (FILE * file, int flag, const char *format, va_list ap))
{
	(void)flag;
	return vfprintf(file, format, ap);
}

CHECKED(int, __fprintf_chk, (FILE * file, int flag, const char *format, ...))
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = __vfprintf_chk(file, flag, format, ap);
	va_end(ap);
	return r;
}

CHECKED(int, __printf_chk, (int flag, const char *format, ...))
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = __vfprintf_chk(stdout, flag, format, ap);
	va_end(ap);
	return r;
}

CHECKED(int, __asprintf_chk, (char **to, int flag, const char *format, ...))
{
	va_list ap;
	int r;

	(void)flag;
	va_start(ap, format);
	r = vasprintf(to, format, ap);
	va_end(ap);
	return r;
}

CHECKED(int, __dprintf_chk, (int fd, int flag, const char *format, ...))
{
	va_list ap;
	int r;

	(void)flag;
	va_start(ap, format);
	r = vdprintf(fd, format, ap);
	va_end(ap);
	return r;
}

CHECKED(ssize_t, __read_chk, (int fd, void *to, size_t n, size_t size))
{
	check(n, size);
	return read(fd, to, n);
}

CHECKED(ssize_t, __pread_chk, (int fd, void *to, size_t n, off_t offset, size_t size))
{
	check(n, size);
	return pread(fd, to, n, offset);
}

CHECKED(ssize_t, __readlink_chk, (const char *path, char *to, size_t n, size_t size))
{
	check(n, size);
	return readlink(path, to, n);
}

CHECKED(ssize_t, __readlinkat_chk, (int dir, const char *path, char *to, size_t n, size_t size))
{
	check(n, size);
	return readlinkat(dir, path, to, n);
}

CHECKED(char *, __getcwd_chk, (char *to, size_t n, size_t size))
{
	check(n, size);
	return getcwd(to, n);
}

CHECKED(int, __poll_chk, (struct pollfd * fds, nfds_t n, int timeout, size_t size))
{
	check(n * sizeof(*fds), size);
	return poll(fds, n, timeout);
}

/* Without O_CREAT, or the compiler would have asked for a mode. */
CHECKED(int, __open_2, (const char *path, int flags))
{
	return open(path, flags, 0);
}

CHECKED(int, __openat_2, (int dir, const char *path, int flags))
{
	return openat(dir, path, flags, 0);
}

/* ---- C23: what headers from glibc 2.38 on make of the plain names, which they then hide */

#define C23(type, name)                                                                            \
	type musl_##name(const char *text, char **end, int base) __asm__(#name);                   \
	CHECKED(type, __isoc23_##name, (const char *text, char **end, int base))                   \
	{                                                                                          \
		return musl_##name(text, end, base);                                               \
	}

C23(long, strtol)
C23(unsigned long, strtoul)
C23(long long, strtoll)
C23(unsigned long long, strtoull)
