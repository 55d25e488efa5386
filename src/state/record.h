/*
 * What ctr remembers of a container between commands: one small text file, "key=value" a line, in
 * its state directory; written whole to a temporary name and renamed. Bytes below 0x20, '%' and
 * 0x7f of a value are written %XX. Unknown keys are skipped, so an older ctr reads a newer record.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/names.h"
#include "oci/spec.h"

struct ctr_arena;
struct ctr_error;

enum { CTR_RECORD_SIZE_MAX = 16 << 20 };

/* What --net made of the container's network. */
enum ctr_network_mode {
	CTR_NETWORK_CONFIG, /* nothing: it is as the configuration says */
	CTR_NETWORK_NONE,
	CTR_NETWORK_HOST,
	CTR_NETWORK_BRIDGE,
	CTR_NETWORK_PASTA,
	CTR_NETWORK_PASST,   /* the same for a virtual machine, whose monitor starts it */
	CTR_NETWORK_UNKNOWN, /* the record does not tell, or is of a newer ctr */
};

extern const struct ctr_name ctr_network_names[]; /* as the record has them */
/* CTR_NETWORK_UNKNOWN where @word is none of them. */
enum ctr_network_mode ctr_network_mode_of(const char *word);

struct ctr_record {
	const char *id;
	const char *bundle, *rootfs; /* absolute */
	const char *created;         /* RFC 3339 UTC with nanoseconds */
	const char *oci_version;
	uint32_t owner;      /* uid of who created it */
	pid_t pid;           /* 0: creating */
	uint64_t start_time; /* field 22 of /proc/PID/stat: a pid alone is not trusted */
	const char *manager; /* "cgroupfs", "systemd", "disabled" */
	const char *cgroup_mount, *cgroup_path; /* NULL: none */
	uint32_t cgroup_made;
	uint64_t cgroup_inode;
	const char *isolation; /* the backend's name; NULL: container */
	const char *unit;      /* of the systemd manager, NULL: none */
	bool user_unit;        /* ... of the user's systemd */
	const char *slice;     /* ... its parent; NULL: not known */
	uint32_t hooks;        /* bit n: the config has hooks of enum ctr_hook_kind n */
	bool terminal;
	const char *resctrl;                  /* group of resctrl, "" the root group, NULL: none */
	bool resctrl_made, resctrl_monitored; /* what is the container's of it */
	const char *netns; /* a virtual machine's: whose interfaces it has; NULL: none */
	enum ctr_network_mode network;
	const char *overlay; /* directory of its writable layer, "ephemeral", NULL: none */
	bool has_pidns;      /* a pid namespace of its own: its processes die with init */
	bool has_timens;     /* a time namespace that the configuration tells nothing of: CRIU's */
	const struct ctr_string_pair *annotations;
	size_t nannotations;
};

/* Text of a record. In @arena. */
const char *ctr_record_encode(const struct ctr_record *record, struct ctr_arena *arena,
			      size_t *len);
/* Decode @len bytes; strings point into a copy in @arena. 0, or -1 and @err (a damaged record). */
int ctr_record_decode(struct ctr_record *out, const char *text, size_t len, struct ctr_arena *arena,
		      struct ctr_error *err);

/* Write to, or read from, the container's state directory @dir. */
int ctr_record_write(const struct ctr_record *record, int dir, struct ctr_arena *arena,
		     struct ctr_error *err);
int ctr_record_read(struct ctr_record *out, int dir, const char *id, struct ctr_arena *arena,
		    struct ctr_error *err);

/*
 * Start time and state letter of process @pid from /proc. 0 or -errno (-ENOENT, -ESRCH: gone).
 * A process that ended while being read is gone, not an error.
 */
int ctr_process_stat(pid_t pid, uint64_t *start_time, char *state);

/*
 * Is process @pid, which the caller may trace, about to end whatever it does: was SIGKILL sent to
 * it, or does it exit already? It may take its time then. One that is gone is.
 */
bool ctr_process_is_ending(pid_t pid, struct ctr_arena *arena);
