/* What a network namespace has, in the words of the guest's init. */
#include <fcntl.h>
#include <linux/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "netns/addr.h"
#include "netns/nic.h"
#include "netns/rtnl.h"
#include "netns/tap.h"

static void add_hex(struct ctr_buf *out, const uint8_t *bytes, size_t n)
{
	if (n == 0)
		ctr_buf_adds(out, "-");
	for (size_t i = 0; i < n; i++)
		ctr_buf_addf(out, "%02x", bytes[i]);
}

static size_t address_size(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

/* Unless it is @usual: a kernel may lack it. /proc/sys/net shows the namespace of whoever opens it.
 */
static void add_sysctl(struct ctr_buf *out, const char *path, const char *usual)
{
	char text[512], full[128];

	(void)snprintf(full, sizeof(full), "/proc/sys/%s", path);
	if (ctr_file_read_small(AT_FDCWD, full, text, sizeof(text)) <= 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, usual) != 0 && !strchr(text, ' '))
		ctr_buf_addf(out, "sysctl %s %s\n", path, text);
}

/* What engines set in a namespace: Podman of itself, and Kubernetes for a pod that says so (those
 * that it calls safe). How much memory connections may have (tcp_rmem, tcp_wmem) depends on how
 * much there is, and so the guest's are its own. */
static const struct {
	const char *path, *usual;
} settings[] = {
	{"net/ipv4/ping_group_range",            "1\t0"        },
	{ "net/ipv4/ip_unprivileged_port_start", "1024"        },
	{ "net/ipv4/ip_local_port_range",        "32768\t60999"},
	{ "net/ipv4/ip_local_reserved_ports",    ""            },
	{ "net/ipv4/ip_forward",                 "0"           },
	{ "net/ipv4/tcp_syncookies",             "1"           },
	{ "net/ipv4/tcp_fin_timeout",            "60"          },
	{ "net/ipv4/tcp_keepalive_time",         "7200"        },
	{ "net/ipv4/tcp_keepalive_intvl",        "75"          },
	{ "net/ipv4/tcp_keepalive_probes",       "9"           },
	{ "net/core/somaxconn",                  "4096"        },
};

static int add_nic(struct ctr_buf *out, const struct ctr_nic *nic, struct ctr_error *err)
{
	/* Whether it is to have IPv6, and to listen to whoever says that he is a router. */
	static const struct {
		const char *name, *usual;
	} words[] = {
		{"disable_ipv6", "0"},
		{ "accept_ra",   "1"},
	};
	char path[64];

	if (nic->type != ARPHRD_ETHER)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"interface '%s' is no Ethernet: a guest cannot have it", nic->name);
	/* They are words of lines here. */
	if (strpbrk(nic->name, " \t\n"))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "interface '%s': a strange name",
				nic->name);
	ctr_buf_addf(out, "link %s ", nic->name);
	add_hex(out, nic->mac, sizeof(nic->mac));
	ctr_buf_addf(out, " %u\n", nic->mtu);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !strchr(nic->name, '/'); i++) {
		(void)snprintf(path, sizeof(path), "net/ipv6/conf/%s/%s", nic->name, words[i].name);
		add_sysctl(out, path, words[i].usual);
	}
	ctr_buf_addf(out, "up %s\n", nic->name);
	return 0;
}

/* A link-local address of IPv6 the guest makes itself, of the same MAC. */
static void add_address(struct ctr_buf *out, const struct ctr_nic *nic,
			const struct ctr_address *address)
{
	const size_t size = address_size(address->family);
	const uint8_t *local = address->has_local ? address->local : address->peer;

	if (address->family == AF_INET6 && address->scope == RT_SCOPE_LINK)
		return;
	ctr_buf_addf(out, "address %s ", nic->name);
	add_hex(out, local, size);
	ctr_buf_addf(out, " %u ", address->prefix);
	add_hex(out, address->peer,
		address->has_peer && memcmp(address->peer, local, size) != 0 ? size : 0);
	ctr_buf_adds(out, " ");
	add_hex(out, address->broadcast, address->has_broadcast ? size : 0);
	ctr_buf_addf(out, " %u\n", address->scope);
}

static int add_addresses(struct ctr_rtnl *rtnl, struct ctr_buf *out, const struct ctr_nics *nics,
			 struct ctr_error *err)
{
	static struct ctr_addresses addresses;
	int r = ctr_addresses_get(rtnl, 0, 0, &addresses);

	if (r < 0 || addresses.overflow)
		return ctr_fail(err, CTR_FAULT_HOST, r < 0 ? -r : 0,
				r < 0 ? "cannot read addresses"
				      : "there are too many addresses for a guest");
	for (size_t i = 0; i < addresses.count; i++) {
		const struct ctr_nic *nic = ctr_nics_find(nics, addresses.list[i].index);

		if (nic && ctr_nic_is_passed_on(nic))
			add_address(out, nic, &addresses.list[i]);
	}
	return 0;
}

struct route {
	uint8_t family;
	const struct rtmsg *head;
	const struct nlattr *attributes[RTA_MAX + 1];
};

struct routes {
	struct ctr_buf *out;
	size_t start; /* of them in @out */
	const struct ctr_nics *nics;
	bool gateways; /* those with a gateway, or the others, by which gateways are reached */
	struct ctr_error *err;
};

