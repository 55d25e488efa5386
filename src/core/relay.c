/* One buffer in each direction: a reader that stalls stops its own direction only. */
#include "core/relay.h"

#include <errno.h>
#include <unistd.h>

bool ctr_relay_wants_read(const struct ctr_relay *relay)
{
	return !relay->closed && relay->start == relay->end;
}

bool ctr_relay_wants_write(const struct ctr_relay *relay)
{
	return relay->start < relay->end;
}

int ctr_relay_read(struct ctr_relay *relay)
{
	char typed[CTR_RELAY_SIZE];
	char *data = relay->detach ? typed : relay->data;
	ssize_t n = read(relay->from, data, CTR_RELAY_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	/* EIO of a pty master: the last slave was closed and everything was read. */
	if (n <= 0) {
		relay->closed = true;
		return n < 0 ? -errno : 0;
	}

	relay->start = 0;
	relay->end = (size_t)n;
	if (relay->detach)
		relay->end = ctr_detach_filter(relay->detach, typed, (size_t)n, relay->data,
					       &relay->detached);
	return 0;
}

void ctr_relay_write(struct ctr_relay *relay)
{
	ssize_t n = write(relay->to, relay->data + relay->start, relay->end - relay->start);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		relay->closed = relay->gone = true;
		relay->start = relay->end = 0;
		return;
	}
	relay->start += (size_t)n;
}

/*
 * Our standard output is shared with whoever started us, so O_NONBLOCK (a flag of the open file,
 * not of the descriptor) is not ours to set there: write only what poll(2) says fits, at most a
 * page, as POLLOUT of a pipe promises PIPE_BUF bytes and that of a terminal one at least.
 */
void ctr_relay_write_shared(struct ctr_relay *relay)
{
	size_t end = relay->end;

	if (relay->end - relay->start > 4096)
		relay->end = relay->start + 4096;
	ctr_relay_write(relay);
	if (relay->end != 0)
		relay->end = end;
}
