/* netns/rtnl: dumps of the kernel's own interfaces, with the marks that a busy host's would have.
 */
#include "unit.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>

#include "base/error.h"
#include "netns/rtnl.h"

/* So many dumps are yet to be marked as interrupted, at their first message. */
static unsigned interruptions;
static bool at_begin;

ssize_t __real_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t size)
{
	at_begin = true;
	return __real_mnl_socket_sendto(socket, data, size);
}

ssize_t __real_mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t size);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t size);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t size)
{
	ssize_t n = __real_mnl_socket_recvfrom(socket, data, size);

	if (n > 0 && at_begin && interruptions > 0) {
		((struct nlmsghdr *)data)->nlmsg_flags |= NLM_F_DUMP_INTR;
		interruptions--;
	}
	at_begin = false;
	return n;
}

struct seen {
	unsigned begins, links;
	bool loopback;
};

static int see(const struct nlmsghdr *message, void *data)
{
	struct seen *seen = data;
	const struct ifinfomsg *link;

	if (!message) {
		seen->begins++;
		seen->links = 0;
		seen->loopback = false;
		return MNL_CB_OK;
	}
	link = mnl_nlmsg_get_payload(message);
	seen->links++;
	seen->loopback |= link->ifi_flags & IFF_LOOPBACK;
	return MNL_CB_OK;
}

static int dump(struct seen *seen, unsigned times)
{
	static struct ctr_rtnl rtnl;
	struct ctr_error err = { 0 };
	struct nlmsghdr *request;
	void *head;
	int r;

	*seen = (struct seen){ 0 };
	assert_int_equal(ctr_rtnl_open(&rtnl, &err), 0);
	interruptions = times;
	request = ctr_rtnl_begin(&rtnl, RTM_GETLINK, 0, sizeof(struct ifinfomsg), &head);
	r = ctr_rtnl_dump(&rtnl, request, see, seen);
	ctr_rtnl_close(&rtnl);
	return r;
}

static void interrupted(void **state)
{
	struct seen calm, busy;

	(void)state;
	assert_int_equal(dump(&calm, 0), 0);
	assert_int_equal(calm.begins, 1);
	assert_true(calm.loopback);

	assert_int_equal(dump(&busy, 1), 0);
	assert_int_equal(busy.begins, 2);
	assert_int_equal(busy.links, calm.links);
	assert_true(busy.loopback);

	/* Once more, and it has given up. */
	assert_int_equal(dump(&busy, 99), 0);
	assert_int_equal(busy.begins, 100);
	assert_int_equal(dump(&busy, 1000), -EBUSY);
	assert_int_equal(busy.begins, 100);
}

static void refused(void **state)
{
	static struct ctr_rtnl rtnl;
	struct ctr_error err = { 0 };
	struct nlmsghdr *request;
	struct ifinfomsg *link;
	void *head;

	(void)state;
	interruptions = 0;
	assert_int_equal(ctr_rtnl_open(&rtnl, &err), 0);
	request = ctr_rtnl_begin(&rtnl, RTM_GETLINK, 0, sizeof(*link), &head);
	link = head;
	link->ifi_index = INT32_MAX;
	assert_int_equal(ctr_rtnl_call(&rtnl, request), -ENODEV);
	ctr_rtnl_close(&rtnl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupted),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
