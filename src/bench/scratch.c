/*
 * The directory is made, locked and removed as those of containers are (state/dir.h), in a state
 * root of its own, which nobody else may write to: nothing in a place that all share has to be
 * trusted.
 */
#include "bench/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "bench/invoke.h"
#include "core/context.h"
#include "state/dir.h"
#include "state/id.h"

enum { TRIES = 8 };

static const char *place_of(const struct ctr_bench *bench)
{
	return ctr_arena_printf(bench->context->arena, "%s/-compare", bench->context->root);
}

int ctr_scratch_make(struct ctr_bench *bench, struct ctr_error *err)
{
	struct ctr_arena *arena = bench->context->arena;
	const char *place = place_of(bench);
	char *token = ctr_arena_alloc(arena, 13);
	_cleanup_close_ int root = ctr_context_open_root(bench->context, true, err);

	if (root < 0)
		return -1;
	/* The last of those before may be about to take the place away. */
	for (int tries = 0; tries < TRIES && !bench->dir; tries++) {
		_cleanup_close_ int dir = ctr_state_open_root(place, true, err);

		ctr_id_generate(token);
		bench->lock = dir < 0 ? -1 : ctr_state_make(dir, token, err);
		if (bench->lock >= 0)
			bench->dir = ctr_arena_printf(arena, "%s/%s", place, token);
	}
	bench->token = token;
	return bench->dir ? 0 : ctr_fail_within(err, "compare");
}

static void remove_from(const char *place, int dir, const char *token)
{
	struct ctr_error err;

	if (ctr_state_remove(dir, token, &err) < 0)
		ctr_log(CTR_LOG_WARNING, "compare: %s", err.text);
	/* Unless there are others. */
	(void)rmdir(place);
}

void ctr_scratch_remove(struct ctr_bench *bench)
{
	const char *place = place_of(bench);
	_cleanup_close_ int dir = -1;

	if (!bench->dir)
		return;
	dir = ctr_state_open_root(place, false, NULL);
	if (dir >= 0)
		remove_from(place, dir, bench->token);
	ctr_close_ptr(&bench->lock);
	bench->dir = NULL;
}

/* Delete what has @token in its id. */
static void delete_all(struct ctr_bench *bench, const char *token)
{
	struct ctr_arena *arena = bench->context->arena;
	const char *prefix = ctr_arena_printf(arena, CTR_BENCH_ID "%s-", token), **ids;
	_cleanup_close_ int root = ctr_context_open_root(bench->context, false, NULL);
	size_t n;

	if (root < 0 || ctr_state_list(root, arena, &ids, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (strncmp(ids[i], prefix, strlen(prefix)) == 0 &&
		    ctr_bench_wipe(bench, ids[i]) == 0)
			ctr_log(CTR_LOG_WARNING,
				"compare: container '%s' was left by a comparison that was killed, "
				"and is deleted",
				ids[i]);
}

void ctr_scratch_sweep(struct ctr_bench *bench)
{
	struct ctr_arena *arena = bench->context->arena;
	const char *place = place_of(bench), **tokens;
	_cleanup_close_ int dir = ctr_state_open_root(place, false, NULL);
	size_t n;

	if (dir < 0 || ctr_state_list(dir, arena, &tokens, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n && !bench->interrupted; i++) {
		bool locked = false;
		_cleanup_close_ int lock =
			ctr_state_open(dir, tokens[i], CTR_LOCK_TRY, &locked, NULL);

		if (lock < 0 || !locked)
			continue;
		delete_all(bench, tokens[i]);
		remove_from(place, dir, tokens[i]);
	}
}
