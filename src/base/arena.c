/* Memory that is released as a whole. Fresh memory is zero already (bss or mapped), so that handing
 * it out touches no page. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/poison.h"

enum { FIRST_CHUNK = 64 << 10, ALIGN = 16 };

struct ctr_arena_chunk {
	struct ctr_arena_chunk *before;
	size_t size; /* all of the mapping */
};

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "ctr: out of memory\n";
	ssize_t ignored;

	ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)ignored;
	_exit(125);
}

void ctr_arena_init(struct ctr_arena *arena, void *memory, size_t size)
{
	*arena = (struct ctr_arena){
		.next = memory,
		.left = size,
		.first = memory,
		.first_size = size,
	};
	ctr_poison(memory, size);
}

void ctr_arena_release(struct ctr_arena *arena)
{
	struct ctr_arena_chunk *chunk = arena->chunks;
	struct ctr_arena_chunk *before;
	size_t used = arena->first_used;

	/* The caller's memory can serve another arena: give it back as it came. */
	if (arena->first) {
		if (!chunk)
			used = (size_t)(arena->next - arena->first);
		ctr_unpoison(arena->first, arena->first_size);
		memset(arena->first, 0, used);
	}

	for (; chunk; chunk = before) {
		before = chunk->before;
		ctr_unpoison(chunk, chunk->size);
		(void)munmap(chunk, chunk->size);
	}
	*arena = (struct ctr_arena)CTR_ARENA_INIT;
}

/* Map a chunk with room for @size bytes and go on in it; what is left of the old one is lost. */
static void add_chunk(struct ctr_arena *arena, size_t size)
{
	size_t want = arena->chunks ? arena->chunks->size * 2 : FIRST_CHUNK;
	struct ctr_arena_chunk *chunk;

	if (size > SIZE_MAX / 4)
		out_of_memory();
	size += sizeof(*chunk) + ALIGN + CTR_POISON_GAP;
	while (want < size)
		want *= 2;

	chunk = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk == MAP_FAILED)
		out_of_memory();

	if (arena->first && !arena->chunks)
		arena->first_used = (size_t)(arena->next - arena->first);
	chunk->size = want;
	chunk->before = arena->chunks;
	arena->chunks = chunk;
	arena->next = (char *)(chunk + 1);
	arena->left = want - sizeof(*chunk);
	ctr_poison(arena->next, arena->left);
}

/* @align is ALIGN, or 1 for bytes. */
static void *take(struct ctr_arena *arena, size_t size, size_t align)
{
	size_t pad;
	char *p;

	if (align < CTR_POISON_ALIGN)
		align = CTR_POISON_ALIGN;
	pad = -(uintptr_t)arena->next & (align - 1);
	if (size > arena->left || pad + CTR_POISON_GAP > arena->left - size) {
		add_chunk(arena, size);
		pad = -(uintptr_t)arena->next & (align - 1);
	}

	p = arena->next + pad;
	arena->next = p + size + CTR_POISON_GAP;
	arena->left -= pad + size + CTR_POISON_GAP;
	ctr_unpoison(p, size);
	return p;
}

void *ctr_arena_alloc(struct ctr_arena *arena, size_t size)
{
	return take(arena, size, ALIGN);
}

void *ctr_arena_array(struct ctr_arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory();
	return take(arena, bytes, ALIGN);
}

/* Make the latest piece @size instead of @old bytes long. */
static void *resize(struct ctr_arena *arena, char *p, size_t old, size_t size)
{
	if (size < old) {
		memset(p + size, 0, old - size);
		ctr_poison(p + size, old - size);
	} else {
		ctr_unpoison(p, size);
	}
	arena->next += size - old;
	arena->left -= size - old;
	return p;
}

void *ctr_arena_grow(struct ctr_arena *arena, void *p, size_t old, size_t size)
{
	void *moved;

	if (p && (char *)p + old + CTR_POISON_GAP == arena->next &&
	    (size <= old || size - old <= arena->left))
		return resize(arena, p, old, size);
	if (p && size <= old)
		return p;

	moved = take(arena, size, ALIGN);
	if (old > 0)
		memcpy(moved, p, old);
	return moved;
}

char *ctr_arena_strndup(struct ctr_arena *arena, const char *s, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		out_of_memory();
	copy = take(arena, n + 1, 1);
	memcpy(copy, s, n);
	return copy;
}

char *ctr_arena_strdup(struct ctr_arena *arena, const char *s)
{
	return ctr_arena_strndup(arena, s, strlen(s));
}

char *ctr_arena_vprintf(struct ctr_arena *arena, const char *format, va_list ap)
{
	char small[256];
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), format, ap);
	if (n < 0) {
		small[0] = '\0';
		n = 0;
	}

	text = take(arena, (size_t)n + 1, 1);
	if ((size_t)n < sizeof(small))
		memcpy(text, small, (size_t)n + 1);
	else
		(void)vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

char *ctr_arena_printf(struct ctr_arena *arena, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = ctr_arena_vprintf(arena, format, ap);
	va_end(ap);
	return text;
}
