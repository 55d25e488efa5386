/*
 * Interfaces of a network namespace, passed on to taps by rules of traffic control: a frame that
 * comes in is taken before the network stack sees it and sent out of the other one (tc-mirred(8)).
 * A bridge would have to take the addresses away, and learn; macvtap needs device nodes.
 */
#include "netns/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "netns/addr.h"
#include "netns/link.h"
#include "netns/rtnl.h"

enum { LINKS_MAX = 64, PRIORITY = 1 };

/* ---- interfaces */

struct port {
	int index;
	uint16_t type; /* ARPHRD_* */
	bool up, loopback;
	bool part; /* of a bridge or bond, which is what is passed on */
	bool tap;  /* another hypervisor's, or a program's */
	uint32_t mtu;
	uint8_t mac[6];
	char name[CTR_LINK_NAME];
};

struct ports {
	struct port list[LINKS_MAX];
	size_t count;
	bool overflow;
};

static int read_kind(const struct nlattr *attribute, void *data)
{
	struct port *port = data;

	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		port->tap = strcmp(mnl_attr_get_str(attribute), "tun") == 0;
	return MNL_CB_OK;
}

static int read_port_attribute(const struct nlattr *attribute, void *data)
{
	struct port *port = data;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			(void)snprintf(port->name, sizeof(port->name), "%s",
				       mnl_attr_get_str(attribute));
		break;
	case IFLA_MTU:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			port->mtu = mnl_attr_get_u32(attribute);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == sizeof(port->mac))
			memcpy(port->mac, mnl_attr_get_payload(attribute), sizeof(port->mac));
		break;
	case IFLA_MASTER:
		port->part = true;
		break;
	case IFLA_LINKINFO:
		(void)mnl_attr_parse_nested(attribute, read_kind, port);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int read_port(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct ports *ports = data;
	struct port *port = &ports->list[ports->count];

	if (ports->count == LINKS_MAX) {
		ports->overflow = true;
		return MNL_CB_OK;
	}
	*port = (struct port){
		.index = info->ifi_index,
		.type = info->ifi_type,
		.up = info->ifi_flags & IFF_UP,
		.loopback = info->ifi_flags & IFF_LOOPBACK,
	};
	(void)mnl_attr_parse(message, sizeof(*info), read_port_attribute, port);
	ports->count++;
	return MNL_CB_OK;
}

static int get_ports(struct ctr_rtnl *rtnl, struct ports *out, struct ctr_error *err)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request =
		ctr_rtnl_begin(rtnl, RTM_GETLINK, NLM_F_DUMP, sizeof(*info), &info);
	int r;

	*out = (struct ports){ .count = 0 };
	r = ctr_rtnl_ask(rtnl, request, read_port, out);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read interfaces");
	if (out->overflow)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"there are more than %d interfaces: too many for a guest",
				(int)LINKS_MAX);
	return 0;
}

static bool is_passed_on(const struct port *port)
{
	return port->up && !port->loopback && !port->part && !port->tap;
}

static const struct port *find_port(const struct ports *ports, int index)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->list[i].index == index)
			return &ports->list[i];
	return NULL;
}

/* ---- describing */

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
	char text[64], full[128];

	(void)snprintf(full, sizeof(full), "/proc/sys/%s", path);
	if (ctr_file_read_small(AT_FDCWD, full, text, sizeof(text)) <= 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, usual) != 0 && !strchr(text, ' '))
		ctr_buf_addf(out, "sysctl %s %s\n", path, text);
}

static int add_port(struct ctr_buf *out, const struct port *port, struct ctr_error *err)
{
	char path[64];

	if (port->type != ARPHRD_ETHER)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"interface '%s' is no Ethernet: a guest cannot have it",
				port->name);
	/* They are words of lines here. */
	if (strpbrk(port->name, " \t\n"))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "interface '%s': a strange name",
				port->name);
	ctr_buf_addf(out, "link %s ", port->name);
	add_hex(out, port->mac, sizeof(port->mac));
	ctr_buf_addf(out, " %u\n", port->mtu);
	if (!strchr(port->name, '/')) {
		(void)snprintf(path, sizeof(path), "net/ipv6/conf/%s/disable_ipv6", port->name);
		add_sysctl(out, path, "0");
	}
	return 0;
}

/* A link-local address of IPv6 the guest makes itself, of the same MAC. */
static void add_address(struct ctr_buf *out, const struct port *port,
			const struct ctr_address *address)
{
	const size_t size = address_size(address->family);
	const uint8_t *local = address->has_local ? address->local : address->peer;

	if (address->family == AF_INET6 && address->scope == RT_SCOPE_LINK)
		return;
	ctr_buf_addf(out, "address %s ", port->name);
	add_hex(out, local, size);
	ctr_buf_addf(out, " %u ", address->prefix);
	add_hex(out, address->peer,
		address->has_peer && memcmp(address->peer, local, size) != 0 ? size : 0);
	ctr_buf_adds(out, " ");
	add_hex(out, address->broadcast, address->has_broadcast ? size : 0);
	ctr_buf_addf(out, " %u\n", address->scope);
}

