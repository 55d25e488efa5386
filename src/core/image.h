/*
 * What the child executes: ctr-init's bytes and, behind them, the plan, in one sealed memfd that
 * nobody can write to (CVE-2019-5736: a container never sees the host's ctr in /proc/PID/exe).
 * Where a helper writes the bytes while ctr goes on, the plan has a memfd of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_error;
struct ctr_plan_header;

struct ctr_image {
	int exec_fd; /* to execute */
	int plan_fd; /* to map; may be the same descriptor */
	size_t plan_offset;
};

#define CTR_IMAGE_INIT                                                                             \
	{                                                                                          \
		.exec_fd = -1, .plan_fd = -1                                                       \
	}

/* Make both, CLOEXEC. 0, or -1 and @err. @program: what ctr_image_program() returned, taken over,
 * or -1. @concealed: who has no capability over the file's ids may execute it and not read it, so
 * the kernel lets nobody look into the process who has none there (mm->user_ns), nor does
 * the caller without CAP_SYS_PTRACE. Where executable memfds are forbidden, exec_fd is a read-only
 * detached mount of the installed ctr-init, which anybody can read. */
int ctr_image_make(struct ctr_image *out, const struct ctr_plan_header *plan, int program,
		   bool concealed, struct ctr_error *err);

/* ctr-init's bytes alone, sealed, CLOEXEC, to execute; -1: this kernel cannot, which
 * ctr_image_make() gets by. Makes raw system calls only: a process that shares memory may call it.
 */
int ctr_image_program(void);
void ctr_image_close(struct ctr_image *image);
