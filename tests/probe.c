/*
 * probe VERB ... - what the integration tests need and no shell has. Static, so that it runs in
 * any root file system.
 *
 * In a container:
 *   call NAME|NUMBER [ARG...]   make a system call; print its result or the name of its error.
 *                               Arguments: numbers, NULL, s:TEXT, b:BYTES (a buffer)
 *   fds                         print the numbers of all open descriptors
 *   mempolicy                   print the memory policy: mode and mask of nodes
 *   clocks                      print monotonic and boottime, in seconds
 *   cat FD                      copy a descriptor to standard output, and its position counts
 *   ignore SIGNAL... -- CMD...  execute with these signals ignored and blocked
 *   flood BYTES                 write so many bytes in lines, then exit at once
 *   fork N SECONDS              leave N children behind that sleep, each in a session of its own
 *   notify TEXT                 send TEXT (\n: a new line) to the service manager
 *   lock FILE SECONDS           hold a lock of FILE so long; exit 1 if somebody has one
 *   barrier                     wait until the service manager has read all that was sent
 *
 * Outside:
 *   pty [ACTION...] -- CMD...   run a command on a terminal of its own
 *   console SOCKET [ACTION...]  receive a terminal's master as conmon does
 *   notified SOCKET SECONDS     receive what services notify, print a line for each datagram
 *                               (| for a new line, + for a descriptor); end when there was
 *                               none for SECONDS
 *   reaper CMD...               run a command as the reaper of all that it leaves; print the names
 *                               of those that remain, then kill them
 *   pidfd SOCKET                receive a pidfd; print the payload and the process id
 *   listener SOCKET WHAT        receive a seccomp listener; print the document, then answer every
 *                               call with WHAT: an error number, or `continue`
 *
 * Actions on a terminal, one after the other: expect=TEXT (in the output so far), send=TEXT,
 * size=ROWSxCOLUMNS, signal=NUMBER (to the command), sleep=MILLISECONDS. All output is copied to
 * standard output; the exit status of `pty` is the command's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* What the shell's helpers wait for anything: an emulated CPU takes its time. */
static int patience_ms(void)
{
	const char *seconds = getenv("CTR_TIMEOUT");

	return seconds ? atoi(seconds) * 1000 : 60000;
}

static void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void print_error(int error)
{
	const char *name = strerrorname_np(error);

	printf("%s\n", name ? name : "unknown error");
}

/* ---- in a container */

static const struct {
	const char *name;
	long number;
} calls[] = {
	{"add_key",             SYS_add_key           },
	{ "capget",             SYS_capget            },
	{ "chroot",             SYS_chroot            },
	{ "close",              SYS_close             },
	{ "execve",             SYS_execve            },
	{ "getcwd",             SYS_getcwd            },
	{ "getpid",             SYS_getpid            },
	{ "getpriority",        SYS_getpriority       },
	{ "getuid",             SYS_getuid            },
	{ "ioprio_get",         SYS_ioprio_get        },
	{ "kill",               SYS_kill              },
	{ "mkdirat",            SYS_mkdirat           },
	{ "mount",              SYS_mount             },
	{ "openat",             SYS_openat            },
	{ "personality",        SYS_personality       },
	{ "prctl",              SYS_prctl             },
	{ "sched_getscheduler", SYS_sched_getscheduler},
	{ "sendmsg",            SYS_sendmsg           },
	{ "sethostname",        SYS_sethostname       },
	{ "setns",              SYS_setns             },
	{ "socket",             SYS_socket            },
	{ "sync",               SYS_sync              },
	{ "umount2",            SYS_umount2           },
	{ "unshare",            SYS_unshare           },
};

static long call_number(const char *name)
{
	char *end;
	long number = strtol(name, &end, 0);

	if (*name && !*end)
		return number;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	fprintf(stderr, "probe: call '%s' is not in the table\n", name);
	exit(99);
}

static long call_argument(const char *text)
{
	if (strncmp(text, "s:", 2) == 0)
		return (long)(text + 2);
	if (strncmp(text, "b:", 2) == 0)
		return (long)calloc(1, strtoul(text + 2, NULL, 0));
	if (strcmp(text, "NULL") == 0)
		return 0;
	return (long)strtoull(text, NULL, 0);
}

