/* resolv.conf, hosts and hostname of a container: files of its state directory, bound on those of
 * /etc. */
#pragma once

#include <stdbool.h>

struct ctr_arena;
struct ctr_error;
struct ctr_spec;

/* Their names, up to NULL. */
extern const char *const ctr_network_file_names[];

/* Add the mounts to @spec, from the state directory at path @dir, but not where it mounts
 * something itself. Is hosts among them? */
bool ctr_network_mount_files(struct ctr_spec *spec, const char *dir, struct ctr_arena *arena);

/* Write the files to the state directory @dir; those of the host as they are with @host. 0, or -1
 * and @err. */
int ctr_network_write_files(int dir, const struct ctr_spec *spec, const char *id, bool host,
			    struct ctr_arena *arena, struct ctr_error *err);

/* Add the container's own @address to hosts, which is mounted already. 0, or -1 and @err. */
int ctr_network_add_host(int dir, const char *address, const struct ctr_spec *spec, const char *id,
			 struct ctr_arena *arena, struct ctr_error *err);

/* The lines of resolv.conf @text without name servers that only the host itself can reach.
 * *@servers: how many are left. In @arena. */
const char *ctr_resolv_filter(const char *text, unsigned *servers, struct ctr_arena *arena);
