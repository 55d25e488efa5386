/*
 * Instances are added until one more would take what the machine keeps in reserve: an out-of-memory
 * killer at work is no measurement, and would hit others.
 */
#include "bench/density.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "bench/instance.h"
#include "bench/memory.h"
#include "core/context.h"

struct crowd {
	struct ctr_instance *list;
	size_t n, size;
	struct ctr_system_memory before;
};

size_t ctr_density_next(size_t n)
{
	size_t decade = 1;

	while (n >= 10 * decade)
		decade *= 10;
	return n < decade       ? decade
	       : n < 2 * decade ? 2 * decade
	       : n < 5 * decade ? 5 * decade
				: 10 * decade;
}

static size_t count_alive(struct ctr_bench *bench, const struct crowd *crowd)
{
	size_t n = 0;

	for (size_t i = 0; i < crowd->n && !bench->interrupted; i++)
		n += ctr_instance_alive(bench, &crowd->list[i]);
	return n;
}

/* NULL, or why there are not @n of them. */
static const char *grow(struct ctr_bench *bench, const struct ctr_density_options *options,
			const char *kind, size_t n, struct ctr_arena *arena, struct crowd *crowd)
{
	while (crowd->n < n) {
		struct ctr_system_memory now;
		const char *error;

		ctr_system_memory(&now);
		if (now.available < options->reserve)
			return ctr_arena_printf(
				arena, "memory: less than the reserve is left at %zu", crowd->n);
		if (options->progress)
			options->progress(options->progress_data,
					  ctr_arena_printf(arena, "density of %s", kind), NULL,
					  crowd->n, n);
		error = ctr_instance_idle(bench, kind, arena, &crowd->list[crowd->n]);
		if (error)
			return error;
		crowd->n++;
	}

	return NULL;
}

static const char *measure(struct ctr_bench *bench, struct ctr_arena *arena,
			   const struct crowd *crowd, struct ctr_point *point)
{
	struct ctr_system_memory now;
	struct timespec pause = { .tv_sec = bench->settle / 1000000000,
				  .tv_nsec = bench->settle % 1000000000 };

	(void)nanosleep(&pause, NULL);
	point->n = crowd->n;
	point->alive = count_alive(bench, crowd);
	ctr_system_memory(&now);
	ctr_memory_of(arena, getpid(), bench->context->host.cgroup_mount, 0, &point->memory);
	point->taken = (int64_t)crowd->before.available - (int64_t)now.available;
	point->free = (int64_t)crowd->before.free - (int64_t)now.free;
	point->alive_end = count_alive(bench, crowd);
	if (bench->interrupted)
		return "interrupted";
	if (point->alive < point->n || point->alive_end < point->n)
		return ctr_arena_printf(arena, "%zu of %zu were not alive any more",
					point->n - (point->alive_end < point->alive
							    ? point->alive_end
							    : point->alive),
					point->n);
	return NULL;
}

/* How many there may be, as far as the last point tells. */
static size_t room(const struct ctr_density_options *options, const struct ctr_point *last,
		   uint64_t available)
{
	int64_t pss = (int64_t)last->memory.pss;
	double each = (double)(last->taken > pss ? last->taken : pss) / (double)last->n;

	if (available <= options->reserve)
		return last->n;
	/* Where nothing is seen to be taken, something is. */
	if (each < 4096)
		each = 4096;
	return last->n + (size_t)((double)(available - options->reserve) / each);
}

const char *ctr_density_plan(const struct ctr_density_options *options,
			     const struct ctr_point *last, uint64_t available,
			     struct ctr_arena *arena, size_t *n)
{
	size_t wanted = ctr_density_next(last ? last->n : 0), most;

	if (options->max > 0 && last && last->n >= options->max)
		return ctr_arena_printf(arena, "--max %u", options->max);
	if (options->max > 0 && wanted > options->max)
		wanted = options->max;

	most = last ? room(options, last, available) : available > options->reserve;
	if (most < wanted)
		wanted = most;
	if (wanted <= (last ? last->n : 0))
		return "memory: one more would leave less than the reserve";
	*n = wanted;
	return NULL;
}

static void add_point(struct ctr_density *density, const struct ctr_point *point,
		      struct ctr_arena *arena)
{
	density->points =
		ctr_arena_grow(arena, density->points, density->npoints * sizeof(*density->points),
			       (density->npoints + 1) * sizeof(*density->points));
	density->points[density->npoints++] = *point;
}

/* Lines through the points at which all were alive. */
static void fit(struct ctr_density *density, struct ctr_arena *arena)
{
	double *n = ctr_arena_array(arena, density->npoints + 1, sizeof(*n));
	double *pss = ctr_arena_array(arena, density->npoints + 1, sizeof(*pss));
	double *taken = ctr_arena_array(arena, density->npoints + 1, sizeof(*taken));
	size_t used = 0;

	for (size_t i = 0; i < density->npoints; i++) {
		const struct ctr_point *point = &density->points[i];

		if (point->alive < point->n || point->alive_end < point->n)
			continue;
		n[used] = (double)point->n;
		pss[used] = (double)point->memory.pss;
		taken[used++] = (double)point->taken;
		if (point->n > density->largest)
			density->largest = point->n;
	}

	density->pss = ctr_theil_sen(n, pss, used, arena);
	density->taken = ctr_theil_sen(n, taken, used, arena);
}

void ctr_density_measure(struct ctr_bench *bench, const struct ctr_density_options *options,
			 struct ctr_arena *arena, struct ctr_row *row)
{
	struct ctr_density *density = &row->density;
	struct crowd crowd = {
		NULL, 0, 0, {0, 0, 0}
	};

	density->measured = true;
	ctr_system_memory(&crowd.before);
	while (!density->stopped) {
		struct ctr_point point = { 0 };
		struct ctr_system_memory now;
		size_t n = 0;

		ctr_system_memory(&now);
		density->stopped = ctr_density_plan(
			options,
			density->npoints > 0 ? &density->points[density->npoints - 1] : NULL,
			now.available, arena, &n);
		if (density->stopped)
			break;
		crowd.list = ctr_arena_grow(arena, crowd.list, crowd.size * sizeof(*crowd.list),
					    n * sizeof(*crowd.list));
		crowd.size = n;
		density->stopped = grow(bench, options, row->kind, n, arena, &crowd);
		/* What there is of a step that was not finished is a point as well. */
		if (crowd.n == 0 || (density->stopped && density->npoints > 0 &&
				     density->points[density->npoints - 1].n == crowd.n))
			break;
		if (!bench->interrupted) {
			const char *fault = measure(bench, arena, &crowd, &point);

			add_point(density, &point, arena);
			density->stopped = fault ? fault : density->stopped;
		}
	}

	for (size_t i = crowd.n; i-- > 0;)
		ctr_instance_end(bench, &crowd.list[i]);
	(void)ctr_bench_wait_all(bench, ctr_now() + bench->timeout);
	(void)ctr_bench_kill_all(bench);
	fit(density, arena);
}
