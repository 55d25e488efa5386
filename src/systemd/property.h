/* Properties of a unit, from words of the command line to a message. */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>

/* Append a(sv) with @properties, a NULL-terminated list of NAME=TYPE=VALUE (main.c), and with @pid
 * unless that is 0. Negative: an errno, -EINVAL for what is no property. */
int properties_append(sd_bus_message *message, char **properties, uint32_t pid);
