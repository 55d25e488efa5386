/* ctr-criu is started, and its messages are served until the last one. */
#include "criu/call.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/helper.h"
#include "base/names.h"
#include "base/run.h"
#include "base/signals.h"
#include "base/stall.h"
#include "criu/options.h"
#include "oci/spec.h"
#include "state/dir.h"

enum { MESSAGE_MAX = 4096, FIXED_ARGS = 19, CHILDREN_MAX = 1 << 20, LOOK_MS = 100 };
enum { DUMP_WAIT_MS = 60000, ROUND_MS = 10 };
enum { CANCELLED = CTR_CRIU_REFUSED - 1, CALLED_OFF = CANCELLED - 1 };

/* One call, as it goes. */
struct session {
	const struct ctr_criu_call *call;
	int sock, signals;
	const char *others; /* children that are not CRIU's */
	struct ctr_arena *arena;
};

static const char *list_trees(const struct ctr_criu_call *call, struct ctr_arena *arena)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	for (size_t i = 0; i < call->ntrees; i++)
		ctr_buf_addf(&buf, "%d,", call->trees[i]);
	return ctr_buf_str(&buf);
}

static int start(const struct ctr_criu_call *call, int sock, pid_t *pid, struct ctr_arena *arena,
		 struct ctr_error *err)
{
	const char **argv =
		ctr_arena_array(arena, call->options->count + FIXED_ARGS + 1, sizeof(*argv));
	int *fds = ctr_arena_array(arena, call->nfds + call->ntrees + 2, sizeof(*fds));
	size_t n = 0, nfds = 0;
	int r;

	argv[n++] = ctr_helper_path(CTR_HELPER_CRIU, arena);
	argv[n++] = ctr_arena_printf(arena, "%d", sock);
	if (call->root) {
		argv[n++] = "--root";
		argv[n++] = call->root;
	}
	if (call->ntrees > 0) {
		argv[n++] = "--trees";
		argv[n++] = call->cover;
		argv[n++] = list_trees(call, arena);
	}
	if (call->cgroupns > 0) {
		argv[n++] = "--cgroupns";
		argv[n++] = ctr_arena_printf(arena, "%d", call->cgroupns);
	}
	if (call->keyring) {
		argv[n++] = "--keyring";
		argv[n++] = call->keyring;
		argv[n++] = ctr_arena_printf(arena, "%u", (unsigned)call->keyring_uid);
		argv[n++] = ctr_arena_printf(arena, "%u", (unsigned)call->keyring_gid);
	}
	if (call->personality) {
		argv[n++] = "--personality";
		argv[n++] = ctr_arena_printf(arena, "%u", call->personality->domain);
	}
	if (call->memory_policy) {
		argv[n++] = "--memory-policy";
		argv[n++] = ctr_arena_printf(
			arena, "%u", call->memory_policy->mode | call->memory_policy->flags);
		argv[n++] = call->memory_policy->nodes ? call->memory_policy->nodes : "";
	}
	argv[n++] = call->request;
	for (size_t i = 0; i < call->options->count; i++)
		argv[n++] = call->options->items[i];

	for (size_t i = 0; i < call->nfds; i++)
		fds[nfds++] = call->fds[i];
	for (size_t i = 0; i < call->ntrees; i++)
		fds[nfds++] = call->trees[i];
	if (call->cgroupns > 0)
		fds[nfds++] = call->cgroupns;
	fds[nfds++] = sock;

	r = ctr_run_spawn(argv, fds, nfds, pid);
	return r < 0 ? ctr_helper_fail(CTR_HELPER_CRIU, argv[0], -r, err) : 0;
}

static enum ctr_criu_point point_of(const char *word)
{
	static const struct ctr_name points[] = {
		{"start",              CTR_CRIU_START            },
		{ "post-dump",         CTR_CRIU_POST_DUMP        },
		{ "orphan-pts-master", CTR_CRIU_ORPHAN_PTS_MASTER},
		{ "setup-namespaces",  CTR_CRIU_SETUP_NAMESPACES },
		{ "post-restore",      CTR_CRIU_POST_RESTORE     },
		{ NULL,                0                         },
	};
	const struct ctr_name *known = ctr_name_find(points, word, strlen(word));

