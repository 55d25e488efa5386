/*
 * Bridges and their containers. The order of an attachment is that of its undoing reversed: the
 * lease is written first and removed last, and whatever exists at any moment is found by it.
 */
#include "netns/bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "netns/addr.h"
#include "netns/ipv6.h"
#include "netns/lease.h"
#include "netns/link.h"
#include "netns/nft.h"
#include "netns/ports.h"
#include "netns/rtnl.h"

enum { OWN_PREFIX = 24 };

struct bridge {
	const char *name;
	int index;
	uint32_t gateway; /* its own address */
	unsigned prefix;
	struct ctr_ipv6_net ipv6;
};

/* One command's view: the host's netlink and the leases. */
struct work {
	struct ctr_rtnl host;
	struct ctr_leases leases;
	struct ctr_arena *arena;
};

static uint32_t mask_of(unsigned prefix)
{
	return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

/* /run is shared by network namespaces, which have nothing else in common. */
static const char *leases_path(struct ctr_arena *arena)
{
	struct stat own = { 0 };

	(void)stat("/proc/self/ns/net", &own);
	return ctr_arena_printf(arena, "/run/ctr-net-%llu", (unsigned long long)own.st_ino);
}

static int begin(struct work *work, struct ctr_arena *arena, struct ctr_error *err)
{
	work->arena = arena;
	work->leases.dir = -1;
	if (ctr_rtnl_open(&work->host, err) < 0)
		return -1;
	return ctr_leases_open(&work->leases, leases_path(arena), arena, err);
}

static void end(struct work *work)
{
	ctr_leases_close(&work->leases);
	ctr_rtnl_close(&work->host);
}

/* ---- the bridge */

/* Networks that a new bridge may get, in this order: private ones that are not the usual choice of
 * others. */
static const struct range {
	uint32_t first;
	unsigned count;
} ranges[] = {
	{0x0a4d0000,  256}, /* 10.77.0.0/16 */
	{ 0xac1d0000, 256}, /* 172.29.0.0/16 */
	{ 0xc0a86400, 100}, /* 192.168.100.0 ... */
};

static int ipv4_is_used(struct work *work, uint32_t subnet)
{
	uint32_t bytes = htonl(subnet);

	return ctr_subnet_is_used(&work->host, AF_INET, &bytes, OWN_PREFIX);
}

static int choose_subnet(struct work *work, uint32_t *out, struct ctr_error *err)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(ranges); i++) {
		for (unsigned j = 0; j < ranges[i].count; j++) {
			uint32_t subnet = ranges[i].first + (j << 8);
			int r = ipv4_is_used(work, subnet);

			if (r < 0)
				return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read routes");
			if (r == 0) {
				*out = subnet;
				return 0;
			}
		}
	}
	return ctr_fail(err, CTR_FAULT_HOST, 0, "all networks that a bridge could have are in use");
}

static int write_sysctl(const char *path, struct ctr_error *err)
{
	char now[8];
	int r;

	if (ctr_file_read_small(AT_FDCWD, path, now, sizeof(now)) == 1 && now[0] == '1')
		return 0;
	r = ctr_file_write_once(AT_FDCWD, path, "1", 1);
	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot write '%s'", path) : 0;
}

static int make_bridge(struct work *work, struct bridge *bridge, const char *asked,
		       struct ctr_error *err)
{
	uint32_t address = 0, subnet = 0;
	struct ctr_link link;
	int r;

