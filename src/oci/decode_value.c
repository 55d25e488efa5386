/* Values of the decoder that are one event: numbers, exact and within their range, and strings. */
#include <string.h>

#include "base/arena.h"
#include "oci/decode.h"
#include "oci/decode_run.h"
#include "oci/json.h"

bool ctr_decode_begins(const struct ctr_json_event *event)
{
	return event->type == CTR_JSON_OBJECT || event->type == CTR_JSON_ARRAY;
}

int ctr_decode_wrong_type(struct ctr_decode *decode, const char *expected,
			  const struct ctr_json_event *event)
{
	if (ctr_decode_begins(event))
		decode->skip = 1;
	return ctr_decode_fault(decode, "expected %s, got %s", expected,
				ctr_json_type_name(event->type));
}

static const struct ctr_range number_ranges[] = {
	[CTR_F_U16] = {0,          UINT16_MAX},
          [CTR_F_U32] = { 0,         UINT32_MAX},
	[CTR_F_U64] = { 0,         UINT64_MAX},
          [CTR_F_I32] = { INT32_MIN, INT32_MAX },
	[CTR_F_I64] = { INT64_MIN, INT64_MAX },
};

/* Sign and magnitude of a JSON number. 0; 1: beyond 64 bits; -1: not a plain integer. */
static int parse_integer(const char *text, size_t len, bool *negative, uint64_t *magnitude)
{
	uint64_t value = 0;
	bool beyond = false;
	size_t i = 0;

	*negative = text[0] == '-';
	for (i = *negative; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		beyond |= __builtin_mul_overflow(value, 10, &value);
		beyond |= __builtin_add_overflow(value, text[i] - '0', &value);
	}
	*magnitude = value;
	return beyond;
}

static void store_integer(void *member, unsigned kind, uint64_t value)
{
	switch (kind) {
	case CTR_F_U16:
		*(uint16_t *)member = (uint16_t)value;
		break;
	case CTR_F_U32:
	case CTR_F_U32S:
		*(uint32_t *)member = (uint32_t)value;
		break;
	case CTR_F_U64:
		*(uint64_t *)member = value;
		break;
	case CTR_F_I32:
		*(int32_t *)member = (int32_t)value;
		break;
	default:
		*(int64_t *)member = (int64_t)value;
		break;
	}
}

int ctr_decode_number(struct ctr_decode *decode, const struct ctr_field *field, void *member,
		      const struct ctr_json_event *event)
{
	unsigned kind = field->kind == CTR_F_U32S ? CTR_F_U32 : field->kind;
	const struct ctr_range *range = field->arg ? field->arg : &number_ranges[kind];
	int shown = event->len < 60 ? (int)event->len : 60;
	uint64_t magnitude;
	bool negative;
	int r;

	if (event->type != CTR_JSON_NUMBER)
		return ctr_decode_wrong_type(decode, "a number", event);

	r = parse_integer(event->text, event->len, &negative, &magnitude);
	if (r < 0)
		return ctr_decode_fault(decode, "expected an integer, got %.*s", shown,
					event->text);
	if (magnitude == 0)
		negative = false;
	if (r > 0 || (negative ? range->min >= 0 || magnitude > -(uint64_t)range->min
			       : magnitude > range->max ||
					 (range->min > 0 && magnitude < (uint64_t)range->min)))
		return ctr_decode_fault(decode, "%.*s is not in %lld..%llu", shown, event->text,
					(long long)range->min, (unsigned long long)range->max);

	store_integer(member, kind, negative ? -magnitude : magnitude);
	return 1;
}

int ctr_decode_string(struct ctr_decode *decode, const struct ctr_field *field, char *object,
		      void *member, const struct ctr_json_event *event)
{
	const struct ctr_name *name;
	size_t before = decode->nfaults;

	if (event->type != CTR_JSON_STRING)
		return ctr_decode_wrong_type(decode, "a string", event);

	switch (field->kind) {
	case CTR_F_STRING:
	case CTR_F_STRINGS:
		*(const char **)member = ctr_arena_strndup(decode->arena, event->text, event->len);
		break;
	case CTR_F_ENUM:
	case CTR_F_ENUMS:
	case CTR_F_FLAGS:
		/* Go writes "" for an enumerator that was never set. */
		if (event->len == 0 && field->kind == CTR_F_ENUM && !(field->flags & CTR_REQUIRED))
			return 1;
		name = ctr_name_find(field->arg, event->text, event->len);
		if (!name)
			return ctr_decode_fault(
				decode, "unknown value %s%s",
				ctr_decode_quote(decode, event->text, event->len),
				ctr_decode_near(decode, field->arg, event->text, event->len));
		if (field->kind != CTR_F_FLAGS)
			*(uint32_t *)member = (uint32_t)name->value;
		else if (field->size == 8)
			*(uint64_t *)member |= (uint64_t)name->value;
		else
			*(uint32_t *)member |= (uint32_t)name->value;
		return 1;
	default:
		break;
	}

	if (field->function && field->function(decode, object, member, event->text, event->len) < 0)
		return -1;
	return before == decode->nfaults;
}
