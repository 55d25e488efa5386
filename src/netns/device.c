/* Moving interfaces. The kernel takes addresses away on the way, so they are read before and given
 * back after. */
#include "netns/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "netns/addr.h"
#include "netns/link.h"
#include "netns/rtnl.h"

enum { KEPT_FLAGS = IFA_F_NODAD | IFA_F_NOPREFIXROUTE | IFA_F_MANAGETEMPADDR | IFA_F_HOMEADDRESS };

/* The two sides. */
struct sides {
	struct ctr_rtnl host, inside;
	int host_netns, netns;
};

static int open_sides(struct sides *sides, int netns, struct ctr_error *err)
{
	sides->host.socket = sides->inside.socket = NULL;
	sides->netns = netns;
	sides->host_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (sides->host_netns < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '/proc/self/ns/net'");
	if (ctr_rtnl_open(&sides->host, err) < 0)
		return -1;
	return ctr_rtnl_open_in(&sides->inside, netns, err);
}

static void close_sides(struct sides *sides)
{
	ctr_close_ptr(&sides->host_netns);
	ctr_rtnl_close(&sides->host);
	ctr_rtnl_close(&sides->inside);
}

static bool is_kept(const struct ctr_address *address)
{
	return (address->flags & IFA_F_PERMANENT) && address->scope == RT_SCOPE_UNIVERSE;
}

/* From the side of @from to that of @to, where it is called @name, with addresses. */
static int carry(struct ctr_rtnl *from, struct ctr_rtnl *to, int to_netns,
		 const struct ctr_link *link, const char *name, bool up)
{
	static struct ctr_addresses addresses;
	struct ctr_link there;
	int r = ctr_addresses_get(from, 0, link->index, &addresses);

	if (r == 0 && addresses.overflow)
		r = -E2BIG;
	if (r == 0)
		r = ctr_link_move(from, link->index, to_netns, name);
	if (r == 0)
		r = ctr_link_find(to, name, &there);
	for (size_t i = 0; r == 0 && i < addresses.count; i++) {
		struct ctr_address *address = &addresses.list[i];

		if (!is_kept(address))
			continue;
		address->flags &= KEPT_FLAGS;
		r = ctr_address_add(to, there.index, address);
	}
	return r == 0 && up ? ctr_link_set_up(to, there.index, true) : r;
}

/* The name inside: "%d" is the first number that is free. */
static int choose_name(struct sides *sides, struct ctr_moving *device, struct ctr_error *err)
{
	const char *number = strstr(device->inside, "%d");
	struct ctr_link link;

	for (unsigned i = 0; i < 4096; i++) {
		int r;

		if (number)
			(void)snprintf(device->name, sizeof(device->name), "%.*s%u%s",
				       (int)(number - device->inside), device->inside, i,
				       number + 2);
		else
			(void)snprintf(device->name, sizeof(device->name), "%s", device->inside);

		r = ctr_link_find(&sides->inside, device->name, &link);
		if (r == -ENODEV)
			return 0;
		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -r,
					"linux.netDevices.%s: cannot look into the container",
					device->host);
		if (!number)
			break;
	}
	return ctr_fail(err, CTR_FAULT_CONFIG, 0,
			"linux.netDevices.%s.name: the container has an interface '%s' already",
			device->host, device->name);
}

static int move(struct sides *sides, struct ctr_moving *device, struct ctr_error *err)
{
	struct ctr_link link;
	int r = ctr_link_find(&sides->host, device->host, &link);

	if (r < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, r == -ENODEV ? 0 : -r,
				"linux.netDevices.%s: the host has no such interface",
				device->host);
	if (choose_name(sides, device, err) < 0)
		return -1;

	device->was_up = link.up;
	device->moved = true; /* maybe only in part */
	r = carry(&sides->host, &sides->inside, sides->netns, &link, device->name, true);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, -r,
				"linux.netDevices.%s: cannot move it to the container as '%s'%s",
				device->host, device->name,
				r == -EINVAL  ? " (such interfaces cannot be moved)"
				: r == -E2BIG ? " (it has too many addresses)"
					      : "");
	return 0;
}

static int return_all(struct sides *sides, struct ctr_moving *devices, size_t n,
		      struct ctr_error *err)
{
	struct ctr_error ignored;
	int result = 0;

	for (size_t i = n; i-- > 0;) {
		struct ctr_moving *device = &devices[i];
		struct ctr_link link;
		int r;

		if (!device->moved)
			continue;
		r = ctr_link_find(&sides->inside, device->name, &link);
		if (r == -ENODEV)
			continue; /* it never left, or somebody else took it */
		if (r == 0)
			r = carry(&sides->inside, &sides->host, sides->host_netns, &link,
				  device->host, device->was_up);
		if (r < 0)
			result =
				ctr_fail(result ? &ignored : err, CTR_FAULT_HOST, -r,
					 "linux.netDevices.%s: cannot fetch it back", device->host);
		device->moved = false;
	}
	return result;
}

int ctr_devices_move(struct ctr_moving *devices, size_t n, int netns, struct ctr_error *err)
{
	static struct sides sides;
	struct ctr_error ignored;
	int r = open_sides(&sides, netns, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = move(&sides, &devices[i], err);
	if (r < 0 && sides.inside.socket)
		(void)return_all(&sides, devices, n, &ignored);
	close_sides(&sides);
	return r;
}

int ctr_devices_return(struct ctr_moving *devices, size_t n, int netns, struct ctr_error *err)
{
	static struct sides sides;
	int r = open_sides(&sides, netns, err);

	if (r == 0)
		r = return_all(&sides, devices, n, err);
	close_sides(&sides);
	return r;
}
