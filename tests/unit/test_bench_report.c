/*
 * A report that was made up, in all its forms, compared with files of tests/report.
 * `test_bench_report --update` writes what comes out instead.
 */
#include "unit.h"

#include <fcntl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "bench/kinds.h"
#include "bench/report.h"
#include "bench/svg.h"
#include "oci/json.h"

enum { BLOCKS = 6, MIB = 1 << 20 };

static bool update;

static struct ctr_sample sample(uint32_t block, double scale)
{
	/* Not equal, and the same every time. */
	double ms = scale * (1 + 0.1 * (double)(block * block % 5)) * 1e6;

	return (struct ctr_sample){ .block = block,
				    .place = block % 3,
				    .created = (int64_t)(5 * ms),
				    .first = (int64_t)(8 * ms),
				    .exited = (int64_t)(8.5 * ms),
				    .gone = (int64_t)(11 * ms) };
}

static void fill(struct ctr_row *row, const char *name, double scale, double mib,
		 struct ctr_arena *arena)
{
	const struct ctr_bench_kind *kind = ctr_bench_kind(name);

	*row = (struct ctr_row){ .kind = kind->name,
				 .taxonomy = kind->taxonomy,
				 .leaves = kind->leaves,
				 .warm_up = (int64_t)(20 * scale * 1e6),
				 .status = -1 };
	row->samples = ctr_arena_array(arena, BLOCKS, sizeof(*row->samples));
	for (uint32_t i = 0; i < BLOCKS; i++)
		row->samples[row->nsamples++] = sample(i, scale);
	row->idle = ctr_arena_array(arena, 1, sizeof(*row->idle));
	row->idle[row->nidle++] = (struct ctr_footprint){ .processes = 1,
							  .pss = (uint64_t)(mib * 1.25 * MIB),
							  .uss = (uint64_t)(mib * MIB),
							  .has_cgroup = mib < 50,
							  .current = (uint64_t)(mib * 1.5 * MIB),
							  .kernel = (uint64_t)(mib * 0.25 * MIB) };
}

static void fill_density(struct ctr_density *density, double mib, size_t max,
			 struct ctr_arena *arena)
{
	static const size_t steps[] = { 1, 2, 5, 10, 20 };

	density->measured = true;
	density->stopped = "--max 20";
	density->points = ctr_arena_array(arena, unit_count(steps), sizeof(*density->points));
	density->largest = max;
	for (size_t i = 0; i < unit_count(steps) && steps[i] <= max; i++) {
		struct ctr_point *point = &density->points[density->npoints++];

		*point =
			(struct ctr_point){ .n = steps[i],
					    .alive = steps[i],
					    .alive_end = steps[i],
					    .taken = (int64_t)(mib * 1.5 * MIB) * (int64_t)steps[i],
					    .free = 0 };
		point->memory.processes = steps[i];
		point->memory.pss = (uint64_t)(mib * MIB) * steps[i] + MIB;
		point->memory.uss = (uint64_t)(mib * MIB) * steps[i];
	}
}

/* Bursts of 2 and 4: more at once take longer each, and the last one longest. */
static void fill_parallel(struct ctr_row *row, double scale, struct ctr_arena *arena)
{
	row->nparallel = 2;
	row->parallel = ctr_arena_array(arena, row->nparallel, sizeof(*row->parallel));
	for (size_t i = 0; i < row->nparallel; i++) {
		struct ctr_parallel *parallel = &row->parallel[i];

		*parallel = (struct ctr_parallel){ .n = 2 << i };
		parallel->bursts = ctr_arena_array(arena, BLOCKS, sizeof(*parallel->bursts));
		for (uint32_t block = 0; block < BLOCKS; block++) {
			struct ctr_burst *burst = &parallel->bursts[parallel->nbursts++];

			*burst = (struct ctr_burst){ .block = block,
						     .place = block % 2,
						     .n = parallel->n };
			burst->samples = ctr_arena_array(arena, burst->n, sizeof(*burst->samples));
			for (size_t j = 0; j < burst->n; j++)
				burst->samples[j] = sample(block, scale * (1 + (double)j));
		}
	}
}

