/*
 * The operations of a plan: all that ctr-init can do. One table gives each its name, which operands
 * it uses and the words of its error; the builder, the checker, the dumper, the executor and the
 * parent's messages read it. Freestanding: used by ctr-init, too.
 *
 * Paths "in the root" are opened as openat2(2) RESOLVE_IN_ROOT does it, on slot CTR_SLOT_ROOT.
 */
#pragma once

#include <stdint.h>

/*
 * X(KIND, "name", "operands", "words")
 * operands: what dump and check show: s = str, t = str2, f = fd slot, g = fd2 slot, a = arg,
 *   b = arg2, B = str2 is a block of strings (see ctr_view_next()), D = str is binary data,
 *   m = str2 is a file mode, no offset. What is not named must be 0 or CTR_SLOT_NONE.
 * words: the error text; %s str, %t str2 (first string of a block), %a arg decimal, %% itself.
 * Child errors read "ORIGIN: WORDS: ctr_strerror(errno)".
 */
#define CTR_OPS(X)                                                                                 \
	/* -- namespaces and identity of the process */                                            \
	X(UNSHARE, "unshare", "a", "cannot unshare namespaces")                                    \
	X(SETNS, "setns", "fa", "cannot join the namespace")                                       \
	X(TIME_OFFSETS, "time-offsets", "s", "cannot set time offsets")                            \
	X(SESSION, "session", "", "cannot start a session")                                        \
	X(KEYRING, "keyring", "s", "cannot join session keyring '%s'")                             \
	X(LOOPBACK, "loopback", "", "cannot bring up the loopback interface")                      \
	X(HOSTNAME, "hostname", "s", "cannot set host name '%s'")                                  \
	X(DOMAINNAME, "domainname", "s", "cannot set domain name '%s'")                            \
	X(SIGNALS, "signals", "a", "cannot reset signals")                                         \
	/* -- mounts */                                                                            \
	X(OPEN_PROC, "open-proc", "", "cannot open /proc")                                         \
	X(PROPAGATION, "propagation", "sa", "cannot change propagation of '%s'")                   \
	X(ROOTFS, "rootfs", "sfa", "cannot use root file system '%s'")                             \
	X(WANT_FDS, "want-fds", "ab", "cannot receive descriptors")                                \
	X(MOUNT, "mount", "sBga", "cannot mount '%t' on '%s'")                                     \
	X(BIND, "bind", "stfgab", "cannot bind '%t' on '%s'")                                      \
	X(REMOUNT, "remount", "sfab", "cannot change mount flags of '%s'")                         \
	X(MOUNT_ATTR, "mount-attr", "stfab", "cannot change mount attributes of '%s'")             \
	X(MOUNT_PROPAGATION, "mount-propagation", "sfa", "cannot change propagation of '%s'")      \
	X(CGROUP_BIND, "cgroup-bind", "stga", "cannot mount cgroup on '%s'")                       \
	X(DEVICE, "device", "smab", "cannot create device '%s'")                                   \
	X(SYMLINK, "symlink", "st", "cannot create link '%s' to '%t'")                             \
	X(PIVOT, "pivot", "", "cannot enter the root file system")                                 \
	X(ROOT_READONLY, "root-readonly", "", "cannot make the root file system read-only")        \
	X(ROOT_PROPAGATION, "root-propagation", "a",                                               \
	  "cannot change propagation of the root file system")                                     \
	X(MASK, "mask", "s", "cannot mask '%s'")                                                   \
	X(READONLY, "readonly", "s", "cannot make '%s' read-only")                                 \
	X(SYSCTL, "sysctl", "st", "cannot write '%t' to sysctl '%s'")                              \
	/* -- terminal and standard streams */                                                     \
	X(PTY, "pty", "sab", "cannot set up the terminal")                                         \
	X(STDIO_OWNER, "stdio-owner", "a", "cannot change the owner of the standard streams")      \
	/* -- the process */                                                                       \
	X(LSM, "lsm", "st", "cannot write '%t' to /proc/thread-self/%s")                           \
	X(PERSONALITY, "personality", "a", "cannot set personality")                               \
	X(MEMORY_POLICY, "memory-policy", "Dab", "cannot set memory policy")                       \
	X(BOUNDING, "bounding", "a", "cannot drop capabilities from the bounding set")             \
	X(SECCOMP, "seccomp", "Dab", "cannot load the seccomp filter")                             \
	X(GROUPS, "groups", "Da", "cannot set additional groups")                                  \
	X(IDS, "ids", "ab", "cannot set uid and gid")                                              \
	X(CAPS, "caps", "D", "cannot set capabilities")                                            \
	X(AMBIENT, "ambient", "a", "cannot raise ambient capabilities")                            \
	X(NO_NEW_PRIVS, "no-new-privs", "", "cannot set no_new_privs")                             \
	X(UMASK, "umask", "a", "cannot set umask")                                                 \
	X(CHDIR, "chdir", "sa", "cannot change to directory '%s'")                                 \
	X(CHECK_CWD, "check-cwd", "",                                                              \
	  "current working directory is outside of the root file system")                          \
	X(ENV, "env", "Ba", "cannot set up the environment")                                       \
	X(HOME, "home", "a", "cannot find the home directory")                                     \
	X(ARGS, "args", "Ba", "cannot set up the arguments")                                       \
	X(FIND_EXEC, "find-exec", "", "cannot find the executable")                                \
	X(HOOK, "hook", "Bab", "hook '%t' failed")                                                 \
	X(CLOSE_FDS, "close-fds", "a", "cannot close descriptors")                                 \
	X(RLIMIT, "rlimit", "D", "cannot set the resource limit")                                  \
	X(EXEC, "exec", "", "cannot execute")                                                      \
	/* -- talk with the parent */                                                              \
	X(SEND, "send", "a", "cannot send to the parent")                                          \
	X(RECV, "recv", "a", "cannot receive from the parent")                                     \
	X(GATE, "gate", "f", "cannot wait at the start gate")                                      \
	/* -- later kinds, as a guest that runs keeps the ctr-init it began with */                \
	X(JOIN_MAKER, "join-maker", "a", "cannot create namespaces")                               \
	X(DIRECTORY, "directory", "s", "cannot make directory '%s'")

