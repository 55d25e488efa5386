/*
 * ctr-init: runs the operations of a plan (plan/op.h) one after another. What it knows between two
 * of them is struct init. An operation returns 0 or a negative errno and may leave a detail for the
 * message; words are the parent's business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "init/sys.h"
#include "plan/msg.h"
#include "plan/op.h"
#include "plan/view.h"

/* System calls that are known to be missing, so that they are not tried again. */
enum init_missing {
	NO_OPENAT2 = 1 << 0,
	NO_OPEN_TREE = 1 << 1,
	NO_SETATTR = 1 << 2,
};

struct init {
	const struct ctr_plan_header *plan;
	const struct ctr_op *op; /* that runs now */
	uint32_t index;          /* of it */

	/* talk with the parent (sync.c) */
	int sync;
	uint32_t state;  /* enum ctr_sync_state */
	bool start_here; /* START came through the gate already */

	/* header.made_fd and maker_fd, while the maker is at work in what it has made */
	int made, maker;

	/* for the message about the failure of this operation */
	uint32_t detail, value; /* enum ctr_fail_detail */
	const char *text;
	size_t text_length;

	uint32_t missing; /* enum init_missing */
	int slots[CTR_SLOT_COUNT];

	/* the root file system (apply_root.c) */
	const char *rootfs;  /* host path, when it is bound on itself there */
	bool in_chroot;      /* "/" of the host is a chroot's */
	bool root_covers;    /* it is attached over "/" */
	unsigned covered;    /* roots below it that a mount on "/" has replaced */
	bool pivoted;        /* "/" is the container's root */
	bool old_is_private; /* mounts of the old root propagate nowhere */
	bool at_proc;        /* the working directory is CTR_SLOT_PROC */
	bool cwd_done;       /* the working directory is the payload's */

	/* the directory that nodes are being made in (apply_fs.c) */
	int dir;
	const char *dir_path; /* in the plan: */
	size_t dir_length;    /* ... so many bytes of it */
	unsigned dir_how;     /* it was opened */

	long umask; /* that hooks have: the caller's, then the payload's */

	int null, empty; /* sources of masks: the null device, an empty directory */

	/* the payload (apply_exec.c) */
	const char *env, *args; /* blocks */
	uint64_t nenv, nargs;
	const char *home; /* "HOME=...", in place of what env has */
	const char *executable;
};

/*
 * All memory of ctr-init in a container. A page that is touched costs more than ten system calls,
 * so what an ordinary run uses of each part meets in one page. take_memory() hands out `own` from
 * its end.
 */
struct init_memory {
	char own[(8 << 10) + (2 << 10)];
	size_t taken; /* of it */
	struct init init;
	struct ctr_msg message;
	union {
		char text[CTR_MSG_TEXT_MAX]; /* of the message */
		/* A path's size, for whoever needs it between two calls of another function. */
		char scratch[PATH_BYTES];
	};
	/* What an ordinary run does not touch. */
	char hook_output[CTR_MSG_TEXT_MAX];
	char above[PATH_BYTES]; /* a directory that is gone up from (apply_root.c) */
	/* A walk (path.c): the components that lead from the root to where it is, each with a NUL;
	 * those that follow; what a link says. */
	struct {
		char done[PATH_BYTES], rest[PATH_BYTES], link[PATH_BYTES];
	} walk;
};
extern struct init_memory init_memory;

/* ---- small things (lib.c) */