static void make_report(struct ctr_report *report, struct ctr_arena *arena)
{
	static struct ctr_fact facts[] = {
		{"kernel",				"6.12.0-test",  NULL,                               false},
		{ "load average before",                  "3.14",         "the machine has other work to do", false},
		{ "processor",                            "A & B <fast>", NULL,                               false},
		{ "SMT",				  NULL,           NULL,                               false},
		{ "sha256 of config.json",                "0123abcd",     NULL,                               true },
		{ "sha256 of the root file system (tar)", NULL,           "not known: sh: exit status 2",
                 true											      },
	};

	static const struct ctr_guest uml = { .memory = (uint64_t)256 * MIB,
					      .vcpus = 1,
					      .kernel = "/usr/bin/linux.uml",
					      .version = "6.1.0" };
	static const struct ctr_guest vm = { .memory = (uint64_t)512 * MIB,
					     .vcpus = 2,
					     .kernel = "/boot/vmlinuz-6.12",
					     .version = "6.12-cloud",
					     .program = "/usr/bin/qemu-system-x86_64" };

	*report = (struct ctr_report){ .version = "0.0.0 test",
				       .bundle = "/srv/\"bundle\"",
				       .command = "sh -c 'echo <hi> & wait'",
				       .idle = "cat (the bundle's own program ends by itself)",
				       .alive = "it returned a line that was sent to it",
				       .when = "2026-01-02T03:04:05.000000006Z",
				       .seed = 42,
				       .runs = BLOCKS,
				       .settle_ms = 2000,
				       .available = (uint64_t)8000 * MIB,
				       .reserve = (uint64_t)800 * MIB,
				       .facts = facts,
				       .nfacts = unit_count(facts) };
	report->rows = ctr_arena_array(arena, 5, sizeof(*report->rows));
	report->nrows = 5;
	fill(&report->rows[0], "process", 0.5, 0.5, arena);
	fill(&report->rows[1], "container", 1, 1, arena);
	fill(&report->rows[2], "uml", 250, 40, arena);
	fill(&report->rows[3], "microvm", 20, 90, arena);
	fill(&report->rows[4], "vm", 400, 120, arena);
	report->base = &report->rows[1];

	for (size_t i = 0; i < BLOCKS; i++) {
		struct ctr_sample *of = &report->rows[4].samples[i];

		of->vmm = of->created / 100;
		of->kernel = of->created / 10;
		of->init = of->created / 10 * 8;
		of->hello = of->created / 10 * 9;
	}
	report->rows[2].accel = CTR_ACCEL_UML;
	report->rows[2].guest = &uml;
	report->rows[4].guest = &vm;
	report->rows[2].samples[3].status = 137;
	report->rows[3].refused = "ctr: --isolation microvm: cannot open '/dev/kvm'";
	report->rows[3].nsamples = report->rows[3].nidle = 0;
	report->rows[3].warm_up = -1;
	report->rows[4].accel = CTR_ACCEL_TCG;
	report->rows[4].samples[2].error = "start: no end within the time (--timeout)";
	report->rows[4].nfailed = 1;
	fill_density(&report->rows[1].density, 1, 20, arena);
	fill_density(&report->rows[4].density, 110, 5, arena);
	report->rows[1].density.pss = report->rows[4].density.pss = (struct ctr_line){ 0 };
	fill_parallel(&report->rows[0], 0.5, arena);
	fill_parallel(&report->rows[1], 1, arena);
	fill_parallel(&report->rows[2], 250, arena);
	fill_parallel(&report->rows[3], 20, arena);
	fill_parallel(&report->rows[4], 400, arena);
	for (size_t i = 0; i < 2; i++)
		report->rows[3].parallel[i].nbursts = 0;
	report->rows[4].parallel[0].bursts[1].samples[1].error =
		report->rows[4].parallel[0].bursts[1].error = "create: interrupted";
	report->rows[4].parallel[0].nfailed = 1;
	report->rows[4].parallel[1].nbursts = 0;
	report->rows[4].parallel[1].refused = "memory: 4 guests <are too many>";
	ctr_report_estimate(report, arena);
}

/* density.c belongs to the runner; its fit is a line of ten. */
static void fit(struct ctr_density *density, struct ctr_arena *arena)
{
	double n[5], pss[5], taken[5];

	for (size_t i = 0; i < density->npoints; i++) {
		n[i] = (double)density->points[i].n;
		pss[i] = (double)density->points[i].memory.pss;
		taken[i] = (double)density->points[i].taken;
	}
	density->pss = ctr_theil_sen(n, pss, density->npoints, arena);
	density->taken = ctr_theil_sen(n, taken, density->npoints, arena);
}

