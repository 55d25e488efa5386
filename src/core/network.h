/*
 * The container's network, where ctr makes it: --net, --ip, --publish, and linux.netDevices. What
 * is needed of the kernel does ctr-net (src/netns), without privileges pasta(1).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "state/record.h"

struct ctr_backend;
struct ctr_context;
struct ctr_error;
struct ctr_machine;
struct ctr_spec;

/* As on the command line. */
struct ctr_network_options {
	const char *net;       /* NULL: the configuration decides */
	const char *const *ip; /* at most one of each family; none: a free one of IPv4 */
	size_t nip;
	const char *const *publish;
	size_t npublish;
};

#define CTR_NETWORK_INIT                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

struct ctr_network {
	enum ctr_network_mode mode;
	const struct ctr_network_options *options;
	const char *bridge;
	const char *ip, *ip6; /* NULL: none is asked for */
	const char *dir;      /* the state directory */
	const char *moved; /* interfaces that went to the container: INTERFACE NAME up|down ... */
	const char *netns; /* the container's, by way of: */
	int fd;            /* -1 */
	bool hosts;        /* dir/hosts is the container's */
	const char *taken; /* namespace whose interfaces a virtual machine takes; NULL */
};

/* The path of the state directory of container @id: by that it is known in the host's network. */
const char *ctr_network_key(const char *id, const struct ctr_context *context);
/* Decide by @options for container @id. 0, or -1 and @err. */
int ctr_network_init(struct ctr_network *network, const struct ctr_network_options *options,
		     const char *id, const struct ctr_context *context, struct ctr_error *err);
/* @spec with the network namespace and the mounts of files that this takes. */
const struct ctr_spec *ctr_network_spec(struct ctr_network *network, const struct ctr_spec *spec,
					const struct ctr_context *context);
/* May a container of @backend have it? 0, or -1 and @err. */
int ctr_network_check_backend(const struct ctr_network *network, const struct ctr_backend *backend,
			      struct ctr_error *err);
/* It is the network of @machine, one with a kernel of its own: what that has to know of it. */
void ctr_network_of_machine(struct ctr_network *network, struct ctr_machine *machine,
			    const struct ctr_context *context);
/* What @spec, as it was read, becomes by the network @recorded. */
void ctr_network_restore(struct ctr_spec *spec, enum ctr_network_mode recorded,
			 const struct ctr_context *context);
/* Is it what a checkpoint says that its container had, @recorded (NULL: not known)? The container's
 * mounts, and what CRIU finds of the network, go by that. 0, or -1 and @err. */
int ctr_network_check(const struct ctr_network *network, const char *recorded,
		      struct ctr_error *err);

/* Must something be done when the container's namespaces are there? */
bool ctr_network_is_due(const struct ctr_network *network, const struct ctr_spec *spec);
/* Write resolv.conf, hosts and hostname to the state directory @dir. 0, or -1 and @err. */
int ctr_network_files(const struct ctr_network *network, const struct ctr_spec *spec, int dir,
		      const char *id, const struct ctr_context *context, struct ctr_error *err);
/* Connect the namespace of process @pid. 0, or -1 and @err; ctr_network_undo() is due in any case.
 */
int ctr_network_up(struct ctr_network *network, const struct ctr_spec *spec, pid_t pid, int dir,
		   const char *id, const struct ctr_context *context, struct ctr_error *err);
/* Take back what was done, while the container's namespace is there. 0, or -1 and @err: an address
 * and ports are still taken. */
int ctr_network_undo(struct ctr_network *network, int dir, const char *id,
		     const struct ctr_context *context, struct ctr_error *err);

/* Give interfaces of the namespace at @netns back that container @id, a virtual machine, took. The
 * namespace may be gone. 0, or -1 and @err. */
int ctr_network_restore_taken(const char *netns, const char *id, const struct ctr_context *context,
			      struct ctr_error *err);

void ctr_network_release(struct ctr_network *network);

/* Remove what container @id has in the host by the network @recorded. 0, or -1 and @err. */
int ctr_network_remove(enum ctr_network_mode recorded, const char *id, int dir,
		       const struct ctr_context *context, struct ctr_error *err);
