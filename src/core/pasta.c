/* Arguments of pasta(1), its start, its end. */
#include "core/pasta.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/run.h"
#include "core/context.h"
#include "core/network.h"
#include "netns/publish.h"

enum { OUTPUT_MAX = 4096 };

static const char pid_name[] = "pasta.pid";

static void add_forward(const char **argv, size_t *n, const struct ctr_publish *publish,
			struct ctr_arena *arena)
{
	bool all = !publish->ipv6 && publish->address == 0;
	char address[INET6_ADDRSTRLEN];

	argv[(*n)++] = publish->udp ? "-u" : "-t";
	argv[(*n)++] =
		all ? ctr_arena_printf(arena, "%u:%u", publish->host, publish->container)
		    : ctr_arena_printf(arena, "%s/%u:%u",
				       publish->ipv6 ? ctr_ipv6_print(&publish->address6, address)
						     : ctr_ipv4_print(publish->address, address),
				       publish->host, publish->container);
}

const char *const *ctr_pasta_forwards(const struct ctr_network_options *options,
				      struct ctr_arena *arena)
{
	/* Two words a port, two times two that refuse all others, and the end. */
	const char **argv = ctr_arena_array(arena, 2 * options->npublish + 5, sizeof(*argv));
	bool tcp = false, udp = false;
	struct ctr_error ignored;
	size_t n = 0;

	for (size_t i = 0; i < options->npublish; i++) {
		struct ctr_publish publish;

		(void)ctr_publish_parse(options->publish[i], &publish, &ignored);
		add_forward(argv, &n, &publish, arena);
		tcp |= !publish.udp;
		udp |= publish.udp;
	}
	/* Otherwise it would forward all ports that somebody listens on. */
	if (!tcp) {
		argv[n++] = "-t";
		argv[n++] = "none";
	}
	if (!udp) {
		argv[n++] = "-u";
		argv[n++] = "none";
	}
	return argv;
}

/* Its pid file, which its arguments name. */
static const char *pid_path(const char *dir, struct ctr_arena *arena)
{
	return ctr_arena_printf(arena, "%s/%s", dir, pid_name);
}

/* Is a port of @options one that only root may have? */
static bool wants_privileged_port(const struct ctr_network_options *options)
{
	char text[32];
	uint64_t first;

	if (ctr_file_read_small(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", text,
				sizeof(text)) <= 0 ||
	    ctr_parse_u64(text, &first) < 0)
		return false;
	for (size_t i = 0; i < options->npublish; i++) {
		struct ctr_publish publish;
		struct ctr_error ignored;

		if (ctr_publish_parse(options->publish[i], &publish, &ignored) == 0 &&
		    publish.host < first)
			return true;
	}
	return false;
}

/* What it complains of comes last, and why may be known better here than there. */
static int fail(const struct ctr_network_options *options, char *output, struct ctr_error *err)
{
	size_t len = strlen(output);
	const char *last;

	while (len > 0 && output[len - 1] == '\n')
		output[--len] = '\0';
	last = strrchr(output, '\n');
	return ctr_fail(err, CTR_FAULT_HOST, 0, "--net bridge: pasta: %s%s",
			last        ? last + 1
			: output[0] ? output
				    : "it failed",
			wants_privileged_port(options)
				? " (of the ports some are only root's: see the sysctl "
				  "net.ipv4.ip_unprivileged_port_start)"
				: "");
}

int ctr_pasta_start(const char *dir, const struct ctr_network_options *options, pid_t pid,
		    const struct ctr_context *context, struct ctr_error *err)
{
	const char *const first[] = {
		"pasta", "--config-net", "--quiet", "--no-map-gw", "-T",
		"none",  "-U",           "none",    "--pid",       pid_path(dir, context->arena),
	};
	const char *const *forwards = ctr_pasta_forwards(options, context->arena);
	const char **argv = ctr_arena_array(
		context->arena, CTR_ARRAY_SIZE(first) + 2 * options->npublish + 6, sizeof(*argv));
	size_t n = CTR_ARRAY_SIZE(first);
	char output[OUTPUT_MAX];
	int status = 0, r;

	memcpy(argv, first, sizeof(first));
	while (*forwards)
		argv[n++] = *forwards++;
	argv[n++] = ctr_arena_printf(context->arena, "%d", (int)pid);

	/* It goes to the background when the network is there. */
	r = ctr_run_program(argv, output, sizeof(output), &status);
	if (r == -ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--net bridge: without privileges it needs the program 'pasta' "
				"(package passt), which is not there");
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "--net bridge: cannot run 'pasta'");
	return status != 0 ? fail(options, output, err) : 0;
}

/* By the pidfd, where there is one: the number may be another's by now. 0 or -errno. */
static int send_signal(pid_t pid, int pidfd, int sig)
{
	if (pidfd >= 0)
		return ctr_pidfd_kill(pidfd, sig);
	return kill(pid, sig) < 0 ? -errno : 0;
}

/* The process of the pid file, if it is still the one that wrote it; 0: it is not. *@pidfd is the
 * caller's to close, -1 where there is no pidfd_open. */
static pid_t find(const char *path, int dir, int *pidfd, const struct ctr_context *context)
{
	const char *file = pid_path(path, context->arena);
	char text[32], *cmdline;
	struct ctr_error ignored;
	uint64_t pid;
	size_t len;

	if (dir < 0 || ctr_file_read_small(dir, pid_name, text, sizeof(text)) <= 0 ||
	    ctr_parse_u64(text, &pid) < 0 || pid <= 1 || pid > INT32_MAX)
		return 0;
	*pidfd = ctr_pidfd_open((pid_t)pid);
	if (*pidfd < 0 && *pidfd != -ENOSYS)
		return 0;
	cmdline = ctr_file_read(context->arena, AT_FDCWD,
				ctr_arena_printf(context->arena, "/proc/%u/cmdline", (unsigned)pid),
				1 << 20, &len, &ignored);
	for (size_t at = 0; cmdline && at < len; at += strlen(cmdline + at) + 1)
		if (strcmp(cmdline + at, file) == 0)
			return (pid_t)pid;
	return 0;
}

void ctr_pasta_end(const char *path, int dir, const struct ctr_context *context)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	_cleanup_close_ int pidfd = -1;
	pid_t pid = find(path, dir, &pidfd, context);

	if (pid == 0 || send_signal(pid, pidfd, SIGTERM) < 0)
		return;
	/* Its ports are free when it is gone. */
	for (int i = 0; i < 200 && send_signal(pid, pidfd, 0) == 0; i++) {
		if (i == 100)
			(void)send_signal(pid, pidfd, SIGKILL);
		nanosleep(&pause, NULL);
	}
}
