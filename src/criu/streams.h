/*
 * Standard streams that come from outside: pipes, files and terminals of whoever started the
 * container. CRIU is told of them at the dump, and gets the new ones at the restore.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_checkpoint;
struct ctr_error;
struct ctr_mountinfos;

struct ctr_stream {
	const char *name;     /* for CRIU, "pipe:[123]"; "" for what needs no help */
	const char *external; /* dump: what is to be announced; NULL */
	int fd;               /* restore: the new one; -1 */
};

enum { CTR_STREAMS = 3 };

struct ctr_streams {
	struct ctr_stream list[CTR_STREAMS];
	size_t count;
};

/* The streams of process @pid, whose mounts are @mounts; @pids are all processes of the
 * container: a pipe with both its ends among them is its own affair. */
int ctr_streams_find(struct ctr_streams *out, pid_t pid, const struct ctr_mountinfos *mounts,
		     const pid_t *pids, size_t npids, struct ctr_arena *arena,
		     struct ctr_error *err);

/* The caller's streams in place of those of @names. *@null is a descriptor of /dev/null, opened
 * when it is needed: for a file whose place another kind of stream cannot take. */
int ctr_streams_resolve(struct ctr_streams *out, const char *const *names, size_t n, int *null,
			struct ctr_error *err);
