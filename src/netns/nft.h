/* The rules of a bridge: an nftables table, and one for IPv6 where containers have it, written anew
 * as a whole whenever a lease comes or goes, so that they cannot disagree with the leases. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct ctr_arena;
struct ctr_error;
struct ctr_leases;

struct ctr_nft_bridge {
	const char *name;
	uint32_t subnet;
	unsigned prefix;
	struct in6_addr subnet6; /* where a lease has an address of IPv6 */
	unsigned prefix6;
};

/* The script that replaces the tables of @bridge; @had_ipv6: one for IPv6 may be left that no lease
 * needs any more. In the arena of @leases. */
const char *ctr_nft_rules(const struct ctr_leases *leases, const struct ctr_nft_bridge *bridge,
			  bool had_ipv6);
/* The script that removes the table, with @ipv6 both, also where there is none. */
const char *ctr_nft_removal(const char *bridge, bool ipv6, struct ctr_arena *arena);
/* The script that fails where the kernel has no rules for IPv6, and leaves nothing. For a bridge
 * without addresses of IPv6. */
const char *ctr_nft_probe_ipv6(const char *bridge, struct ctr_arena *arena);
/* Let nft(8) carry out @script, as one transaction. 0, or -1 and @err. */
int ctr_nft_run(const char *script, struct ctr_error *err);
