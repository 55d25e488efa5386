/*
 * Frames between the monitor of a virtual machine and PID 1 of its guest, over one byte stream (a
 * virtio-serial port, a serial line). Freestanding.
 *
 * A session is one process that ctr started in the guest: 0 is the container's first, others are of
 * `ctr exec`. Data flows under credit: neither side sends more of a stream than the other has said
 * it will take, so nobody has to wait for anybody's reader, and what stalls is one stream.
 *
 * What the guest sends is hostile: a length is checked before anything else is looked at, and
 * nothing is allocated by it.
 */
#pragma once

#include <stdint.h>

enum {
	CTR_FRAME_DATA_MAX = 4096, /* bytes behind the header */
	CTR_FRAME_WINDOW = 65536,  /* credit of every stream at its beginning */
	CTR_FRAME_SESSIONS = 32,
	CTR_FRAME_PLAN_MAX = 16 << 20,
	CTR_FRAME_RLIMITS = 32,
	CTR_GUEST_VERSION = 1,
};

enum ctr_frame_type {
	/* guest to host */
	CTR_FRAME_HELLO = 1, /* struct ctr_frame_hello: the channel is open */
	CTR_FRAME_FATAL,     /* text: the guest could not set itself up */
	CTR_FRAME_EXIT, /* struct ctr_frame_exit: the session's process ended; its last frame */
	/* both */
	CTR_FRAME_MESSAGE, /* a message of plan/msg.h from or to ctr-init; CONSOLE without its fd */
	CTR_FRAME_DATA,    /* bytes of a stream */
	CTR_FRAME_END,     /* the stream will have no more, or nobody takes it any more */
	CTR_FRAME_CREDIT,  /* u32: so many more bytes of the stream may come */
	/* both: what is asked, and its answer. In place of a session's number both have one that
	 * the host has chosen. */
	CTR_FRAME_STATS,     /* without data; text, "file\nits content\n\n" each */
	CTR_FRAME_PROCESSES, /* without data; lines "PID UID RSS COMMAND" (RSS in KiB), and where
				more follow the stream is OUT */
	CTR_FRAME_LIMIT,     /* "FILE VALUE" of the container's cgroup; u32 errno */
	/* host to guest */
	CTR_FRAME_PLAN,   /* the next bytes of a struct ctr_guest_session; the session begins when
			     all are there */
	CTR_FRAME_SIGNAL, /* u32 */
	CTR_FRAME_RESIZE, /* u16 rows, u16 columns */
	/* guest to host */
	CTR_FRAME_READ, /* u32: so many more bytes of a channel that is a terminal have been read */
	CTR_FRAME_TYPES,
};

enum ctr_frame_stream {
	CTR_STREAM_IN,
	CTR_STREAM_OUT,
	CTR_STREAM_ERR,
	CTR_STREAM_SYNC, /* END only: ctr-init has executed the program, or is gone */
	CTR_STREAMS,
};

struct ctr_frame {
	uint8_t type, stream;
	uint16_t session;
	uint32_t length; /* of what follows */
};

struct ctr_frame_hello {
	uint32_t version;
	uint32_t init_us; /* of uptime: since its ctr-init began */
	uint64_t uptime;  /* ns since the guest's kernel began */
};

struct ctr_frame_exit {
	uint32_t status; /* as waitpid(2) gives it */
	uint32_t oom;    /* processes that the guest's OOM killer took from the container */
};

/*
 * How a session begins: this, then the plan (plan/view.h). For session 0 it is the file
 * /ctr/session of the initramfs.
 */
struct ctr_guest_session {
	uint32_t magic;      /* CTR_GUEST_MAGIC */
	uint32_t size;       /* of all: this and the plan */
	uint64_t namespaces; /* CLONE_NEW*: new ones for session 0, else those of session 0 to join
			      */
	int32_t oom_score_adj;
	uint32_t has_oom_score_adj;
	uint32_t nrlimits;
	uint32_t late_rlimits; /* 1 << RLIMIT_*: only raised; an operation of the plan sets it */
	struct {
		uint64_t resource, soft, hard;
	} rlimits[CTR_FRAME_RLIMITS];
};

enum { CTR_GUEST_MAGIC = 0x47525443 }; /* "CTRG" */
