/* create, start, wait, delete: the four steps of an engine, with a clock beside them. */
#include "bench/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/strerror.h"
#include "core/context.h"
#include "vm/backend.h"

enum { SAID_MAX = 1024 };

/* The end of what a failed step has said, as one line. */
static const char *reason(struct ctr_arena *arena, const char *step, int status, int output)
{
	char text[SAID_MAX] = "";
	ssize_t n = output < 0 ? 0 : read(output, text, sizeof(text) - 1);
	size_t len = n > 0 ? (size_t)n : 0;

	text[len] = '\0';
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = ' ';
	if (status == -ETIMEDOUT)
		return ctr_arena_printf(arena, "%s: no end within the time (--timeout)", step);
	if (status == -EINTR)
		return ctr_arena_printf(arena, "%s: interrupted", step);
	if (status < 0)
		return ctr_arena_printf(arena, "%s: %s", step, ctr_strerror(-status));
	if (len == 0)
		return ctr_arena_printf(arena, "%s: exit status %d", step, status);
	return ctr_arena_strdup(arena, text);
}

static void set_up(struct ctr_bench *bench, struct ctr_instance *instance)
{
	*instance = (struct ctr_instance){ .pidfd = -1, .in = -1, .out = -1 };
	(void)snprintf(instance->id, sizeof(instance->id), CTR_BENCH_ID "%s-%d-%u", bench->token,
		       (int)getpid(), bench->serial++);
}

static void close_all(struct ctr_instance *instance)
{
	int *const fds[] = { &instance->pidfd, &instance->in, &instance->out };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
		*fds[i] = -1;
	}
}

/* The container kind is asked for by what every other runtime has as well: nothing. */
static size_t create_words(const struct ctr_bench *bench, const char *kind, const char *config,
			   const char *pid_file, const char *id, const char **words)
{
	size_t n = 0;

	words[n++] = "create";
	if (strcmp(kind, "container") != 0) {
		words[n++] = "--isolation";
		words[n++] = kind;
	}
	words[n++] = "--bundle";
	words[n++] = bench->bundle;
	words[n++] = "--config";
	words[n++] = config;
	words[n++] = "--pid-file";
	words[n++] = pid_file;
	words[n++] = id;
	words[n] = NULL;
	return n;
}

static int read_pid(struct ctr_instance *instance, const char *pid_file)
{
	char text[32];
	uint64_t pid;

	if (ctr_file_read_small(AT_FDCWD, pid_file, text, sizeof(text)) < 0 ||
	    ctr_parse_u64(text, &pid) < 0 || pid == 0 || pid > INT32_MAX)
		return -EINVAL;
	instance->pid = (pid_t)pid;
	instance->pidfd = ctr_pidfd_open(instance->pid);
	return instance->pidfd < 0 ? instance->pidfd : 0;
}

static int step(struct ctr_bench *bench, const char *const *words, int in, int out)
{
	int status = 0, r;
	pid_t pid;

	r = ctr_invoke(bench, words, in, out, &pid);
	if (r < 0)
		return r;
	r = ctr_bench_wait(bench, pid, ctr_now() + bench->timeout, &status);
	if (r < 0) {
		ctr_bench_drop(pid);
		return r;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Our end does not block; that of the instance is as any pipe's. */
static const char *make_pipe(int *out, int *in, int ours)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[ours], F_SETFL, O_NONBLOCK) < 0)
		return ctr_strerror(errno);
	*out = fds[0];
	*in = fds[1];
	return NULL;
}

/* The pipe @out gets what the instance says, and @in (may be -1) is what it reads. */
static const char *create(struct ctr_bench *bench, const char *kind, const char *config, int in,
			  int out, struct ctr_arena *arena, struct ctr_instance *instance)
{
	const char *words[16],
		*pid_file = ctr_arena_printf(arena, "%s/%s", bench->dir, instance->id);
	int r;

	(void)create_words(bench, kind, config, pid_file, instance->id, words);
	r = step(bench, words, in, out);
	if (r != 0) {
		(void)unlink(pid_file);
		return reason(arena, "create", r, instance->out);
	}
	r = read_pid(instance, pid_file);
	(void)unlink(pid_file);
	if (r < 0)
		return ctr_arena_printf(arena, "create: pid file: %s", ctr_strerror(-r));
	return NULL;
}

