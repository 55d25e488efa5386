/* A message that claims to come from ctr-init: its words must come out, whatever is in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "plan/build.h"
#include "plan/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One operation of each kind. */
static const struct ctr_plan_header *make_plan(struct ctr_arena *arena)
{
	static const char *const strings[] = { "proc", "{}", "" };
	struct ctr_plan_builder plan;

	ctr_plan_init(&plan, arena);
	for (int kind = 0; kind < CTR_OP_COUNT; kind++) {
		struct ctr_op *op;

		ctr_plan_origin(&plan, "field[%d]", kind);
		op = ctr_plan_add(&plan, kind);
		op->str = ctr_plan_str(&plan, "/path");
		op->str2 = ctr_plan_block(&plan, strings, 3);
		op->arg2 = 7 << 16 | 2 << 8;
	}
	return ctr_plan_finish(&plan, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_msg msg;
	char *text;

	if (size < sizeof(msg) || size > sizeof(msg) + CTR_MSG_TEXT_MAX)
		return 0;
	memcpy(&msg, data, sizeof(msg));
	text = malloc(size - sizeof(msg) + 1);
	if (!text)
		return 0;
	memcpy(text, data + sizeof(msg), size - sizeof(msg));
	text[size - sizeof(msg)] = '\0';

	if (ctr_msg_fail(make_plan(&arena), &msg, text, &err) != -1 || !*err.text ||
	    err.fault == CTR_FAULT_NONE)
		abort();
	free(text);
	ctr_arena_release(&arena);
	return 0;
}
