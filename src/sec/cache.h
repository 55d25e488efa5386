/*
 * Inside sec/: compiled filters kept under the state root, one file each. Its name is a hash; what
 * counts is that the file holds, byte for byte, the profile and the versions it was compiled from.
 * Nothing here fails: a cache that does not work is a cache that is not there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_seccomp;
struct sock_filter;

struct ctr_seccomp_cached {
	const struct sock_filter *insns; /* valid until the process ends */
	uint16_t n;
	bool notifies;
};

/* Find the filter of @profile for architecture @native in the directory @dir. A file that others
 * could have written, or that is damaged, is not there. */
bool ctr_seccomp_cache_find(const char *dir, const struct ctr_seccomp *profile, uint32_t native,
			    struct ctr_seccomp_cached *out);

/* Keep a filter, and of the others the latest. @dir is made when missing (not its parent). */
void ctr_seccomp_cache_keep(const char *dir, const struct ctr_seccomp *profile, uint32_t native,
			    const struct ctr_seccomp_cached *filter, struct ctr_arena *arena);
