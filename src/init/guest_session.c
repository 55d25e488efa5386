/*
 * A process in the guest, and what goes between it and the host: its ctr-init's messages, its
 * standard streams or its terminal, its end.
 */
#include "init/guest.h"

#include <asm/ioctls.h>
#include <linux/sched.h>

#include "plan/msg.h"

_Noreturn void apply(struct init *init);

enum { AF_UNIX_ = 1, SOCK_SEQPACKET_ = 5, MSG_DONTWAIT_ = 0x40, CHUNK = CTR_FRAME_DATA_MAX };

struct window {
	uint16_t rows, columns, width, height;
};

struct session *session_find(unsigned id)
{
	for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++)
		if (guest.sessions[i].used && guest.sessions[i].id == (int)id)
			return &guest.sessions[i];
	return NULL;
}

struct session *session_new(unsigned id)
{
	for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++) {
		struct session *session = &guest.sessions[i];

		if (session->used)
			continue;
		*session = (struct session){
			.used = true,
			.id = (int)id,
			.sync = -1,
			.streams = {-1, -1,               -1              },
			.credit = { 0, CTR_FRAME_WINDOW, CTR_FRAME_WINDOW},
		};
		return session;
	}
	return NULL;
}

static void forget(struct session *session)
{
	drop_fd(&session->sync);
	if (session->tty)
		session->streams[CTR_STREAM_IN] = -1;
	for (unsigned i = 0; i < 3; i++)
		drop_fd(&session->streams[i]);
	if (session->input)
		(void)SYS(munmap, session->input, CTR_FRAME_WINDOW);
	/* The file of session 0 lies in memory that is never given back. */
	if (session->begin && session->id != 0)
		(void)SYS(munmap, session->begin, session->begin->size);
	session->used = false;
}

/* ---- its beginning */

/* Tell the parent why there will be no process, as the host's monitor would: @words up to NULL. */
static _Noreturn void give_in(int sync, const char *const *words, long error)
{
	static struct {
		struct ctr_msg head;
		char text[CTR_MSG_TEXT_MAX];
	} message;
	char *at = message.text;

	for (; *words && at; words++)
		at = str_put(at, message.text + sizeof(message.text), *words);
	message.head = (struct ctr_msg){
		.type = CTR_MSG_FAIL,
		.error = (int32_t)-error,
		.detail = CTR_DETAIL_MACHINE,
		.length = (uint32_t)str_length(message.text),
	};
	(void)write_all(sync, &message, sizeof(message.head) + message.head.length);
	sys_exit(125);
}

static const char *in_digits(uint64_t n, char text[24])
{
	(void)str_put_number(text, text + 24, n, 10);
	return text;
}

/* One of those that the plan sets is only raised, as on the host (core/child.c). */
static long set_rlimit(const struct ctr_guest_session *begin, uint32_t i)
{
	const uint64_t resource = begin->rlimits[i].resource;
	struct sys_rlimit limit = { begin->rlimits[i].soft, begin->rlimits[i].hard }, now;

	if (begin->late_rlimits >> resource & 1) {
		if (SYS(prlimit64, 0, resource, NULL, &now) < 0)
			return 0;
		limit.cur = now.cur > limit.cur ? now.cur : limit.cur;
		limit.max = now.max > limit.max ? now.max : limit.max;
	}
	return SYS(prlimit64, 0, resource, &limit, NULL);
}

static void set_rlimits(const struct ctr_guest_session *begin, int sync)
{
	char number[24], soft[24], hard[24];

	for (uint32_t i = 0; i < begin->nrlimits && i < CTR_FRAME_RLIMITS; i++) {
		long r = set_rlimit(begin, i);

		if (r < 0)
			give_in(sync,
				(const char *const[]){
					"process.rlimits[", in_digits(i, number),
					"]: the guest cannot set soft ",
					in_digits(begin->rlimits[i].soft, soft), ", hard ",
					in_digits(begin->rlimits[i].hard, hard), NULL },
				r);
	}
}

static void set_oom_score(const struct ctr_guest_session *begin)
{
	char text[16], *at = text;
	int32_t score = begin->oom_score_adj;
	long fd;

	if (!begin->has_oom_score_adj)
		return;
	if (score < 0)
		at = str_put(at, text + sizeof(text), "-");
	(void)str_put_number(at, text + sizeof(text), (uint64_t)(score < 0 ? -score : score), 10);
	fd = sys_openat(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY, 0);
	if (fd < 0)
		return;
	(void)write_all((int)fd, text, str_length(text));
	(void)sys_close((int)fd);
}

