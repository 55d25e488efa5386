/* base/stall: who waits at a connection has an error, and no end of file. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/stall.h"

enum { LISTENS, READS, WRITES };
enum { ENDED_WELL = 1, ENDED_BY_ERROR, PATIENCE = 1000, ROUNDS = 30, ROUND_MS = 10 };

static int listen_here(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

/* What the child does for ever, and how that ends. */
static int wait_there(int what, int listener, int fd)
{
	char data[4096] = { 0 };
	ssize_t n;

	switch (what) {
	case LISTENS:
		n = accept(listener, NULL, NULL);
		break;
	case READS:
		n = recv(fd, data, sizeof(data), MSG_WAITALL);
		break;
	default:
		do
			n = send(fd, data, sizeof(data), MSG_NOSIGNAL);
		while (n > 0);
	}
	if (n >= 0)
		return ENDED_WELL;
	/* And so it goes on. */
	return what != READS || recv(fd, data, sizeof(data), 0) < 0 ? ENDED_BY_ERROR : ENDED_WELL;
}

static void ends(int what)
{
	const struct timespec pause = { .tv_nsec = ROUND_MS * 1000000L };
	struct sockaddr_in address;
	int listener = listen_here(&address), status = 0, rounds = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t child;

	if (what != LISTENS)
		assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(wait_there(what, listener, fd));

	while (waitpid(child, &status, WNOHANG) == 0 && rounds++ < PATIENCE) {
		ctr_stall_end(child);
		nanosleep(&pause, NULL);
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ENDED_BY_ERROR);
	close(fd);
	close(listener);
}

static void needs_tracing(void)
{
	if (access("/proc/self/syscall", R_OK) < 0)
		unit_skip("/proc/self/syscall cannot be read");
}

static void accepts(void **state)
{
	(void)state;
	needs_tracing();
	ends(LISTENS);
}

static void reads(void **state)
{
	(void)state;
	needs_tracing();
	ends(READS);
}

static void writes(void **state)
{
	(void)state;
	needs_tracing();
	ends(WRITES);
}

/* A pipe is left alone. */
static void others(void **state)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	int fds[2], status = 0;
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(read(fds[0], &byte, 1) == 1 ? 0 : ENDED_BY_ERROR);
	nanosleep(&pause, NULL);
	ctr_stall_end(child);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fds[0]);
	close(fds[1]);
}

static bool is_receiving(pid_t pid)
{
	char path[64];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	if (fscanf(file, "%ld", &number) != 1)
		number = -1;
	fclose(file);
	return number == SYS_recvfrom;
}

/* The connections of what CRIU dumps, which it reads as well. Here the child is in the call before:
 * CRIU's are over at once. */
static void repaired(void **state)
{
	const struct timespec pause = { .tv_nsec = ROUND_MS * 1000000L };
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	int listener = listen_here(&address), status = 0, on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), other;
	pid_t child;

	(void)state;
	needs_tracing();
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	other = accept(listener, NULL, NULL);
	assert_true(other >= 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(wait_there(READS, listener, fd));
	while (!is_receiving(child))
		nanosleep(&pause, NULL);
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0) {
		(void)kill(child, SIGKILL);
		unit_skip("TCP_REPAIR needs CAP_NET_ADMIN");
	}

	for (int round = 0; round < ROUNDS; round++) {
		ctr_stall_end(child);
		nanosleep(&pause, NULL);
	}
	assert_int_equal(getpeername(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(waitpid(child, &status, WNOHANG), 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(fd);
	close(other);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts), cmocka_unit_test(reads),    cmocka_unit_test(writes),
		cmocka_unit_test(others),  cmocka_unit_test(repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
