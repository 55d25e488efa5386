/* Whole files and exact numbers. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"

static int fail_errno(struct ctr_error *err, int code, const char *what, const char *path)
{
	enum ctr_fault fault = code == ENOENT ? CTR_FAULT_NOT_FOUND : CTR_FAULT_HOST;

	return ctr_fail(err, fault, code, "cannot %s '%s'", what, path);
}

static ssize_t read_some(int fd, char *data, size_t n)
{
	ssize_t got;

	do
		got = read(fd, data, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Read to the end; @expect is a guess of the size. */
static char *read_to_end(struct ctr_arena *arena, int fd, const char *name, size_t expect,
			 size_t max, size_t *len, struct ctr_error *err)
{
	/* @expect: 0 where nothing said how long it is. */
	size_t size = (expect > 0 ? expect : 4095) + 1;
	size_t used = 0;
	char *data;
	ssize_t got;

	data = ctr_arena_alloc(arena, size);
	for (;;) {
		/* The last byte stays free for the NUL. */
		if (used + 1 == size) {
			data = ctr_arena_grow(arena, data, size, size * 2);
			size *= 2;
		}
		got = read_some(fd, data + used, size - used - 1);
		if (got < 0) {
			fail_errno(err, errno, "read", name);
			return NULL;
		}
		used += (size_t)got;
		if (used > max) {
			ctr_fail(err, CTR_FAULT_CONFIG, 0,
				 "cannot read '%s': longer than %zu bytes", name, max);
			return NULL;
		}
		/* A file that is as long as it said needs no read() that returns 0. */
		if (got == 0 || (expect > 0 && used == expect))
			break;
	}

	data[used] = '\0';
	if (len)
		*len = used;
	return data;
}

char *ctr_file_read_fd(struct ctr_arena *arena, int fd, const char *name, size_t max, size_t *len,
		       struct ctr_error *err)
{
	return read_to_end(arena, fd, name, 0, max, len, err);
}

int ctr_file_open(int dirfd, const char *path, struct stat *st, struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;

	/* O_NONBLOCK: opening a fifo would wait for its writer. */
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail_errno(err, errno, "open", path);
	if (fstat(fd, st) < 0)
		return fail_errno(err, errno, "read", path);
	if (S_ISDIR(st->st_mode))
		return fail_errno(err, EISDIR, "read", path);
	if (!S_ISREG(st->st_mode))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "cannot read '%s': not a regular file",
				path);
	return ctr_take_fd(&fd);
}

char *ctr_file_read(struct ctr_arena *arena, int dirfd, const char *path, size_t max, size_t *len,
		    struct ctr_error *err)
{
	struct stat st;
	_cleanup_close_ int fd = ctr_file_open(dirfd, path, &st, err);

	if (fd < 0)
		return NULL;
	if ((uint64_t)st.st_size > max) {
		ctr_fail(err, CTR_FAULT_CONFIG, 0, "cannot read '%s': longer than %zu bytes", path,
			 max);
		return NULL;
	}

	if (st.st_size == 0) /* also what procfs says of its files */
		return ctr_file_read_fd(arena, fd, path, max, len, err);
	return read_to_end(arena, fd, path, (size_t)st.st_size, max, len, err);
}

ssize_t ctr_file_read_small(int dirfd, const char *path, char *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	size_t used = 0;
	ssize_t got;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	/* The kernel's sequential files come page by page: far less than a page is all there is. */
	do {
		if (used + 1 >= size)
			return -EFBIG;
		got = read_some(fd, data + used, size - used - 1);
		if (got < 0)
			return -errno;
		used += (size_t)got;
	} while (got >= 1024 || used + 1 >= size);

	if (used > 0 && data[used - 1] == '\n')
		used--;
	data[used] = '\0';
	return (ssize_t)used;
}

int ctr_file_write_once(int dirfd, const char *path, const char *data, size_t len)
{
	_cleanup_close_ int fd = -1;
	ssize_t put;

	fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;

	do
		put = write(fd, data, len);
	while (put < 0 && errno == EINTR);
	if (put < 0)
		return -errno;
	return (size_t)put == len ? 0 : -EIO;
}

/* Create a new file beside @path; its name goes to @temporary. */
static int create_beside(int dirfd, const char *path, mode_t mode, char *temporary, size_t size)
{
	unsigned attempt;
	int fd, n;

	for (attempt = 0; attempt < 64; attempt++) {
		n = snprintf(temporary, size, "%s.%ld-%u", path, (long)getpid(), attempt);
		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			    mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int ctr_file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		     struct ctr_error *err)
{
	_cleanup_close_ int fd = -1;
	char temporary[PATH_MAX];
	int r;

	fd = create_beside(dirfd, path, mode, temporary, sizeof(temporary));
	if (fd < 0)
		return fail_errno(err, -fd, "create", path);

	r = ctr_write_all(fd, data, len);
	if (r == 0 && fchmod(fd, mode) < 0) /* open() applied the umask */
		r = -errno;
	if (r == 0 && renameat(dirfd, temporary, dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dirfd, temporary, 0);
		return fail_errno(err, -r, "write", path);
	}
	return 0;
}

int ctr_parse_u64(const char *s, uint64_t *out)
{
	uint64_t value = 0;
	unsigned digit;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		digit = (unsigned)(unsigned char)*s - '0';
		if (digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value)) {
			while (*++s)
				if (*s < '0' || *s > '9')
					return -EINVAL;
			return -ERANGE;
		}
	}
	*out = value;
	return 0;
}

int ctr_parse_i64(const char *s, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t value;
	int r;

	r = ctr_parse_u64(negative ? s + 1 : s, &value);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*out = negative ? (int64_t)-value : (int64_t)value;
	return 0;
}

bool ctr_cut_u64(const char **text, uint64_t *out)
{
	const char *p = *text + strspn(*text, " \t");

	*out = 0;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*p - '0'), out))
			*out = UINT64_MAX;
	}
	*text = p;
	return true;
}

uint64_t ctr_leading_u64(const char *text)
{
	uint64_t value;

	(void)ctr_cut_u64(&text, &value);
	return value;
}
