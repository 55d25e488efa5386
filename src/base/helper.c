/* Finding helper programs and running them. */
#include "base/helper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/run.h"

static const struct {
	const char *name, *part; /* of ctr, as configure calls it */
} helpers[] = {
	[CTR_HELPER_NET] = {"ctr-net",      "libmnl"         },
	[CTR_HELPER_SYSTEMD] = { "ctr-systemd", "systemd support"},
	[CTR_HELPER_CRIU] = { "ctr-criu",    "CRIU support"   },
};

static const char *find(const char *name, struct ctr_arena *arena)
{
	const char *installed = ctr_arena_printf(arena, "%s/%s", CTR_LIBEXECDIR, name);
	char self[4096];
	ssize_t n;
	char *slash;

	if (access(installed, X_OK) == 0)
		return installed;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	for (int beside = 0; slash && beside < 2; beside++) {
		const char *path = ctr_arena_printf(arena, "%.*s%s/%s", (int)(slash - self), self,
						    beside ? "" : "/../libexec/ctr", name);

		if (access(path, X_OK) == 0)
			return path;
	}

	return installed;
}

const char *ctr_helper_path(enum ctr_helper helper, struct ctr_arena *arena)
{
	return find(helpers[helper].name, arena);
}

int ctr_helper_fail(enum ctr_helper helper, const char *path, int error, struct ctr_error *err)
{
	if (error == ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"'%s' is not there: ctr was built without %s", path,
				helpers[helper].part);

	return ctr_fail(err, CTR_FAULT_HOST, error, "cannot run '%s'", path);
}

int ctr_helper_run(enum ctr_helper helper, const char **argv, char *text, size_t size,
		   struct ctr_arena *arena, struct ctr_error *err)
{
	return ctr_helper_run_locked(helper, argv, -1, text, size, arena, err);
}

int ctr_helper_run_locked(enum ctr_helper helper, const char **argv, int lock, char *text,
			  size_t size, struct ctr_arena *arena, struct ctr_error *err)
{
	int status = 0, r;

	argv[0] = ctr_helper_path(helper, arena);
	r = ctr_run_program_with(argv, lock, text, size, &status);
	if (r < 0)
		return ctr_helper_fail(helper, argv[0], -r, err);
	if (status == 0)
		return 0;

	if (text[0])
		(void)ctr_fail(err, CTR_FAULT_HOST, 0, "%s", text);
	else
		(void)ctr_fail(err, CTR_FAULT_HOST, 0, "%s was killed", helpers[helper].name);
	return 1;
}
