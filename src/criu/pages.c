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
#include "criu/images.h"

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
	PRESENT = 1 << 2,
};

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
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
		if (!read_varint(&at, end, &key) || (key & 7) != 0 ||
		    !read_varint(&at, end, &value))
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

uint64_t ctr_pagemap_count(const uint8_t *data, size_t len, uint64_t *n)
{
	uint64_t fields[FIELDS], count = 0;
	size_t at = MAGIC;

	if (len < MAGIC || !next_message(data, len, &at, fields))
		return 0;
	*n = fields[HEAD_FILE];
	while (next_message(data, len, &at, fields)) {
		/* images of old have no flags */
		bool present =
			fields[RUN_FLAGS] ? fields[RUN_FLAGS] & PRESENT : !fields[RUN_IN_PARENT];
		uint64_t run = fields[RUN_COUNT] ? fields[RUN_COUNT] : fields[RUN_COUNT_32];

		if (present && __builtin_add_overflow(count, run, &count))
			return UINT64_MAX;
	}
	return count;
}

static int check_pages_in(int dir, const char *name, struct ctr_arena *arena, struct ctr_error *err)
{
	size_t len = 0;
	char *data = ctr_file_read(arena, dir, name, PAGEMAP_MAX, &len, err);
	uint64_t n = 0, count, size;
	const char *pages;
	struct stat st;

	if (!data)
		return -1;
	count = ctr_pagemap_count((const uint8_t *)data, len, &n);
	pages = ctr_arena_printf(arena, "pages-%llu.img", (unsigned long long)n);
	if (count == 0)
		return 0;
	if (fstatat(dir, pages, &st, 0) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "cannot find '%s'", pages);
	if (__builtin_mul_overflow(count, (uint64_t)sysconf(_SC_PAGESIZE), &size))
		size = UINT64_MAX;
	if ((uint64_t)st.st_size < size)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"an image is damaged: '%s' has %lld bytes, and '%s' tells of %llu",
				pages, (long long)st.st_size, name, (unsigned long long)size);
	return 0;
}

/* One after the other, so that no more than one is in memory. */
static int check_pages(int dir, const char *name, struct ctr_error *err)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	int r;

	r = check_pages_in(dir, name, &arena, err);
	ctr_arena_release(&arena);
	return r;
}

static int check_dir(int dir, bool memory, struct ctr_error *err)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
		if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, errno, "cannot look at '%s'",
					entry->d_name);
		if (!S_ISREG(st.st_mode))
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"an image is damaged: '%s' is no regular file",
					entry->d_name);
		if (memory && strncmp(entry->d_name, "pagemap-", strlen("pagemap-")) == 0 &&
		    check_pages(dir, entry->d_name, err) < 0)
			return -1;
	}
	return 0;
}

int ctr_images_check_files(const struct ctr_images *image, bool memory, struct ctr_error *err)
{
	_cleanup_close_ int dir = -1;
	struct {
		dev_t dev;
		ino_t ino;
	} seen[PARENTS_MAX];
	struct stat st;

	for (unsigned depth = 0; depth < PARENTS_MAX; depth++) {
		int next;

		if (fstat(dir < 0 ? image->dir : dir, &st) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "--image-path: '%s'",
					image->path);
		seen[depth].dev = st.st_dev;
		seen[depth].ino = st.st_ino;
		for (unsigned i = 0; i < depth; i++)
			if (seen[i].ino == st.st_ino && seen[i].dev == st.st_dev)
				return ctr_fail(err, CTR_FAULT_CONFIG, 0,
						"--image-path: '%s' is a parent of its own",
						image->path);
		if (check_dir(dir < 0 ? image->dir : dir, memory, err) < 0)
			return ctr_fail_within(err, "--image-path: '%s'%s", image->path,
					       depth > 0 ? " (a parent)" : "");
		next = openat(dir < 0 ? image->dir : dir, "parent",
			      O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			return 0;
		ctr_close_ptr(&dir);
		dir = next;
	}
	return ctr_fail(err, CTR_FAULT_CONFIG, 0, "--image-path: '%s' has parents without end",
			image->path);
}
