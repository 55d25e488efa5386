/* Directories and files of the host that a guest works on: served by virtiofsd(1). */
#pragma once

#include <sys/types.h>

struct ctr_error;
struct ctr_machine;
struct ctr_vm_setup;

/*
 * Start a file server for the binds of @setup that are not copied, with its output to @output. It
 * dies with the calling process. Its pid, and *@client is the hypervisor's connection to it; -1 and
 * @err. @dir is the state directory.
 */
pid_t ctr_vm_share(const struct ctr_machine *machine, const struct ctr_vm_setup *setup, int dir,
		   int output, int *client, struct ctr_error *err);
