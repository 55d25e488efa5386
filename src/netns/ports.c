/* A port is taken by another lease, or by a program that listens: bind(2) tells that one. */
#include "netns/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netns/lease.h"
#include "netns/publish.h"

static int try_bind(const struct sockaddr *address, socklen_t size, bool udp)
{
	const bool ipv6 = address->sa_family == AF_INET6;
	_cleanup_close_ int fd =
		socket(address->sa_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int on = 1;

	/* That there is no IPv6 is said elsewhere. */
	if (fd < 0)
		return ipv6 && errno == EAFNOSUPPORT ? 0 : -errno;
	/* Connections that ended a moment ago do not matter. */
	if (!udp)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ipv6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	return bind(fd, address, size) < 0 ? -errno : 0;
}

/* A program of the host that listens there would lose what comes. */
static int check_host(const struct ctr_publish *port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port->host),
		.sin_addr.s_addr = htonl(port->address),
	};
	const struct sockaddr_in6 address6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port->host),
		.sin6_addr = port->ipv6 ? port->address6 : in6addr_any,
	};
	int r = 0;

	if (!port->ipv6)
		r = try_bind((const struct sockaddr *)&address, sizeof(address), port->udp);
	/* All addresses are all of IPv6 as well. */
	if (r == 0 && (port->ipv6 || port->address == 0))
		r = try_bind((const struct sockaddr *)&address6, sizeof(address6), port->udp);
	return r;
}

int ctr_ports_check(const struct ctr_leases *leases, const struct ctr_publish *ports, size_t nports,
		    struct ctr_error *err)
{
	for (size_t i = 0; i < nports; i++) {
		const struct ctr_publish *port = &ports[i];
		const struct ctr_lease *other = ctr_leases_collide(leases, port);
		const char *protocol = port->udp ? "udp" : "tcp";
		int r;

		for (size_t j = 0; j < i; j++)
			if (ctr_publish_collides(&ports[j], port))
				return ctr_fail(err, CTR_FAULT_USAGE, 0,
						"--publish: port %u/%s is given twice", port->host,
						protocol);
		if (other)
			return ctr_fail(err, CTR_FAULT_STATE, 0,
					"--publish: port %u/%s is container '%s's", port->host,
					protocol, strrchr(other->key, '/') + 1);
		r = check_host(port);
		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -r,
					"--publish: port %u/%s of the host", port->host, protocol);
	}
	return 0;
}
