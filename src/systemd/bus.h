/* The connection to systemd, and what to do while nobody answers there. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER      "org.freedesktop.systemd1.Manager"

/* Print an error as one line. Returns 1, the exit status. */
int bus_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Why a call failed with @r: systemd's own words, or those of the errno. */
const char *bus_reason(const sd_bus_error *error, int r);

/* Connect to the system's or the @user's systemd; the caller ends it with
 * sd_bus_flush_close_unref(). Negative: an errno. */
int bus_open(bool user, sd_bus **bus);

/* Sleep for @pause, and make it twice as long. */
void bus_sleep_doubled(struct timespec *pause);

/* A systemd that executes itself anew (daemon-reexec, an upgrade) is not there for a moment. */
struct bus_patience {
	struct timespec pause;
	unsigned tries;
};

#define BUS_PATIENCE_INIT                                                                          \
	{                                                                                          \
		.pause = {.tv_nsec = 100000000 }                                                   \
	}

/* Is the call worth another try? After a pause, without the @error. */
bool bus_again(struct bus_patience *patience, sd_bus_error *error);
