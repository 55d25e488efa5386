/* base/path: cleaning, joining, comparing. */
#include "unit.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/path.h"

static void clean(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"",            "/"        },
		{ "/",          "/"        },
		{ "///",        "/"        },
		{ "a",          "/a"       },
		{ "a/",         "/a"       },
		{ "/a//b/./c/", "/a/b/c"   },
		{ "/a/../b",    "/b"       },
		{ "/../../b",   "/b"       },
		{ "/a/..",      "/"        },
		{ "..",         "/"        },
		{ ".",          "/"        },
		{ "/a/...",     "/a/..."   },
		{ "/a/.b/..c",  "/a/.b/..c"},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++)
		assert_string_equal(ctr_path_clean(&arena, cases[i].in), cases[i].out);
	ctr_arena_release(&arena);
}

static void join(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	assert_string_equal(ctr_path_join(&arena, "/base", "/abs"), "/abs");
	assert_string_equal(ctr_path_join(&arena, "/base", "rel/x"), "/base/rel/x");
	ctr_arena_release(&arena);
}

static void is_below(void **state)
{
	(void)state;
	assert_true(ctr_path_is_below("/a/b", "/a"));
	assert_true(ctr_path_is_below("/a", "/a"));
	assert_true(ctr_path_is_below("/a", "/"));
	assert_true(ctr_path_is_below("/", "/"));
	assert_false(ctr_path_is_below("/ab", "/a"));
	assert_false(ctr_path_is_below("/a", "/a/b"));
}

static void join_clean(void **state)
{
	static const char *const cases[][3] = {
		{"/bundle",   "rootfs",   "/bundle/rootfs"},
		{ "/bundle/", "./a//b/",  "/bundle/a/b"   },
		{ "/bundle",  "/",        "/"             },
		{ "/bundle",  "../x",     "/bundle/../x"  },
		{ "bundle",   "rootfs",   "bundle/rootfs" },
		{ ".",        "./rootfs", "././rootfs"    },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(cases); i++)
		assert_string_equal(ctr_path_join_clean(&arena, cases[i][0], cases[i][1]),
				    cases[i][2]);
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(join),
		cmocka_unit_test(join_clean),
		cmocka_unit_test(is_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
