/*
 * JSON by yajl. Everything that is particular to yajl is in this file: its callbacks, its allocator
 * on our arena, its error texts and how it counts bytes.
 *
 * The document is passed in one piece. So strings without escapes are not copied, and
 * yajl_get_bytes_consumed() is the end of the token in a callback. (After yajl_complete_parse(),
 * which feeds a blank of its own, it counts that blank and is useless.)
 */
#include "oci/json.h"

#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/arena.h"
#include "oci/load.h"

struct parser {
	struct ctr_arena *arena;
	const char *text;
	size_t len;
	yajl_handle handle;
	ctr_json_handler handler;
	void *context;
	unsigned depth;
	size_t items;
	struct ctr_json_fault fault; /* found by us; text NULL: none */
};

/* The allocator: nothing is freed, sizes are kept before the bytes for realloc. */
enum { HEADER = 16 };

static void *arena_malloc(void *context, size_t size)
{
	size_t *p = ctr_arena_alloc(context, size + HEADER);

	*p = size;
	return (char *)p + HEADER;
}

static void *arena_realloc(void *context, void *old, size_t size)
{
	size_t *p;

	if (!old)
		return arena_malloc(context, size);
	p = (size_t *)(void *)((char *)old - HEADER);
	if (size <= *p)
		return old;
	p = ctr_arena_grow(context, p, *p + HEADER, size + HEADER);
	*p = size;
	return (char *)p + HEADER;
}

static void arena_free(void *context, void *p)
{
	(void)context;
	(void)p;
}

const char *ctr_json_type_name(enum ctr_json_type type)
{
	static const char *const names[] = {
		[CTR_JSON_NULL] = "null",        [CTR_JSON_BOOL] = "a boolean",
		[CTR_JSON_NUMBER] = "a number",  [CTR_JSON_STRING] = "a string",
		[CTR_JSON_OBJECT] = "an object", [CTR_JSON_ARRAY] = "an array",
	};

	return names[type];
}

static int fail(struct parser *parser, size_t offset, const char *text)
{
	parser->fault = (struct ctr_json_fault){ .offset = offset, .text = text };
	return 0; /* yajl: stop */
}

static int emit(struct parser *parser, const struct ctr_json_event *event)
{
	if (event->type < CTR_JSON_KEY && parser->items++ > CTR_CONFIG_ITEMS_MAX)
		return fail(parser, event->start, "the document has too many items");
	if (parser->depth == 0 && event->type != CTR_JSON_OBJECT)
		return fail(parser, event->start,
			    ctr_arena_printf(parser->arena, "expected an object, got %s",
					     ctr_json_type_name(event->type)));
	return parser->handler(parser->context, event) == 0;
}

static size_t consumed(struct parser *parser)
{
	return yajl_get_bytes_consumed(parser->handle);
}

static int on_null(void *context)
{
	struct parser *parser = context;

	return emit(parser, &(struct ctr_json_event){ .type = CTR_JSON_NULL,
						      .start = consumed(parser) - 4 });
}

static int on_boolean(void *context, int value)
{
	struct parser *parser = context;

	return emit(parser,
		    &(struct ctr_json_event){ .type = CTR_JSON_BOOL,
					      .value = value != 0,
					      .start = consumed(parser) - (value ? 4 : 5) });
}

static int on_number(void *context, const char *text, size_t len)
{
	struct parser *parser = context;

	return emit(parser, &(struct ctr_json_event){ .type = CTR_JSON_NUMBER,
						      .text = text,
						      .len = len,
						      .start = consumed(parser) - len });
}

/* The opening quote of the string that ends at @end: the next one back that is not escaped. */
static size_t opening_quote(const char *text, size_t end)
{
	size_t i = end - 1;
	size_t slashes;

	do {
		while (i > 0 && text[--i] != '"')
			;
		for (slashes = 0; slashes < i && text[i - slashes - 1] == '\\'; slashes++)
			;
	} while (slashes % 2 == 1);
	return i;
}

/* yajl turns a lone half of a surrogate pair into bytes that are no UTF-8. */
static bool has_surrogate(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i++)
		if ((unsigned char)text[i] == 0xed && (unsigned char)text[i + 1] >= 0xa0)
			return true;
	return false;
}

static int string(struct parser *parser, enum ctr_json_type type, const char *text, size_t len)
{
	struct ctr_json_event event = { .type = type, .text = text, .len = len };

	/* A string without escapes points into the document and cannot hold a NUL. */
	if (text >= parser->text && text < parser->text + parser->len) {
		event.start = (size_t)(text - parser->text) - 1;
		return emit(parser, &event);
	}

	event.start = opening_quote(parser->text, consumed(parser));
	if (memchr(text, '\0', len))
		return fail(parser, event.start, "a string must not hold \\u0000");
	if (has_surrogate(text, len))
		return fail(parser, event.start, "a string holds half of a surrogate pair");
	return emit(parser, &event);
}

static int on_string(void *context, const unsigned char *text, size_t len)
{
	return string(context, CTR_JSON_STRING, (const char *)text, len);
}

static int on_map_key(void *context, const unsigned char *text, size_t len)
{
	return string(context, CTR_JSON_KEY, (const char *)text, len);
}

static int begin(struct parser *parser, enum ctr_json_type type)
{
	size_t start = consumed(parser) - 1;

	if (parser->depth == CTR_CONFIG_DEPTH_MAX)
		return fail(parser, start, "the document is nested too deeply");
	if (!emit(parser, &(struct ctr_json_event){ .type = type, .start = start }))
		return 0;
	parser->depth++;
	return 1;
}

