/* A container's interface: one end of a pair on the bridge, the other, eth0, in its namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "netns/addr.h"
#include "netns/bridge_parts.h"
#include "netns/link.h"

/* Addresses are unique on a host, and so are names made of them. */
static void veth_name(uint32_t address, char name[CTR_LINK_NAME])
{
	(void)snprintf(name, CTR_LINK_NAME, "ctr%08x", address);
}

/* Its routers are not those who say so: without an address of IPv6 another container would give it
 * one, and be its way out (CVE-2020-13401 of other runtimes). 0, or -1 and @err. */
static int distrust_routers(int netns, struct ctr_error *err)
{
	static const char path[] = "/proc/sys/net/ipv6/conf/eth0/accept_ra";

	/* A kernel without IPv6 hears none. */
	if (access("/proc/sys/net/ipv6", F_OK) < 0)
		return 0;
	return ctr_netns_write(netns, path, "0", err);
}

static int configure_inside(const struct bridge *bridge, const struct ctr_lease *lease, int netns,
			    struct ctr_error *err)
{
	bool ipv6 = !IN6_IS_ADDR_UNSPECIFIED(&lease->address6);
	uint32_t gateway = htonl(bridge->gateway);
	struct ctr_rtnl inside;
	struct ctr_link link;
	int r;

	if (distrust_routers(netns, err) < 0)
		return -1;
	if (ctr_rtnl_open_in(&inside, netns, err) < 0) {
		ctr_rtnl_close(&inside);
		return -1;
	}
	r = ctr_link_find(&inside, "eth0", &link);
	if (r == 0)
		r = ctr_address_add_ipv4(&inside, link.index, lease->address, bridge->prefix);
	if (r == 0 && ipv6)
		r = ctr_address_add_ipv6(&inside, link.index, &lease->address6,
					 bridge->ipv6.prefix);
	if (r == 0)
		r = ctr_link_set_up(&inside, link.index, true);
	if (r == 0)
		r = ctr_route_add_default(&inside, link.index, AF_INET, &gateway);
	if (r == 0 && ipv6)
		r = ctr_route_add_default(&inside, link.index, AF_INET6, &bridge->ipv6.gateway);
	ctr_rtnl_close(&inside);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot set up 'eth0' of the container");

	/* ping(8) of everybody, without CAP_NET_RAW, as others have it. */
	return ctr_netns_write(netns, "/proc/sys/net/ipv4/ping_group_range", "0 2147483647", err);
}

int bridge_plug(struct bridge_work *work, const struct bridge *bridge,
		const struct ctr_lease *lease, const struct ctr_attachment *attachment,
		struct ctr_error *err)
{
	char name[CTR_LINK_NAME];
	struct ctr_link link;
	int r;

	veth_name(lease->address, name);
	r = ctr_link_make_veth(&work->host, name, "eth0", attachment->netns);
	if (r == -EEXIST)
		return ctr_fail(err, CTR_FAULT_HOST, EEXIST,
				"cannot make interface '%s', or 'eth0' in the container", name);
	if (r == 0)
		r = ctr_link_find(&work->host, name, &link);
	if (r == 0)
		r = ctr_link_join_bridge(&work->host, link.index, bridge->index);
	if (r == 0)
		r = ctr_link_set_alias(&work->host, link.index, attachment->key);
	if (r == 0)
		r = ctr_link_set_up(&work->host, link.index, true);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot make interface '%s'%s", name,
				r == -EOPNOTSUPP ? " (the kernel has no veth)" : "");

	return configure_inside(bridge, lease, attachment->netns, err);
}

int bridge_unplug(struct bridge_work *work, uint32_t address, struct ctr_error *err)
{
	char name[CTR_LINK_NAME];
	struct ctr_link link;
	int r;

	veth_name(address, name);
	r = ctr_link_find(&work->host, name, &link);
	if (r == 0)
		r = ctr_link_delete(&work->host, link.index);
	/* It goes with the container's namespace, maybe just now. */
	if (r < 0 && r != -ENODEV)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot remove interface '%s'", name);
	return 0;
}
