/*
 * ctr-criu: one request to CRIU, apart from ctr because of libcriu and protobuf.
 *
 *   ctr-criu SOCKET [--root DIRECTORY] [--trees DIRECTORY FD,...] [--cgroupns FD]
 *            [--keyring NAME UID GID] [--personality NUMBER] [--memory-policy MODE NODES]
 *            REQUEST [NAME=VALUE...]
 *
 * REQUEST is one of CRIU's request types (DUMP, PRE_DUMP, RESTORE, CHECK, VERSION ...), NAME a
 * field of its options (rpc.proto), as fields.h wants it. SOCKET is the number of a SOCK_SEQPACKET
 * socket; over it go
 *
 *   notify NAME PID   CRIU is at that point; maybe with a descriptor. Answer: 1 go on, 0 give up.
 *                     "start", before a restore, has CRIU's end of its socket
 *   done NUMBER       the pid of what was restored, or CRIU's version; the last message
 *   failed ERRNO TEXT the last message
 *
 * libcriu's own functions lack fields of its messages (lazy_pages, status_fd, config_file), so the
 * messages are sent as they are. CRIU itself becomes a child of ctr, and so does what it restores.
 * With --root it works in a mount namespace of its own, in which DIRECTORY is a mount, as a
 * restored root must be, and which ends with it. There, with --trees, another DIRECTORY is covered
 * by one in which each detached mount FD is attached by the name of its number: that is how CRIU
 * gets what was opened for it, and looks for nothing by path. With --cgroupns it joins that cgroup
 * namespace, with --keyring it has a new session keyring of that name and owner, with --personality
 * that execution domain, with --memory-policy that one (set_mempolicy(2)) of a list of nodes.
 *
 * What CRIU restores are its children, and keep of it what it does not set: CPUs, a session
 * keyring, an execution domain, a memory policy, and supplementary groups where a process had none.
 *
 * Where ctr is killed, or does not want it any more (the socket is shut down then), CRIU gives up
 * at its next notification. If that does not come, as it waits for what does not come either, a
 * restore is ended with all that it has made. Ending a dump would end the container, whose
 * processes have code of CRIU's in them, so that is made to fail (guard.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <rpc.pb-c.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bitlist.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/holders.h"
#include "libcriu/fields.h"
#include "libcriu/guard.h"

enum {
	MESSAGE_MAX = 4096,
	RESPONSE_MAX = 65536,
	GRACE_MS = 10000,
	LOOK_MS = 100,
	NODES_MAX = 4096
};

struct session {
	int parent; /* ctr */
	int criu;
	pid_t pid;    /* of CRIU */
	int pidfd;    /* of CRIU; -1: it cannot be watched */
	bool guarded; /* CRIU ends with ctr: what it makes is not told of yet */
	bool dumps;   /* likewise, but by an error of its own */
	int root;     /* pidfd of the first process that it has restored; -1: none yet */
	char name[CTR_HOLDERS_NAME]; /* of CRIU's end of the socket */
};

/* ---- what ctr is told */

