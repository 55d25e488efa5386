/* base/near: what a mistyped word was meant to be. */
#include "unit.h"

#include <string.h>

#include "base/near.h"

static const char *const words[] = { "run",          "ps",          "create",  "delete",
				     "checkpoint",   "CAP_NET_RAW", "CAP_BPF", "CAP_SYS_ADMIN",
				     "readonlyPaths" };

static const char *hint_for(const char *text, struct ctr_near *near)
{
	ctr_near_init(near, text, strlen(text));
	for (size_t i = 0; i < unit_count(words); i++)
		ctr_near_try(near, words[i]);
	return ctr_near_hint(near);
}

static void hints(void **state)
{
	static const struct {
		const char *text, *hint;
	} cases[] = {
		{"rnu",           ", did you mean 'run'?"          }, /* two in the wrong order */
		{ "rum",          ", did you mean 'run'?"          },
		{ "runn",         ", did you mean 'run'?"          },
		{ "PS",           ", did you mean 'ps'?"           },
		{ "px",           ""			       }, /* half of it is wrong */
		{ "fun",          ", did you mean 'run'?"          },
		{ "bar",          ""			       },
		{ "",             ""			       },
		{ "x",            ""			       },
		{ "craete",       ", did you mean 'create'?"       },
		{ "crate",        ", did you mean 'create'?"       },
		{ "delte",        ", did you mean 'delete'?"       },
		{ "dlte",         ", did you mean 'delete'?"       },
		{ "rn",           ", did you mean 'run'?"          },
		{ "chckpiont",    ", did you mean 'checkpoint'?"   },
		{ "NET_RAW",      ", did you mean 'CAP_NET_RAW'?"  },
		{ "sys_admin",    ", did you mean 'CAP_SYS_ADMIN'?"},
		{ "cap_net_raw",  ", did you mean 'CAP_NET_RAW'?"  },
		{ "CAP_X",        ""			       },
		{ "readonlypath", ", did you mean 'readonlyPaths'?"},
		{ "readonly",     ""                               },
		{ "CAP_BFP",      ", did you mean 'CAP_BPF'?"      },
		{ "CAP_BXX",      ""                               }, /* the prefix does not count */
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_near near;

		print_message("# '%s'\n", cases[i].text);
		assert_string_equal(hint_for(cases[i].text, &near), cases[i].hint);
	}
}

/* Of what is longer than any word nothing is compared. */
static void long_words(void **state)
{
	char text[4097];
	struct ctr_near near;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(hint_for(text, &near), "");
	ctr_near_init(&near, "create", 6);
	ctr_near_try(&near, text);
	assert_null(near.best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints),
		cmocka_unit_test(long_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
