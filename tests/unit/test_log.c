/* base/log: one JSON object a record, whatever the text is made of. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

static char path[96], text[8192];

static int make_log(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/log", unit_make_dir());
	return 0;
}

static int remove_log(void **state)
{
	(void)state;
	ctr_log_setup(NULL, CTR_LOG_TEXT, CTR_LOG_ERROR, NULL);
	*strrchr(path, '/') = '\0';
	unit_remove_dir(path);
	return 0;
}

/* What the log holds. Errors go to standard error as well: @quiet keeps them off the test's. */
static const char *content(void)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void log_quietly(const struct ctr_error *err)
{
	int keep = dup(2), null = open("/dev/null", O_WRONLY);

	dup2(null, 2);
	close(null);
	ctr_log_error(err);
	dup2(keep, 2);
	close(keep);
}

/* {"level":"error","msg":MSG,"time":"2024-02-29T12:34:56.123456789Z"}\n */
static void assert_record(const char *record, const char *message)
{
	char expected[4096];
	size_t n = (size_t)snprintf(expected, sizeof(expected),
				    "{\"level\":\"error\",\"msg\":%s,\"time\":\"", message);

	assert_true(strlen(record) > n);
	assert_memory_equal(record, expected, n);
	assert_int_equal(strlen(record + n), strlen("2024-02-29T12:34:56.123456789Z\"}\n"));
}

static void json(void **state)
{
	static const struct {
		const char *text, *quoted;
	} cases[] = {
		{"plain",            "\"plain\""                               },
		{ "a \"b\" \\",      "\"a \\\"b\\\" \\\\\""                    },
		{ "two\nlines\ttab", "\"two\\nlines\\u0009tab\""               },
		{ "\x1b[31m",        "\"\\u001b[31m\""                         },
		{ "\xc3\xa4",        "\"\xc3\xa4\""                            },
		{ "\xff\xc3",        "\"\xef\xbf\xbd\xef\xbf\xbd\""            },
		{ "\xed\xa0\x80",    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_error err = { 0 };

		assert_int_equal(ctr_log_setup(path, CTR_LOG_JSON, CTR_LOG_ERROR, &err), 0);
		ctr_fail(&err, CTR_FAULT_HOST, 0, "%s", cases[i].text);
		log_quietly(&err);
		assert_record(content(), cases[i].quoted);
		assert_int_equal(unlink(path), 0);
	}
}

/* Engines take the log for one object: nothing else is written at the default level. */
static void one_record(void **state)
{
	struct ctr_error err = { 0 };

	(void)state;
	assert_int_equal(ctr_log_setup(path, CTR_LOG_JSON, CTR_LOG_ERROR, &err), 0);
	ctr_log(CTR_LOG_WARNING, "dropped");
	ctr_log(CTR_LOG_DEBUG, "dropped");
	ctr_fail(&err, CTR_FAULT_HOST, 0, "kept");
	log_quietly(&err);
	assert_record(content(), "\"kept\"");
	assert_false(ctr_log_wants(CTR_LOG_WARNING));
}

static void levels(void **state)
{
	struct ctr_error err = { 0 };

	(void)state;
	assert_int_equal(ctr_log_setup(path, CTR_LOG_TEXT, CTR_LOG_DEBUG, &err), 0);
	ctr_log(CTR_LOG_WARNING, "careful");
	ctr_log(CTR_LOG_DEBUG, "detail %d", 5);
	content();
	assert_non_null(strstr(text, " level=warning msg=\"careful\"\n"));
	assert_non_null(strstr(text, " level=debug msg=\"detail 5\"\n"));
}

static void faults(void **state)
{
	struct ctr_error err = { 0 };

	(void)state;
	assert_int_equal(ctr_log_setup("/no/such/dir/log", CTR_LOG_TEXT, CTR_LOG_ERROR, &err), -1);
	assert_string_equal(err.text,
			    "--log: cannot open '/no/such/dir/log': No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(json, make_log, remove_log),
		cmocka_unit_test_setup_teardown(one_record, make_log, remove_log),
		cmocka_unit_test_setup_teardown(levels, make_log, remove_log),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
