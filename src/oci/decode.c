/*
 * The table engine: events of json.c drive a stack of frames over the tables of decode.h. The stack
 * is the path of messages.
 *
 * Arrays grow on a scratch stack and move to the arena when they end, exactly as long as they are;
 * so the arena holds the spec and nothing else, in the order of the document. Objects that are
 * items live on the scratch meanwhile: frames know them by offset, because it may move.
 */
#include "oci/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "oci/decode_run.h"
#include "oci/json.h"

enum { SCRATCH_ALIGN = 16 };

static struct ctr_frame *top(struct ctr_decode *decode)
{
	return decode->nframes > 0 ? &decode->frames[decode->nframes - 1] : NULL;
}

/* ---- the scratch stack */

/* @size zero bytes on top of the scratch. Returns their offset. */
static size_t scratch_push(struct ctr_decode *decode, size_t size)
{
	size_t at = decode->scratch_used;
	size_t want;
	char *moved;

	if (size > decode->scratch_size - at) {
		want = decode->scratch_size * 2;
		while (want - at < size)
			want *= 2;
		moved = ctr_arena_alloc(decode->arena, want);
		memcpy(moved, decode->scratch, at);
		decode->scratch = moved;
		decode->scratch_size = want;
	}
	memset(decode->scratch + at, 0, size);
	decode->scratch_used = at + size;
	return at;
}

static char *object_of(struct ctr_decode *decode, const struct ctr_frame *frame)
{
	return frame->pointer ? frame->pointer : decode->scratch + frame->offset;
}

/* ---- frames */

static struct ctr_frame *push(struct ctr_decode *decode, const struct ctr_frame *frame)
{
	/* The tables, not the document, bound how deep frames go: unknown values have none. */
	if (decode->nframes == CTR_FRAMES_MAX)
		abort();
	decode->frames[decode->nframes] = *frame;
	return &decode->frames[decode->nframes++];
}

static void push_object(struct ctr_decode *decode, const struct ctr_type *type, char *pointer,
			size_t offset)
{
	push(decode, &(struct ctr_frame){
			     .kind = CTR_FRAME_OBJECT,
			     .type = type,
			     .pointer = pointer,
			     .offset = offset,
			     .faults = decode->nfaults,
		     });
}

static size_t item_size(const struct ctr_field *field)
{
	const struct ctr_type *type = field->arg;

	switch (field->kind) {
	case CTR_F_STRINGS:
		return sizeof(const char *);
	case CTR_F_U32S:
	case CTR_F_ENUMS:
		return sizeof(uint32_t);
	case CTR_F_PAIRS:
		return sizeof(struct ctr_string_pair);
	case CTR_F_OBJECTS:
	case CTR_F_EACH:
	case CTR_F_MAP_OBJECTS:
		return type->size;
	default:
		return 0;
	}
}

/* A frame for the items of @field of the object @owner. */
static void push_items(struct ctr_decode *decode, enum ctr_frame_kind kind,
		       const struct ctr_field *field, const struct ctr_frame *owner)
{
	struct ctr_frame frame = {
		.kind = kind,
		.field = field,
		.pointer = owner->pointer,
		.offset = owner->offset,
		.before = decode->scratch_used,
	};

	(void)scratch_push(decode, -decode->scratch_used & (SCRATCH_ALIGN - 1));
	frame.start = decode->scratch_used;
	push(decode, &frame);
}

/* ---- values */

static int skip_value(struct ctr_decode *decode, const struct ctr_json_event *event)
{
	decode->skip = ctr_decode_begins(event);
	return 0;
}

static int begin_object(struct ctr_decode *decode, const struct ctr_field *field,
			const struct ctr_frame *owner, const struct ctr_json_event *event)
{
	const struct ctr_type *type = field->arg;
	char **member;
	char *pointer = owner->pointer;

	if (event->type != CTR_JSON_OBJECT)
		return ctr_decode_wrong_type(decode, "an object", event);

	if (field->kind == CTR_F_OBJECT) {
		push_object(decode, type, pointer ? pointer + field->offset : NULL,
			    owner->offset + field->offset);
		return 1;
	}

	member = (char **)(void *)(object_of(decode, owner) + field->offset);
	if (!*member) { /* else it is there from the beginning: struct ctr_linux */
		*member = ctr_arena_alloc(decode->arena, type->size);
		if (type->init)
			type->init(*member);
	}
	push_object(decode, type, *member, 0);
	return 1;
}

