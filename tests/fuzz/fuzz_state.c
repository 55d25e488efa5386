/* A state record of any bytes: decoded or refused; what was decoded survives a round trip. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "state/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(int condition)
{
	if (!condition)
		abort();
}

static void must_equal(const char *a, const char *b)
{
	must_be((a == NULL) == (b == NULL));
	must_be(a == NULL || strcmp(a, b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_record record, again;
	struct ctr_error err = { 0 };
	const char *text;
	size_t len = 0;

	if (ctr_record_decode(&record, (const char *)data, size, &arena, &err) < 0) {
		must_be(err.text[0] != '\0');
		ctr_arena_release(&arena);
		return 0;
	}

	text = ctr_record_encode(&record, &arena, &len);
	must_be(ctr_record_decode(&again, text, len, &arena, &err) == 0);
	must_equal(record.id, again.id);
	must_equal(record.bundle, again.bundle);
	must_equal(record.rootfs, again.rootfs);
	must_equal(record.cgroup_path, again.cgroup_path);
	must_be(record.pid == again.pid && record.start_time == again.start_time);
	must_be(record.nannotations == again.nannotations);
	for (size_t i = 0; i < record.nannotations; i++) {
		must_equal(record.annotations[i].key, again.annotations[i].key);
		must_equal(record.annotations[i].value, again.annotations[i].value);
	}

	ctr_arena_release(&arena);
	return 0;
}
