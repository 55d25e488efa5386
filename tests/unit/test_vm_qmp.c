/* vm/monitor_qmp: what QEMU may have its monitor wait for. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm/monitor_state.h"

enum { HANG_SECONDS = 60 };

static struct monitor monitor;

/* The monitor's end is in there; QEMU's end. */
static int begin(void)
{
	int pair[2];

	memset(&monitor, 0, sizeof(monitor));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	monitor.qmp = pair[0];
	return pair[1];
}

static void end(int qemu)
{
	if (monitor.qmp >= 0)
		close(monitor.qmp);
	close(qemu);
}

static void say(int qemu, const char *text)
{
	assert_int_equal(write(qemu, text, strlen(text)), (ssize_t)strlen(text));
}

static void answers(void **state)
{
	char text[256] = "";
	int qemu = begin();

	(void)state;
	/* its greeting, the answer to what was asked before, an event */
	say(qemu, "{\"QMP\":{}}\r\n{\"return\":{}}\r\n{\"event\":\"STOP\"}\r\n"
		  "{\"return\":{\"actual\":7},\"id\":\"ctr-1\"}\r\n"
		  "{\"id\":\"ctr-2\",\"error\":{\"class\":\"GenericError\"}}\r\n");
	assert_int_equal(monitor_qmp(&monitor, "query-balloon", NULL, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "\"actual\":7"));
	assert_int_equal(monitor_qmp(&monitor, "stop", NULL, NULL, 0), -EIO);
	memset(text, 0, sizeof(text));
	assert_true(recv(qemu, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "{\"execute\":\"query-balloon\",\"id\":\"ctr-1\"}\n"
				  "{\"execute\":\"stop\",\"id\":\"ctr-2\"}\n");
	end(qemu);
}

/* One that is stopped, or somebody's who has taken it over. */
static void reads_nothing(void **state)
{
	char filling[4096] = { 0 };
	int qemu = begin();

	(void)state;
	while (send(monitor.qmp, filling, sizeof(filling), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	(void)alarm(HANG_SECONDS);
	assert_int_equal(monitor_qmp(&monitor, "stop", NULL, NULL, 0), -ETIMEDOUT);
	(void)alarm(0);
	end(qemu);
}

static void goes_away(void **state)
{
	int qemu = begin();

	(void)state;
	assert_int_equal(shutdown(qemu, SHUT_RDWR), 0);
	assert_int_equal(monitor_qmp(&monitor, "stop", NULL, NULL, 0), -EPIPE);
	monitor_qmp_drop_events(&monitor);
	assert_int_equal(monitor.qmp, -1);
	assert_int_equal(monitor_qmp(&monitor, "stop", NULL, NULL, 0), -EOPNOTSUPP);
	end(qemu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(reads_nothing),
		cmocka_unit_test(goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
