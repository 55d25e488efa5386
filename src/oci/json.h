/*
 * Reading JSON as a stream of events. json.c is the only file that knows the parser behind it.
 * Strict: RFC 8259 without comments, one object, valid UTF-8, no NUL in a string, nothing after the
 * end; numbers stay text, so that 2^64-1 survives.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctr_arena;

enum ctr_json_type {
	CTR_JSON_NULL,
	CTR_JSON_BOOL,
	CTR_JSON_NUMBER,
	CTR_JSON_STRING,
	CTR_JSON_OBJECT, /* begins */
	CTR_JSON_ARRAY,
	CTR_JSON_KEY,
	CTR_JSON_END_OBJECT,
	CTR_JSON_END_ARRAY,
};

struct ctr_json_event {
	enum ctr_json_type type;
	bool value;       /* of a bool */
	const char *text; /* of a number, string or key; unescaped, valid during the call, not
			   * NUL-terminated */
	size_t len;
	size_t start; /* where it begins in the document */
};

/* 0 to go on, anything else to stop. */
typedef int (*ctr_json_handler)(void *context, const struct ctr_json_event *event);

struct ctr_json_fault {
	size_t offset;
	const char *text; /* in the arena */
};

/*
 * Parse @text and call @handler for each event. 0 at the end of a good document, 1 when the handler
 * stopped, -1 and *@fault when the document is bad or beyond the limits of load.h.
 */
int ctr_json_parse(struct ctr_arena *arena, const char *text, size_t len, ctr_json_handler handler,
		   void *context, struct ctr_json_fault *fault);

/* "a number", "an object": for messages. */
const char *ctr_json_type_name(enum ctr_json_type type);

/*
 * Where the value at @path is, for messages: "linux.namespaces[2].path"; a key that is no word
 * stands in brackets: `annotations["a.b"]`. *@whole: it is there; else the place is that of the
 * deepest part of the path that is.
 */
size_t ctr_json_locate(struct ctr_arena *arena, const char *text, size_t len, const char *path,
		       bool *whole);