enum ctr_op_kind {
#define X(kind, name, operands, words) CTR_OP_##kind,
	CTR_OPS(X)
#undef X
		CTR_OP_COUNT
};

/* struct ctr_op.flags */
enum ctr_op_flags {
	CTR_OPF_OPTIONAL = 1 << 0,        /* failure is a warning, not an error */
	CTR_OPF_RECURSIVE = 1 << 1,       /* BIND, MOUNT_ATTR: the whole tree */
	CTR_OPF_TARGET_NOFOLLOW = 1 << 2, /* no component of the target may be a link */
	CTR_OPF_SOURCE_NOFOLLOW = 1 << 3,
	CTR_OPF_ON_PROC = 1 << 4,   /* the target may lie on a procfs */
	CTR_OPF_TMPCOPYUP = 1 << 5, /* MOUNT: copy what the directory held into the new tmpfs */
	CTR_OPF_KEEP_MODE =
		1 << 6, /* MOUNT tmpfs without mode=: take it from the existing directory */
	CTR_OPF_FALLBACK_BIND =
		1 << 7, /* MOUNT sysfs: EPERM -> recursive bind of /sys, flags kept */
			/* DEVICE: EPERM -> bind the host's node of the same path */
	CTR_OPF_COPY_SYMLINK =
		1 << 8, /* BIND: a source that is a link is made again, not followed */
			/* MOUNT_ATTR, MOUNT_PROPAGATION: nothing to do where BIND did that */
	CTR_OPF_NO_PIVOT = 1 << 9,   /* PIVOT: MS_MOVE and chroot */
	CTR_OPF_AFTER_IDS = 1 << 10, /* CHDIR: second try, after the switch of user */
	CTR_OPF_FLAGS_CLEAR =
		1 << 11, /* BIND, REMOUNT: arg2 holds MS_* flags that must really be cleared;
			  * without it flags locked by the host are silently kept */
	CTR_OPF_AT_ROOT = 1 << 12,  /* ROOTFS from a slot */
	CTR_OPF_IN_PLACE = 1 << 13, /* ROOTFS, PIVOT: the mount namespace is shared */
	CTR_OPF_BIND = 1 << 14,     /* DEVICE: bind the host's node, there is no mknod(2) */
	CTR_OPF_LAST = CTR_OPF_BIND,
};

