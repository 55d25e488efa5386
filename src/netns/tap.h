/*
 * A virtual machine in a network namespace: what is plugged in there is the guest's. Its interfaces
 * are described, for the guest to set up the same; then the frames of each are passed on to a tap
 * of the hypervisor's, and back. The interface keeps its addresses, but nothing comes to them any
 * more.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ctr_buf;
struct ctr_error;

/*
 * Describe the present network namespace to @out, as lines of words that the guest's init reads
 * (init/guest_net.c):
 *
 *   link NAME MAC MTU
 *   up NAME
 *   address NAME LOCAL PREFIX PEER BROADCAST SCOPE
 *   route TYPE DESTINATION PREFIX GATEWAY NAME METRIC SOURCE SCOPE FLAGS METRICS
 *   sysctl PATH VALUE
 *
 * Addresses and METRICS are hexadecimal, "-" where there is none. Interfaces are those that are up,
 * but `lo`; addresses and routes those that they do not get by themselves. 0, or -1 and @err that
 * names what a guest could not have.
 */
int ctr_tap_describe(struct ctr_buf *out, struct ctr_error *err);

struct ctr_tap_pair {
	const char *link, *tap;
};

/* In the present network namespace: from each ->link to its ->tap and back, under the name of
 * @owner. 0, or -1 and @err with nothing left of it. */
int ctr_tap_redirect(uint32_t owner, const struct ctr_tap_pair *pairs, size_t n,
		     struct ctr_error *err);
/* Take back whatever @owner has redirected in the present network namespace. 0, or -1 and @err. */
int ctr_tap_restore(uint32_t owner, struct ctr_error *err);