static void compare(const char *name, void (*render)(const struct ctr_report *, struct ctr_buf *))
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_report report;
	struct ctr_buf buf;
	const char *source = getenv("srcdir"),
		   *path = ctr_arena_printf(&arena, "%s/tests/report/%s", source ? source : ".",
					    name),
		   *expected;
	size_t len;

	make_report(&report, &arena);
	fit(&report.rows[1].density, &arena);
	fit(&report.rows[4].density, &arena);
	ctr_buf_init(&buf, &arena);
	render(&report, &buf);
	if (update)
		assert_int_equal(ctr_file_replace(AT_FDCWD, path, buf.data, buf.len, 0644, NULL),
				 0);
	expected = ctr_file_read(&arena, AT_FDCWD, path, 1 << 20, &len, NULL);
	assert_non_null(expected);
	assert_string_equal(ctr_buf_str(&buf), expected);
	ctr_arena_release(&arena);
}

static void test_text(void **state)
{
	(void)state;
	compare("report.txt", ctr_report_text);
}

static void test_json(void **state)
{
	(void)state;
	compare("report.json", ctr_report_json);
}

static void test_csv(void **state)
{
	(void)state;
	compare("report.csv", ctr_report_csv);
}

static void test_html(void **state)
{
	(void)state;
	compare("report.html", ctr_report_html);
}

static void check_words(const struct ctr_report *report,
			void (*render)(const struct ctr_report *, struct ctr_buf *))
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_buf buf;

	ctr_buf_init(&buf, &arena);
	render(report, &buf);
	assert_null(strstr(ctr_buf_str(&buf), "nan"));
	assert_null(strstr(ctr_buf_str(&buf), "inf"));
	ctr_arena_release(&arena);
}

static int nothing(void *context, const struct ctr_json_event *event)
{
	(void)context;
	(void)event;
	return 0;
}

/* With no run, no memory and no environment there is still a report, without numbers of nothing. */
static void test_empty(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_row rows[2] = {
		{.kind = "container",  .taxonomy = "A. B."},
		{ .kind = "vm", .taxonomy = "A. B.",       .warm_up = -1 }
	};
	struct ctr_report report = { .version = "0",
				     .bundle = "/b",
				     .command = "",
				     .when = "now",
				     .rows = rows,
				     .nrows = 2 };
	struct ctr_json_fault fault;
	struct ctr_buf buf;

	(void)state;
	rows[1].density.measured = true;
	ctr_report_estimate(&report, &arena);
	check_words(&report, ctr_report_text);
	check_words(&report, ctr_report_csv);
	check_words(&report, ctr_report_html);
	check_words(&report, ctr_svg_ecdf);
	ctr_buf_init(&buf, &arena);
	ctr_report_json(&report, &buf);
	assert_int_equal(ctr_json_parse(&arena, buf.data, buf.len, nothing, NULL, &fault), 0);
	ctr_arena_release(&arena);
}

static void test_ratios(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_report report;

	(void)state;
	make_report(&report, &arena);
	/* By construction each block of `process` takes half of the container's time. */
	assert_true(report.rows[0].ratios[CTR_METRIC_FIRST].median > 0.4999 &&
		    report.rows[0].ratios[CTR_METRIC_FIRST].high < 0.5001);
	assert_int_equal(report.rows[1].ratios[CTR_METRIC_FIRST].n, 0);
	/* What was translated is in no ratio, and nothing is lost of a failed run but its time. */
	assert_int_equal(report.rows[4].ratios[CTR_METRIC_FIRST].n, 0);
	assert_int_equal(report.rows[4].times[CTR_METRIC_FIRST].n, BLOCKS - 1);
	assert_false(ctr_row_ranked(&report.rows[2]) || ctr_row_ranked(&report.rows[4]));
	assert_true(ctr_row_ranked(&report.rows[3]));
	assert_int_equal(report.rows[2].status, -1);
	assert_false(report.rows[2].same_status);
	assert_true(report.rows[0].same_status);
	ctr_arena_release(&arena);
}