/* Whatever is left of @instance after a fault. */
static void wipe(struct ctr_bench *bench, struct ctr_instance *instance)
{
	(void)ctr_bench_wipe(bench, instance->id);
	close_all(instance);
}

/* The number behind @word in lines of "WORD NUMBER"; -1: there is none. */
static int64_t number_of(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0 && line[len] == ' ')
			return strtoll(line + len + 1, NULL, 10);
	}

	return -1;
}

void ctr_instance_boot(const char *text, int64_t begun, struct ctr_sample *sample)
{
	int64_t began = number_of(text, "began"), hello = number_of(text, "hello");
	int64_t uptime = number_of(text, "uptime"), init = number_of(text, "init");

	/* The last two are what a guest says. */
	if (began < begun || hello < began || uptime < 0 || uptime > hello - began || init < 0 ||
	    init > uptime)
		return;
	sample->vmm = began - begun;
	sample->hello = hello - begun;
	sample->kernel = sample->hello - uptime;
	sample->init = sample->hello - init;
}

static void read_boot(const struct ctr_bench *bench, const struct ctr_instance *instance,
		      int64_t begun, struct ctr_sample *sample)
{
	char path[4096], text[512];

	(void)snprintf(path, sizeof(path), "%s/%s/" CTR_MACHINE_BOOT, bench->context->root,
		       instance->id);
	if (ctr_file_read_small(AT_FDCWD, path, text, sizeof(text)) > 0)
		ctr_instance_boot(text, begun, sample);
}

/* ---- a run */

