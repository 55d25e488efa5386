/*
 * The C library keeps the state of its random numbers in a droppable area (vgetrandom), so that two
 * processes never draw the same. CRIU's restorer gives madvise(2) each bit of a number in the
 * images (images/vma.proto), whatever it is, so the images can say what CRIU does not: with
 * MADV_DONTNEED containers of one image do not share that state either. An image is two magic
 * numbers, and behind its length one message of protobuf (images/mm.proto).
 */
#include "criu/areas.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "criu/pages.h"

enum {
	FILE_MAX = 256 << 20,
	MAGIC = 8,
	HEAD = MAGIC + sizeof(uint32_t),
	/* kinds of fields, in their keys */
	NUMBER = 0,
	BYTES = 2,
	/* keys */
	AREA = 14 << 3 | BYTES,
	AREA_START = 1 << 3 | NUMBER,
	AREA_END = 2 << 3 | NUMBER,
	AREA_ADVICE = 9 << 3 | NUMBER,
};

/* ---- what the kernel knows */

static bool has_flag(const char *flags, const char *flag)
{
	const char *end = strchr(flags, '\n');
	const char *at = strstr(flags, flag);

	return at && (!end || at < end);
}

size_t ctr_areas_find(const char *text, struct ctr_area **out, struct ctr_arena *arena)
{
	struct ctr_area area = { 0 };
	size_t n = 0, size = 0;

	*out = NULL;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		char *dash;

		line += *line == '\n';
		if (strncmp(line, "VmFlags:", 8) != 0) {
			uint64_t start = strtoull(line, &dash, 16);

			/* no name of the other lines is a number and a dash */
			if (*dash == '-' && dash != line)
				area = (struct ctr_area){ .start = start,
							  .end = strtoull(dash + 1, NULL, 16) };
			continue;
		}
		if (!has_flag(line, " wf"))
			continue;
		/* What CRIU has restored before has all that belongs to it, and not the name. */
		area.droppable =
			has_flag(line, " dp") || (has_flag(line, " dd") && has_flag(line, " nr"));
		if (n == size) {
			*out = ctr_arena_grow(arena, *out, size * sizeof(area),
					      (2 * size + 8) * sizeof(area));
			size = 2 * size + 8;
		}
		(*out)[n++] = area;
	}
	return n;
}

/* ---- what is in the image */

struct field {
	uint64_t key, number; /* of BYTES: how many */
	const uint8_t *bytes;
	const uint8_t *end;
};

/* The field at @at; these messages have two kinds of them. */
static bool read_field(const uint8_t *at, const uint8_t *end, struct field *field)
{
	if (!ctr_varint_read(&at, end, &field->key) || !ctr_varint_read(&at, end, &field->number))
		return false;
	field->bytes = field->end = at;
	if ((field->key & 7) == NUMBER)
		return true;
	if ((field->key & 7) != BYTES || field->number > (uint64_t)(end - at))
		return false;
	field->end = at + field->number;
	return true;
}

static void add_varint(struct ctr_buf *out, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		ctr_buf_addc(out, (char)(number | 0x80));
	ctr_buf_addc(out, (char)number);
}

static size_t varint_size(uint64_t number)
{
	size_t n = 1;

	for (; number >= 0x80; number >>= 7)
		n++;
	return n;
}

/* Of a field that is there twice the last one counts. */
static void add_area(struct ctr_buf *out, const struct field *area, uint64_t advice)
{
	add_varint(out, AREA);
	add_varint(out, area->number + varint_size(AREA_ADVICE) + varint_size(advice));
	ctr_buf_add(out, area->bytes, area->number);
	add_varint(out, AREA_ADVICE);
	add_varint(out, advice);
}