/* In the child: from here on it is a container's first process, or one of exec. */
static _Noreturn void run_child(const struct session *session, int sync, const int streams[3],
				int init_pidfd)
{
	struct init *init = &init_memory.init;
	const uint64_t none = 0;
	uint64_t join = session->begin->namespaces & ~(uint64_t)CLONE_NEWPID;
	long r = 0;

	(void)SYS(rt_sigprocmask, 2, &none, NULL, sizeof(none));
	for (int i = 0; i < 3 && r >= 0; i++)
		r = SYS(dup3, streams[i], i, 0);
	if (r >= 0)
		r = write_all(guest.cgroup, "0", 1);
	set_oom_score(session->begin);
	if (r >= 0 && init_pidfd >= 0 && join)
		r = SYS(setns, init_pidfd, join);
	if (r < 0)
		give_in(sync, (const char *const[]){ "the guest cannot begin a process", NULL }, r);
	/* They may not let it do any of that. */
	set_rlimits(session->begin, sync);

	init->plan = (const struct ctr_plan_header *)(session->begin + 1);
	init->sync = sync;
	apply(init);
}

static bool is_sound(const struct ctr_guest_session *begin, uint32_t size)
{
	const struct ctr_plan_header *plan = (const struct ctr_plan_header *)(begin + 1);

	return size > sizeof(*begin) + sizeof(*plan) && begin->magic == CTR_GUEST_MAGIC &&
	       begin->size == size && plan->magic == CTR_PLAN_MAGIC &&
	       plan->version == CTR_PLAN_VERSION && plan->size <= size - sizeof(*begin);
}

static bool has_terminal(const struct ctr_guest_session *begin)
{
	const struct ctr_plan_header *plan = (const struct ctr_plan_header *)(begin + 1);

	for (uint32_t i = 0; i < plan->nops; i++)
		if (ctr_view_ops(plan)[i].kind == CTR_OP_PTY)
			return true;
	return false;
}

/* @theirs for the child, @session's own for us. With a terminal they are replaced later. */
static long make_streams(struct session *session, int theirs[3])
{
	long r = 0;

	if (session->tty) {
		for (unsigned i = 0; i < 3 && r >= 0; i++)
			r = theirs[i] = (int)sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
		return r;
	}
	for (unsigned i = 0; i < 3 && r >= 0; i++) {
		int pair[2];

		r = SYS(pipe2, pair, O_CLOEXEC);
		if (r < 0)
			break;
		theirs[i] = pair[i == CTR_STREAM_IN ? 0 : 1];
		session->streams[i] = pair[i == CTR_STREAM_IN ? 1 : 0];
		r = SYS(fcntl, session->streams[i], F_SETFL, O_NONBLOCK);
	}
	return r;
}

/* Like fork(2), in new namespaces for the first; in those of the first for others: the PID
 * namespace is entered by us around it. */
static long clone_child(const struct session *session, int init_pidfd)
{
	uint64_t flags = SIGCHLD;
	long r, own = -1;

	if (session->id == 0) {
		flags |= session->begin->namespaces;
	} else if (session->begin->namespaces & CLONE_NEWPID) {
		own = sys_openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY, 0);
		r = own < 0 ? own : SYS(setns, init_pidfd, CLONE_NEWPID);
		if (r < 0)
			return r;
	}
	r = SYS(clone, flags, 0, 0, 0, 0);
	if (r != 0 && own >= 0)
		(void)SYS(setns, own, CLONE_NEWPID);
	if (own >= 0)
		(void)sys_close((int)own);
	return r;
}

long session_start(struct session *session)
{
	const struct session *first = session_find(0);
	int theirs[3] = { -1, -1, -1 }, pair[2] = { -1, -1 }, init_pidfd = -1;
	long r;

	if (!is_sound(session->begin, session->got))
		return -EBADMSG;
	session->tty = has_terminal(session->begin);
	if (session->id != 0) {
		if (!first || first->pid <= 0)
			return -ESRCH;
		r = SYS(pidfd_open, first->pid, 0);
		if (r < 0)
			return r;
		init_pidfd = (int)r;
	}
	r = make_streams(session, theirs);
	if (r >= 0)
		r = SYS(socketpair, AF_UNIX_, SOCK_SEQPACKET_ | SOCK_CLOEXEC_, 0, pair);
	if (r >= 0)
		r = clone_child(session, init_pidfd);
	if (r == 0)
		run_child(session, pair[1], theirs, init_pidfd);

	for (unsigned i = 0; i < 3; i++)
		drop_fd(&theirs[i]);
	drop_fd(&init_pidfd);
	drop_fd(&pair[1]);
	session->sync = pair[0];
	if (r > 0)
		session->pid = (int)r;
	return r;
}

