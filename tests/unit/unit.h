/* What every unit test includes: cmocka in the order it wants, and a few shorthands. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of an array whose rows a test walks. */
#define unit_count(a) (sizeof(a) / sizeof((a)[0]))

/* cmocka 2 has one for each sign, and deprecates the name that version 1 knows. */
#ifndef assert_uint_in_range
#define assert_uint_in_range assert_in_range
#endif

/* Leave the running test, and say why: what contrib/check prints of it. */
#define unit_skip(reason)                                                                          \
	do {                                                                                       \
		print_message("# skipped: %s\n", reason);                                          \
		skip();                                                                            \
	} while (0)

/* A new directory, removed with all that is in it by unit_remove_dir(). */
static inline char *unit_make_dir(void)
{
	static char path[64];

	strcpy(path, "/tmp/ctr-unit.XXXXXX");
	if (!mkdtemp(path))
		abort();
	return path;
}

static inline void unit_remove_dir(const char *path)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command) != 0)
		abort();
}
