/*
 * Reading statistics. The kernel's files are of three kinds, each with its reader here: a single
 * number, lines of "NAME NUMBER", and lines of "KEY NAME=NUMBER...".
 */
#include "cgroup/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/cgroup.h"

enum { FILE_MAX = 64 << 10 };

struct reader {
	int dir;
	struct ctr_arena *arena;
	char *text; /* of the file at hand, FILE_MAX bytes */
};

/* Where the number of a name goes. */
struct field {
	const char *name;
	uint64_t *out;
};

/* ---- kinds of files */

static bool load(struct reader *reader, const char *file)
{
	return ctr_file_read_small(reader->dir, file, reader->text, FILE_MAX) >= 0;
}

static uint64_t parse_number(const char *text)
{
	return strncmp(text, "max", 3) == 0 ? CTR_STATS_MAX : ctr_leading_u64(text);
}

static bool read_number(struct reader *reader, const char *file, uint64_t *out)
{
	if (!load(reader, file))
		return false;

	*out = parse_number(reader->text);
	return true;
}

/* Cut the next line, or word with ' ', off the front; NULL at the end. */
static char *next(char **rest, char separator)
{
	char *start = *rest, *end;

	if (!start || *start == '\0')
		return NULL;
	end = strchr(start, separator);
	if (end)
		*end = '\0';
	*rest = end ? end + 1 : NULL;
	return start;
}

static void assign(const struct field *fields, const char *name, uint64_t value)
{
	for (; fields->name; fields++) {
		if (strcmp(fields->name, name) == 0)
			*fields->out = value;
	}
}

/* "NAME NUMBER" lines. */
static void parse_flat(char *text, const struct field *fields)
{
	char *line;

	while ((line = next(&text, '\n'))) {
		char *space = strchr(line, ' ');

		if (!space)
			continue;
		*space = '\0';
		assign(fields, line, parse_number(space + 1));
	}
}

static bool read_flat(struct reader *reader, const char *file, const struct field *fields)
{
	if (!load(reader, file))
		return false;

	parse_flat(reader->text, fields);
	return true;
}

/* The "NAME=NUMBER" words of what is left of a line. */
static void parse_nested(char *words, const struct field *fields)
{
	char *word;

	while ((word = next(&words, ' '))) {
		char *equals = strchr(word, '=');

		if (!equals)
			continue;
		*equals = '\0';
		assign(fields, word, parse_number(equals + 1));
	}
}

/* ---- pressure */

/* "1.23" as 123. The kernel writes two digits. */
static uint32_t hundredths(const char *text)
{
	uint64_t whole, part = 0;

	(void)ctr_cut_u64(&text, &whole);
	if (*text == '.')
		part = ctr_leading_u64(text + 1);
	return (uint32_t)(whole * 100 + part);
}

static void parse_psi(char *words, struct ctr_psi_line *line)
{
	char *word;

	while ((word = next(&words, ' '))) {
		if (strncmp(word, "avg10=", 6) == 0)
			line->avg10 = hundredths(word + 6);
		else if (strncmp(word, "avg60=", 6) == 0)
			line->avg60 = hundredths(word + 6);
		else if (strncmp(word, "avg300=", 7) == 0)
			line->avg300 = hundredths(word + 7);
		else if (strncmp(word, "total=", 6) == 0)
			line->total = ctr_leading_u64(word + 6);
	}
}

/* EOPNOTSUPP when the kernel runs with psi=0. */
static void read_psi(struct reader *reader, const char *file, struct ctr_psi *out)
{
	char *rest = reader->text, *line;

	if (!load(reader, file))
		return;
	out->present = true;
	while ((line = next(&rest, '\n'))) {
		char *words = strchr(line, ' ');

		if (words)
			parse_psi(words + 1, line[0] == 's' ? &out->some : &out->full);
	}
}

/* ---- controllers */

static void read_cpu(struct reader *reader, struct ctr_stats_cpu *cpu)
{
	const struct field fields[] = {
		{"usage_usec",      &cpu->usage            },
		{ "user_usec",      &cpu->user             },
		{ "system_usec",    &cpu->system           },
		{ "nr_periods",     &cpu->periods          },
		{ "nr_throttled",   &cpu->throttled_periods},
		{ "throttled_usec", &cpu->throttled        },
		{ "nr_bursts",      &cpu->bursts           },
		{ "burst_usec",     &cpu->burst            },
		{ NULL,             NULL                   },
	};

	cpu->present = read_flat(reader, "cpu.stat", fields);
	read_psi(reader, "cpu.pressure", &cpu->psi);
}

