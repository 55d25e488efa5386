/* Who descends from whom, by /proc. */
#include "bench/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"

struct process {
	pid_t pid, parent;
	bool zombie;
};

struct processes {
	struct process *list;
	size_t n;
};

/* proc(5): "pid (name) state ppid ...", and a name may have anything in it. */
static int read_process(int proc, const char *name, struct process *out)
{
	char path[64], text[1024], state;
	const char *behind;
	int parent;

	(void)snprintf(path, sizeof(path), "%.32s/stat", name);
	if (ctr_file_read_small(proc, path, text, sizeof(text)) < 0)
		return -1;
	behind = strrchr(text, ')');
	if (!behind || sscanf(behind + 1, " %c %d", &state, &parent) != 2)
		return -1;

	*out = (struct process){ .pid = (pid_t)strtol(name, NULL, 10),
				 .parent = parent,
				 .zombie = state == 'Z' || state == 'X' };
	return 0;
}

static void list_processes(struct ctr_arena *arena, int proc, struct processes *out)
{
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	int copy = fcntl(proc, F_DUPFD_CLOEXEC, 3);

	dir = copy < 0 ? NULL : fdopendir(copy);
	while (dir && (entry = readdir(dir))) {
		struct process process;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    read_process(proc, entry->d_name, &process) < 0)
			continue;
		out->list = ctr_arena_grow(arena, out->list, out->n * sizeof(process),
					   (out->n + 1) * sizeof(process));
		out->list[out->n++] = process;
	}
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool descends(const struct processes *all, const struct process *process, pid_t ancestor)
{
	/* What is read while processes come and go may even be a circle. */
	for (size_t depth = 0; process && depth < all->n; depth++) {
		struct process key = { .pid = process->parent };

		if (process->parent == ancestor)
			return true;
		process = bsearch(&key, all->list, all->n, sizeof(key), by_pid);
	}

	return false;
}

static size_t find(struct ctr_arena *arena, pid_t ancestor, bool children, pid_t **out)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct processes all = { NULL, 0 };
	size_t n = 0;

	*out = NULL;
	if (proc < 0)
		return 0;
	list_processes(arena, proc, &all);
	if (all.n == 0)
		return 0;

	qsort(all.list, all.n, sizeof(*all.list), by_pid);
	*out = ctr_arena_array(arena, all.n, sizeof(**out));
	for (size_t i = 0; i < all.n; i++) {
		const struct process *process = &all.list[i];

		if (!process->zombie &&
		    (children ? process->parent == ancestor : descends(&all, process, ancestor)))
			(*out)[n++] = process->pid;
	}

	return n;
}

size_t ctr_descendants(struct ctr_arena *arena, pid_t ancestor, pid_t **out)
{
	return find(arena, ancestor, false, out);
}

size_t ctr_children(struct ctr_arena *arena, pid_t parent, pid_t **out)
{
	return find(arena, parent, true, out);
}
