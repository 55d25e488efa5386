/* Addresses and routes by RTM_*ADDR and RTM_*ROUTE (rtnetlink(7), linux/if_addr.h). */
#include "netns/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>

#include "netns/rtnl.h"

static size_t size_of(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static bool take_bytes(const struct nlattr *attribute, uint8_t family, uint8_t bytes[16])
{
	if (mnl_attr_get_payload_len(attribute) != size_of(family))
		return false;
	memcpy(bytes, mnl_attr_get_payload(attribute), size_of(family));
	return true;
}

static int read_attribute(const struct nlattr *attribute, void *data)
{
	struct ctr_address *address = data;
	uint8_t family = address->family;

	switch (mnl_attr_get_type(attribute)) {
	case IFA_LOCAL:
		address->has_local = take_bytes(attribute, family, address->local);
		break;
	case IFA_ADDRESS:
		address->has_peer = take_bytes(attribute, family, address->peer);
		break;
	case IFA_BROADCAST:
		address->has_broadcast = take_bytes(attribute, family, address->broadcast);
		break;
	case IFA_FLAGS:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			address->flags = mnl_attr_get_u32(attribute);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

struct query {
	struct ctr_addresses *out;
	int index;
};

static int read_address(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *info;
	const struct query *query = data;
	struct ctr_addresses *out = query->out;
	struct ctr_address *address;

	if (!message) {
		out->count = 0;
		out->overflow = false;
		return MNL_CB_OK;
	}
	info = mnl_nlmsg_get_payload(message);
	if ((query->index && (int)info->ifa_index != query->index) ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return MNL_CB_OK;
	if (out->count == CTR_ADDRESSES_MAX) {
		out->overflow = true;
		return MNL_CB_OK;
	}

	address = &out->list[out->count++];
	*address = (struct ctr_address){
		.index = (int)info->ifa_index,
		.family = info->ifa_family,
		.prefix = info->ifa_prefixlen,
		.scope = info->ifa_scope,
		.flags = info->ifa_flags,
	};
	(void)mnl_attr_parse(message, sizeof(*info), read_attribute, address);
	return MNL_CB_OK;
}

int ctr_addresses_get(struct ctr_rtnl *rtnl, int family, int index, struct ctr_addresses *out)
{
	struct query query = { .out = out, .index = index };
	struct ifaddrmsg *info;
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, RTM_GETADDR, 0, sizeof(*info), &info);

	info->ifa_family = (uint8_t)family;
	return ctr_rtnl_dump(rtnl, request, read_address, &query);
}

int ctr_address_add(struct ctr_rtnl *rtnl, int index, const struct ctr_address *address)
{
	struct ifaddrmsg *info;
	struct nlmsghdr *request =
		ctr_rtnl_begin(rtnl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*info), &info);
	size_t size = size_of(address->family);

	info->ifa_family = address->family;
	info->ifa_prefixlen = address->prefix;
	info->ifa_scope = address->scope;
	info->ifa_index = (uint32_t)index;
	if (address->has_local)
		mnl_attr_put(request, IFA_LOCAL, size, address->local);
	if (address->has_peer)
		mnl_attr_put(request, IFA_ADDRESS, size, address->peer);
	if (address->has_broadcast)
		mnl_attr_put(request, IFA_BROADCAST, size, address->broadcast);
	mnl_attr_put_u32(request, IFA_FLAGS, address->flags);
	return ctr_rtnl_call(rtnl, request);
}

int ctr_address_add_ipv4(struct ctr_rtnl *rtnl, int index, uint32_t ipv4, unsigned prefix)
{
	struct ctr_address address = {
		.family = AF_INET,
		.prefix = (uint8_t)prefix,
		.has_local = true,
		.has_peer = true,
		.has_broadcast = prefix < 31,
	};
	uint32_t local = htonl(ipv4);
	uint32_t broadcast = htonl(ipv4 | (prefix < 32 ? UINT32_MAX >> prefix : 0));

	memcpy(address.local, &local, sizeof(local));
	memcpy(address.peer, &local, sizeof(local));
	memcpy(address.broadcast, &broadcast, sizeof(broadcast));
	return ctr_address_add(rtnl, index, &address);
}

int ctr_address_add_ipv6(struct ctr_rtnl *rtnl, int index, const struct in6_addr *ipv6,
			 unsigned prefix)
{
	struct ctr_address address = {
		.family = AF_INET6,
		.prefix = (uint8_t)prefix,
		.flags = IFA_F_NODAD,
		.has_local = true,
	};

	memcpy(address.local, ipv6, sizeof(*ipv6));
	return ctr_address_add(rtnl, index, &address);
}

int ctr_route_add_default(struct ctr_rtnl *rtnl, int index, int family, const void *gateway)
{
	struct rtmsg *route;
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
						  sizeof(*route), &route);

	route->rtm_family = (uint8_t)family;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_scope = RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	mnl_attr_put(request, RTA_GATEWAY, size_of(route->rtm_family), gateway);
	mnl_attr_put_u32(request, RTA_OIF, (uint32_t)index);
	return ctr_rtnl_call(rtnl, request);
}

struct subnet {
	uint8_t family, bytes[16];
	unsigned prefix;
};

struct overlap {
	struct subnet wanted;
	bool found;
};

static bool overlaps(const struct subnet *a, const struct subnet *b)
{
	unsigned shorter = a->prefix < b->prefix ? a->prefix : b->prefix;
	unsigned whole = shorter / 8, rest = shorter % 8;

	return memcmp(a->bytes, b->bytes, whole) == 0 &&
	       (rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0);
}

static int read_destination(const struct nlattr *attribute, void *data)
{
	struct subnet *destination = data;

	if (mnl_attr_get_type(attribute) == RTA_DST)
		(void)take_bytes(attribute, destination->family, destination->bytes);
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *message, void *data)
{
	const struct rtmsg *route;
	struct overlap *overlap = data;
	struct subnet destination;

	if (!message) {
		overlap->found = false;
		return MNL_CB_OK;
	}
	route = mnl_nlmsg_get_payload(message);
	destination = (struct subnet){ .family = route->rtm_family, .prefix = route->rtm_dst_len };
	/* Default routes, also in two halves, are used where nothing better is. */
	if (route->rtm_family != overlap->wanted.family || route->rtm_dst_len < 4 ||
	    route->rtm_dst_len > 8 * size_of(route->rtm_family))
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*route), read_destination, &destination);
	overlap->found |= overlaps(&overlap->wanted, &destination);
	return MNL_CB_OK;
}

int ctr_subnet_is_used(struct ctr_rtnl *rtnl, int family, const void *subnet, unsigned prefix)
{
	struct overlap overlap = {
		.wanted = {.family = (uint8_t)family, .prefix = prefix}
	};
	struct rtmsg *route;
	/* The table of local addresses is one of them, so addresses are found, too. */
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, RTM_GETROUTE, 0, sizeof(*route), &route);
	int r;

	memcpy(overlap.wanted.bytes, subnet, size_of((uint8_t)family));
	route->rtm_family = (uint8_t)family;
	r = ctr_rtnl_dump(rtnl, request, read_route, &overlap);
	return r < 0 ? r : overlap.found;
}