/* memory.stat is kept whole. */
static void read_memory_stat(struct reader *reader, struct ctr_stats_memory *memory)
{
	const struct field fields[] = {
		{"file",    &memory->cache },
		{ "anon",   &memory->anon  },
		{ "kernel", &memory->kernel},
		{ "sock",   &memory->sock  },
		{ NULL,     NULL           },
	};
	struct ctr_stats_pair *pairs;
	char *rest, *line;
	size_t lines = 1;

	if (!load(reader, "memory.stat"))
		return;
	rest = ctr_arena_strdup(reader->arena, reader->text);
	for (const char *c = rest; *c; c++)
		lines += *c == '\n';
	pairs = ctr_arena_array(reader->arena, lines, sizeof(*pairs));
	memory->stat = pairs;
	while ((line = next(&rest, '\n'))) {
		char *space = strchr(line, ' ');

		if (!space)
			continue;
		*space = '\0';
		pairs[memory->nstat++] =
			(struct ctr_stats_pair){ line, ctr_leading_u64(space + 1) };
		assign(fields, line, pairs[memory->nstat - 1].value);
	}
}

static void read_memory(struct reader *reader, struct ctr_stats_memory *memory)
{
	const struct field events[] = {
		{"low",             &memory->event_low           },
		{ "high",           &memory->event_high          },
		{ "max",            &memory->event_max           },
		{ "oom",            &memory->event_oom           },
		{ "oom_kill",       &memory->event_oom_kill      },
		{ "oom_group_kill", &memory->event_oom_group_kill},
		{ NULL,             NULL                         },
	};

	read_psi(reader, "memory.pressure", &memory->psi);
	if (!read_number(reader, "memory.current", &memory->current))
		return;

	memory->present = true;
	(void)read_number(reader, "memory.max", &memory->max);
	(void)read_number(reader, "memory.low", &memory->low);
	(void)read_number(reader, "memory.high", &memory->high);
	memory->has_peak = read_number(reader, "memory.peak", &memory->peak); /* 5.19 */
	memory->has_swap = read_number(reader, "memory.swap.current", &memory->swap_current);
	(void)read_number(reader, "memory.swap.max", &memory->swap_max);
	memory->has_swap_peak = read_number(reader, "memory.swap.peak", &memory->swap_peak);
	(void)read_flat(reader, "memory.events", events);
	read_memory_stat(reader, memory);
}

static void read_pids(struct reader *reader, struct ctr_stats_pids *pids)
{
	const struct field events[] = {
		{"max", &pids->event_max},
                { NULL, NULL            }
	};

	if (!read_number(reader, "pids.current", &pids->current))
		return;
	pids->present = true;
	(void)read_number(reader, "pids.max", &pids->max);
	pids->has_peak = read_number(reader, "pids.peak", &pids->peak); /* 6.1 */
	(void)read_flat(reader, "pids.events", events);
}

static void read_io(struct reader *reader, struct ctr_stats_io *io)
{
	struct ctr_stats_io_device *devices;
	char *rest = reader->text, *line;
	size_t lines = 1;

	read_psi(reader, "io.pressure", &io->psi);
	if (!load(reader, "io.stat"))
		return;
	io->present = true;
	for (const char *c = rest; *c; c++)
		lines += *c == '\n';
	devices = ctr_arena_array(reader->arena, lines, sizeof(*devices));
	io->devices = devices;
	while ((line = next(&rest, '\n'))) {
		struct ctr_stats_io_device *device = &devices[io->ndevices];
		const struct field fields[] = {
			{"rbytes",  &device->rbytes},
			{ "wbytes", &device->wbytes},
			{ "rios",   &device->rios  },
			{ "wios",   &device->wios  },
			{ "dbytes", &device->dbytes},
			{ "dios",   &device->dios  },
			{ NULL,     NULL           },
		};
		char *colon = strchr(line, ':'), *space = strchr(line, ' ');

		if (!colon)
			continue;
		device->major = (uint32_t)ctr_leading_u64(line);
		device->minor = (uint32_t)ctr_leading_u64(colon + 1);
		parse_nested(space ? space : colon, fields);
		io->ndevices++;
	}
}

/* ---- huge pages: a set of files for each size of the host */

/* "2MB" of "hugetlb.2MB.current"; NULL for others. */
static char *page_size_of(struct reader *reader, const char *file)
{
	static const char before[] = "hugetlb.", behind[] = ".current";
	size_t len = strlen(file), size;

	if (len < sizeof(before) + sizeof(behind) - 1 ||
	    strncmp(file, before, sizeof(before) - 1) != 0 ||
	    strcmp(file + len - (sizeof(behind) - 1), behind) != 0)
		return NULL;
	size = len - (sizeof(before) - 1) - (sizeof(behind) - 1);
	/* Not "2MB.rsvd". */
	if (memchr(file + sizeof(before) - 1, '.', size))
		return NULL;
	return ctr_arena_strndup(reader->arena, file + sizeof(before) - 1, size);
}

