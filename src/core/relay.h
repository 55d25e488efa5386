/* Bytes on their way from one descriptor to another, without ever blocking. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/detach.h"

enum { CTR_RELAY_SIZE = 8192 };

struct ctr_relay {
	int from, to;
	size_t start, end;
	bool closed;               /* nothing more will come from ->from, or ->to is gone */
	bool gone;                 /* ->to is */
	struct ctr_detach *detach; /* keys to look for, or NULL */
	bool detached;             /* they came */
	char data[CTR_RELAY_SIZE + CTR_DETACH_MAX];
};

bool ctr_relay_wants_read(const struct ctr_relay *relay);
bool ctr_relay_wants_write(const struct ctr_relay *relay);

/* Read what is there. 0, or -errno of what closed it. */
int ctr_relay_read(struct ctr_relay *relay);
/* Write what ->to takes, which is O_NONBLOCK. */
void ctr_relay_write(struct ctr_relay *relay);
/* The same for a descriptor that is not ours alone, when poll(2) said POLLOUT. */
void ctr_relay_write_shared(struct ctr_relay *relay);
