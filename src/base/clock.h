/* Points in time as text. */
#pragma once

#include <time.h>

/* "2024-02-29T12:34:56.123456789Z" and its NUL; the year has four digits. */
enum { CTR_CLOCK_TEXT = 32 };

/* RFC 3339 in UTC, with nanoseconds. Reads no time zone file. Returns @text. */
char *ctr_clock_format(char text[static CTR_CLOCK_TEXT], const struct timespec *time);
/* The same for now. */
char *ctr_clock_now(char text[static CTR_CLOCK_TEXT]);