static int add_addresses(struct ctr_rtnl *rtnl, struct ctr_buf *out, const struct ports *ports,
			 struct ctr_error *err)
{
	static struct ctr_addresses addresses;
	int r = ctr_addresses_get(rtnl, 0, 0, &addresses);

	if (r < 0 || addresses.overflow)
		return ctr_fail(err, CTR_FAULT_HOST, r < 0 ? -r : 0,
				r < 0 ? "cannot read addresses"
				      : "there are too many addresses for a guest");
	for (size_t i = 0; i < addresses.count; i++) {
		const struct port *port = find_port(ports, addresses.list[i].index);

		if (port && is_passed_on(port))
			add_address(out, port, &addresses.list[i]);
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
	const struct ports *ports;
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
	const struct port *port = find_port(routes->ports, (int)route_number(route, RTA_OIF, 0));
	struct ctr_buf *out = routes->out;

	if (route->attributes[RTA_OIF] && (!port || !is_passed_on(port)))
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
	ctr_buf_addf(out, " %s %u", port ? port->name : "-", route_number(route, RTA_PRIORITY, 0));
	add_route_address(out, route, RTA_PREFSRC);
	ctr_buf_addf(out, " %u %u", head->rtm_scope, head->rtm_flags & RTNH_F_ONLINK);
	add_route_address(out, route, RTA_METRICS);
	ctr_buf_adds(out, "\n");
	return MNL_CB_OK;
}

static int read_route(const struct nlmsghdr *message, void *data)
{
	struct routes *routes = data;
	struct route route = { .head = mnl_nlmsg_get_payload(message) };

	route.family = route.head->rtm_family;
	if (route.family != AF_INET && route.family != AF_INET6)
		return MNL_CB_OK;
	(void)mnl_attr_parse(message, sizeof(*route.head), keep_attribute, &route);
	if (is_by_itself(&route) || !route.attributes[RTA_GATEWAY] == routes->gateways)
		return MNL_CB_OK;
	return add_route(routes, &route);
}

static int add_routes(struct ctr_rtnl *rtnl, struct ctr_buf *out, const struct ports *ports,
		      bool gateways, struct ctr_error *err)
{
	struct ctr_error said = { 0 };
	struct routes routes = { .out = out, .ports = ports, .gateways = gateways, .err = &said };
	struct rtmsg *head;
	struct nlmsghdr *request =
		ctr_rtnl_begin(rtnl, RTM_GETROUTE, NLM_F_DUMP, sizeof(*head), &head);
	int r = ctr_rtnl_ask(rtnl, request, read_route, &routes);

	if (said.text[0]) {
		*err = said;
		return -1;
	}
	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read routes") : 0;
}

int ctr_tap_describe(struct ctr_buf *out, struct ctr_error *err)
{
	static struct ports ports;
	struct ctr_rtnl rtnl;
	int r = ctr_rtnl_open(&rtnl, err);

	if (r == 0)
		r = get_ports(&rtnl, &ports, err);
	for (size_t i = 0; r == 0 && i < ports.count; i++)
		if (is_passed_on(&ports.list[i]))
			r = add_port(out, &ports.list[i], err);
	if (r == 0)
		r = add_addresses(&rtnl, out, &ports, err);
	if (r == 0)
		r = add_routes(&rtnl, out, &ports, false, err);
	if (r == 0)
		r = add_routes(&rtnl, out, &ports, true, err);
	if (r == 0)
		add_sysctl(out, "net/ipv4/ping_group_range", "1\t0");
	ctr_rtnl_close(&rtnl);
	return r;
}

/* ---- redirecting */

static struct nlmsghdr *begin_tc(struct ctr_rtnl *rtnl, uint16_t type, uint16_t flags, int index,
				 struct tcmsg **head)
{
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, type, flags, sizeof(**head), head);

	(*head)->tcm_family = AF_UNSPEC;
	(*head)->tcm_ifindex = index;
	return request;
}

static int change_ingress(struct ctr_rtnl *rtnl, uint16_t type, uint16_t flags, int index)
{
	struct tcmsg *head;
	struct nlmsghdr *request = begin_tc(rtnl, type, flags, index, &head);

	head->tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0);
	head->tcm_parent = TC_H_INGRESS;
	mnl_attr_put_strz(request, TCA_KIND, "ingress");
	return ctr_rtnl_call(rtnl, request);
}

