/* Requests to the kernel's routing netlink, each acknowledged before the next. */
#pragma once

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdint.h>

struct ctr_error;

struct ctr_rtnl {
	struct mnl_socket *socket; /* of the network namespace in which it was opened */
	uint32_t sequence;
	/* one request at a time, and its answer */
	char request[8192], answer[32768];
};

/* Open @rtnl in the present network namespace. 0, or -1 and @err. Close in any case. */
int ctr_rtnl_open(struct ctr_rtnl *rtnl, struct ctr_error *err);
/* The same in the namespace of descriptor @netns; the caller's stays what it is. */
int ctr_rtnl_open_in(struct ctr_rtnl *rtnl, int netns, struct ctr_error *err);
/* Write @text to @path below /proc/sys/net, as it is in the namespace of descriptor @netns. 0, or
 * -1 and @err. */
int ctr_netns_write(int netns, const char *path, const char *text, struct ctr_error *err);
void ctr_rtnl_close(struct ctr_rtnl *rtnl);

/* Begin a request of @type (RTM_*) with NLM_F_* @flags and a zeroed fixed header of @size bytes,
 * which is *@head. Attributes are added to what is returned. */
struct nlmsghdr *ctr_rtnl_begin(struct ctr_rtnl *rtnl, uint16_t type, uint16_t flags, size_t size,
				void *head);
/* Send it and wait for the acknowledgement. 0 or -errno. */
int ctr_rtnl_call(struct ctr_rtnl *rtnl, struct nlmsghdr *request);
/* Send it and hand every message of the answer to @each, which returns MNL_CB_OK. 0 or -errno. */
int ctr_rtnl_ask(struct ctr_rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t each, void *data);
/* The same for all that there is (NLM_F_DUMP), as it is at one moment: what met a change is asked
 * for again. @each gets NULL before the first message, whenever it has to begin anew. 0 or -errno;
 * -EBUSY where a hundred dumps met changes. */
int ctr_rtnl_dump(struct ctr_rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t each, void *data);
