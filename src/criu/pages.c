/*
 * CRIU opens a fifo and waits, and its restorer asks again and again for pages behind the end of
 * their file. A pagemap is two magic numbers and messages of protobuf, each behind its length: a
 * head with the number of the file of pages, then runs of pages (images/pagemap.proto).
 */
#include "criu/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"

enum {
	PAGEMAP_MAX = 256 << 20,
	PARENTS_MAX = 1024,
	MAGIC = 8,
	/* fields */
	HEAD_FILE = 1,
	RUN_COUNT_32 = 2,
	RUN_IN_PARENT = 3,
	RUN_FLAGS = 4,
	RUN_COUNT = 5,
	FIELDS,
	/* RUN_FLAGS */
	IN_PARENT = 1 << 0,
	PRESENT = 1 << 2,
};

bool ctr_varint_read(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;

		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

/* These messages have numbers alone. */
static bool read_fields(const uint8_t *at, size_t len, uint64_t fields[static FIELDS])
{
	const uint8_t *end = at + len;
	uint64_t key, value;

	memset(fields, 0, FIELDS * sizeof(*fields));
	while (at < end) {
		if (!ctr_varint_read(&at, end, &key) || (key & 7) != 0 ||
		    !ctr_varint_read(&at, end, &value))
			return false;
		if (key >> 3 < FIELDS)
			fields[key >> 3] = value;
	}
	return true;
}

static bool next_message(const uint8_t *data, size_t len, size_t *at,
			 uint64_t fields[static FIELDS])
{
	uint32_t size;

	if (len - *at < sizeof(size))
		return false;
	memcpy(&size, data + *at, sizeof(size));
	*at += sizeof(size);
	if (size > len - *at || !read_fields(data + *at, size, fields))
		return false;
	*at += size;
	return true;
}

struct ctr_pagemap ctr_pagemap_read(const uint8_t *data, size_t len)
{
	struct ctr_pagemap map = { 0 };
	uint64_t fields[FIELDS];
	size_t at = MAGIC;

	if (len < MAGIC || !next_message(data, len, &at, fields))
		return map;
	map.file = fields[HEAD_FILE];
	while (next_message(data, len, &at, fields)) {
		/* images of old have no flags */
		uint64_t flags = fields[RUN_FLAGS]       ? fields[RUN_FLAGS]
				 : fields[RUN_IN_PARENT] ? IN_PARENT
							 : PRESENT;
		uint64_t run = fields[RUN_COUNT] ? fields[RUN_COUNT] : fields[RUN_COUNT_32];

		map.in_parent |= (flags & IN_PARENT) != 0;
		if (flags & PRESENT && __builtin_add_overflow(map.present, run, &map.present))
			map.present = UINT64_MAX;
	}
	return map;
}

/* A directory of images, and the one of its parent. */
struct place {
	int dir, parent; /* -1: none that can be opened */
	const char *path;
	bool memory;
};

static int check_pages_in(const struct place *place, const char *name, struct ctr_arena *arena,
			  struct ctr_error *err)
{
	size_t len = 0;
	char *data = ctr_file_read(arena, place->dir, name, PAGEMAP_MAX, &len, err);
	struct ctr_pagemap map;
	const char *pages;
	struct stat st;
	uint64_t size;

	if (!data)
		return -1;
	map = ctr_pagemap_read((const uint8_t *)data, len);
	/* CRIU would tell so without a name, or find out when nothing can be taken back. */
	if (map.in_parent &&
	    (place->parent < 0 || faccessat(place->parent, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0))
		return ctr_fail(err, CTR_FAULT_CONFIG, ENOENT,
				"'%s' needs its parent: cannot find '%s/parent/%s'", name,
				place->path, name);
	pages = ctr_arena_printf(arena, "pages-%llu.img", (unsigned long long)map.file);
	if (map.present == 0)
		return 0;
	if (fstatat(place->dir, pages, &st, 0) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "cannot find '%s'", pages);
	if (__builtin_mul_overflow(map.present, (uint64_t)sysconf(_SC_PAGESIZE), &size))
		size = UINT64_MAX;
	if ((uint64_t)st.st_size < size)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"an image is damaged: '%s' has %lld bytes, and '%s' tells of %llu",
				pages, (long long)st.st_size, name, (unsigned long long)size);
	return 0;
}

/* One after the other, so that no more than one is in memory. */
static int check_pages(const struct place *place, const char *name, struct ctr_error *err)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	int r;

	r = check_pages_in(place, name, &arena, err);
	ctr_arena_release(&arena);
	return r;
}

static int check_dir(const struct place *place, struct ctr_error *err)
{
	int again = openat(place->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *list = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	if (!list) {
		(void)ctr_fail(err, CTR_FAULT_HOST, errno, "cannot list it");
		ctr_close_ptr(&again);
		return -1;
	}
	while ((entry = readdir(list))) {
		const char *end = strrchr(entry->d_name, '.');
		struct stat st;

		if (!end || strcmp(end, ".img") != 0)
			continue;
		/* CRIU makes no links, and follows those of others to whatever root can read. */
		if (fstatat(place->dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, errno, "cannot look at '%s'",
					entry->d_name);
		if (!S_ISREG(st.st_mode))
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"an image is damaged: '%s' is no regular file",
					entry->d_name);
		if (place->memory && strncmp(entry->d_name, "pagemap-", strlen("pagemap-")) == 0 &&
		    check_pages(place, entry->d_name, err) < 0)
			return -1;
	}
	return 0;
}

struct seen {
	dev_t dev;
	ino_t ino;
};

/* true, and one more in @seen: none of them is this. */
static bool is_new(const struct stat *st, struct seen *seen, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (seen[i].ino == st->st_ino && seen[i].dev == st->st_dev)
			return false;
	seen[n] = (struct seen){ .dev = st->st_dev, .ino = st->st_ino };
	return true;
}

static int check_chain(struct place *place, int *opened, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	struct seen seen[PARENTS_MAX];
	struct stat st;

	for (unsigned depth = 0; depth < PARENTS_MAX; depth++) {
		int r;

		if (fstat(place->dir, &st) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "'%s'", place->path);
		if (!is_new(&st, seen, depth))
			return ctr_fail(err, CTR_FAULT_CONFIG, 0, "'%s' is a parent of its own",
					place->path);
		place->parent = openat(place->dir, "parent", O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = check_dir(place, err);
		ctr_close_ptr(opened);
		place->dir = *opened = place->parent;
		if (r < 0)
			return ctr_fail_within(err, "'%s'", place->path);
		if (place->dir < 0)
			return 0;
		place->path = ctr_arena_printf(arena, "%s/parent", place->path);
	}
	return ctr_fail(err, CTR_FAULT_CONFIG, 0, "'%s' has parents without end", place->path);
}

int ctr_images_check_files(int dir, const char *path, bool memory, struct ctr_error *err)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct place place = { .dir = dir, .path = path, .memory = memory };
	int opened = -1, r;

	r = check_chain(&place, &opened, &arena, err);
	ctr_close_ptr(&opened);
	ctr_arena_release(&arena);
	return r;
}
