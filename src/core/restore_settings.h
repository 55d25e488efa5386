/* What the configuration gives a container and CRIU does not keep. */
#pragma once

#include <sys/types.h>

struct ctr_creation;
struct ctr_error;

/* What is set for a process: its group of resctrl, and its priority of input and output. For all of
 * the container's, which are there and do not run yet. 0, or -1 and @err. */
int ctr_restore_processes(struct ctr_creation *creation, struct ctr_error *err);

/* Kernel parameters (linux.sysctl) of the namespaces of process @pid, which CRIU has restored: it
 * keeps some of them. 0, or -1 and @err. */
int ctr_restore_sysctl(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err);

/* The loopback interface in the network namespace of process @pid, where that is for ctr to fill:
 * CRIU leaves it empty. 0, or -1 and @err. */
int ctr_restore_loopback(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err);

/* The host name of the configuration, in the UTS namespace of process @pid, where that is the
 * container's own. 0, or -1 and @err. */
int ctr_restore_hostname(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err);
