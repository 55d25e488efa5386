/*
 * A network namespace costs the kernel more than all other namespaces together (0.5 to 0.8 ms of a
 * start). So a helper makes it on another CPU while ctr goes on, and the child joins it instead of
 * being cloned with CLONE_NEWNET. The helper shares ctr's memory and ends when the child has
 * joined.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct ctr_newnet {
	pid_t pid; /* of the helper; 0: there is none */
	int pidfd;
	pid_t parent;
	uint32_t state; /* enum newnet_state; a futex */
};

/* Start making one. Whether that worked shows in @newnet->pid: without it nothing is lost. Not
 * where there is a single CPU. The namespace will belong to the caller's user namespace. */
void ctr_newnet_begin(struct ctr_newnet *newnet);

/* In the child, on shared memory, by raw system calls: join, or if need be make an own one. 0 or
 * -errno. */
long ctr_newnet_join(struct ctr_newnet *newnet);

/* The namespace is joined, or not wanted any more: let the helper end, and reap it. */
void ctr_newnet_end(struct ctr_newnet *newnet);
