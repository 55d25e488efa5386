/*
 * linux.seccomp -> BPF. Compiling a profile for three architectures costs more than everything else
 * a start does, so programs are cached under the state root.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_error;
struct ctr_seccomp;
struct sock_filter;

struct ctr_seccomp_program {
	const struct sock_filter *filter; /* in the arena */
	uint16_t length;
	uint32_t
		flags; /* SECCOMP_FILTER_FLAG_* for seccomp(2), NEW_LISTENER included when needed */
};

/*
 * Compile @profile, or take it from the cache in the directory @cache_dir (NULL: no cache).
 * @origin names the field in messages ("linux.seccomp"). 0, or -1 and @err.
 */
int ctr_seccomp_compile(const struct ctr_seccomp *profile, const char *cache_dir,
			struct ctr_arena *arena, struct ctr_seccomp_program *out,
			struct ctr_error *err);
