/*
 * Memory that lives and dies together: the spec, the plan and the texts of one command. No frees
 * inside; released as a whole. Pages cost more than anything else at start-up, so the first chunk
 * is static (bss) for the process-wide arena and later ones are mapped with doubling size.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct ctr_arena_chunk;

struct ctr_arena {
	struct ctr_arena_chunk *chunks;
	char *next;
	size_t left;
	char *first; /* the caller's memory, if it gave any */
	size_t first_size, first_used;
};

#define CTR_ARENA_INIT                                                                             \
	{                                                                                          \
		0                                                                                  \
	}

/*
 * Use @size bytes at @memory (the caller's and zero, e.g. a static array) before mapping any.
 * ctr_arena_release() makes them zero again.
 */
void ctr_arena_init(struct ctr_arena *arena, void *memory, size_t size);
void ctr_arena_release(struct ctr_arena *arena);

/* Zeroed, 16-aligned memory. Running out of memory ends the process with status 125: no caller
 * could do better, and every undo is done by the kernel or by `ctr delete --force`. */
void *ctr_arena_alloc(struct ctr_arena *arena, size_t size);
/* @count items of @size; an overflow is treated as out of memory. */
void *ctr_arena_array(struct ctr_arena *arena, size_t count, size_t size);
/* Make the allocation @p of @old bytes @size bytes long: in place when it is the latest one and
 * there is room, else as a copy. New bytes are zero. @p may be NULL with @old 0. */
void *ctr_arena_grow(struct ctr_arena *arena, void *p, size_t old, size_t size);
char *ctr_arena_strdup(struct ctr_arena *arena, const char *s);
char *ctr_arena_strndup(struct ctr_arena *arena, const char *s, size_t n);
char *ctr_arena_printf(struct ctr_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
char *ctr_arena_vprintf(struct ctr_arena *arena, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));