/* Well-known descriptor slots of the executor; parents' descriptors follow from CTR_SLOT_FIRST. */
enum ctr_slot {
	CTR_SLOT_NONE = -1,
	CTR_SLOT_ROOT = 0, /* O_PATH of the container's root */
	CTR_SLOT_PROC,     /* O_PATH of the host's /proc */
	CTR_SLOT_GATE,     /* listening socket of the start gate: header.gate_fd */
	CTR_SLOT_FIRST,
	CTR_SLOT_BATCH = 64, /* at most that many parents' descriptors at a time */
	/* Mounts that something is still to be changed of: */
	CTR_SLOT_MOUNT = CTR_SLOT_FIRST + CTR_SLOT_BATCH, /* the latest */
	CTR_SLOT_DEV,                                     /* /dev, until its nodes are made */
	CTR_SLOT_LATE, /* those that become read-only at the end, at most so many: */
	CTR_SLOT_LATE_MAX = 16,
	CTR_SLOT_COUNT = CTR_SLOT_LATE + CTR_SLOT_LATE_MAX,
};

struct ctr_op {
	uint16_t kind, flags;
	int16_t fd, fd2;    /* slots, CTR_SLOT_NONE */
	uint32_t str, str2; /* offsets into the string area; 0 is the empty string */
	uint64_t arg, arg2;
	uint32_t origin;   /* offset: the config field, "mounts[3]"; 0: none */
	uint32_t reserved; /* 0 */
};

