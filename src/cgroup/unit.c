/* slice:prefix:name, as the engines write it. */
#include "cgroup/unit.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum { UNIT_NAME_MAX = 255 };

/* What systemd lets be in the name of a unit (systemd.unit(5)). */
static bool is_unit_char(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr(":-_.@\\", c));
}

static bool is_unit_name(const char *name)
{
	if (strlen(name) > UNIT_NAME_MAX)
		return false;
	while (is_unit_char(*name))
		name++;
	return *name == '\0';
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len > n && strcmp(s + len - n, suffix) == 0;
}

/* As systemd-escape(1) does it, but for '-' and '/', which have a meaning here. */
static const char *escape(const char *name, struct ctr_arena *arena)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	for (; *name; name++) {
		if (is_unit_char(*name))
			ctr_buf_addc(&buf, *name);
		else
			ctr_buf_addf(&buf, "\\x%02x", (unsigned char)*name);
	}

	return ctr_buf_str(&buf);
}

const char *ctr_unit_expand_slice(const char *slice, struct ctr_arena *arena, struct ctr_error *err)
{
	size_t len = strlen(slice);
	struct ctr_buf path;

	ctr_buf_init(&path, arena);
	if (strcmp(slice, "-.slice") == 0)
		return "";
	if (!has_suffix(slice, ".slice") || !is_unit_name(slice) || slice[0] == '-' ||
	    strstr(slice, "--") || strstr(slice, "-.slice")) {
		ctr_fail(err, CTR_FAULT_CONFIG, 0,
			 "linux.cgroupsPath: '%.64s' is not the name of a systemd slice", slice);
		return NULL;
	}

	len -= strlen(".slice");
	for (size_t i = 0; i <= len; i++) {
		if (i == len || slice[i] == '-')
			ctr_buf_addf(&path, "/%.*s.slice", (int)i, slice);
	}

	return ctr_buf_str(&path);
}

static int wrong_form(const char *cgroups_path, struct ctr_error *err)
{
	return ctr_fail(
		err, CTR_FAULT_CONFIG, 0,
		"linux.cgroupsPath: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got '%s'",
		cgroups_path);
}

/* Cut "a:b:c" into its three parts. */
static int split(const char *cgroups_path, struct ctr_arena *arena, const char **parts,
		 struct ctr_error *err)
{
	char *rest = ctr_arena_strdup(arena, cgroups_path);

	for (int i = 0; i < 2; i++) {
		char *colon = strchr(rest, ':');

		if (!colon)
			return wrong_form(cgroups_path, err);
		*colon = '\0';
		parts[i] = rest;
		rest = colon + 1;
	}

	parts[2] = rest;
	if (*rest == '\0' || strchr(rest, ':'))
		return wrong_form(cgroups_path, err);
	return 0;
}

int ctr_unit_parse(struct ctr_unit *out, struct ctr_arena *arena, const char *cgroups_path,
		   const char *id, bool user, struct ctr_error *err)
{
	const char *parts[3] = { "", "ctr", id };
	struct ctr_unit unit = { .user = user };

	if (cgroups_path && *cgroups_path && split(cgroups_path, arena, parts, err) < 0)
		return -1;

	unit.slice = *parts[0] == '\0'            ? (user ? "user.slice" : "system.slice")
		     : strcmp(parts[0], "-") == 0 ? "-.slice"
						  : parts[0];
	if (!ctr_unit_expand_slice(unit.slice, arena, err))
		return -1;

	unit.is_slice = has_suffix(parts[2], ".slice");
	unit.name = escape(parts[2], arena);
	if (!unit.is_slice)
		unit.name = ctr_arena_printf(arena, "%s%s%s.scope", escape(parts[1], arena),
					     *parts[1] ? "-" : "", unit.name);
	if (strchr(parts[1], '/') || strchr(parts[2], '/') || strlen(unit.name) > UNIT_NAME_MAX)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.cgroupsPath: '%.64s' is not the name of a systemd unit",
				unit.name);

	*out = unit;
	return 0;
}
