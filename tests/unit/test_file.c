/* base/file: whole files and exact numbers. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

struct place {
	char path[64];
	int dir;
	struct ctr_arena arena;
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->path, unit_make_dir());
	place->dir = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return place->dir < 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	ctr_arena_release(&place->arena);
	close(place->dir);
	unit_remove_dir(place->path);
	free(place);
	return 0;
}

static void replace_and_read(void **state)
{
	struct place *place = *state;
	struct ctr_error err = { 0 };
	struct stat st;
	size_t len = 0;
	char *text;

	umask(077);
	assert_int_equal(ctr_file_replace(place->dir, "f", "first", 5, 0644, &err), 0);
	assert_int_equal(ctr_file_replace(place->dir, "f", "second\0x", 8, 0644, &err), 0);
	umask(022);
	assert_int_equal(fstatat(place->dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);

	text = ctr_file_read(&place->arena, place->dir, "f", 100, &len, &err);
	assert_int_equal(len, 8);
	assert_memory_equal(text, "second\0x", 9);

	assert_null(ctr_file_read(&place->arena, place->dir, "f", 7, &len, &err));
	assert_string_equal(err.text, "cannot read 'f': longer than 7 bytes");

	/* the directory holds the file and nothing temporary */
	assert_int_equal(unlinkat(place->dir, "f", 0), 0);
	assert_int_equal(unlinkat(AT_FDCWD, place->path, AT_REMOVEDIR), 0);
	assert_int_equal(mkdir(place->path, 0700), 0);
}

static void read_faults(void **state)
{
	struct place *place = *state;
	struct ctr_error err = { 0 };

	assert_int_equal(mkfifoat(place->dir, "fifo", 0600), 0);
	assert_null(ctr_file_read(&place->arena, place->dir, "fifo", 10, NULL, &err));
	assert_string_equal(err.text, "cannot read 'fifo': not a regular file");
	assert_null(ctr_file_read(&place->arena, place->dir, ".", 10, NULL, &err));
	assert_string_equal(err.text, "cannot read '.': Is a directory");
	assert_null(ctr_file_read(&place->arena, place->dir, "absent", 10, NULL, &err));
	assert_string_equal(err.text, "cannot open 'absent': No such file or directory");
	assert_int_equal(err.fault, CTR_FAULT_NOT_FOUND);
	assert_null(ctr_file_read(&place->arena, AT_FDCWD, "/dev/zero", 10, NULL, &err));
	assert_string_equal(err.text, "cannot read '/dev/zero': not a regular file");
}

static void read_stream(void **state)
{
	struct place *place = *state;
	struct ctr_error err = { 0 };
	int ends[2];
	size_t len = 0;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "from a pipe", 11), 11);
	close(ends[1]);
	assert_string_equal(ctr_file_read_fd(&place->arena, ends[0], "pipe", 11, &len, &err),
			    "from a pipe");
	assert_int_equal(len, 11);
	close(ends[0]);

	/* as much at once as the first read asks for is not the end of it */
	assert_int_equal(pipe(ends), 0);
	{
		static char many[20000];

		memset(many, 'x', sizeof(many));
		assert_int_equal(write(ends[1], many, sizeof(many)), sizeof(many));
	}
	close(ends[1]);
	assert_non_null(ctr_file_read_fd(&place->arena, ends[0], "pipe", 1 << 20, &len, &err));
	assert_int_equal(len, 20000);
	close(ends[0]);

	/* a file of procfs has length 0 and content all the same */
	assert_non_null(
		ctr_file_read(&place->arena, AT_FDCWD, "/proc/self/status", 1 << 20, &len, &err));
	assert_true(len > 100);
}

