/* The processes below a process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ctr_arena;

/* Pids, in @arena, of all that descend from @ancestor, or of the children of @parent only. Those
 * that have ended and wait to be reaped are left out. */
size_t ctr_descendants(struct ctr_arena *arena, pid_t ancestor, pid_t **out);
size_t ctr_children(struct ctr_arena *arena, pid_t parent, pid_t **out);
