/* Frames in, frames out. */
#include "vm/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/msg.h"

void ctr_channel_init(struct ctr_channel *channel, int fd)
{
	*channel = (struct ctr_channel){ .fd = fd };
}

void ctr_channel_release(struct ctr_channel *channel)
{
	free(channel->out);
	channel->out = NULL;
}

int ctr_channel_read(struct ctr_channel *channel)
{
	ssize_t n;

	memmove(channel->in, channel->in + channel->in_used, channel->in_length - channel->in_used);
	channel->in_length -= channel->in_used;
	channel->in_used = 0;
	n = read(channel->fd, channel->in + channel->in_length,
		 sizeof(channel->in) - channel->in_length);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	channel->in_length += (size_t)n;
	return n > 0;
}

/* May a guest say it, and is it as long as such a frame is? */
static bool is_allowed(const struct ctr_frame *head)
{
	if (head->length > CTR_FRAME_DATA_MAX || head->stream >= CTR_STREAMS)
		return false;

	switch (head->type) {
	case CTR_FRAME_HELLO:
		return head->length == sizeof(struct ctr_frame_hello);
	case CTR_FRAME_EXIT:
		return head->length == sizeof(struct ctr_frame_exit);
	case CTR_FRAME_MESSAGE:
		return head->length >= sizeof(struct ctr_msg) &&
		       head->length <= sizeof(struct ctr_msg) + CTR_MSG_TEXT_MAX;
	case CTR_FRAME_DATA:
		return head->length > 0 &&
		       (head->stream == CTR_STREAM_OUT || head->stream == CTR_STREAM_ERR);
	case CTR_FRAME_END:
		return head->length == 0;
	case CTR_FRAME_CREDIT:
		return head->length == sizeof(uint32_t) && head->stream == CTR_STREAM_IN;
	case CTR_FRAME_LIMIT:
	case CTR_FRAME_READ:
		return head->length == sizeof(uint32_t);
	case CTR_FRAME_FATAL:
	case CTR_FRAME_STATS:
	case CTR_FRAME_PROCESSES:
		return true;
	default:
		return false;
	}
}

static int next_frame(struct ctr_channel *channel, struct ctr_frame *head, const uint8_t **data)
{
	const uint8_t *at = channel->in + channel->in_used;
	size_t there = channel->in_length - channel->in_used;

	if (there < sizeof(*head))
		return 0;
	memcpy(head, at, sizeof(*head));
	if (!is_allowed(head))
		return -EBADMSG;
	if (there < sizeof(*head) + head->length)
		return 0;
	*data = at + sizeof(*head);
	channel->in_used += sizeof(*head) + head->length;
	return 1;
}

int ctr_channel_next(struct ctr_channel *channel, struct ctr_frame *head, const uint8_t **data)
{
	uint32_t count;
	int r;

	while ((r = next_frame(channel, head, data)) == 1 && head->type == CTR_FRAME_READ) {
		memcpy(&count, *data, sizeof(count));
		if (count > channel->unread)
			return -EBADMSG;
		channel->unread -= count;
	}
	return r;
}

void ctr_channel_send(struct ctr_channel *channel, enum ctr_frame_type type, unsigned stream,
		      unsigned session, const void *data, uint32_t length)
{
	const struct ctr_frame head = {
		.type = (uint8_t)type,
		.stream = (uint8_t)stream,
		.session = (uint16_t)session,
		.length = length,
	};
	size_t needed;

	if (channel->out_start > 0) {
		memmove(channel->out, channel->out + channel->out_start, channel->out_length);
		channel->out_start = 0;
	}
	needed = channel->out_length + sizeof(head) + length;
	if (needed > channel->out_size) {
		size_t size = needed < 16384 ? 16384 : 2 * needed;
		uint8_t *out = realloc(channel->out, size);

		/* As everywhere: nobody could do better without memory. */
		if (!out)
			_exit(125);
		channel->out = out;
		channel->out_size = size;
	}
	memcpy(channel->out + channel->out_length, &head, sizeof(head));
	if (length > 0)
		memcpy(channel->out + channel->out_length + sizeof(head), data, length);
	channel->out_length = needed;
}

int ctr_channel_flush(struct ctr_channel *channel)
{
	while (ctr_channel_waits(channel)) {
		size_t length = channel->out_length;
		ssize_t n;

		if (channel->unread_max > 0 && length > channel->unread_max - channel->unread)
			length = channel->unread_max - channel->unread;
		n = write(channel->fd, channel->out + channel->out_start, length);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		channel->unread += (size_t)n;
		channel->out_start += (size_t)n;
		channel->out_length -= (size_t)n;
	}
	return 0;
}
