/* Lists of CPUs or memory nodes as the kernel writes them (cpuset(7), "List format"): "0-3,7". */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Set the bits of @list in @mask, which has @size bits (a multiple of 64, zeroed by the caller).
 * Blanks around items are fine. How many bits count (the highest set and one; 0 for an empty list),
 * or -EINVAL, or -ERANGE for a number that does not fit.
 */
int ctr_bitlist_parse(const char *list, uint64_t *mask, size_t size);
