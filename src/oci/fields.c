/* Functions of fields that several tables use: paths, environment, lists of numbers. */
#include <string.h>

#include "base/arena.h"
#include "base/path.h"
#include "oci/decode.h"

int ctr_text_word(struct ctr_decode *decode, void *object, void *member, const char *text,
		  size_t len)
{
	(void)object;
	if (len > 0)
		*(const char **)member = ctr_arena_strndup(ctr_decode_arena(decode), text, len);
	return 0;
}

static int relative(struct ctr_decode *decode, const char *text, size_t len)
{
	return ctr_decode_fault(decode, "%s is not an absolute path",
				ctr_decode_quote(decode, text, len));
}

int ctr_text_absolute(struct ctr_decode *decode, void *object, void *member, const char *text,
		      size_t len)
{
	(void)object;
	if (len == 0 || text[0] != '/')
		return relative(decode, text, len);
	*(const char **)member = ctr_arena_strndup(ctr_decode_arena(decode), text, len);
	return 0;
}

int ctr_text_clean_path(struct ctr_decode *decode, void *object, void *member, const char *text,
			size_t len)
{
	char *path;

	(void)object;
	if (len == 0 || text[0] != '/')
		return relative(decode, text, len);
	path = ctr_arena_strndup(ctr_decode_arena(decode), text, len);
	(void)ctr_path_clean_inplace(path);
	*(const char **)member = path;
	return 0;
}

int ctr_string_clean_path(struct ctr_decode *decode, void *object, void *member, const char *text,
			  size_t len)
{
	(void)object;
	if (len == 0 || text[0] != '/')
		return relative(decode, text, len);
	(void)ctr_path_clean_inplace(*(char **)member);
	return 0;
}

int ctr_string_env(struct ctr_decode *decode, void *object, void *member, const char *text,
		   size_t len)
{
	const char *equals = memchr(text, '=', len);

	(void)object;
	(void)member;
	if (!equals || equals == text)
		return ctr_decode_fault(decode, "%s is not of the form NAME=VALUE",
					ctr_decode_quote(decode, text, len));
	return 0;
}

/* A decimal number of a list; -1 when there is none or it is out of bounds. */
static long list_number(const char **text, const char *end)
{
	enum { NUMBER_MAX = 1 << 20 };
	const char *p = *text;
	long value = 0;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p < '0' || *p > '9')
		return -1;
	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (*p - '0');
		if (value > NUMBER_MAX)
			return -1;
	}
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	*text = p;
	return value;
}

static bool is_list(const char *text, size_t len)
{
	const char *end = text + len;
	long from, to;

	for (;;) {
		from = list_number(&text, end);
		if (from < 0)
			return false;
		if (text < end && *text == '-') {
			text++;
			to = list_number(&text, end);
			if (to < from)
				return false;
		}
		if (text == end)
			return true;
		if (*text++ != ',')
			return false;
	}
}

int ctr_text_list(struct ctr_decode *decode, void *object, void *member, const char *text,
		  size_t len)
{
	(void)object;
	if (len == 0)
		return 0;
	if (!is_list(text, len))
		return ctr_decode_fault(decode, "%s is not a list like '0-3,7'",
					ctr_decode_quote(decode, text, len));
	*(const char **)member = ctr_arena_strndup(ctr_decode_arena(decode), text, len);
	return 0;
}
