/* Running a helper program to its end and keeping what it says. */
#pragma once

#include <stddef.h>

/*
 * Run @argv (searched in PATH unless it has a slash) with both output streams captured: the first
 * @size - 1 bytes come into @text, newlines at the end cut, the rest is dropped. *@status is what
 * waitpid(2) says. Signals are as for a new program. 0, or -errno when it could not be started.
 */
int ctr_run_program(const char *const *argv, char *text, size_t size, int *status);