	if (asked && ctr_ipv4_parse(asked, strlen(asked), &address) == 0)
		subnet = address & mask_of(OWN_PREFIX);
	else if (choose_subnet(work, &subnet, err) < 0)
		return -1;
	if (asked && ipv4_is_used(work, subnet) != 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--ip: '%s' is of a network that the host uses already", asked);

	bridge->gateway = subnet + 1;
	bridge->prefix = OWN_PREFIX;
	/* A fixed one, or it would change with the ports. Locally administered. */
	const uint8_t mac[6] = { 0x02,
				 0xc7,
				 (uint8_t)(bridge->gateway >> 24),
				 (uint8_t)(bridge->gateway >> 16),
				 (uint8_t)(bridge->gateway >> 8),
				 (uint8_t)bridge->gateway };

	if (ctr_leases_mark_made(&work->leases, bridge->name, err) < 0)
		return -1;
	r = ctr_link_make_bridge(&work->host, bridge->name, mac);
	if (r == 0)
		r = ctr_link_find(&work->host, bridge->name, &link);
	if (r == 0)
		r = ctr_address_add_ipv4(&work->host, link.index, bridge->gateway, bridge->prefix);
	if (r == 0 && ctr_ipv6_distrust(bridge->name, err) < 0)
		return -1;
	if (r == 0)
		r = ctr_link_set_up(&work->host, link.index, true);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot make bridge '%s'%s", bridge->name,
				r == -EOPNOTSUPP ? " (the kernel has no bridges)" : "");
	bridge->index = link.index;
	return 0;
}

static int use_bridge(struct work *work, struct bridge *bridge, const struct ctr_link *link,
		      struct ctr_error *err)
{
	struct ctr_addresses addresses;
	uint32_t address;
	int r;

	if (strcmp(link->kind, "bridge") != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--net: '%s' is an interface, but no bridge", bridge->name);

	r = ctr_addresses_get(&work->host, AF_INET, link->index, &addresses);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read addresses of '%s'",
				bridge->name);
	if (addresses.count == 0 || !addresses.list[0].has_local || addresses.list[0].prefix > 30)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--net: bridge '%s' has no IPv4 address, or no room for others",
				bridge->name);

	memcpy(&address, addresses.list[0].local, sizeof(address));
	bridge->index = link->index;
	bridge->gateway = ntohl(address);
	bridge->prefix = addresses.list[0].prefix;
	r = ctr_ipv6_find(&work->host, link->index, &bridge->ipv6);
	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read addresses of '%s'",
				bridge->name)
		     : 0;
}

/* Does the container want an address of IPv6? */
static bool wants_ipv6(const struct ctr_attachment *attachment)
{
	for (size_t i = 0; i < attachment->nports; i++)
		if (attachment->ports[i].ipv6)
			return true;
	return attachment->ipv6;
}

static const struct in6_addr *asked_ipv6(const struct ctr_attachment *attachment)
{
	return IN6_IS_ADDR_UNSPECIFIED(&attachment->address6) ? NULL : &attachment->address6;
}

/* A network of IPv6 where there is none, on a bridge of our own, before anything leads there. */
static int open_ipv6(struct work *work, struct bridge *bridge,
		     const struct ctr_attachment *attachment, struct ctr_error *err)
{
	if (bridge->ipv6.used)
		return ctr_ipv6_forward(err);
	if (!wants_ipv6(attachment))
		return 0;

	if (!ctr_leases_is_made(&work->leases, bridge->name))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--net: bridge '%s' has no IPv6 address, or no room for others",
				bridge->name);
	/* Without rules for it in the kernel nothing is begun. */
	if (ctr_nft_run(ctr_nft_probe_ipv6(bridge->name, work->arena), err) < 0)
		return ctr_fail_within(err, "IPv6");
	if (ctr_ipv6_make(&work->host, bridge->index, asked_ipv6(attachment), &bridge->ipv6, err) <
	    0)
		return -1;
	return ctr_ipv6_forward(err);
}

/* Find or make it. */
static int open_bridge(struct work *work, struct bridge *bridge,
		       const struct ctr_attachment *attachment, struct ctr_error *err)
{
	const char *localnet = ctr_arena_printf(
		work->arena, "/proc/sys/net/ipv4/conf/%s/route_localnet", bridge->name);
	struct ctr_link link;
	int r = ctr_link_find(&work->host, bridge->name, &link);

	if (r < 0 && r != -ENODEV)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot look for '%s'", bridge->name);
	if ((r < 0 ? make_bridge(work, bridge, attachment->address, err)
		   : use_bridge(work, bridge, &link, err)) < 0 ||
	    open_ipv6(work, bridge, attachment, err) < 0)
		return -1;

	if (write_sysctl("/proc/sys/net/ipv4/ip_forward", err) < 0)
		return -1;
	/* Behind a bridge of somebody else's there are others, whom 127.0.0.1 is not to be open to.
	 */
	return r < 0 ? write_sysctl(localnet, err) : 0;
}

