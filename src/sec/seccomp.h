/*
 * linux.seccomp -> the program that seccomp(2) takes. How rules that speak of the same call go
 * together, and what newer calls get, is said in rules.c.
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
	/* SECCOMP_FILTER_FLAG_* for seccomp(2); NEW_LISTENER when a rule notifies. */
	uint32_t flags;
};

/*
 * Compile @profile, or take it from the cache in the directory @cache_dir (NULL: no cache). Names
 * that nobody knows are skipped with a debug message. 0, or -1 and @err (field linux.seccomp).
 */
int ctr_seccomp_compile(const struct ctr_seccomp *profile, const char *cache_dir,
			struct ctr_arena *arena, struct ctr_seccomp_program *out,
			struct ctr_error *err);