static void tell(const struct session *session, int fd, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(const struct session *session, int fd, const char *format, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (n > 0)
		(void)ctr_send_fds(session->parent, text, (size_t)n, &fd, fd >= 0);
}

static int fail(const struct session *session, int error, const char *what)
{
	tell(session, -1, "failed %d %s", error, what);
	return 1;
}

/* true: go on. */
static bool ask(const struct session *session, const char *point, int pid, int fd)
{
	char answer = '0';

	tell(session, fd, "notify %s %d", point, pid);
	return read(session->parent, &answer, 1) == 1 && answer == '1';
}

/* When ctr is gone nobody would know what was restored. */
static bool pass_on(struct session *session, const CriuNotify *notify, int fd)
{
	const char *point = notify->script ? notify->script : "";

	if (session->root < 0 && notify->has_pid && notify->pid > 0)
		session->root = ctr_pidfd_open(notify->pid);
	if (!ask(session, point, notify->has_pid ? notify->pid : 0, fd))
		return false;
	/* The container is in its state directory now, and goes on without ctr. */
	if (strcmp(point, "post-restore") == 0)
		session->guarded = false;
	return true;
}

/* ---- CRIU */

/* CRIU mounts in its directories, so they must be of its namespace: @fd, opened before, is not. */
static int reopen_dir(int fd)
{
	char link[64], path[4096];
	struct stat old, new;
	ssize_t n;
	int again;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -1;
	path[n] = '\0';

	again = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (again < 0 || fstat(fd, &old) < 0 || fstat(again, &new) < 0)
		return -1;
	if (old.st_dev != new.st_dev || old.st_ino != new.st_ino) {
		errno = ENOENT;
		return -1;
	}
	return dup2(again, fd) < 0 ? -1 : close(again);
}

/* What @fd is mounted on. */
static int make_place(int fd, const char *path)
{
	struct stat st;
	int place;

	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return mkdir(path, 0700);

	place = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return place < 0 ? -1 : close(place);
}

static int attach_trees(const struct session *session, const char *cover, char *list)
{
	char *name, *rest = NULL, path[4096];
	uint64_t fd;

	if (mount("tmpfs", cover, "tmpfs", MS_NOSUID | MS_NODEV, "mode=711") < 0)
		return fail(session, errno, "cannot make a place for mounts of the host's");

	for (name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		if (ctr_parse_u64(name, &fd) < 0 || fd > INT32_MAX)
			return fail(session, EINVAL, "--trees");
		snprintf(path, sizeof(path), "%s/%s", cover, name);
		/* A mount that was shared is a peer of the host's again. */
		if (make_place((int)fd, path) < 0 ||
		    syscall(SYS_move_mount, (int)fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) <
			    0 ||
		    mount(NULL, path, NULL, MS_SLAVE, NULL) < 0)
			return fail(session, errno, "cannot attach a mount of the host's");
		close((int)fd);
	}
	return 0;
}

static int own_mounts(const struct session *session, const char *root, const CriuOpts *options)
{
	if (unshare(CLONE_NEWNS) < 0)
		return fail(session, errno, "cannot make a mount namespace for CRIU");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return fail(session, errno, "cannot make the root file system a mount");
	if (reopen_dir(options->images_dir_fd) < 0 ||
	    (options->has_work_dir_fd && reopen_dir(options->work_dir_fd) < 0))
		return fail(session, errno, "cannot open the directories of the images again");
	return 0;
}

/* KEYRING_PERM of ctr-init: all for who has it, to look at and to search for its owner. */
enum { KEYRING_PERM = 0x3f1b0000 };

struct keyring {
	const char *name;  /* NULL: the caller's */
	uint64_t uid, gid; /* the container's root */
};

/* Nothing of the caller's is to be found in what is restored. A kernel or a host without keys for
 * us is no reason to fail. */
static int own_process(const struct session *session, const struct keyring *keyring)
{
	unsigned char all[1024];
	long key;

	memset(all, 0xff, sizeof(all));
	if (setgroups(0, NULL) < 0)
		return fail(session, errno, "cannot leave the groups of the caller");
	if (syscall(SYS_sched_setaffinity, 0, sizeof(all), all) < 0)
		return fail(session, errno, "cannot leave the CPUs of the caller");
	if (!keyring->name)
		return 0;

	key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, keyring->name);
	if (key >= 0 && syscall(SYS_keyctl, KEYCTL_SETPERM, key, KEYRING_PERM) < 0)
		key = -1;
	if (key >= 0 && (keyring->uid != 0 || keyring->gid != 0) &&
	    syscall(SYS_keyctl, KEYCTL_CHOWN, key, (long)keyring->uid, (long)keyring->gid) < 0)
		key = -1;
	if (key < 0 && errno != ENOSYS && errno != EPERM && errno != EACCES && errno != EDQUOT)
		return fail(session, errno, "cannot join a session keyring");
	return 0;
}

static int own_memory(const struct session *session, const char *mode, const char *nodes)
{
	uint64_t mask[NODES_MAX / 64] = { 0 }, number = 0;
	int bits = ctr_bitlist_parse(nodes, mask, NODES_MAX);

	/* The kernel takes one bit less than it is told. */
	if (bits < 0 || ctr_parse_u64(mode, &number) < 0)
		return fail(session, EINVAL, "--memory-policy");
	if (syscall(SYS_set_mempolicy, number, bits > 0 ? mask : NULL, bits > 0 ? bits + 1 : 0) < 0)
		return fail(session, errno, "linux.memoryPolicy: cannot set it for CRIU");
	return 0;
}

