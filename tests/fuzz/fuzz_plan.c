/* Any bytes as a plan: refused, or harmless to dump and to speak of. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "plan/build.h"
#include "plan/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What an executor could report of each operation. */
static void fail_each(const struct ctr_plan_header *plan)
{
	struct ctr_error err;

	for (uint32_t i = 0; i <= plan->nops; i++) {
		struct ctr_msg msg = {
			.type = CTR_MSG_FAIL,
			.op = i,
			.error = (int32_t)i % 140,
			.detail = i % (CTR_DETAIL_COUNT + 1),
			.value = i * 255,
		};

		err.text[0] = '\0';
		if (ctr_msg_fail(plan, &msg, i % 2 ? "" : "text\n", &err) != -1 || !err.text[0])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_buf dump;
	void *blob = NULL;

	/* of exactly its size, so that the byte behind it is out of bounds */
	if (posix_memalign(&blob, 16, size ? size : 1) != 0)
		abort();
	if (size > 0)
		memcpy(blob, data, size);

	if (ctr_plan_check(blob, size, &err) == 0) {
		ctr_buf_init(&dump, &arena);
		ctr_plan_dump(blob, &dump);
		fail_each(blob);
	} else if (err.text[0] == '\0') {
		abort();
	}

	free(blob);
	ctr_arena_release(&arena);
	return 0;
}
