/* Container ids, checked and made. */
#include "state/id.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/error.h"

static bool is_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_+.-", c));
}

int ctr_id_check(const char *id, struct ctr_error *err)
{
	size_t len = id ? strlen(id) : 0;

	if (len == 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "container id cannot be empty");

	if (len > CTR_ID_MAX)
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"invalid container ID format: '%.32s...' has %zu characters, at most %d are allowed",
			id, len, CTR_ID_MAX);

	if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0 || id[0] == '-')
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "invalid container ID format: '%s'", id);

	for (size_t i = 0; i < len; i++) {
		if (!is_id_char(id[i]))
			return ctr_fail(
				err, CTR_FAULT_USAGE, 0,
				"invalid container ID format: '%.64s': only letters, digits and _+.- are allowed",
				id);
	}

	return 0;
}

void ctr_id_generate(char out[static 13])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t bytes[6];
	struct timespec now;

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != (ssize_t)sizeof(bytes)) {
		/* The pool is not ready this early after boot: time is enough, mkdir settles the
		 * rest. */
		clock_gettime(CLOCK_MONOTONIC, &now);
		memcpy(bytes, &now.tv_nsec, 4);
		memcpy(bytes + 4, &now.tv_sec, 2);
	}

	for (size_t i = 0; i < sizeof(bytes); i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[12] = '\0';
}
