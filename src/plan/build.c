/*
 * The plan's builder. Used by all that plans (ns/, core/), in the parent, before anything happens.
 *
 * A new page costs more than ten system calls, so operations and strings begin in one region with
 * room for an ordinary container, and the blob is made in place there; only what outgrows it is
 * copied.
 */
#include "plan/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

enum {
	FIRST_OPS = 128,
	FIRST_STRINGS = 16 << 10,
	MAX_OPS = 1 << 17, /* 10,000 mounts are some 30,000 operations */
	HEADER = sizeof(struct ctr_plan_header),
};

_Static_assert(sizeof(struct ctr_plan_header) == 64, "the header is a part of the format");
_Static_assert(sizeof(struct ctr_op) == 40, "an operation is a part of the format");

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

void ctr_plan_init(struct ctr_plan_builder *plan, struct ctr_arena *arena)
{
	size_t ops = FIRST_OPS * sizeof(struct ctr_op);

	*plan = (struct ctr_plan_builder){
		.arena = arena,
		.ops_size = FIRST_OPS,
		.nstrings = 1, /* offset 0 is the empty string */
		.strings_size = FIRST_STRINGS,
	};
	plan->region = ctr_arena_alloc(arena, HEADER + ops + FIRST_STRINGS);
	plan->ops = (struct ctr_op *)(plan->region + HEADER);
	plan->strings = plan->region + HEADER + ops;
}

struct ctr_op *ctr_plan_add(struct ctr_plan_builder *plan, enum ctr_op_kind kind)
{
	struct ctr_op *op;

	if (plan->nops == plan->ops_size) {
		op = ctr_arena_array(plan->arena, plan->ops_size * 2, sizeof(*op));
		memcpy(op, plan->ops, plan->nops * sizeof(*op));
		plan->ops = op;
		plan->ops_size *= 2;
	}

	op = &plan->ops[plan->nops++];
	*op = (struct ctr_op){
		.kind = (uint16_t)kind,
		.fd = CTR_SLOT_NONE,
		.fd2 = CTR_SLOT_NONE,
		.origin = plan->origin,
	};
	return op;
}

/* Room for @len bytes in the string area, aligned to @align; its offset. An area beyond all limits
 * is noticed by ctr_plan_finish(). */
static uint32_t take(struct ctr_plan_builder *plan, size_t len, size_t align)
{
	size_t offset = align_up(plan->nstrings, align);
	size_t size = plan->strings_size;
	char *grown;

	if (len > CTR_PLAN_SIZE_MAX || offset > CTR_PLAN_SIZE_MAX) {
		plan->nstrings = (size_t)CTR_PLAN_SIZE_MAX + 1;
		return 0;
	}

	while (size - offset < len || size < offset)
		size *= 2;
	if (size > plan->strings_size) {
		grown = ctr_arena_alloc(plan->arena, size);
		memcpy(grown, plan->strings, plan->nstrings);
		plan->strings = grown;
		plan->strings_size = size;
	}
	plan->nstrings = offset + len;
	return (uint32_t)offset;
}

static size_t hash(const char *s)
{
	uint32_t h = 2166136261;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619;
	return (h ^ h >> 16) % CTR_PLAN_RECENT;
}

uint32_t ctr_plan_str(struct ctr_plan_builder *plan, const char *s)
{
	uint32_t *recent;
	size_t len;

	if (!s || !*s)
		return 0;

	/* A memory of recent strings, not a set: one that lost its place is stored again. */
	recent = &plan->recent[hash(s)];
	if (*recent && strcmp(plan->strings + *recent, s) == 0)
		return *recent;

	len = strlen(s) + 1;
	*recent = take(plan, len, 1);
	if (*recent)
		memcpy(plan->strings + *recent, s, len);
	return *recent;
}

uint32_t ctr_plan_data(struct ctr_plan_builder *plan, const void *data, size_t len)
{
	uint32_t offset;

	if (len == 0)
		return 0;
	offset = take(plan, len, 8);
	if (offset)
		memcpy(plan->strings + offset, data, len);
	return offset;
}

uint32_t ctr_plan_block(struct ctr_plan_builder *plan, const char *const *strings, size_t n)
{
	uint32_t offset, at;
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (strings[i] ? strlen(strings[i]) : 0) + 1;
	if (len == 0)
		return 0;

	offset = at = take(plan, len, 1);
	for (size_t i = 0; offset && i < n; i++) {
		len = (strings[i] ? strlen(strings[i]) : 0) + 1;
		memcpy(plan->strings + at, strings[i] ? strings[i] : "", len);
		at += (uint32_t)len;
	}
	return offset;
}

void ctr_plan_origin(struct ctr_plan_builder *plan, const char *format, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	plan->origin = ctr_plan_str(plan, text);
}

struct ctr_plan_header *ctr_plan_finish(struct ctr_plan_builder *plan, struct ctr_error *err)
{
	size_t ops = plan->nops * sizeof(struct ctr_op);
	size_t strings = HEADER + ops;
	size_t area, size;
	struct ctr_plan_header *header;
	char *blob = plan->region;

	(void)take(plan, 1, 1); /* the last byte is a NUL */
	area = align_up(plan->nstrings, 8);
	size = strings + area;
	if (plan->nops > MAX_OPS || plan->nstrings > CTR_PLAN_SIZE_MAX ||
	    size > CTR_PLAN_SIZE_MAX) {
		ctr_fail(err, CTR_FAULT_CONFIG, 0,
			 "the plan of this container is too big: %zu operations, %zu bytes",
			 plan->nops, size);
		return NULL;
	}

	if (plan->ops_size != FIRST_OPS || plan->strings_size != FIRST_STRINGS) {
		blob = ctr_arena_alloc(plan->arena, size);
		memcpy(blob + HEADER, plan->ops, ops);
	}
	memmove(blob + strings, plan->strings, plan->nstrings);
	memset(blob + strings + plan->nstrings, 0, area - plan->nstrings);

	header = (struct ctr_plan_header *)blob;
	*header = (struct ctr_plan_header){
		.magic = CTR_PLAN_MAGIC,
		.version = CTR_PLAN_VERSION,
		.size = (uint32_t)size,
		.ops = HEADER,
		.nops = (uint32_t)plan->nops,
		.strings = (uint32_t)strings,
		.nstrings = (uint32_t)area,
		.sync_fd = -1,
		.gate_fd = -1,
		.maker_fd = -1,
		.made_fd = -1,
	};
	return header;
}
