/*
 * Inside sec/: a profile on its way to a program. rules.c turns names into numbers and the rules
 * of the document into one decision for every number; emit.c turns that into instructions. Both
 * are pure. No allocator but the arena, and of libseccomp only its tables of names: compiling the
 * profile that Docker writes, 434 names for three architectures, takes it 16 ms and this 0.2 ms.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_error;
struct ctr_seccomp;
struct ctr_seccomp_arg;
struct sock_filter;

/* The arguments of a call that match it: all of @args hold. */
struct ctr_filter_case {
	const struct ctr_seccomp_arg *args;
	size_t nargs;
	uint32_t action; /* SECCOMP_RET_* with its data */
	struct ctr_filter_case *next;
};

/* The numbers from @first to before the next range's first. */
struct ctr_filter_range {
	uint32_t first;
	uint32_t action;                     /* when no case matches */
	const struct ctr_filter_case *cases; /* the first that matches decides */
	bool words;                          /* arguments have 32 bits */
};

/* What holds for one value of seccomp_data.arch. */
struct ctr_filter_section {
	uint32_t arch; /* AUDIT_ARCH_* */
	const struct ctr_filter_range *ranges;
	size_t nranges;
};

enum { CTR_FILTER_SECTIONS_MAX = 2 };

struct ctr_filter {
	struct ctr_filter_section sections[CTR_FILTER_SECTIONS_MAX];
	size_t nsections;
	bool notifies; /* some call goes to the listener */
};

/*
 * The decisions of @profile on a machine whose own architecture is @native (SCMP_ARCH_*).
 * Architectures of the profile that such a kernel never reports are left out.
 */
int ctr_filter_decide(const struct ctr_seccomp *profile, uint32_t native, struct ctr_arena *arena,
		      struct ctr_filter *out, struct ctr_error *err);

/* The program: *@n instructions in @arena. Fails when the kernel would not take so many. */
int ctr_filter_emit(const struct ctr_filter *filter, struct ctr_arena *arena,
		    struct sock_filter **out, size_t *n, struct ctr_error *err);

/* The number of the call @name for @arch (SCMP_ARCH_*): negative where it has none;
 * __NR_SCMP_ERROR when nobody knows the name. -100 to -120 and -200 to -224 are what goes through
 * socketcall(2) and ipc(2), see calls.c. */
int ctr_filter_call(const char *name, uint32_t arch);
/* The number of its own that a call through socketcall or ipc has on i386 as well, or -1. */
int ctr_filter_direct_call(int multiplexed);
