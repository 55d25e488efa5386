/* base/errand: what a copy of the process brings back. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/errand.h"
#include "base/error.h"

static int bring(void *data, int *fd, struct ctr_error *err)
{
	const char **path = data;

	*fd = open(*path, O_RDONLY | O_CLOEXEC);
	*path = "changed";
	return *fd < 0 ? ctr_fail(err, CTR_FAULT_CONFIG, errno, "cannot open '%s'", "it") : 0;
}

static int die(void *data, int *fd, struct ctr_error *err)
{
	(void)data;
	(void)fd;
	(void)err;
	raise(SIGKILL);
	return 0;
}

static void descriptors(void **state)
{
	const char *path = "/dev/null";
	struct ctr_error err;
	int fd, free_one;

	(void)state;
	assert_int_equal(ctr_errand_run(bring, &path, "who brings", &fd, &err), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	/* its memory is its own */
	assert_string_equal(path, "/dev/null");
	/* nobody wants it, and nothing stays open */
	free_one = dup(0);
	close(free_one);
	assert_int_equal(ctr_errand_run(bring, &path, "who brings", NULL, &err), 0);
	fd = dup(0);
	assert_int_equal(fd, free_one);
	close(fd);
}

static void errors(void **state)
{
	const char *path = "/no/such";
	struct ctr_error err;
	int fd;

	(void)state;
	assert_int_equal(ctr_errand_run(bring, &path, "who brings", &fd, &err), -1);
	assert_string_equal(err.text, "cannot open 'it': No such file or directory");
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(err.fault, CTR_FAULT_CONFIG);
	assert_int_equal(fd, -1);

	assert_int_equal(ctr_errand_run(die, NULL, "who dies", NULL, &err), -1);
	assert_string_equal(err.text, "who dies was killed");
	/* nothing is left to be waited for */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int bring_too_much(void *data, int *fd, struct ctr_error *err)
{
	const char *path = "/dev/null";
	struct rlimit limit = *(const struct rlimit *)data;

	limit.rlim_cur = 0;
	return bring(&path, fd, err) < 0 || prlimit(getppid(), RLIMIT_NOFILE, &limit, NULL) < 0 ? -1
												: 0;
}

/* A descriptor that there is no room for is not none at all. */
static void no_room(void **state)
{
	struct rlimit limit;
	struct ctr_error err;
	int fd, r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	r = ctr_errand_run(bring_too_much, &limit, "who brings", &fd, &err);
	assert_int_equal(prlimit(0, RLIMIT_NOFILE, &limit, NULL), 0);
	assert_int_equal(r, -1);
	assert_string_equal(err.text, "cannot hear from who brings: Too many open files");
}

struct linger {
	int userns; /* -1: none to join */
	int pipe;
};

static int linger(void *data, int *fd, struct ctr_error *err)
{
	const struct linger *linger = data;

	(void)fd;
	if (linger->userns >= 0 && ctr_errand_become_root(linger->userns) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot join it");
	(void)alarm(30); /* if all else fails */
	if (write(linger->pipe, "", 1) != 1)
		return -1;
	for (;;)
		pause();
}

/* Its end closes the only other end of a pipe. */
static void ends_with_caller(int userns)
{
	struct pollfd end = { .events = POLLIN };
	struct linger it = { .userns = userns };
	int ends[2];
	pid_t caller;
	char byte;

	assert_int_equal(pipe(ends), 0);
	it.pipe = ends[1];
	end.fd = ends[0];
	caller = fork();
	if (caller == 0) {
		struct ctr_error err;

		(void)ctr_errand_run(linger, &it, "who lingers", NULL, &err);
		(void)fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(poll(&end, 1, 0), 0);
	kill(caller, SIGKILL);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void write_map(pid_t pid, const char *file, unsigned id)
{
	char path[64], text[32];
	int fd, n = snprintf(text, sizeof(text), "0 %u 1", id);

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)n), n);
	close(fd);
}

/* What changes ids is no longer bound to its parent. */
static void caller_killed(void **state)
{
	const unsigned id = geteuid() == 0 ? 65534 : geteuid();
	char path[64], byte;
	int userns, ends[2];
	pid_t owner;

	(void)state;
	ends_with_caller(-1);

	assert_int_equal(pipe(ends), 0);
	owner = fork();
	if (owner == 0) {
		byte = unshare(CLONE_NEWUSER) == 0;
		(void)!write(ends[1], &byte, 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)owner);
	userns = open(path, O_RDONLY | O_CLOEXEC);
	if (byte) {
		write_map(owner, "uid_map", id);
		if (geteuid() == 0)
			write_map(owner, "gid_map", id);
	}
	kill(owner, SIGKILL);
	assert_int_equal(waitpid(owner, NULL, 0), owner);
	close(ends[0]);
	close(ends[1]);
	/* this host lets nobody make one */
	if (!byte)
		skip();
	ends_with_caller(userns);
	close(userns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors),
		cmocka_unit_test(errors),
		cmocka_unit_test(no_room),
		cmocka_unit_test(caller_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
