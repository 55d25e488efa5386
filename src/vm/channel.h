/*
 * The host's end of the channel to a guest (plan/frame.h): a byte stream, cut into frames. Nothing
 * here waits. What comes in is hostile: of a frame that is not allowed from a guest nothing more is
 * read, and the machine is to be ended.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/frame.h"

struct ctr_channel {
	int fd; /* non-blocking; the caller's */
	/* A guest's terminal that is full may never again take anything (User-Mode Linux gives up
	 * reading what it has been throttled for), so no more than that is on the way to it. 0: no
	 * such limit. */
	uint32_t unread_max;
	bool held;       /* nothing is written: the guest's terminal may not be raw yet */
	uint64_t unread; /* written, and the guest has not said that it read it */
	size_t in_length, in_used;
	uint8_t *out; /* malloc(3) */
	size_t out_start, out_length, out_size;
	/* the frame that was returned last, and room for what follows it */
	_Alignas(8) uint8_t in[2 * (sizeof(struct ctr_frame) + CTR_FRAME_DATA_MAX)];
};

void ctr_channel_init(struct ctr_channel *channel, int fd);
void ctr_channel_release(struct ctr_channel *channel);

/* Read what is there. 1, 0 at the end, -EAGAIN, or another -errno. */
int ctr_channel_read(struct ctr_channel *channel);

/* The next frame that is complete, valid until the next call of any of these. 1, 0: none yet, or
 * -EBADMSG. */
int ctr_channel_next(struct ctr_channel *channel, struct ctr_frame *head, const uint8_t **data);

/* Queue a frame; @length is at most CTR_FRAME_DATA_MAX. */
void ctr_channel_send(struct ctr_channel *channel, enum ctr_frame_type type, unsigned stream,
		      unsigned session, const void *data, uint32_t length);
/* Write what the other side takes now. 0, or -errno. */
int ctr_channel_flush(struct ctr_channel *channel);
/* Is there something to write that the other side may take? */
static inline bool ctr_channel_waits(const struct ctr_channel *channel)
{
	return !channel->held && channel->out_length > 0 &&
	       (channel->unread_max == 0 || channel->unread < channel->unread_max);
}
