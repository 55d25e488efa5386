/* Paths in a container's root file system, as it sees them: links do not lead out of it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Open @path below the directory @root as if that were "/" (openat2(2), RESOLVE_IN_ROOT; without
 * magic links). A new descriptor, or -errno. */
int ctr_open_in_root(int root, const char *path, int flags);

/* Make what a mount can be put on, if it is not there: a directory, or an empty file when @file;
 * parents as needed. 0 or -errno. */
int ctr_make_in_root(int root, const char *path, bool file);
