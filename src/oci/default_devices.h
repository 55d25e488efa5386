/* Devices that every container may use (config-linux.md#default-devices): character devices, by
 * everybody. The first of them have a node, the others come with mounts or on request. */
#pragma once

#include <stdint.h>

struct ctr_default_device {
	const char *path;     /* of the node that is made; NULL: none */
	int64_t major, minor; /* -1: all */
};

enum { CTR_DEFAULT_DEVICES = 10 };
extern const struct ctr_default_device ctr_default_devices[CTR_DEFAULT_DEVICES];
