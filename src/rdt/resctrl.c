/* Groups of resctrl. The kernel tells in info/last_cmd_status why it refused something. */
#include "rdt/resctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "oci/spec.h"
#include "rdt/schemata.h"

enum { MOUNTINFO_SIZE_MAX = 16 << 20, SCHEMATA_SIZE_MAX = 1 << 20 };

/* The line's mount point, when its file system is resctrl: "… ROOT POINT OPTIONS … - TYPE …". */
static char *point_of(char *line)
{
	char *type = strstr(line, " - "), *point = line, *end;

	if (!type || strncmp(type + 3, "resctrl ", 8) != 0)
		return NULL;

	for (int skipped = 0; skipped < 4; skipped++) {
		point = strchr(point, ' ');
		if (!point)
			return NULL;
		point++;
	}
	end = strchr(point, ' ');
	if (end)
		*end = '\0';
	return point;
}

const char *ctr_resctrl_mount(struct ctr_arena *arena)
{
	char *text = ctr_file_read(arena, AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_SIZE_MAX,
				   NULL, NULL);
	char *save = NULL;

	if (!text)
		return NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *point = point_of(line);

		if (point)
			return point;
	}
	return NULL;
}

static const char *file_of(const struct ctr_resctrl *resctrl, struct ctr_arena *arena,
			   const char *name)
{
	return resctrl->group[0]
		       ? ctr_arena_printf(arena, "%s/%s/%s", resctrl->mount, resctrl->group, name)
		       : ctr_arena_printf(arena, "%s/%s", resctrl->mount, name);
}

static const char *monitor_of(const struct ctr_resctrl *resctrl, struct ctr_arena *arena)
{
	return ctr_arena_printf(arena, "%s/%s", file_of(resctrl, arena, "mon_groups"), resctrl->id);
}

/* @err, of errno @error, with what the kernel says beyond that. */
static int refuse(const struct ctr_resctrl *resctrl, struct ctr_arena *arena, int error,
		  const char *field, const char *what, const char *path, struct ctr_error *err)
{
	const char *status = ctr_arena_printf(arena, "%s/info/last_cmd_status", resctrl->mount);
	char words[160];
	ssize_t n = ctr_file_read_small(AT_FDCWD, status, words, sizeof(words));
	bool told = n > 0 && strcmp(words, "ok") != 0;

	return ctr_fail(err, CTR_FAULT_HOST, error, "linux.intelRdt%s: %s '%s'%s%s%s", field, what,
			path, told ? " (" : "", told ? words : "", told ? ")" : "");
}

int ctr_resctrl_plan(struct ctr_resctrl *out, const char *mount, const struct ctr_intel_rdt *rdt,
		     const char *id, struct ctr_arena *arena, struct ctr_error *err)
{
	const char *name = rdt->clos_id ? rdt->clos_id : id, *path;
	struct stat stat_of;
	bool there;
	size_t n;

	if (!mount)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.intelRdt: no resctrl file system is mounted on this host");

	*out = (struct ctr_resctrl){
		.mount = mount,
		.group = strcmp(name, "/") == 0 ? "" : name,
		.id = id,
	};
	path = file_of(out, arena, "");
	there = stat(path, &stat_of) == 0;
	(void)ctr_schemata_lines(rdt, arena, &n);
	if (!there && rdt->clos_id && n == 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.intelRdt.closID: there is no '%s', and nothing says what to "
				"make it of",
				path);

	out->made = !there;
	out->monitored = rdt->enable_monitoring;
	return 0;
}

static int write_schemata(const struct ctr_resctrl *resctrl, const struct ctr_intel_rdt *rdt,
			  struct ctr_arena *arena, struct ctr_error *err)
{
	const char *path = file_of(resctrl, arena, "schemata");
	size_t n;
	const char *const *lines = ctr_schemata_lines(rdt, arena, &n);