static void read_page_size(struct reader *reader, struct ctr_stats_hugetlb *page)
{
	const struct field events[] = {
		{"max", &page->event_max},
                { NULL, NULL            }
	};
	const char *size = page->page_size;

	(void)read_number(reader, ctr_arena_printf(reader->arena, "hugetlb.%s.current", size),
			  &page->current);
	(void)read_number(reader, ctr_arena_printf(reader->arena, "hugetlb.%s.max", size),
			  &page->max);
	(void)read_flat(reader, ctr_arena_printf(reader->arena, "hugetlb.%s.events", size), events);
}

static void read_hugetlb(struct reader *reader, struct ctr_stats *stats)
{
	enum { SIZES_MAX = 16 };
	int copy = openat(reader->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *listing = copy < 0 ? NULL : fdopendir(copy);
	struct ctr_stats_hugetlb *pages;
	const struct dirent *entry;

	if (!listing) {
		if (copy >= 0)
			(void)close(copy);
		return;
	}
	pages = ctr_arena_array(reader->arena, SIZES_MAX, sizeof(*pages));
	while ((entry = readdir(listing)) && stats->nhugetlb < SIZES_MAX) {
		char *size = page_size_of(reader, entry->d_name);

		if (!size)
			continue;
		pages[stats->nhugetlb].page_size = size;
		read_page_size(reader, &pages[stats->nhugetlb++]);
	}
	stats->hugetlb = pages;
}

/* ---- rdma: a line for each device, in two files */

static struct ctr_stats_rdma *rdma_device(struct ctr_stats_rdma *devices, size_t *n, size_t size,
					  const char *name, struct ctr_arena *arena)
{
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(devices[i].device, name) == 0)
			return &devices[i];
	}
	if (*n == size)
		return NULL;
	devices[*n].device = ctr_arena_strdup(arena, name);
	return &devices[(*n)++];
}

static void read_rdma(struct reader *reader, struct ctr_stats *stats)
{
	enum { DEVICES_MAX = 32 };
	struct ctr_stats_rdma *devices = NULL;

	for (int max = 0; max < 2; max++) {
		char *rest = reader->text, *line;

		if (!load(reader, max ? "rdma.max" : "rdma.current"))
			return;
		if (!devices)
			devices = ctr_arena_array(reader->arena, DEVICES_MAX, sizeof(*devices));
		stats->rdma = devices;
		while ((line = next(&rest, '\n'))) {
			const char *name = next(&line, ' ');
			struct ctr_stats_rdma *device = rdma_device(
				devices, &stats->nrdma, DEVICES_MAX, name, reader->arena);

			if (!device)
				continue;
			const struct field fields[] = {
				{"hca_handle",
                                 max ? &device->max_hca_handles : &device->hca_handles},
				{ "hca_object",
                                 max ? &device->max_hca_objects : &device->hca_objects},
				{ NULL,         NULL                                  },
			};

			parse_nested(line, fields);
		}
	}
}

/* ---- all of it */

int ctr_stats_read(const struct ctr_cgroup *cgroup, struct ctr_arena *arena, struct ctr_stats *out,
		   struct ctr_error *err)
{
	struct reader reader = { .dir = cgroup->fd, .arena = arena };
	struct ctr_stats stats = { 0 };

	if (cgroup->fd < 0 || faccessat(cgroup->fd, "cgroup.procs", F_OK, 0) < 0)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"no statistics: the container has no cgroup of its own (any more)");

	reader.text = ctr_arena_alloc(arena, FILE_MAX);
	read_cpu(&reader, &stats.cpu);
	read_memory(&reader, &stats.memory);
	read_pids(&reader, &stats.pids);
	read_io(&reader, &stats.io);
	read_hugetlb(&reader, &stats);
	read_rdma(&reader, &stats);
	*out = stats;
	return 0;
}

/* ---- one number, for whoever wants no more */

int ctr_stats_number(int dir, const char *file, uint64_t *out)
{
	char text[32];
	ssize_t n = ctr_file_read_small(dir, file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	if (strcmp(text, "max") != 0)
		return ctr_parse_u64(text, out);
	*out = CTR_STATS_MAX;
	return 0;
}

static int find_key(char *text, const char *key, uint64_t *out)
{
	size_t len = strlen(key);
	char *line;

	while ((line = next(&text, '\n'))) {
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return ctr_parse_u64(line + len + 1, out);
	}
	return -ENOENT;
}

int ctr_stats_key(int dir, const char *file, const char *key, uint64_t *out)
{
	char text[4096];
	ssize_t n = ctr_file_read_small(dir, file, text, sizeof(text));

	return n < 0 ? (int)n : find_key(text, key, out);
}

int ctr_stats_key_of(int fd, const char *key, uint64_t *out)
{
	char text[4096];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return find_key(text, key, out);
}
