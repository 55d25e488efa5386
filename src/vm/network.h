/*
 * The network of a virtual machine: its monitor is in the container's network namespace, and what
 * is plugged in there, by engines, hooks or ctr-net, becomes the guest's. Without privileges it is
 * passt(1) that the hypervisor talks to.
 */
#pragma once

#include <stdbool.h>

struct ctr_error;
struct ctr_machine;
struct ctr_vm_setup;

/* Can interfaces come to @machine at all? Then its guest gets the modules for them. */
bool ctr_vm_network_expected(const struct ctr_machine *machine);

/*
 * In the monitor: enter the network namespace that the document names, or a new one; let the parent
 * do what it has to do in there, by @sync; then take over what there is: ->nics and ->network of
 * @setup. 0, or -1 and @err.
 */
int ctr_vm_network_connect(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int sync,
			   struct ctr_error *err);