/* The last container is gone. */
static int drop_bridge(struct work *work, const char *name, struct ctr_error *err)
{
	struct ctr_link link;
	int r = 0;

	if (ctr_leases_is_made(&work->leases, name)) {
		r = ctr_link_find(&work->host, name, &link);
		if (r == 0)
			r = ctr_link_delete(&work->host, link.index);
	}
	if (r < 0 && r != -ENODEV)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot remove bridge '%s'", name);
	ctr_leases_forget(&work->leases, name);
	return 0;
}

/* ---- addresses and ports */

static int take_address(struct work *work, const struct bridge *bridge, const char *asked,
			uint32_t *out, struct ctr_error *err)
{
	uint32_t mask = mask_of(bridge->prefix), first = bridge->gateway & mask;
	uint32_t last = first | ~mask, address;

	if (asked) {
		char gateway[CTR_IPV4_TEXT];

		if (ctr_ipv4_parse(asked, strlen(asked), &address) < 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--ip: '%s' is not an IPv4 address", asked);
		if ((address & mask) != first || address == first || address == last ||
		    address == bridge->gateway)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--ip: '%s' is not for a container of bridge '%s', %s/%u",
					asked, bridge->name,
					ctr_ipv4_print(bridge->gateway, gateway), bridge->prefix);
		if (ctr_leases_have(&work->leases, bridge->name, address))
			return ctr_fail(err, CTR_FAULT_STATE, 0, "--ip: '%s' is in use", asked);
		*out = address;
		return 0;
	}

	for (address = first + 1; address < last; address++) {
		if (address == bridge->gateway ||
		    ctr_leases_have(&work->leases, bridge->name, address))
			continue;
		*out = address;
		return 0;
	}
	return ctr_fail(err, CTR_FAULT_HOST, 0, "bridge '%s' has no free address", bridge->name);
}

/* ---- the container's interface */

/* Addresses are unique on a host, and so are names made of them. */
static void veth_name(uint32_t address, char name[CTR_LINK_NAME])
{
	(void)snprintf(name, CTR_LINK_NAME, "ctr%08x", address);
}

static int configure_inside(const struct bridge *bridge, const struct ctr_lease *lease, int netns,
			    struct ctr_error *err)
{
	bool ipv6 = !IN6_IS_ADDR_UNSPECIFIED(&lease->address6);
	uint32_t gateway = htonl(bridge->gateway);
	struct ctr_rtnl inside;
	struct ctr_link link;
	int r;

	/* Its routers are not those who say so. */
	if (ipv6 && ctr_netns_write(netns, "/proc/sys/net/ipv6/conf/eth0/accept_ra", "0", err) < 0)
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

static int plug_in(struct work *work, const struct bridge *bridge, const struct ctr_lease *lease,
		   const struct ctr_attachment *attachment, struct ctr_error *err)
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

static int unplug(struct work *work, uint32_t address, struct ctr_error *err)
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

/* ---- attach and detach */

static int write_rules(struct work *work, const struct bridge *bridge, bool had_ipv6,
		       struct ctr_error *err)
{
	const struct ctr_nft_bridge of = {
		.name = bridge->name,
		.subnet = bridge->gateway & mask_of(bridge->prefix),
		.prefix = bridge->prefix,
		.subnet6 = ctr_ipv6_subnet(&bridge->ipv6.gateway, bridge->ipv6.prefix),
		.prefix6 = bridge->ipv6.prefix,
	};