static int do_call(char **args)
{
	long a[6] = { 0 }, number = call_number(args[0]), r;

	for (int i = 0; i < 6 && args[i + 1]; i++)
		a[i] = call_argument(args[i + 1]);

	r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (r == -1)
		print_error(errno);
	else
		printf("%ld\n", r);
	return 0;
}

static int do_fds(char **args)
{
	(void)args;
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	printf("\n");
	return 0;
}

static int do_mempolicy(char **args)
{
	unsigned long mask[1024 / 64] = { 0 };
	int mode = -1;

	(void)args;
	if (syscall(SYS_get_mempolicy, &mode, mask, 1024, NULL, 0) < 0)
		print_error(errno);
	else
		printf("%d %#lx\n", mode, mask[0]);
	return 0;
}

static int do_clocks(char **args)
{
	struct timespec monotonic, boottime;

	(void)args;
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_BOOTTIME, &boottime);
	printf("%lld %lld\n", (long long)monotonic.tv_sec, (long long)boottime.tv_sec);
	return 0;
}

static int do_cat(char **args)
{
	char data[4096];
	ssize_t n;

	while ((n = read(atoi(args[0]), data, sizeof(data))) > 0)
		if (write(1, data, (size_t)n) != n)
			die("write");
	if (n < 0)
		die("read");
	return 0;
}

static int do_ignore(char **args)
{
	sigset_t set;

	sigemptyset(&set);
	for (; args[0] && strcmp(args[0], "--") != 0; args++) {
		signal(atoi(args[0]), SIG_IGN);
		sigaddset(&set, atoi(args[0]));
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!args[0] || !args[1])
		return 99;
	execvp(args[1], args + 1);
	die(args[1]);
	return 99;
}

static int do_flood(char **args)
{
	long bytes = atol(args[0]);
	char line[65];

	/* as many bytes when a terminal makes "\r\n" of the newline */
	for (long i = 0; i < bytes / 64; i++) {
		snprintf(line, sizeof(line), "%063ld\n", i);
		for (size_t done = 0; done < 64;) {
			ssize_t n = write(1, line + done, 64 - done);

			if (n < 0)
				die("write");
			done += (size_t)n;
		}
	}
	return 0;
}

static int do_fork(char **args)
{
	for (int i = 0; i < atoi(args[0]); i++) {
		if (fork() != 0)
			continue;
		setsid();
		sleep((unsigned)atoi(args[1]));
		_exit(0);
	}
	return 0;
}

/* ---- processes outside */

static void end_child(pid_t pid)
{
	char path[64], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "r");
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	printf("%s\n", name);
	kill(pid, SIGKILL);
}

