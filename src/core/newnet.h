/*
 * A network namespace costs the kernel more than all other namespaces together (0.5 to 0.8 ms of a
 * start); that of IPC, with its mqueue, comes next (50 us). So a helper makes them on another CPU
 * while ctr goes on, and ctr-init joins them where it needs them (CTR_OP_JOIN_MAKER) instead of
 * being cloned with them. The helper shares ctr's memory and descriptors. Before all, it makes the
 * file of ctr-init that the child executes (90 us). It writes a byte to a
 * pipe when they are made and another when the loopback interface is up (CTR_OP_LOOPBACK), and ends
 * when nobody can read there any more.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_newnet {
	pid_t pid;      /* of the helper; 0: there is none */
	uint64_t flags; /* CLONE_NEW* that it makes */
	int pidfd;      /* of it */
	int made, tell; /* the pipe's ends: for ctr-init, for the helper */
	atomic_int program;
	atomic_int idle; /* 1: it only waits any more; a futex */
	pid_t parent;
};

/*
 * Start making the namespaces @flags, if few processes run: it shows in @newnet->pid, and
 * without it nothing is lost. They will belong to the caller's user namespace.
 */
void ctr_newnet_begin(struct ctr_newnet *newnet, uint64_t flags);

/* ctr_image_program(), the caller's, if the helper has it ready; else -1. */
int ctr_newnet_program(struct ctr_newnet *newnet);

/*
 * Leave the CPU to the child while the helper is busy on the other one, at most 2 ms: what ctr has
 * to do beside is less than what the child has, which is not to wait for it.
 */
void ctr_newnet_yield(struct ctr_newnet *newnet);

/* The child has ->pidfd and ->made now: what it closes is closed. */
void ctr_newnet_handed(struct ctr_newnet *newnet);

/* Let the helper end, if the child has joined or there is none, and reap it. */
void ctr_newnet_end(struct ctr_newnet *newnet);
