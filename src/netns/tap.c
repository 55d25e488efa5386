/*
 * Interfaces of a network namespace, passed on to taps by rules of traffic control: a frame that
 * comes in is taken before the network stack sees it and sent out of the other one (tc-mirred(8)).
 * A bridge would have to take the addresses away, and learn; macvtap needs device nodes.
 */
#include "netns/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

#include "base/error.h"
#include "netns/link.h"
#include "netns/nic.h"
#include "netns/rtnl.h"

enum { PRIORITY = 1 };

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
	struct search *search = data;

	if (message)
		(void)mnl_attr_parse(message, sizeof(struct tcmsg), read_filter_attribute, search);
	else
		search->found = false;
	return MNL_CB_OK;
}

/* 1 or 0, or -errno. */
static int is_redirected(struct ctr_rtnl *rtnl, uint32_t owner, int index)
{
	struct search search = { .owner = owner };
	struct tcmsg *head;
	struct nlmsghdr *request = begin_tc(rtnl, RTM_GETTFILTER, 0, index, &head);
	int r;

	head->tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0);
	r = ctr_rtnl_dump(rtnl, request, read_filter, &search);
	return r < 0 ? r : search.found;
}

static int restore(struct ctr_rtnl *rtnl, uint32_t owner, struct ctr_error *err)
{
	static struct ctr_nics nics;

	if (ctr_nics_get(rtnl, &nics, err) < 0)
		return -1;
	for (size_t i = 0; i < nics.count; i++) {
		int r = is_redirected(rtnl, owner, nics.list[i].index);

		if (r > 0)
			r = change_ingress(rtnl, RTM_DELQDISC, 0, nics.list[i].index);

		/* The tap goes with its hypervisor, maybe just now. */
		if (r < 0 && r != -ENODEV && r != -ENOENT && r != -EINVAL && r != -EOPNOTSUPP)
			return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot give interface '%s' back",
					nics.list[i].name);
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
