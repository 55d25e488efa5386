/*
 * What `ctr compare` found out, as a value: filled by the runner, turned into a table, JSON, CSV
 * and HTML by pure functions, so that a test can make one up. Times are nanoseconds, sizes bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/stats.h"

struct ctr_arena;
struct ctr_buf;

enum { CTR_REPORT_VERSION = 1 };

/* One run of the bundle, its moments counted from the request; -1: not seen. */
struct ctr_sample {
	uint32_t block, place; /* which block, and its place in the block's order */
	/* of a machine: its hypervisor was started, its kernel's clock began, ctr-init began in it,
	 * and has spoken; all 0 without one */
	int64_t vmm, kernel, init, hello;
	int64_t created;   /* `create` has returned */
	int64_t first;     /* the first byte of the workload arrived */
	int64_t exited;    /* the workload has ended */
	int64_t gone;      /* `delete` has returned, and no process is left */
	int status;        /* 0-255, 128+n for signal n; -1 */
	const char *error; /* why the run does not count; NULL: it counts */
};

/* What is estimated of the samples, in milliseconds. */
enum ctr_metric {
	CTR_METRIC_CREATE,   /* request to `create` returned */
	CTR_METRIC_FIRST,    /* request to first byte */
	CTR_METRIC_EXIT,     /* request to the workload's end */
	CTR_METRIC_TEARDOWN, /* the workload's end to all gone */
	CTR_METRIC_TOTAL,    /* request to all gone */
	CTR_METRIC_COUNT,
};

extern const char *const ctr_metric_names[CTR_METRIC_COUNT];

/* Memory of all processes of one instance or of many. */
struct ctr_footprint {
	size_t processes, unreadable; /* of the latter nothing is known */
	uint64_t pss, uss;
	uint64_t hypervisor; /* what hypervisors have of their own, without their guests' memory */
	uint64_t hypervisor_files; /* and of files, which another one shares */
	bool has_cgroup; /* what follows is of their cgroups: a memory controller is there */
	uint64_t current, anon, file, shmem, kernel, pagetables, sec_pagetables, stack, slab;
};

/* Instances that were asked for at the same moment, from which their samples count. */
struct ctr_burst {
	uint32_t block, place;
	size_t n;
	struct ctr_sample *samples; /* of each */
	const char *error;          /* of the first that failed: the burst does not count; NULL */
};

enum { CTR_BURST_MAX = 256 };

/* What is estimated of bursts. */
enum ctr_rate {
	CTR_RATE_STARTS, /* a second: all of them over the time to the last one's first byte */
	CTR_RATE_LIVES,  /* a second: all of them over the time until nothing was left */
	CTR_RATE_MEDIAN, /* ms to the first byte, the median of a burst */
	CTR_RATE_LAST,   /* ms to the first byte, the slowest of a burst */
	CTR_RATE_COUNT,
};

extern const char *const ctr_rate_names[CTR_RATE_COUNT];

/* The bursts of one size. */
struct ctr_parallel {
	uint32_t n; /* at once */
	struct ctr_burst *bursts;
	size_t nbursts, nfailed;
	const char *refused; /* why there are none; NULL */
	struct ctr_estimate rates[CTR_RATE_COUNT];
	struct ctr_estimate ratios[CTR_RATE_COUNT]; /* to the base line's, paired by block */
};

/* How the instruction stream of the guest is executed. */
enum ctr_accel {
	CTR_ACCEL_NONE, /* it is not: the host's kernel, directly */
	CTR_ACCEL_KVM,
	CTR_ACCEL_TCG, /* translated: function, never speed */
	CTR_ACCEL_UML, /* a kernel as a process: its own category */
};

/* One point of the density curve. */
struct ctr_point {
	size_t n;
	struct ctr_footprint memory;
	int64_t taken;           /* what MemAvailable has lost since none was there */
	int64_t free;            /* what MemFree has lost */
	size_t alive, alive_end; /* answered before and after the measurement */
};

struct ctr_density {
	bool measured;
	struct ctr_point *points;
	size_t npoints;
	const char *stopped;        /* why there is no further point */
	size_t largest;             /* the most that were alive at once */
	struct ctr_line pss, taken; /* bytes over instances */
};

/* The machine of a kind that has one. */
struct ctr_guest {
	uint64_t memory; /* RAM, bytes */
	uint32_t vcpus;
	const char *kernel, *version; /* file, and what it calls itself */
	const char *program;          /* what runs it; NULL: the kernel is a program itself */
	const char *image;            /* the file its root file system comes of */
};

