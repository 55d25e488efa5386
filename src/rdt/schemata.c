/* Comparing lines of schemata: the kernel pads names and numbers, and lists all domains. */
#include "rdt/schemata.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "oci/spec.h"

/* A piece of text that others own. */
struct piece {
	const char *text;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static struct piece trim(struct piece piece)
{
	while (piece.len > 0 && is_blank(piece.text[0])) {
		piece.text++;
		piece.len--;
	}
	while (piece.len > 0 && is_blank(piece.text[piece.len - 1]))
		piece.len--;
	return piece;
}

/* Leading zeros say nothing; one digit stays. */
static struct piece number(struct piece piece)
{
	piece = trim(piece);
	while (piece.len > 1 && piece.text[0] == '0') {
		piece.text++;
		piece.len--;
	}
	return piece;
}

static bool same(struct piece a, struct piece b)
{
	if (a.len != b.len)
		return false;

	for (size_t i = 0; i < a.len; i++)
		if (tolower((unsigned char)a.text[i]) != tolower((unsigned char)b.text[i]))
			return false;
	return true;
}

/* What stands before the first @separator; the rest without it stays in @rest. False at the end. */
static bool next(struct piece *rest, char separator, struct piece *out)
{
	const char *end;

	if (rest->len == 0)
		return false;

	end = memchr(rest->text, separator, rest->len);
	out->text = rest->text;
	out->len = end ? (size_t)(end - rest->text) : rest->len;
	rest->text += out->len + (end != NULL);
	rest->len -= out->len + (end != NULL);
	return true;
}

static bool find_value(struct piece domains, struct piece id, struct piece *value)
{
	struct piece domain, key;

	while (next(&domains, ';', &domain)) {
		if (next(&domain, '=', &key) && same(number(key), id)) {
			*value = number(domain);
			return true;
		}
	}
	return false;
}

static bool has_all(struct piece theirs, struct piece ours)
{
	struct piece domain, id, value;

	while (next(&ours, ';', &domain)) {
		if (!next(&domain, '=', &id))
			continue;
		if (!find_value(theirs, number(id), &value) || !same(value, number(domain)))
			return false;
	}
	return true;
}

bool ctr_schemata_has(const char *file, const char *line)
{
	struct piece ours = { line, strlen(line) }, all = { file, strlen(file) };
	struct piece theirs, resource, name;

	if (!next(&ours, ':', &resource) || ours.len == 0)
		return false;

	while (next(&all, '\n', &theirs)) {
		if (next(&theirs, ':', &name) && same(trim(name), trim(resource)))
			return has_all(theirs, ours);
	}
	return false;
}

const char *const *ctr_schemata_lines(const struct ctr_intel_rdt *rdt, struct ctr_arena *arena,
				      size_t *n)
{
	const char **lines = ctr_arena_array(arena, rdt->nschemata + 2, sizeof(*lines));
	const char *cache = rdt->l3_cache_schema, *bandwidth = rdt->mem_bw_schema;

	*n = 0;
	/* Of two lines for the bandwidth its own property's is meant. */
	if (cache && !(bandwidth && strncmp(cache, "MB:", 3) == 0))
		lines[(*n)++] = cache;
	if (bandwidth)
		lines[(*n)++] = bandwidth;
	for (size_t i = 0; i < rdt->nschemata; i++)
		lines[(*n)++] = rdt->schemata[i];
	return lines;
}