static void small(void **state)
{
	struct place *place = *state;
	struct ctr_error err = { 0 };
	char data[16];

	assert_int_equal(ctr_file_replace(place->dir, "v", "0::/x\n", 6, 0600, &err), 0);
	assert_int_equal(ctr_file_read_small(place->dir, "v", data, sizeof(data)), 5);
	assert_string_equal(data, "0::/x");
	assert_int_equal(ctr_file_read_small(place->dir, "v", data, 4), -EFBIG);
	assert_int_equal(ctr_file_read_small(place->dir, "absent", data, 4), -ENOENT);

	assert_int_equal(ctr_file_write_once(place->dir, "v", "1", 1), 0);
	assert_int_equal(ctr_file_read_small(place->dir, "v", data, sizeof(data)), 5);
	assert_string_equal(data, "1::/x");
	assert_int_equal(ctr_file_write_once(place->dir, "absent", "1", 1), -ENOENT);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int u64_result;
		uint64_t u64;
		int i64_result;
		int64_t i64;
	} cases[] = {
		{"0",                      0,       0,                       0,       0        },
		{ "007",                   0,       7,                       0,       7        },
		{ "9223372036854775807",   0,       INT64_MAX,               0,       INT64_MAX},
		{ "9223372036854775808",   0,       (uint64_t)INT64_MAX + 1, -ERANGE, 0        },
		{ "18446744073709551615",  0,       UINT64_MAX,              -ERANGE, 0        },
		{ "18446744073709551616",  -ERANGE, 0,                       -ERANGE, 0        },
		{ "184467440737095516150", -ERANGE, 0,                       -ERANGE, 0        },
		{ "18446744073709551616x", -EINVAL, 0,                       -EINVAL, 0        },
		{ "-1",                    -EINVAL, 0,                       0,       -1       },
		{ "-9223372036854775808",  -EINVAL, 0,                       0,       INT64_MIN},
		{ "-9223372036854775809",  -EINVAL, 0,                       -ERANGE, 0        },
		{ "",		      -EINVAL, 0,                       -EINVAL, 0        },
		{ "-",                     -EINVAL, 0,                       -EINVAL, 0        },
		{ "+1",                    -EINVAL, 0,                       -EINVAL, 0        },
		{ " 1",                    -EINVAL, 0,                       -EINVAL, 0        },
		{ "1 ",                    -EINVAL, 0,                       -EINVAL, 0        },
		{ "0x1",                   -EINVAL, 0,                       -EINVAL, 0        },
		{ "--1",                   -EINVAL, 0,                       -EINVAL, 0        },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		uint64_t u64 = 0;
		int64_t i64 = 0;

		assert_int_equal(ctr_parse_u64(cases[i].text, &u64), cases[i].u64_result);
		assert_true(u64 == cases[i].u64);
		assert_int_equal(ctr_parse_i64(cases[i].text, &i64), cases[i].i64_result);
		assert_true(i64 == cases[i].i64);
	}
}

static void leading_numbers(void **state)
{
	static const struct {
		const char *text;
		bool found;
		uint64_t value;
		const char *rest;
	} cases[] = {
		{"12:34",                  true,  12,         ":34" },
		{ " \t7 x",                true,  7,          " x"  },
		{ "0",                     true,  0,          ""    },
		{ "",		      false, 0,          ""    },
		{ " max",                  false, 0,          " max"},
		{ "-1",                    false, 0,          "-1"  },
		{ "18446744073709551615.", true,  UINT64_MAX, "."   },
		{ "18446744073709551616.", true,  UINT64_MAX, "."   },
		{ "999999999999999999999", true,  UINT64_MAX, ""    },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const char *text = cases[i].text;
		uint64_t value = 1;

		assert_int_equal(ctr_cut_u64(&text, &value), cases[i].found);
		assert_true(value == cases[i].value);
		assert_string_equal(text, cases[i].rest);
		assert_true(ctr_leading_u64(cases[i].text) == cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replace_and_read, make_place, remove_place),
		cmocka_unit_test_setup_teardown(read_faults, make_place, remove_place),
		cmocka_unit_test_setup_teardown(read_stream, make_place, remove_place),
		cmocka_unit_test_setup_teardown(small, make_place, remove_place),
		cmocka_unit_test(numbers),
		cmocka_unit_test(leading_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
