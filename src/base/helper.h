/*
 * ctr's own programs in libexec: what needs a library that only some features use. Each is built
 * where its library is.
 */
#pragma once

#include <stddef.h>

struct ctr_arena;
struct ctr_error;

enum ctr_helper {
	CTR_HELPER_NET,
	CTR_HELPER_SYSTEMD,
	CTR_HELPER_CRIU,
};

/* The path of @helper: where it is installed; for a ctr that was moved, or is not installed, by
 * where that is. In @arena. It may not be there. */
const char *ctr_helper_path(enum ctr_helper helper, struct ctr_arena *arena);

/* Why @helper could not be started by its @path: @error is an errno, where ENOENT means that ctr
 * was built without it. Returns -1. */
int ctr_helper_fail(enum ctr_helper helper, const char *path, int error, struct ctr_error *err);

/*
 * Run @helper with @argv, whose first word is filled in here; what it writes comes into @text, of
 * @size bytes. 0; 1 and @err with its own words when its exit status is another; -1 and @err when
 * it could not be started.
 */
int ctr_helper_run(enum ctr_helper helper, const char **argv, char *text, size_t size,
		   struct ctr_arena *arena, struct ctr_error *err);
/* The same with the lock that the caller has by descriptor @lock (-1: none), for as long as it
 * runs: where the caller is killed it goes on, and nobody must take back meanwhile what it makes.
 */
int ctr_helper_run_locked(enum ctr_helper helper, const char **argv, int lock, char *text,
			  size_t size, struct ctr_arena *arena, struct ctr_error *err);
