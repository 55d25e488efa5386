/* rdt/: schemata compared as the kernel writes them, and groups in a directory that looks like
 * resctrl. What only the kernel makes (the files of a new group) is not there. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "oci/spec.h"
#include "rdt/resctrl.h"
#include "rdt/schemata.h"

static struct ctr_arena arena;
static char root[64];

static const char kernels[] = "    MB:0= 20;1= 100\n"
			      "    L3:0=0007f;1=fffff\n";

static void put(const char *path, const char *text)
{
	int fd = open(ctr_arena_printf(&arena, "%s/%s", root, path), O_CREAT | O_WRONLY | O_TRUNC,
		      0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static const char *get(const char *path)
{
	return ctr_file_read(&arena, AT_FDCWD, ctr_arena_printf(&arena, "%s/%s", root, path), 4096,
			     NULL, NULL);
}

static bool exists(const char *path)
{
	return access(ctr_arena_printf(&arena, "%s/%s", root, path), F_OK) == 0;
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/ctr-resctrl.XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(mkdir(ctr_arena_printf(&arena, "%s/gold", root), 0700), 0);
	assert_int_equal(mkdir(ctr_arena_printf(&arena, "%s/gold/mon_groups", root), 0700), 0);
	put("tasks", "");
	put("gold/tasks", "");
	put("gold/schemata", kernels);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(system(ctr_arena_printf(&arena, "rm -rf --one-file-system %s", root)), 0);
	ctr_arena_release(&arena);
	return 0;
}

static void test_schemata(void **state)
{
	static const struct {
		const char *line;
		bool same;
	} rows[] = {
		{"L3:0=7f",          true },
                { "L3:0=7F;1=fffff", true },
                { "L3:1=0fffff",     true },
		{ "MB:0=20",         true },
                { "MB:1=100;0=20",   true },
                { "L3:0=7e",         false},
		{ "L3:2=7f",         false},
                { "L2:0=7f",         false},
                { "MB:0=2",          false},
		{ "L3",              false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("# %s\n", rows[i].line);
		assert_int_equal(ctr_schemata_has(kernels, rows[i].line), rows[i].same);
	}
}

static void test_lines(void **state)
{
	static const char *const more[] = { "L2:0=f" };
	struct ctr_intel_rdt rdt = { .l3_cache_schema = "L3:0=f",
				     .mem_bw_schema = "MB:0=50",
				     .schemata = more,
				     .nschemata = 1 };
	const char *const *lines;
	size_t n;

	(void)state;
	lines = ctr_schemata_lines(&rdt, &arena, &n);
	assert_int_equal(n, 3);
	assert_string_equal(lines[0], "L3:0=f");
	assert_string_equal(lines[1], "MB:0=50");
	assert_string_equal(lines[2], "L2:0=f");

	rdt.l3_cache_schema = "MB:0=10";
	lines = ctr_schemata_lines(&rdt, &arena, &n);
	assert_int_equal(n, 2);
	assert_string_equal(lines[0], "MB:0=50");
}

static void test_existing_group(void **state)
{
	const struct ctr_intel_rdt rdt = { .clos_id = "gold", .l3_cache_schema = "L3:0=7f" };
	struct ctr_resctrl resctrl;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_resctrl_plan(&resctrl, root, &rdt, "c1", &arena, &err), 0);
	assert_false(resctrl.made);
	assert_int_equal(ctr_resctrl_make(&resctrl, &rdt, &arena, &err), 0);
	assert_int_equal(ctr_resctrl_enter(&resctrl, 4711, &arena, &err), 0);
	assert_string_equal(get("gold/tasks"), "4711\n");
	assert_int_equal(ctr_resctrl_remove(&resctrl, &arena, &err), 0);
	assert_true(exists("gold/schemata"));
	assert_string_equal(get("gold/schemata"), kernels);
}

static void test_other_schemata(void **state)
{
	const struct ctr_intel_rdt rdt = { .clos_id = "gold", .mem_bw_schema = "MB:0=30" };
	struct ctr_resctrl resctrl;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_resctrl_plan(&resctrl, root, &rdt, "c1", &arena, &err), 0);
	assert_int_equal(ctr_resctrl_make(&resctrl, &rdt, &arena, &err), -1);
	assert_non_null(strstr(err.text, "gold/schemata' is there and is not 'MB:0=30'"));
	assert_true(exists("gold"));
}

/* fault 119: a class alone is joined, never made */
static void test_class_alone(void **state)
{
	struct ctr_intel_rdt rdt = { .clos_id = "silver" };
	struct ctr_resctrl resctrl;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_resctrl_plan(&resctrl, root, &rdt, "c1", &arena, &err), -1);
	assert_non_null(strstr(err.text, "linux.intelRdt.closID: there is no"));

	rdt.clos_id = "gold";
	assert_int_equal(ctr_resctrl_plan(&resctrl, root, &rdt, "c1", &arena, &err), 0);
	assert_int_equal(ctr_resctrl_make(&resctrl, &rdt, &arena, &err), 0);
	assert_int_equal(ctr_resctrl_remove(&resctrl, &arena, &err), 0);
	assert_true(exists("gold"));

	rdt.clos_id = "/";
	assert_int_equal(ctr_resctrl_plan(&resctrl, root, &rdt, "c1", &arena, &err), 0);
	assert_int_equal(ctr_resctrl_enter(&resctrl, 12, &arena, &err), 0);
	assert_string_equal(get("tasks"), "12\n");
}

