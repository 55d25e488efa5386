/* Strings, numbers, memory: what a libc would have had. */
#include "init/init.h"

struct init_memory init_memory __attribute__((aligned(4096)));

/* Without a libc the compiler still calls these four. The barrier keeps it from recognizing the
 * loop and calling the function from within itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		((char *)to)[i] = ((const char *)from)[i];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to <= (uintptr_t)from)
		return memcpy(to, from, n);
	while (n-- > 0) {
		((char *)to)[n] = ((const char *)from)[n];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

void *memset(void *to, int c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		((char *)to)[i] = (char)c;
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

size_t str_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool str_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool str_starts(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

char *str_put(char *at, const char *end, const char *s)
{
	if (!at)
		return NULL;
	while (*s) {
		if (at + 1 >= end)
			return NULL;
		*at++ = *s++;
	}
	*at = '\0';
	return at;
}

char *str_put_number(char *at, const char *end, uint64_t n, unsigned base)
{
	char digits[24];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % base);
	while (n /= base);
	return str_put(at, end, p);
}

uint64_t str_number(const char *s)
{
	uint64_t n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (uint64_t)(*s++ - '0');
	return n;
}

void *take_memory(size_t size)
{
	size_t left = sizeof(init_memory.own) - init_memory.taken;
	long mapped;

	size = (size + 15) & ~(size_t)15;
	if (size <= left) {
		init_memory.taken += size;
		return init_memory.own + left - size;
	}

	mapped = SYS(mmap, NULL, size, PROT_READ_ | PROT_WRITE_, MAP_PRIVATE_ | MAP_ANONYMOUS_, -1,
		     0);
	return mapped < 0 && mapped > -4096 ? NULL : (void *)mapped;
}

long read_some(int fd, void *data, size_t size)
{
	long r;

	do
		r = SYS(read, fd, data, size);
	while (r == -EINTR);
	return r;
}

long write_all(int fd, const void *data, size_t size)
{
	const char *p = data;
	long r;

	while (size > 0) {
		r = SYS(write, fd, p, size);
		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		p += r;
		size -= (size_t)r;
	}
	return 0;
}

void drop_fd(int *fd)
{
	if (*fd >= 0)
		(void)sys_close(*fd);
	*fd = -1;
}
