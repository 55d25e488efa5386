/* Whole files: read, write, replace. Paths are host paths of the runtime, never a container's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_error;
struct stat;

/* Open a regular file to read it; @st is what it is. Never blocks on a fifo or a device: those are
 * errors. A descriptor, or -1 and @err (fault NOT_FOUND for ENOENT). */
int ctr_file_open(int dirfd, const char *path, struct stat *st, struct ctr_error *err);

/*
 * Read a regular file of at most @max bytes into @arena; NUL-terminated, *@len without the NUL
 * (@len may be NULL). Never blocks on a fifo or a device: those are errors. NULL and @err on
 * failure (fault NOT_FOUND for ENOENT).
 */
char *ctr_file_read(struct ctr_arena *arena, int dirfd, const char *path, size_t max, size_t *len,
		    struct ctr_error *err);

/* The same for an open descriptor of any kind (a pipe, standard input), called @name in messages.
 */
char *ctr_file_read_fd(struct ctr_arena *arena, int fd, const char *name, size_t max, size_t *len,
		       struct ctr_error *err);

/* Read a small kernel file (procfs, sysfs, cgroupfs) into @data, NUL-terminated, trailing newline
 * cut. Its length or -errno (-EFBIG: does not fit). */
ssize_t ctr_file_read_small(int dirfd, const char *path, char *data, size_t size);

/* One write(2) to an existing file, as kernel files want it. 0 or -errno. */
int ctr_file_write_once(int dirfd, const char *path, const char *data, size_t len);

/* Replace @path atomically: O_EXCL temporary file beside it, then rename. 0, or -1 and @err. */
int ctr_file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
		     struct ctr_error *err);

/* Parse a decimal number that fills the whole of @s. 0, or -EINVAL, -ERANGE. */
int ctr_parse_u64(const char *s, uint64_t *out);
int ctr_parse_i64(const char *s, int64_t *out);
/* Cut a decimal number, and the blanks before it, off *@text; UINT64_MAX where it does not fit.
 * false: there is none, and *@out is 0. */
bool ctr_cut_u64(const char **text, uint64_t *out);
/* The number that @text begins with; 0 where there is none. */
uint64_t ctr_leading_u64(const char *text);
