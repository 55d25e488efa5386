/* Calls of ctr-systemd, whose command line is described in systemd/main.c. */
#include "cgroup/systemd.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/helper.h"
#include "cgroup/cgroup.h"
#include "cgroup/property.h"
#include "cgroup/unit.h"

enum { FIXED_ARGS = 6, OUTPUT_MAX = 4096 };

static int call(const struct ctr_unit *unit, const char *verb, const char *const *args,
		const struct ctr_properties *properties, int lock, char output[static OUTPUT_MAX],
		struct ctr_arena *arena, struct ctr_error *err)
{
	size_t count = properties ? properties->count : 0, n = 1;
	const char **argv = ctr_arena_array(arena, count + FIXED_ARGS + 1, sizeof(*argv));

	if (unit->user)
		argv[n++] = "--user";
	argv[n++] = verb;
	argv[n++] = unit->name;
	while (args && *args)
		argv[n++] = *args++;
	for (size_t i = 0; i < count; i++)
		argv[n++] = properties->list[i];

	if (ctr_helper_run_locked(CTR_HELPER_SYSTEMD, argv, lock, output, OUTPUT_MAX, arena, err) ==
	    0)
		return 0;
	return ctr_fail_within(err, "--systemd-cgroup");
}

int ctr_systemd_start(struct ctr_cgroup *cgroup, const struct ctr_properties *properties, pid_t pid,
		      int lock, struct ctr_arena *arena, struct ctr_error *err)
{
	/* A slice is given no process at its start. */
	const char *const args[] = {
		ctr_arena_printf(arena, "%d", cgroup->unit->is_slice ? 0 : (int)pid), NULL
	};
	char output[OUTPUT_MAX];

	if (call(cgroup->unit, "start", args, properties, lock, output, arena, err) < 0)
		return -1;
	if (output[0] != '/' || output[1] == '\0')
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--systemd-cgroup: systemd put unit '%s' into cgroup '%s'",
				cgroup->unit->name, output);

	cgroup->path = ctr_arena_strdup(arena, output);
	if (ctr_cgroup_adopt(cgroup, err) < 0)
		return -1;
	return cgroup->unit->is_slice ? ctr_cgroup_enter(cgroup, pid, err) : 0;
}

int ctr_systemd_set(const struct ctr_unit *unit, const struct ctr_properties *properties,
		    struct ctr_arena *arena, struct ctr_error *err)
{
	char output[OUTPUT_MAX];

	return properties->count == 0 ? 0
				      : call(unit, "set", NULL, properties, -1, output, arena, err);
}

int ctr_systemd_attach(const struct ctr_unit *unit, const char *sub, pid_t pid,
		       struct ctr_arena *arena, struct ctr_error *err)
{
	char output[OUTPUT_MAX];
	const char *const args[] = { sub, ctr_arena_printf(arena, "%d", (int)pid), NULL };

	return call(unit, "attach", args, NULL, -1, output, arena, err);
}

int ctr_systemd_forget(const struct ctr_unit *unit, struct ctr_arena *arena, struct ctr_error *err)
{
	char output[OUTPUT_MAX];

	return call(unit, "forget", NULL, NULL, -1, output, arena, err);
}

int ctr_systemd_stop(const struct ctr_unit *unit, struct ctr_arena *arena, struct ctr_error *err)
{
	char output[OUTPUT_MAX];

	return call(unit, "stop", NULL, NULL, -1, output, arena, err);
}