static int do_reaper(char **args)
{
	int status = 0;
	char path[64];
	long child;
	FILE *file;
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork();
	if (pid == 0) {
		execvp(args[0], args);
		die(args[0]);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "r");
	if (!file)
		die(path);
	while (fscanf(file, "%ld", &child) == 1)
		end_child((pid_t)child);
	fclose(file);
	fflush(stdout);
	while (wait(NULL) > 0)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- sd_notify(3) */

/* @: an abstract name */
static socklen_t socket_address(struct sockaddr_un *address, const char *path)
{
	size_t len = strlen(path);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	memcpy(address->sun_path, path, len);
	if (path[0] != '@')
		return sizeof(*address);
	address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void notify(const char *text, int fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char control[CMSG_SPACE(sizeof(fd))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { .iov_base = (void *)text, .iov_len = strlen(text) };
	struct sockaddr_un address;
	struct msghdr message = { .msg_name = &address, .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *header = (struct cmsghdr *)control;

	if (!path) {
		fprintf(stderr, "probe: NOTIFY_SOCKET is not set\n");
		exit(99);
	}
	message.msg_namelen = socket_address(&address, path);
	if (fd >= 0) {
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	if (sendmsg(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), &message, 0) < 0)
		die(path);
}

static int do_notify(char **args)
{
	char *text = args[0], *newline;

	while ((newline = strstr(text, "\\n"))) {
		*newline = '\n';
		memmove(newline + 1, newline + 2, strlen(newline + 2) + 1);
	}
	notify(text, -1);
	return 0;
}

static int do_lock(char **args)
{
	int fd = open(args[0], O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		die(args[0]);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 1;
	/* CRIU interrupts system calls. */
	for (unsigned left = (unsigned)atoi(args[1]); left > 0;)
		left = sleep(left);
	return 0;
}

static int do_barrier(char **args)
{
	struct pollfd end = { .events = 0 };
	int fds[2];

	(void)args;
	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe2");
	notify("BARRIER=1", fds[1]);
	close(fds[1]);
	end.fd = fds[0];
	return poll(&end, 1, patience_ms()) == 1 ? 0 : 1;
}

static int do_notified(char **args)
{
	struct sockaddr_un address;
	socklen_t len = socket_address(&address, args[0]);
	struct timeval patience = { .tv_sec = atol(args[1]) };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		die(args[0]);

	for (;;) {
		char text[4096], control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
		struct iovec iov = { .iov_base = text, .iov_len = sizeof(text) - 1 };
		struct msghdr message = { .msg_iov = &iov,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		int sent;

		if (n < 0)
			return errno == EAGAIN ? 0 : 1;
		text[n] = '\0';
		for (char *c = text; *c; c++)
			putchar(*c == '\n' ? '|' : *c);
		if (header && header->cmsg_type == SCM_RIGHTS) {
			memcpy(&sent, CMSG_DATA(header), sizeof(sent));
			close(sent);
			putchar('+');
		}
		putchar('\n');
		fflush(stdout);
	}
}

/* ---- terminals */

struct terminal {
	int master;
	pid_t child;
	char **action; /* the next one */
	int64_t wake;  /* of the action `sleep`; 0: not asleep */
	char *seen;    /* output since the last match */
	size_t nseen;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *value_of(const char *action, const char *key)
{
	size_t length = strlen(key);

	return strncmp(action, key, length) == 0 && action[length] == '=' ? action + length + 1
									  : NULL;
}

/* True when it is done, false when it has to wait for output or time. */
static bool act(struct terminal *terminal, const char *action)
{
	const char *value;
	char *match;

	if ((value = value_of(action, "expect"))) {
		match = terminal->nseen
				? memmem(terminal->seen, terminal->nseen, value, strlen(value))
				: NULL;
		if (!match)
			return false;
		match += strlen(value);
		terminal->nseen -= (size_t)(match - terminal->seen);
		memmove(terminal->seen, match, terminal->nseen);
	} else if ((value = value_of(action, "send"))) {
		if (write(terminal->master, value, strlen(value)) < 0)
			die("send");
	} else if ((value = value_of(action, "size"))) {
		struct winsize size = { 0 };

		sscanf(value, "%hux%hu", &size.ws_row, &size.ws_col);
		if (ioctl(terminal->master, TIOCSWINSZ, &size) < 0)
			die("size");
	} else if ((value = value_of(action, "signal"))) {
		kill(terminal->child, atoi(value));
	} else if ((value = value_of(action, "sleep"))) {
		if (terminal->wake == 0)
			terminal->wake = now_ms() + atoi(value);
		if (now_ms() < terminal->wake)
			return false;
		terminal->wake = 0;
	} else {
		fprintf(stderr, "probe: unknown action '%s'\n", action);
		exit(99);
	}
	return true;
}

static void copy_output(struct terminal *terminal, const char *data, size_t n)
{
	if (fwrite(data, 1, n, stdout) != n)
		die("write");
	fflush(stdout);
	terminal->seen = realloc(terminal->seen, terminal->nseen + n);
	if (!terminal->seen)
		die("memory");
	memcpy(terminal->seen + terminal->nseen, data, n);
	terminal->nseen += n;
}

static bool is_action(const char *arg)
{
	return arg && strcmp(arg, "--") != 0;
}

/*
 * Until the last slave is closed. Who has nothing to do but to hold the master holds it as long as
 * that takes: its end would be a hangup to the container.
 */
static void drive(struct terminal *terminal)
{
	int64_t deadline = now_ms() + patience_ms();
	char data[4096];

	for (;;) {
		struct pollfd fd = { .fd = terminal->master, .events = POLLIN };
		ssize_t n;

		while (is_action(*terminal->action) && act(terminal, *terminal->action))
			terminal->action++;
		if ((terminal->child > 0 || is_action(*terminal->action)) && now_ms() > deadline) {
			fprintf(stderr, "probe: nothing came of '%s'\n",
				is_action(*terminal->action) ? *terminal->action : "waiting");
			if (terminal->child > 0)
				kill(terminal->child, SIGKILL);
			exit(98);
		}
		if (poll(&fd, 1, terminal->wake ? 10 : 500) <= 0)
			continue;
		n = read(terminal->master, data, sizeof(data));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return;
		copy_output(terminal, data, (size_t)n);
	}
}

static int do_pty(char **args)
{
	struct terminal terminal = { .action = args };
	int status, slave;

	while (is_action(*args))
		args++;
	if (!args[0] || !args[1])
		return 99;

	terminal.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal.master < 0 || unlockpt(terminal.master) < 0)
		die("pty");
	slave = ioctl(terminal.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		die("pty");

	terminal.child = fork();
	if (terminal.child == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		execvp(args[1], args + 1);
		die(args[1]);
	}
	close(slave);
	drive(&terminal);

	while (waitpid(terminal.child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- sockets */

/* Paths may be longer than an address. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *copy = strdup(path), *slash = strrchr(copy, '/');
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (slash) {
		*slash = '\0';
		if (chdir(*copy ? copy : "/") < 0)
			die(path);
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", slash ? slash + 1 : copy);
	free(copy);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		die(path);
	return fd;
}

/* One connection; its first message with one descriptor, and what follows until the end. */
static int receive_fd(const char *path, char *text, size_t size)
{
	union {
		struct cmsghdr head;
		char data[CMSG_SPACE(8 * sizeof(int))];
	} control;
	int listener = listen_at(path);
	struct iovec iov = { text, size - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	struct cmsghdr *cmsg;
	int peer, fd = -1;
	ssize_t n, more;

	if (poll(&wait, 1, patience_ms()) <= 0)
		die("nobody connected");
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0)
		die("accept");
	n = recvmsg(peer, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		die("recvmsg");
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(int))) {
			fprintf(stderr, "probe: not one descriptor\n");
			exit(99);
		}
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	}
	while ((more = read(peer, text + n, size - 1 - (size_t)n)) > 0)
		n += more;
	text[n] = '\0';
	close(peer);
	close(listener);
	if (fd < 0) {
		fprintf(stderr, "probe: no descriptor came with '%s'\n", text);
		exit(99);
	}
	return fd;
}

static int do_console(char **args)
{
	struct terminal terminal = { .action = args + 1 };
	char text[4096];

	terminal.master = receive_fd(args[0], text, sizeof(text));
	printf("[%s]\n", text);
	fflush(stdout);
	drive(&terminal);
	return 0;
}

static int do_pidfd(char **args)
{
	char text[4096], path[64], line[256];
	int fd = receive_fd(args[0], text, sizeof(text));
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = fopen(path, "r");
	if (!info)
		die(path);
	while (fgets(line, sizeof(line), info))
		if (strncmp(line, "Pid:", 4) == 0)
			printf("%s %d\n", text, atoi(line + 4));
	fclose(info);
	return 0;
}

static int do_listener(char **args)
{
	bool go_on = strcmp(args[1], "continue") == 0;
	static char text[1 << 16];
	int fd = receive_fd(args[0], text, sizeof(text));

	printf("%s\n", text);
	fflush(stdout);
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		struct seccomp_notif call = { 0 };
		struct seccomp_notif_resp answer = { 0 };

		if (poll(&wait, 1, patience_ms()) <= 0 || !(wait.revents & POLLIN))
			return 0;
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			return 0;
		}
		printf("call %d\n", call.data.nr);
		fflush(stdout);
		answer.id = call.id;
		if (go_on)
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else
			answer.error = -atoi(args[1]);
		(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **args);
} verbs[] = {
	{"lock",       2, do_lock     },
        { "barrier",   0, do_barrier  },
	{ "call",      1, do_call     },
        { "cat",       1, do_cat      },
	{ "clocks",    0, do_clocks   },
        { "console",   1, do_console  },
	{ "fds",       0, do_fds      },
        { "flood",     1, do_flood    },
	{ "fork",      2, do_fork     },
        { "ignore",    2, do_ignore   },
	{ "listener",  2, do_listener },
        { "mempolicy", 0, do_mempolicy},
	{ "notified",  2, do_notified },
        { "notify",    1, do_notify   },
	{ "pidfd",     1, do_pidfd    },
        { "reaper",    1, do_reaper   },
	{ "pty",       2, do_pty      },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0 && argc - 2 >= verbs[i].args)
			return verbs[i].run(argv + 2);

	fprintf(stderr, "usage: probe VERB [ARGUMENT...]\n");
	return 99;
}
