/* Interfaces by RTM_NEWLINK and its relatives (rtnetlink(7), linux/if_link.h). */
#include "netns/link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include "netns/rtnl.h"

static int read_kind(const struct nlattr *attribute, void *data)
{
	struct ctr_link *link = data;

	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		(void)snprintf(link->kind, sizeof(link->kind), "%s", mnl_attr_get_str(attribute));
	return MNL_CB_OK;
}

static int read_attribute(const struct nlattr *attribute, void *data)
{
	struct ctr_link *link = data;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			(void)snprintf(link->name, sizeof(link->name), "%s",
				       mnl_attr_get_str(attribute));
		break;
	case IFLA_LINKINFO:
		(void)mnl_attr_parse_nested(attribute, read_kind, link);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int read_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct ctr_link *link = data;

	link->index = info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	(void)mnl_attr_parse(message, sizeof(*info), read_attribute, link);
	return MNL_CB_OK;
}

int ctr_link_find(struct ctr_rtnl *rtnl, const char *name, struct ctr_link *out)
{
	struct ctr_link link = { 0 };
	struct ifinfomsg *info;
	struct nlmsghdr *request =
		ctr_rtnl_begin(rtnl, RTM_GETLINK, NLM_F_ACK, sizeof(*info), &info);
	int r;

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	r = ctr_rtnl_ask(rtnl, request, read_link, &link);
	if (r < 0)
		return r;
	/* By an alternative name it is found, too: that is another one's. */
	if (strcmp(link.name, name) != 0)
		return -ENODEV;
	*out = link;
	return 0;
}

int ctr_link_make_bridge(struct ctr_rtnl *rtnl, const char *name, const uint8_t mac[6])
{
	struct ifinfomsg *info;
	struct nlmsghdr *request =
		ctr_rtnl_begin(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*info), &info);
	struct nlattr *nest;

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put(request, IFLA_ADDRESS, 6, mac);
	nest = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(request, nest);
	return ctr_rtnl_call(rtnl, request);
}

int ctr_link_make_veth(struct ctr_rtnl *rtnl, const char *name, const char *peer, int netns)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request =
		ctr_rtnl_begin(rtnl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*info), &info);
	struct nlattr *nest, *data, *other;

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	nest = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(request, VETH_INFO_PEER);
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	memset(info, 0, sizeof(*info));
	mnl_attr_put_strz(request, IFLA_IFNAME, peer);
	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)netns);
	mnl_attr_nest_end(request, other);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, nest);
	return ctr_rtnl_call(rtnl, request);
}

static struct nlmsghdr *begin_change(struct ctr_rtnl *rtnl, int index, struct ifinfomsg **info)
{
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, RTM_NEWLINK, 0, sizeof(**info), info);

	(*info)->ifi_index = index;
	return request;
}

int ctr_link_join_bridge(struct ctr_rtnl *rtnl, int index, int master)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request = begin_change(rtnl, index, &info);
	struct nlattr *nest, *data;
	int r;

	mnl_attr_put_u32(request, IFLA_MASTER, (uint32_t)master);
	r = ctr_rtnl_call(rtnl, request);
	if (r < 0)
		return r;

	/* A container may come back to itself by a port that it published. */
	request = begin_change(rtnl, index, &info);
	nest = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(request, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(request, IFLA_BRPORT_MODE, 1);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, nest);
	return ctr_rtnl_call(rtnl, request);
}

int ctr_link_set_up(struct ctr_rtnl *rtnl, int index, bool up)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request = begin_change(rtnl, index, &info);

	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	return ctr_rtnl_call(rtnl, request);
}

int ctr_link_set_alias(struct ctr_rtnl *rtnl, int index, const char *alias)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request = begin_change(rtnl, index, &info);
	char text[IFALIASZ];

	(void)snprintf(text, sizeof(text), "%s", alias);
	mnl_attr_put_strz(request, IFLA_IFALIAS, text);
	return ctr_rtnl_call(rtnl, request);
}

int ctr_link_move(struct ctr_rtnl *rtnl, int index, int netns, const char *name)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request = begin_change(rtnl, index, &info);

	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)netns);
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	return ctr_rtnl_call(rtnl, request);
}

int ctr_link_delete(struct ctr_rtnl *rtnl, int index)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, RTM_DELLINK, 0, sizeof(*info), &info);

	info->ifi_index = index;
	return ctr_rtnl_call(rtnl, request);
}
