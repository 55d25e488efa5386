/* base/musl_malloc, under other names: the program that tests has a malloc already. */
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define malloc  musl_malloc
#define free    musl_free
#define calloc  musl_calloc
#define realloc musl_realloc
void *musl_malloc(size_t n);
void musl_free(void *p);
void *musl_calloc(size_t n, size_t each);
void *musl_realloc(void *p, size_t n);
#include "base/musl_malloc.c"

static void classes(void **state)
{
	unsigned last = 0;

	(void)state;
	for (size_t n = 0; n <= LARGEST; n++) {
		size_t size, again;
		unsigned class = class_of(n, &size);

		assert_true(size >= n && size % STEP == 0 && class < CLASSES);
		assert_true(n < STEP || size <= n + n / 4 + STEP);
		assert_true(class == last || class == last + 1);
		assert_int_equal(class_of(size, &again), class);
		assert_int_equal(again, size);
		last = class;
	}
	assert_int_equal(last, CLASSES - 1);
}

/* Blocks of all sizes do not overlap, keep their bytes, and are used again. */
static void blocks(void **state)
{
	enum { COUNT = 400 };
	static unsigned char *p[COUNT];
	static size_t sizes[COUNT];
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		int i = (int)((seed = seed * 1664525 + 1013904223) >> 16) % COUNT;

		for (size_t at = 0; at < sizes[i]; at += 61)
			assert_int_equal(p[i][at], (unsigned char)i);
		if (round % 3 == 0) {
			free(p[i]);
			p[i] = NULL;
			sizes[i] = 0;
			continue;
		}
		sizes[i] = (seed >> 8) % (round % 50 == 1 ? 200000 : 3000);
		p[i] = realloc(p[i], sizes[i]);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], i, sizes[i]);
	}
	for (int i = 0; i < COUNT; i++)
		free(p[i]);
}

static void reuse(void **state)
{
	char *first = malloc(100), *second;

	(void)state;
	memset(first, 'x', 100);
	free(first);
	second = calloc(10, 10);
	assert_ptr_equal(second, first);
	for (int i = 0; i < 100; i++)
		assert_int_equal(second[i], 0);
	free(second);
	free(NULL);
}

static void too_much(void **state)
{
	volatile size_t most = SIZE_MAX;

	(void)state;
	assert_null(malloc(most));
	assert_null(malloc(most / 2));
	assert_null(calloc(most / 2, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(blocks),
		cmocka_unit_test(reuse),
		cmocka_unit_test(too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
