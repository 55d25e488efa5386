/* The parent's side of ctr-init, as simple as it can be. */
#include "init_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "plan/view.h"

enum { TEXT_MAX = 64 << 10 };

static char text_buffer[TEXT_MAX];

/* ---- set-up */

int run_variants(const struct CMUnitTest *tests, size_t ntests, const struct variant *variants,
		 size_t nvariants)
{
	struct CMUnitTest *all = calloc(ntests * nvariants, sizeof(*all));
	struct CMUnitTest *test = all;
	int failed;

	if (geteuid() != 0) {
		puts("1..0 # SKIP root is needed to make namespaces");
		free(all);
		return 0;
	}
	if (!all)
		return 99;
	for (size_t i = 0; i < nvariants; i++) {
		for (size_t j = 0; j < ntests; j++) {
			char *name = NULL;

			*test = tests[j];
			test->initial_state = (void *)&variants[i];
			if (variants[i].name &&
			    asprintf(&name, "%s, %s", tests[j].name, variants[i].name) > 0)
				test->name = name;
			test++;
		}
	}
	failed = _cmocka_run_group_tests("init", all, ntests * nvariants, NULL, NULL);
	for (size_t i = 0; i < ntests * nvariants; i++)
		if (all[i].name != tests[i % ntests].name)
			free((char *)all[i].name);
	free(all);
	return failed;
}

bool is_denied(const struct harness *h, long nr)
{
	for (int i = 0; i < DENY_MAX && h->variant; i++)
		if (h->variant->calls[i] == nr)
			return true;
	return false;
}

int harness_setup(void **state)
{
	struct harness *h = calloc(1, sizeof(*h));
	const struct variant *variant = *state;

	*state = h;
	if (!h)
		return -1;
	h->variant = variant;
	h->sock = h->gate = h->fd = h->maker = h->made = -1;

	/* All that a test mounts or makes goes away with its mount namespace and this tmpfs. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		return -1;
	snprintf(h->dir, sizeof(h->dir), "/tmp/ctr-test-init.XXXXXX");
	if (!mkdtemp(h->dir) || mount("tmpfs", h->dir, "tmpfs", 0, NULL) < 0 || chdir(h->dir) < 0)
		return -1;
	snprintf(h->rootfs, sizeof(h->rootfs), "%s/rootfs", h->dir);
	umask(0);
	make_dir(0755, "rootfs");
	ctr_plan_init(&h->plan, &h->arena);
	return 0;
}

int harness_teardown(void **state)
{
	struct harness *h = *state;

	if (h->pid > 0 && waitpid(h->pid, NULL, WNOHANG) == 0) {
		(void)kill(h->pid, SIGKILL);
		(void)waitpid(h->pid, NULL, 0);
	}
	ctr_close_ptr(&h->sock);
	ctr_close_ptr(&h->gate);
	ctr_close_ptr(&h->maker);
	ctr_close_ptr(&h->made);
	ctr_close_ptr(&h->fd);
	ctr_arena_release(&h->arena);
	if (*h->dir) {
		if (chdir("/") < 0)
			return -1;
		while (umount2(h->dir, MNT_DETACH) == 0)
			;
		(void)rmdir(h->dir);
	}
	free(h);
	return 0;
}

/* ---- plans */

struct ctr_op *add_op(struct harness *h, enum ctr_op_kind kind)
{
	return ctr_plan_add(&h->plan, kind);
}

struct ctr_op *add_str(struct harness *h, enum ctr_op_kind kind, const char *str, uint64_t arg)
{
	struct ctr_op *op = add_op(h, kind);

	op->str = ctr_plan_str(&h->plan, str);
	op->arg = arg;
	return op;
}

struct ctr_op *add_mount(struct harness *h, const char *type, const char *target, uint64_t flags,
			 const char *data)
{
	const char *strings[] = { type, type, data };
	struct ctr_op *op = add_str(h, CTR_OP_MOUNT, target, flags);

	op->str2 = ctr_plan_block(&h->plan, strings, 3);
	return op;
}

struct ctr_op *add_bind(struct harness *h, const char *source, const char *target, uint64_t set)
{
	struct ctr_op *op = add_str(h, CTR_OP_BIND, target, set);

	op->str2 = ctr_plan_str(&h->plan, source);
	return op;
}

struct ctr_op *add_block(struct harness *h, enum ctr_op_kind kind, const char *const *strings)
{
	struct ctr_op *op = add_op(h, kind);
	size_t n = 0;

	while (strings[n])
		n++;
	op->str2 = ctr_plan_block(&h->plan, strings, n);
	op->arg = n;
	return op;
}

void add_root(struct harness *h, const char *path)
{
	add_op(h, CTR_OP_OPEN_PROC);
	add_str(h, CTR_OP_PROPAGATION, "/", MS_SLAVE | MS_REC);
	add_str(h, CTR_OP_ROOTFS, path ? path : h->rootfs, 0);
}

void add_stop(struct harness *h)
{
	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_CREATED;
	add_op(h, CTR_OP_RECV)->arg = CTR_MSG_START;
}

void add_payload(struct harness *h, const char *const *args, const char *const *env)
{
	add_block(h, CTR_OP_ENV, env);
	add_block(h, CTR_OP_ARGS, args);
	add_op(h, CTR_OP_FIND_EXEC);
	add_stop(h);
	add_op(h, CTR_OP_CLOSE_FDS)->arg = 3;
	add_op(h, CTR_OP_SEND)->arg = CTR_MSG_STARTING;
	add_op(h, CTR_OP_EXEC);
}

/* ---- the child */

static void deny_calls(const struct variant *variant)
{
	struct sock_filter filter[DENY_MAX * 2 + 2];
	struct sock_fprog program = { .filter = filter };
	unsigned short n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (int i = 0; i < DENY_MAX && variant->calls[i]; i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (uint32_t)variant->calls[i], 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)variant->error);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		_exit(99);
}