	for (size_t i = 0; i < n; i++) {
		const char *line = ctr_arena_printf(arena, "%s\n", lines[i]);
		int r = ctr_file_write_once(AT_FDCWD, path, line, strlen(line));

		if (r < 0)
			return refuse(resctrl, arena, -r, "",
				      ctr_arena_printf(arena, "cannot write '%s' to", lines[i]),
				      path, err);
	}
	return 0;
}

static int compare_schemata(const struct ctr_resctrl *resctrl, const struct ctr_intel_rdt *rdt,
			    struct ctr_arena *arena, struct ctr_error *err)
{
	const char *path = file_of(resctrl, arena, "schemata"), *text;
	size_t n;
	const char *const *lines = ctr_schemata_lines(rdt, arena, &n);

	if (n == 0)
		return 0;
	text = ctr_file_read(arena, AT_FDCWD, path, SCHEMATA_SIZE_MAX, NULL, err);
	if (!text)
		return ctr_fail_within(err, "linux.intelRdt.closID");

	for (size_t i = 0; i < n; i++) {
		if (!ctr_schemata_has(text, lines[i]))
			return ctr_fail(err, CTR_FAULT_CONFIG, 0,
					"linux.intelRdt.closID: '%s' is there and is not '%s'",
					path, lines[i]);
	}
	return 0;
}

static int make_group(struct ctr_resctrl *resctrl, const struct ctr_intel_rdt *rdt,
		      struct ctr_arena *arena, struct ctr_error *err)
{
	const char *path = file_of(resctrl, arena, "");

	if (resctrl->made && mkdir(path, 0755) < 0) {
		resctrl->made = false;
		if (errno != EEXIST)
			return refuse(resctrl, arena, errno, ".closID", "cannot make", path, err);
	}
	return resctrl->made ? write_schemata(resctrl, rdt, arena, err)
			     : compare_schemata(resctrl, rdt, arena, err);
}

int ctr_resctrl_make(struct ctr_resctrl *resctrl, const struct ctr_intel_rdt *rdt,
		     struct ctr_arena *arena, struct ctr_error *err)
{
	const bool monitored = resctrl->monitored;
	const char *path;
	int r;

	resctrl->monitored = false;
	r = make_group(resctrl, rdt, arena, err);
	if (r == 0 && monitored) {
		path = monitor_of(resctrl, arena);
		if (mkdir(path, 0755) == 0)
			resctrl->monitored = true;
		else
			r = refuse(resctrl, arena, errno, ".enableMonitoring", "cannot make", path,
				   err);
	}
	if (r < 0)
		(void)ctr_resctrl_remove(resctrl, arena, NULL);
	return r;
}

int ctr_resctrl_enter(const struct ctr_resctrl *resctrl, pid_t pid, struct ctr_arena *arena,
		      struct ctr_error *err)
{
	const char *text = ctr_arena_printf(arena, "%d\n", (int)pid);
	const char *path = file_of(resctrl, arena, "tasks");
	int r = ctr_file_write_once(AT_FDCWD, path, text, strlen(text));

	if (r == 0 && resctrl->monitored) {
		path = ctr_arena_printf(arena, "%s/tasks", monitor_of(resctrl, arena));
		r = ctr_file_write_once(AT_FDCWD, path, text, strlen(text));
	}
	return r < 0 ? refuse(resctrl, arena, -r, "", "cannot put the process into", path, err) : 0;
}

int ctr_resctrl_update(const struct ctr_resctrl *resctrl, const struct ctr_intel_rdt *rdt,
		       struct ctr_arena *arena, struct ctr_error *err)
{
	return write_schemata(resctrl, rdt, arena, err);
}

static int remove_group(const char *path, struct ctr_error *err)
{
	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot remove '%s'", path);
}

int ctr_resctrl_remove(const struct ctr_resctrl *resctrl, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	if (resctrl->monitored && remove_group(monitor_of(resctrl, arena), err) < 0)
		return -1;
	return resctrl->made ? remove_group(file_of(resctrl, arena, ""), err) : 0;
}
