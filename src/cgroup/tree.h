/* Inside cgroup/: reading one cgroup directory and walking what is below it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ctr_cgroup_events {
	bool populated; /* live processes in it or below */
	bool frozen;
};

/* Read cgroup.events. 0 or -errno (-ENOENT, -ENODEV: gone). */
int ctr_cgroup_events(int dir, struct ctr_cgroup_events *out);
/* The same by the path of the file. */
int ctr_cgroup_events_at(int dir, const char *path, struct ctr_cgroup_events *out);
/* The same from an open cgroup.events, rearming poll(2) on it. */
int ctr_cgroup_events_fd(int fd, struct ctr_cgroup_events *out);

/* Call @fn with a descriptor of @dir, then of every directory below it, parents first. Negative
 * ends the walk and is returned by it. 0, what @fn returned, or -errno (-ELOOP: nested too deep).
 */
typedef int (*ctr_cgroup_dir_fn)(int dir, void *data);
int ctr_cgroup_each_dir(int dir, ctr_cgroup_dir_fn fn, void *data);

/* Called with a process id, or a thread id where the cgroup is a threaded one. Negative ends the
 * walk and is returned by it. */
typedef int (*ctr_cgroup_task_fn)(pid_t task, bool thread, void *data);

/* Every task in @dir and below it. Ids of other pid namespaces, shown as 0, are left out. Returns
 * as ctr_cgroup_each_dir(). */
int ctr_cgroup_each_task(int dir, ctr_cgroup_task_fn fn, void *data);
/* A ctr_cgroup_task_fn: adds one to the size_t at @data. */
int ctr_cgroup_count_task(pid_t task, bool thread, void *data);

/* Remove the sub-cgroups of @dir, deepest first, whatever the depth. 0 or -errno (-EBUSY: one of
 * them holds processes). */
int ctr_cgroup_remove_below(int dir);
