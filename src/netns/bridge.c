/*
 * Containers on bridges. The order of an attachment is that of its undoing reversed: the
 * lease is written first and removed last, and whatever exists at any moment is found by it.
 */
#include "netns/bridge.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "netns/addr.h"
#include "netns/bridge_parts.h"
#include "netns/link.h"
#include "netns/nft.h"
#include "netns/ports.h"

/* /run is shared by network namespaces, which have nothing else in common. */
static const char *leases_path(struct ctr_arena *arena)
{
	struct stat own = { 0 };

	(void)stat("/proc/self/ns/net", &own);
	return ctr_arena_printf(arena, "/run/ctr-net-%llu", (unsigned long long)own.st_ino);
}

static int begin(struct bridge_work *work, struct ctr_arena *arena, struct ctr_error *err)
{
	work->arena = arena;
	work->leases.dir = -1;
	if (ctr_rtnl_open(&work->host, err) < 0)
		return -1;
	return ctr_leases_open(&work->leases, leases_path(arena), arena, err);
}

static void end(struct bridge_work *work)
{
	ctr_leases_close(&work->leases);
	ctr_rtnl_close(&work->host);
}

/* ---- addresses */

static int take_address(struct bridge_work *work, const struct bridge *bridge, const char *asked,
			uint32_t *out, struct ctr_error *err)
{
	uint32_t mask = bridge_mask(bridge->prefix), first = bridge->gateway & mask;
	uint32_t last = first | ~mask, address;

	if (asked) {
		char gateway[CTR_IPV4_TEXT];

		if (ctr_ipv4_parse(asked, strlen(asked), &address) < 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--ip: '%s' is not an IPv4 address", asked);
		if ((address & mask) != first || address == first || address == last ||
		    address == bridge->gateway)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--ip: '%s' is not for a container of bridge '%s', %s/%u",
					asked, bridge->name,
					ctr_ipv4_print(bridge->gateway, gateway), bridge->prefix);
		if (ctr_leases_have(&work->leases, bridge->name, address))
			return ctr_fail(err, CTR_FAULT_STATE, 0, "--ip: '%s' is in use", asked);
		*out = address;
		return 0;
	}

	for (address = first + 1; address < last; address++) {
		if (address == bridge->gateway ||
		    ctr_leases_have(&work->leases, bridge->name, address))
			continue;
		*out = address;
		return 0;
	}
	return ctr_fail(err, CTR_FAULT_HOST, 0, "bridge '%s' has no free address", bridge->name);
}

/* ---- attach and detach */

static int write_rules(struct bridge_work *work, const struct bridge *bridge, bool had_ipv6,
		       struct ctr_error *err)
{
	const struct ctr_nft_bridge of = {
		.name = bridge->name,
		.subnet = bridge->gateway & bridge_mask(bridge->prefix),
		.prefix = bridge->prefix,
		.subnet6 = ctr_ipv6_subnet(&bridge->ipv6.gateway, bridge->ipv6.prefix),
		.prefix6 = bridge->ipv6.prefix,
	};

	return ctr_nft_run(ctr_nft_rules(&work->leases, &of, had_ipv6), err);
}

/* Rules for those who stay, or none. */
static int rewrite_rules(struct bridge_work *work, const char *name, bool had_ipv6,
			 struct ctr_error *err)
{
	struct bridge bridge = { .name = name };
	struct ctr_link link;

	if (ctr_leases_of(&work->leases, name) == 0 ||
	    ctr_link_find(&work->host, name, &link) < 0 ||
	    bridge_use(work, &bridge, &link, err) < 0)
		return ctr_nft_run(ctr_nft_removal(name, had_ipv6, work->arena), err);

	return write_rules(work, &bridge, had_ipv6, err);
}

static int release_lease(struct bridge_work *work, size_t i, struct ctr_error *err)
{
	struct ctr_lease lease = work->leases.list[i];
	bool had_ipv6 = ctr_leases_use_ipv6(&work->leases, lease.bridge);

	if (bridge_unplug(work, lease.address, err) < 0)
		return -1;
	/* Rules before the lease: an address is free when nothing leads to it any more. */
	work->leases.list[i].nports = 0;
	work->leases.list[i].address6 = (struct in6_addr){ 0 };
	if (ctr_leases_of(&work->leases, lease.bridge) > 1)
		return rewrite_rules(work, lease.bridge, had_ipv6, err) < 0
			       ? -1
			       : ctr_leases_drop(&work->leases, i, err);

	if (ctr_nft_run(ctr_nft_removal(lease.bridge, had_ipv6, work->arena), err) < 0 ||
	    ctr_leases_drop(&work->leases, i, err) < 0)
		return -1;
	return bridge_drop(work, lease.bridge, err);
}

