/* Three views of what memory something takes: its processes, its cgroups, the whole system. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "bench/report.h"

struct ctr_arena;

/*
 * All processes that descend from @ancestor, without itself: PSS and USS of smaps_rollup, once
 * where several have the same memory (kcmp(2)), and what their cgroups below @cgroup_mount (NULL:
 * none) count, those of which @ancestor is a member left out. Where @guest is not 0, a process with
 * a mapping of that size is a hypervisor whose guest has so much memory. Processes that come and go
 * meanwhile are counted or not.
 */
void ctr_memory_of(struct ctr_arena *arena, pid_t ancestor, const char *cgroup_mount,
		   uint64_t guest, struct ctr_footprint *out);

struct ctr_system_memory {
	uint64_t total, free, available;
};

/* As /proc/meminfo has it; zeros where it cannot be read. */
void ctr_system_memory(struct ctr_system_memory *out);

/* The value of `KEY:   NUMBER kB` in @text in bytes; 0 when it has none. */
uint64_t ctr_kib_line(const char *text, const char *key);
