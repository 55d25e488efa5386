/* Paths: lexical cleaning, and the only way into a container's tree. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_error;

/*
 * Open @path below the directory @root as if it were "/": links and ".." are resolved inside it and
 * cannot leave it; magic links are refused. openat2(2) RESOLVE_IN_ROOT, or a component-by-component
 * O_NOFOLLOW walk where that is missing. @flags as open(2), O_CLOEXEC is added. A new descriptor,
 * or -errno.
 */
int ctr_open_in_root(int root, const char *path, int flags, mode_t mode);
/* The same without openat2(2); for ctr_open_in_root() and the tests. */
int ctr_open_in_root_walk(int root, const char *path, int flags, mode_t mode);

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
