/* What the parts of ctr_limits_plan() share: the list that they add to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cgroup/limits.h"

struct ctr_block_io;
struct ctr_cpu;
struct ctr_memory;

struct limits_planner {
	struct ctr_arena *arena;
	struct ctr_error *err;
	struct ctr_limit *list;
	size_t count, size;
	const char **warnings;
	size_t nwarnings;
	uint32_t controllers;
};

/* The kernel counts pages in a long: whatever is above is no limit, and engines write it as one. */
#define LIMITS_PAGE_COUNTER_MAX ((uint64_t)INT64_MAX - 4095)

/* Append a write of @value to @file for the field @origin; @flags are CTR_LIMIT_*. */
void limits_add(struct limits_planner *planner, const char *file, const char *value,
		const char *origin, uint32_t flags);
/* The same of a number of which -1 is "no limit": that has the flags @when_max. 0, or -1 and the
 * planner's error. */
int limits_add_amount(struct limits_planner *planner, const char *file, int64_t amount,
		      const char *origin, uint32_t when_max);
/* Is it such a number? 0, or -1 and the planner's error. */
int limits_check_amount(struct limits_planner *planner, int64_t amount, const char *origin);
/* @value as text, in the arena. */
const char *limits_number(struct limits_planner *planner, uint64_t value);
void limits_warn(struct limits_planner *planner, const char *text);

/* The planner's error "@origin: @why". Returns -1. */
int limits_refuse(struct limits_planner *planner, const char *origin, const char *why);

/* What is refused because cgroup v2 has nothing like it. */
struct limits_refusal {
	const char *origin;
	bool asked;
	const char *why;
};

/* Refuse the first of @n @rows that is asked for. 0, or -1 and the planner's error. */
int limits_refuse_any(struct limits_planner *planner, const struct limits_refusal *rows, size_t n);

/* One part of linux.resources each: 0, or -1 and the planner's error. Of the numbers 0 is "not
 * said". */
int limits_plan_cpu(struct limits_planner *planner, const struct ctr_cpu *cpu);
int limits_plan_memory(struct limits_planner *planner, const struct ctr_memory *memory);
int limits_plan_io(struct limits_planner *planner, const struct ctr_block_io *io);
