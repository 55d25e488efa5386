/* A job of systemd's, waited for. */
#pragma once

#include <systemd/sd-bus.h>

/* Empty at first. */
struct job {
	char path[256];
	char result[32]; /* empty until it has ended */
};

/* Hear of jobs that end, before one is queued. 0, or negative when the reason was printed. */
int job_subscribe(sd_bus *bus, struct job *job);
/* The job is the one of @reply. Negative: an errno. */
int job_take(sd_bus_message *reply, struct job *job);
/* Wait until it has ended. 0 when that was with "done"; else 1, and "@what unit '@unit': ..." was
 * printed. */
int job_wait(sd_bus *bus, struct job *job, const char *what, const char *unit);
