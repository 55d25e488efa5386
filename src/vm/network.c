/* Taps by ctr-net, or a socket to passt. */
#include "vm/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/helper.h"
#include "base/run.h"
#include "plan/msg.h"
#include "vm/backend.h"
#include "vm/pod.h"
#include "vm/setup.h"

#define TUN "/dev/net/tun"

/* What a guest behind passt is told; passt translates it into the host's own addresses. */
#define PASST_ADDRESS "10.0.2.15"
#define PASST_GATEWAY "10.0.2.2"
#define PASST_PREFIX  "24"
#define PASST_MAC     "52:54:00:12:34:56"
#define PASST_LINES                                                                                \
	"link eth0 525400123456 1500\n"                                                            \
	"up eth0\n"                                                                                \
	"address eth0 0a00020f " PASST_PREFIX " - 0a0002ff 0\n"                                    \
	"route 1 00000000 0 0a000202 eth0 0 - 0 0 -\n"                                             \
	"sysctl net/ipv4/ping_group_range 0\t2147483647\n"

enum { TEXT_MAX = 64 << 10 };

static const struct ctr_namespace *namespace_of(const struct ctr_machine *machine)
{
	return &machine->host_spec->linux_->namespaces[CTR_NS_NETWORK];
}

bool ctr_vm_network_expected(const struct ctr_machine *machine)
{
	return namespace_of(machine)->path || machine->passt || machine->asks;
}

/* ---- the namespace */

/* What its containers would share, machines do not. */
static int claim(const struct ctr_machine *machine, const struct ctr_namespace *namespace,
		 struct ctr_vm_setup *setup, struct ctr_error *err)
{
	setup->claim = ctr_pod_claim();
	if (setup->claim == -EADDRINUSE)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"linux.namespaces[%u].path: '%s' is another machine's: with "
				"--isolation %s a pod has one container at a time",
				namespace->index, namespace->path, machine->backend->name);
	if (setup->claim < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -setup->claim, "cannot make a socket");
	return 0;
}

static int enter(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		 struct ctr_error *err)
{
	const struct ctr_namespace *namespace = namespace_of(machine);

	/* Of the host's own, interfaces would be taken away from everybody else. */
	if (namespace->path &&
	    ctr_vm_enter(machine, namespace, CLONE_NEWNET, "/proc/self/ns/net", err) < 0)
		return -1;
	if (namespace->path)
		return setup->pod ? claim(machine, namespace, setup, err) : 0;
	/* Without privileges there is nothing that could come to a new one. */
	if (!setup->privileged)
		return 0;
	return unshare(CLONE_NEWNET) < 0
		       ? ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a network namespace")
		       : 0;
}

/* ---- taps */

/* Without ctr-net nobody can have plugged in anything, but an engine, or a hook. */
static int call(const char **argv, char *text, const struct ctr_machine *machine,
		struct ctr_error *err)
{
	if (ctr_helper_run(CTR_HELPER_NET, argv, text, TEXT_MAX, machine->arena, err) == 0)
		return 0;
	return ctr_fail_within(err, "network: --isolation %s", machine->backend->name);
}

/* A tap that goes with its last descriptor, called by the first free number: *@name, in the arena.
 * User-Mode Linux knows no headers of virtio. */
static int open_tap(const struct ctr_machine *machine, const char **name, struct ctr_error *err)
{
	_cleanup_close_ int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq request = { .ifr_name = "ctrtap%d", .ifr_flags = IFF_TAP | IFF_NO_PI };

	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "network: cannot open '" TUN "'");
	if (!(machine->backend->bits & CTR_BACKEND_PORTED))
		request.ifr_flags |= IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "network: cannot make a tap");
	*name = ctr_arena_strdup(machine->arena, request.ifr_name);
	return ctr_take_fd(&fd);
}

/* A line "link NAME MAC MTU" of ctr-net's. */
static int add_nic(const struct ctr_machine *machine, struct ctr_vm_setup *setup, const char *line,
		   struct ctr_error *err)
{
	char name[IFNAMSIZ], mac[13];
	struct ctr_vm_nic *nic = &setup->nics[setup->nnics];

	if (setup->nnics == CTR_VM_NICS)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"network: --isolation %s: there are more than %d interfaces",
				machine->backend->name, (int)CTR_VM_NICS);
	if (sscanf(line, "link %15s %12s ", name, mac) != 2 || strlen(mac) != 12)
		return ctr_fail(err, CTR_FAULT_BUG, 0, "network: ctr-net says '%s'", line);
	nic->name = ctr_arena_strdup(machine->arena, name);
	nic->mac = ctr_arena_printf(machine->arena, "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", mac, mac + 2,
				    mac + 4, mac + 6, mac + 8, mac + 10);
	nic->fd = open_tap(machine, &nic->tap_name, err);
	if (nic->fd < 0)
		return -1;
	setup->nnics++;
	return 0;
}