size_t str_length(const char *s);
bool str_equal(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
/* Append @s at @at; returns the new end, or NULL when it does not fit below @end. */
char *str_put(char *at, const char *end, const char *s);
char *str_put_number(char *at, const char *end, uint64_t n, unsigned base);
/* Parse a decimal number; the first character that is none ends it. */
uint64_t str_number(const char *s);
/* @size zeroed bytes, never freed; NULL: no memory. */
void *take_memory(size_t size);
long read_some(int fd, void *data, size_t size);
long write_all(int fd, const void *data, size_t size);
void drop_fd(int *fd);

/* ---- sync.c */

/* Send a message of the plan's protocol, with descriptor @fd unless -1. */
long sync_send(struct init *init, uint32_t type, uint32_t value, uint32_t value2, int fd);
/* Wait for the parent's @type; its descriptors go to @fds. Ends the process when the parent is
 * gone. */
long sync_receive(struct init *init, uint32_t type, int *fds, uint32_t nfds);
/* Tell the parent about the present operation: CTR_MSG_FAIL or CTR_MSG_WARN. */
void sync_report(struct init *init, uint32_t type, long error);
long op_send(struct init *init, const struct ctr_op *op);
long op_recv(struct init *init, const struct ctr_op *op);
long op_want_fds(struct init *init, const struct ctr_op *op);
long op_gate(struct init *init, const struct ctr_op *op);

/* ---- the operation at hand (apply.c) */

const char *op_str(const struct init *init, uint32_t offset);
/* The descriptor of a slot, or -EBADF. */
int slot_fd(const struct init *init, int16_t slot);
/* Note where it failed and pass @error through. */
long fail_at(struct init *init, enum ctr_fail_detail detail, long error);
/* What else the message is to name. */
void report_text(struct init *init, const char *text);
/* The directory that paths in the root start at. */
int root_fd(struct init *init);

/* ---- paths in the root (path.c) */

enum {
	PATH_NOFOLLOW = 1 << 0,  /* no component may be a link */
	PATH_MAKE_DIR = 1 << 1,  /* the last component is a directory */
	PATH_MAKE_FILE = 1 << 2, /* the last component is no directory */
};

/* Open @path below the root with openat(2)'s @flags. */
long path_open(struct init *init, const char *path, int flags, unsigned how);
/* An O_PATH descriptor of @path below the root. What is missing is made: directories 0755, the last
 * component with @mode; *@made tells about that one. */
long path_make(struct init *init, const char *path, unsigned how, unsigned mode, bool *made);

/* ---- mounting (mount.c) */

/* A path that leads to @fd, for mount(2), in @text. */
enum { FD_PATH = 40 };
const char *fd_path(struct init *init, char text[FD_PATH], int fd);
/* Is it a missing system call, or one that a filter around us does not know? */
bool is_missing(long error);
/* The target of a mount: an O_PATH descriptor, made when absent as @make says (PATH_MAKE_*). */
long target_open(struct init *init, const struct ctr_op *op, unsigned make, bool *made);
/* Fails where @fd, the target of @op, lies on a procfs and may not. */
long refuse_proc(struct init *init, const struct ctr_op *op, int fd);
/* open_tree(2) of a detached copy. */
long clone_tree(struct init *init, int dir, const char *path, unsigned flags);
long attach_tree(int tree, int target);
/*
 * What mount(2) has mounted cannot be found again at its target: somebody may rename there. So it
 * is mounted on the root, where nobody can, opened (the mount on top of the root), and moved.
 */
long open_top(struct init *init);
long open_bound(struct init *init, const struct ctr_op *op, int source);
long move_mount_to(struct init *init, int mount, int target);
/* A bind without open_tree(2): @source on the target of @op, which is @target; maybe MS_REC.
 * Returns a descriptor of the mount. */
long bind_open(struct init *init, const struct ctr_op *op, int source, int target,
	       unsigned long flags);
/* Is it "/"? */
bool is_root(const char *path);
/* 1: @a and @b are one and the same file, 0: they are not; or an error. */
long is_same(int a, int b);
bool is_directory(int fd);
/* Set and clear MS_* flags of the attached or detached mount whose root is @fd. Flags that the host
 * has locked stay, unless @must_clear. With @recursive in all of the tree. */
long change_flags(struct init *init, int fd, uint64_t set, uint64_t clear, bool must_clear);
/* The same with MOUNT_ATTR_*. -ENOSYS before Linux 5.12. */
long change_attr(struct init *init, int fd, uint64_t set, uint64_t clear, bool recursive);
/* Set MS_* flags in all of a detached tree. */
long change_tree_flags(struct init *init, int tree, uint64_t set);
uint64_t flags_of_attr(uint64_t attr);
/* mount(2) of @source on @target: a bind, maybe MS_REC. */
long bind_fd(struct init *init, int source, int target, unsigned long flags);

/* ---- nodes (apply_fs.c) */

/* A symbolic link at the path of @op; a file that is there already is left. */
long make_link(struct init *init, const struct ctr_op *op, const char *text);

/* ---- copying a directory (copy.c) */

long copy_tree(int from, int to);

/* ---- descriptors (apply_proc.c) */

/* Descriptors from @first on end with execve(2). */
long close_from(struct init *init, uint64_t first);

/* ---- the payload's environment and search path (apply_exec.c) */

/* A NULL-terminated array of the strings of block @s; with @home it replaces HOME. */
const char **block_array(const char *s, uint64_t n, const char *home);

/* ---- operations */

/* clang-format off: it knows no lists of this kind. */
#define INIT_OPS(X)                                                                                \
	X(unshare)                                                                                 \
	X(setns)                                                                                   \
	X(time_offsets)                                                                            \
	X(session)                                                                                 \
	X(keyring)                                                                                 \
	X(loopback)                                                                                \
	X(join_maker)                                                                              \
	X(hostname)                                                                                \
	X(domainname)                                                                              \
	X(signals)                                                                                 \
	X(open_proc)                                                                               \
	X(propagation)                                                                             \
	X(rootfs)                                                                                  \
	X(mount)                                                                                   \
	X(bind)                                                                                    \
	X(remount)                                                                                 \
	X(mount_attr)                                                                              \
	X(mount_propagation)                                                                       \
	X(cgroup_bind)                                                                             \
	X(device)                                                                                  \
	X(symlink)                                                                                 \
	X(pivot)                                                                                   \
	X(root_readonly)                                                                           \
	X(root_propagation)                                                                        \
	X(mask)                                                                                    \
	X(readonly)                                                                                \
	X(sysctl)                                                                                  \
	X(pty)                                                                                     \
	X(stdio_owner)                                                                             \
	X(lsm)                                                                                     \
	X(personality)                                                                             \
	X(memory_policy)                                                                           \
	X(bounding)                                                                                \
	X(seccomp)                                                                                 \
	X(groups)                                                                                  \
	X(ids)                                                                                     \
	X(caps)                                                                                    \
	X(ambient)                                                                                 \
	X(no_new_privs)                                                                            \
	X(umask)                                                                                   \
	X(chdir)                                                                                   \
	X(directory)                                                                               \
	X(check_cwd)                                                                               \
	X(env)                                                                                     \
	X(home)                                                                                    \
	X(args)                                                                                    \
	X(find_exec)                                                                               \
	X(hook)                                                                                    \
	X(close_fds)                                                                               \
	X(rlimit)                                                                                  \
	X(exec)
/* clang-format on */

#define X(name) long op_##name(struct init *init, const struct ctr_op *op);
INIT_OPS(X)
#undef X