struct ctr_row {
	const char *kind;
	const char *taxonomy; /* two sentences */
	enum ctr_accel accel;
	const struct ctr_guest *guest; /* NULL: the host's kernel */
	const char *refused;           /* why it did not run at all; NULL */
	const char *leaves;            /* what of the bundle it does not carry out; NULL: nothing */
	struct ctr_sample *samples;
	size_t nsamples, nfailed;
	int64_t warm_up; /* the first run, images and caches made: not among the samples; -1 */
	struct ctr_estimate times[CTR_METRIC_COUNT];
	struct ctr_estimate ratios[CTR_METRIC_COUNT]; /* to the base line, paired by block */
	int status;                                   /* of all samples; -1: they differ */
	bool same_status;                             /* as the base line's */
	struct ctr_footprint *idle;                   /* one an instance measured */
	size_t nidle;
	const char *idle_error;
	struct ctr_density density;
	struct ctr_parallel *parallel; /* the same sizes in all rows */
	size_t nparallel;
};

struct ctr_fact {
	const char *name, *value;
	const char *warning; /* what it may do to the figures; NULL */
	bool digest;         /* it tells what was run */
};

struct ctr_report {
	const char *version; /* of ctr */
	const char *bundle;  /* absolute path */
	const char *command; /* the workload's arguments as one line */
	const char *idle;    /* what an idle instance runs */
	const char *alive;   /* how it was seen to be alive */
	const char *when;    /* RFC 3339 */
	uint64_t seed;
	uint32_t runs, settle_ms;
	bool cold; /* nothing was in the page cache before each run */
	bool interrupted;
	uint64_t available; /* MemAvailable before the first instance */
	uint64_t reserve;   /* what density never takes */
	struct ctr_row *rows;
	size_t nrows;
	const struct ctr_row *base; /* NULL: it did not run */
	struct ctr_fact *facts;
	size_t nfacts;
};

/* Add a copy of @fact. */
void ctr_report_add_fact(struct ctr_report *report, const struct ctr_fact *fact,
			 struct ctr_arena *arena);

/* Estimates and ratios of all rows, out of their samples. Seeded by the report's seed. */
void ctr_report_estimate(struct ctr_report *report, struct ctr_arena *arena);

/* A row of a kind that may stand beside others in one order. */
bool ctr_row_ranked(const struct ctr_row *row);
/* What the headline of the report compares: first byte, or the end where no run had output. */
enum ctr_metric ctr_report_headline(const struct ctr_report *report);
/* The moment of @sample that @metric is of, in milliseconds; below 0: not seen. */
double ctr_sample_value(const struct ctr_sample *sample, enum ctr_metric metric);

/* What @burst says of @rate: of its instances' ends where no program had output; below 0: it does
 * not count. */
double ctr_burst_value(const struct ctr_burst *burst, enum ctr_rate rate);

/* Which part of the time from its hypervisor's start to its first word a guest was ours (ctr-init
 * in it), in percent: the median of the runs; below 0: not known. */
double ctr_row_own_share(const struct ctr_row *row);

/* Add "256 MiB of memory, 1 processor, Linux 6.1 (FILE), run by PROGRAM"; nothing without a guest.
 */
void ctr_guest_text(const struct ctr_row *row, struct ctr_buf *buf);

/* How many instances of @row would fit: by the slope of MemAvailable, and at least and at most by
 * its interval, if it has one. NULL, or why that is not known. */
const char *ctr_density_fits(const struct ctr_report *report, const struct ctr_row *row,
			     double *about, double *least, double *most);
/* Add what the figures of density depend on: "this machine has ...; a guest of uml has ..." */
void ctr_density_assumptions(const struct ctr_report *report, struct ctr_buf *buf);

/* The median of @field over the idle instances of @row. */
uint64_t ctr_idle_median(const struct ctr_row *row, size_t offset);
#define CTR_IDLE(row, field) ctr_idle_median(row, offsetof(struct ctr_footprint, field))

/* The rules that every report prints. NULL-terminated. */
extern const char *const ctr_fairness_rules[];
/* "kvm", "tcg", ...; NULL for none. */
const char *ctr_accel_name(enum ctr_accel accel);
/* The same where it tells more than the row's kind does; else NULL. */
const char *ctr_row_mark(const struct ctr_row *row);

void ctr_report_text(const struct ctr_report *report, struct ctr_buf *buf);
void ctr_report_json(const struct ctr_report *report, struct ctr_buf *buf);
void ctr_report_csv(const struct ctr_report *report, struct ctr_buf *buf);
void ctr_report_html(const struct ctr_report *report, struct ctr_buf *buf);

/* Numbers as all of them print them: three digits that mean something, never an exponent. */
enum { CTR_NUMBER_TEXT = 48 };
const char *ctr_number(char text[static CTR_NUMBER_TEXT], double value);
/* Bytes as MiB. */
const char *ctr_mib(char text[static CTR_NUMBER_TEXT], double bytes);
