/*
 * The guest's network: what the host found in the namespace that this guest stands for, in the
 * words of netns/tap.h. The interface is found by its MAC address; all else is a request to the
 * kernel (rtnetlink(7)).
 */
#include "init/guest.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

enum {
	AF_INET6_ = 10,
	AF_NETLINK_ = 16,
	SOCK_RAW_ = 3,
	SIOCGIFNAME_ = 0x8910,
	SIOCGIFFLAGS_ = 0x8913,
	SIOCSIFMTU_ = 0x8922,
	SIOCSIFNAME_ = 0x8923,
	SIOCGIFHWADDR_ = 0x8927,
	SIOCGIFINDEX_ = 0x8933,
	INDEX_MAX = 256,
	LINK_MS = 10000,
	ADDRESS_MAX = 16,
	METRICS_MAX = 256,
};

/* Of all that an ifreq can be. */
struct request {
	char name[16];
	union {
		int32_t number; /* index, MTU */
		int16_t flags;
		char name[24];
		struct {
			uint16_t family;
			uint8_t mac[6];
		} address;
	} value;
};

/* "0a4d0002" to bytes. Their number, 0 for "-"; or -EINVAL. */
static long read_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t n = 0;

	if (str_equal(text, "-"))
		return 0;
	for (; *text; n++) {
		unsigned value = 0;

		for (int i = 0; i < 2; i++, text++) {
			char c = *text;

			if (c >= '0' && c <= '9')
				value = value * 16 + (unsigned)(c - '0');
			else if (c >= 'a' && c <= 'f')
				value = value * 16 + (unsigned)(c - 'a') + 10;
			else
				return -EINVAL;
		}
		if (n == size)
			return -EINVAL;
		bytes[n] = (uint8_t)value;
	}
	return (long)n;
}

static void copy_name(char to[16], const char *from)
{
	(void)str_put(to, to + 16, from);
}

/* ---- interfaces */

static bool has_mac(const struct request *found, const uint8_t mac[6])
{
	for (int i = 0; i < 6; i++)
		if (found->value.address.mac[i] != mac[i])
			return false;
	return true;
}

/* The index of the interface with that address, its present name in @name; -ENODEV. */
static long find_link(int fd, const uint8_t mac[6], char name[16])
{
	for (int index = 1; index < INDEX_MAX; index++) {
		struct request request = { .value.number = index };

		if (SYS(ioctl, fd, SIOCGIFNAME_, &request) < 0)
			continue;
		copy_name(name, request.name);
		if (SYS(ioctl, fd, SIOCGIFHWADDR_, &request) >= 0 && has_mac(&request, mac))
			return index;
	}
	return -ENODEV;
}

static long wait_for_link(int fd, const uint8_t mac[6], char name[16])
{
	long r = -ENODEV;

	for (int i = 0; i < LINK_MS && r < 0; i++) {
		r = find_link(fd, mac, name);
		if (r < 0)
			guest_nap();
	}
	return r;
}

static long rename_link(int fd, const char *from, const char *to)
{
	struct request request = { .name = { 0 } };

	copy_name(request.name, from);
	copy_name(request.value.name, to);
	return SYS(ioctl, fd, SIOCSIFNAME_, &request);
}

static long index_of(int fd, const char *name)
{
	struct request request = { .name = { 0 } };
	long r;

	copy_name(request.name, name);
	r = SYS(ioctl, fd, SIOCGIFINDEX_, &request);
	return r < 0 ? r : request.value.number;
}

/* Another one may have that name, and be about to lose it. */
static long give_name(int fd, const char *from, const char *to)
{
	char other[16];
	long index = index_of(fd, to);

	if (str_equal(from, to))
		return 0;
	if (index > 0) {
		char *at = str_put(other, other + sizeof(other), "before");
		long r;

		(void)str_put_number(at, other + sizeof(other), (uint64_t)index, 10);
		r = rename_link(fd, to, other);
		if (r < 0)
			return r;
	}
	return rename_link(fd, from, to);
}

static long set_mtu(int fd, const char *name, const char *mtu)
{
	struct request request = { .value.number = (int32_t)str_number(mtu) };

	copy_name(request.name, name);
	return SYS(ioctl, fd, SIOCSIFMTU_, &request);
}

long guest_link(const char *name, const char *mac_text, const char *mtu)
{
	long r, fd = SYS(socket, AF_INET_, SOCK_DGRAM_ | SOCK_CLOEXEC_, 0);
	char present[16];
	uint8_t mac[6];

	if (fd < 0)
		return fd;
	r = read_hex(mac_text, mac, sizeof(mac)) == (long)sizeof(mac)
		    ? wait_for_link((int)fd, mac, present)
		    : -EINVAL;
	if (r >= 0)
		r = give_name((int)fd, present, name);
	if (r >= 0)
		r = set_mtu((int)fd, name, mtu);
	(void)sys_close((int)fd);
	return r;
}

long guest_up(const char *name)
{
	long r, fd = SYS(socket, AF_INET_, SOCK_DGRAM_ | SOCK_CLOEXEC_, 0);
	struct request request = { .name = { 0 } };

	if (fd < 0)
		return fd;
	copy_name(request.name, name);
	r = SYS(ioctl, fd, SIOCGIFFLAGS_, &request);
	request.value.flags |= IFF_UP_;
	if (r >= 0)
		r = SYS(ioctl, fd, SIOCSIFFLAGS_, &request);
	(void)sys_close((int)fd);
	return r;
}

/* ---- requests */