static int keep_attribute(const struct nlattr *attribute, void *data)
{
	struct route *route = data;

	if (mnl_attr_type_valid(attribute, RTA_MAX) > 0)
		route->attributes[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static void add_route_address(struct ctr_buf *out, const struct route *route, unsigned type)
{
	const struct nlattr *attribute = route->attributes[type];

	ctr_buf_adds(out, " ");
	add_hex(out, attribute ? mnl_attr_get_payload(attribute) : NULL,
		attribute ? mnl_attr_get_payload_len(attribute) : 0);
}

static uint32_t route_number(const struct route *route, unsigned type, uint32_t otherwise)
{
	const struct nlattr *attribute = route->attributes[type];

	return attribute && mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0
		       ? mnl_attr_get_u32(attribute)
		       : otherwise;
}

/* Those that come with an address or an advertisement, or are of a table of the kernel's. */
static bool is_by_itself(const struct route *route)
{
	return route_number(route, RTA_TABLE, route->head->rtm_table) != RT_TABLE_MAIN ||
	       route->head->rtm_protocol == RTPROT_KERNEL ||
	       route->head->rtm_protocol == RTPROT_RA || (route->head->rtm_flags & RTM_F_CLONED);
}

static int add_route(struct routes *routes, const struct route *route)
{
	static const uint8_t zeros[16];
	const struct rtmsg *head = route->head;
	const struct ctr_nic *nic =
		ctr_nics_find(routes->nics, (int)route_number(route, RTA_OIF, 0));
	struct ctr_buf *out = routes->out;

	if (route->attributes[RTA_OIF] && (!nic || !ctr_nic_is_passed_on(nic)))
		return MNL_CB_OK;
	if (route->attributes[RTA_MULTIPATH] || route->attributes[RTA_VIA] ||
	    route->attributes[RTA_ENCAP] || route->attributes[RTA_NH_ID] || head->rtm_src_len > 0 ||
	    head->rtm_tos > 0) {
		ctr_fail(routes->err, CTR_FAULT_HOST, 0,
			 "the network namespace has a route that a guest cannot have (multipath, "
			 "encapsulated, by another family, by source or by TOS)");
		return MNL_CB_ERROR;
	}
	ctr_buf_addf(out, "route %u ", head->rtm_type);
	if (route->attributes[RTA_DST])
		add_hex(out, mnl_attr_get_payload(route->attributes[RTA_DST]),
			mnl_attr_get_payload_len(route->attributes[RTA_DST]));
	else
		add_hex(out, zeros, address_size(route->family));
	ctr_buf_addf(out, " %u", head->rtm_dst_len);
	add_route_address(out, route, RTA_GATEWAY);
	ctr_buf_addf(out, " %s %u", nic ? nic->name : "-", route_number(route, RTA_PRIORITY, 0));
	add_route_address(out, route, RTA_PREFSRC);
	ctr_buf_addf(out, " %u %u", head->rtm_scope, head->rtm_flags & RTNH_F_ONLINK);
	add_route_address(out, route, RTA_METRICS);
	ctr_buf_adds(out, "\n");
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *message, void *data)
{
	struct routes *routes = data;
	struct route route = { 0 };

	if (!message) {
		ctr_buf_cut(routes->out, routes->start);
		return MNL_CB_OK;
	}
	route.head = mnl_nlmsg_get_payload(message);
	route.family = route.head->rtm_family;
	if (route.family != AF_INET && route.family != AF_INET6)
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*route.head), keep_attribute, &route);
	if (is_by_itself(&route) || !route.attributes[RTA_GATEWAY] == routes->gateways)
		return MNL_CB_OK;
	return add_route(routes, &route);
}

static int add_routes(struct ctr_rtnl *rtnl, struct ctr_buf *out, const struct ctr_nics *nics,
		      bool gateways, struct ctr_error *err)
{
	struct ctr_error said = { 0 };
	struct routes routes = {
		.out = out, .start = out->len, .nics = nics, .gateways = gateways, .err = &said
	};
	struct rtmsg *head;
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, RTM_GETROUTE, 0, sizeof(*head), &head);
	int r = ctr_rtnl_dump(rtnl, request, read_route, &routes);

	if (said.text[0]) {
		*err = said;
		return -1;
	}
	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read routes") : 0;
}

int ctr_tap_describe(struct ctr_buf *out, struct ctr_error *err)
{
	static struct ctr_nics nics;
	struct ctr_rtnl rtnl;
	int r = ctr_rtnl_open(&rtnl, err);

	if (r == 0)
		r = ctr_nics_get(&rtnl, &nics, err);
	for (size_t i = 0; r == 0 && i < nics.count; i++)
		if (ctr_nic_is_passed_on(&nics.list[i]))
			r = add_nic(out, &nics.list[i], err);
	if (r == 0)
		r = add_addresses(&rtnl, out, &nics, err);
	if (r == 0)
		r = add_routes(&rtnl, out, &nics, false, err);
	if (r == 0)
		r = add_routes(&rtnl, out, &nics, true, err);
	for (size_t i = 0; r == 0 && i < sizeof(settings) / sizeof(settings[0]); i++)
		add_sysctl(out, settings[i].path, settings[i].usual);
	ctr_rtnl_close(&rtnl);
	return r;
}
