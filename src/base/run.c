/* posix_spawn, read to the end, wait. */
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/libc.h"

int ctr_run_new_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	ctr_sigfillset(&all);
	return posix_spawnattr_setsigmask(attr, &none) ?:
	       posix_spawnattr_setsigdefault(attr, &all) ?:
	       posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const char *const *argv, const posix_spawn_file_actions_t *actions, pid_t *pid)
{
	posix_spawnattr_t attr;
	int error;

	(void)posix_spawnattr_init(&attr);
	error = ctr_run_new_signals(&attr)
			?: posix_spawnp(pid, argv[0], actions, &attr, (char *const *)argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	return -error;
}

int ctr_run_spawn(const char *const *argv, const int *fds, size_t nfds, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int error = 0, r = 0;

	(void)posix_spawn_file_actions_init(&actions);
	/* dup2 of a descriptor to itself clears CLOEXEC here (glibc 2.29, POSIX 2024). */
	for (size_t i = 0; i < nfds && !error; i++)
		error = posix_spawn_file_actions_adddup2(&actions, fds[i], fds[i]);
	r = error ? -error : spawn(argv, &actions, pid);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int spawn_with_output(const char *const *argv, int output, bool errors, int kept, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int error, r;

	(void)posix_spawn_file_actions_init(&actions);
	error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!error && errors)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	/* (For itself as well it clears CLOEXEC.) */
	if (!error && kept >= 0)
		error = posix_spawn_file_actions_adddup2(&actions, kept, CTR_RUN_KEPT);
	/* What our caller has left open is for us and the container. */
	if (!error)
		error = ctr_spawn_add_close_inherited(&actions,
						      kept >= 0 ? CTR_RUN_KEPT + 1 : CTR_RUN_KEPT);
	r = error ? -error : spawn(argv, &actions, pid);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

void ctr_run_read(int fd, char *text, size_t size)
{
	size_t len = 0;
	char rest[256];

	for (;;) {
		bool full = len == size - 1;
		ssize_t n =
			read(fd, full ? rest : text + len, full ? sizeof(rest) : size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (!full)
			len += (size_t)n;
	}

	while (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
}

int ctr_run_start_with(const char *const *argv, bool errors, int kept, pid_t *pid)
{
	_cleanup_close_ int output = -1, output_write = -1;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	output = fds[0];
	output_write = fds[1];

	r = spawn_with_output(argv, output_write, errors, kept, pid);
	return r < 0 ? r : ctr_take_fd(&output);
}

int ctr_run_start(const char *const *argv, bool errors, pid_t *pid)
{
	return ctr_run_start_with(argv, errors, -1, pid);
}

int ctr_run_wait(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int ctr_run_program_with(const char *const *argv, int kept, char *text, size_t size, int *status)
{
	pid_t pid = 0;
	int output = ctr_run_start_with(argv, true, kept, &pid);

	if (output < 0)
		return output;

	ctr_run_read(output, text, size);
	(void)close(output);
	return ctr_run_wait(pid, status);
}

int ctr_run_program(const char *const *argv, char *text, size_t size, int *status)
{
	return ctr_run_program_with(argv, -1, text, size, status);
}
