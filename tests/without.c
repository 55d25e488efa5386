/*
 * without CALL[=ERRNO]... -- COMMAND... - run a command for which the named system calls do
 * not exist: they fail with ENOSYS, as on a kernel that is too old for them, or with another
 * error (a number), as older ones do. This is how the fallbacks of ctr are tested on a kernel
 * that has everything.
 *
 * The filter is inherited by all children. It needs privileges or no_new_privs, and
 * takes the former when it has them: no_new_privs would change what is tested.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what, int error)
{
	fprintf(stderr, "without: %s: %s\n", what, strerror(error));
	return 125;
}

/* Cut "=ERRNO" off. */
static int error_of(char *call)
{
	char *equals = strchr(call, '=');

	if (!equals)
		return ENOSYS;
	*equals = '\0';
	return (int)strtol(equals + 1, NULL, 10);
}

/* By name, or by number where libseccomp is older than the call. */
static int resolve(const char *call)
{
	char *end;
	long number = strtol(call, &end, 10);

	if (end != call && *end == '\0' && number >= 0 && number < 4096)
		return (int)number;
	return seccomp_syscall_resolve_name(call);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int i, error, number, status;

	if (filter == NULL)
		return fail("cannot make a filter", ENOMEM);
	if (geteuid() == 0)
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		error = error_of(argv[i]);
		number = resolve(argv[i]);
		if (number < 0) {
			fprintf(stderr, "without: unknown system call '%s'\n", argv[i]);
			return 125;
		}
		status = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), number, 0);
		if (status < 0)
			return fail(argv[i], -status);
	}
	if (i + 1 >= argc) {
		fprintf(stderr, "usage: without CALL[=ERRNO]... -- COMMAND [ARGUMENT...]\n");
		return 125;
	}

	status = seccomp_load(filter);
	if (status < 0)
		return fail("cannot load the filter", -status);
	seccomp_release(filter);

	execvp(argv[i + 1], argv + i + 1);
	status = errno;
	fail(argv[i + 1], status);
	return status == ENOENT ? 127 : 126;
}
