/* protobuf-c describes its messages: where a field is, of which type, how often. */
#include "libcriu/fields.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* A number of a field's type to @where, which is 4 bytes or 8. */
static const char *set_number(const ProtobufCFieldDescriptor *field, void *where, const char *value)
{
	const ProtobufCEnumValue *word;
	int64_t number = 0;

	if (field->type == PROTOBUF_C_TYPE_ENUM) {
		word = protobuf_c_enum_descriptor_get_value_by_name(field->descriptor, value);
		if (!word)
			return "CRIU has no such word";
		*(int *)where = word->value;
		return NULL;
	}

	if (ctr_parse_i64(value, &number) < 0)
		return "not a number";
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
		*(int32_t *)where = (int32_t)number;
		return number >= INT32_MIN && number <= INT32_MAX ? NULL : "out of range";
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)where = (uint32_t)number;
		return number >= 0 && number <= UINT32_MAX ? NULL : "out of range";
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)where = number != 0;
		return NULL;
	default:
		return "a field of a type that ctr-criu does not know";
	}
}

static const char *set_message(const ProtobufCFieldDescriptor *field, void *where, char *value)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	ProtobufCMessage *message = calloc(1, type->sizeof_message);
	const char *fault = NULL;
	char *line, *rest = NULL;

	if (!message)
		return "out of memory";
	protobuf_c_message_init(type, message);
	*(ProtobufCMessage **)where = message;

	for (line = strtok_r(value, "\n", &rest); line && !fault;
	     line = strtok_r(NULL, "\n", &rest))
		fault = ctr_field_set(message, line);
	return fault;
}

static const char *set_value(const ProtobufCFieldDescriptor *field, void *where, char *value)
{
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		*(char **)where = value;
		return NULL;
	}

	return field->type == PROTOBUF_C_TYPE_MESSAGE ? set_message(field, where, value)
						      : set_number(field, where, value);
}

/* Strings and messages: that is all that CRIU has lists of. */
static const char *add_item(const ProtobufCFieldDescriptor *field, char *base, char *value)
{
	size_t *count = (size_t *)(void *)(base + field->quantifier_offset);
	void **list = *(void ***)(void *)(base + field->offset);

	if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
		return "a list of a type that ctr-criu does not know";

	list = reallocarray(list, *count + 1, sizeof(*list));
	if (!list)
		return "out of memory";
	*(void ***)(void *)(base + field->offset) = list;
	return set_value(field, &list[(*count)++], value);
}

const char *ctr_field_set(ProtobufCMessage *message, char *text)
{
	const ProtobufCFieldDescriptor *field;
	char *base = (char *)message, *value = strchr(text, '=');

	if (!value)
		return "not NAME=VALUE";
	*value++ = '\0';

	field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, text);
	if (!field)
		return "CRIU's library has no such option";
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return add_item(field, base, value);

	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
	    field->type != PROTOBUF_C_TYPE_MESSAGE)
		*(protobuf_c_boolean *)(base + field->quantifier_offset) = 1;
	return set_value(field, base + field->offset, value);
}
