/* Tables of the document's top level and of its root (config.md). */
#include <string.h>

#include "base/arena.h"
#include "base/path.h"
#include "oci/decode.h"

/* Cut a number without leading zeros and @end behind it off the version. */
static bool cut_number(const char **text, const char *limit, char end)
{
	const char *p = *text;

	while (p < limit && *p >= '0' && *p <= '9')
		p++;
	if (p == *text || (**text == '0' && p > *text + 1))
		return false;
	if (end && (p == limit || *p++ != end))
		return false;
	*text = p;
	return true;
}

/* Dot-separated identifiers of letters, digits and hyphens: what may follow '-' and '+'. */
static bool cut_identifiers(const char **text, const char *limit)
{
	const char *p = *text;
	const char *begin;

	do {
		begin = p;
		while (p < limit && (*p == '-' || (*p >= '0' && *p <= '9') ||
				     (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')))
			p++;
		if (p == begin)
			return false;
	} while (p < limit && *p == '.' && p++);
	*text = p;
	return true;
}

static bool is_semver(const char *text, size_t len)
{
	const char *end = text + len;

	if (!cut_number(&text, end, '.') || !cut_number(&text, end, '.') ||
	    !cut_number(&text, end, 0))
		return false;
	if (text < end && *text == '-' && (text++, !cut_identifiers(&text, end)))
		return false;
	if (text < end && *text == '+' && (text++, !cut_identifiers(&text, end)))
		return false;
	return text == end;
}

/* Any 1.x: later minor versions only add what an earlier runtime ignores. */
static int oci_version(struct ctr_decode *decode, void *object, void *member, const char *text,
		       size_t len)
{
	if (!is_semver(text, len))
		return ctr_decode_fault(decode, "%s is not a version like '1.2.0'",
					ctr_decode_quote(decode, text, len));
	if (strncmp(text, "1.", 2) != 0)
		return ctr_decode_fault(decode, "%s is not supported, only 1.x is",
					ctr_decode_quote(decode, text, len));
	return ctr_text_word(decode, object, member, text, len);
}

static int root_path(struct ctr_decode *decode, void *object, void *member, const char *text,
		     size_t len)
{
	struct ctr_arena *arena = ctr_decode_arena(decode);

	(void)object;
	if (len == 0)
		return ctr_decode_fault(decode, "is empty");
	*(const char **)member = ctr_path_join_clean(arena, ctr_decode_bundle(decode),
						     ctr_arena_strndup(arena, text, len));
	return 0;
}

static const struct ctr_field root_fields[] = {
	F_TEXT(struct ctr_root, path, const char *, "path", CTR_REQUIRED, root_path),
	F_BOOL(struct ctr_root, readonly, "readonly", 0),
};

static const struct ctr_type type_root = { CTR_TYPE(struct ctr_root, root_fields) };

static int uts_name(struct ctr_decode *decode, void *object, void *member, const char *text,
		    size_t len)
{
	if (len > CTR_UTS_NAME_MAX)
		return ctr_decode_fault(decode, "%s is longer than %d bytes",
					ctr_decode_quote(decode, text, len), CTR_UTS_NAME_MAX);
	return ctr_text_word(decode, object, member, text, len);
}

static const struct ctr_field spec_fields[] = {
	F_TEXT(struct ctr_spec, oci_version, const char *, "ociVersion", CTR_REQUIRED, oci_version),
	F_POINTER(struct ctr_spec, process, struct ctr_process, "process", CTR_REQUIRED,
		  &ctr_type_process),
	F_POINTER(struct ctr_spec, root, struct ctr_root, "root", CTR_REQUIRED, &type_root),
	F_TEXT(struct ctr_spec, hostname, const char *, "hostname", 0, uts_name),
	F_TEXT(struct ctr_spec, domainname, const char *, "domainname", 0, uts_name),
	F_OBJECTS(struct ctr_spec, mounts, nmounts, struct ctr_mount, "mounts", 0, &ctr_type_mount),
	F_GROUP("hooks", 0, &ctr_type_hooks),
	F_PAIRS(struct ctr_spec, annotations, nannotations, "annotations", NULL),
	F_POINTER(struct ctr_spec, linux_, struct ctr_linux, "linux", 0, &ctr_type_linux),
	F_POINTER(struct ctr_spec, vm, struct ctr_vm, "vm", 0, &ctr_type_vm),
	F_IGNORE("windows"),
	F_IGNORE("solaris"),
	F_IGNORE("zos"),
	F_IGNORE("freebsd"),
};

const struct ctr_type ctr_type_spec = { CTR_TYPE(struct ctr_spec, spec_fields) };
