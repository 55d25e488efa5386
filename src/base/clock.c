/* RFC 3339 without gmtime_r(), which looks for the time zone in the file system first. */
#include "base/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

char *ctr_clock_format(char text[static CTR_CLOCK_TEXT], const struct timespec *time)
{
	/* The civil date from days since 0000-03-01: years that begin in March end in their leap
	 * day, and eras of 400 years are all alike. */
	int64_t seconds =
		time->tv_sec < 0 || time->tv_sec > INT64_C(253402300799) ? 0 : time->tv_sec;
	unsigned days = (unsigned)(seconds / 86400) + 719468;
	unsigned rest = (unsigned)(seconds % 86400);
	unsigned era = days / 146097;
	unsigned of_era = days % 146097;
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned march = (5 * of_year + 2) / 153; /* months since March */
	unsigned day = of_year - (153 * march + 2) / 5 + 1;
	unsigned month = march < 10 ? march + 3 : march - 9;

	year += era * 400 + (month <= 2);
	(void)snprintf(text, CTR_CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", year % 10000,
		       month % 100, day % 100, rest / 3600 % 100, rest / 60 % 60, rest % 60,
		       (unsigned)time->tv_nsec % 1000000000u);
	return text;
}

char *ctr_clock_now(char text[static CTR_CLOCK_TEXT])
{
	struct timespec now = { 0 };

	/* By the kernel: to find the function in the vDSO, as a static program must at its first
	 * call, costs two page faults and more than ten system calls. */
	(void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	return ctr_clock_format(text, &now);
}
