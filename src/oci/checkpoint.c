/* The document of a checkpoint, both ways. */
#include "oci/checkpoint.h"

#include <string.h>

#include "base/names.h"
#include "oci/decode.h"
#include "oci/encode.h"
#include "oci/words.h"

/* A name that goes into a line of CRIU's options. */
static int plain(struct ctr_decode *decode, void *object, void *member, const char *text,
		 size_t len)
{
	(void)object;
	(void)member;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20)
			return ctr_decode_fault(decode, "%s has a control character",
						ctr_decode_quote(decode, text, len));
	}
	return 0;
}

/* A destination, which CRIU reads up to the first ']' of its key. */
static int destination(struct ctr_decode *decode, void *object, void *member, const char *text,
		       size_t len)
{
	if (memchr(text, ']', len))
		return ctr_decode_fault(decode, "%s has a ']'",
					ctr_decode_quote(decode, text, len));
	if (plain(decode, object, member, text, len) < 0)
		return -1;
	return ctr_string_clean_path(decode, object, member, text, len);
}

static int namespace_kind(struct ctr_decode *decode, void *object, void *member, const char *text,
			  size_t len)
{
	(void)object;
	(void)member;
	for (const struct ctr_name *row = ctr_namespace_names; row->name; row++)
		if (strlen(row->name) == len && memcmp(row->name, text, len) == 0)
			return 0;

	return ctr_decode_fault(decode, "%s is no kind of namespace",
				ctr_decode_quote(decode, text, len));
}

static const struct ctr_field checkpoint_fields[] = {
	F_STRING(struct ctr_checkpoint, id, "id", CTR_REQUIRED),
	F_TEXT(struct ctr_checkpoint, bundle, const char *, "bundle", CTR_REQUIRED,
	       ctr_text_absolute),
	F_STRING(struct ctr_checkpoint, created, "created", 0),
	F_U64(struct ctr_checkpoint, stopped, "stopped", 0),
	F_BOOL(struct ctr_checkpoint, paused, "paused", 0),
	F_STRING(struct ctr_checkpoint, network, "network", 0),
	F_STRINGS(struct ctr_checkpoint, descriptors, ndescriptors, "descriptors", CTR_REQUIRED,
		  plain),
	F_U32S(struct ctr_checkpoint, of, nof, "streams"),
	F_U32S(struct ctr_checkpoint, sizes, nsizes, "sizes"),
	F_U32S(struct ctr_checkpoint, modes, nmodes, "modes"),
	F_STRINGS(struct ctr_checkpoint, mounts, nmounts, "mounts", CTR_REQUIRED, destination),
	F_U32S(struct ctr_checkpoint, slaves, nslaves, "slaves"),
	F_STRINGS(struct ctr_checkpoint, namespaces, nnamespaces, "namespaces", CTR_REQUIRED,
		  namespace_kind),
};

const struct ctr_type ctr_type_checkpoint = {
	CTR_TYPE(struct ctr_checkpoint, checkpoint_fields),
};

static void put_strings(struct ctr_json *json, const char *key, const char *const *list, size_t n)
{
	ctr_json_array(json, key);
	for (size_t i = 0; i < n; i++)
		ctr_json_string(json, NULL, list[i]);
	ctr_json_end_array(json);
}

static void put_numbers(struct ctr_json *json, const char *key, const uint32_t *list, size_t n)
{
	ctr_json_array(json, key);
	for (size_t i = 0; i < n; i++)
		ctr_json_u64(json, NULL, list[i]);
	ctr_json_end_array(json);
}

void ctr_checkpoint_encode(struct ctr_json *json, const struct ctr_checkpoint *checkpoint)
{
	ctr_json_object(json, NULL);
	ctr_json_string(json, "ctrVersion", PACKAGE_VERSION);
	ctr_json_string(json, "id", checkpoint->id);
	ctr_json_string(json, "bundle", checkpoint->bundle);
	ctr_json_string(json, "created", checkpoint->created);
	ctr_json_u64(json, "stopped", checkpoint->stopped);
	ctr_json_bool(json, "paused", checkpoint->paused);
	if (checkpoint->network)
		ctr_json_string(json, "network", checkpoint->network);
	put_strings(json, "descriptors", checkpoint->descriptors, checkpoint->ndescriptors);
	put_numbers(json, "streams", checkpoint->of, checkpoint->nof);
	put_numbers(json, "sizes", checkpoint->sizes, checkpoint->nsizes);
	put_numbers(json, "modes", checkpoint->modes, checkpoint->nmodes);
	put_strings(json, "mounts", checkpoint->mounts, checkpoint->nmounts);
	put_numbers(json, "slaves", checkpoint->slaves, checkpoint->nslaves);
	put_strings(json, "namespaces", checkpoint->namespaces, checkpoint->nnamespaces);
	ctr_json_end_object(json);
}
