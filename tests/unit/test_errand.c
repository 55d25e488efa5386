/* base/errand: what a copy of the process brings back. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors),
		cmocka_unit_test(errors),
		cmocka_unit_test(no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