static _Noreturn void be_child(const struct harness *h, int plan_fd, int go)
{
	const char *init = getenv("INIT");
	char number[16], byte;
	char *argv[] = { (char *)"ctr-init", number, NULL };
	char *envp[] = { NULL };

	snprintf(number, sizeof(number), "%d", plan_fd);
	if (read(go, &byte, 1) != 1)
		_exit(98);
	if (h->stdio_null)
		for (int fd = 0; fd < 3; fd++)
			(void)dup2(open("/dev/null", O_RDWR), fd);
	umask(h->umask);
	if (h->variant && h->variant->calls[0])
		deny_calls(h->variant);
	execve(init ? init : "src/init/ctr-init.debug", argv, envp);
	_exit(97);
}

static void map_root(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	make_file("0 0 65536", "%s", path);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	make_file("0 0 65536", "%s", path);
}

static int listen_gate(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "gate" };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static bool uses_gate(const struct ctr_plan_header *plan)
{
	const struct ctr_op *ops = ctr_view_ops(plan);

	for (uint32_t i = 0; i < plan->nops; i++)
		if (ops[i].kind == CTR_OP_GATE)
			return true;
	return false;
}

void start_init(struct harness *h, int flags)
{
	struct ctr_plan_header *blob = ctr_plan_finish(&h->plan, &h->err);
	int pair[2], go[2], fd;

	assert_non_null(blob);
	h->blob = blob;
	if (ctr_plan_check(blob, blob->size, &h->err) < 0)
		fail_msg("%s", h->err.text);

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	h->sock = pair[0];
	blob->sync_fd = pair[1];
	if (uses_gate(blob))
		blob->gate_fd = h->gate = listen_gate();
	blob->maker_fd = h->maker;
	blob->made_fd = h->made;
	fd = memfd_create("plan", MFD_CLOEXEC);
	assert_int_equal(ctr_write_all(fd, blob, blob->size), 0);

	h->pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	assert_true(h->pid >= 0);
	if (h->pid == 0) {
		(void)fcntl(pair[1], F_SETFD, 0);
		(void)fcntl(fd, F_SETFD, 0);
		if (h->gate >= 0)
			(void)fcntl(h->gate, F_SETFD, 0);
		if (h->maker >= 0) {
			(void)fcntl(h->maker, F_SETFD, 0);
			(void)fcntl(h->made, F_SETFD, 0);
		}
		be_child(h, fd, go[0]);
	}
	if (flags & CLONE_NEWUSER)
		map_root(h->pid);
	assert_int_equal(write(go[1], "", 1), 1);
	close(go[0]);
	close(go[1]);
	close(pair[1]);
	close(fd);
}

/* ---- messages */

static ssize_t receive(struct harness *h)
{
	struct {
		struct ctr_msg head;
		char text[CTR_MSG_TEXT_MAX];
	} message;
	size_t nfds = 1;
	ssize_t n;

	if (h->fd >= 0)
		close(ctr_take_fd(&h->fd));
	n = ctr_recv_fds(h->sock, &message, sizeof(message), &h->fd, &nfds);
	if (n <= 0)
		return n;
	assert_true(n >= (ssize_t)sizeof(message.head));
	h->msg = message.head;
	assert_int_equal((size_t)n - sizeof(message.head), h->msg.length);
	memcpy(h->text, message.text, h->msg.length);
	h->text[h->msg.length] = '\0';
	if (h->msg.type == CTR_MSG_FAIL || h->msg.type == CTR_MSG_WARN)
		ctr_msg_fail(h->blob, &h->msg, h->text, &h->err);
	return n;
}

static int await(struct harness *h)
{
	assert_int_equal(waitpid(h->pid, &h->status, 0), h->pid);
	h->pid = 0;
	return WIFEXITED(h->status) ? WEXITSTATUS(h->status) : 128 + WTERMSIG(h->status);
}

