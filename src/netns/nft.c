/* nftables by its program: the language is stable, its library's binary interface less so. */
#include "netns/nft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/run.h"
#include "netns/lease.h"

static bool is_for(const struct ctr_publish *port, bool ipv6)
{
	return port->ipv6 == ipv6 || (!port->ipv6 && port->address == 0);
}

static void add_port(struct ctr_buf *buf, const struct ctr_publish *port,
		     const struct ctr_lease *lease, bool ipv6)
{
	char text[INET6_ADDRSTRLEN];

	ctr_buf_adds(buf, "  ");
	if (!port->ipv6 && port->address)
		ctr_buf_addf(buf, "ip daddr %s ", ctr_ipv4_print(port->address, text));
	else if (port->ipv6 && !IN6_IS_ADDR_UNSPECIFIED(&port->address6))
		ctr_buf_addf(buf, "ip6 daddr %s ", ctr_ipv6_print(&port->address6, text));
	ctr_buf_addf(buf, "%s dport %u dnat to %s%s%s:%u\n", port->udp ? "udp" : "tcp", port->host,
		     ipv6 ? "[" : "",
		     ipv6 ? ctr_ipv6_print(&lease->address6, text)
			  : ctr_ipv4_print(lease->address, text),
		     ipv6 ? "]" : "", port->container);
}

static void add_ports(struct ctr_buf *buf, const struct ctr_leases *leases, const char *bridge,
		      bool ipv6)
{
	ctr_buf_adds(buf, " chain ports {\n");
	for (size_t i = 0; i < leases->count; i++) {
		const struct ctr_lease *lease = &leases->list[i];

		if (strcmp(lease->bridge, bridge) != 0 ||
		    (ipv6 && IN6_IS_ADDR_UNSPECIFIED(&lease->address6)))
			continue;
		for (size_t j = 0; j < lease->nports; j++)
			if (is_for(&lease->ports[j], ipv6))
				add_port(buf, &lease->ports[j], lease, ipv6);
	}
	ctr_buf_adds(buf, " }\n");
}

/*
 * What comes for a published port goes to the container, from elsewhere (prerouting) and from the
 * host itself (output). What goes back must pass here, so where it would not, it seems to come from
 * the bridge: what the host sends from 127.0.0.1, and what one container sends to another by a
 * port of the host. ::1 the kernel leads nowhere else.
 */
static void add_table(struct ctr_buf *buf, const struct ctr_leases *leases,
		      const struct ctr_nft_bridge *bridge, bool ipv6)
{
	const char *ip = ipv6 ? "ip6" : "ip";
	char subnet[INET6_ADDRSTRLEN + 4], text[INET6_ADDRSTRLEN];

	(void)snprintf(subnet, sizeof(subnet), "%s/%u",
		       ipv6 ? ctr_ipv6_print(&bridge->subnet6, text)
			    : ctr_ipv4_print(bridge->subnet, text),
		       ipv6 ? bridge->prefix6 : bridge->prefix);
	ctr_buf_addf(buf, "table %s ctr-%s {\n", ip, bridge->name);
	add_ports(buf, leases, bridge->name, ipv6);
	ctr_buf_addf(buf,
		     " chain prerouting {\n  type nat hook prerouting priority -100;\n"
		     "  fib daddr type local jump ports\n }\n"
		     " chain output {\n  type nat hook output priority -100;\n"
		     "  fib daddr type local %sjump ports\n }\n",
		     ipv6 ? "ip6 daddr != ::1 " : "");
	ctr_buf_addf(buf,
		     " chain postrouting {\n  type nat hook postrouting priority 100;\n"
		     "  %s saddr %s %s daddr %s ct status dnat masquerade\n"
		     "  %s saddr %s oifname != \"%s\" %s daddr != %s masquerade\n",
		     ip, subnet, ip, subnet, ip, subnet, bridge->name, ip,
		     ipv6 ? "ff00::/8" : "224.0.0.0/4");
	if (!ipv6)
		ctr_buf_addf(buf, "  oifname \"%s\" ip saddr 127.0.0.0/8 masquerade\n",
			     bridge->name);
	ctr_buf_adds(buf, " }\n");
	/* Nobody on the bridge may reach the host's 127.0.0.0/8, which route_localnet would allow.
	 */
	if (!ipv6)
		ctr_buf_addf(buf,
			     " chain localnet {\n  type filter hook prerouting priority -300;\n"
			     "  iifname \"%s\" ip daddr 127.0.0.0/8 drop\n }\n",
			     bridge->name);
	ctr_buf_adds(buf, "}\n");
}

const char *ctr_nft_rules(const struct ctr_leases *leases, const struct ctr_nft_bridge *bridge,
			  bool had_ipv6)
{
	bool ipv6 = ctr_leases_use_ipv6(leases, bridge->name);
	struct ctr_buf buf;

	ctr_buf_init(&buf, leases->arena);
	ctr_buf_adds(&buf, ctr_nft_removal(bridge->name, had_ipv6 || ipv6, leases->arena));
	add_table(&buf, leases, bridge, false);
	if (ipv6)
		add_table(&buf, leases, bridge, true);
	return ctr_buf_str(&buf);
}

/* To delete what is not there would be an error. */
const char *ctr_nft_removal(const char *bridge, bool ipv6, struct ctr_arena *arena)
{
	return ctr_arena_printf(arena, "add table ip ctr-%s\ndelete table ip ctr-%s\n%s", bridge,
				bridge, ipv6 ? ctr_nft_probe_ipv6(bridge, arena) : "");
}

const char *ctr_nft_probe_ipv6(const char *bridge, struct ctr_arena *arena)
{
	return ctr_arena_printf(arena, "add table ip6 ctr-%s\ndelete table ip6 ctr-%s\n", bridge,
				bridge);
}

/* The rules of thousands of ports are longer than an argument may be. A new descriptor, or -errno.
 */
static int keep_script(const char *script)
{
	_cleanup_close_ int fd = memfd_create("rules", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : ctr_write_all(fd, script, strlen(script));

	return r < 0 ? r : ctr_take_fd(&fd);
}

int ctr_nft_run(const char *script, struct ctr_error *err)
{
	static const char *const argv[] = { "nft", "-f", "/proc/self/fd/3", NULL };
	_cleanup_close_ int fd = keep_script(script);
	char output[1024];
	int status = 0, r;

	_Static_assert(CTR_RUN_KEPT == 3, "as in argv");
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -fd,
				"cannot keep rules for the program 'nft'");
	r = ctr_run_program_with(argv, fd, output, sizeof(output), &status);
	if (r == -ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"the program 'nft' is not there (package nftables)");
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot run the program 'nft'");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		output[strcspn(output, "\n")] = '\0';
		return ctr_fail(err, CTR_FAULT_HOST, 0, "nft: %s", output);
	}
	return 0;
}
