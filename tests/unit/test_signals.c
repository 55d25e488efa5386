/* base/signals: which signals mean "end", and when they do not. */
#include "unit.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/signals.h"

static void kinds(void **state)
{
	(void)state;
	assert_true(ctr_signal_ends(SIGTERM));
	assert_true(ctr_signal_ends(SIGHUP));
	assert_false(ctr_signal_ends(SIGUSR1));
	assert_false(ctr_signal_ends(SIGCHLD));
}

static bool can_read(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* As nohup(1) starts a program. The kernel keeps a blocked signal all the same. */
static void ignored(void **state)
{
	sigset_t set;
	int fd;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	(void)signal(SIGHUP, SIG_IGN);
	fd = ctr_signals_open();
	assert_true(fd >= 0);
	(void)kill(getpid(), SIGHUP);
	assert_false(can_read(fd));
	assert_false(ctr_signals_pending());
	close(fd);

	(void)signal(SIGHUP, SIG_DFL);
	fd = ctr_signals_open();
	(void)kill(getpid(), SIGHUP);
	assert_true(can_read(fd));
	assert_true(ctr_signals_pending());
	close(fd);
	(void)signal(SIGHUP, SIG_IGN);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
