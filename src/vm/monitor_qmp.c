/* QEMU's monitor protocol: one command at a time, as far as the machine's monitor needs it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vm/monitor_state.h"

enum { QMP_MS = 10000 };

/* A line of QEMU's, until @deadline (of monitor_now()). Its length, or -errno. */
static ssize_t read_line(int fd, char *line, size_t size, uint64_t deadline)
{
	size_t length = 0;

	while (length + 1 < size) {
		struct pollfd poller = { .fd = fd, .events = POLLIN };
		const uint64_t now = monitor_now();
		ssize_t n;

		if (now >= deadline || poll(&poller, 1, (int)((deadline - now) / 1000000)) <= 0)
			return -ETIMEDOUT;
		n = read(fd, line + length, 1);
		if (n <= 0)
			return n < 0 && errno == EINTR ? -EAGAIN : -EPIPE;
		if (line[length] == '\n')
			break;
		length++;
	}
	line[length] = '\0';
	return (ssize_t)length;
}

int monitor_qmp(struct monitor *monitor, const char *command, const char *arguments, char *answer,
		size_t size)
{
	/* For all of it: who has taken QEMU over must not keep us for longer. */
	const uint64_t deadline = monitor_now() + (uint64_t)QMP_MS * 1000000;
	char line[4096], id[32];
	int n;

	if (monitor->qmp < 0)
		return -EOPNOTSUPP;
	(void)snprintf(id, sizeof(id), "\"ctr-%u\"", ++monitor->qmp_id);
	n = snprintf(line, sizeof(line), "{\"execute\":\"%s\"%s%s,\"id\":%s}\n", command,
		     arguments ? ",\"arguments\":" : "", arguments ? arguments : "", id);
	if (send(monitor->qmp, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n)
		return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
	for (int i = 0; i < 64; i++) {
		ssize_t length = read_line(monitor->qmp, line, sizeof(line), deadline);

		if (length < 0)
			return (int)length;
		if (strstr(line, id)) {
			if (answer)
				(void)snprintf(answer, size, "%s", line);
			return strstr(line, "\"error\"") ? -EIO : 0;
		}
	}
	return -EPROTO;
}

void monitor_qmp_drop_events(struct monitor *monitor)
{
	char text[512];
	ssize_t n = recv(monitor->qmp, text, sizeof(text), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(monitor->qmp);
		monitor->qmp = -1;
	}
}
