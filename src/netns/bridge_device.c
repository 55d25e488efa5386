/* The bridge: found or made, with a network of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "netns/addr.h"
#include "netns/bridge_parts.h"
#include "netns/link.h"
#include "netns/nft.h"

enum { OWN_PREFIX = 24 };

uint32_t bridge_mask(unsigned prefix)
{
	return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

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

static int ipv4_is_used(struct bridge_work *work, uint32_t subnet)
{
	uint32_t bytes = htonl(subnet);

	return ctr_subnet_is_used(&work->host, AF_INET, &bytes, OWN_PREFIX);
}

static int choose_subnet(struct bridge_work *work, uint32_t *out, struct ctr_error *err)
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

static int make(struct bridge_work *work, struct bridge *bridge, const char *asked,
		struct ctr_error *err)
{
	uint32_t address = 0, subnet = 0;
	struct ctr_link link;
	int r;

	if (asked && ctr_ipv4_parse(asked, strlen(asked), &address) == 0)
		subnet = address & bridge_mask(OWN_PREFIX);
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

int bridge_use(struct bridge_work *work, struct bridge *bridge, const struct ctr_link *link,
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

bool bridge_wants_ipv6(const struct ctr_attachment *attachment)
{
	for (size_t i = 0; i < attachment->nports; i++)
		if (attachment->ports[i].ipv6)
			return true;
	return attachment->ipv6;
}

const struct in6_addr *bridge_asked_ipv6(const struct ctr_attachment *attachment)
{
	return IN6_IS_ADDR_UNSPECIFIED(&attachment->address6) ? NULL : &attachment->address6;
}

/* A network of IPv6 where there is none, on a bridge of our own, before anything leads there. */
static int open_ipv6(struct bridge_work *work, struct bridge *bridge,
		     const struct ctr_attachment *attachment, struct ctr_error *err)
{
	if (bridge->ipv6.used)
		return ctr_ipv6_forward(err);
	if (!bridge_wants_ipv6(attachment))
		return 0;

	if (!ctr_leases_is_made(&work->leases, bridge->name))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--net: bridge '%s' has no IPv6 address, or no room for others",
				bridge->name);
	/* Without rules for it in the kernel nothing is begun. */
	if (ctr_nft_run(ctr_nft_probe_ipv6(bridge->name, work->arena), err) < 0)
		return ctr_fail_within(err, "IPv6");
	if (ctr_ipv6_make(&work->host, bridge->index, bridge_asked_ipv6(attachment), &bridge->ipv6,
			  err) < 0)
		return -1;
	return ctr_ipv6_forward(err);
}

/* One that was made here, and that nobody has an address of: whoever made it was killed, and it may
 * be half made. */
static bool is_unfinished(const struct bridge_work *work, const struct bridge *bridge)
{
	return ctr_leases_is_made(&work->leases, bridge->name) &&
	       ctr_leases_of(&work->leases, bridge->name) == 0;
}

int bridge_open(struct bridge_work *work, struct bridge *bridge,
		const struct ctr_attachment *attachment, struct ctr_error *err)
{
	const char *localnet = ctr_arena_printf(
		work->arena, "/proc/sys/net/ipv4/conf/%s/route_localnet", bridge->name);
	struct ctr_link link;
	int r;

	if (is_unfinished(work, bridge) && bridge_drop(work, bridge->name, err) < 0)
		return -1;
	r = ctr_link_find(&work->host, bridge->name, &link);
	if (r < 0 && r != -ENODEV)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot look for '%s'", bridge->name);
	if ((r < 0 ? make(work, bridge, attachment->address, err)
		   : bridge_use(work, bridge, &link, err)) < 0 ||
	    open_ipv6(work, bridge, attachment, err) < 0)
		return -1;

	if (write_sysctl("/proc/sys/net/ipv4/ip_forward", err) < 0)
		return -1;
	/* Behind a bridge of somebody else's there are others, whom 127.0.0.1 is not to be open to.
	 */
	return r < 0 ? write_sysctl(localnet, err) : 0;
}

int bridge_drop(struct bridge_work *work, const char *name, struct ctr_error *err)
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
