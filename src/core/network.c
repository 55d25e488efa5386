/* Deciding, the configuration it takes, and calls of ctr-net. */
#include "core/network.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/helper.h"
#include "core/context.h"
#include "core/network_files.h"
#include "core/pasta.h"
#include "netns/publish.h"
#include "oci/spec.h"
#include "vm/backend.h"

#define DEFAULT_BRIDGE "ctr0"

enum { OUTPUT_MAX = 4096 };

/* ---- deciding */

static int sort_addresses(struct ctr_network *network, struct ctr_error *err)
{
	for (size_t i = 0; i < network->options->nip; i++) {
		const char *text = network->options->ip[i], **of = &network->ip;
		struct in6_addr address6;
		uint32_t address;

		if (ctr_ipv6_parse(text, strlen(text), &address6) == 0)
			of = &network->ip6;
		else if (ctr_ipv4_parse(text, strlen(text), &address) < 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--ip: '%s' is not an IPv4 address, nor one of IPv6 that a "
					"container can have",
					text);
		if (*of)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--ip: '%s': there is one already, '%s'", text, *of);
		*of = text;
	}
	return 0;
}

static int check_options(struct ctr_network *network, const struct ctr_context *context,
			 struct ctr_error *err)
{
	const struct ctr_network_options *options = network->options;
	struct ctr_publish publish;

	if (network->mode != CTR_NETWORK_BRIDGE && options->nip > 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--ip: needs --net bridge");
	if (network->mode != CTR_NETWORK_BRIDGE && options->npublish > 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--publish: needs --net bridge");
	if (sort_addresses(network, err) < 0)
		return -1;
	for (size_t i = 0; i < options->npublish; i++)
		if (ctr_publish_parse(options->publish[i], &publish, err) < 0)
			return -1;

	if (network->mode == CTR_NETWORK_BRIDGE && !context->host.privileged &&
	    (options->nip > 0 || strchr(options->net, '=')))
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"%s: needs root; without privileges --net bridge is pasta(1), which "
			"has no bridges and no addresses to choose",
			options->nip > 0 ? "--ip" : "--net bridge=NAME");
	return 0;
}

static int parse_mode(struct ctr_network *network, const char *net, struct ctr_error *err)
{
	if (strcmp(net, "none") == 0) {
		network->mode = CTR_NETWORK_NONE;
	} else if (strcmp(net, "host") == 0) {
		network->mode = CTR_NETWORK_HOST;
	} else if (strcmp(net, "bridge") == 0) {
		network->mode = CTR_NETWORK_BRIDGE;
		network->bridge = DEFAULT_BRIDGE;
	} else if (strncmp(net, "bridge=", 7) == 0) {
		network->mode = CTR_NETWORK_BRIDGE;
		network->bridge = net + 7;
		if (!ctr_link_name_is_valid(network->bridge))
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--net: '%s' is not the name of a network interface",
					network->bridge);
	} else {
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--net: '%s' is not none, host, bridge or bridge=NAME", net);
	}
	return 0;
}

/* The state root may be named by links; what the record's reader finds must be the same. */
const char *ctr_network_key(const char *id, const struct ctr_context *context)
{
	char path[PATH_MAX];

	return ctr_arena_printf(context->arena, "%s/%s",
				realpath(context->root, path) ? path : context->root, id);
}

int ctr_network_init(struct ctr_network *network, const struct ctr_network_options *options,
		     const char *id, const struct ctr_context *context, struct ctr_error *err)
{
	*network = (struct ctr_network){ .options = options, .fd = -1 };
	if (options->net && parse_mode(network, options->net, err) < 0)
		return -1;
	if (check_options(network, context, err) < 0)
		return -1;

	if (network->mode == CTR_NETWORK_CONFIG)
		return 0;
	network->dir = ctr_network_key(id, context);
	if (network->mode == CTR_NETWORK_BRIDGE && !context->host.privileged)
		network->mode = CTR_NETWORK_PASTA;
	return 0;
}

/* ---- the configuration */

/* A network namespace of its own? */
static bool is_own(enum ctr_network_mode mode)
{
	return mode != CTR_NETWORK_HOST;
}

static void set_namespace(struct ctr_spec *spec, bool own, struct ctr_arena *arena)
{
	struct ctr_linux *config = ctr_arena_alloc(arena, sizeof(*config));

	*config = *spec->linux_;
	config->namespaces[CTR_NS_NETWORK].listed = own;
	config->namespaces[CTR_NS_NETWORK].path = NULL;
	spec->linux_ = config;
}

const struct ctr_spec *ctr_network_spec(struct ctr_network *network, const struct ctr_spec *spec,
					const struct ctr_context *context)
{
	struct ctr_spec *changed;

	if (network->mode == CTR_NETWORK_CONFIG)
		return spec;

	changed = ctr_arena_alloc(context->arena, sizeof(*changed));
	*changed = *spec;
	set_namespace(changed, is_own(network->mode), context->arena);
	if (network->mode != CTR_NETWORK_NONE)
		network->hosts = ctr_network_mount_files(changed, network->dir, context->arena);
	return changed;
}

