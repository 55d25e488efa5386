/*
 * malloc(3) for ctr linked with musl (musl.c). What calls it here is libseccomp, which compiles a
 * profile in some hundred thousand small allocations: musl's own, made to resist corruption and to
 * give memory back, spends a quarter of that time and twice the page faults. This one never gives
 * small blocks back to the kernel; ctr is gone before it could matter. ctr has no threads.
 *
 * A block belongs to a class of sizes, four to a doubling. Free blocks of a class are a list; new
 * ones are cut off a chunk. What is larger than the largest class is mapped by itself.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	STEP = 16,          /* alignment, and distance of the smallest classes */
	LINEAR = 8,         /* classes 16, 32 ... 128; from there four to a doubling */
	LARGEST = 64 << 10, /* of the classes */
	CLASSES = LINEAR + 9 * 4,
	CHUNK = 256 << 10,
	PAGE = 4096,
};

struct block {
	size_t size; /* usable */
	struct block *next_free;
};

static struct block *free_blocks[CLASSES];
static char *chunk, *chunk_end;

/* The class of blocks that hold @n bytes (at most LARGEST), and their size. */
static unsigned class_of(size_t n, size_t *size)
{
	unsigned log;
	size_t step;

	if (n <= LINEAR * STEP) {
		*size = n == 0 ? STEP : (n + STEP - 1) / STEP * STEP;
		return (unsigned)(*size / STEP - 1);
	}

	log = 63 - (unsigned)__builtin_clzll(n - 1); /* 2^log < n <= 2^(log+1) */
	step = (size_t)1 << (log - 2);
	*size = (n + step - 1) & ~(step - 1);
	return LINEAR + (log - 7) * 4 + (unsigned)((*size - ((size_t)1 << log)) / step) - 1;
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *map_block(size_t n)
{
	struct block *block;
	size_t size;

	if (n > PTRDIFF_MAX - PAGE - sizeof(*block)) {
		errno = ENOMEM;
		return NULL;
	}
	size = (n + sizeof(*block) + PAGE - 1) & ~(size_t)(PAGE - 1);
	block = map(size);
	if (!block)
		return NULL;
	block->size = size - sizeof(*block);
	return block + 1;
}

static struct block *cut_block(size_t size)
{
	struct block *block;

	if ((size_t)(chunk_end - chunk) < size + sizeof(*block)) {
		char *fresh = map(CHUNK);

		if (!fresh)
			return NULL;
		chunk = fresh;
		chunk_end = fresh + CHUNK;
	}
	block = (struct block *)(void *)chunk;
	block->size = size;
	chunk += size + sizeof(*block);
	return block;
}

/* Not malloc() itself: a compiler makes a calloc() of malloc() and memset(), which would be this
 * one's. */
static void *allocate(size_t n)
{
	struct block *block;
	unsigned class;
	size_t size;

	if (n > LARGEST)
		return map_block(n);

	class = class_of(n, &size);
	block = free_blocks[class];
	if (block)
		free_blocks[class] = block->next_free;
	else
		block = cut_block(size);
	return block ? block + 1 : NULL;
}

void *malloc(size_t n)
{
	return allocate(n);
}

void free(void *p)
{
	struct block *block = (struct block *)p - 1;
	unsigned class;
	size_t size;

	if (!p)
		return;
	if (block->size > LARGEST) {
		(void)munmap(block, block->size + sizeof(*block));
		return;
	}
	class = class_of(block->size, &size);
	block->next_free = free_blocks[class];
	free_blocks[class] = block;
}

void *calloc(size_t n, size_t each)
{
	size_t size;
	void *p;

	if (__builtin_mul_overflow(n, each, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	p = allocate(size);
	if (p)
		memset(p, 0, size);
	return p;
}

void *realloc(void *p, size_t n)
{
	const struct block *block = (const struct block *)p - 1;
	void *moved;

	if (!p)
		return malloc(n);
	if (n <= block->size)
		return p;

	moved = malloc(n);
	if (!moved)
		return NULL;
	memcpy(moved, p, block->size);
	free(p);
	return moved;
}
