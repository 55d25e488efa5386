/* Running a program and keeping what it says. Signals are as for a new program. */
#pragma once

#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Run @argv (searched in PATH unless it has a slash) with both output streams captured: the first
 * @size - 1 bytes come into @text, newlines at the end cut, the rest is dropped. *@status is what
 * waitpid(2) says. 0, or -errno when it could not be started.
 */
int ctr_run_program(const char *const *argv, char *text, size_t size, int *status);

/* The same with the caller's descriptor @kept, which is CTR_RUN_KEPT in there. -1: none. */
enum { CTR_RUN_KEPT = 3 };
int ctr_run_program_with(const char *const *argv, int kept, char *text, size_t size, int *status);

/* The parts of that, for output of any length. Start @argv: a new descriptor of what it writes
 * to standard output, with @errors to standard error as well, or -errno. */
int ctr_run_start(const char *const *argv, bool errors, pid_t *pid);
/* The same, as ctr_run_program_with() gives @kept. */
int ctr_run_start_with(const char *const *argv, bool errors, int kept, pid_t *pid);
/* Start @argv with the caller's standard streams; it has each of @fds, too, under the same number.
 * 0, or -errno. */
int ctr_run_spawn(const char *const *argv, const int *fds, size_t nfds, pid_t *pid);
/* Read all that @fd has, and keep the first @size - 1 bytes, newlines at the end cut. */
void ctr_run_read(int fd, char *text, size_t size);
/* Wait for its end. 0, or -errno. */
int ctr_run_wait(pid_t pid, int *status);

/* Signals as for a new program, whatever is blocked or ignored here: for those who call
 * posix_spawn(3) themselves. 0 or an errno value. */
int ctr_run_new_signals(posix_spawnattr_t *attr);
