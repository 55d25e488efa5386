/* The growing byte buffer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { FIRST_SIZE = 256 };

void ctr_buf_init(struct ctr_buf *buf, struct ctr_arena *arena)
{
	*buf = (struct ctr_buf){ .arena = arena };
}

/* Make room for @more bytes and the NUL. */
static void reserve(struct ctr_buf *buf, size_t more)
{
	size_t size = buf->size ? buf->size : FIRST_SIZE;

	if (more < buf->size - buf->len && buf->size)
		return;
	while (size - buf->len <= more)
		size *= 2;
	buf->data = ctr_arena_grow(buf->arena, buf->data, buf->size, size);
	buf->size = size;
}

void ctr_buf_add(struct ctr_buf *buf, const void *data, size_t len)
{
	reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void ctr_buf_adds(struct ctr_buf *buf, const char *s)
{
	ctr_buf_add(buf, s, strlen(s));
}

void ctr_buf_addc(struct ctr_buf *buf, char c)
{
	ctr_buf_add(buf, &c, 1);
}

void ctr_buf_addf(struct ctr_buf *buf, const char *format, ...)
{
	va_list ap, again;
	size_t room;
	int n;

	reserve(buf, 0);
	room = buf->size - buf->len;
	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(buf->data + buf->len, room, format, ap);
	va_end(ap);
	if (n > 0 && (size_t)n >= room) {
		reserve(buf, (size_t)n);
		(void)vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
	}
	va_end(again);
	if (n > 0)
		buf->len += (size_t)n;
}

void ctr_buf_cut(struct ctr_buf *buf, size_t len)
{
	buf->len = len;
	if (buf->data)
		buf->data[len] = '\0';
}

const char *ctr_buf_str(const struct ctr_buf *buf)
{
	return buf->len > 0 ? buf->data : "";
}
