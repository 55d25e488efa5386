/* base/fd: passing descriptors, and sockets whose path is too long for sun_path. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* As a standard stream may be that somebody else has open, too. */
static void write_without_waiting(void **state)
{
	static const char text[200000];
	int ends[2], status = -1;
	pid_t reader;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	reader = fork();
	if (reader == 0) {
		char data[4096];
		size_t sum = 0;
		ssize_t n;

		close(ends[1]);
		fcntl(ends[0], F_SETFL, 0);
		while ((n = read(ends[0], data, sizeof(data))) > 0)
			sum += (size_t)n;
		_exit(sum != sizeof(text));
	}
	close(ends[0]);
	assert_int_equal(ctr_write_all(ends[1], text, sizeof(text)), 0);
	close(ends[1]);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

static void pass(void **state)
{
	int pair[2], fds[4] = { -1, -1, -1, -1 }, before = open_fds();
	const int send[2] = { 0, 1 };
	char data[8] = "";
	size_t n = 4;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(ctr_send_fds(pair[0], "abc", 3, send, 2), 0);
	assert_int_equal(ctr_recv_fds(pair[1], data, sizeof(data), fds, &n), 3);
	assert_memory_equal(data, "abc", 3);
	assert_int_equal(n, 2);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);

	/* more than there is room for: the rest is closed */
	assert_int_equal(ctr_send_fds(pair[0], "abc", 3, send, 2), 0);
	n = 1;
	assert_int_equal(ctr_recv_fds(pair[1], data, sizeof(data), fds, &n), 3);
	assert_int_equal(n, 1);
	close(fds[0]);

	/* nobody wants any */
	assert_int_equal(ctr_send_fds(pair[0], "abc", 3, send, 2), 0);
	assert_int_equal(ctr_recv_fds(pair[1], data, sizeof(data), NULL, NULL), 3);

	/* longer than the buffer */
	assert_int_equal(ctr_send_fds(pair[0], "abcdefghij", 10, send, 2), 0);
	n = 4;
	assert_int_equal(ctr_recv_fds(pair[1], data, sizeof(data), fds, &n), -EMSGSIZE);

	close(pair[0]);
	assert_int_equal(ctr_recv_fds(pair[1], data, sizeof(data), NULL, NULL), 0);
	assert_int_equal(ctr_send_fds(pair[1], "abc", 3, NULL, 0), -EPIPE);
	close(pair[1]);
	assert_int_equal(open_fds(), before);
}

static void whole(void **state)
{
	int ends[2];
	char data[4];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ctr_write_all(ends[1], "abcd", 4), 0);
	assert_int_equal(read(ends[0], data, 4), 4);
	assert_memory_equal(data, "abcd", 4);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(ctr_write_all(ends[1], "ab", 2), -EBADF);
}

static void long_socket_path(void **state)
{
	char *top = unit_make_dir();
	char path[256], name[101];
	int dir, server, client;

	(void)state;
	memset(name, 'n', 100);
	name[100] = '\0';
	snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/socket");

	server = ctr_unix_listen(AT_FDCWD, path, SOCK_STREAM);
	assert_true(server >= 0);
	client = ctr_unix_connect(AT_FDCWD, path, SOCK_STREAM);
	assert_true(client >= 0);
	assert_int_equal(fcntl(client, F_GETFD), FD_CLOEXEC);
	close(client);

	/* relative to a directory */
	dir = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/socket", name);
	client = ctr_unix_connect(dir, path, SOCK_STREAM);
	assert_true(client >= 0);
	close(client);
	assert_int_equal(ctr_unix_connect(dir, "absent", SOCK_STREAM), -ENOENT);
	close(server);
	assert_int_equal(ctr_unix_connect(dir, path, SOCK_STREAM), -ECONNREFUSED);
	close(dir);
	unit_remove_dir(top);
}

/* A queue that nobody empties. */
static void full_socket(void **state)
{
	char *top = unit_make_dir();
	char path[256];
	int server, clients[2] = { -1, -1 }, busy = 0;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	snprintf(path, sizeof(path), "%s/socket", top);
	assert_true(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	server = ctr_unix_bind(AT_FDCWD, path, SOCK_STREAM);
	assert_true(server >= 0);
	assert_int_equal(listen(server, 0), 0);
	for (int i = 0; i < 2; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		busy += connect(clients[i], (struct sockaddr *)&address, sizeof(address)) < 0;
	}
	assert_int_equal(busy, 1);

	assert_int_equal(ctr_unix_connect(AT_FDCWD, path, SOCK_STREAM), -ETIMEDOUT);
	for (int i = 0; i < 2; i++)
		close(clients[i]);
	close(server);
	unit_remove_dir(top);
}

static void pidfds(void **state)
{
	int status, fd;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	fd = ctr_pidfd_open(pid);
	assert_true(fd >= 0);
	assert_int_equal(ctr_pidfd_kill(fd, 0), 0);
	assert_int_equal(ctr_pidfd_kill(fd, 9), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), 9);
	assert_int_equal(ctr_pidfd_kill(fd, 9), -ESRCH);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_without_waiting),
		cmocka_unit_test(pass),
		cmocka_unit_test(whole),
		cmocka_unit_test(long_socket_path),
		cmocka_unit_test(full_socket),
		cmocka_unit_test(pidfds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