/* What is to be told of the area in @field. Its advice so far is in *@advice; false: damaged. */
static bool read_area(const struct field *area, const struct ctr_area *areas, size_t n, bool drop,
		      uint64_t *advice)
{
	uint64_t start = 0, end = 0, more = 0;
	struct field field;

	*advice = 0;
	for (const uint8_t *at = area->bytes; at < area->end; at = field.end) {
		if (!read_field(at, area->end, &field))
			return false;
		if (field.key == AREA_START)
			start = field.number;
		else if (field.key == AREA_END)
			end = field.number;
		else if (field.key == AREA_ADVICE)
			*advice = field.number;
	}
	for (size_t i = 0; i < n; i++)
		if (start >= areas[i].start && end <= areas[i].end)
			more = 1 << MADV_WIPEONFORK |
			       (drop && areas[i].droppable ? 1 << MADV_DONTNEED : 0);
	*advice = more ? *advice | more : 0;
	return true;
}

bool ctr_areas_mark(struct ctr_buf *out, const uint8_t *image, size_t len,
		    const struct ctr_area *areas, size_t n, bool drop)
{
	const uint8_t *end = image + len;
	bool marked = false;
	uint32_t size;
	struct field field;
	uint64_t advice;

	if (len < HEAD)
		return false;
	memcpy(&size, image + MAGIC, sizeof(size));
	if (size != len - HEAD)
		return false;

	ctr_buf_add(out, image, HEAD);
	for (const uint8_t *at = image + HEAD; at < end; at = field.end) {
		if (!read_field(at, end, &field))
			return false;
		advice = 0;
		if (field.key == AREA && !read_area(&field, areas, n, drop, &advice))
			return false;
		if (advice == 0) {
			ctr_buf_add(out, at, (size_t)(field.end - at));
			continue;
		}
		add_area(out, &field, advice);
		marked = true;
	}
	size = (uint32_t)(out->len - HEAD);
	memcpy(out->data + MAGIC, &size, sizeof(size));
	return marked;
}

/* ---- all of a container's */

/* Its id in its own PID namespace; 0: it has ended. */
static uint64_t inner_pid(pid_t pid, struct ctr_arena *arena)
{
	const char *path = ctr_arena_printf(arena, "/proc/%d/status", (int)pid);
	char *text = ctr_file_read(arena, AT_FDCWD, path, FILE_MAX, NULL, NULL);
	char *line = text ? strstr(text, "\nNSpid:") : NULL, *last;

	if (!line)
		return 0;
	line[1 + strcspn(line + 1, "\n")] = '\0';
	last = strrchr(line, '\t');
	return last ? ctr_leading_u64(last + 1) : 0;
}

static int keep_process(int dir, pid_t pid, bool drop, struct ctr_arena *arena,
			struct ctr_error *err)
{
	const char *name =
		ctr_arena_printf(arena, "mm-%llu.img", (unsigned long long)inner_pid(pid, arena));
	const char *path = ctr_arena_printf(arena, "/proc/%d/smaps", (int)pid);
	struct ctr_area *areas;
	struct ctr_buf out;
	struct stat st;
	size_t n, len;
	char *text, *image;

	/* What exec has started, and what has ended, has no image. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	text = ctr_file_read(arena, AT_FDCWD, path, FILE_MAX, NULL, err);
	n = text ? ctr_areas_find(text, &areas, arena) : 0;
	if (n == 0)
		return text ? 0 : -1;

	image = ctr_file_read(arena, dir, name, FILE_MAX, &len, err);
	if (!image)
		return -1;
	ctr_buf_init(&out, arena);
	/* With CRIU's mode: it opens images as root of the user namespace. */
	return ctr_areas_mark(&out, (const uint8_t *)image, len, areas, n, drop)
		       ? ctr_file_replace(dir, name, out.data, out.len, st.st_mode & 0777, err)
		       : 0;
}

int ctr_areas_keep(int dir, pid_t init, const pid_t *pids, size_t n, bool drop,
		   struct ctr_error *err)
{
	struct stat own, its;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		/* One after the other, so that no more than one is in memory. */
		struct ctr_arena arena = CTR_ARENA_INIT;

		if (stat(ctr_arena_printf(&arena, "/proc/%d/ns/pid", (int)init), &own) == 0 &&
		    stat(ctr_arena_printf(&arena, "/proc/%d/ns/pid", (int)pids[i]), &its) == 0 &&
		    own.st_ino == its.st_ino)
			r = keep_process(dir, pids[i], drop, &arena, err);
		ctr_arena_release(&arena);
	}
	return r;
}
