/* A configuration is copied event by event, and three members of it are written anew. */
#include "bench/workload.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "oci/encode.h"
#include "oci/json.h"

enum { NAMED = 2 }; /* levels whose names matter: "process" and "args" */

struct copy {
	struct ctr_arena *arena;
	struct ctr_json json;
	const char *const *args;
	const char *key; /* of the value to come; NULL in an array */
	char names[NAMED][32];
	unsigned depth;   /* objects and arrays that are open */
	unsigned skipped; /* of them, inside something that is left out */
	bool skip_next, args_written;
};

static bool at(const struct copy *copy, const char *object, const char *member)
{
	return copy->depth == 2 && strcmp(copy->names[0], object) == 0 &&
	       (!member || strcmp(copy->names[1], member) == 0);
}

static void write_args(struct copy *copy)
{
	ctr_json_array(&copy->json, "args");
	for (const char *const *arg = copy->args; *arg; arg++)
		ctr_json_string(&copy->json, NULL, *arg);
	ctr_json_end_array(&copy->json);
	copy->args_written = true;
}

static void take_key(struct copy *copy, const struct ctr_json_event *event)
{
	copy->key = ctr_arena_strndup(copy->arena, event->text, event->len);
	if (copy->depth == 0 || copy->depth > NAMED)
		return;

	memset(copy->names[copy->depth - 1], 0, sizeof(copy->names[0]));
	if (event->len < sizeof(copy->names[0]))
		memcpy(copy->names[copy->depth - 1], event->text, event->len);
	copy->skip_next = at(copy, "process", "terminal") || at(copy, "process", "consoleSize") ||
			  at(copy, "linux", "cgroupsPath") ||
			  (copy->args && at(copy, "process", "args"));
}

static void copy_scalar(struct copy *copy, const struct ctr_json_event *event)
{
	const char *text = ctr_arena_strndup(copy->arena, event->text ? event->text : "",
					     event->text ? event->len : 0);

	if (event->type == CTR_JSON_NULL)
		ctr_json_null(&copy->json, copy->key);
	else if (event->type == CTR_JSON_BOOL)
		ctr_json_bool(&copy->json, copy->key, event->value);
	else if (event->type == CTR_JSON_NUMBER)
		ctr_json_number(&copy->json, copy->key, text);
	else
		ctr_json_string(&copy->json, copy->key, text);
}

static void begin(struct copy *copy, const struct ctr_json_event *event)
{
	copy->depth++;
	if (copy->skipped > 0 || copy->skip_next)
		copy->skipped++;
	else if (event->type == CTR_JSON_OBJECT)
		ctr_json_object(&copy->json, copy->key);
	else
		ctr_json_array(&copy->json, copy->key);
}

static void end(struct copy *copy, const struct ctr_json_event *event)
{
	if (copy->skipped > 0) {
		copy->skipped--;
	} else if (event->type == CTR_JSON_END_OBJECT) {
		if (at(copy, "process", NULL) && copy->args && !copy->args_written)
			write_args(copy);
		ctr_json_end_object(&copy->json);
	} else {
		ctr_json_end_array(&copy->json);
	}
	copy->depth--;
}

static int handle(void *context, const struct ctr_json_event *event)
{
	struct copy *copy = context;

	switch (event->type) {
	case CTR_JSON_KEY:
		if (copy->skipped == 0)
			take_key(copy, event);
		return 0;
	case CTR_JSON_OBJECT:
	case CTR_JSON_ARRAY:
		begin(copy, event);
		break;
	case CTR_JSON_END_OBJECT:
	case CTR_JSON_END_ARRAY:
		end(copy, event);
		break;
	default:
		if (copy->skipped == 0 && !copy->skip_next)
			copy_scalar(copy, event);
	}

	copy->key = NULL;
	copy->skip_next = false;
	return 0;
}

const char *ctr_workload_config(struct ctr_arena *arena, const char *text, size_t len,
				const char *const *args, size_t *ret_len)
{
	struct copy copy = { .arena = arena, .args = args };
	struct ctr_json_fault fault;
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	ctr_json_init(&copy.json, &buf, NULL);
	/* It was decoded before. */
	(void)ctr_json_parse(arena, text, len, handle, &copy, &fault);
	*ret_len = buf.len;
	return ctr_buf_str(&buf);
}

const char *const *ctr_words(struct ctr_arena *arena, const char *text)
{
	const char **words = ctr_arena_array(arena, strlen(text) / 2 + 2, sizeof(*words));
	size_t n = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");

		words[n++] = ctr_arena_strndup(arena, text, len);
		text += len;
	}

	return n > 0 ? words : NULL;
}

const char *ctr_line_of(struct ctr_arena *arena, const char *const *words)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	for (size_t i = 0; words && words[i]; i++)
		ctr_buf_addf(&buf, "%s%s", i > 0 ? " " : "", words[i]);
	return ctr_buf_str(&buf);
}
