/*
 * ctr-net: interfaces, addresses and rules of containers, apart from ctr because of libmnl.
 *
 *   ctr-net attach KEY NETNS BRIDGE ADDRESS|- IPV6-ADDRESS|- [PUBLISH...]
 *       an interface on a bridge; prints "ADDRESS [IPV6-ADDRESS]"
 *   ctr-net detach KEY
 *       all that container KEY has, and the bridge after its last container
 *   ctr-net move NETNS [INTERFACE NAME]...
 *       interfaces of the host to a container; prints "INTERFACE NAME up|down" for each
 *   ctr-net return NETNS [INTERFACE NAME up|down]...
 *       and back
 *   ctr-net show NETNS
 *       what a guest in its place has to be given (netns/tap.h), and a last line "end"
 *   ctr-net redirect KEY NETNS [INTERFACE TAP]...
 *       the frames of each interface in there go to a tap in there, and back
 *   ctr-net restore KEY NETNS
 *       what is left of that
 *
 * KEY is the path of the container's state directory, NETNS that of a network namespace. Errors go
 * to standard error as one line; the exit status is 1 then. A command that fails has changed
 * nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "netns/bridge.h"
#include "netns/device.h"
#include "netns/publish.h"
#include "netns/tap.h"

static int usage(struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_USAGE, 0, "ctr-net: it is ctr that calls this program");
}

static int open_netns(const char *path, struct ctr_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path) : fd;
}

static int cmd_attach(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_publish *ports = ctr_arena_array(arena, n, sizeof(*ports));
	struct ctr_attachment attachment = { .ports = ports };
	_cleanup_close_ int netns = -1;
	const char *out = NULL;

	if (n < 5 || strchr(argv[0], '\n') || !strchr(argv[0], '/') ||
	    !ctr_link_name_is_valid(argv[2]))
		return usage(err);
	for (size_t i = 5; i < n; i++)
		if (ctr_publish_parse(argv[i], &ports[attachment.nports++], err) < 0)
			return -1;
	netns = open_netns(argv[1], err);
	if (netns < 0)
		return -1;

	attachment.key = argv[0];
	attachment.netns = netns;
	attachment.bridge = argv[2];
	attachment.address = strcmp(argv[3], "-") == 0 ? NULL : argv[3];
	attachment.ipv6 = strcmp(argv[4], "-") != 0;
	if (attachment.ipv6 && ctr_ipv6_parse(argv[4], strlen(argv[4]), &attachment.address6) < 0)
		return usage(err);
	if (ctr_bridge_attach(&attachment, &out, arena, err) < 0)
		return -1;
	printf("%s\n", out);
	return 0;
}

static int cmd_detach(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	return n == 1 ? ctr_bridge_detach(argv[0], arena, err) : usage(err);
}

/* NETNS and groups of @size words. */
static int read_devices(char **argv, size_t n, size_t size, struct ctr_moving **out, int *netns,
			struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_moving *devices = ctr_arena_array(arena, n, sizeof(*devices));

	if (n < 1 + size || (n - 1) % size != 0)
		return usage(err);
	*netns = open_netns(argv[0], err);
	if (*netns < 0)
		return -1;

	for (size_t i = 0; i < (n - 1) / size; i++) {
		char **words = &argv[1 + i * size];

		devices[i] = (struct ctr_moving){ .host = words[0], .inside = words[1] };
		if (size < 3)
			continue;
		devices[i].moved = true;
		devices[i].was_up = strcmp(words[2], "up") == 0;
		(void)snprintf(devices[i].name, sizeof(devices[i].name), "%s", words[1]);
	}
	*out = devices;
	return 0;
}

static int cmd_move(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_moving *devices = NULL;
	_cleanup_close_ int netns = -1;

	if (read_devices(argv, n, 2, &devices, &netns, arena, err) < 0 ||
	    ctr_devices_move(devices, (n - 1) / 2, netns, err) < 0)
		return -1;
	for (size_t i = 0; i < (n - 1) / 2; i++)
		printf("%s %s %s\n", devices[i].host, devices[i].name,
		       devices[i].was_up ? "up" : "down");
	return 0;
}

static int cmd_return(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_moving *devices = NULL;
	_cleanup_close_ int netns = -1;

	if (read_devices(argv, n, 3, &devices, &netns, arena, err) < 0)
		return -1;
	return ctr_devices_return(devices, (n - 1) / 3, netns, err);
}

/* ---- taps */

static int enter(const char *path, struct ctr_error *err)
{
	_cleanup_close_ int fd = open_netns(path, err);

	if (fd < 0)
		return -1;
	return setns(fd, CLONE_NEWNET) < 0
		       ? ctr_fail(err, CTR_FAULT_HOST, errno,
				  "cannot enter the network namespace '%s'", path)
		       : 0;
}

/* The rules of traffic control have room for a number of whose they are (FNV-1a). */
static uint32_t hash(const char *key)
{
	uint32_t sum = 2166136261U;

	for (; *key; key++)
		sum = (sum ^ (uint8_t)*key) * 16777619U;
	return sum;
}

static int cmd_show(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_buf text;

	if (n != 1)
		return usage(err);
	ctr_buf_init(&text, arena);
	if (enter(argv[0], err) < 0 || ctr_tap_describe(&text, err) < 0)
		return -1;
	printf("%send\n", ctr_buf_str(&text));
	return 0;
}

static int cmd_redirect(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	struct ctr_tap_pair *pairs = ctr_arena_array(arena, n + 1, sizeof(*pairs));

	if (n < 2 || n % 2 != 0)
		return usage(err);
	for (size_t i = 2; i < n; i += 2)
		pairs[i / 2 - 1] = (struct ctr_tap_pair){ argv[i], argv[i + 1] };
	return enter(argv[1], err) < 0 ? -1
				       : ctr_tap_redirect(hash(argv[0]), pairs, n / 2 - 1, err);
}

static int cmd_restore(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err)
{
	(void)arena;
	if (n != 2)
		return usage(err);
	return enter(argv[1], err) < 0 ? -1 : ctr_tap_restore(hash(argv[0]), err);
}

static const struct {
	const char *name;
	int (*run)(char **argv, size_t n, struct ctr_arena *arena, struct ctr_error *err);
} commands[] = {
	{"attach",    cmd_attach  },
        { "detach",   cmd_detach  },
        { "move",     cmd_move    },
	{ "return",   cmd_return  },
        { "show",     cmd_show    },
        { "redirect", cmd_redirect},
	{ "restore",  cmd_restore },
};

/* Tools of the administrator are not in everybody's PATH. */
static void extend_path(struct ctr_arena *arena)
{
	const char *path = getenv("PATH");

	(void)setenv(
		"PATH",
		ctr_arena_printf(arena, "%s:/usr/sbin:/sbin", path && *path ? path : "/usr/bin"),
		1);
}

int main(int argc, char **argv)
{
	static char memory[32 << 10] __attribute__((aligned(16)));
	struct ctr_error err = { 0 };
	struct ctr_arena arena;
	sigset_t signals;
	int r = -1;

	/* Ctrl-C reaches the whole group of processes: what is begun is finished. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);

	ctr_arena_init(&arena, memory, sizeof(memory));
	extend_path(&arena);
	for (size_t i = 0; argc > 1 && i < CTR_ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		r = commands[i].run(argv + 2, (size_t)argc - 2, &arena, &err);
		if (r < 0)
			break;
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (err.text[0] == '\0')
		(void)usage(&err);
	fprintf(stderr, "%s\n", err.text);
	return 1;
}
