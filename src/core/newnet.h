/*
 * A network namespace costs the kernel more than all other namespaces together (0.5 to 0.8 ms of a
 * start); that of IPC, with its mqueue, comes next (50 us). So a helper makes them on another CPU
 * while ctr goes on, and the child joins them instead of being cloned with them. The helper shares
 * ctr's memory and ends when the child has joined.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct ctr_newnet {
	pid_t pid;      /* of the helper; 0: there is none */
	uint64_t flags; /* CLONE_NEW* that it makes */
	int pidfd;
	pid_t parent;
	uint32_t state; /* enum newnet_state; a futex */
};

/*
 * Start making the namespaces @flags, if a CPU is idle: it shows in @newnet->pid, and without it
 * nothing is lost. They will belong to the caller's user namespace.
 */
void ctr_newnet_begin(struct ctr_newnet *newnet, uint64_t flags);

/*
 * In the child, on shared memory, by raw system calls: join, or if need be make own ones. 0 or
 * -errno.
 */
long ctr_newnet_join(struct ctr_newnet *newnet);

/* The namespaces are joined, or not wanted any more: let the helper end, and reap it. */
void ctr_newnet_end(struct ctr_newnet *newnet);