static int join_cgroups(const struct session *session, int fd)
{
	if (setns(fd, CLONE_NEWCGROUP) < 0)
		return fail(session, errno, "cannot join the cgroup namespace of the container");
	close(fd);
	return 0;
}

/* What CRIU restores becomes a sibling of CRIU, whose parent is ctr by this clone. */
static int start_criu(struct session *session)
{
	char number[16];
	int pair[2];
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    ctr_holders_name(pair[1], session->name) < 0)
		return fail(session, errno, "cannot make a socket pair");
	if (session->guarded && !session->dumps && !ask(session, "start", 0, pair[1]))
		return fail(session, 0, "");

	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return fail(session, errno, "cannot make a process for CRIU");
	if (pid == 0) {
		int fd = dup(pair[1]); /* without CLOEXEC */

		close(session->parent);
		snprintf(number, sizeof(number), "%d", fd);
		execlp("criu", "criu", "swrk", number, NULL);
		_exit(127);
	}

	close(pair[1]);
	session->criu = pair[0];
	session->pid = (pid_t)pid;
	session->pidfd = ctr_pidfd_open((pid_t)pid);
	return 0;
}

static int send_request(const struct session *session, const CriuReq *request)
{
	size_t len = criu_req__get_packed_size(request);
	uint8_t *data = malloc(len);
	int r = -ENOMEM;

	if (data) {
		criu_req__pack(request, data);
		r = send(session->criu, data, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -errno;
	}
	free(data);
	return r;
}

/* What CRIU restores has its end of the socket, too, so that tells of no death. */
static bool wait_for_criu(const struct session *session)
{
	/* In this order: who is seen to have ended has answered before, if at all. */
	struct pollfd polls[] = {
		{.fd = session->pidfd,                           .events = POLLIN   },
		{ .fd = session->criu,                           .events = POLLIN   },
		{ .fd = session->guarded ? session->parent : -1, .events = POLLRDHUP},
	};
	int left = -1;

	for (;;) {
		int n = poll(polls, 3, left);

		if (n < 0 && errno != EINTR)
			return true;
		if (n == 0 && session->dumps) {
			/* By its number, which is another's as soon as it has ended. */
			if (session->pidfd >= 0 && poll(polls, 1, 0) == 0)
				ctr_guard_fail(session->pid);
			continue;
		}
		if (n == 0) {
			ctr_guard_end(session->name, session->pidfd, session->root);
			return false;
		}
		if (n > 0 && (polls[0].revents || polls[1].revents))
			return polls[1].revents != 0;
		if (n > 0) { /* ctr is gone */
			polls[2].fd = -1;
			left = session->dumps ? LOOK_MS : GRACE_MS;
		}
	}
}

/* NULL: CRIU is gone, or speaks no protocol of ours. */
static CriuResp *receive(const struct session *session, int *fd)
{
	static uint8_t data[RESPONSE_MAX];
	size_t nfds = 1;
	ssize_t n;

	*fd = -1;
	if (!wait_for_criu(session))
		return NULL;
	n = ctr_recv_fds(session->criu, data, sizeof(data), fd, &nfds);
	if (nfds == 0)
		*fd = -1;
	return n > 0 ? criu_resp__unpack(NULL, (size_t)n, data) : NULL;
}

static int report(const struct session *session, const CriuResp *response)
{
	if (!response->success) {
		tell(session, -1, "failed %d %s", response->has_cr_errno ? response->cr_errno : 0,
		     response->cr_errmsg ? response->cr_errmsg : "");
		return 1;
	}

	if (response->restore)
		tell(session, -1, "done %d", response->restore->pid);
	else if (response->version)
		tell(session, -1, "done %d",
		     response->version->major_number * 10000 +
			     response->version->minor_number * 100 + response->version->sublevel);
	else
		tell(session, -1, "done 0");
	return 0;
}

static int serve(struct session *session)
{
	CriuReq answer = CRIU_REQ__INIT;
	int fd;

	answer.type = CRIU_REQ_TYPE__NOTIFY;
	answer.has_notify_success = 1;
	for (;;) {
		CriuResp *response = receive(session, &fd);

		if (!response)
			return fail(session, 0, "it has ended without an answer");
		if (response->type != CRIU_REQ_TYPE__NOTIFY)
			return report(session, response);

		answer.notify_success = response->notify && pass_on(session, response->notify, fd);
		if (fd >= 0)
			close(fd);
		criu_resp__free_unpacked(response, NULL);
		if (send_request(session, &answer) < 0)
			return fail(session, 0, "it has ended without an answer");
	}
}

static int set_options(const struct session *session, CriuOpts *options, char **args)
{
	char text[MESSAGE_MAX];

	for (; *args; args++) {
		const char *fault = ctr_field_set(&options->base, *args);

		if (fault) {
			snprintf(text, sizeof(text), "option '%s': %s", *args, fault);
			return fail(session, 0, text);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const ProtobufCEnumValue *type;
	struct session session = { .parent = -1, .criu = -1, .pidfd = -1, .root = -1 };
	CriuOpts options = CRIU_OPTS__INIT;
	CriuReq request = CRIU_REQ__INIT;
	const char *root = NULL, *cover = NULL;
	struct keyring keyring = { 0 };
	char *trees = NULL;
	uint64_t number, cgroupns = 0, domain = 0;

	if (argc < 3 || ctr_parse_u64(argv[1], &number) < 0 || number > INT32_MAX) {
		fprintf(stderr,
			"usage: ctr-criu SOCKET [--root DIRECTORY] [--trees DIRECTORY FD,...] "
			"[--cgroupns FD] [--keyring NAME UID GID] [--personality NUMBER] "
			"[--memory-policy MODE NODES] REQUEST [NAME=VALUE...]\n");
		return 1;
	}
	session.parent = (int)number;
	argv += 2;
	if (strcmp(argv[0], "--root") == 0 && argv[1] && argv[2]) {
		root = argv[1];
		argv += 2;
	}
	if (root && strcmp(argv[0], "--trees") == 0 && argv[1] && argv[2] && argv[3]) {
		cover = argv[1];
		trees = argv[2];
		argv += 3;
	}
	if (strcmp(argv[0], "--cgroupns") == 0 && argv[1] && argv[2] &&
	    ctr_parse_u64(argv[1], &cgroupns) == 0 && cgroupns <= INT32_MAX)
		argv += 2;
	if (strcmp(argv[0], "--keyring") == 0 && argv[1] && argv[2] && argv[3] && argv[4] &&
	    ctr_parse_u64(argv[2], &keyring.uid) == 0 &&
	    ctr_parse_u64(argv[3], &keyring.gid) == 0) {
		keyring.name = argv[1];
		argv += 4;
	}
	if (strcmp(argv[0], "--personality") == 0 && argv[1] && argv[2] &&
	    ctr_parse_u64(argv[1], &domain) == 0) {
		if (personality(domain) < 0)
			return fail(&session, errno, "linux.personality: cannot set it for CRIU");
		argv += 2;
	}
	if (strcmp(argv[0], "--memory-policy") == 0 && argv[1] && argv[2] && argv[3]) {
		if (own_memory(&session, argv[1], argv[2]) != 0)
			return 1;
		argv += 3;
	}

	type = protobuf_c_enum_descriptor_get_value_by_name(&criu_req_type__descriptor, argv[0]);
	if (!type)
		return fail(&session, 0, "CRIU's library has no such request");
	request.type = (CriuReqType)type->value;
	session.dumps = request.type == CRIU_REQ_TYPE__DUMP ||
			request.type == CRIU_REQ_TYPE__SINGLE_PRE_DUMP;
	session.guarded = session.dumps || request.type == CRIU_REQ_TYPE__RESTORE;
	if (session.dumps)
		ctr_guard_ignore_signals();
	if (argv[1])
		request.opts = &options;
	if (set_options(&session, &options, argv + 1) != 0 ||
	    (root && own_mounts(&session, root, &options) != 0) ||
	    (cover && attach_trees(&session, cover, trees) != 0) ||
	    (cgroupns && join_cgroups(&session, (int)cgroupns) != 0) ||
	    (root && own_process(&session, &keyring) != 0) || start_criu(&session) != 0)
		return 1;

	if (send_request(&session, &request) < 0)
		return fail(&session, 0, "the program 'criu' cannot be executed");
	return serve(&session);
}
