/*
 * ctr-systemd: the systemd cgroup manager's side of ctr, apart from it because of libsystemd.
 *
 *   ctr-systemd [--user] start UNIT PID [PROPERTY...]
 *       a transient scope or slice; prints its cgroup
 *   ctr-systemd [--user] set UNIT PROPERTY...
 *       change properties at run time
 *   ctr-systemd [--user] attach UNIT SUBCGROUP PID
 *       move a process to it, or to a cgroup below it ("/" or "/NAME")
 *   ctr-systemd [--user] stop UNIT
 *       stop it and forget its failure
 *   ctr-systemd [--user] forget UNIT
 *       the same if nobody is in it, after a moment
 *
 * A PROPERTY is NAME=TYPE=VALUE: TYPE is a D-Bus signature of b t i u s as ay a(ss); items of an
 * array are lines, bytes are hexadecimal digits, a pair is two words. PID 0: none (a slice).
 * Errors go to standard error as one line; the exit status is 1 then.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "base/file.h"
#include "base/strerror.h"
#include "systemd/bus.h"
#include "systemd/job.h"
#include "systemd/property.h"

enum { IDLE_TRIES = 20, IDLE_PAUSE_NS = 100000000, PLACE_TRIES = 5 };

static void reset_failed(sd_bus *bus, const char *unit)
{
	(void)sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER, "ResetFailedUnit", NULL,
				 NULL, "s", unit);
}

/* Is process @pid in the unit? */
static bool has_process(const char *unit, uint32_t pid)
{
	char path[32], line[4096];
	size_t len = strlen(unit), n;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	file = pid == 0 ? NULL : fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		n = strcspn(line, "\n");
		found |= strncmp(line, "0::", 3) == 0 && n > len && line[n - len - 1] == '/' &&
			 strncmp(line + n - len, unit, len) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

enum outcome {
	OUTCOME_QUEUED,  /* its job */
	OUTCOME_EXISTS,  /* a unit of that name does */
	OUTCOME_UNHEARD, /* systemd went away, which tells nothing of what it did */
	OUTCOME_REFUSED, /* and the reason is printed */
};

/* One try. */
static enum outcome try_start(sd_bus *bus, const char *unit, uint32_t pid, char **properties,
			      struct job *job, struct bus_patience *patience)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *message = NULL, *reply = NULL;
	enum outcome outcome = OUTCOME_QUEUED;
	int r;

	r = sd_bus_message_new_method_call(bus, &message, SYSTEMD_NAME, MANAGER_PATH, MANAGER,
					   "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(message, "ss", unit, "fail");
	if (r >= 0)
		r = properties_append(message, properties, pid);
	if (r >= 0)
		r = sd_bus_message_append(message, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus, message, 0, &error, &reply);
	if (r >= 0)
		r = job_take(reply, job);
	if (sd_bus_error_has_name(&error, SYSTEMD_NAME ".UnitExists"))
		outcome = OUTCOME_EXISTS;
	else if (r < 0 && bus_again(patience, &error))
		outcome = OUTCOME_UNHEARD;
	else if (r < 0) {
		bus_fail("cannot start unit '%s': %s", unit, bus_reason(&error, r));
		outcome = OUTCOME_REFUSED;
	}
	sd_bus_error_free(&error);
	sd_bus_message_unref(message);
	sd_bus_message_unref(reply);
	return outcome;
}

/* The unit's ControlGroup, to be freed; negative and @error. */
static int find_cgroup(sd_bus *bus, const char *unit, char **cgroup, sd_bus_error *error)
{
	struct bus_patience patience = BUS_PATIENCE_INIT;
	size_t len = strlen(unit);
	bool is_slice = len > 6 && strcmp(unit + len - 6, ".slice") == 0;
	char *path = NULL;
	int r;

	r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
	if (r >= 0) {
		do
			r = sd_bus_get_property_string(bus, SYSTEMD_NAME, path,
						       is_slice ? SYSTEMD_NAME ".Slice"
								: SYSTEMD_NAME ".Scope",
						       "ControlGroup", error, cgroup);
		while (r < 0 && error && bus_again(&patience, error));
	}
	free(path);
	return r;
}

static int print_cgroup(sd_bus *bus, const char *unit)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *cgroup = NULL;
	int r = find_cgroup(bus, unit, &cgroup, &error);

	if (r < 0)
		bus_fail("cannot find the cgroup of unit '%s': %s", unit, bus_reason(&error, r));
	else
		puts(cgroup);
	sd_bus_error_free(&error);
	free(cgroup);
	return r < 0;
}

/*
 * The unit exists after systemd went away: is it ours? Whatever it did of it then is done after a
 * moment.
 */
static bool is_ours(const char *unit, uint32_t pid)
{
	struct timespec pause = { .tv_nsec = 100000000 };

	for (int i = 0; pid > 0 && i < PLACE_TRIES; i++) {
		if (has_process(unit, pid))
			return true;
		bus_sleep_doubled(&pause);
	}
	return false;
}

/* Until its job is queued, or nothing more can be done; an error is printed. */
static enum outcome start(sd_bus *bus, const char *unit, uint32_t pid, char **properties,
			  struct job *job)
{
	struct bus_patience patience = BUS_PATIENCE_INIT;
	bool unheard = false, forgotten = false;

	for (;;) {
		enum outcome outcome = try_start(bus, unit, pid, properties, job, &patience);

		if (outcome == OUTCOME_QUEUED || outcome == OUTCOME_REFUSED)
			return outcome;
		if (outcome == OUTCOME_UNHEARD) {
			unheard = true;
			continue;
		}
		if (unheard && is_ours(unit, pid))
			return OUTCOME_EXISTS;
		if (forgotten) {
			bus_fail("cannot start unit '%s': a unit of that name exists", unit);
			return OUTCOME_REFUSED;
		}
		/* One that failed before is still known. */
		reset_failed(bus, unit);
		forgotten = true;
	}
}

