/* Memory that is released as a whole. Fresh memory is zero already (bss or mapped), so that handing
 * it out touches no page. */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
	*arena = (struct ctr_arena){ .next = memory, .left = size, .first = memory };
}

void ctr_arena_release(struct ctr_arena *arena)
{
	struct ctr_arena_chunk *chunk = arena->chunks;
	struct ctr_arena_chunk *before;

	/* The caller's memory can serve another arena: give it back as it came. */
	if (arena->first)
		memset(arena->first, 0,
		       arena->chunks ? arena->first_used : (size_t)(arena->next - arena->first));

	for (; chunk; chunk = before) {
		before = chunk->before;
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
	size += sizeof(*chunk) + ALIGN;
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
}

static void *take(struct ctr_arena *arena, size_t size, size_t align)
{
	size_t pad = -(uintptr_t)arena->next & (align - 1);
	char *p;

	if (size > arena->left || pad > arena->left - size) {
		add_chunk(arena, size);
		pad = -(uintptr_t)arena->next & (align - 1);
	}

	p = arena->next + pad;
	arena->next = p + size;
	arena->left -= pad + size;
	arena->total += size;
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

void *ctr_arena_grow(struct ctr_arena *arena, void *p, size_t old, size_t size)
{
	char *end = (char *)p + old;
	void *moved;

	if (p && end == arena->next) {
		if (size <= old) {
			memset((char *)p + size, 0, old - size);
			arena->next -= old - size;
			arena->left += old - size;
			arena->total -= old - size;
			return p;
		}
		if (size - old <= arena->left) {
			arena->next += size - old;
			arena->left -= size - old;
			arena->total += size - old;
			return p;
		}
	}
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

char *ctr_arena_printf(struct ctr_arena *arena, const char *format, ...)
{
	char small[256];
	va_list ap, again;
	char *text;
	int n;

	va_start(ap, format);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), format, ap);
	va_end(ap);
	if (n < 0)
		n = 0;

	text = take(arena, (size_t)n + 1, 1);
	if ((size_t)n < sizeof(small))
		memcpy(text, small, (size_t)n + 1);
	else
		(void)vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}