void ctr_network_restore(struct ctr_spec *spec, enum ctr_network_mode recorded,
			 const struct ctr_context *context)
{
	if (recorded != CTR_NETWORK_CONFIG && recorded != CTR_NETWORK_UNKNOWN)
		set_namespace(spec, is_own(recorded), context->arena);
}

int ctr_network_check(const struct ctr_network *network, const char *recorded,
		      struct ctr_error *err)
{
	const char *now = ctr_name_of(ctr_network_names, network->mode);
	enum ctr_network_mode was = CTR_NETWORK_CONFIG;

	if (recorded && recorded[0] != '\0')
		was = ctr_network_mode_of(recorded);
	/* Without one the configuration has a network namespace of its own, or has none. */
	if (was == CTR_NETWORK_CONFIG || was == CTR_NETWORK_NONE || was == network->mode)
		return 0;
	return ctr_fail(
		err, CTR_FAULT_USAGE, 0,
		"--net: the checkpointed container had the network '--net %s', this one has "
		"%s%s",
		ctr_name_of(ctr_network_names, was), now ? "--net " : "that of its configuration",
		now ? now : "");
}

bool ctr_network_is_due(const struct ctr_network *network, const struct ctr_spec *spec)
{
	return network->mode == CTR_NETWORK_BRIDGE || network->mode == CTR_NETWORK_PASTA ||
	       network->taken || spec->linux_->nnet_devices > 0;
}

int ctr_network_files(const struct ctr_network *network, const struct ctr_spec *spec, int dir,
		      const char *id, const struct ctr_context *context, struct ctr_error *err)
{
	if (network->mode == CTR_NETWORK_CONFIG || network->mode == CTR_NETWORK_NONE)
		return 0;

	return ctr_network_write_files(dir, spec, id, network->mode == CTR_NETWORK_HOST,
				       context->arena, err);
}

/* ---- ctr-net */

/* Run it with @argv, whose first word is filled in, and with the lock that is had by @dir (-1:
 * none). @field: what an error is about, unless that begins with a flag; NULL: it says so itself.
 */
static int call(const char **argv, const char *field, int dir, char output[static OUTPUT_MAX],
		const struct ctr_context *context, struct ctr_error *err)
{
	int r = ctr_helper_run_locked(CTR_HELPER_NET, argv, dir, output, OUTPUT_MAX, context->arena,
				      err);

	if (r < 0)
		return ctr_fail_within(err, "%s", field ? field : "linux.netDevices");
	if (r > 0 && field && err && strncmp(err->text, "--", 2) != 0)
		return ctr_fail_within(err, "%s", field);
	return r == 0 ? 0 : -1;
}

static int move_devices(struct ctr_network *network, const struct ctr_spec *spec, int dir,
			const struct ctr_context *context, struct ctr_error *err)
{
	size_t count = spec->linux_->nnet_devices, n = 1;
	const char **argv = ctr_arena_array(context->arena, 2 * count + 4, sizeof(*argv));
	char output[OUTPUT_MAX];

	if (count == 0)
		return 0;

	argv[n++] = "move";
	argv[n++] = network->netns;
	for (size_t i = 0; i < count; i++) {
		const struct ctr_net_device *device = &spec->linux_->net_devices[i];

		argv[n++] = device->host_name;
		argv[n++] = device->name ? device->name : device->host_name;
	}
	if (call(argv, NULL, dir, output, context, err) < 0)
		return -1;
	network->moved = ctr_arena_strdup(context->arena, output);
	return 0;
}

static void return_devices(struct ctr_network *network, const struct ctr_context *context)
{
	char *text = ctr_arena_strdup(context->arena, network->moved), *word;
	const char **argv = ctr_arena_array(context->arena, strlen(text) + 4, sizeof(*argv));
	char output[OUTPUT_MAX];
	struct ctr_error ignored;
	size_t n = 1;

	argv[n++] = "return";
	argv[n++] = network->netns;
	while ((word = strtok_r(NULL, " \n", &text)))
		argv[n++] = word;
	(void)call(argv, NULL, -1, output, context, &ignored);
	network->moved = NULL;
}

static int attach(struct ctr_network *network, const struct ctr_spec *spec, int dir, const char *id,
		  const struct ctr_context *context, struct ctr_error *err)
{
	const struct ctr_network_options *options = network->options;
	const char **argv = ctr_arena_array(context->arena, options->npublish + 8, sizeof(*argv));
	char output[OUTPUT_MAX];
	size_t n = 1;

	argv[n++] = "attach";
	argv[n++] = network->dir;
	argv[n++] = network->netns;
	argv[n++] = network->bridge;
	argv[n++] = network->ip ? network->ip : "-";
	argv[n++] = network->ip6 ? network->ip6 : "-";
	for (size_t i = 0; i < options->npublish; i++)
		argv[n++] = options->publish[i];
	if (call(argv, "--net bridge", dir, output, context, err) < 0)
		return -1;

	for (char *rest = output, *address;
	     network->hosts && (address = strtok_r(NULL, " \n", &rest));)
		if (ctr_network_add_host(dir, address, spec, id, context->arena, err) < 0)
			return -1;
	return 0;
}