static int end(struct parser *parser, enum ctr_json_type type)
{
	int go_on = emit(parser,
			 &(struct ctr_json_event){ .type = type, .start = consumed(parser) - 1 });

	parser->depth--;
	return go_on;
}

static int on_start_map(void *context)
{
	return begin(context, CTR_JSON_OBJECT);
}

static int on_end_map(void *context)
{
	return end(context, CTR_JSON_END_OBJECT);
}

static int on_start_array(void *context)
{
	return begin(context, CTR_JSON_ARRAY);
}

static int on_end_array(void *context)
{
	return end(context, CTR_JSON_END_ARRAY);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number, /* numbers as text: exact */
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* yajl's text without its line end and full stop. */
static const char *yajl_text(struct parser *parser)
{
	unsigned char *raw = yajl_get_error(parser->handle, 0, NULL, 0);
	const char *text = (const char *)raw;
	size_t len = strlen(text);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '.' || text[len - 1] == ' '))
		len--;
	return ctr_arena_printf(parser->arena, "not valid JSON: %.*s", (int)len, text);
}

/* Is the byte that does not fit consumed already? That of a comment is not. */
static bool is_consumed(struct parser *parser)
{
	return !strstr((const char *)yajl_get_error(parser->handle, 0, NULL, 0), "comment");
}

int ctr_json_parse(struct ctr_arena *arena, const char *text, size_t len, ctr_json_handler handler,
		   void *context, struct ctr_json_fault *fault)
{
	struct parser parser = {
		.arena = arena,
		.text = text,
		.len = len,
		.handler = handler,
		.context = context,
	};
	yajl_alloc_funcs functions = {
		.malloc = arena_malloc,
		.realloc = arena_realloc,
		.free = arena_free,
		.ctx = arena,
	};
	yajl_status status;
	size_t offset;

	parser.handle = yajl_alloc(&callbacks, &functions, &parser);
	status = yajl_parse(parser.handle, (const unsigned char *)text, len);
	offset = consumed(&parser);
	if (status == yajl_status_error && offset > 0 && is_consumed(&parser))
		offset--;
	if (status == yajl_status_ok) {
		status = yajl_complete_parse(parser.handle);
		offset = len;
	}
	if (status == yajl_status_ok)
		return 0;

	if (status == yajl_status_client_canceled) {
		if (!parser.fault.text)
			return 1;
		*fault = parser.fault;
		return -1;
	}
	*fault = (struct ctr_json_fault){ .offset = offset, .text = yajl_text(&parser) };
	return -1;
}

/* ---- finding a place again, for messages only */

struct search {
	const char *rest;   /* of the path, behind what was found */
	unsigned depth;     /* of nesting now */
	unsigned matched;   /* containers on the path that we are in */
	bool in_array;      /* the innermost of them is an array */
	bool hit;           /* the value to come is the one that the path names */
	const char *behind; /* the path behind that value */
	size_t index;       /* of the item to come */
	size_t found;
};

/* Does the path go on with the key @key? Then *@behind is what follows. */
static bool key_matches(const char *path, const char *key, size_t len, const char **behind)
{
	if (*path == '.')
		path++;
	if (strncmp(path, "[\"", 2) == 0) {
		path += 2;
		if (strncmp(path, key, len) != 0 || strncmp(path + len, "\"]", 2) != 0)
			return false;
		*behind = path + len + 2;
		return true;
	}
	if (strncmp(path, key, len) != 0 || (path[len] && !strchr(".[", path[len])))
		return false;
	*behind = path + len;
	return true;
}

static bool index_matches(const char *path, size_t index, const char **behind)
{
	size_t value = 0;

	if (*path++ != '[')
		return false;
	for (; *path >= '0' && *path <= '9'; path++)
		value = value * 10 + (size_t)(*path - '0');
	if (*path != ']' || value != index)
		return false;
	*behind = path + 1;
	return true;
}

static int search_value(struct search *search, const struct ctr_json_event *event)
{
	bool container = event->type == CTR_JSON_OBJECT || event->type == CTR_JSON_ARRAY;
	bool on_path = search->depth == 0;

	if (search->depth == search->matched && search->depth > 0) {
		on_path = search->hit;
		if (search->in_array)
			on_path = index_matches(search->rest, search->index++, &search->behind);
	}
	search->hit = false;
	if (on_path) {
		search->found = event->start;
		if (search->depth > 0)
			search->rest = search->behind;
		if (!*search->rest || !container)
			return 1;
		search->matched++;
		search->in_array = event->type == CTR_JSON_ARRAY;
		search->index = 0;
	}
	search->depth += container;
	return 0;
}

static int search_event(void *context, const struct ctr_json_event *event)
{
	struct search *search = context;

	switch (event->type) {
	case CTR_JSON_KEY:
		if (search->depth == search->matched)
			search->hit =
				key_matches(search->rest, event->text, event->len, &search->behind);
		return 0;
	case CTR_JSON_END_OBJECT:
	case CTR_JSON_END_ARRAY:
		/* Left the deepest container of the path: it has no more of it. */
		return search->depth-- == search->matched;
	default:
		return search_value(search, event);
	}
}

size_t ctr_json_locate(struct ctr_arena *arena, const char *text, size_t len, const char *path,
		       bool *whole)
{
	struct search search = { .rest = path };
	struct ctr_json_fault ignored;

	(void)ctr_json_parse(arena, text, len, search_event, &search, &ignored);
	*whole = !*search.rest;
	return search.found;
}
