/*
 * The views never agree: what a kernel keeps for a process (page tables, a network namespace, the
 * shadow of a guest's memory) is in no smaps, and MemAvailable moves with all that the machine
 * does. So all are reported, and what is left between them.
 */
#include "bench/memory.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "bench/processes.h"
#include "cgroup/stats.h"

uint64_t ctr_kib_line(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, 10) << 10;
	}

	return 0;
}

void ctr_system_memory(struct ctr_system_memory *out)
{
	char text[4096];

	memset(out, 0, sizeof(*out));
	/* Its first lines are what is wanted. */
	if (ctr_file_read_small(AT_FDCWD, "/proc/meminfo", text, sizeof(text)) < 0)
		return;
	out->total = ctr_kib_line(text, "MemTotal");
	out->free = ctr_kib_line(text, "MemFree");
	out->available = ctr_kib_line(text, "MemAvailable");
}

/* Has one before it the same memory? Threads of User-Mode Linux are processes (CLONE_VM), each of
 * which shows all of it. */
static bool is_counted(const pid_t *pids, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (syscall(SYS_kcmp, pids[j], pids[i], KCMP_VM, 0, 0) == 0)
			return true;
	return false;
}

static void add_process(int proc, pid_t pid, struct ctr_footprint *out)
{
	char path[64], text[4096];

	(void)snprintf(path, sizeof(path), "%d/smaps_rollup", (int)pid);
	if (ctr_file_read_small(proc, path, text, sizeof(text)) < 0) {
		out->unreadable++;
		return;
	}

	out->pss += ctr_kib_line(text, "Pss");
	out->uss += ctr_kib_line(text, "Private_Clean") + ctr_kib_line(text, "Private_Dirty") +
		    ctr_kib_line(text, "Private_Hugetlb");
}

/* A mapping of smaps: its private memory, and what of it is no page of a file. */
struct mapping {
	bool shared;
	uint64_t size, clean, dirty, anonymous;
};

static void add_mapping(const struct mapping *mapping, uint64_t guest, uint64_t *own,
			uint64_t *files)
{
	const uint64_t all = mapping->clean + mapping->dirty;
	uint64_t changed = mapping->anonymous < all ? mapping->anonymous : all;

	if (mapping->size == guest)
		return;
	/* Others see what is written there. */
	if (mapping->shared)
		changed = mapping->dirty;
	*own += changed;
	*files += all - changed;
}

/* The first line of a mapping: "BEGIN-END rwxp ...". */
static bool is_head(const char *line)
{
	const size_t digits = strspn(line, "0123456789abcdef");

	return digits > 0 && line[digits] == '-';
}

/* The private memory of a hypervisor beside the one mapping that is its guest's: what is its own,
 * and unchanged pages of files (programs, libraries, kernels), which the next one has as well. Of a
 * file on a tmpfs these are dirty, so they are told by not being anonymous. */
static void add_hypervisor(struct ctr_arena *arena, int proc, pid_t pid, uint64_t guest,
			   struct ctr_footprint *out)
{
	enum { SMAPS_MAX = 16 << 20 };
	const char *path = ctr_arena_printf(arena, "%d/smaps", (int)pid), *text;
	_cleanup_close_ int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	struct mapping mapping = { 0 };
	uint64_t own = 0, files = 0;
	bool found = false;

	text = fd < 0 ? NULL : ctr_file_read_fd(arena, fd, path, SMAPS_MAX, NULL, NULL);
	while (text && *text) {
		const char *line = text;
		uint64_t value = strtoull(line + strcspn(line, ": \n") + 1, NULL, 10) << 10;

		text += strcspn(text, "\n");
		text += *text == '\n';
		if (is_head(line)) {
			add_mapping(&mapping, guest, &own, &files);
			mapping = (struct mapping){ .shared = line[strcspn(line, " ") + 4] == 's' };
		} else if (strncmp(line, "Size:", 5) == 0) {
			mapping.size = value;
			found = found || value == guest;
		} else if (strncmp(line, "Private_Clean:", 14) == 0) {
			mapping.clean = value;
		} else if (strncmp(line, "Private_", 8) == 0) {
			mapping.dirty += value;
		} else if (strncmp(line, "Anonymous:", 10) == 0) {
			mapping.anonymous = value;
		}
	}
	add_mapping(&mapping, guest, &own, &files);
	if (found) {
		out->hypervisor += own;
		out->hypervisor_files += files;
	}
}

/* ---- cgroups */

struct cgroups {
	const char **paths;
	size_t n;
};

/* The cgroup (v2) of a process, or NULL. */
static const char *cgroup_of(struct ctr_arena *arena, int proc, const char *process)
{
	char path[64], text[8192];
	const char *line;

	(void)snprintf(path, sizeof(path), "%.32s/cgroup", process);
	if (ctr_file_read_small(proc, path, text, sizeof(text)) < 0)
		return NULL;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "0::/", 4) == 0)
			return ctr_arena_strndup(arena, line + 3, strcspn(line + 3, "\n"));
	}

	return NULL;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* What a cgroup counts has that of those below it in it: only the topmost are wanted. */
static void add_cgroup(struct ctr_arena *arena, struct cgroups *set, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->n; i++)
		if (is_below(path, set->paths[i]))
			return;
	for (size_t i = 0; i < set->n; i++)
		if (!is_below(set->paths[i], path))
			set->paths[kept++] = set->paths[i];
	set->n = kept;

	set->paths = ctr_arena_grow(arena, set->paths, set->n * sizeof(*set->paths),
				    (set->n + 1) * sizeof(*set->paths));
	set->paths[set->n++] = path;
}

static void read_cgroup(struct ctr_arena *arena, const char *mount, const char *path,
			struct ctr_footprint *out)
{
	const struct {
		const char *name;
		uint64_t *sum;
	} keys[] = {
		{"anon",            &out->anon          },
		{ "file",           &out->file          },
		{ "shmem",          &out->shmem         },
		{ "kernel",         &out->kernel        },
		{ "pagetables",     &out->pagetables    },
		{ "sec_pagetables", &out->sec_pagetables},
		{ "kernel_stack",   &out->stack         },
		{ "slab",           &out->slab          },
	};
	_cleanup_close_ int fd = open(ctr_arena_printf(arena, "%s%s", mount, path),
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t value;

	if (fd < 0 || ctr_stats_number(fd, "memory.current", &value) < 0)
		return;

	out->has_cgroup = true;
	out->current += value;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(keys); i++)
		if (ctr_stats_key(fd, "memory.stat", keys[i].name, &value) == 0)
			*keys[i].sum += value;
}

void ctr_memory_of(struct ctr_arena *arena, pid_t ancestor, const char *cgroup_mount,
		   uint64_t guest, struct ctr_footprint *out)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct cgroups cgroups = { NULL, 0 };
	const char *own, *path;
	pid_t *pids;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (proc < 0)
		return;

	n = ctr_descendants(arena, ancestor, &pids);
	own = cgroup_of(arena, proc, "self");
	for (size_t i = 0; i < n; i++) {
		char name[16];

		out->processes++;
		if (!is_counted(pids, i)) {
			add_process(proc, pids[i], out);
			if (guest > 0)
				add_hypervisor(arena, proc, pids[i], guest, out);
		}
		(void)snprintf(name, sizeof(name), "%d", (int)pids[i]);
		path = cgroup_of(arena, proc, name);
		if (path && (!own || !is_below(own, path)))
			add_cgroup(arena, &cgroups, path);
	}

	for (size_t i = 0; cgroup_mount && i < cgroups.n; i++)
		read_cgroup(arena, cgroup_mount, cgroups.paths[i], out);
}