	return known ? (enum ctr_criu_point)known->value : CTR_CRIU_OTHER;
}

/* ---- children */

/* A list of numbers, each with a blank behind it. NULL: the kernel does not tell. */
static const char *children(struct ctr_arena *arena)
{
	static const char path[] = "/proc/thread-self/children";
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *text = NULL;

	if (fd >= 0)
		text = ctr_file_read_fd(arena, fd, path, CHILDREN_MAX, NULL, NULL);
	return text;
}

/* Is the number in such a list? */
static bool is_listed(const char *list, const char *pid, struct ctr_arena *arena)
{
	return strstr(ctr_arena_printf(arena, " %s", list), ctr_arena_printf(arena, " %s ", pid)) !=
	       NULL;
}

/* What a callee has left behind (a hook's daemon, where ctr is who orphans come to) is not CRIU's,
 * which waited meanwhile: it joins @others. */
static void spare(const char **others, const char *before, struct ctr_arena *arena)
{
	const char *now = children(arena);
	char *rest = NULL, *list;

	if (!*others || !before || !now)
		return;
	list = ctr_arena_strdup(arena, now);
	for (char *pid = strtok_r(list, " ", &rest); pid; pid = strtok_r(NULL, " ", &rest))
		if (!is_listed(before, pid, arena))
			*others = ctr_arena_printf(arena, "%s%s ", *others, pid);
}

/* Those that are not among @others; how many there were. */
static size_t end_some(const char *others, struct ctr_arena *arena)
{
	const char *now = children(arena);
	char *rest = NULL, *list = ctr_arena_strdup(arena, now ? now : "");
	size_t n = 0;

	for (char *pid = strtok_r(list, " ", &rest); pid; pid = strtok_r(NULL, " ", &rest)) {
		int status;

		if (is_listed(others, pid, arena))
			continue;
		(void)kill(atoi(pid), SIGKILL);
		(void)ctr_run_wait(atoi(pid), &status);
		n++;
	}
	return n;
}

/* CRIU, and what it was about to restore: who was killed could not end them. Until it has ended it
 * may make more of them. */
static void end_children(const char *others, struct ctr_arena *arena)
{
	while (others && end_some(others, arena) > 0)
		;
}

/* One round of it: whether any is left. */
static bool fail_some(const struct session *session)
{
	const char *now = children(session->arena);
	char *rest = NULL, *list = ctr_arena_strdup(session->arena, now ? now : "");
	bool left = false;

	for (char *pid = strtok_r(list, " ", &rest); pid; pid = strtok_r(NULL, " ", &rest)) {
		int status;

		if (is_listed(session->others, pid, session->arena))
			continue;
		ctr_stall_end(atoi(pid));
		left |= waitpid(atoi(pid), &status, WNOHANG) == 0;
	}
	return left;
}

/* A CRIU whose ctr-criu was killed fails when it wants to tell of something, and lets the container
 * go on. */
static void await_children(const struct session *session)
{
	const struct timespec pause = { .tv_nsec = ROUND_MS * 1000000L };

	for (int waited = 0; session->others && waited < DUMP_WAIT_MS && fail_some(session);
	     waited += ROUND_MS) {
		if (ctr_state_is_ending(session->call->dir))
			break;
		nanosleep(&pause, NULL);
	}
}

/* ---- messages */

/* "notify POINT PID" */
static int serve_notify(struct session *session, char *text, int fd, struct ctr_error *err)
{
	const struct ctr_criu_call *call = session->call;
	const char *before = children(session->arena);
	char *pid = strchr(text, ' ');
	char answer = '1';

	if (pid)
		*pid++ = '\0';
	if (call->notify) {
		if (call->notify(call->data, point_of(text), pid ? atoi(pid) : 0, fd, err) < 0)
			answer = '0';
	} else if (fd >= 0) {
		close(fd);
	}
	spare(&session->others, before, session->arena);
	(void)send(session->sock, &answer, 1, MSG_NOSIGNAL);
	return answer == '1' ? 0 : -1;
}