struct message {
	struct nlmsghdr head;
	uint8_t data[512];
};

static void *begin(struct message *message, unsigned type, size_t size)
{
	*message = (struct message){
		.head = {
			.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size),
			.nlmsg_type = (uint16_t)type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE,
			.nlmsg_seq = 1,
		},
	};
	return message->data;
}

static void put(struct message *message, unsigned type, const void *data, size_t size)
{
	uint32_t at = NLMSG_ALIGN(message->head.nlmsg_len);
	struct nlattr *attribute = (struct nlattr *)((uint8_t *)message + at);

	if (size == 0 || at + NLA_HDRLEN + NLA_ALIGN(size) > sizeof(*message))
		return;
	attribute->nla_len = (uint16_t)(NLA_HDRLEN + size);
	attribute->nla_type = (uint16_t)type;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)(attribute + 1))[i] = ((const uint8_t *)data)[i];
	message->head.nlmsg_len = at + attribute->nla_len;
}

/* Send it; what the kernel answers. */
static long call(const struct message *message)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		uint8_t rest[1024];
	} answer;
	long r, fd = SYS(socket, AF_NETLINK_, SOCK_RAW_ | SOCK_CLOEXEC_, NETLINK_ROUTE);

	if (fd < 0)
		return fd;
	r = SYS(sendto, fd, message, message->head.nlmsg_len, 0, NULL, 0);
	if (r >= 0)
		r = SYS(recvfrom, fd, &answer, sizeof(answer), 0, NULL, NULL);
	(void)sys_close((int)fd);
	if (r < 0)
		return r;
	return answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EBADMSG;
}

static long find_index(const char *name)
{
	long r, fd = SYS(socket, AF_INET_, SOCK_DGRAM_ | SOCK_CLOEXEC_, 0);

	if (fd < 0)
		return fd;
	r = index_of((int)fd, name);
	(void)sys_close((int)fd);
	return r;
}

static uint8_t family_of(long size)
{
	return size == 4 ? AF_INET_ : AF_INET6_;
}

/* address NAME LOCAL PREFIX PEER BROADCAST SCOPE */
long guest_address(char **word)
{
	uint8_t local[ADDRESS_MAX], peer[ADDRESS_MAX], broadcast[ADDRESS_MAX];
	long index = find_index(word[1]);
	long size = read_hex(word[2], local, sizeof(local));
	long peer_size = read_hex(word[4], peer, sizeof(peer));
	long broadcast_size = read_hex(word[5], broadcast, sizeof(broadcast));
	struct message message;
	struct ifaddrmsg *head;

	if (index < 0)
		return index;
	if (size <= 0 || peer_size < 0 || broadcast_size < 0)
		return -EINVAL;
	head = begin(&message, RTM_NEWADDR, sizeof(*head));
	head->ifa_family = family_of(size);
	head->ifa_prefixlen = (uint8_t)str_number(word[3]);
	head->ifa_scope = (uint8_t)str_number(word[6]);
	head->ifa_index = (uint32_t)index;
	/* It was somebody's in this network before: nobody else has it. */
	head->ifa_flags = head->ifa_family == AF_INET6_ ? IFA_F_NODAD : 0;
	put(&message, IFA_LOCAL, local, (size_t)size);
	put(&message, IFA_ADDRESS, peer_size ? peer : local,
	    (size_t)(peer_size ? peer_size : size));
	put(&message, IFA_BROADCAST, broadcast, (size_t)broadcast_size);
	return call(&message);
}

/* route TYPE DESTINATION PREFIX GATEWAY NAME METRIC SOURCE SCOPE FLAGS METRICS */
long guest_route(char **word)
{
	uint8_t to[ADDRESS_MAX], gateway[ADDRESS_MAX], source[ADDRESS_MAX], metrics[METRICS_MAX];
	long index = str_equal(word[5], "-") ? 0 : find_index(word[5]);
	long size = read_hex(word[2], to, sizeof(to));
	long gateway_size = read_hex(word[4], gateway, sizeof(gateway));
	long source_size = read_hex(word[7], source, sizeof(source));
	long metrics_size = read_hex(word[10], metrics, sizeof(metrics));
	const uint32_t priority = (uint32_t)str_number(word[6]), oif = (uint32_t)index;
	struct message message;
	struct rtmsg *head;

	if (index < 0)
		return index;
	if (size <= 0 || gateway_size < 0 || source_size < 0 || metrics_size < 0)
		return -EINVAL;
	head = begin(&message, RTM_NEWROUTE, sizeof(*head));
	head->rtm_family = family_of(size);
	head->rtm_dst_len = (uint8_t)str_number(word[3]);
	head->rtm_table = RT_TABLE_MAIN;
	head->rtm_protocol = RTPROT_STATIC;
	head->rtm_type = (uint8_t)str_number(word[1]);
	head->rtm_scope = (uint8_t)str_number(word[8]);
	head->rtm_flags = (uint32_t)str_number(word[9]);
	put(&message, RTA_DST, to, head->rtm_dst_len ? (size_t)size : 0);
	put(&message, RTA_GATEWAY, gateway, (size_t)gateway_size);
	put(&message, RTA_OIF, &oif, index ? sizeof(oif) : 0);
	put(&message, RTA_PRIORITY, &priority, priority ? sizeof(priority) : 0);
	put(&message, RTA_PREFSRC, source, (size_t)source_size);
	put(&message, RTA_METRICS, metrics, (size_t)metrics_size);
	return call(&message);
}