static int begin_items(struct ctr_decode *decode, const struct ctr_field *field,
		       const struct ctr_frame *owner, const struct ctr_json_event *event)
{
	bool map = field->kind == CTR_F_PAIRS || field->kind == CTR_F_MAP_OBJECTS;

	if (event->type != (map ? CTR_JSON_OBJECT : CTR_JSON_ARRAY))
		return ctr_decode_wrong_type(decode, map ? "an object" : "an array", event);
	push_items(decode, map ? CTR_FRAME_MAP : CTR_FRAME_ARRAY, field, owner);
	return 1;
}

/* The value of a member of an object. */
static int field_value(struct ctr_decode *decode, struct ctr_frame *frame,
		       const struct ctr_json_event *event)
{
	const struct ctr_field *field = frame->field;
	struct ctr_frame owner = *frame; /* the stack is about to grow */
	char *object = object_of(decode, frame);
	int r;

	switch (field->kind) {
	case CTR_F_IGNORE:
		return skip_value(decode, event);
	case CTR_F_BOOL:
		if (event->type != CTR_JSON_BOOL)
			return ctr_decode_wrong_type(decode, "a boolean", event);
		*(bool *)(object + field->offset) = event->value;
		r = 1;
		break;
	case CTR_F_U16:
	case CTR_F_U32:
	case CTR_F_U64:
	case CTR_F_I32:
	case CTR_F_I64:
		r = ctr_decode_number(decode, field, object + field->offset, event);
		break;
	case CTR_F_STRING:
	case CTR_F_TEXT:
	case CTR_F_ENUM:
		r = ctr_decode_string(decode, field, object, object + field->offset, event);
		break;
	case CTR_F_OBJECT:
	case CTR_F_POINTER:
		r = begin_object(decode, field, &owner, event);
		break;
	default:
		r = begin_items(decode, field, &owner, event);
		break;
	}

	/* For arrays and maps `has` is a count (or the bool of CTR_F_FLAGS), set when they end. */
	if (r == 1 && field->has && field->kind < CTR_F_FLAGS)
		*(bool *)(object_of(decode, &owner) + field->has - 1) = true;
	if (r == 1 && field->has && field->kind == CTR_F_OBJECT)
		*(bool *)(object_of(decode, &owner) + field->has - 1) = true;
	return r < 0 ? -1 : 0;
}

/* A zeroed or defaulted struct of @type on the scratch, as the object at hand. Returns its offset.
 */
static size_t push_item(struct ctr_decode *decode, const struct ctr_type *type)
{
	size_t at = scratch_push(decode, type->size);

	if (type->init)
		type->init(decode->scratch + at);
	push_object(decode, type, NULL, at);
	return at;
}

/* A value in an array. */
static int item_value(struct ctr_decode *decode, struct ctr_frame *frame,
		      const struct ctr_json_event *event)
{
	const struct ctr_field *field = frame->field;
	size_t size = item_size(field);
	size_t at;
	int r;

	frame->index++;
	switch (field->kind) {
	case CTR_F_FLAGS:
	case CTR_F_TEXTS:
		r = ctr_decode_string(decode, field, object_of(decode, frame),
				      object_of(decode, frame) + field->offset, event);
		return r < 0 ? -1 : 0;
	case CTR_F_OBJECTS:
	case CTR_F_EACH:
		if (event->type != CTR_JSON_OBJECT)
			return ctr_decode_wrong_type(decode, "an object", event);
		(void)push_item(decode, field->arg);
		return 0;
	default:
		break;
	}

	at = scratch_push(decode, size);
	if (field->kind == CTR_F_U32S)
		r = ctr_decode_number(decode, field, decode->scratch + at, event);
	else
		r = ctr_decode_string(decode, field, object_of(decode, frame), decode->scratch + at,
				      event);
	if (r == 0)
		decode->scratch_used = at;
	return r < 0 ? -1 : 0;
}

