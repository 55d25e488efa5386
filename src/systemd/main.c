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
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "base/file.h"
#include "base/strerror.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER      "org.freedesktop.systemd1.Manager"

enum {
	JOB_WAIT_US = 30 * 1000000,
	CONNECT_TRIES = 7,
	AGAIN_TRIES = 5,
	IDLE_TRIES = 20,
	IDLE_PAUSE_NS = 100000000,
};

/* One job that is being waited for. */
struct job {
	char path[256]; /* empty until the call that queues it has returned */
	char removed[64][256];
	char results[64][32];
	unsigned nremoved;
};

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

static const char *reason(const sd_bus_error *error, int r)
{
	return error->message ? error->message : ctr_strerror(-r);
}

static void sleep_doubled(struct timespec *pause)
{
	nanosleep(pause, NULL);
	pause->tv_sec = 2 * pause->tv_sec + (pause->tv_nsec >= 500000000);
	pause->tv_nsec = 2 * pause->tv_nsec % 1000000000;
}

/* ---- connection */

static int open_bus(bool user, sd_bus **bus)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	int r = -1;

	for (int i = 0; i < CONNECT_TRIES; i++) {
		r = user ? sd_bus_open_user(bus) : sd_bus_open_system(bus);
		if (r != -EAGAIN)
			break;
		sleep_doubled(&pause);
	}
	if (r >= 0 || user)
		return r;

	/* No message bus: systemd itself listens for root. */
	r = sd_bus_new(bus);
	if (r >= 0)
		r = sd_bus_set_address(*bus, "unix:path=/run/systemd/private");
	if (r >= 0)
		r = sd_bus_start(*bus);
	return r;
}

/* A systemd that executes itself anew (daemon-reexec, an upgrade) is not there for a moment. */
struct patience {
	struct timespec pause;
	unsigned tries;
};

#define PATIENCE_INIT                                                                              \
	{                                                                                          \
		.pause = {.tv_nsec = 100000000 }                                                   \
	}

/* Has it that name, or with a dot at the end one that begins so? */
static bool is_absent(const sd_bus_error *error, const char *name)
{
	size_t len = strlen(name);

	return error->name && strncmp(error->name, name, len) == 0 &&
	       (name[len - 1] == '.' || error->name[len] == '\0');
}

/* Is the call worth another try? After a pause, without the @error. */
static bool again(struct patience *patience, sd_bus_error *error)
{
	static const char *const absent[] = {
		SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
		"org.freedesktop.DBus.Error.Spawn.", /* the bus tries to start it itself */
	};

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		if (!is_absent(error, absent[i]) || patience->tries == AGAIN_TRIES)
			continue;
		patience->tries++;
		sd_bus_error_free(error);
		sleep_doubled(&patience->pause);
		return true;
	}
	return false;
}

/* ---- jobs */

/* JobRemoved(u id, o job, s unit, s result). It may come before the call that queued it returns. */
static int on_job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0;

	if (job->path[0] && strcmp(path, job->path) != 0)
		return 0;
	if (job->nremoved < sizeof(job->removed) / sizeof(job->removed[0])) {
		snprintf(job->removed[job->nremoved], sizeof(job->removed[0]), "%s", path);
		snprintf(job->results[job->nremoved], sizeof(job->results[0]), "%s", result);
		job->nremoved++;
	}
	return 0;
}

static const char *job_result(const struct job *job)
{
	for (unsigned i = 0; i < job->nremoved; i++)
		if (strcmp(job->removed[i], job->path) == 0)
			return job->results[i];

	return NULL;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int subscribe(sd_bus *bus, struct job *job)
{
	struct patience patience = PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_match_signal(bus, NULL, SYSTEMD_NAME, MANAGER_PATH, MANAGER, "JobRemoved",
				on_job_removed, job);
	if (r >= 0) {
		do
			r = sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER,
					       "Subscribe", &error, NULL, "");
		while (r < 0 && again(&patience, &error));
	}
	/* Over the private socket everybody is subscribed. */
	if (r < 0 && !sd_bus_error_has_name(&error, SYSTEMD_NAME ".AlreadySubscribed"))
		fail("cannot subscribe to systemd's signals: %s", reason(&error, r));
	else
		r = 0;
	sd_bus_error_free(&error);
	return r;
}

