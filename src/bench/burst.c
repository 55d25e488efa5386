/*
 * Each start has a process that asks for it, as each has in an engine: their waiting for each other
 * is what is measured. They are there and wait at a pipe before the moment that all times are
 * counted from, so one that gets a processor late has no better time for it.
 */
#include "bench/burst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/strerror.h"
#include "bench/instance.h"

enum { ERROR_MAX = 1024, STEPS = 8 };

/* What such a process says; less than PIPE_BUF, so that nobody else's comes between. */
struct word {
	size_t which;
	bool ready; /* it waits at the gate: nothing else is said */
	bool failed;
	struct ctr_sample sample;
	char error[ERROR_MAX];
};

static void say(int out, const struct word *word)
{
	(void)ctr_write_all(out, word, sizeof(*word));
}

/* In a process of its own. */
static void work(struct ctr_bench *bench, const char *kind, struct ctr_arena *arena, size_t which,
		 int gate, int out)
{
	struct word word = { .which = which, .ready = true };
	int64_t begun;

	/* The orphans of its run are its own, and an end of who measures is the end of it. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	say(out, &word);
	/* One number for each of us; there is none if the burst does not take place. */
	if (read(gate, &begun, sizeof(begun)) != (ssize_t)sizeof(begun))
		return;

	word.ready = false;
	ctr_instance_run(bench, kind, arena, begun, &word.sample);
	word.failed = word.sample.error != NULL;
	if (word.failed)
		(void)snprintf(word.error, sizeof(word.error), "%s", word.sample.error);
	word.sample.error = NULL;
	say(out, &word);
}

struct burst {
	struct ctr_bench *bench;
	struct ctr_burst *result;
	struct ctr_arena *arena;
	pid_t *pids;
	size_t n;
	int words; /* where they say something */
};

/* 0 or -errno. */
static int make_workers(struct burst *burst, const char *kind, int gate, int gate_write, int out)
{
	for (; burst->n < burst->result->n; burst->n++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0) {
			(void)close(gate_write);
			(void)close(burst->words);
			work(burst->bench, kind, burst->arena, burst->n, gate, out);
			_exit(0);
		}
		burst->pids[burst->n] = pid;
	}

	return 0;
}

/* Take what they say until each has said one such word. 0 or -errno. */
static int listen_to(struct burst *burst, bool ready)
{
	/* Each step of a run has a limit of its own: this is for one that was killed. */
	int64_t deadline = ctr_now() + STEPS * burst->bench->timeout;

	for (size_t heard = 0; heard < burst->n;) {
		struct pollfd fds[2] = {
			{.fd = burst->words, .events = POLLIN}
		};
		struct word word;
		ssize_t got;
		int r = ctr_bench_poll(burst->bench, fds, 2, deadline);

		if (r <= 0)
			return r < 0 ? r : -ETIMEDOUT;
		if (!fds[0].revents)
			continue;
		got = read(burst->words, &word, sizeof(word));
		if (got != (ssize_t)sizeof(word) || word.which >= burst->n || word.ready != ready)
			return -EIO;
		heard++;
		if (ready)
			continue;
		word.error[sizeof(word.error) - 1] = '\0';
		word.sample.error = word.failed ? ctr_arena_strdup(burst->arena, word.error) : NULL;
		burst->result->samples[word.which] = word.sample;
	}

	return 0;
}

/* 0 or -errno. */
static int open_gate(int gate_write, size_t n, struct ctr_arena *arena)
{
	int64_t now, *all = ctr_arena_array(arena, n, sizeof(*all));

	now = ctr_now();
	for (size_t i = 0; i < n; i++)
		all[i] = now;
	return ctr_write_all(gate_write, all, n * sizeof(*all));
}

static int run(struct burst *burst, const char *kind)
{
	_cleanup_close_ int gate = -1, gate_write = -1, words = -1;
	int fds[2], out, r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	gate = fds[0];
	gate_write = fds[1];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	burst->words = words = fds[0];
	out = fds[1];

	r = make_workers(burst, kind, gate, gate_write, out);
	/* When none of them is left, the pipe ends. */
	(void)close(out);
	if (r == 0)
		r = listen_to(burst, true);
	if (r == 0)
		r = open_gate(gate_write, burst->n, burst->arena);
	if (r == 0)
		r = listen_to(burst, false);
	return r;
}

void ctr_burst_run(struct ctr_bench *bench, const char *kind, struct ctr_arena *arena,
		   struct ctr_burst *burst)
{
	struct burst all = { .bench = bench, .result = burst, .arena = arena };
	int r;

	all.pids = ctr_arena_array(arena, burst->n, sizeof(*all.pids));
	burst->samples = ctr_arena_array(arena, burst->n, sizeof(*burst->samples));
	for (size_t i = 0; i < burst->n; i++)
		burst->samples[i] = (struct ctr_sample){
			.created = -1, .first = -1, .exited = -1, .gone = -1, .status = -1
		};
	r = run(&all, kind);
	if (r < 0) {
		burst->error = ctr_arena_printf(arena, "%zu at once: %s", burst->n,
						r == -EINTR ? "interrupted" : ctr_strerror(-r));
		/* Each cleans up what it has begun. */
		for (size_t i = 0; i < all.n; i++)
			(void)kill(all.pids[i], SIGTERM);
	}
	if (ctr_bench_wait_all(bench, ctr_now() + bench->timeout) < 0)
		(void)ctr_bench_kill_all(bench);
	for (size_t i = 0; i < burst->n; i++) {
		struct ctr_sample *sample = &burst->samples[i];

		sample->block = burst->block;
		sample->place = burst->place;
		if (sample->error && !burst->error)
			burst->error = sample->error;
	}
}
