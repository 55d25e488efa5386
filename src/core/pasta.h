/*
 * pasta(1): the network of a container whose caller has no privileges. A process of its own, which
 * copies packets between the container's namespace and sockets of the host.
 */
#pragma once

#include <sys/types.h>

struct ctr_arena;
struct ctr_context;
struct ctr_error;
struct ctr_network_options;

/* Its arguments, and those of passt(1), for the ports that @options publish, which were checked. In
 * @arena, with a NULL at the end. */
const char *const *ctr_pasta_forwards(const struct ctr_network_options *options,
				      struct ctr_arena *arena);

/* Connect the network namespace of process @pid; it is known by a file in the state directory @dir
 * afterwards. 0, or -1 and @err. */
int ctr_pasta_start(const char *dir, const struct ctr_network_options *options, pid_t pid,
		    const struct ctr_context *context, struct ctr_error *err);

/* End the one of the state directory @path, open as @dir (-1: it is not there), and wait for it. */
void ctr_pasta_end(const char *path, int dir, const struct ctr_context *context);
