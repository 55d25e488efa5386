/* /proc/PID/mountinfo as values (proc_pid_mountinfo(5)). */
#pragma once

#include <stddef.h>

struct ctr_arena;

struct ctr_mountinfo {
	unsigned id, parent;
	const char *device; /* "259:0" */
	const char *root;   /* of the file system, what is mounted */
	const char *point;  /* where, in its namespace */
	const char *type;
	unsigned master; /* the peer group that it gets mounts from; 0: none */
	unsigned shared; /* its own peer group; 0: none */
};

struct ctr_mountinfos {
	struct ctr_mountinfo *list;
	size_t count;
};

/* Escapes are undone; a line that is no mount is left out. @text is changed, strings point into
 * it; the list is in @arena. */
void ctr_mountinfo_parse(struct ctr_mountinfos *out, char *text, struct ctr_arena *arena);

/* The mount of that id; NULL: none. */
const struct ctr_mountinfo *ctr_mountinfo_find(const struct ctr_mountinfos *mounts, unsigned id);

/* The id of the mount that @fd is on; 0: unknown. */
unsigned ctr_mountinfo_id(int fd);
/* The same by the procfs that directory @proc is, or AT_FDCWD: the current one. */
unsigned ctr_mountinfo_id_by(int proc, int fd);