	return ctr_nft_run(ctr_nft_rules(&work->leases, &of, had_ipv6), err);
}

/* Rules for those who stay, or none. */
static int rewrite_rules(struct work *work, const char *name, bool had_ipv6, struct ctr_error *err)
{
	struct bridge bridge = { .name = name };
	struct ctr_link link;

	if (ctr_leases_of(&work->leases, name) == 0 ||
	    ctr_link_find(&work->host, name, &link) < 0 ||
	    use_bridge(work, &bridge, &link, err) < 0)
		return ctr_nft_run(ctr_nft_removal(name, had_ipv6, work->arena), err);

	return write_rules(work, &bridge, had_ipv6, err);
}

static int release_lease(struct work *work, size_t i, struct ctr_error *err)
{
	struct ctr_lease lease = work->leases.list[i];
	bool had_ipv6 = ctr_leases_use_ipv6(&work->leases, lease.bridge);

	if (unplug(work, lease.address, err) < 0)
		return -1;
	/* Rules before the lease: an address is free when nothing leads to it any more. */
	work->leases.list[i].nports = 0;
	work->leases.list[i].address6 = (struct in6_addr){ 0 };
	if (ctr_leases_of(&work->leases, lease.bridge) > 1)
		return rewrite_rules(work, lease.bridge, had_ipv6, err) < 0
			       ? -1
			       : ctr_leases_drop(&work->leases, i, err);

	if (ctr_nft_run(ctr_nft_removal(lease.bridge, had_ipv6, work->arena), err) < 0 ||
	    ctr_leases_drop(&work->leases, i, err) < 0)
		return -1;
	return drop_bridge(work, lease.bridge, err);
}

static int release(struct work *work, const char *key, struct ctr_error *err)
{
	for (size_t i = 0; i < work->leases.count;) {
		if (strcmp(work->leases.list[i].key, key) != 0)
			i++;
		else if (release_lease(work, i, err) < 0)
			return -1;
	}
	return 0;
}

static int attach(struct work *work, const struct ctr_attachment *attachment, const char **out,
		  struct ctr_error *err)
{
	struct bridge bridge = { .name = attachment->bridge };
	struct ctr_lease lease = {
		.bridge = attachment->bridge,
		.key = attachment->key,
		.ports = attachment->ports,
		.nports = attachment->nports,
	};
	char address[CTR_IPV4_TEXT], address6[INET6_ADDRSTRLEN];

	if (wants_ipv6(attachment) && ctr_ipv6_is_enabled(err) < 0)
		return ctr_fail_within(err, attachment->ipv6 ? "--ip" : "--publish");
	/* What a container of that name has left that was removed by hand. */
	if (release(work, attachment->key, err) < 0 ||
	    ctr_ports_check(&work->leases, attachment->ports, attachment->nports, err) < 0 ||
	    open_bridge(work, &bridge, attachment, err) < 0 ||
	    take_address(work, &bridge, attachment->address, &lease.address, err) < 0)
		return -1;
	if (bridge.ipv6.used &&
	    ctr_ipv6_take(&work->leases, bridge.name, &bridge.ipv6, asked_ipv6(attachment),
			  lease.address, &lease.address6, err) < 0)
		return -1;
	if (ctr_leases_add(&work->leases, &lease, err) < 0 ||
	    plug_in(work, &bridge, &lease, attachment, err) < 0 ||
	    write_rules(work, &bridge, false, err) < 0)
		return -1;

	*out = ctr_arena_printf(work->arena, "%s%s%s", ctr_ipv4_print(lease.address, address),
				bridge.ipv6.used ? " " : "",
				bridge.ipv6.used ? ctr_ipv6_print(&lease.address6, address6) : "");
	return 0;
}

int ctr_bridge_attach(const struct ctr_attachment *attachment, const char **out,
		      struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_error ignored;
	struct work work;
	int r = begin(&work, arena, err);

	if (r == 0)
		r = attach(&work, attachment, out, err);
	if (r < 0 && work.leases.dir >= 0) {
		(void)release(&work, attachment->key, &ignored);
		if (ctr_leases_of(&work.leases, attachment->bridge) == 0)
			(void)drop_bridge(&work, attachment->bridge, &ignored);
	}
	end(&work);
	return r;
}

int ctr_bridge_detach(const char *key, struct ctr_arena *arena, struct ctr_error *err)
{
	struct work work;
	int r;

	/* Most containers have nothing of this. */
	if (access(leases_path(arena), F_OK) < 0)
		return 0;

	r = begin(&work, arena, err);
	if (r == 0)
		r = release(&work, key, err);
	end(&work);
	return r;
}
