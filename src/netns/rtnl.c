/* Routing netlink over libmnl. */
#include "netns/rtnl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"

enum { DUMP_TRIES = 100 };

int ctr_rtnl_open(struct ctr_rtnl *rtnl, struct ctr_error *err)
{
	rtnl->sequence = 0;
	rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!rtnl->socket || mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open a netlink socket");
	return 0;
}

/* From one network namespace to that of descriptor @netns. 0, or -1 and @err. */
static int enter(int netns, const char *whose, struct ctr_error *err)
{
	return setns(netns, CLONE_NEWNET) < 0
		       ? ctr_fail(err, CTR_FAULT_HOST, errno,
				  "cannot enter the %s's network namespace", whose)
		       : 0;
}

static int open_own(struct ctr_error *err)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return own < 0 ? ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '/proc/self/ns/net'")
		       : own;
}

int ctr_rtnl_open_in(struct ctr_rtnl *rtnl, int netns, struct ctr_error *err)
{
	_cleanup_close_ int own = open_own(err);
	int r;

	rtnl->socket = NULL;
	if (own < 0 || enter(netns, "container", err) < 0)
		return -1;
	r = ctr_rtnl_open(rtnl, err);
	return enter(own, "host", err) < 0 ? -1 : r;
}

int ctr_netns_write(int netns, const char *path, const char *text, struct ctr_error *err)
{
	_cleanup_close_ int own = open_own(err);
	int r;

	if (own < 0 || enter(netns, "container", err) < 0)
		return -1;
	r = ctr_file_write_once(AT_FDCWD, path, text, strlen(text));
	if (enter(own, "host", err) < 0)
		return -1;
	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, -r, "cannot write '%s'", path) : 0;
}

void ctr_rtnl_close(struct ctr_rtnl *rtnl)
{
	if (rtnl->socket)
		(void)mnl_socket_close(rtnl->socket);
	rtnl->socket = NULL;
}

struct nlmsghdr *ctr_rtnl_begin(struct ctr_rtnl *rtnl, uint16_t type, uint16_t flags, size_t size,
				void *head)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(rtnl->request);
	void *extra;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = ++rtnl->sequence;
	extra = mnl_nlmsg_put_extra_header(request, size);
	memset(extra, 0, size);
	*(void **)head = extra;
	return request;
}

/* Take the mark of a dump that something changed meanwhile off @n bytes of messages. Was it there?
 */
static bool take_interruption(void *messages, int n)
{
	struct nlmsghdr *message = messages;
	bool found = false;

	for (; mnl_nlmsg_ok(message, n); message = mnl_nlmsg_next(message, &n)) {
		found |= message->nlmsg_flags & NLM_F_DUMP_INTR;
		message->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
	return found;
}

/* Once. 0, 1 where the answer is not that of one moment, or -errno. */
static int ask(struct ctr_rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t each, void *data)
{
	unsigned port = mnl_socket_get_portid(rtnl->socket);
	bool interrupted = false;
	int r = MNL_CB_OK;

	if (mnl_socket_sendto(rtnl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(rtnl->socket, rtnl->answer, sizeof(rtnl->answer));

		if (n < 0)
			return -errno;
		interrupted |= take_interruption(rtnl->answer, (int)n);
		r = mnl_cb_run(rtnl->answer, (size_t)n, request->nlmsg_seq, port, each, data);
		if (r < 0)
			return -errno;
	}
	return interrupted;
}

int ctr_rtnl_ask(struct ctr_rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t each, void *data)
{
	int r = ask(rtnl, request, each, data);

	return r < 0 ? r : 0;
}

int ctr_rtnl_call(struct ctr_rtnl *rtnl, struct nlmsghdr *request)
{
	request->nlmsg_flags |= NLM_F_ACK;
	return ctr_rtnl_ask(rtnl, request, NULL, NULL);
}

int ctr_rtnl_dump(struct ctr_rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t each, void *data)
{
	request->nlmsg_flags |= NLM_F_DUMP;
	for (int tries = 0; tries < DUMP_TRIES; tries++) {
		int r;

		(void)each(NULL, data);
		r = ask(rtnl, request, each, data);
		if (r <= 0)
			return r;
	}
	return -EBUSY;
}
