/* Addresses and routes. All return 0 or -errno unless told otherwise. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_rtnl;

/* One address of an interface, with all that is needed to give it to another. */
struct ctr_address {
	int index;
	uint8_t family, prefix, scope;
	uint32_t flags; /* IFA_F_* */
	uint8_t local[16], peer[16], broadcast[16];
	bool has_local, has_peer, has_broadcast;
};

enum { CTR_ADDRESSES_MAX = 256 };
struct ctr_addresses {
	struct ctr_address list[CTR_ADDRESSES_MAX];
	size_t count;
	bool overflow; /* there were more */
};

/* All addresses of @family (0: of all) of interface @index (0: of all interfaces). */
int ctr_addresses_get(struct ctr_rtnl *rtnl, int family, int index, struct ctr_addresses *out);
/* Give @address to interface @index. */
int ctr_address_add(struct ctr_rtnl *rtnl, int index, const struct ctr_address *address);
/* An IPv4 address, in host byte order, with the broadcast address of its subnet. */
int ctr_address_add_ipv4(struct ctr_rtnl *rtnl, int index, uint32_t address, unsigned prefix);
/* An IPv6 address that is used at once: nobody else can have it. */
int ctr_address_add_ipv6(struct ctr_rtnl *rtnl, int index, const struct in6_addr *address,
			 unsigned prefix);

/* The default route of @family by @gateway, an in_addr or in6_addr. */
int ctr_route_add_default(struct ctr_rtnl *rtnl, int index, int family, const void *gateway);
/* Does an address or a route (but the default one) of this host touch the subnet, an in_addr or
 * in6_addr? 1: yes, 0: no, -errno. */
int ctr_subnet_is_used(struct ctr_rtnl *rtnl, int family, const void *subnet, unsigned prefix);
