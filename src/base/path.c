/* Paths as text; paths of a container become descriptors in ctr-init alone (init/path.c). */
#include "base/path.h"

#include <string.h>

#include "base/arena.h"

size_t ctr_path_clean_inplace(char *path)
{
	const char *in = path;
	char *out = path;
	size_t len;

	for (;;) {
		in += strspn(in, "/");
		len = strcspn(in, "/");
		if (len == 0)
			break;
		if (len == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (len != 1 || in[0] != '.') {
			*out++ = '/';
			memmove(out, in, len);
			out += len;
		}
		in += len;
	}

	if (out == path)
		*out++ = '/';
	*out = '\0';
	return (size_t)(out - path);
}

char *ctr_path_clean(struct ctr_arena *arena, const char *path)
{
	size_t size = strlen(path) + 2;
	char *clean = ctr_arena_alloc(arena, size);

	/* With a slash before it, a relative path can be cleaned in place, too. */
	clean[0] = '/';
	memcpy(clean + 1, path, size - 1);
	return ctr_arena_grow(arena, clean, size, ctr_path_clean_inplace(clean) + 1);
}

char *ctr_path_join(struct ctr_arena *arena, const char *base, const char *path)
{
	size_t nbase = strlen(base);
	size_t npath = strlen(path);
	char *joined;

	if (path[0] == '/')
		return ctr_arena_strndup(arena, path, npath);
	while (nbase > 0 && base[nbase - 1] == '/')
		nbase--;
	joined = ctr_arena_alloc(arena, nbase + npath + 2);
	memcpy(joined, base, nbase);
	joined[nbase] = '/';
	memcpy(joined + nbase + 1, path, npath + 1);
	return joined;
}

/* Has @path a ".." component? */
static bool goes_up(const char *path)
{
	size_t len;

	for (;; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			return false;
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
	}
}

char *ctr_path_join_clean(struct ctr_arena *arena, const char *base, const char *path)
{
	char *joined = ctr_path_join(arena, base, path);

	if (joined[0] == '/' && !goes_up(joined))
		ctr_path_clean_inplace(joined);
	return joined;
}

bool ctr_path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1) /* "/" */
		return true;
	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}
