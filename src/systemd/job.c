/*
 * The signal JobRemoved may come before the answer of the call that queued the job; but signals are
 * handled in sd_bus_process() alone, after that.
 */
#include "systemd/job.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/strerror.h"
#include "systemd/bus.h"

enum { JOB_WAIT_US = 30 * 1000000 };

/* JobRemoved(u id, o job, s unit, s result) */
static int on_job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0 &&
	    strcmp(path, job->path) == 0)
		(void)snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int job_subscribe(sd_bus *bus, struct job *job)
{
	struct bus_patience patience = BUS_PATIENCE_INIT;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_match_signal(bus, NULL, SYSTEMD_NAME, MANAGER_PATH, MANAGER, "JobRemoved",
				on_job_removed, job);
	if (r >= 0) {
		do
			r = sd_bus_call_method(bus, SYSTEMD_NAME, MANAGER_PATH, MANAGER,
					       "Subscribe", &error, NULL, "");
		while (r < 0 && bus_again(&patience, &error));
	}
	/* Over the private socket everybody is subscribed. */
	if (r < 0 && !sd_bus_error_has_name(&error, SYSTEMD_NAME ".AlreadySubscribed"))
		bus_fail("cannot subscribe to systemd's signals: %s", bus_reason(&error, r));
	else
		r = 0;
	sd_bus_error_free(&error);
	return r;
}

int job_wait(sd_bus *bus, struct job *job, const char *what, const char *unit)
{
	uint64_t end = now_us() + JOB_WAIT_US;
	int r;

	while (job->result[0] == '\0') {
		uint64_t now = now_us();

		if (now >= end)
			return bus_fail("%s unit '%s': systemd did not answer in %d s", what, unit,
					JOB_WAIT_US / 1000000);
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, end - now);
		if (r < 0)
			return bus_fail("%s unit '%s': %s", what, unit, ctr_strerror(-r));
	}

	return strcmp(job->result, "done") == 0
		       ? 0
		       : bus_fail("%s unit '%s': its job ended with '%s'", what, unit, job->result);
}

int job_take(sd_bus_message *reply, struct job *job)
{
	const char *path;
	int r = sd_bus_message_read(reply, "o", &path);

	if (r >= 0)
		snprintf(job->path, sizeof(job->path), "%s", path);
	return r;
}
