/*
 * list-config-fields - what the decoder knows, one a line, for check-docs:
 *
 *   field PATH TYPE[, required]     process.cwd string, required
 *   word WORD                       a word of one of the tables of names
 *
 * Items of arrays are PATH[], members whose names are values PATH.NAME.
 */
#include <stdio.h>
#include <string.h>

#include "oci/decode.h"
#include "oci/words.h"

enum { PATH_SIZE = 256 };

static const char *const kind_names[] = {
	[CTR_F_IGNORE] = "ignored", [CTR_F_BOOL] = "boolean",    [CTR_F_U16] = "uint16",
	[CTR_F_U32] = "uint32",     [CTR_F_U64] = "uint64",      [CTR_F_I32] = "int32",
	[CTR_F_I64] = "int64",      [CTR_F_STRING] = "string",   [CTR_F_TEXT] = "string",
	[CTR_F_ENUM] = "word",      [CTR_F_FLAGS] = "words",     [CTR_F_TEXTS] = "strings",
	[CTR_F_ENUMS] = "words",    [CTR_F_STRINGS] = "strings", [CTR_F_U32S] = "numbers",
	[CTR_F_OBJECT] = "object",  [CTR_F_POINTER] = "object",  [CTR_F_OBJECTS] = "objects",
	[CTR_F_EACH] = "objects",   [CTR_F_PAIRS] = "map",       [CTR_F_MAP_OBJECTS] = "map",
};

static void list_words(const struct ctr_name *names)
{
	for (; names->name; names++)
		printf("word %s\n", names->name);
}

/* What the path of a member of @field's object begins with; NULL: it is no object. */
static const char *suffix_of(const struct ctr_field *field)
{
	switch (field->kind) {
	case CTR_F_OBJECT:
	case CTR_F_POINTER:
		return ".";
	case CTR_F_OBJECTS:
	case CTR_F_EACH:
		return "[].";
	case CTR_F_MAP_OBJECTS:
		return ".NAME.";
	default:
		return NULL;
	}
}

static void list_type(const struct ctr_type *type, const char *prefix);

static void list_field(const struct ctr_field *field, const char *prefix)
{
	const char *suffix = suffix_of(field);
	char path[PATH_SIZE];

	if (!suffix || field->flags & CTR_REQUIRED)
		printf("field %s%s %s%s\n", prefix, field->name, kind_names[field->kind],
		       field->flags & CTR_REQUIRED ? ", required" : "");
	if (field->kind == CTR_F_ENUM || field->kind == CTR_F_ENUMS || field->kind == CTR_F_FLAGS)
		list_words(field->arg);
	if (!suffix)
		return;

	(void)snprintf(path, sizeof(path), "%s%s%s", prefix, field->name, suffix);
	list_type(field->arg, path);
}

static void list_type(const struct ctr_type *type, const char *prefix)
{
	for (unsigned i = 0; i < type->nfields; i++)
		list_field(&type->fields[i], prefix);
}

int main(void)
{
	list_type(&ctr_type_spec, "");
	list_words(ctr_capability_names);
	for (unsigned i = 0; ctr_mount_option_name(i); i++)
		printf("word %s\n", ctr_mount_option_name(i));
	return 0;
}
