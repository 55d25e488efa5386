/* nftables by its program: the language is stable, its library's binary interface less so. */
#include "netns/nft.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/run.h"
#include "netns/lease.h"

static void add_port(struct ctr_buf *buf, const struct ctr_publish *port, uint32_t to)
{
	char text[CTR_IPV4_TEXT];

	ctr_buf_adds(buf, "  ");
	if (port->address)
		ctr_buf_addf(buf, "ip daddr %s ", ctr_ipv4_print(port->address, text));
	ctr_buf_addf(buf, "%s dport %u dnat to %s:%u\n", port->udp ? "udp" : "tcp", port->host,
		     ctr_ipv4_print(to, text), port->container);
}

/*
 * What comes for a published port goes to the container, from elsewhere (prerouting) and from the
 * host itself (output). What goes back must pass here, so where it would not, it seems to come from
 * the bridge: what the host sends from 127.0.0.1, and what one container sends to another by a
 * port of the host. Nobody on the bridge may reach the host's 127.0.0.0/8, which route_localnet
 * would allow.
 */
const char *ctr_nft_rules(const struct ctr_leases *leases, const char *bridge, uint32_t subnet,
			  unsigned prefix)
{
	char text[CTR_IPV4_TEXT];
	struct ctr_buf buf;

	(void)ctr_ipv4_print(subnet, text);
	ctr_buf_init(&buf, leases->arena);
	ctr_buf_adds(&buf, ctr_nft_removal(bridge, leases->arena));
	ctr_buf_addf(&buf, "table ip ctr-%s {\n chain ports {\n", bridge);
	for (size_t i = 0; i < leases->count; i++)
		for (size_t j = 0; j < leases->list[i].nports; j++)
			if (strcmp(leases->list[i].bridge, bridge) == 0)
				add_port(&buf, &leases->list[i].ports[j], leases->list[i].address);
	ctr_buf_adds(&buf, " }\n"
			   " chain prerouting {\n  type nat hook prerouting priority -100;\n"
			   "  fib daddr type local jump ports\n }\n"
			   " chain output {\n  type nat hook output priority -100;\n"
			   "  fib daddr type local jump ports\n }\n");
	ctr_buf_addf(&buf,
		     " chain postrouting {\n  type nat hook postrouting priority 100;\n"
		     "  ip saddr %s/%u ip daddr %s/%u ct status dnat masquerade\n"
		     "  ip saddr %s/%u oifname != \"%s\" ip daddr != 224.0.0.0/4 masquerade\n"
		     "  oifname \"%s\" ip saddr 127.0.0.0/8 masquerade\n }\n",
		     text, prefix, text, prefix, text, prefix, bridge, bridge);
	ctr_buf_addf(&buf,
		     " chain localnet {\n  type filter hook prerouting priority -300;\n"
		     "  iifname \"%s\" ip daddr 127.0.0.0/8 drop\n }\n}\n",
		     bridge);
	return ctr_buf_str(&buf);
}

/* To delete what is not there would be an error. */
const char *ctr_nft_removal(const char *bridge, struct ctr_arena *arena)
{
	return ctr_arena_printf(arena, "add table ip ctr-%s\ndelete table ip ctr-%s\n", bridge,
				bridge);
}

int ctr_nft_run(const char *script, struct ctr_error *err)
{
	const char *argv[] = { "nft", script, NULL };
	char output[1024];
	int status = 0;
	int r = ctr_run_program(argv, output, sizeof(output), &status);

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