static int cmd_start(sd_bus *bus, char **args)
{
	const char *unit = args[0];
	struct job job = { .path = "" };
	uint64_t pid;

	if (ctr_parse_u64(args[1], &pid) < 0 || pid > INT32_MAX)
		return bus_fail("start: '%s' is not a process id", args[1]);
	if (job_subscribe(bus, &job) < 0)
		return 1;

	switch (start(bus, unit, (uint32_t)pid, args + 2, &job)) {
	case OUTCOME_QUEUED:
		break;
	case OUTCOME_EXISTS:
		return print_cgroup(bus, unit);
	default:
		return 1;
	}
	if (job_wait(bus, &job, "cannot start", unit) == 0 && print_cgroup(bus, unit) == 0)
		return 0;

	/* It may come yet. */
	(void)sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER, "StopUnit", NULL, NULL,
				 "ss", unit, "replace");
	reset_failed(bus, unit);
	return 1;
}

static int cmd_attach(sd_bus *bus, char **args)
{
	struct bus_patience patience = BUS_PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t pid;
	int r;

	if (ctr_parse_u64(args[2], &pid) < 0 || pid == 0 || pid > INT32_MAX)
		return bus_fail("attach: '%s' is not a process id", args[2]);

	do
		r = sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER,
				       "AttachProcessesToUnit", &error, NULL, "ssau", args[0],
				       args[1], 1, (uint32_t)pid);
	while (r < 0 && bus_again(&patience, &error));
	if (r < 0)
		bus_fail("cannot move a process to unit '%s': %s", args[0], bus_reason(&error, r));
	sd_bus_error_free(&error);
	return r < 0;
}

static int try_set(sd_bus *bus, char **args, sd_bus_error *error)
{
	sd_bus_message *message = NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &message, SYSTEMD_NAME, MANAGER_PATH, MANAGER,
					   "SetUnitProperties");
	if (r >= 0)
		r = sd_bus_message_append(message, "sb", args[0], 1);
	if (r >= 0)
		r = properties_append(message, args + 1, 0);
	if (r >= 0)
		r = sd_bus_call(bus, message, 0, error, NULL);
	sd_bus_message_unref(message);
	return r;
}

static int cmd_set(sd_bus *bus, char **args)
{
	struct bus_patience patience = BUS_PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	do
		r = try_set(bus, args, &error);
	while (r < 0 && bus_again(&patience, &error));
	if (r < 0)
		bus_fail("cannot change unit '%s': %s", args[0], bus_reason(&error, r));
	sd_bus_error_free(&error);
	return r < 0;
}

static int cmd_stop(sd_bus *bus, char **args)
{
	struct bus_patience patience = BUS_PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *unit = args[0];
	struct job job = { .path = "" };
	int r;

	if (job_subscribe(bus, &job) < 0)
		return 1;

	do
		r = sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER, "StopUnit", &error,
				       &reply, "ss", unit, "replace");
	while (r < 0 && bus_again(&patience, &error));
	if (r >= 0)
		r = job_take(reply, &job);
	/* A scope whose processes are gone has gone with them. */
	if (sd_bus_error_has_name(&error, SYSTEMD_NAME ".NoSuchUnit"))
		r = 0;
	else if (r < 0)
		r = bus_fail("cannot stop unit '%s': %s", unit, bus_reason(&error, r));
	else
		r = job_wait(bus, &job, "cannot stop", unit);
	reset_failed(bus, unit);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return r;
}

/* Does any process live in @cgroup or below? */
static bool is_populated(const char *cgroup)
{
	char path[4096], line[64];
	bool populated = false;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cgroup.events", cgroup);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		populated |= strcmp(line, "populated 1\n") == 0;
	if (file)
		fclose(file);
	return populated;
}

static int cmd_forget(sd_bus *bus, char **args)
{
	const struct timespec pause = { .tv_nsec = IDLE_PAUSE_NS };
	char *cgroup = NULL;
	bool used = false;

	if (find_cgroup(bus, args[0], &cgroup, NULL) >= 0 && cgroup[0]) {
		for (int i = 0; i < IDLE_TRIES && (used = is_populated(cgroup)); i++)
			nanosleep(&pause, NULL);
	}
	free(cgroup);
	return used ? 0 : cmd_stop(bus, args);
}

static const struct {
	const char *name;
	int (*run)(sd_bus *bus, char **args);
	int args_min;
} verbs[] = {
	{"start",   cmd_start,  2},
        { "set",    cmd_set,    2},
        { "attach", cmd_attach, 3},
	{ "stop",   cmd_stop,   1},
        { "forget", cmd_forget, 1},
};

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	bool user = false;
	int r;

	argv++;
	argc--;
	if (argc > 0 && strcmp(argv[0], "--user") == 0) {
		user = true;
		argv++;
		argc--;
	}

	for (size_t i = 0; argc > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		if (argc - 1 < verbs[i].args_min)
			return bus_fail("%s: not enough arguments", argv[0]);

		r = bus_open(user, &bus);
		if (r < 0)
			return bus_fail("cannot connect to %s: %s",
					user ? "the user's systemd" : "systemd", ctr_strerror(-r));
		r = verbs[i].run(bus, argv + 1);
		sd_bus_flush_close_unref(bus);
		return r;
	}

	return bus_fail("usage: ctr-systemd [--user] start|set|attach|stop|forget ...");
}