/* The value of a key of a map. */
static int map_value(struct ctr_decode *decode, struct ctr_frame *frame,
		     const struct ctr_json_event *event)
{
	const struct ctr_field *field = frame->field;
	size_t before = decode->nfaults;
	struct ctr_string_pair *pair;
	size_t at;

	if (event->type == CTR_JSON_NULL)
		return 0;
	if (field->kind == CTR_F_MAP_OBJECTS) {
		if (event->type != CTR_JSON_OBJECT)
			return ctr_decode_wrong_type(decode, "an object", event);
		const char *key = frame->key;

		at = push_item(decode, field->arg);
		*(const char **)(void *)(decode->scratch + at) = key;
		return 0;
	}

	if (event->type != CTR_JSON_STRING)
		return ctr_decode_wrong_type(decode, "a string", event);
	at = scratch_push(decode, sizeof(*pair));
	pair = (struct ctr_string_pair *)(void *)(decode->scratch + at);
	pair->key = frame->key;
	pair->value = ctr_arena_strndup(decode->arena, event->text, event->len);
	if (field->function && field->function(decode, object_of(decode, frame), pair, NULL, 0) < 0)
		return -1;
	if (before != decode->nfaults)
		decode->scratch_used = at;
	return 0;
}

static int on_value(struct ctr_decode *decode, const struct ctr_json_event *event)
{
	struct ctr_frame *frame = top(decode);

	if (!frame) {
		push_object(decode, decode->type, decode->root, 0);
		return 0;
	}
	if (frame->kind == CTR_FRAME_ARRAY)
		return item_value(decode, frame, event);
	if (frame->kind == CTR_FRAME_MAP)
		return map_value(decode, frame, event);

	if (!frame->field)
		return skip_value(decode, event);
	if (event->type == CTR_JSON_NULL) /* absent, as every Go caller means it */
		return 0;
	frame->present |= UINT64_C(1) << (frame->field - frame->type->fields);
	return field_value(decode, frame, event);
}

/* ---- keys */

static const struct ctr_field *find_field(const struct ctr_type *type, const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < type->nfields; i++)
		if (type->fields[i].len == len && memcmp(type->fields[i].name, name, len) == 0)
			return &type->fields[i];
	return NULL;
}

bool ctr_decode_present(struct ctr_decode *decode, const char *name)
{
	const struct ctr_frame *frame = top(decode);
	const struct ctr_field *field = find_field(frame->type, name, strlen(name));

	return field && frame->present >> (field - frame->type->fields) & 1;
}

static int on_key(struct ctr_decode *decode, const struct ctr_json_event *event)
{
	struct ctr_frame *frame = top(decode);
	uint64_t bit;

	if (frame->kind == CTR_FRAME_MAP) {
		frame->index++;
		frame->key = ctr_arena_strndup(decode->arena, event->text, event->len);
		if (event->len == 0)
			return ctr_decode_fault(decode, "a key must not be empty");
		return 0;
	}

	frame->field = find_field(frame->type, event->text, event->len);
	if (!frame->field && frame->type->closed)
		return ctr_decode_fault(decode, "unknown value %s",
					ctr_decode_quote(decode, event->text, event->len));
	if (!frame->field) {
		ctr_decode_unknown(decode, frame->type, event->text, event->len);
		return 0;
	}
	bit = UINT64_C(1) << (frame->field - frame->type->fields);
	if (frame->seen & bit)
		return ctr_decode_fault(decode, "appears twice");
	frame->seen |= bit;
	return 0;
}

/* ---- ends */

static int check_required(struct ctr_decode *decode, const struct ctr_frame *frame)
{
	const struct ctr_type *type = frame->type;
	unsigned i;

	for (i = 0; i < type->nfields; i++) {
		if (!(type->fields[i].flags & CTR_REQUIRED) || frame->present >> i & 1)
			continue;
		if (ctr_decode_fault_in(decode, type->fields[i].name, "is required") < 0)
			return -1;
	}
	return 0;
}