static void test_rates(void **state)
{
	struct ctr_sample samples[2] = { sample(0, 1), sample(0, 2) };
	struct ctr_burst burst = { .n = 2, .samples = samples };
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_report report;

	(void)state;
	/* first bytes at 8 and 16 ms, all gone after 22 */
	assert_float_equal(ctr_burst_value(&burst, CTR_RATE_STARTS), 125, 1e-9);
	assert_float_equal(ctr_burst_value(&burst, CTR_RATE_LIVES), 2000.0 / 22, 1e-9);
	assert_float_equal(ctr_burst_value(&burst, CTR_RATE_MEDIAN), 12, 1e-9);
	assert_float_equal(ctr_burst_value(&burst, CTR_RATE_LAST), 16, 1e-9);
	/* without output it is the end that counts */
	samples[1].first = -1;
	assert_float_equal(ctr_burst_value(&burst, CTR_RATE_LAST), 17, 1e-9);
	/* one that failed, or was not seen, is no burst */
	samples[1].gone = -1;
	assert_true(ctr_burst_value(&burst, CTR_RATE_LIVES) < 0);
	samples[1] = samples[0];
	burst.error = "x";
	assert_true(ctr_burst_value(&burst, CTR_RATE_STARTS) < 0);
	burst.error = NULL;
	burst.n = CTR_BURST_MAX + 1;
	assert_true(ctr_burst_value(&burst, CTR_RATE_STARTS) < 0);

	/* By construction `process` has twice the starts a second, in each block. */
	make_report(&report, &arena);
	assert_float_equal(report.rows[0].parallel[1].ratios[CTR_RATE_STARTS].low, 2, 1e-6);
	assert_int_equal(report.rows[1].parallel[1].ratios[CTR_RATE_STARTS].n, 0);
	assert_int_equal(report.rows[4].parallel[0].ratios[CTR_RATE_STARTS].n, 0);
	assert_int_equal(report.rows[4].parallel[0].rates[CTR_RATE_STARTS].n, BLOCKS - 1);
	ctr_arena_release(&arena);
}

static void test_numbers(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0,        "0.00" },
                { 0.05123, "0.051"},
                { 0.1,     "0.10" },
		{ 9.994,   "9.99" },
                { 9.996,   "10.0" },
                { 99.94,   "99.9" },
		{ 99.96,   "100"  },
                { 12345.6, "12346"},
                { -1.234,  "-1.23"},
	};
	char text[CTR_NUMBER_TEXT];

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++)
		assert_string_equal(ctr_number(text, cases[i].value), cases[i].text);
}

/* An interval with 0 in it tells nothing of how many would fit. */
static void test_fits(void **state)
{
	const struct ctr_report report = { .available = 1000, .reserve = 200 };
	struct ctr_row row = {
		.density.taken = {.known = true,
                                  .interval = true,
                                  .slope = 10,
                                  .low = 8,
                                  .high = 20},
	};
	double about = 0, least = 0, most = 0;

	(void)state;
	assert_null(ctr_density_fits(&report, &row, &about, &least, &most));
	assert_true(about == 80 && least == 40 && most == 100);
	row.density.pss = (struct ctr_line){ .known = true, .slope = 13 };
	assert_null(ctr_density_fits(&report, &row, &about, &least, &most));
	row.density.pss.slope = 14;
	assert_string_equal(
		ctr_density_fits(&report, &row, &about, &least, &most),
		"MemAvailable has lost less than their PSS: something else gave memory back");
	row.density.taken.low = 0;
	assert_string_equal(ctr_density_fits(&report, &row, &about, &least, &most),
			    "the interval of MemAvailable has 0 in it");
	row.density.taken.low = -1;
	assert_non_null(ctr_density_fits(&report, &row, &about, &least, &most));
	/* that of few points counts for nothing */
	row.density.taken.interval = false;
	row.density.pss.known = false;
	assert_null(ctr_density_fits(&report, &row, &about, &least, &most));
	assert_true(about == 80);
	row.density.taken.slope = 0;
	assert_string_equal(ctr_density_fits(&report, &row, &about, &least, &most),
			    "MemAvailable has lost nothing");
	row.density.taken.known = false;
	assert_string_equal(ctr_density_fits(&report, &row, &about, &least, &most),
			    "there are no two points");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),    cmocka_unit_test(test_json),
		cmocka_unit_test(test_csv),     cmocka_unit_test(test_html),
		cmocka_unit_test(test_empty),   cmocka_unit_test(test_ratios),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_rates),
		cmocka_unit_test(test_fits),
	};

	update = argc > 1 && strcmp(argv[1], "--update") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
