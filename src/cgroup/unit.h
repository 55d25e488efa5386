/*
 * Names of the systemd cgroup manager: linux.cgroupsPath "slice:prefix:name" to a transient unit
 * and to where systemd puts it. Pure.
 */
#pragma once

#include <stdbool.h>

struct ctr_arena;
struct ctr_error;

struct ctr_unit {
	const char *name;  /* "ctr-db.scope", or "x.slice" when the name says so */
	const char *slice; /* the parent, "system.slice" */
	bool is_slice;
	bool user; /* of the caller's user manager */
};

/*
 * The unit of @cgroups_path (NULL or "": "SLICE:ctr:ID" with system.slice, or user.slice when
 * @user). Characters that unit names do not have are written \xNN. 0, or -1 and @err, which names
 * the form expected and the value got.
 */
int ctr_unit_parse(struct ctr_unit *out, struct ctr_arena *arena, const char *cgroups_path,
		   const char *id, bool user, struct ctr_error *err);

/*
 * Where slice @slice lives: "a-b.slice" is "/a.slice/a-b.slice", "-.slice" is "". NULL and @err
 * when it is not the name of a slice (systemd.slice(5)).
 */
const char *ctr_unit_expand_slice(const char *slice, struct ctr_arena *arena,
				  struct ctr_error *err);
