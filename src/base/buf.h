/*
 * A growing byte buffer in an arena. Always NUL-terminated at data[len]. Invariant: len < size once
 * anything was added. There is nothing to free.
 */
#pragma once

#include <stddef.h>

struct ctr_arena;

struct ctr_buf {
	struct ctr_arena *arena;
	char *data;
	size_t len, size;
};

void ctr_buf_init(struct ctr_buf *buf, struct ctr_arena *arena);
void ctr_buf_add(struct ctr_buf *buf, const void *data, size_t len);
void ctr_buf_adds(struct ctr_buf *buf, const char *s);
void ctr_buf_addf(struct ctr_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void ctr_buf_addc(struct ctr_buf *buf, char c);
/* Back to its first @len bytes, of which it has at least so many. */
void ctr_buf_cut(struct ctr_buf *buf, size_t len);
/* The content as a string, "" when nothing was added. */
const char *ctr_buf_str(const struct ctr_buf *buf);