/* Whatever comes in at @from goes out at @to. The class that it names is who did it. */
static int add_filter(struct ctr_rtnl *rtnl, uint32_t owner, int from, int to)
{
	/* with one key, of no bit */
	_Alignas(struct tc_u32_sel) char
		match[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)] = "";
	struct tc_u32_sel *sel = (struct tc_u32_sel *)match;
	const struct tc_mirred mirred = {
		.action = TC_ACT_STOLEN,
		.eaction = TCA_EGRESS_REDIR,
		.ifindex = (uint32_t)to,
	};
	struct nlattr *options, *actions, *action, *parameters;
	struct tcmsg *head;
	struct nlmsghdr *request =
		begin_tc(rtnl, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, from, &head);

	sel->flags = TC_U32_TERMINAL;
	sel->nkeys = 1;
	head->tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0);
	head->tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(request, TCA_KIND, "u32");
	options = mnl_attr_nest_start(request, TCA_OPTIONS);
	mnl_attr_put_u32(request, TCA_U32_CLASSID, owner);
	mnl_attr_put(request, TCA_U32_SEL, sizeof(match), match);
	actions = mnl_attr_nest_start(request, TCA_U32_ACT);
	action = mnl_attr_nest_start(request, 1);
	mnl_attr_put_strz(request, TCA_ACT_KIND, "mirred");
	parameters = mnl_attr_nest_start(request, TCA_ACT_OPTIONS);
	mnl_attr_put(request, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	mnl_attr_nest_end(request, parameters);
	mnl_attr_nest_end(request, action);
	mnl_attr_nest_end(request, actions);
	mnl_attr_nest_end(request, options);
	return ctr_rtnl_call(rtnl, request);
}

static int redirect(struct ctr_rtnl *rtnl, uint32_t owner, const struct ctr_tap_pair *pair,
		    struct ctr_error *err)
{
	struct ctr_link link, tap;
	int r = ctr_link_find(rtnl, pair->link, &link);

	if (r == 0)
		r = ctr_link_find(rtnl, pair->tap, &tap);
	if (r == 0)
		r = ctr_link_set_up(rtnl, tap.index, true);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot use interface '%s' or '%s'",
				pair->link, pair->tap);
	r = change_ingress(rtnl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, link.index);
	if (r == -EEXIST)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"interface '%s' is another machine's, or has rules of its own",
				pair->link);
	if (r == 0)
		r = add_filter(rtnl, owner, link.index, tap.index);
	if (r == 0)
		r = change_ingress(rtnl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, tap.index);
	if (r == 0)
		r = add_filter(rtnl, owner, tap.index, link.index);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot connect interface '%s'%s",
				pair->link,
				r == -ENOENT ? " (the kernel lacks sch_ingress, cls_u32 or "
					       "act_mirred)"
					     : "");
	return 0;
}

struct search {
	uint32_t owner;
	bool found;
};

static int read_option(const struct nlattr *attribute, void *data)
{
	struct search *search = data;

	if (mnl_attr_get_type(attribute) == TCA_U32_CLASSID &&
	    mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
		search->found |= mnl_attr_get_u32(attribute) == search->owner;
	return MNL_CB_OK;
}

static int read_filter_attribute(const struct nlattr *attribute, void *data)
{
	if (mnl_attr_get_type(attribute) == TCA_OPTIONS)
		(void)mnl_attr_parse_nested(attribute, read_option, data);
	return MNL_CB_OK;
}

static int read_filter(const struct nlmsghdr *message, void *data)
{
	(void)mnl_attr_parse(message, sizeof(struct tcmsg), read_filter_attribute, data);
	return MNL_CB_OK;
}

/* 1 or 0, or -errno. */
static int is_redirected(struct ctr_rtnl *rtnl, uint32_t owner, int index)
{
	struct search search = { .owner = owner };
	int r;

	do { /* a dump that met a change is to be asked for again */
		struct tcmsg *head;
		struct nlmsghdr *request = begin_tc(rtnl, RTM_GETTFILTER, NLM_F_DUMP, index, &head);

		head->tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0);
		r = ctr_rtnl_ask(rtnl, request, read_filter, &search);
	} while (r == -EINTR);
	return r < 0 ? r : search.found;
}

static int restore(struct ctr_rtnl *rtnl, uint32_t owner, struct ctr_error *err)
{
	static struct ports ports;

	if (get_ports(rtnl, &ports, err) < 0)
		return -1;
	for (size_t i = 0; i < ports.count; i++) {
		int r = is_redirected(rtnl, owner, ports.list[i].index);

		if (r > 0)
			r = change_ingress(rtnl, RTM_DELQDISC, 0, ports.list[i].index);

		/* The tap goes with its hypervisor, maybe just now. */
		if (r < 0 && r != -ENODEV && r != -ENOENT && r != -EINVAL && r != -EOPNOTSUPP)
			return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot give interface '%s' back",
					ports.list[i].name);
	}
	return 0;
}

int ctr_tap_redirect(uint32_t owner, const struct ctr_tap_pair *pairs, size_t n,
		     struct ctr_error *err)
{
	struct ctr_error ignored;
	struct ctr_rtnl rtnl;
	int r = ctr_rtnl_open(&rtnl, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = redirect(&rtnl, owner, &pairs[i], err);
	if (r < 0 && rtnl.socket)
		(void)restore(&rtnl, owner, &ignored);
	ctr_rtnl_close(&rtnl);
	return r;
}

int ctr_tap_restore(uint32_t owner, struct ctr_error *err)
{
	struct ctr_rtnl rtnl;
	int r = ctr_rtnl_open(&rtnl, err);

	if (r == 0)
		r = restore(&rtnl, owner, err);
	ctr_rtnl_close(&rtnl);
	return r;
}