void expect_message(struct harness *h, uint32_t type)
{
	ssize_t n = receive(h);

	if (n <= 0)
		fail_msg("end of file in place of message %u; status %d", type, await(h));
	if (h->msg.type == CTR_MSG_FAIL && type != CTR_MSG_FAIL)
		fail_msg("operation %u: %s", h->msg.op, h->err.text);
	assert_int_equal(h->msg.type, type);
}

void expect_after_warnings(struct harness *h, uint32_t type)
{
	do
		assert_true(receive(h) > 0);
	while (h->msg.type == CTR_MSG_WARN);
	assert_int_equal(h->msg.type, type);
}

void expect_fail(struct harness *h, const char *text)
{
	expect_message(h, CTR_MSG_FAIL);
	assert_string_equal(h->err.text, text);
	assert_int_equal(await_exit(h), 1);
}

void send_message(struct harness *h, uint32_t type, const int *fds, size_t nfds)
{
	struct ctr_msg msg = { .type = type, .value2 = (uint32_t)nfds };

	assert_int_equal(ctr_send_fds(h->sock, &msg, sizeof(msg), fds, nfds), 0);
}

void connect_gate(struct harness *h)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "gate" };

	ctr_close_ptr(&h->sock);
	h->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(h->sock, (struct sockaddr *)&address, sizeof(address)), 0);
}

int await_exit(struct harness *h)
{
	ssize_t n = receive(h);

	if (n > 0)
		fail_msg("message %u in place of end of file: %s", h->msg.type, h->err.text);
	return await(h);
}

void run_to_created(struct harness *h, int flags)
{
	add_stop(h);
	start_init(h, flags);
	expect_message(h, CTR_MSG_CREATED);
}

/* ---- files */

#define FORMAT(path, format)                                                                       \
	char path[4096];                                                                           \
	va_list ap;                                                                                \
	va_start(ap, format);                                                                      \
	vsnprintf(path, sizeof(path), format, ap);                                                 \
	va_end(ap)

void make_dir(mode_t mode, const char *format, ...)
{
	FORMAT(path, format);
	if (mkdir(path, 0755) < 0 || chmod(path, mode) < 0)
		fail_msg("mkdir %s: %s", path, strerror(errno));
}

void make_file(const char *text, const char *format, ...)
{
	int fd;

	FORMAT(path, format);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("write %s: %s", path, strerror(errno));
	close(fd);
}

void make_symlink(const char *text, const char *format, ...)
{
	FORMAT(path, format);
	if (symlink(text, path) < 0)
		fail_msg("symlink %s: %s", path, strerror(errno));
}

const char *read_text(const char *format, ...)
{
	size_t used = 0;
	ssize_t n;
	int fd;

	FORMAT(path, format);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	while ((n = read(fd, text_buffer + used, sizeof(text_buffer) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	text_buffer[used] = '\0';
	return text_buffer;
}

struct stat stat_in(struct harness *h, const char *path)
{
	struct stat st;
	char full[4096];

	snprintf(full, sizeof(full), "/proc/%d/root%s", h->pid, path);
	if (lstat(full, &st) < 0)
		fail_msg("lstat %s: %s", full, strerror(errno));
	return st;
}

bool exists_in(struct harness *h, const char *path)
{
	struct stat st;
	char full[4096];

	snprintf(full, sizeof(full), "/proc/%d/root%s", h->pid, path);
	return lstat(full, &st) == 0;
}

const char *read_in(struct harness *h, const char *path)
{
	const char *text = read_text("/proc/%d/root%s", h->pid, path);

	if (!text)
		fail_msg("cannot read '%s': %s", path, strerror(errno));
	return text;
}

const char *mount_in(struct harness *h, const char *point)
{
	char *save = NULL, *found = NULL;
	char *all = (char *)read_text("/proc/%d/mountinfo", h->pid);
	char where[1024];
	int at;

	assert_non_null(all);
	for (char *line = strtok_r(all, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%*d %*d %*s %*s %1023s %n", where, &at) == 1 &&
		    strcmp(where, point) == 0)
			found = line + at;
	}
	return found;
}

bool has_option(const char *line, const char *option)
{
	size_t n = strlen(option);

	for (;; line++) {
		if (strncmp(line, option, n) == 0 && strchr(", ", line[n]))
			return true;
		line += strcspn(line, ", ");
		if (*line != ',')
			return false;
	}
}

const char *status_of(struct harness *h, const char *name)
{
	const char *line = read_text("/proc/%d/status", h->pid);
	size_t n = strlen(name);

	while (line) {
		if (strncmp(line, name, n) == 0 && line[n] == ':') {
			char *value = (char *)line + n + 1;

			value[strcspn(value, "\n")] = '\0';
			return value + strspn(value, "\t ");
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}
