/* Interfaces, by rtnetlink(7). */
#include "netns/nic.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <string.h>

#include "base/error.h"
#include "netns/rtnl.h"

static int read_kind(const struct nlattr *attribute, void *data)
{
	struct ctr_nic *nic = data;

	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		nic->tap = strcmp(mnl_attr_get_str(attribute), "tun") == 0;
	return MNL_CB_OK;
}

static int read_nic_attribute(const struct nlattr *attribute, void *data)
{
	struct ctr_nic *nic = data;

	switch (mnl_attr_get_type(attribute)) {
	case IFLA_IFNAME:
		if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			(void)snprintf(nic->name, sizeof(nic->name), "%s",
				       mnl_attr_get_str(attribute));
		break;
	case IFLA_MTU:
		if (mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			nic->mtu = mnl_attr_get_u32(attribute);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attribute) == sizeof(nic->mac))
			memcpy(nic->mac, mnl_attr_get_payload(attribute), sizeof(nic->mac));
		break;
	case IFLA_MASTER:
		nic->part = true;
		break;
	case IFLA_LINKINFO:
		(void)mnl_attr_parse_nested(attribute, read_kind, nic);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int read_nic(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info;
	struct ctr_nics *nics = data;
	struct ctr_nic *nic;

	if (!message) {
		nics->count = 0;
		nics->overflow = false;
		return MNL_CB_OK;
	}
	if (nics->count == CTR_NICS_MAX) {
		nics->overflow = true;
		return MNL_CB_OK;
	}
	info = mnl_nlmsg_get_payload(message);
	nic = &nics->list[nics->count];
	*nic = (struct ctr_nic){
		.index = info->ifi_index,
		.type = info->ifi_type,
		.up = info->ifi_flags & IFF_UP,
		.loopback = info->ifi_flags & IFF_LOOPBACK,
	};
	(void)mnl_attr_parse(message, sizeof(*info), read_nic_attribute, nic);
	nics->count++;
	return MNL_CB_OK;
}

int ctr_nics_get(struct ctr_rtnl *rtnl, struct ctr_nics *out, struct ctr_error *err)
{
	struct ifinfomsg *info;
	struct nlmsghdr *request = ctr_rtnl_begin(rtnl, RTM_GETLINK, 0, sizeof(*info), &info);
	int r = ctr_rtnl_dump(rtnl, request, read_nic, out);

	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot read interfaces");
	if (out->overflow)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"there are more than %d interfaces: too many for a guest",
				(int)CTR_NICS_MAX);
	return 0;
}

bool ctr_nic_is_passed_on(const struct ctr_nic *nic)
{
	return nic->up && !nic->loopback && !nic->part && !nic->tap;
}

const struct ctr_nic *ctr_nics_find(const struct ctr_nics *nics, int index)
{
	for (size_t i = 0; i < nics->count; i++)
		if (nics->list[i].index == index)
			return &nics->list[i];
	return NULL;
}
