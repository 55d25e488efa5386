/* oci/json: events, places and limits of the reader. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "oci/json.h"
#include "oci/load.h"

/* Write each event as one word, with its place. */
static int record(void *context, const struct ctr_json_event *event)
{
	struct ctr_buf *buf = context;
	static const char *const marks[] = { "null", "bool", "#", "\"", "{", "[", "k:", "}", "]" };

	ctr_buf_addf(buf, "%s%zu:%s", buf->len ? " " : "", event->start, marks[event->type]);
	if (event->type == CTR_JSON_BOOL)
		ctr_buf_adds(buf, event->value ? "+" : "-");
	if (event->text)
		ctr_buf_add(buf, event->text, event->len);
	return 0;
}

static void events(void **state)
{
	static const struct {
		const char *text, *events;
	} cases[] = {
		{"{}",			    "0:{ 1:}"					 },
		{ " {\"a\":1}\n",                 "1:{ 2:k:a 6:#1 7:}"                              },
		{ "{\"a\":[true,false,null]}",    "0:{ 1:k:a 5:[ 6:bool+ 11:bool- 17:null 21:] 22:}"},
		{ "{\"a\" : -12.5e+3 }",          "0:{ 1:k:a 7:#-12.5e+3 16:}"                      },
		{ "{\"a\":18446744073709551616}", "0:{ 1:k:a 5:#18446744073709551616 25:}"          },
 /* the place of a string with escapes is found by going back */
		{ "{\"a\\\"b\":\"\\\\\"}",        "0:{ 1:k:a\"b 8:\"\\ 12:}"                        },
		{ "{\"\\\\\\\"\":\"x\\u00e9\"}",  "0:{ 1:k:\\\" 8:\"x\xc3\xa9 17:}"                 },
		{ "{\"\":\"\xf0\x9f\x98\x80\"}",  "0:{ 1:k: 4:\"\xf0\x9f\x98\x80 10:}"              },
		{ "{\"a\":\"\\ud83d\\ude00\"}",   "0:{ 1:k:a 5:\"\xf0\x9f\x98\x80 19:}"             },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_json_fault fault = { 0 };
		struct ctr_buf buf;

		ctr_buf_init(&buf, &arena);
		assert_int_equal(ctr_json_parse(&arena, cases[i].text, strlen(cases[i].text),
						record, &buf, &fault),
				 0);
		assert_string_equal(ctr_buf_str(&buf), cases[i].events);
		ctr_arena_release(&arena);
	}
}

static int ignore(void *context, const struct ctr_json_event *event)
{
	(void)context;
	(void)event;
	return 0;
}

static void faults(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *fault;
	} cases[] = {
		{"",                     0, "not valid JSON: parse error: premature EOF"                        },
		{ "{\"a\":1",            6, "not valid JSON: parse error: premature EOF"                        },
		{ "{\"a\":\"x",          7, "not valid JSON: parse error: premature EOF"                        },
		{ "null",                0, "expected an object, got null"                                      },
		{ "[1]",                 0, "expected an object, got an array"                                  },
		{ "  \"x\"",             2, "expected an object, got a string"                                  },
		{ "{} {}",               3, "not valid JSON: parse error: trailing garbage"                     },
		{ "{\"a\":1,}",          7,
                 "not valid JSON: parse error: invalid object key (must be a string)"                           },
		{ "{\"a\" 1}",           5,
                 "not valid JSON: parse error: object key and value must be separated by a colon (':')"         },
		{ "{\"a\":/* */1}",      5,
                 "not valid JSON: lexical error: probable comment found in input text, comments are not enabled"},
		{ "{\"a\":\"\xff\"}",    6,
                 "not valid JSON: lexical error: invalid bytes in UTF8 string"                                  },
		{ "{\"a\":\"\\u0000\"}", 5, "a string must not hold \\u0000"                                    },
		{ "{\"\\u0000\":1}",     1, "a string must not hold \\u0000"                                    },
		{ "{\"a\":\"\\udc00\"}", 5, "a string holds half of a surrogate pair"                           },
		{ "{\"a\":01}",          5,
                 "not valid JSON: parse error: after key and value, inside map, I expect ',' or '}'"            },
		{ "{\"a\":NaN}",         5, "not valid JSON: lexical error: invalid char in json text"          },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_json_fault fault = { 0 };

		assert_int_equal(ctr_json_parse(&arena, cases[i].text, strlen(cases[i].text),
						ignore, NULL, &fault),
				 -1);
		assert_string_equal(fault.text, cases[i].fault);
		if (fault.offset != cases[i].offset)
			fail_msg("%s: at %zu, not %zu", cases[i].text, fault.offset,
				 cases[i].offset);
		ctr_arena_release(&arena);
	}
}

