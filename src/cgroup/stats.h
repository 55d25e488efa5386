/* What a cgroup has used: files of the cgroup read, and told as `ctr events` tells it. */
#pragma once

#include <stdint.h>

/* The number in @file, UINT64_MAX for "max". 0 or -errno. */
int ctr_stats_number(int dir, const char *file, uint64_t *out);
/* The number behind @key in a file of lines "key number", like memory.events. 0 or -errno. */
int ctr_stats_key(int dir, const char *file, const char *key, uint64_t *out);
