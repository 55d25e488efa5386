/*
 * The process that stands for a virtual machine on the host: the container's init for every engine.
 * It speaks with the parent as ctr-init does, with the guest in frames, with QEMU in QMP, and with
 * later commands over its control socket; it relays standard streams, and ends as the container's
 * process ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_machine_fds;
struct signalfd_siginfo;

/* What is given to it, all its own from then on. -1: none. */
struct ctr_monitor_start {
	const struct ctr_machine_fds *fds;
	pid_t vmm;             /* the hypervisor */
	pid_t server;          /* of files; 0: none */
	int channel;           /* to the guest; -1: it will connect to ->listener */
	uint32_t unread_max;   /* struct ctr_channel */
	int listener;          /* -1: none */
	int qmp;               /* to QEMU; -1: this hypervisor cannot be paused */
	int console;           /* what the guest's kernel says */
	int output;            /* what the hypervisor says */
	bool terminal;         /* the container has one */
	unsigned boot_seconds; /* that the guest may take until it speaks */
};

/* Until the end. The exit status; where a signal ended the process, this one dies by it, too. */
int ctr_monitor_run(const struct ctr_monitor_start *start);

/* End this process by @sig, as one that it stands for has ended. Returns the exit status that says
 * so where that does not work. */
int ctr_monitor_end_like(int sig);

/* Is that signal about our own work, and nobody's to be passed on? */
bool ctr_monitor_is_own(const struct signalfd_siginfo *info);

/* Tell the parent why there will be no container, as ctr-init would. */
void ctr_monitor_fail(int sync, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
