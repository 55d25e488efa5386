/* Where systemd listens. */
#include "systemd/bus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strerror.h"

enum { CONNECT_TRIES = 7, AGAIN_TRIES = 5 };

int bus_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

const char *bus_reason(const sd_bus_error *error, int r)
{
	return error->message ? error->message : ctr_strerror(-r);
}

void bus_sleep_doubled(struct timespec *pause)
{
	nanosleep(pause, NULL);
	pause->tv_sec = 2 * pause->tv_sec + (pause->tv_nsec >= 500000000);
	pause->tv_nsec = 2 * pause->tv_nsec % 1000000000;
}

int bus_open(bool user, sd_bus **bus)
{
	struct timespec pause = { .tv_nsec = 100000000 };
	int r = -1;

	for (int i = 0; i < CONNECT_TRIES; i++) {
		r = user ? sd_bus_open_user(bus) : sd_bus_open_system(bus);
		if (r != -EAGAIN)
			break;
		bus_sleep_doubled(&pause);
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

/* Has it that name, or with a dot at the end one that begins so? */
static bool is_absent(const sd_bus_error *error, const char *name)
{
	size_t len = strlen(name);

	return error->name && strncmp(error->name, name, len) == 0 &&
	       (name[len - 1] == '.' || error->name[len] == '\0');
}

bool bus_again(struct bus_patience *patience, sd_bus_error *error)
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
		bus_sleep_doubled(&patience->pause);
		return true;
	}
	return false;
}
