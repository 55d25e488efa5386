/* linux.netDevices: interfaces of the host that go to the container, with their addresses
 * (runtime-spec, config-linux.md#network-devices). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ctr_error;

struct ctr_moving {
	const char *host;   /* its name here */
	const char *inside; /* ... and there; "%d" in it: the first free number */
	bool was_up;        /* out */
	char name[16];      /* out: without a "%d" */
	bool moved;
};

/* Move all to the namespace of descriptor @netns, keep their permanent global addresses and set
 * them up. 0, or -1 and @err, which begins with the field; all are back then. */
int ctr_devices_move(struct ctr_moving *devices, size_t n, int netns, struct ctr_error *err);
/* Fetch those ->moved back, as ->name there and ->host here, as they were. What fails is left: 0,
 * or -1 and @err of the first. */
int ctr_devices_return(struct ctr_moving *devices, size_t n, int netns, struct ctr_error *err);
