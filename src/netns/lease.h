/*
 * Who has which address of which bridge: one file a lease, DIRECTORY/BRIDGE/ADDRESS, below one
 * lock. The kernel forgets an interface with its container; a lease stays until the container is
 * deleted, so that no other gets what is still forwarded to it. The directory is gone with the last
 * lease.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/publish.h"

struct ctr_arena;
struct ctr_error;

struct ctr_lease {
	const char *bridge;
	uint32_t address;
	struct in6_addr address6; /* ::: none */
	const char *key;          /* of the container: its state directory */
	const struct ctr_publish *ports;
	size_t nports;
};

struct ctr_leases {
	int dir; /* locked */
	const char *path;
	struct ctr_arena *arena;
	struct ctr_lease *list;
	size_t count;
};

/* Lock the directory at @path, made when missing, and read all leases. 0, or -1 and @err. Close in
 * any case. */
int ctr_leases_open(struct ctr_leases *leases, const char *path, struct ctr_arena *arena,
		    struct ctr_error *err);
/* Unlock; the directory goes when nothing is in it. */
void ctr_leases_close(struct ctr_leases *leases);

/* Write @lease and add it to the list. 0, or -1 and @err. */
int ctr_leases_add(struct ctr_leases *leases, const struct ctr_lease *lease, struct ctr_error *err);
/* Remove entry @i, from the list as well. 0, or -1 and @err. */
int ctr_leases_drop(struct ctr_leases *leases, size_t i, struct ctr_error *err);

/* Is @address of @bridge given away? */
bool ctr_leases_have(const struct ctr_leases *leases, const char *bridge, uint32_t address);
/* The same of IPv6; and does any of @bridge have one? */
bool ctr_leases_have_ipv6(const struct ctr_leases *leases, const char *bridge,
			  const struct in6_addr *address);
bool ctr_leases_use_ipv6(const struct ctr_leases *leases, const char *bridge);
/* How many leases @bridge has. */
size_t ctr_leases_of(const struct ctr_leases *leases, const char *bridge);
/* A lease with a port that collides with @port, or NULL. */
const struct ctr_lease *ctr_leases_collide(const struct ctr_leases *leases,
					   const struct ctr_publish *port);

/* Remember that @bridge was made here, and is to be removed; ask; forget (and let go of the
 * bridge's directory). */
int ctr_leases_mark_made(const struct ctr_leases *leases, const char *bridge,
			 struct ctr_error *err);
bool ctr_leases_is_made(const struct ctr_leases *leases, const char *bridge);
void ctr_leases_forget(const struct ctr_leases *leases, const char *bridge);
