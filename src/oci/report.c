/*
 * Messages of the decoder: FILE:LINE:COLUMN: PATH: text. Only here are paths put together and lines
 * counted, so that a good document pays nothing for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/near.h"
#include "oci/decode.h"
#include "oci/decode_run.h"
#include "oci/json.h"
#include "oci/load.h"

struct ctr_arena *ctr_decode_arena(struct ctr_decode *decode)
{
	return decode->arena;
}

const char *ctr_decode_bundle(struct ctr_decode *decode)
{
	return decode->bundle;
}

size_t *ctr_decode_aux(struct ctr_decode *decode)
{
	return &decode->frames[decode->nframes - 1].aux;
}

size_t ctr_decode_index(struct ctr_decode *decode)
{
	return decode->frames[decode->nframes - 1].index - 1;
}

/* Is @key a word that needs no quoting in a path? */
static bool is_word(const char *key)
{
	return key[strcspn(key, ".[]\"' \t:")] == '\0' && *key;
}

/* @key without control bytes, which would forge lines of a log. */
static const char *printable(struct ctr_decode *decode, const char *key)
{
	char *copy = ctr_arena_strdup(decode->arena, key);

	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return copy;
}

/* The path of the value at hand, with @member (may be NULL) of the object on top. */
static const char *path_of(struct ctr_decode *decode, const char *member)
{
	struct ctr_buf path;
	unsigned i;

	ctr_buf_init(&path, decode->arena);
	for (i = 0; i < decode->nframes; i++) {
		const struct ctr_frame *frame = &decode->frames[i];

		if (frame->kind == CTR_FRAME_ARRAY)
			ctr_buf_addf(&path, "[%zu]", frame->index > 0 ? frame->index - 1 : 0);
		else if (frame->kind == CTR_FRAME_MAP && frame->key)
			ctr_buf_addf(&path, is_word(frame->key) ? ".%.128s" : "[\"%.128s\"]",
				     printable(decode, frame->key));
		else if (frame->kind == CTR_FRAME_OBJECT && frame->field)
			ctr_buf_addf(&path, "%s%s", path.len > 0 ? "." : "", frame->field->name);
	}
	if (member)
		ctr_buf_addf(&path, "%s%s", path.len > 0 ? "." : "", member);
	return ctr_buf_str(&path);
}

/* "FILE:LINE:COLUMN" of the byte at @offset; columns count characters. */
static const char *place_of(struct ctr_decode *decode, size_t offset)
{
	size_t i;

	if (offset > decode->len)
		offset = decode->len;
	if (offset < decode->counted || decode->line == 0) {
		decode->counted = 0;
		decode->line = 1;
		decode->column = 1;
	}
	for (i = decode->counted; i < offset; i++) {
		if (decode->text[i] == '\n') {
			decode->line++;
			decode->column = 1;
		} else {
			decode->column += ((unsigned char)decode->text[i] & 0xc0) != 0x80;
		}
	}
	decode->counted = offset;
	return ctr_arena_printf(decode->arena, "%s:%u:%zu", decode->file, decode->line,
				decode->column);
}

static void add_finding(struct ctr_decode *decode, bool fatal, const char *text)
{
	struct ctr_findings *findings = decode->findings;

	if (findings->count == findings->size) {
		size_t size = findings->size ? findings->size * 2 : 16;

		findings->list = ctr_arena_grow(decode->arena, findings->list,
						findings->size * sizeof(*findings->list),
						size * sizeof(*findings->list));
		findings->size = size;
	}
	findings->list[findings->count++] = (struct ctr_finding){ .fatal = fatal, .text = text };
}

static const char *full_text(struct ctr_decode *decode, size_t offset, const char *path,
			     const char *format, va_list ap)
{
	char text[CTR_ERROR_TEXT];

	(void)vsnprintf(text, sizeof(text), format, ap);
	return ctr_arena_printf(decode->arena, "%s: %s%s%s", place_of(decode, offset), path,
				*path ? ": " : "", text);
}

/* Is there room for one more finding? The last one tells that there is not. */
static bool finding_fits(struct ctr_decode *decode)
{
	if (decode->findings->count < CTR_FINDINGS_MAX)
		return true;
	if (decode->findings->count == CTR_FINDINGS_MAX)
		add_finding(decode, true,
			    ctr_arena_printf(decode->arena, "%s: too many findings, giving up",
					     decode->file));
	return false;
}

static int vfault(struct ctr_decode *decode, size_t offset, const char *path, const char *format,
		  va_list ap)
{
	const char *text;

	decode->nfaults++;
	if (decode->findings && !finding_fits(decode))
		return -1;
	text = full_text(decode, offset, path, format, ap);
	if (decode->nfaults == 1)
		ctr_fail(decode->err, CTR_FAULT_CONFIG, 0, "%s", text);
	if (!decode->findings)
		return -1;
	add_finding(decode, true, text);
	return 0;
}