/* Until there is a message (0). It may never come, so whoever ends us or deletes the container is
 * looked for. CALLED_OFF: there will be one, when CRIU has undone its work. */
static int await(const struct session *session, struct ctr_error *err)
{
	struct pollfd fds[] = {
		{.fd = session->sock,     .events = POLLIN},
		{ .fd = session->signals, .events = POLLIN},
	};
	struct signalfd_siginfo info;

	while (poll(fds, 2, LOOK_MS) <= 0 || !fds[0].revents) {
		if (fds[1].revents &&
		    read(session->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
			(void)ctr_fail(err, CTR_FAULT_HOST, 0, "ended by signal %u",
				       info.ssi_signo);
			return session->call->dumps ? CALLED_OFF : CANCELLED;
		}
		if (ctr_state_is_ending(session->call->dir)) {
			(void)ctr_fail(err, CTR_FAULT_HOST, 0,
				       "the container was deleted meanwhile");
			return CANCELLED;
		}
	}
	return 0;
}

/* CRIU's log does not know why. */
static int abandoned(struct ctr_error *err)
{
	(void)ctr_fail(err, CTR_FAULT_HOST, 0, "ctr-criu has ended without an answer");
	return CTR_CRIU_REFUSED;
}

static int serve(struct session *session, int *result, struct ctr_error *err)
{
	char text[MESSAGE_MAX + 1];
	struct ctr_error other; /* what is said after the first one does not count */
	bool given_up = false;

	for (;;) {
		int fd = -1;
		size_t nfds = 1;
		ssize_t n;

		switch (await(session, given_up ? &other : err)) {
		case CANCELLED:
			return CANCELLED;
		case CALLED_OFF:
			(void)shutdown(session->sock, SHUT_WR); /* for ctr-criu to see */
			given_up = true;
			continue;
		}
		n = ctr_recv_fds(session->sock, text, MESSAGE_MAX, &fd, &nfds);
		if (n <= 0)
			return abandoned(given_up ? &other : err);
		while (n > 0 && text[n - 1] == '\n') /* CRIU's own words */
			n--;
		text[n] = '\0';
		if (strncmp(text, "notify ", 7) == 0) {
			if (serve_notify(session, text + 7, nfds == 1 ? fd : -1,
					 given_up ? &other : err) < 0)
				given_up = true;
		} else if (strncmp(text, "done ", 5) == 0) {
			*result = atoi(text + 5);
			/* A dump that is done cannot be called off: the processes have ended. */
			return given_up && !session->call->dumps ? CTR_CRIU_REFUSED : 0;
		} else if (strncmp(text, "failed ", 7) == 0) {
			char *rest = NULL;
			long error = strtol(text + 7, &rest, 10);

			/* What we refused CRIU tells of in other words. */
			return given_up ? CTR_CRIU_REFUSED
					: ctr_fail(err, CTR_FAULT_HOST, (int)error, "CRIU%s%s",
						   *rest == ' ' && rest[1] ? ": " : "",
						   *rest == ' ' ? rest + 1 : "");
		}
	}
}

int ctr_criu_call(const struct ctr_criu_call *call, int *result, struct ctr_arena *arena,
		  struct ctr_error *err)
{
	_cleanup_close_ int ours = -1, theirs = -1, signals = -1;
	struct session session = { .call = call, .others = children(arena), .arena = arena };
	int pair[2], status, r;
	pid_t pid = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a socket pair");
	ours = pair[0];
	theirs = pair[1];

	if (start(call, theirs, &pid, arena, err) < 0)
		return -1;
	close(ctr_take_fd(&theirs));

	session.sock = ours;
	session.signals = signals = ctr_signals_open();
	r = serve(&session, result, err);
	close(ctr_take_fd(&ours));
	if (r == CANCELLED)
		(void)kill(pid, SIGKILL);
	(void)ctr_run_wait(pid, &status);
	if (r < 0 && call->dumps && r != CANCELLED)
		await_children(&session);
	if (r < 0)
		end_children(session.others, arena);
	return r == CANCELLED ? CTR_CRIU_REFUSED : r;
}