/* What could not even be begun: its end is what the monitor hears. */
static void give_up(struct session *session)
{
	session->exited = true;
	session->status = 125 << 8;
	for (unsigned i = 0; i < 3; i++)
		drop_fd(&session->streams[i]);
	drop_fd(&session->sync);
}

void session_plan(struct session *session, const void *data, uint32_t length)
{
	const struct ctr_guest_session *head = data;
	long memory;

	if (session->pid > 0 || session->exited)
		return;
	if (!session->begin) {
		if (length < sizeof(*head) || head->size > CTR_FRAME_PLAN_MAX ||
		    head->size < sizeof(*head))
			return;
		memory = SYS(mmap, NULL, head->size, PROT_READ_ | PROT_WRITE_,
			     MAP_PRIVATE_ | MAP_ANONYMOUS_, -1, 0);
		if (memory < 0 && memory > -4096)
			return;
		session->begin = (struct ctr_guest_session *)memory;
		session->begin->size = head->size;
	}
	if (length > session->begin->size - session->got)
		return;
	for (uint32_t i = 0; i < length; i++)
		((uint8_t *)session->begin)[session->got + i] = ((const uint8_t *)data)[i];
	session->got += length;
	if (session->got == session->begin->size && session_start(session) < 0)
		give_up(session);
}

/* ---- messages of its ctr-init */

void session_message(struct session *session, const void *data, uint32_t length)
{
	if (session->sync >= 0)
		(void)SYS(sendto, session->sync, data, length, MSG_NOSIGNAL_, NULL, 0);
}

static void take_terminal(struct session *session, int master)
{
	session->streams[CTR_STREAM_IN] = session->streams[CTR_STREAM_OUT] = master;
	(void)SYS(fcntl, master, F_SETFL, O_RDWR | O_NONBLOCK);
}

void session_sync(struct session *session)
{
	static uint8_t data[sizeof(struct ctr_msg) + CTR_MSG_TEXT_MAX];
	struct {
		struct sys_cmsghdr head;
		int fd;
	} control;
	struct sys_iovec iov = { data, sizeof(data) };
	struct sys_msghdr header = { .iov = &iov, .iovlen = 1 };
	long n;

	while (session->sync >= 0) {
		header.control = &control;
		header.controllen = sizeof(control);
		n = SYS(recvmsg, session->sync, &header, MSG_DONTWAIT_ | MSG_CMSG_CLOEXEC_);
		if (n == -EAGAIN || n == -EINTR)
			return;
		/* It ended with a message unread, such as a START that came ahead: told once,
		 * before what it has said. */
		if (n == -ECONNRESET)
			continue;
		if (n <= 0) {
			drop_fd(&session->sync);
			guest_send(session, CTR_FRAME_END, CTR_STREAM_SYNC, NULL, 0);
			return;
		}
		if (header.controllen >= sizeof(control.head) + sizeof(int) &&
		    control.head.type == SCM_RIGHTS_)
			take_terminal(session, control.fd);
		guest_send(session, CTR_FRAME_MESSAGE, CTR_STREAM_SYNC, data, (uint32_t)n);
	}
}

/* ---- streams */

static void close_stream(struct session *session, unsigned stream)
{
	if (session->tty)
		session->streams[CTR_STREAM_IN] = -1;
	drop_fd(&session->streams[stream]);
	guest_send(session, CTR_FRAME_END, stream, NULL, 0);
}

static void pump_output(struct session *session, unsigned stream)
{
	static uint8_t data[CHUNK];
	long n;

	while (session->streams[stream] >= 0 && session->credit[stream] > 0) {
		n = read_some(session->streams[stream], data,
			      session->credit[stream] < CHUNK ? session->credit[stream] : CHUNK);
		/* What others of its namespace still hold open does not keep an ended one. */
		if (n == -EAGAIN && !session->exited)
			return;
		if (n <= 0) {
			close_stream(session, stream);
			return;
		}
		session->credit[stream] -= (uint32_t)n;
		guest_send(session, CTR_FRAME_DATA, stream, data, (uint32_t)n);
	}
}

