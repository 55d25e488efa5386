/* Filling in struct ctr_error. Used everywhere, prints nothing. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strerror.h"

static const char cut_mark[] = "...";

/* Overwrite the end of a text that did not fit, without splitting a UTF-8 sequence. */
static void mark_cut(char *text, size_t size)
{
	size_t end = size - sizeof(cut_mark);

	while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	memcpy(text + end, cut_mark, sizeof(cut_mark));
}

/* The reason stays whole, however long the operands are. */
static void set_text(char *text, size_t size, int code, const char *format, va_list ap)
{
	const char *reason = code ? ctr_strerror(code) : "";
	size_t room = size - (code ? strlen(": ") + strlen(reason) : 0);
	int n = vsnprintf(text, room, format, ap);

	if (n < 0)
		n = 0;
	if ((size_t)n >= room)
		mark_cut(text, room);
	if (code)
		(void)snprintf(text + strlen(text), size - strlen(text), ": %s", reason);
}

int ctr_fail(struct ctr_error *err, enum ctr_fault fault, int code, const char *format, ...)
{
	char text[CTR_ERROR_TEXT];
	va_list ap;

	if (!err)
		return -1;

	/* Built aside: the arguments may well be parts of the old text. */
	va_start(ap, format);
	set_text(text, sizeof(text), code, format, ap);
	va_end(ap);
	memcpy(err->text, text, strlen(text) + 1);
	err->code = code;
	err->fault = fault;
	return -1;
}

int ctr_fail_within(struct ctr_error *err, const char *format, ...)
{
	char text[CTR_ERROR_TEXT];
	va_list ap;
	int n, more;

	if (!err)
		return -1;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(text)) {
		more = snprintf(text + n, sizeof(text) - (size_t)n, ": %s", err->text);
		n = more < 0 ? n : n + more;
	}
	if (n < 0)
		return -1;
	if ((size_t)n >= sizeof(text))
		mark_cut(text, sizeof(text));
	memcpy(err->text, text, strlen(text) + 1);
	return -1;
}
