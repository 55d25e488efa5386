/* A container on a bridge: address, interface, rules; and all of it undone. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct ctr_arena;
struct ctr_error;
struct ctr_publish;

struct ctr_attachment {
	const char *key;          /* of the container */
	const char *bridge;       /* made when it is missing */
	const char *address;      /* asked for; NULL: a free one */
	bool ipv6;                /* one of IPv6 is asked for: */
	struct in6_addr address6; /* ::: a free one */
	const struct ctr_publish *ports;
	size_t nports;
	int netns; /* the container's */
};

/* Give it an address and an interface, eth0. @out becomes "ADDRESS [IPV6-ADDRESS]", in @arena. 0,
 * or -1 and @err with nothing left of it. */
int ctr_bridge_attach(const struct ctr_attachment *attachment, const char **out,
		      struct ctr_arena *arena, struct ctr_error *err);
/* Take away whatever container @key has; the last one takes the bridge along, if it was made here.
 * Nothing is fine. 0, or -1 and @err. */
int ctr_bridge_detach(const char *key, struct ctr_arena *arena, struct ctr_error *err);
