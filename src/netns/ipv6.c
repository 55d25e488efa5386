/* IPv6 of a bridge. Its networks are /64 and unique local ones (RFC 4193), whose middle is random,
 * so that two hosts never have the same; addresses in it end in the container's IPv4 address, which
 * nobody else has. */
#include "netns/ipv6.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "netns/addr.h"
#include "netns/lease.h"
#include "netns/publish.h"
#include "netns/rtnl.h"

#define CONF "/proc/sys/net/ipv6/conf"

enum { OWN_PREFIX = 64, LONGEST_PREFIX = 112, TRIES = 8 };

int ctr_ipv6_is_enabled(struct ctr_error *err)
{
	static const char *const switches[] = { CONF "/all/disable_ipv6",
						CONF "/default/disable_ipv6" };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(switches); i++) {
		char value[8];
		int r = ctr_file_read_small(AT_FDCWD, switches[i], value, sizeof(value));

		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, 0, "this host has no IPv6");
		if (value[0] != '0')
			return ctr_fail(err, CTR_FAULT_HOST, 0,
					"IPv6 is disabled on this host ('%s' is %c)", switches[i],
					value[0]);
	}
	return 0;
}

int ctr_ipv6_find(struct ctr_rtnl *rtnl, int index, struct ctr_ipv6_net *out)
{
	struct ctr_addresses addresses;
	int r = ctr_addresses_get(rtnl, AF_INET6, index, &addresses);

	*out = (struct ctr_ipv6_net){ 0 };
	if (r < 0)
		return r;
	for (size_t i = 0; i < addresses.count && !out->used; i++) {
		const struct ctr_address *address = &addresses.list[i];

		/* IPv6 has one address, which is called that of the peer. */
		memcpy(&out->gateway, address->has_local ? address->local : address->peer,
		       sizeof(out->gateway));
		out->prefix = address->prefix;
		out->used = address->scope == RT_SCOPE_UNIVERSE && out->prefix >= 4 &&
			    out->prefix <= LONGEST_PREFIX;
	}
	return 0;
}

struct in6_addr ctr_ipv6_subnet(const struct in6_addr *address, unsigned prefix)
{
	struct in6_addr subnet = *address;

	for (unsigned i = 0; i < sizeof(subnet.s6_addr); i++) {
		unsigned kept = prefix > i * 8 ? prefix - i * 8 : 0;

		if (kept < 8)
			subnet.s6_addr[i] &= (uint8_t)(0xff00 >> kept);
	}
	return subnet;
}

static int random_subnet(struct in6_addr *out, struct ctr_error *err)
{
	*out = (struct in6_addr){ 0 };
	if (getrandom(&out->s6_addr[1], 5, 0) != 5)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "no random numbers");
	out->s6_addr[0] = 0xfd;
	return 0;
}

int ctr_ipv6_make(struct ctr_rtnl *rtnl, int index, const struct in6_addr *asked,
		  struct ctr_ipv6_net *out, struct ctr_error *err)
{
	struct in6_addr subnet = { 0 };
	char text[INET6_ADDRSTRLEN];
	int r = 1;

	for (int i = 0; r == 1 && i < TRIES; i++) {
		if (asked)
			subnet = ctr_ipv6_subnet(asked, OWN_PREFIX);
		else if (random_subnet(&subnet, err) < 0)
			return -1;
		r = ctr_subnet_is_used(rtnl, AF_INET6, &subnet, OWN_PREFIX);
	}
	if (r == 1)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--ip: '%s' is of a network that the host uses already",
				ctr_ipv6_print(asked ? asked : &subnet, text));

	*out = (struct ctr_ipv6_net){ .used = true, .gateway = subnet, .prefix = OWN_PREFIX };
	out->gateway.s6_addr[15] = 1;
	if (r == 0)
		r = ctr_address_add_ipv6(rtnl, index, &out->gateway, out->prefix);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot give the bridge address '%s'",
				ctr_ipv6_print(&out->gateway, text));
	return 0;
}

static int take_asked(const struct ctr_leases *leases, const char *bridge,
		      const struct ctr_ipv6_net *net, const struct in6_addr *asked,
		      struct ctr_error *err)
{
	struct in6_addr subnet = ctr_ipv6_subnet(asked, net->prefix);
	struct in6_addr own = ctr_ipv6_subnet(&net->gateway, net->prefix);
	char text[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN];

	(void)ctr_ipv6_print(asked, text);
	/* The first address of a network is that of all its routers. */
	if (!IN6_ARE_ADDR_EQUAL(&subnet, &own) || IN6_ARE_ADDR_EQUAL(asked, &own) ||
	    IN6_ARE_ADDR_EQUAL(asked, &net->gateway))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--ip: '%s' is not for a container of bridge '%s', %s/%u", text,
				bridge, ctr_ipv6_print(&net->gateway, gateway), net->prefix);
	if (ctr_leases_have_ipv6(leases, bridge, asked))
		return ctr_fail(err, CTR_FAULT_STATE, 0, "--ip: '%s' is in use", text);
	return 0;
}

int ctr_ipv6_take(const struct ctr_leases *leases, const char *bridge,
		  const struct ctr_ipv6_net *net, const struct in6_addr *asked, uint32_t ipv4,
		  struct in6_addr *out, struct ctr_error *err)
{
	uint8_t low[4] = { (uint8_t)(ipv4 >> 24), (uint8_t)(ipv4 >> 16), (uint8_t)(ipv4 >> 8),
			   (uint8_t)ipv4 };

	if (asked) {
		*out = *asked;
		return take_asked(leases, bridge, net, asked, err);
	}

	*out = ctr_ipv6_subnet(&net->gateway, net->prefix);
	for (unsigned i = 0; i < sizeof(low); i++)
		out->s6_addr[12 + i] |= net->prefix <= 96 || i >= 2 ? low[i] : 0;
	if (IN6_ARE_ADDR_EQUAL(out, &net->gateway) || ctr_leases_have_ipv6(leases, bridge, out))
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"bridge '%s': the address that the container would have is in use: "
				"choose one by --ip",
				bridge);
	return 0;
}

static int write_word(const char *interface, const char *name, const char *value,
		      struct ctr_error *err)
{
	char path[256];
	int r;

	(void)snprintf(path, sizeof(path), CONF "/%s/%s", interface, name);
	r = ctr_file_write_once(AT_FDCWD, path, value, strlen(value));
	return r < 0 && r != -ENOENT ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot write '%s'", path)
				     : 0;
}

static bool is_set(const char *interface, const char *name)
{
	char path[256], value[8];

	(void)snprintf(path, sizeof(path), CONF "/%s/%s", interface, name);
	return ctr_file_read_small(AT_FDCWD, path, value, sizeof(value)) == 1 && value[0] == '1';
}

/* A router does not listen to others, unless it is told so by a 2: without that the host would lose
 * the routes that it has. */
static int keep_routers(struct ctr_error *err)
{
	_cleanup_dir_ DIR *dir = opendir(CONF);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "all") != 0 &&
		    strcmp(entry->d_name, "default") != 0 && is_set(entry->d_name, "accept_ra") &&
		    write_word(entry->d_name, "accept_ra", "2", err) < 0)
			return -1;
	return 0;
}

int ctr_ipv6_forward(struct ctr_error *err)
{
	if (is_set("all", "forwarding"))
		return 0;
	return keep_routers(err) < 0 ? -1 : write_word("all", "forwarding", "1", err);
}

int ctr_ipv6_distrust(const char *bridge, struct ctr_error *err)
{
	return write_word(bridge, "accept_ra", "0", err);
}