/* 0 when the job ended with "done". */
static int wait_for_job(sd_bus *bus, struct job *job, const char *what, const char *unit)
{
	uint64_t end = now_us() + JOB_WAIT_US;
	const char *result;
	int r;

	while (!(result = job_result(job))) {
		uint64_t now = now_us();

		if (now >= end)
			return fail("%s unit '%s': systemd did not answer in %d s", what, unit,
				    JOB_WAIT_US / 1000000);
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, end - now);
		if (r < 0)
			return fail("%s unit '%s': %s", what, unit, ctr_strerror(-r));
	}

	return strcmp(result, "done") == 0
		       ? 0
		       : fail("%s unit '%s': its job ended with '%s'", what, unit, result);
}

static int take_job(sd_bus_message *reply, struct job *job)
{
	const char *path;
	int r = sd_bus_message_read(reply, "o", &path);

	if (r >= 0)
		snprintf(job->path, sizeof(job->path), "%s", path);
	return r;
}

/* ---- properties */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int append_bytes(sd_bus_message *message, const char *value)
{
	uint8_t bytes[1024];
	size_t n = 0;

	for (; value[0]; value += 2, n++) {
		if (n == sizeof(bytes) || hex(value[0]) < 0 || hex(value[1]) < 0)
			return -EINVAL;
		bytes[n] = (uint8_t)(hex(value[0]) << 4 | hex(value[1]));
	}
	return sd_bus_message_append_array(message, 'y', bytes, n);
}

