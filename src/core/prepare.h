/* What the parent does to the child from outside (struct ctr_actions), and to itself before. */
#pragma once

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_actions;
struct ctr_error;
struct ctr_io_priority;
struct ctr_rlimit;

/* Log what is carried out in part only. */
void ctr_prepare_warn(const struct ctr_actions *actions);

/* process.execCPUAffinity.initial: of this process, so that the child is born with it. */
int ctr_prepare_affinity(const struct ctr_actions *actions, struct ctr_error *err);

/* The owner of our standard streams, which are its own; OOM score, scheduler, I/O priority, CPU
 * affinity (execCPUAffinity.final, or all that the cpuset allows) of @pid: as soon as it is there.
 */
int ctr_prepare_process(const struct ctr_actions *actions, pid_t pid, struct ctr_error *err);

/* The last of them alone; NULL: none. 0, or -1 and @err. */
int ctr_prepare_io_priority(const struct ctr_io_priority *priority, pid_t pid,
			    struct ctr_error *err);

/* The error for process.rlimits[@index], which could not be set by errno @error. -1. */
int ctr_prepare_rlimit_fail(const struct ctr_rlimit *rlimit, size_t index, int error,
			    struct ctr_error *err);

/* Resource limits of @pid, from outside: of a child that waits in its new user namespace. */
int ctr_prepare_rlimits(const struct ctr_actions *actions, pid_t pid, struct ctr_error *err);

/* Block signals, so that no half-made container is left by Ctrl-C: what comes meanwhile takes
 * effect at the restore, or is forwarded by ctr_wait(). SIGKILL leaves what `ctr delete --force`
 * cleans. */
void ctr_prepare_block_signals(sigset_t *old);
/* Undo that. What our own writing has raised (SIGPIPE) is dropped. */
void ctr_prepare_restore_signals(const sigset_t *old);

/* Are descriptors 3 .. 3+n-1 open, LISTEN_FDS of them first? Of the others some may be closed where
 * the last is open, as with Podman's --preserve-fd. *@n becomes the sum of @preserve and the
 * LISTEN_FDS meant for this process; *@listen is the latter, *@names are theirs (NULL: none). 0, or
 * -1 and @err. */
int ctr_prepare_fds(uint32_t preserve, uint32_t *n, uint32_t *listen, const char **names,
		    struct ctr_error *err);
