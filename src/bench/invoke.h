/*
 * The program itself, started again and again: each run of a comparison is what a caller of ctr
 * would do. The process that compares adopts whatever its runs leave behind
 * (PR_SET_CHILD_SUBREAPER), so it sees every process of an instance, its exit status, and the end
 * of all of them.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_context;
struct ctr_error;

struct ctr_bench {
	const struct ctr_context *context;
	const char *dir;    /* temporary (scratch.h): configurations, pid files */
	const char *token;  /* its name, and a part of the ids */
	int lock;           /* on it */
	const char *bundle; /* absolute */
	const char *config; /* of the runs whose time is taken */
	const char *idle;   /* of instances that do nothing */
	bool echo;          /* an idle instance returns what it reads */
	bool kill_at_first; /* the workload does not end by itself */
	int64_t timeout;    /* of one step, ns */
	int64_t settle;     /* before memory is looked at, ns */
	int signals;        /* signalfd: SIGCHLD wakes, all others interrupt */
	int null;           /* /dev/null */
	unsigned serial;    /* of the next instance */
	bool interrupted;   /* a signal has asked for an end */
};

/* Told before each step: @phase is the same for many of them, @what (may be NULL) is this one,
 * @done of @all (0: nobody knows) are behind it. */
typedef void (*ctr_progress_fn)(void *data, const char *phase, const char *what, size_t done,
				size_t all);

/* What the ids of instances begin with; the token follows. */
#define CTR_BENCH_ID "compare-"

/* Make the temporary directory, adopt orphans, take over signals, and take away what comparisons
 * that were killed have left. 0, or -1 and @err. */
int ctr_bench_begin(struct ctr_bench *bench, struct ctr_error *err);
/* Remove the directory. */
void ctr_bench_end(struct ctr_bench *bench);

/* CLOCK_MONOTONIC, ns. */
int64_t ctr_now(void);

/* Start `ctr WORDS...` with standard streams @in and @out (errors, too), in a process group of its
 * own: what a terminal sends is for us, and must not end a `delete`. 0 or -errno. */
int ctr_invoke(const struct ctr_bench *bench, const char *const *words, int in, int out,
	       pid_t *pid);

/* poll(2) until @deadline; the last of the @n descriptors is the caller's room for the signals.
 * The number of those ready, 0 when the time is over, or -errno (-EINTR: told to stop). */
int ctr_bench_poll(struct ctr_bench *bench, struct pollfd *fds, nfds_t n, int64_t deadline);

/* Wait for the end of child @pid. 0, or -errno (-ETIMEDOUT, -EINTR). */
int ctr_bench_wait(struct ctr_bench *bench, pid_t pid, int64_t deadline, int *status);
/* End and reap it: one that goes on would make what `delete --force` has not found. */
void ctr_bench_drop(pid_t pid);
/* Start, wait, keep the first @size - 1 bytes of what it says. Its exit status (128+n for a
 * signal), or -errno. */
int ctr_bench_call(struct ctr_bench *bench, const char *const *words, char *text, size_t size);
/* Delete container @id, whatever it does and whoever wants an end meanwhile. As ctr_bench_call().
 */
int ctr_bench_wipe(struct ctr_bench *bench, const char *id);
/* Wait until there is no child any more. 0, or -errno. */
int ctr_bench_wait_all(struct ctr_bench *bench, int64_t deadline);
/* Kill and reap every child that is left. How many there were. */
size_t ctr_bench_kill_all(struct ctr_bench *bench);