static void vwarn(struct ctr_decode *decode, size_t offset, const char *path, const char *format,
		  va_list ap)
{
	enum { FIRST = 8, WARNINGS_MAX = 1000 };
	const char *text;
	size_t n = decode->nwarnings;

	if (n == WARNINGS_MAX || (decode->findings && !finding_fits(decode)))
		return;
	text = full_text(decode, offset, path, format, ap);
	if (n == 0 || (n >= FIRST && (n & (n - 1)) == 0))
		decode->warnings = ctr_arena_grow(decode->arena, decode->warnings, n * sizeof(text),
						  (n ? n * 2 : FIRST) * sizeof(text));
	decode->warnings[decode->nwarnings++] = text;
	if (decode->findings)
		add_finding(decode, false, text);
}

static size_t locate(struct ctr_decode *decode, const char *path)
{
	bool whole;

	return ctr_json_locate(decode->arena, decode->text, decode->len, path, &whole);
}

bool ctr_decode_is_there(struct ctr_decode *decode, const char *path)
{
	bool whole;

	(void)ctr_json_locate(decode->arena, decode->text, decode->len, path, &whole);
	return whole;
}

int ctr_decode_fault(struct ctr_decode *decode, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfault(decode, decode->at, path_of(decode, NULL), format, ap);
	va_end(ap);
	return r;
}

int ctr_decode_fault_in(struct ctr_decode *decode, const char *member, const char *format, ...)
{
	const char *path = path_of(decode, member);
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfault(decode, locate(decode, path), path, format, ap);
	va_end(ap);
	return r;
}

int ctr_decode_fault_at(struct ctr_decode *decode, const char *path, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfault(decode, locate(decode, path), path, format, ap);
	va_end(ap);
	return r;
}

int ctr_decode_fault_key(struct ctr_decode *decode, const char *key, const char *text)
{
	struct ctr_frame *frame = &decode->frames[decode->nframes - 1];
	const char *path;

	frame->key = key;
	path = path_of(decode, NULL);
	return ctr_decode_fault_at(decode, path, "%s", text);
}

static int syntax(struct ctr_decode *decode, size_t offset, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = vfault(decode, offset, "", format, ap);
	va_end(ap);
	return r;
}

int ctr_decode_fault_syntax(struct ctr_decode *decode, size_t offset, const char *text)
{
	return syntax(decode, offset, "%s", text);
}

void ctr_decode_warn(struct ctr_decode *decode, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(decode, decode->at, path_of(decode, NULL), format, ap);
	va_end(ap);
}

void ctr_decode_warn_at(struct ctr_decode *decode, const char *path, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vwarn(decode, locate(decode, path), path, format, ap);
	va_end(ap);
}

void ctr_decode_unknown(struct ctr_decode *decode, const struct ctr_type *type, const char *name,
			size_t len)
{
	struct ctr_near near;
	const char *path;
	unsigned i;

	if (!decode->findings || !finding_fits(decode))
		return;
	/* In other letters as well: Go's decoder, and so runc, takes it for that. */
	ctr_near_init(&near, name, len);
	for (i = 0; i < type->nfields; i++)
		ctr_near_try(&near, type->fields[i].name);
	path = path_of(decode, NULL);
	add_finding(decode, false,
		    ctr_arena_printf(decode->arena, "%s: %s%sunknown property %s is ignored%s",
				     place_of(decode, decode->at), path, *path ? ": " : "",
				     ctr_decode_quote(decode, name, len), ctr_near_hint(&near)));
}

const char *ctr_decode_near(struct ctr_decode *decode, const struct ctr_name *table,
			    const char *text, size_t len)
{
	struct ctr_near near;

	ctr_near_init(&near, text, len);
	for (; table->name; table++)
		ctr_near_try(&near, table->name);
	return ctr_arena_printf(decode->arena, "%s", ctr_near_hint(&near));
}

const char *ctr_decode_quote(struct ctr_decode *decode, const char *text, size_t len)
{
	enum { SHOWN_MAX = 120 };
	size_t shown = len < SHOWN_MAX ? len : SHOWN_MAX;
	char *quoted;
	size_t i;

	while (shown < len && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
		shown--;
	quoted = ctr_arena_printf(decode->arena, "'%.*s%s'", (int)shown, text,
				  shown < len ? "..." : "");
	for (i = 0; quoted[i]; i++)
		if ((unsigned char)quoted[i] < 0x20 || quoted[i] == 0x7f)
			quoted[i] = '?';
	return quoted;
}

const char *ctr_decode_quotes(struct ctr_decode *decode, const char *text)
{
	return ctr_decode_quote(decode, text, strlen(text));
}
