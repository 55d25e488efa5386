/* The rules of a bridge: one nftables table, written anew as a whole whenever a lease comes or
 * goes, so that it cannot disagree with the leases. */
#pragma once

#include <stdint.h>

struct ctr_arena;
struct ctr_error;
struct ctr_leases;

/* The script that replaces the table of @bridge with subnet @subnet/@prefix. In the arena of
 * @leases. */
const char *ctr_nft_rules(const struct ctr_leases *leases, const char *bridge, uint32_t subnet,
			  unsigned prefix);
/* The script that removes it, also where there is none. */
const char *ctr_nft_removal(const char *bridge, struct ctr_arena *arena);
/* Let nft(8) carry out @script, as one transaction. 0, or -1 and @err. */
int ctr_nft_run(const char *script, struct ctr_error *err);