static int detach(const char *key, const struct ctr_context *context, struct ctr_error *err)
{
	const char *argv[] = { NULL, "detach", key, NULL };
	char output[OUTPUT_MAX];

	return call(argv, "--net bridge", -1, output, context, err);
}

/* ---- virtual machines */

/* What is set up for a process of the host's would be set up on the host. */
int ctr_network_check_backend(const struct ctr_network *network, const struct ctr_backend *backend,
			      struct ctr_error *err)
{
	if (!(backend->bits & CTR_BACKEND_BARE) || network->mode == CTR_NETWORK_CONFIG ||
	    network->mode == CTR_NETWORK_HOST)
		return 0;
	return ctr_fail(err, CTR_FAULT_CONFIG, 0,
			"--net: --isolation %s stays in its caller's network (only 'host' is that)",
			backend->name);
}

void ctr_network_of_machine(struct ctr_network *network, struct ctr_machine *machine,
			    const struct ctr_context *context)
{
	const struct ctr_spec *spec = machine->host_spec;

	if (network->mode == CTR_NETWORK_PASTA) {
		network->mode = CTR_NETWORK_PASST;
		machine->passt = ctr_pasta_forwards(network->options, context->arena);
	}
	network->taken = spec->linux_->namespaces[CTR_NS_NETWORK].path;
	machine->asks = spec->hooks[CTR_HOOK_PRESTART].count > 0 ||
			spec->hooks[CTR_HOOK_CREATE_RUNTIME].count > 0 ||
			ctr_network_is_due(network, spec);
}

int ctr_network_restore_taken(const char *netns, const char *id, const struct ctr_context *context,
			      struct ctr_error *err)
{
	const char *argv[] = { NULL, "restore", ctr_network_key(id, context), netns, NULL };
	char output[OUTPUT_MAX];
	struct statfs fs;

	/* An engine may have ended it already, and its mount. */
	if (statfs(netns, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return 0;
	return call(argv, "network", -1, output, context, err);
}

/* ---- up and down */

int ctr_network_up(struct ctr_network *network, const struct ctr_spec *spec, pid_t pid, int dir,
		   const char *id, const struct ctr_context *context, struct ctr_error *err)
{
	const char *path = ctr_arena_printf(context->arena, "/proc/%d/ns/net", (int)pid);

	if (!ctr_network_is_due(network, spec))
		return 0;
	/* Interfaces end with their namespace, and that with the process, unless it is held. */
	network->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (network->fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	network->netns =
		ctr_arena_printf(context->arena, "/proc/%d/fd/%d", (int)getpid(), network->fd);
	if (move_devices(network, spec, dir, context, err) < 0)
		return -1;

	if (network->mode == CTR_NETWORK_BRIDGE)
		return attach(network, spec, dir, id, context, err);
	if (network->mode == CTR_NETWORK_PASTA)
		return ctr_pasta_start(network->dir, network->options, pid, context, err);
	return 0;
}

int ctr_network_undo(struct ctr_network *network, int dir, const char *id,
		     const struct ctr_context *context, struct ctr_error *err)
{
	struct ctr_error ignored;
	int r = 0;

	if (network->mode == CTR_NETWORK_BRIDGE)
		r = detach(network->dir, context, err);
	if (network->mode == CTR_NETWORK_PASTA)
		ctr_pasta_end(network->dir, dir, context);
	if (network->moved)
		return_devices(network, context);
	if (network->taken)
		(void)ctr_network_restore_taken(network->taken, id, context, &ignored);
	return r;
}

void ctr_network_release(struct ctr_network *network)
{
	ctr_close_ptr(&network->fd);
	network->fd = -1;
}

int ctr_network_remove(enum ctr_network_mode recorded, const char *id, int dir,
		       const struct ctr_context *context, struct ctr_error *err)
{
	const char *key;

	if (recorded == CTR_NETWORK_CONFIG)
		return 0;

	key = ctr_network_key(id, context);
	if (recorded == CTR_NETWORK_PASTA || recorded == CTR_NETWORK_UNKNOWN)
		ctr_pasta_end(key, dir, context);
	/* Not known: then it is no reason to fail that ctr-net is not there. */
	if (recorded == CTR_NETWORK_BRIDGE ||
	    (recorded == CTR_NETWORK_UNKNOWN &&
	     access(ctr_helper_path(CTR_HELPER_NET, context->arena), X_OK) == 0))
		return detach(key, context, err);
	return 0;
}
