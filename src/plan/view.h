/*
 * A plan as bytes: header, operations, strings. No pointers, so the same blob is executed, dumped,
 * compared with a golden file, fuzzed, and handed to a guest. ctr_view_* trust a blob that
 * ctr_plan_check() accepted. Freestanding.
 */
#pragma once

#include <stdint.h>

#include "plan/op.h"

enum {
	CTR_PLAN_MAGIC = 0x50525443, /* "CTRP" */
	CTR_PLAN_VERSION = 1,
	CTR_PLAN_SIZE_MAX = 256 << 20,
};

struct ctr_plan_header {
	uint32_t magic, version;
	uint32_t size;      /* of the whole blob */
	uint32_t ops, nops; /* offset of struct ctr_op[], 16-aligned */
	uint32_t strings,
		nstrings;      /* offset and size of the string area; starts and ends with NUL */
	int32_t sync_fd;       /* SOCK_SEQPACKET to the parent; -1 in a dump */
	int32_t gate_fd;       /* listening socket, -1: none */
	uint32_t preserve_fds; /* 3 .. 3+n-1 reach the payload */
	uint32_t flags;        /* enum ctr_plan_flags */
	int32_t maker_fd;      /* pidfd of who makes namespaces for JOIN_MAKER, -1: nobody */
	int32_t made_fd; /* a byte comes there when they are made, and one that says whether the
			  * loopback interface is up; its closing lets the maker end */
	uint32_t reserved[3];
};

enum ctr_plan_flags {
	CTR_PLAN_GUEST = 1 << 0, /* executed by PID 1 of a VM */
	CTR_PLAN_EXEC = 1 << 1,  /* joins a running container: the root is "/" already */
};

static inline const struct ctr_op *ctr_view_ops(const struct ctr_plan_header *plan)
{
	return (const struct ctr_op *)((const char *)plan + plan->ops);
}

static inline const char *ctr_view_str(const struct ctr_plan_header *plan, uint32_t offset)
{
	return (const char *)plan + plan->strings + offset;
}

/* A block is strings one after another, each with its NUL. The string after @s. */
static inline const char *ctr_view_next(const char *s)
{
	while (*s)
		s++;
	return s + 1;
}
