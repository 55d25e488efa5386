/*
 * Under AddressSanitizer, memory that an arena has not handed out is out of bounds, and so is a gap
 * behind each piece that it has. Elsewhere all of this is nothing.
 */
#pragma once

#include <stddef.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define CTR_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(CTR_POISON)
#define CTR_POISON 1
#endif

#ifdef CTR_POISON
#include <sanitizer/asan_interface.h>

enum { CTR_POISON_GAP = 16, CTR_POISON_ALIGN = 8 };

static inline void ctr_poison(const void *p, size_t n)
{
	__asan_poison_memory_region(p, n);
}

static inline void ctr_unpoison(const void *p, size_t n)
{
	__asan_unpoison_memory_region(p, n);
}
#else
enum { CTR_POISON_GAP = 0, CTR_POISON_ALIGN = 1 };

static inline void ctr_poison(const void *p, size_t n)
{
	(void)p;
	(void)n;
}

static inline void ctr_unpoison(const void *p, size_t n)
{
	(void)p;
	(void)n;
}
#endif
