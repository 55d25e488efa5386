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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "netns/addr.h"
#include "netns/lease.h"
#include "netns/link.h"
#include "netns/nft.h"
#include "netns/rtnl.h"

enum { OWN_PREFIX = 24 };

struct bridge {
	const char *name;
	int index;
	uint32_t gateway; /* its own address */
	unsigned prefix;
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

static int choose_subnet(struct work *work, uint32_t *out, struct ctr_error *err)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(ranges); i++) {
		for (unsigned j = 0; j < ranges[i].count; j++) {
			uint32_t subnet = ranges[i].first + (j << 8);
			int r = ctr_subnet_is_used(&work->host, subnet, OWN_PREFIX);

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
	if (asked && ctr_subnet_is_used(&work->host, subnet, OWN_PREFIX) != 0)
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
	return 0;
}

/* Find or make it. */
static int open_bridge(struct work *work, struct bridge *bridge, const char *asked,
		       struct ctr_error *err)
{
	const char *localnet = ctr_arena_printf(
		work->arena, "/proc/sys/net/ipv4/conf/%s/route_localnet", bridge->name);
	struct ctr_link link;
	int r = ctr_link_find(&work->host, bridge->name, &link);

	if (r < 0 && r != -ENODEV)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot look for '%s'", bridge->name);
	if ((r < 0 ? make_bridge(work, bridge, asked, err) : use_bridge(work, bridge, &link, err)) <
	    0)
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

/* A program of the host that listens there would lose what comes. */
static int check_host_port(const struct ctr_publish *port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port->host),
		.sin_addr.s_addr = htonl(port->address),
	};
	_cleanup_close_ int fd =
		socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	/* Connections that ended a moment ago do not matter. */
	if (!port->udp)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

static int check_ports(struct work *work, const struct ctr_attachment *attachment,
		       struct ctr_error *err)
{
	for (size_t i = 0; i < attachment->nports; i++) {
		const struct ctr_publish *port = &attachment->ports[i];
		const struct ctr_lease *other = ctr_leases_collide(&work->leases, port);
		int r;

		for (size_t j = 0; j < i; j++)
			if (ctr_publish_collides(&attachment->ports[j], port))
				return ctr_fail(err, CTR_FAULT_USAGE, 0,
						"--publish: port %u/%s is given twice", port->host,
						port->udp ? "udp" : "tcp");
		if (other)
			return ctr_fail(err, CTR_FAULT_STATE, 0,
					"--publish: port %u/%s is container '%s's", port->host,
					port->udp ? "udp" : "tcp", strrchr(other->key, '/') + 1);
		r = check_host_port(port);
		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -r,
					"--publish: port %u/%s of the host", port->host,
					port->udp ? "udp" : "tcp");
	}
	return 0;
}

/* ---- the container's interface */

/* Addresses are unique on a host, and so are names made of them. */
static void veth_name(uint32_t address, char name[CTR_LINK_NAME])
{
	(void)snprintf(name, CTR_LINK_NAME, "ctr%08x", address);
}

static int configure_inside(const struct bridge *bridge, uint32_t address, int netns,
			    struct ctr_error *err)
{
	struct ctr_rtnl inside;
	struct ctr_link link;
	int r;

	if (ctr_rtnl_open_in(&inside, netns, err) < 0) {
		ctr_rtnl_close(&inside);
		return -1;
	}
	r = ctr_link_find(&inside, "eth0", &link);
	if (r == 0)
		r = ctr_address_add_ipv4(&inside, link.index, address, bridge->prefix);
	if (r == 0)
		r = ctr_link_set_up(&inside, link.index, true);
	if (r == 0)
		r = ctr_route_add_default(&inside, link.index, bridge->gateway);
	ctr_rtnl_close(&inside);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot set up 'eth0' of the container");

	/* ping(8) of everybody, without CAP_NET_RAW, as others have it. */
	return ctr_netns_write(netns, "/proc/sys/net/ipv4/ping_group_range", "0 2147483647", err);
}

static int plug_in(struct work *work, const struct bridge *bridge, uint32_t address,
		   const struct ctr_attachment *attachment, struct ctr_error *err)
{
	char name[CTR_LINK_NAME];
	struct ctr_link link;
	int r;

	veth_name(address, name);
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

	return configure_inside(bridge, address, attachment->netns, err);
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

/* Rules for those who stay, or none. */
static int rewrite_rules(struct work *work, const char *name, struct ctr_error *err)
{
	struct bridge bridge = { .name = name };
	struct ctr_link link;

	if (ctr_leases_of(&work->leases, name) == 0 ||
	    ctr_link_find(&work->host, name, &link) < 0 ||
	    use_bridge(work, &bridge, &link, err) < 0)
		return ctr_nft_run(ctr_nft_removal(name, work->arena), err);

	return ctr_nft_run(ctr_nft_rules(&work->leases, name,
					 bridge.gateway & mask_of(bridge.prefix), bridge.prefix),
			   err);
}

static int release_lease(struct work *work, size_t i, struct ctr_error *err)
{
	struct ctr_lease lease = work->leases.list[i];

	if (unplug(work, lease.address, err) < 0)
		return -1;
	/* Rules before the lease: an address is free when nothing leads to it any more. */
	work->leases.list[i].nports = 0;
	if (ctr_leases_of(&work->leases, lease.bridge) > 1)
		return rewrite_rules(work, lease.bridge, err) < 0
			       ? -1
			       : ctr_leases_drop(&work->leases, i, err);

	if (ctr_nft_run(ctr_nft_removal(lease.bridge, work->arena), err) < 0 ||
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
	char address[CTR_IPV4_TEXT], gateway[CTR_IPV4_TEXT];

	/* What a container of that name has left that was removed by hand. */
	if (release(work, attachment->key, err) < 0 || check_ports(work, attachment, err) < 0 ||
	    open_bridge(work, &bridge, attachment->address, err) < 0 ||
	    take_address(work, &bridge, attachment->address, &lease.address, err) < 0 ||
	    ctr_leases_add(&work->leases, &lease, err) < 0 ||
	    plug_in(work, &bridge, lease.address, attachment, err) < 0 ||
	    ctr_nft_run(ctr_nft_rules(&work->leases, bridge.name,
				      bridge.gateway & mask_of(bridge.prefix), bridge.prefix),
			err) < 0)
		return -1;

	*out = ctr_arena_printf(work->arena, "%s %s", ctr_ipv4_print(lease.address, address),
				ctr_ipv4_print(bridge.gateway, gateway));
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
