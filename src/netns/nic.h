/*
 * The interfaces of a network namespace that a virtual machine may get.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/link.h"

struct ctr_error;
struct ctr_rtnl;

enum { CTR_NICS_MAX = 64 };

struct ctr_nic {
	int index;
	uint16_t type; /* ARPHRD_* */
	bool up, loopback;
	bool part; /* of a bridge or bond, which is what is passed on */
	bool tap;  /* another hypervisor's, or a program's */
	uint32_t mtu;
	uint8_t mac[6];
	char name[CTR_LINK_NAME];
};

struct ctr_nics {
	struct ctr_nic list[CTR_NICS_MAX];
	size_t count;
	bool overflow;
};

/* Read all of the present network namespace. 0, or -1 and @err, also for more than CTR_NICS_MAX. */
int ctr_nics_get(struct ctr_rtnl *rtnl, struct ctr_nics *out, struct ctr_error *err);

/* NULL: none has that index. */
const struct ctr_nic *ctr_nics_find(const struct ctr_nics *nics, int index);

/* Is it up, and neither the loopback nor served by something else already? */
bool ctr_nic_is_passed_on(const struct ctr_nic *nic);
