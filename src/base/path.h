/* Paths as text: cleaning, joining, comparing. Nothing here looks at a file system. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctr_arena;

/* Lexically clean: one leading slash kept or added, no empty, "." or ".." component ("..": clamped
 * at the root), no trailing slash. "/" for "". The result is in @arena. */
char *ctr_path_clean(struct ctr_arena *arena, const char *path);
/* The same for an absolute path in its own memory. Returns the new length. */
size_t ctr_path_clean_inplace(char *path);
/* @path if absolute, else @base joined with it; not cleaned. */
char *ctr_path_join(struct ctr_arena *arena, const char *base, const char *path);
/* The same, cleaned, unless it is relative or has "..": what that means depends on links. */
char *ctr_path_join_clean(struct ctr_arena *arena, const char *base, const char *path);
/* Is clean path @path equal to or below clean path @dir? */
bool ctr_path_is_below(const char *path, const char *dir);
