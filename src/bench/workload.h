/* The configuration that runs: the bundle's, without what keeps many of it apart or together. */
#pragma once

#include <stddef.h>

struct ctr_arena;

/*
 * A good configuration @text as it is run by a comparison: process.terminal is false, process.args
 * are @args (NULL-terminated; NULL: as they are), and there is no linux.cgroupsPath, which would
 * be the same one for all. Everything else is kept, unknown members too. The result is in @arena.
 */
const char *ctr_workload_config(struct ctr_arena *arena, const char *text, size_t len,
				const char *const *args, size_t *ret_len);

/* "sleep 100" as words, split at blanks. NULL-terminated; NULL when there is none. */
const char *const *ctr_words(struct ctr_arena *arena, const char *text);
/* Words as one line. */
const char *ctr_line_of(struct ctr_arena *arena, const char *const *words);