static int release(struct bridge_work *work, const char *key, struct ctr_error *err)
{
	for (size_t i = 0; i < work->leases.count;) {
		if (strcmp(work->leases.list[i].key, key) != 0)
			i++;
		else if (release_lease(work, i, err) < 0)
			return -1;
	}
	return 0;
}

/* A lease that nothing was made for: rules come last, all of them or none. Where nft does not run
 * it cannot have made any. */
static void give_up(struct bridge_work *work, const char *key)
{
	struct ctr_error ignored;

	for (size_t i = 0; i < work->leases.count;) {
		if (strcmp(work->leases.list[i].key, key) != 0 ||
		    bridge_unplug(work, work->leases.list[i].address, &ignored) < 0 ||
		    ctr_leases_drop(&work->leases, i, &ignored) < 0)
			i++;
	}
}

/* *@leased: whatever it has come to, the lease is there. */
static int attach(struct bridge_work *work, const struct ctr_attachment *attachment, bool *leased,
		  const char **out, struct ctr_error *err)
{
	struct bridge bridge = { .name = attachment->bridge };
	struct ctr_lease lease = {
		.bridge = attachment->bridge,
		.key = attachment->key,
		.ports = attachment->ports,
		.nports = attachment->nports,
	};
	char address[CTR_IPV4_TEXT], address6[INET6_ADDRSTRLEN];

	if (bridge_wants_ipv6(attachment) && ctr_ipv6_is_enabled(err) < 0)
		return ctr_fail_within(err, attachment->ipv6 ? "--ip" : "--publish");
	/* What a container of that name has left that was removed by hand. */
	if (release(work, attachment->key, err) < 0 ||
	    ctr_ports_check(&work->leases, attachment->ports, attachment->nports, err) < 0 ||
	    bridge_open(work, &bridge, attachment, err) < 0 ||
	    take_address(work, &bridge, attachment->address, &lease.address, err) < 0)
		return -1;
	if (bridge.ipv6.used &&
	    ctr_ipv6_take(&work->leases, bridge.name, &bridge.ipv6, bridge_asked_ipv6(attachment),
			  lease.address, &lease.address6, err) < 0)
		return -1;
	if (ctr_leases_add(&work->leases, &lease, err) < 0)
		return -1;
	*leased = true;
	if (bridge_plug(work, &bridge, &lease, attachment, err) < 0 ||
	    write_rules(work, &bridge, false, err) < 0)
		return -1;

	*out = ctr_arena_printf(work->arena, "%s%s%s", ctr_ipv4_print(lease.address, address),
				bridge.ipv6.used ? " " : "",
				bridge.ipv6.used ? ctr_ipv6_print(&lease.address6, address6) : "");
	return 0;
}

int ctr_bridge_attach(const struct ctr_attachment *attachment, const char **out,
		      struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_error ignored;
	struct bridge_work work;
	bool leased = false;
	int r = begin(&work, arena, err);

	if (r == 0)
		r = attach(&work, attachment, &leased, out, err);
	if (r < 0 && work.leases.dir >= 0) {
		if (leased && release(&work, attachment->key, &ignored) < 0)
			give_up(&work, attachment->key);
		if (ctr_leases_of(&work.leases, attachment->bridge) == 0)
			(void)bridge_drop(&work, attachment->bridge, &ignored);
	}
	end(&work);
	return r;
}

int ctr_bridge_detach(const char *key, struct ctr_arena *arena, struct ctr_error *err)
{
	struct bridge_work work;
	int r;

	/* Most containers have nothing of this, and whoever cannot look has made nothing of it. */
	if (access(leases_path(arena), X_OK) < 0)
		return 0;

	r = begin(&work, arena, err);
	if (r == 0)
		r = release(&work, key, err);
	end(&work);
	return r;
}
