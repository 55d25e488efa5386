/* What an attachment is made of: the bridge itself, and the container's interface on it. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "netns/bridge.h"
#include "netns/ipv6.h"
#include "netns/lease.h"
#include "netns/rtnl.h"

struct ctr_link;

struct bridge {
	const char *name;
	int index;
	uint32_t gateway; /* its own address */
	unsigned prefix;
	struct ctr_ipv6_net ipv6;
};

/* One command's view: the host's netlink and the leases. */
struct bridge_work {
	struct ctr_rtnl host;
	struct ctr_leases leases;
	struct ctr_arena *arena;
};

/* The netmask of @prefix bits. */
uint32_t bridge_mask(unsigned prefix);

/* ---- bridge_device.c */

/* Find or make the bridge of that name, with what @attachment asks of it. 0, or -1 and @err. */
int bridge_open(struct bridge_work *work, struct bridge *bridge,
		const struct ctr_attachment *attachment, struct ctr_error *err);
/* Take addresses of @link, which has the bridge's name. 0, or -1 and @err. */
int bridge_use(struct bridge_work *work, struct bridge *bridge, const struct ctr_link *link,
	       struct ctr_error *err);
/* The last container of bridge @name is gone: so is the bridge, if it was made here. 0, or -1 and
 * @err. */
int bridge_drop(struct bridge_work *work, const char *name, struct ctr_error *err);
/* Does the container want an address of IPv6? And which; NULL: a free one. */
bool bridge_wants_ipv6(const struct ctr_attachment *attachment);
const struct in6_addr *bridge_asked_ipv6(const struct ctr_attachment *attachment);

/* ---- bridge_port.c */

/* Make the pair of interfaces of @lease, and set up the container's, eth0. 0, or -1 and @err. */
int bridge_plug(struct bridge_work *work, const struct bridge *bridge,
		const struct ctr_lease *lease, const struct ctr_attachment *attachment,
		struct ctr_error *err);
/* Remove the pair of the container with that @address; none is fine. 0, or -1 and @err. */
int bridge_unplug(struct bridge_work *work, uint32_t address, struct ctr_error *err);