/* Read what is there. False: nobody has the other end any more. */
static bool drain(int fd)
{
	char text[4096];
	ssize_t n;

	do {
		n = read(fd, text, sizeof(text));
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 && errno == EAGAIN;
}

/* From `start` to the workload's end. 0 or -errno. */
static int watch(struct ctr_bench *bench, struct ctr_instance *instance, int64_t begun,
		 struct ctr_sample *sample)
{
	int64_t deadline = ctr_now() + bench->timeout;
	const char *const kill_words[] = { "kill", instance->id, "KILL", NULL };
	char said[SAID_MAX];
	enum { OUTPUT, END, SIGNALS, COUNT };

	while (sample->exited < 0) {
		struct pollfd fds[COUNT] = {
			{.fd = instance->out,    .events = POLLIN},
			{ .fd = instance->pidfd, .events = POLLIN}
		};
		int r = ctr_bench_poll(bench, fds, COUNT, deadline);
		int64_t now = ctr_now() - begun;

		if (r <= 0)
			return r < 0 ? r : -ETIMEDOUT;
		if (fds[OUTPUT].revents & POLLIN && sample->first < 0) {
			sample->first = now;
			if (bench->kill_at_first)
				(void)ctr_bench_call(bench, kill_words, said, sizeof(said));
		}
		if (fds[OUTPUT].revents && !drain(instance->out)) {
			(void)close(instance->out);
			instance->out = -1;
		}
		if (fds[END].revents)
			sample->exited = now;
	}

	return 0;
}

static int take_status(struct ctr_instance *instance, struct ctr_sample *sample)
{
	int status;

	while (waitpid(instance->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	sample->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

static const char *start(struct ctr_bench *bench, struct ctr_instance *instance, int64_t begun,
			 int out, struct ctr_arena *arena, struct ctr_sample *sample)
{
	const char *const words[] = { "start", instance->id, NULL };
	int status = 0, r;
	pid_t pid;

	/* The workload may be done before `start` is: both are waited for at once. */
	r = ctr_invoke(bench, words, bench->null, out, &pid);
	if (r < 0)
		return reason(arena, "start", r, -1);
	r = watch(bench, instance, begun, sample);
	if (r == 0)
		r = ctr_bench_wait(bench, pid, ctr_now() + bench->timeout, &status);
	if (r < 0) {
		ctr_bench_drop(pid);
		return reason(arena, "start", r, -1);
	}
	if (status != 0)
		return ctr_arena_printf(arena, "start: exit status %d",
					WIFEXITED(status) ? WEXITSTATUS(status) : 128);

	r = take_status(instance, sample);
	return r < 0 ? reason(arena, "wait", r, -1) : NULL;
}

static const char *finish(struct ctr_bench *bench, struct ctr_instance *instance, int64_t begun,
			  struct ctr_arena *arena, struct ctr_sample *sample)
{
	const char *const words[] = { "delete", instance->id, NULL };
	char said[SAID_MAX];
	int r;

	r = ctr_bench_call(bench, words, said, sizeof(said));
	if (r != 0)
		return r > 0 && said[0] ? ctr_arena_strdup(arena, said)
					: reason(arena, "delete", r, -1);
	r = ctr_bench_wait_all(bench, ctr_now() + bench->timeout);
	if (r == -ETIMEDOUT)
		return "delete: processes are left";
	if (r < 0)
		return reason(arena, "delete", r, -1);

	sample->gone = ctr_now() - begun;
	return NULL;
}

void ctr_instance_run(struct ctr_bench *bench, const char *kind, struct ctr_arena *arena,
		      int64_t begun, struct ctr_sample *sample)
{
	struct ctr_instance instance;
	int out = -1;

	set_up(bench, &instance);
	sample->created = sample->first = sample->exited = sample->gone = sample->status = -1;
	sample->error = make_pipe(&instance.out, &out, 0);
	if (begun == 0)
		begun = ctr_now();
	if (!sample->error)
		sample->error =
			create(bench, kind, bench->config, bench->null, out, arena, &instance);
	sample->created = ctr_now() - begun;
	if (!sample->error)
		read_boot(bench, &instance, begun, sample);
	if (!sample->error)
		sample->error = start(bench, &instance, begun, out, arena, sample);
	if (!sample->error)
		sample->error = finish(bench, &instance, begun, arena, sample);

	if (out >= 0)
		(void)close(out);
	if (sample->error) {
		wipe(bench, &instance);
		(void)ctr_bench_kill_all(bench);
	}
	close_all(&instance);
}

/* ---- an instance that does nothing */

const char *ctr_instance_idle(struct ctr_bench *bench, const char *kind, struct ctr_arena *arena,
			      struct ctr_instance *instance)
{
	const char *words[] = { "start", instance->id, NULL }, *error;
	int in = -1, out = -1, r;

	set_up(bench, instance);
	error = make_pipe(&instance->out, &out, 0);
	if (!error)
		error = make_pipe(&in, &instance->in, 1);
	if (!error)
		error = create(bench, kind, bench->idle, in, out, arena, instance);
	if (!error) {
		r = step(bench, words, bench->null, out);
		if (r != 0)
			error = reason(arena, "start", r, instance->out);
	}

	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	if (error)
		wipe(bench, instance);
	return error;
}

/* Send a line, get it back: all between this process and the workload works. */
static bool echoes(struct ctr_bench *bench, const struct ctr_instance *instance)
{
	int64_t deadline = ctr_now() + bench->timeout;
	char line[32], text[sizeof(line)];
	size_t len, got = 0;

	len = (size_t)snprintf(line, sizeof(line), "alive %x\n", (unsigned)ctr_now());
	if (write(instance->in, line, len) != (ssize_t)len)
		return false;
	while (got < len) {
		struct pollfd fds[2] = {
			{.fd = instance->out, .events = POLLIN}
		};
		ssize_t n;

		if (ctr_bench_poll(bench, fds, 2, deadline) <= 0)
			return false;
		if (!fds[0].revents)
			continue;
		n = read(instance->out, text + got, len - got);
		if (n <= 0)
			return false;
		got += (size_t)n;
	}

	return memcmp(text, line, len) == 0;
}

bool ctr_instance_alive(struct ctr_bench *bench, const struct ctr_instance *instance)
{
	const char *const words[] = { "state", instance->id, NULL };
	struct pollfd end = { .fd = instance->pidfd, .events = POLLIN };
	char said[SAID_MAX];

	if (poll(&end, 1, 0) != 0)
		return false;
	if (bench->echo)
		return echoes(bench, instance);

	(void)drain(instance->out);
	return ctr_bench_call(bench, words, said, sizeof(said)) == 0 && strstr(said, "\"running\"");
}

void ctr_instance_end(struct ctr_bench *bench, struct ctr_instance *instance)
{
	wipe(bench, instance);
}