static void pump_input(struct session *session)
{
	uint32_t taken = 0;
	int fd = session->streams[CTR_STREAM_IN];

	while (session->input_length > 0 && fd >= 0) {
		uint32_t run = CTR_FRAME_WINDOW - session->input_start;
		long n;

		if (run > session->input_length)
			run = session->input_length;
		n = SYS(write, fd, session->input + session->input_start, run);
		if (n == -EAGAIN || n == -EINTR)
			break;
		if (n < 0) {
			session->input_length = 0;
			close_stream(session, CTR_STREAM_IN);
			return;
		}
		session->input_start = (session->input_start + (uint32_t)n) % CTR_FRAME_WINDOW;
		session->input_length -= (uint32_t)n;
		taken += (uint32_t)n;
	}
	if (taken > 0)
		guest_send(session, CTR_FRAME_CREDIT, CTR_STREAM_IN, &taken, sizeof(taken));
	/* The end of a terminal's input is said by a character, not by an end of file. */
	if (session->input_ended && session->input_length == 0 && !session->tty)
		drop_fd(&session->streams[CTR_STREAM_IN]);
}

void session_pump(struct session *session)
{
	pump_input(session);
	pump_output(session, CTR_STREAM_OUT);
	pump_output(session, CTR_STREAM_ERR);
}

void session_input(struct session *session, const uint8_t *data, uint32_t length)
{
	long memory;

	if (!session->input) {
		memory = SYS(mmap, NULL, CTR_FRAME_WINDOW, PROT_READ_ | PROT_WRITE_,
			     MAP_PRIVATE_ | MAP_ANONYMOUS_, -1, 0);
		if (memory < 0 && memory > -4096)
			return;
		session->input = (uint8_t *)memory;
	}
	if (length > CTR_FRAME_WINDOW - session->input_length)
		return; /* beyond its credit */
	for (uint32_t i = 0; i < length; i++)
		session->input[(session->input_start + session->input_length + i) %
			       CTR_FRAME_WINDOW] = data[i];
	session->input_length += length;
}

void session_end(struct session *session, unsigned stream)
{
	if (stream == CTR_STREAM_IN)
		session->input_ended = true;
	else if (stream <= CTR_STREAM_ERR && !session->tty)
		drop_fd(&session->streams[stream]);
}

void session_resize(const struct session *session, unsigned rows, unsigned columns)
{
	const struct window size = { .rows = (uint16_t)rows, .columns = (uint16_t)columns };

	if (session->tty && session->streams[CTR_STREAM_OUT] >= 0)
		(void)SYS(ioctl, session->streams[CTR_STREAM_OUT], TIOCSWINSZ, &size);
}

/* ---- its end */

void session_reaped(int pid, uint32_t status)
{
	for (unsigned i = 0; i < CTR_FRAME_SESSIONS; i++) {
		struct session *session = &guest.sessions[i];

		if (!session->used || session->pid != pid)
			continue;
		session->pid = 0;
		session->exited = true;
		session->status = status;
	}
}

/* The line "oom_kill N" of memory.events. */
static uint32_t count_oom(void)
{
	char text[512];
	long n, fd = sys_openat(AT_FDCWD, "/sys/fs/cgroup/ctr/memory.events", O_RDONLY, 0);

	if (fd < 0)
		return 0;
	n = read_some((int)fd, text, sizeof(text) - 1);
	(void)sys_close((int)fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (const char *line = text; *line; line++)
		if ((line == text || line[-1] == '\n') && str_starts(line, "oom_kill "))
			return (uint32_t)str_number(line + 9);
	return 0;
}

void session_finish(struct session *session)
{
	struct ctr_frame_exit end = { .status = session->status };

	if (!session->exited || session->streams[CTR_STREAM_OUT] >= 0 ||
	    session->streams[CTR_STREAM_ERR] >= 0)
		return;
	if (session->sync >= 0)
		session_sync(session);
	end.oom = count_oom();
	if (session->id == 0)
		(void)SYS(sync, 0);
	guest_send(session, CTR_FRAME_EXIT, 0, &end, sizeof(end));
	forget(session);
}
