/*
 * Starts what bench/run measures: a small static process, because a child's peak resident set
 * begins with its parent's (execve(2) keeps the high-water mark), and python's would hide a
 * runtime's. It reads one request a line from standard input, words separated by tabs, and answers
 * each with one line on standard output.
 *
 *   run WORD...        execute, wait; answers "STATUS NS RSS_KIB MINFLT MAJFLT UTIME_US STIME_US"
 *   many N WORD...     the same N times at once, {} in a word is the number 0..N-1; answers
 *                      "FAILURES NS"
 *   reap MS            wait until no orphan is left, for at most MS milliseconds; answers
 *                      "PROCESSES", those reaped
 *
 * NS is the time from before the clone until the process is reaped. As a child subreaper it
 * inherits what a detached container leaves: `reap` is how bench/run knows that it has ended.
 * Standard input and output of what it starts are /dev/null; standard error is its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16384, WORDS_MAX = 256, WORD_MAX_BYTES = 512, MANY_MAX = 4096 };

static char line[LINE_MAX_BYTES];
static posix_spawn_file_actions_t actions;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "spawn: %s: %s\n", what, strerror(errno));
	exit(99);
}

static pid_t spawn(char **argv)
{
	pid_t pid;
	int r = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);

	if (r == 0)
		return pid;
	errno = r;
	die(argv[0]);
}

static long microseconds(const struct timeval *time)
{
	return time->tv_sec * 1000000L + time->tv_usec;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run(char **argv)
{
	struct rusage usage;
	int status;
	int64_t start = now();
	pid_t pid = spawn(argv);

	while (wait4(pid, &status, 0, &usage) < 0) {
		if (errno != EINTR)
			die("wait4");
	}
	printf("%d %lld %ld %ld %ld %ld %ld\n", exit_status(status), (long long)(now() - start),
	       usage.ru_maxrss, usage.ru_minflt, usage.ru_majflt, microseconds(&usage.ru_utime),
	       microseconds(&usage.ru_stime));
}

/* @word with @number in the place of {}. */
static void number_word(char *out, const char *word, int number)
{
	const char *hole = strstr(word, "{}");

	if (hole)
		snprintf(out, WORD_MAX_BYTES, "%.*s%d%s", (int)(hole - word), word, number,
			 hole + 2);
	else
		snprintf(out, WORD_MAX_BYTES, "%s", word);
}

static void many(int n, char **argv)
{
	static char words[WORDS_MAX][WORD_MAX_BYTES];
	static pid_t pids[MANY_MAX];
	char *numbered[WORDS_MAX + 1] = { NULL };
	int failures = 0;
	int64_t start;

	if (n < 0 || n > MANY_MAX)
		n = MANY_MAX;
	start = now();
	for (int i = 0; i < n; i++) {
		for (int word = 0; argv[word]; word++) {
			number_word(words[word], argv[word], i);
			numbered[word] = words[word];
		}
		pids[i] = spawn(numbered);
	}
	for (int i = 0; i < n; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) < 0 || status != 0)
			failures++;
	}
	printf("%d %lld\n", failures, (long long)(now() - start));
}

static void reap(int milliseconds)
{
	int64_t end = now() + milliseconds * INT64_C(1000000);
	int processes = 0;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0) {
			processes++;
		} else if (pid == 0 && now() < end) {
			poll(NULL, 0, 1);
		} else {
			break;
		}
	}
	printf("%d\n", processes);
}

int main(int argc, char **argv)
{
	const struct sched_param priority = { .sched_priority = 1 };
	char *words[WORDS_MAX + 1];

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die("prctl");
	if (argc > 1 && strcmp(argv[1], "fifo") == 0 &&
	    sched_setscheduler(0, SCHED_FIFO, &priority) < 0)
		die("sched_setscheduler");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);

	while (fgets(line, sizeof(line), stdin)) {
		int n = 0;

		line[strcspn(line, "\n")] = '\0';
		for (char *word = strtok(line, "\t"); word && n < WORDS_MAX;
		     word = strtok(NULL, "\t"))
			words[n++] = word;
		words[n] = NULL;

		if (n >= 2 && strcmp(words[0], "run") == 0)
			run(words + 1);
		else if (n >= 3 && strcmp(words[0], "many") == 0)
			many(atoi(words[1]), words + 2);
		else if (n == 2 && strcmp(words[0], "reap") == 0)
			reap(atoi(words[1]));
		else
			die("what is asked");
		fflush(stdout);
	}
	return 0;
}