/* @n times @text, between @begin and @end. */
static char *repeat(const char *begin, const char *text, size_t n, const char *end)
{
	size_t len = strlen(text);
	char *all = malloc(strlen(begin) + n * len + strlen(end) + 1);
	char *p = all;

	if (!all)
		abort();
	p = stpcpy(p, begin);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, text);
	stpcpy(p, end);
	return all;
}

static void limits(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_json_fault fault = { 0 };
	char *text;

	(void)state;
	text = repeat("{\"a\":", "[", 100000, "");
	assert_int_equal(ctr_json_parse(&arena, text, strlen(text), ignore, NULL, &fault), -1);
	assert_string_equal(fault.text, "the document is nested too deeply");
	assert_int_equal(fault.offset, 4 + CTR_CONFIG_DEPTH_MAX);
	free(text);

	text = repeat("{\"a\":[0", ",0", 2 * CTR_CONFIG_ITEMS_MAX, "]}");
	assert_int_equal(ctr_json_parse(&arena, text, strlen(text), ignore, NULL, &fault), -1);
	assert_string_equal(fault.text, "the document has too many items");
	free(text);
	ctr_arena_release(&arena);
}

static int at_key(void *context, const struct ctr_json_event *event)
{
	(void)context;
	return event->type == CTR_JSON_KEY;
}

static void stopped(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_json_fault fault = { 0 };

	(void)state;
	assert_int_equal(ctr_json_parse(&arena, "{\"a\":x", 6, at_key, NULL, &fault), 1);
	assert_null(fault.text);
	ctr_arena_release(&arena);
}

static void locate(void **state)
{
	static const char text[] =
		"{\"a\":{\"b\":[1,{\"c\":2},3],\"x.y\":4,\"b2\":5},\"d\":[[6,7]]}";
	static const struct {
		const char *path, *at;
	} cases[] = {
		{"",            "{\"a\""},
		{ "a",          "{\"b\""},
		{ "a.b",        "[1,"   },
		{ "a.b[0]",     "1,{"   },
		{ "a.b[1]",     "{\"c\""},
		{ "a.b[1].c",   "2}"    },
		{ "a.b[2]",     "3]"    },
		{ "a[\"x.y\"]", "4,"    },
		{ "a.b2",       "5}"    },
		{ "d[0][1]",    "7]"    },
 /* what is not there: the deepest part that is */
		{ "a.b[1].z",   "{\"c\""},
		{ "a.b[7].c",   "[1,"   },
		{ "a.b[0].c",   "1,{"   },
		{ "nothing",    "{\"a\""},
		{ "d[0][9]",    "[6,"   },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		bool whole;
		size_t at = ctr_json_locate(&arena, text, sizeof(text) - 1, cases[i].path, &whole);

		assert_memory_equal(text + at, cases[i].at, strlen(cases[i].at));
		assert_int_equal(whole, i < 10);
		ctr_arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events),  cmocka_unit_test(faults), cmocka_unit_test(limits),
		cmocka_unit_test(stopped), cmocka_unit_test(locate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