static int end_object(struct ctr_decode *decode)
{
	struct ctr_frame *frame = top(decode);
	struct ctr_frame *parent;
	size_t faults = frame->faults;
	size_t offset = frame->offset;

	frame->field = NULL;
	if (check_required(decode, frame) < 0)
		return -1;
	if (frame->type->done && faults == decode->nfaults &&
	    frame->type->done(decode, object_of(decode, frame)) < 0)
		return -1;

	decode->nframes--;
	parent = top(decode);
	if (!parent || parent->kind != CTR_FRAME_ARRAY || parent->field->kind != CTR_F_EACH)
		return 0;
	/* An item that its function takes apart. */
	if (faults == decode->nfaults &&
	    parent->field->function(decode, object_of(decode, parent), decode->scratch + offset,
				    NULL, 0) < 0)
		return -1;
	decode->scratch_used = offset;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(**(const char *const *const *)a, **(const char *const *const *)b);
}

/*
 * Refuse a map that has a key twice. The items begin with their keys. A hostile document may have a
 * million of them: sort pointers to them, unless they are few.
 */
static int check_keys(struct ctr_decode *decode, const char *items, size_t size, size_t count)
{
	enum { FEW = 24 };
	const char *const **sorted;
	size_t i, k;

	if (count <= FEW) {
		for (i = 1; i < count; i++)
			for (k = 0; k < i; k++)
				if (strcmp(*(const char *const *)(const void *)(items + i * size),
					   *(const char *const *)(const void *)(items +
										k * size)) == 0)
					return ctr_decode_fault_key(
						decode,
						*(const char *const *)(const void *)(items +
										     i * size),
						"appears twice");
		return 0;
	}

	sorted = ctr_arena_array(decode->arena, count, sizeof(*sorted));
	for (i = 0; i < count; i++)
		sorted[i] = (const char *const *)(const void *)(items + i * size);
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (i = 1; i < count; i++)
		if (strcmp(*sorted[i - 1], *sorted[i]) == 0)
			return ctr_decode_fault_key(decode, *sorted[i], "appears twice");
	return 0;
}

static int end_items(struct ctr_decode *decode)
{
	struct ctr_frame *frame = top(decode);
	const struct ctr_field *field = frame->field;
	char *object = object_of(decode, frame);
	size_t size = item_size(field);
	size_t bytes = decode->scratch_used - frame->start;
	char *list = NULL;

	if (frame->kind == CTR_FRAME_MAP &&
	    check_keys(decode, decode->scratch + frame->start, size, bytes / size) < 0)
		return -1;

	if (field->kind == CTR_F_FLAGS) {
		if (field->has)
			*(bool *)(object + field->has - 1) = true;
	} else if (field->has) {
		if (bytes > 0) {
			list = ctr_arena_alloc(decode->arena, bytes);
			memcpy(list, decode->scratch + frame->start, bytes);
		}
		*(char **)(void *)(object + field->offset) = list;
		*(size_t *)(void *)(object + field->has - 1) = bytes / size;
	}
	decode->scratch_used = frame->before;
	decode->nframes--;
	return 0;
}

/* ---- the run */

int ctr_decode_event(void *context, const struct ctr_json_event *event)
{
	struct ctr_decode *decode = context;

	decode->at = event->start;
	if (decode->skip > 0) {
		if (ctr_decode_begins(event))
			decode->skip++;
		else if (event->type == CTR_JSON_END_OBJECT || event->type == CTR_JSON_END_ARRAY)
			decode->skip--;
		return 0;
	}

	switch (event->type) {
	case CTR_JSON_KEY:
		return on_key(decode, event);
	case CTR_JSON_END_OBJECT:
		return top(decode)->kind == CTR_FRAME_MAP ? end_items(decode) : end_object(decode);
	case CTR_JSON_END_ARRAY:
		return end_items(decode);
	default:
		return on_value(decode, event);
	}
}