/* "as" and "a(ss)": one item a line. */
static int append_lines(sd_bus_message *message, bool pairs, char *value)
{
	char *line, *rest = NULL;
	int r = sd_bus_message_open_container(message, 'a', pairs ? "(ss)" : "s");

	for (line = strtok_r(value, "\n", &rest); line && r >= 0;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *blank = pairs ? strrchr(line, ' ') : NULL;

		if (pairs && !blank)
			return -EINVAL;
		if (pairs) {
			*blank = '\0';
			r = sd_bus_message_append(message, "(ss)", line, blank + 1);
		} else {
			r = sd_bus_message_append(message, "s", line);
		}
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_value(sd_bus_message *message, const char *type, char *value)
{
	uint64_t number = 0;
	int64_t integer = 0;

	if (strcmp(type, "s") == 0)
		return sd_bus_message_append(message, "s", value);
	if (strcmp(type, "ay") == 0)
		return append_bytes(message, value);
	if (strcmp(type, "as") == 0 || strcmp(type, "a(ss)") == 0)
		return append_lines(message, type[1] == '(', value);
	if (strcmp(type, "i") == 0 && ctr_parse_i64(value, &integer) == 0)
		return sd_bus_message_append(message, "i", (int32_t)integer);
	if (ctr_parse_u64(value, &number) < 0)
		return -EINVAL;
	if (strcmp(type, "b") == 0)
		return sd_bus_message_append(message, "b", (int)(number != 0));
	if (strcmp(type, "u") == 0)
		return sd_bus_message_append(message, "u", (uint32_t)number);
	return strcmp(type, "t") == 0 ? sd_bus_message_append(message, "t", number) : -EINVAL;
}

/* NAME=TYPE=VALUE */
static int append_property(sd_bus_message *message, char *property)
{
	char *type = strchr(property, '='), *value = type ? strchr(type + 1, '=') : NULL;
	int r;

	if (!value)
		return -EINVAL;
	*type++ = '\0';
	*value++ = '\0';

	r = sd_bus_message_open_container(message, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", property);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', type);
	if (r >= 0)
		r = append_value(message, type, value);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_properties(sd_bus_message *message, char **properties, uint32_t pid)
{
	int r = sd_bus_message_open_container(message, 'a', "(sv)");

	if (r >= 0 && pid > 0)
		r = sd_bus_message_append(message, "(sv)", "PIDs", "au", 1, pid);
	for (; *properties && r >= 0; properties++) {
		char *copy = strdup(*properties);

		r = copy ? append_property(message, copy) : -ENOMEM;
		free(copy);
	}
	return r < 0 ? r : sd_bus_message_close_container(message);
}

/* ---- verbs */

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

/* One try. 1: the unit exists. 2: systemd went away, which tells nothing of what it did. */
static int try_start(sd_bus *bus, const char *unit, uint32_t pid, char **properties,
		     struct job *job, struct patience *patience)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *message = NULL, *reply = NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &message, SYSTEMD_NAME, MANAGER_PATH, MANAGER,
					   "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(message, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(message, properties, pid);
	if (r >= 0)
		r = sd_bus_message_append(message, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus, message, 0, &error, &reply);
	if (r >= 0)
		r = take_job(reply, job);
	if (sd_bus_error_has_name(&error, SYSTEMD_NAME ".UnitExists"))
		r = 1;
	else if (r < 0 && again(patience, &error))
		r = 2;
	else if (r < 0)
		fail("cannot start unit '%s': %s", unit, reason(&error, r));
	else
		r = 0;
	sd_bus_error_free(&error);
	sd_bus_message_unref(message);
	sd_bus_message_unref(reply);
	return r;
}

/* The unit's ControlGroup, to be freed; negative and @error. */
static int find_cgroup(sd_bus *bus, const char *unit, char **cgroup, sd_bus_error *error)
{
	struct patience patience = PATIENCE_INIT;
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
		while (r < 0 && error && again(&patience, error));
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
		fail("cannot find the cgroup of unit '%s': %s", unit, reason(&error, r));
	else
		puts(cgroup);
	sd_bus_error_free(&error);
	free(cgroup);
	return r < 0;
}

static int cmd_start(sd_bus *bus, char **args)
{
	const char *unit = args[0];
	struct patience patience = PATIENCE_INIT;
	struct job job = { .path = "" };
	bool unheard = false, forgotten = false;
	uint64_t pid;
	int r;

	if (!args[1] || ctr_parse_u64(args[1], &pid) < 0 || pid > INT32_MAX)
		return fail("start: '%s' is not a process id", args[1] ? args[1] : "");
	if (subscribe(bus, &job) < 0)
		return 1;

	for (;;) {
		r = try_start(bus, unit, (uint32_t)pid, args + 2, &job, &patience);
		unheard |= r == 2;
		if (r == 1 && unheard && has_process(unit, (uint32_t)pid))
			return print_cgroup(bus, unit);
		/* One that failed before is still known: forget it, and try once more. */
		if (r == 1 && !forgotten)
			reset_failed(bus, unit);
		else if (r != 2)
			break;
		forgotten |= r == 1;
	}
	if (r == 1)
		return fail("cannot start unit '%s': a unit of that name exists", unit);
	if (r < 0)
		return 1;
	if (wait_for_job(bus, &job, "cannot start", unit) == 0 && print_cgroup(bus, unit) == 0)
		return 0;

	/* It may come yet. */
	(void)sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER, "StopUnit", NULL, NULL,
				 "ss", unit, "replace");
	reset_failed(bus, unit);
	return 1;
}

static int cmd_attach(sd_bus *bus, char **args)
{
	struct patience patience = PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t pid;
	int r;

	if (ctr_parse_u64(args[2], &pid) < 0 || pid == 0 || pid > INT32_MAX)
		return fail("attach: '%s' is not a process id", args[2]);

	do
		r = sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER,
				       "AttachProcessesToUnit", &error, NULL, "ssau", args[0],
				       args[1], 1, (uint32_t)pid);
	while (r < 0 && again(&patience, &error));
	if (r < 0)
		fail("cannot move a process to unit '%s': %s", args[0], reason(&error, r));
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
		r = append_properties(message, args + 1, 0);
	if (r >= 0)
		r = sd_bus_call(bus, message, 0, error, NULL);
	sd_bus_message_unref(message);
	return r;
}

static int cmd_set(sd_bus *bus, char **args)
{
	struct patience patience = PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	do
		r = try_set(bus, args, &error);
	while (r < 0 && again(&patience, &error));
	if (r < 0)
		fail("cannot change unit '%s': %s", args[0], reason(&error, r));
	sd_bus_error_free(&error);
	return r < 0;
}

static int cmd_stop(sd_bus *bus, char **args)
{
	struct patience patience = PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *unit = args[0];
	struct job job = { .path = "" };
	int r;

	if (subscribe(bus, &job) < 0)
		return 1;

	do
		r = sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER, "StopUnit", &error,
				       &reply, "ss", unit, "replace");
	while (r < 0 && again(&patience, &error));
	if (r >= 0)
		r = take_job(reply, &job);
	/* A scope whose processes are gone has gone with them. */
	if (sd_bus_error_has_name(&error, SYSTEMD_NAME ".NoSuchUnit"))
		r = 0;
	else if (r < 0)
		r = fail("cannot stop unit '%s': %s", unit, reason(&error, r));
	else
		r = wait_for_job(bus, &job, "cannot stop", unit);
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
			return fail("%s: not enough arguments", argv[0]);

		r = open_bus(user, &bus);
		if (r < 0)
			return fail("cannot connect to %s: %s",
				    user ? "the user's systemd" : "systemd", ctr_strerror(-r));
		r = verbs[i].run(bus, argv + 1);
		sd_bus_flush_close_unref(bus);
		return r;
	}

	return fail("usage: ctr-systemd [--user] start|set|attach|stop|forget ...");
}
