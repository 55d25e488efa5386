/* oci/json_write, oci/state_json: what is written is JSON, and the JSON that readers look for. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "oci/encode.h"
#include "oci/spec.h"

static void strings(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"",			  "\"\""						},
		{ "/a/b",                     "\"/a/b\""					    }, /* '/' stays */
		{ "say \"hi\" \\",            "\"say \\\"hi\\\" \\\\\""                             },
		{ "a\nb\tc\rd\001\177",       "\"a\\nb\\tc\\u000dd\\u0001\\u007f\""                 },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""                        },
 /* no UTF-8: stray byte, cut sequence, overlong, surrogate, too high */
		{ "a\xff"
		  "b",       "\"a\xef\xbf\xbd"
		  "b\""				      },
		{ "\xc3",                     "\"\xef\xbf\xbd\""                                    },
		{ "\xc0\xaf",                 "\"\xef\xbf\xbd\xef\xbf\xbd\""                        },
		{ "\xed\xa0\x80",             "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""            },
		{ "\xf4\x90\x80\x80",         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_json json;
		struct ctr_buf buf;

		ctr_buf_init(&buf, &arena);
		ctr_json_init(&json, &buf, NULL);
		ctr_json_string(&json, NULL, cases[i].in);
		assert_string_equal(ctr_buf_str(&buf), cases[i].out);
		ctr_arena_release(&arena);
	}
}

static void write_all(struct ctr_json *json)
{
	static const struct ctr_string_pair pairs[] = {
		{"a",  "1"},
                { "b", "2"}
	};

	ctr_json_object(json, NULL);
	ctr_json_u64(json, "u", UINT64_MAX);
	ctr_json_i64(json, "i", INT64_MIN);
	ctr_json_array(json, "list");
	ctr_json_bool(json, NULL, true);
	ctr_json_bool(json, NULL, false);
	ctr_json_null(json, NULL);
	ctr_json_object(json, NULL);
	ctr_json_end_object(json);
	ctr_json_end_array(json);
	ctr_json_array(json, "none");
	ctr_json_end_array(json);
	ctr_json_map(json, "map", pairs, 2);
	ctr_json_map(json, "empty", NULL, 0);
	ctr_json_end_object(json);
}

static void layout(void **state)
{
	static const struct {
		const char *indent, *out;
	} cases[] = {
		{NULL,
                 "{\"u\":18446744073709551615,\"i\":-9223372036854775808,\"list\":[true,false,null,{}],"
		  "\"none\":[],\"map\":{\"a\":\"1\",\"b\":\"2\"},\"empty\":{}}"},
		{ "  ",
                 "{\n  \"u\": 18446744073709551615,\n  \"i\": -9223372036854775808,\n  \"list\": [\n    true,\n"
		  "    false,\n    null,\n    {}\n  ],\n  \"none\": [],\n  \"map\": {\n    \"a\": \"1\",\n"
		  "    \"b\": \"2\"\n  },\n  \"empty\": {}\n}"                 },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_json json;
		struct ctr_buf buf;

		ctr_buf_init(&buf, &arena);
		ctr_json_init(&json, &buf, cases[i].indent);
		write_all(&json);
		assert_string_equal(ctr_buf_str(&buf), cases[i].out);
		ctr_arena_release(&arena);
	}
}

static void states(void **state)
{
	static const struct ctr_string_pair annotations[] = {
		{"k", "v"}
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_state_doc doc = {
		.id = "c1",
		.pid = 42,
		.status = "running",
		.bundle = "/b",
		.rootfs = "/b/rootfs",
		.created = "2024-01-02T03:04:05.000000006Z",
		.owner = "root",
		.annotations = annotations,
		.nannotations = 1,
	};
	struct ctr_json json;
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_state_encode(&json, &doc);
	assert_string_equal(
		ctr_buf_str(&buf),
		"{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"pid\":42,\"status\":\"running\",\"bundle\":\"/b\","
		"\"rootfs\":\"/b/rootfs\",\"created\":\"2024-01-02T03:04:05.000000006Z\","
		"\"annotations\":{\"k\":\"v\"},\"owner\":\"root\"}");

	/* for hooks */
	doc.created = NULL;
	doc.nannotations = 0;
	doc.oci_version = "1.0.2";
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_state_encode(&json, &doc);
	assert_string_equal(
		ctr_buf_str(&buf),
		"{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"pid\":42,\"status\":\"running\",\"bundle\":\"/b\","
		"\"root\":\"/b/rootfs\",\"annotations\":{}}");
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(layout),
		cmocka_unit_test(states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
