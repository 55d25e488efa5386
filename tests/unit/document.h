/* Small documents for tests of oci/, and what became of them. */
#pragma once

#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "oci/load.h"

/* A file below tests. */
static inline const char *document_path(const char *name)
{
	static char path[512];
	const char *srcdir = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/%s", srcdir ? srcdir : ".", name);
	return path;
}

/* The smallest good document, with @top among its members and @process among the process's. */
static inline const char *document_of(struct ctr_arena *arena, const char *top, const char *process)
{
	return ctr_arena_printf(arena,
				"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},"
				"\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"%s%s}%s%s}",
				*process ? "," : "", process, *top ? "," : "", top);
}

static inline struct ctr_spec *document_decode(struct ctr_arena *arena, const char *text,
					       struct ctr_error *err)
{
	*err = (struct ctr_error){ 0 };
	return ctr_spec_decode(arena, text, strlen(text), "c.json", "/bundle", NULL, err);
}

/* The text of a fault behind its place, "" if there is none. */
static inline const char *document_fault(const struct ctr_error *err)
{
	unsigned line, column;
	int n = 0;

	if (!err->text[0])
		return "";
	assert_int_equal(err->fault, CTR_FAULT_CONFIG);
	assert_int_equal(sscanf(err->text, "c.json:%u:%u: %n", &line, &column, &n), 2);
	assert_true(n > 0);
	return err->text + n;
}

/* Decode a document that must be good. */
static inline struct ctr_spec *document_good(struct ctr_arena *arena, const char *top,
					     const char *process)
{
	struct ctr_error err;
	struct ctr_spec *spec = document_decode(arena, document_of(arena, top, process), &err);

	assert_string_equal(err.text, "");
	assert_non_null(spec);
	return spec;
}
