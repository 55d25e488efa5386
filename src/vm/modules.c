/* Which modules a guest needs, and in what order: of the files that depmod(8) writes. */
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "vm/setup.h"

enum { MODULES_MAX = 64 };

struct order {
	const char **files;
	size_t n;
	struct ctr_arena *arena;
};

/* Is @path that of module @name? "kernel/fs/overlayfs/overlay.ko.xz", with '-' for '_'. */
static bool is_module(const char *path, size_t len, const char *name)
{
	const char *base = memrchr(path, '/', len);
	size_t name_len = strlen(name);

	base = base ? base + 1 : path;
	len -= (size_t)(base - path);
	if (len < name_len + 3 || strncmp(base + name_len, ".ko", 3) != 0)
		return false;
	for (size_t i = 0; i < name_len; i++)
		if (base[i] != name[i] && !(base[i] == '-' && name[i] == '_'))
			return false;
	return true;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

static bool is_builtin(const char *builtin, const char *name)
{
	for (const char *line = builtin; *line; line = next_line(line))
		if (is_module(line, strcspn(line, "\n"), name))
			return true;
	return false;
}

/* The line of modules.dep: "FILE: NEEDED...". */
static const char *find_line(const char *dep, const char *name)
{
	for (const char *line = dep; *line; line = next_line(line))
		if (is_module(line, strcspn(line, ":\n"), name))
			return line;
	return NULL;
}

static int add(struct order *order, const char *file, size_t len, struct ctr_error *err)
{
	for (size_t i = 0; i < order->n; i++)
		if (strncmp(order->files[i], file, len) == 0 && order->files[i][len] == '\0')
			return 0;
	if (order->n == MODULES_MAX)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "modules.dep: more than %d modules",
				(int)MODULES_MAX);
	order->files[order->n++] = ctr_arena_strndup(order->arena, file, len);
	return 0;
}

/* What is needed stands behind the colon, what is needed most at its end. */
static int add_line(struct order *order, const char *line, struct ctr_error *err)
{
	size_t file_len = strcspn(line, ":\n"), len = strcspn(line, "\n");
	size_t end = len;

	while (end > file_len) {
		size_t start = end;

		while (start > file_len + 1 && line[start - 1] != ' ' && line[start - 1] != ':')
			start--;
		if (end > start && line[start] != ' ' &&
		    add(order, line + start, end - start, err) < 0)
			return -1;
		end = start > file_len ? start - 1 : file_len;
	}
	return add(order, line, file_len, err);
}

const char **ctr_vm_modules(const char *dep, const char *builtin, const char *const *names,
			    struct ctr_arena *arena, struct ctr_error *err)
{
	struct order order = {
		.files = ctr_arena_array(arena, MODULES_MAX + 1, sizeof(*order.files)),
		.arena = arena,
	};

	for (size_t i = 0; names[i]; i++) {
		const char *line = find_line(dep, names[i]);

		if (!line && is_builtin(builtin, names[i]))
			continue;
		if (!line) {
			ctr_fail(err, CTR_FAULT_HOST, 0,
				 "module '%s' is neither there nor built in", names[i]);
			return NULL;
		}
		if (add_line(&order, line, err) < 0)
			return NULL;
	}
	return order.files;
}
