/*
 * Standard streams that come from outside: pipes, files and terminals of whoever started the
 * container. CRIU is told of them at the dump, and gets the new ones at the restore.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ctr_arena;
struct ctr_checkpoint;
struct ctr_error;
struct ctr_mountinfos;

struct ctr_stream {
	const char *name;     /* for CRIU, "pipe:[123]"; "" for what needs no help */
	const char *external; /* dump: what is to be announced; NULL */
	uint32_t size;        /* of a file; 0 for others */
	uint32_t mode;        /* st_mode of a file, or of what has the name of one; 0: not known */
	uint32_t of;          /* the descriptor of the caller's that takes its place */
	int fd;               /* restore: the new one; -1 */
	int stand_in; /* dump: a file, O_PATH; restore: opened in place of the caller's; -1 */
};

enum { CTR_STREAMS = 3, CTR_STREAMS_MAX = 16 };

struct ctr_streams {
	struct ctr_stream list[CTR_STREAMS_MAX]; /* 0, 1, 2 of init, then others */
	size_t count;
	bool other_modes; /* restore: a new file has other permissions */
};

/*
 * The streams of process @pid, whose mounts are @mounts; @pids are all processes of the container:
 * a pipe with both its ends among them is its own affair. Files from outside that any of them has
 * open elsewhere are added, for a shell may have moved its streams at the moment, and pipes that
 * somebody outside holds, as many of them as have room.
 */
int ctr_streams_find(struct ctr_streams *out, pid_t pid, const struct ctr_mountinfos *mounts,
		     const pid_t *pids, size_t npids, struct ctr_arena *arena,
		     struct ctr_error *err);

/* Files grow until CRIU has stopped the processes: their sizes then. Has one changed? */
bool ctr_streams_measure(struct ctr_streams *streams);

/*
 * The caller's streams in place of those of @checkpoint (NULL: of none). CRIU wants a file to be as
 * long as it was, and of its type: a shorter one gets a hole; where the caller has a longer one, or
 * none, what is written goes nowhere. For a fifo any pipe will do. Pipes behind other descriptors
 * are those of the caller's of the same number, of which @preserved from 3 on are meant so. 0, or
 * -1 and @err. Release in any case.
 */
int ctr_streams_resolve(struct ctr_streams *out, const struct ctr_checkpoint *checkpoint,
			uint32_t preserved, struct ctr_error *err);
void ctr_streams_release(struct ctr_streams *streams);