static void test_monitoring(void **state)
{
	const struct ctr_intel_rdt rdt = { .clos_id = "gold", .enable_monitoring = true };
	struct ctr_resctrl resctrl;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_resctrl_plan(&resctrl, root, &rdt, "c1", &arena, &err), 0);
	assert_int_equal(ctr_resctrl_make(&resctrl, &rdt, &arena, &err), 0);
	assert_true(exists("gold/mon_groups/c1"));
	/* another container's of that name is not ours to remove */
	assert_int_equal(ctr_resctrl_make(&resctrl, &rdt, &arena, &err), -1);
	assert_non_null(strstr(err.text, "linux.intelRdt.enableMonitoring: cannot make"));
	assert_true(exists("gold/mon_groups/c1"));

	resctrl.monitored = true;
	assert_int_equal(ctr_resctrl_remove(&resctrl, &arena, &err), 0);
	assert_false(exists("gold/mon_groups/c1"));
	assert_int_equal(ctr_resctrl_remove(&resctrl, &arena, &err), 0);
}

/* No file for the schemata comes with a new directory here: the error leaves nothing. */
static void test_failure_leaves_nothing(void **state)
{
	const struct ctr_intel_rdt rdt = { .l3_cache_schema = "L3:0=f" };
	struct ctr_resctrl resctrl;
	struct ctr_error err;

	(void)state;
	assert_int_equal(mkdir(ctr_arena_printf(&arena, "%s/info", root), 0700), 0);
	put("info/last_cmd_status", "Mask is too narrow\n");
	assert_int_equal(ctr_resctrl_plan(&resctrl, root, &rdt, "c1", &arena, &err), 0);
	assert_true(resctrl.made);
	assert_int_equal(ctr_resctrl_make(&resctrl, &rdt, &arena, &err), -1);
	assert_non_null(strstr(err.text, "linux.intelRdt: cannot write 'L3:0=f' to"));
	assert_non_null(strstr(err.text, "(Mask is too narrow)"));
	assert_false(exists("c1"));
}

static void test_no_resctrl(void **state)
{
	const struct ctr_intel_rdt rdt = { .l3_cache_schema = "L3:0=f" };
	struct ctr_resctrl resctrl;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_resctrl_plan(&resctrl, NULL, &rdt, "c1", &arena, &err), -1);
	assert_string_equal(err.text,
			    "linux.intelRdt: no resctrl file system is mounted on this host");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_schemata),
		TEST(test_lines),
		TEST(test_existing_group),
		TEST(test_other_schemata),
		TEST(test_class_alone),
		TEST(test_monitoring),
		TEST(test_failure_leaves_nothing),
		TEST(test_no_resctrl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
