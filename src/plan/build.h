/* Making a plan: operations in order, strings interned, one blob at the end. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "plan/view.h"

struct ctr_arena;
struct ctr_buf;
struct ctr_error;

enum { CTR_PLAN_RECENT = 128 };

struct ctr_plan_builder {
	struct ctr_arena *arena;
	char *region; /* where both lists began */
	struct ctr_op *ops;
	size_t nops, ops_size;
	char *strings;
	size_t nstrings, strings_size;
	uint32_t origin;                  /* of the operations added next */
	uint32_t recent[CTR_PLAN_RECENT]; /* offsets by hash of the string there; 0: none */
};

void ctr_plan_init(struct ctr_plan_builder *plan, struct ctr_arena *arena);
/* The config field that operations added from now on come from, e.g. "mounts[3]". */
void ctr_plan_origin(struct ctr_plan_builder *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Add one; slots are NONE, the rest zero. The pointer is valid until the next operation is added;
 * strings may be added meanwhile: `op->str = ctr_plan_str(plan, path)` is fine. */
struct ctr_op *ctr_plan_add(struct ctr_plan_builder *plan, enum ctr_op_kind kind);
/* Offsets of copies in the string area. NULL is the empty string. */
uint32_t ctr_plan_str(struct ctr_plan_builder *plan, const char *s);
uint32_t ctr_plan_data(struct ctr_plan_builder *plan, const void *data, size_t len); /* 8-aligned */
uint32_t ctr_plan_block(struct ctr_plan_builder *plan, const char *const *strings, size_t n);

/* The blob, in the arena; its size is header->size. NULL and @err when it grew beyond limits. */
struct ctr_plan_header *ctr_plan_finish(struct ctr_plan_builder *plan, struct ctr_error *err);

/* Verify a foreign blob: bounds, known kinds, strings that end, slots, block counts. 0, or -1. */
int ctr_plan_check(const void *blob, size_t size, struct ctr_error *err);

/* One line an operation: "  12 mount proc /proc nosuid,noexec,nodev   # mounts[0]". */
void ctr_plan_dump(const struct ctr_plan_header *plan, struct ctr_buf *out);

/* The table of op.h; NULL for an unknown kind. */
const struct ctr_op_info *ctr_op_info(uint16_t kind);
/* The spec's name of the hook kind in operation HOOK (enum ctr_hook_kind): "createContainer". */
const char *ctr_plan_hook_name(uint64_t kind);

struct ctr_msg;
/* Turn a FAIL or WARN message (@text: its payload, NUL-terminated) of @plan's executor into @err:
 * words, field, fault (EXEC, EXEC_ABSENT for the payload). @plan may be NULL (ctr start): the
 * message alone names the operation then. Returns -1. */
int ctr_msg_fail(const struct ctr_plan_header *plan, const struct ctr_msg *msg, const char *text,
		 struct ctr_error *err);
