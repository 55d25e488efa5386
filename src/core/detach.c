/* Matching a few keys in a stream, byte by byte. */
#include "core/detach.h"

#include <string.h>

#include "base/error.h"

/* "a", "ctrl-p" of @len bytes. -1: neither. */
static int parse_key(const char *text, size_t len)
{
	unsigned char c;

	if (len == 1)
		return (unsigned char)text[0];
	if (len != 6 || strncmp(text, "ctrl-", 5) != 0)
		return -1;

	c = (unsigned char)text[5];
	if (c >= 'a' && c <= 'z')
		c = (unsigned char)(c - 'a' + 'A');
	return c >= '@' && c <= '_' ? c - '@' : -1;
}

int ctr_detach_parse(struct ctr_detach *detach, const char *text, struct ctr_error *err)
{
	*detach = (struct ctr_detach){ 0 };
	for (const char *key = text; key; key = strchr(key, ',')) {
		size_t len;
		int value;

		key += key != text;
		len = strcspn(key, ",");
		value = parse_key(key, len);
		if (value < 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--detach-keys: '%.*s' is neither a character nor ctrl-X",
					(int)len, key);
		if (detach->count == CTR_DETACH_MAX)
			return ctr_fail(err, CTR_FAULT_USAGE, 0, "--detach-keys: more than %d keys",
					(int)CTR_DETACH_MAX);
		detach->keys[detach->count++] = (unsigned char)value;
	}
	return 0;
}

/* Of the withheld keys and @c behind them: the longest end that is a beginning of the keys. */
static size_t next_match(const struct ctr_detach *detach, unsigned char c)
{
	for (size_t k = detach->matched + 1; k > 0; k--) {
		if (detach->keys[k - 1] == c &&
		    memcmp(detach->keys, detach->keys + detach->matched - (k - 1), k - 1) == 0)
			return k;
	}
	return 0;
}

size_t ctr_detach_filter(struct ctr_detach *detach, const char *data, size_t n, char *out,
			 bool *detached)
{
	size_t len = 0;

	*detached = false;
	if (detach->count == 0) {
		memcpy(out, data, n);
		return n;
	}

	for (size_t i = 0; i < n; i++) {
		size_t match = next_match(detach, (unsigned char)data[i]);
		size_t free = detach->matched + 1 - match;

		/* What is no beginning any more goes on: withheld keys, and with them this one. */
		for (size_t j = 0; j < free; j++)
			out[len++] = j < detach->matched ? (char)detach->keys[j] : data[i];
		detach->matched = match;
		if (match == detach->count) {
			detach->matched = 0;
			*detached = true;
			return len;
		}
	}
	return len;
}
