/* What a bridge needs for IPv6: a network of its own, addresses for its containers, forwarding. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct ctr_error;
struct ctr_leases;
struct ctr_rtnl;

struct ctr_ipv6_net {
	bool used;
	struct in6_addr gateway; /* the bridge's own address */
	unsigned prefix;
};

/* Does this host have IPv6? 0, or -1 and @err, which says what it is lacking. */
int ctr_ipv6_is_enabled(struct ctr_error *err);
/* The first network of interface @index that has room for containers; @out->used: there is one. 0,
 * or -errno. */
int ctr_ipv6_find(struct ctr_rtnl *rtnl, int index, struct ctr_ipv6_net *out);
/* Give bridge @index a network: that of the address @asked (NULL: none is asked for), else a unique
 * local one. 0, or -1 and @err. */
int ctr_ipv6_make(struct ctr_rtnl *rtnl, int index, const struct in6_addr *asked,
		  struct ctr_ipv6_net *out, struct ctr_error *err);
/* An address for the container that has @ipv4: @asked (NULL: a free one). 0, or -1 and @err. */
int ctr_ipv6_take(const struct ctr_leases *leases, const char *bridge,
		  const struct ctr_ipv6_net *net, const struct in6_addr *asked, uint32_t ipv4,
		  struct in6_addr *out, struct ctr_error *err);
/* @address without its host part. */
struct in6_addr ctr_ipv6_subnet(const struct in6_addr *address, unsigned prefix);

/* Let the host forward, and go on taking routes from its routers. 0, or -1 and @err. */
int ctr_ipv6_forward(struct ctr_error *err);
/* The host takes no routes from what is behind @bridge. */
int ctr_ipv6_distrust(const char *bridge, struct ctr_error *err);