/*
 * Operands, by kind (what is not named is unused):
 *
 * UNSHARE      arg = CLONE_NEW*.
 * SETNS        fd = slot, arg = CLONE_NEW* it must be.
 * JOIN_MAKER   arg = CLONE_NEW*: those of header.maker_fd, a process that makes them meanwhile, as
 *              soon as header.made_fd tells that they are there; own ones if it could not, or there
 *              is no such process.
 * TIME_OFFSETS str = text for timens_offsets ("monotonic 1 0\nboottime 2 0\n"); the time namespace
 *              was unshared before; enters it afterwards (ns/time_for_children).
 * SESSION      setsid(2).
 * KEYRING      str = name. ENOSYS, EPERM, EACCES and EDQUOT are warnings.
 * LOOPBACK     "lo" up, unless the maker of the network namespace has done that.
 * SIGNALS      arg = mask of signals (bit n-1) whose disposition becomes the default; the signal
 *              mask is emptied.
 * OPEN_PROC    CTR_SLOT_PROC = "/proc" of the mount namespace at this point; must be a procfs.
 * PROPAGATION  str = host path, arg = MS_* for mount(2): before the root is entered.
 * ROOTFS       str = host path, or fd = slot of a detached tree of it (str is for messages). A
 *              recursive detached copy (or the path bound on itself where open_tree is missing)
 *              that hides "/", CTR_SLOT_ROOT = its root. arg = MS_* propagation of it (0: private).
 *              IN_PLACE: the directory str itself, nothing is mounted.
 * WANT_FDS     arg = index of the first wanted descriptor, arg2 = count (<= CTR_SLOT_BATCH): asks
 *              by CTR_MSG_WANT_FDS, closes the batch before, fills CTR_SLOT_FIRST...
 * MOUNT        str = target in the root (made when absent), str2 = block {type, source, data},
 *              arg = MS_* flags.
 * BIND         str = target in the root (made when absent, file or directory as the source is),
 *              str2 = absolute host path of the source, or fd = slot of a detached tree;
 *              arg = MS_* flags to set, arg2 = MS_* flags asked to be cleared.
 *              MOUNT, BIND and CGROUP_BIND: fd2 = slot to keep the mount in, for those that follow.
 *              Who looked for it at its path again could find another: somebody may rename there.
 * REMOUNT      str = target in the root, fd = slot of it; without one what lies at the path.
 *              arg = MS_* set, arg2 = MS_* cleared; the mount's other
 *              flags are kept. (mount option "remount", or what becomes read-only at the end.)
 * MOUNT_ATTR   str = target, fd as with REMOUNT; with fd, str2 = path below that (str is for
 *              messages); arg = MOUNT_ATTR_* set, arg2 = cleared; with RECURSIVE the whole tree.
 * MOUNT_PROPAGATION  str = target, fd as with REMOUNT, arg = MS_SHARED..., maybe |MS_REC.
 * CGROUP_BIND  str = target, str2 = where the host has cgroup2: without a cgroup namespace of its
 *              own the container is shown that tree; arg = MS_*.
 * DEVICE       str = path in the root, arg = device number as makedev(3), arg2 = uid << 32 | gid,
 *              str2 = (mode | S_IFMT type) as a plain number, not an offset.
 *              An existing node that is the same device is left; another file is EEXIST. Where the
 *              host's node of that path is bound it must be the same device; its mode and owner
 *              stay. With BIND a regular file may be there.
 * SYMLINK      str = path in the root, str2 = what it says. Existing file of that name: left.
 * PIVOT        Enter CTR_SLOT_ROOT as "/"; the old root is gone afterwards.
 *              IN_PLACE: chroot(2) only.
 * ROOT_READONLY, ROOT_PROPAGATION (arg = MS_*): of "/", after PIVOT.
 * MASK         str = path in the root: directory -> empty read-only tmpfs, else a verified null
 *              device over it; absent is fine.
 * READONLY     str = path in the root: read-only bind of itself; absent is fine.
 * SYSCTL       str = key with slashes, str2 = value; through CTR_SLOT_PROC.
 * PTY          New pty from the container's devpts; str = path of the console ("/dev/console", bind
 *              of the slave there; "" for exec: none), arg = uid << 32 | 0,
 *              arg2 = rows << 32 | cols (0: none). The master goes to the parent with
 *              CTR_MSG_CONSOLE; the slave becomes stdio and the controlling terminal.
 * STDIO_OWNER  arg = uid: fchown of fds 0-2 but never of /dev/null; errors are ignored where runc
 *              does.
 * LSM          str = file below /proc/thread-self ("attr/apparmor/exec"), str2 = text.
 * PERSONALITY  arg = domain.
 * MEMORY_POLICY str = node mask as u64[] data, arg = mode | flags, arg2 = bits in the mask.
 * BOUNDING     arg = capabilities to keep.
 * SECCOMP      str = struct sock_filter[] data, arg = their count, arg2 = flags. With NEW_LISTENER
 *              CTR_MSG_LISTENER goes out first and the parent takes the descriptor by pidfd_getfd.
 * GROUPS       str = u32[] data, arg = count.
 * IDS          arg = uid, arg2 = gid; keeps capabilities for CAPS.
 * CAPS         str = struct ctr_op_caps.
 * AMBIENT      arg = capabilities.
 * UMASK        arg = mask.
 * CHDIR        str = path, made when absent (arg = 1). EACCES/EPERM without AFTER_IDS are left for
 *              the second try.
 * DIRECTORY    str = path in the root, made when absent; what cannot be made is left to CHDIR.
 * CHECK_CWD    getcwd(2) must be below the root.
 * ENV, ARGS    str2 = block of strings, arg = count.
 * HOME         arg = uid: HOME is set from /etc/passwd of the container when it is missing or
 *              empty in ENV; "/" when not found.
 * FIND_EXEC    Resolve ARGS[0] by PATH of ENV and check that it can be executed.
 * HOOK         str2 = block {path, state JSON, args..., "", env...}; arg = nargs << 32 | nenv
 *              (CTR_HOOK_ENV_*), arg2 = timeout in seconds << 16 | hook kind << 8 | its index. The
 *              first byte 1 in the state is replaced by the pid as the container sees it: the
 *              parent does not know it yet.
 * RLIMIT       str = struct ctr_op_rlimit; one that could not be lived with before.
 * CLOSE_FDS    arg = first descriptor to close on exec.
 * SEND, RECV   arg = enum ctr_msg_type.
 * GATE         fd = CTR_SLOT_GATE: accept one connection; it becomes the parent.
 */

/* nenv of HOOK. What ENV says is the image's, and for nothing that runs among the host's files. */
#define CTR_HOOK_ENV_PAYLOAD 0xffffffffU /* there are none: inherit ENV */
#define CTR_HOOK_ENV_CALLER  0x80000000U /* and the number: those that ctr itself has */

/* How many strings of the block of a HOOK with @arg are its environment. */
static inline uint32_t ctr_op_hook_nenv(uint64_t arg)
{
	return (uint32_t)arg == CTR_HOOK_ENV_PAYLOAD ? 0 : (uint32_t)arg & ~CTR_HOOK_ENV_CALLER;
}

struct ctr_op_caps {
	uint64_t effective, permitted, inheritable;
};

struct ctr_op_rlimit {
	uint64_t resource; /* RLIMIT_* */
	uint64_t soft, hard;
};

struct ctr_op_info {
	const char *name, *operands, *words;
};
