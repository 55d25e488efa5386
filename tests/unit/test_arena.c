/* base/arena and base/buf: zeroed, aligned, growing. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"

static int is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return 0;
	return 1;
}

static void allocations(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t size = 1; size < 300000; size = size * 3 + 1) {
		char *p = ctr_arena_alloc(&arena, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_true(is_zero(p, size));
		memset(p, 0xff, size);
	}
	assert_string_equal(ctr_arena_strndup(&arena, "abc", 2), "ab");
	assert_string_equal(ctr_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
	ctr_arena_release(&arena);
}

static void callers_memory(void **state)
{
	static char memory[256];
	struct ctr_arena arena;
	char *p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		ctr_arena_init(&arena, memory, sizeof(memory));
		p = ctr_arena_alloc(&arena, 100);
		assert_true(p >= memory && p + 100 <= memory + sizeof(memory));
		assert_true(is_zero(p, 100));
		memset(p, 0xff, 100);
		/* i = 1: more than there is room for */
		p = ctr_arena_alloc(&arena, i ? 10000 : 50);
		memset(p, 0xff, i ? 10000 : 50);
		ctr_arena_release(&arena);
		assert_true(is_zero(memory, sizeof(memory)));
	}
}

static void grow(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	char *p = NULL, *before;
	size_t size = 0;

	(void)state;
	for (size_t next = 1; next < 1000000; size = next, next *= 2) {
		p = ctr_arena_grow(&arena, p, size, next);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 'x');
		assert_true(is_zero(p + size, next - size));
		memset(p, 'x', next);
	}

	/* not the latest any more: a copy */
	before = p;
	ctr_arena_alloc(&arena, 1);
	p = ctr_arena_grow(&arena, before, size, size + 1);
	assert_ptr_not_equal(p, before);
	assert_memory_equal(p, before, size);
	ctr_arena_release(&arena);
}

static void buffer(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	assert_string_equal(ctr_buf_str(&buf), "");
	ctr_buf_adds(&buf, "a");
	ctr_buf_addc(&buf, '=');
	ctr_buf_addf(&buf, "%04d", 42);
	ctr_buf_add(&buf, "\0z", 2);
	assert_int_equal(buf.len, 8);
	assert_memory_equal(buf.data, "a=0042\0z", 9);

	for (int i = 0; i < 10000; i++)
		ctr_buf_addf(&buf, "%d,", i);
	assert_string_equal(buf.data + buf.len - 10, "9998,9999,");
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations),
		cmocka_unit_test(callers_memory),
		cmocka_unit_test(grow),
		cmocka_unit_test(buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
