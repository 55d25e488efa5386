/* Writing JSON. The grep-style readers of hooks want it compact and '/' unescaped. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "oci/encode.h"
#include "oci/spec.h"

void ctr_json_init(struct ctr_json *json, struct ctr_buf *buf, const char *indent)
{
	*json = (struct ctr_json){ .buf = buf, .indent = indent };
}

static void put_string(struct ctr_buf *buf, const char *s)
{
	const char *plain = s; /* the begin of what needs no escape */
	char escape[8];
	size_t n;

	ctr_buf_addc(buf, '"');
	for (; *s; s += n) {
		n = ctr_utf8_length(s);
		if (n > 0 && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\' && *s != 0x7f)
			continue;
		ctr_buf_add(buf, plain, (size_t)(s - plain));
		if (n == 0)
			ctr_buf_adds(buf, "\xef\xbf\xbd");
		else if (*s == '"' || *s == '\\')
			ctr_buf_add(buf, (const char[]){ '\\', *s }, 2);
		else if (*s == '\n')
			ctr_buf_adds(buf, "\\n");
		else if (*s == '\t')
			ctr_buf_adds(buf, "\\t");
		else {
			(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*s);
			ctr_buf_adds(buf, escape);
		}
		n += n == 0;
		plain = s + n;
	}
	ctr_buf_add(buf, plain, (size_t)(s - plain));
	ctr_buf_addc(buf, '"');
}

static void new_line(struct ctr_json *json)
{
	unsigned i;

	if (!json->indent)
		return;
	ctr_buf_addc(json->buf, '\n');
	for (i = 0; i < json->depth; i++)
		ctr_buf_adds(json->buf, json->indent);
}

/* What stands before a value. */
static void put_key(struct ctr_json *json, const char *key)
{
	if (json->comma)
		ctr_buf_addc(json->buf, ',');
	if (json->depth > 0)
		new_line(json);
	json->comma = true;
	if (!key)
		return;
	put_string(json->buf, key);
	ctr_buf_adds(json->buf, json->indent ? ": " : ":");
}

static void begin(struct ctr_json *json, const char *key, char bracket)
{
	put_key(json, key);
	ctr_buf_addc(json->buf, bracket);
	json->depth++;
	json->comma = false;
}

static void end(struct ctr_json *json, char bracket)
{
	json->depth--;
	if (json->comma) /* else it is empty: {} */
		new_line(json);
	ctr_buf_addc(json->buf, bracket);
	json->comma = true;
}

void ctr_json_object(struct ctr_json *json, const char *key)
{
	begin(json, key, '{');
}

void ctr_json_end_object(struct ctr_json *json)
{
	end(json, '}');
}

void ctr_json_array(struct ctr_json *json, const char *key)
{
	begin(json, key, '[');
}

void ctr_json_end_array(struct ctr_json *json)
{
	end(json, ']');
}

void ctr_json_string(struct ctr_json *json, const char *key, const char *value)
{
	put_key(json, key);
	put_string(json->buf, value);
}

void ctr_json_u64(struct ctr_json *json, const char *key, uint64_t value)
{
	put_key(json, key);
	ctr_buf_addf(json->buf, "%llu", (unsigned long long)value);
}

void ctr_json_i64(struct ctr_json *json, const char *key, int64_t value)
{
	put_key(json, key);
	ctr_buf_addf(json->buf, "%lld", (long long)value);
}

void ctr_json_number(struct ctr_json *json, const char *key, const char *value)
{
	put_key(json, key);
	ctr_buf_adds(json->buf, value);
}

void ctr_json_bool(struct ctr_json *json, const char *key, bool value)
{
	put_key(json, key);
	ctr_buf_adds(json->buf, value ? "true" : "false");
}

void ctr_json_null(struct ctr_json *json, const char *key)
{
	put_key(json, key);
	ctr_buf_adds(json->buf, "null");
}

void ctr_json_map(struct ctr_json *json, const char *key, const struct ctr_string_pair *pairs,
		  size_t n)
{
	size_t i;

	ctr_json_object(json, key);
	for (i = 0; i < n; i++)
		ctr_json_string(json, pairs[i].key, pairs[i].value);
	ctr_json_end_object(json);
}
