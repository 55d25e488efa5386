/* base/libc: what C libraries do differently. */
#include "unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/libc.h"

static void all_signals(void **state)
{
	sigset_t set;

	(void)state;
	sigemptyset(&set);
	ctr_sigfillset(&set);
	for (int sig = 1; sig <= 64; sig++) {
		/* sigismember(3) itself refuses those of the library */
		const unsigned char *bytes = (const unsigned char *)&set;

		assert_true(bytes[(sig - 1) / 8] >> ((sig - 1) % 8) & 1);
	}
}

/* Whether a program finds @fd open. */
static bool is_open_in_child(int fd)
{
	char script[64], *argv[] = { "sh", "-c", script, NULL };
	posix_spawn_file_actions_t actions;
	int status = 0;
	pid_t pid;

	snprintf(script, sizeof(script), "test -e /proc/self/fd/%d", fd);
	posix_spawn_file_actions_init(&actions);
	assert_int_equal(ctr_spawn_add_close_inherited(&actions, 4), 0);
	assert_int_equal(posix_spawnp(&pid, "sh", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void inherited(void **state)
{
	int left, far;

	(void)state;
	left = fcntl(1, F_DUPFD, 4);
	far = fcntl(left, F_DUPFD, 200);
	assert_true(left >= 4 && far >= 200);
	assert_false(is_open_in_child(left));
	assert_false(is_open_in_child(far));
	assert_true(is_open_in_child(1));
	assert_int_equal(dup2(1, 3), 3);
	assert_true(is_open_in_child(3));
	close(3);
	close(left);
	close(far);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_signals),
		cmocka_unit_test(inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
