/*
 * What a cgroup has used: everything that `events --stats` tells. A file that is missing (its
 * controller is not enabled, the kernel is older, PSI is off) leaves its numbers at 0 and its part
 * marked as absent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_cgroup;
struct ctr_error;

/* "max" in a file. */
#define CTR_STATS_MAX UINT64_MAX

/* Pressure stall information: averages over 10, 60 and 300 s in hundredths of a percent, and the
 * total in us. */
struct ctr_psi_line {
	uint32_t avg10, avg60, avg300;
	uint64_t total;
};

struct ctr_psi {
	bool present;
	struct ctr_psi_line some, full;
};

struct ctr_stats_cpu {
	bool present;
	uint64_t usage, user, system;                   /* us */
	uint64_t periods, throttled_periods, throttled; /* the last in us */
	uint64_t bursts, burst;                         /* the last in us */
	struct ctr_psi psi;
};

struct ctr_stats_pair {
	const char *name;
	uint64_t value;
};

struct ctr_stats_memory {
	bool present;
	uint64_t current, max, peak, low, high;
	uint64_t swap_current, swap_max, swap_peak;
	bool has_peak, has_swap, has_swap_peak;
	/* memory.events */
	uint64_t event_low, event_high, event_max, event_oom, event_oom_kill, event_oom_group_kill;
	uint64_t cache, anon, kernel, sock; /* of memory.stat: file, anon, kernel, sock */
	const struct ctr_stats_pair *stat;  /* memory.stat, whole */
	size_t nstat;
	struct ctr_psi psi;
};

struct ctr_stats_pids {
	bool present;
	uint64_t current, max, peak;
	uint64_t event_max; /* forks refused */
	bool has_peak;
};

struct ctr_stats_io_device {
	uint32_t major, minor;
	uint64_t rbytes, wbytes, rios, wios, dbytes, dios;
};

struct ctr_stats_io {
	bool present;
	const struct ctr_stats_io_device *devices;
	size_t ndevices;
	struct ctr_psi psi;
};

struct ctr_stats_hugetlb {
	const char *page_size; /* "2MB" */
	uint64_t current, max, event_max;
};

struct ctr_stats_rdma {
	const char *device;
	uint64_t hca_handles, hca_objects, max_hca_handles, max_hca_objects;
};

struct ctr_stats {
	struct ctr_stats_cpu cpu;
	struct ctr_stats_memory memory;
	struct ctr_stats_pids pids;
	struct ctr_stats_io io;
	const struct ctr_stats_hugetlb *hugetlb;
	size_t nhugetlb;
	const struct ctr_stats_rdma *rdma;
	size_t nrdma;
};

/* Read all of it; arrays and strings are in @arena. 0, or -1 and @err when the cgroup is gone. */
int ctr_stats_read(const struct ctr_cgroup *cgroup, struct ctr_arena *arena, struct ctr_stats *out,
		   struct ctr_error *err);

/* The number in @file, UINT64_MAX for "max". 0 or -errno. */
int ctr_stats_number(int dir, const char *file, uint64_t *out);
/* The number behind @key in a file of lines "key number", like memory.events. 0 or -errno. */
int ctr_stats_key(int dir, const char *file, const char *key, uint64_t *out);
/* The same of a file that is open as @fd. */
int ctr_stats_key_of(int fd, const char *key, uint64_t *out);