static int redirect(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
		    const char *netns, char *text, struct ctr_error *err)
{
	const char *argv[4 + 2 * CTR_VM_NICS + 1] = { NULL, "redirect", machine->dir, netns };
	size_t n = 4;

	for (size_t i = 0; i < setup->nnics; i++) {
		argv[n++] = setup->nics[i].name;
		argv[n++] = setup->nics[i].tap_name;
	}
	argv[n] = NULL;
	return call(argv, text, machine, err);
}

static int take(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		struct ctr_error *err)
{
	const char *netns = ctr_arena_printf(machine->arena, "/proc/%d/ns/net", (int)getpid());
	const char *argv[] = { NULL, "show", netns, NULL };
	char *text, *end;

	if (machine->passt || !ctr_vm_network_expected(machine))
		return 0;
	text = ctr_arena_alloc(machine->arena, TEXT_MAX);
	if (call(argv, text, machine, err) < 0)
		return -1;
	end = strlen(text) >= 3 ? text + strlen(text) - 3 : text;
	if (strcmp(end, "end") != 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"network: its addresses and routes are more than a guest can take");
	*end = '\0';
	setup->network = ctr_arena_strdup(machine->arena, text);
	for (const char *line = setup->network; *line; line = strchr(line, '\n') + 1)
		if (strncmp(line, "link ", 5) == 0 && add_nic(machine, setup, line, err) < 0)
			return -1;
	return setup->nnics > 0 ? redirect(machine, setup, netns, text, err) : 0;
}

/* ---- passt */

/* It goes to the background when its ports are open, and ends with its socket. */
static int start_passt(const struct ctr_machine *machine, int fd, struct ctr_error *err)
{
	static const char *const fixed[] = {
		"passt",       "--quiet",     "-4",        "--no-dhcp",  "--no-map-gw",
		"--address",   PASST_ADDRESS, "--netmask", PASST_PREFIX, "--gateway",
		PASST_GATEWAY, "--mtu",       "1500",      "--fd",
	};
	char *text = ctr_arena_alloc(machine->arena, TEXT_MAX);
	const char **argv;
	size_t n = 0, forwards = 0;
	int status = 0, r;

	while (machine->passt[forwards])
		forwards++;
	argv = ctr_arena_array(machine->arena, CTR_ARRAY_SIZE(fixed) + forwards + 2, sizeof(*argv));
	for (size_t i = 0; i < CTR_ARRAY_SIZE(fixed); i++)
		argv[n++] = fixed[i];
	argv[n++] = ctr_arena_printf(machine->arena, "%d", (int)CTR_RUN_KEPT);
	for (size_t i = 0; i < forwards; i++)
		argv[n++] = machine->passt[i];

	r = ctr_run_program_with(argv, fd, text, TEXT_MAX, &status);
	if (r == -ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--net bridge: without privileges it needs the program 'passt', "
				"which is not there");
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "--net bridge: cannot run 'passt'");
	text[strcspn(text, "\n")] = '\0';
	if (status != 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "--net bridge: passt: %s",
				text[0] ? text : "it failed");
	return 0;
}

static int add_passt(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		     struct ctr_error *err)
{
	int pair[2], r;

	if (!machine->passt)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "--net bridge: cannot make a socket");
	r = start_passt(machine, pair[1], err);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return -1;
	}
	setup->nics[setup->nnics++] = (struct ctr_vm_nic){
		.name = "eth0", .mac = PASST_MAC, .fd = pair[0], .stream = true
	};
	setup->network = PASST_LINES;
	return 0;
}

/* ---- the whole */

/* The namespaces are there, and nothing runs in them yet: hooks, and ctr's own network. */
static int ask_parent(int sync, struct ctr_error *err)
{
	struct ctr_msg message = { .type = CTR_MSG_HOOKS };
	ssize_t n = -1;

	if (send(sync, &message, sizeof(message), MSG_NOSIGNAL) == (ssize_t)sizeof(message))
		do
			n = recv(sync, &message, sizeof(message), 0);
		while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(message) || message.type != CTR_MSG_GO)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "ctr is gone");
	return 0;
}

int ctr_vm_network_connect(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int sync,
			   struct ctr_error *err)
{
	if (enter(machine, setup, err) < 0 || (machine->asks && ask_parent(sync, err) < 0) ||
	    take(machine, setup, err) < 0)
		return -1;
	return add_passt(machine, setup, err);
}
