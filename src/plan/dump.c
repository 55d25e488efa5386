/*
 * A plan as text, for `ctr explain` and the golden tests: one line an operation, with its operands
 * in the words of mount(8), namespaces(7) and capabilities(7), and the config field at the end.
 */
#include "plan/build.h"

#include <ctype.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/names.h"
#include "plan/msg.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct ctr_name mount_names[] = {
	{"ro",           MS_RDONLY     },
	{ "nosuid",      MS_NOSUID     },
	{ "nodev",       MS_NODEV      },
	{ "noexec",      MS_NOEXEC     },
	{ "sync",        MS_SYNCHRONOUS},
	{ "remount",     MS_REMOUNT    },
	{ "mand",        MS_MANDLOCK   },
	{ "dirsync",     MS_DIRSYNC    },
	{ "nosymfollow", MS_NOSYMFOLLOW},
	{ "noatime",     MS_NOATIME    },
	{ "nodiratime",  MS_NODIRATIME },
	{ "bind",        MS_BIND       },
	{ "move",        MS_MOVE       },
	{ "rec",         MS_REC        },
	{ "silent",      MS_SILENT     },
	{ "unbindable",  MS_UNBINDABLE },
	{ "private",     MS_PRIVATE    },
	{ "slave",       MS_SLAVE      },
	{ "shared",      MS_SHARED     },
	{ "relatime",    MS_RELATIME   },
	{ "iversion",    MS_I_VERSION  },
	{ "strictatime", MS_STRICTATIME},
	{ "lazytime",    MS_LAZYTIME   },
	{ NULL,          0             },
};

static const struct ctr_name attr_names[] = {
	{"ro",           MOUNT_ATTR_RDONLY     },
	{ "nosuid",      MOUNT_ATTR_NOSUID     },
	{ "nodev",       MOUNT_ATTR_NODEV      },
	{ "noexec",      MOUNT_ATTR_NOEXEC     },
	{ "atime",       MOUNT_ATTR__ATIME     },
	{ "noatime",     MOUNT_ATTR_NOATIME    },
	{ "strictatime", MOUNT_ATTR_STRICTATIME},
	{ "nodiratime",  MOUNT_ATTR_NODIRATIME },
	{ "idmap",       MOUNT_ATTR_IDMAP      },
	{ "nosymfollow", 0x00200000            }, /* Linux 5.14 */
	{ NULL,          0		     },
};

static const struct ctr_name namespace_names[] = {
	{"mount",   CLONE_NEWNS    },
        { "cgroup", CLONE_NEWCGROUP},
        { "uts",    CLONE_NEWUTS   },
	{ "ipc",    CLONE_NEWIPC   },
        { "user",   CLONE_NEWUSER  },
        { "pid",    CLONE_NEWPID   },
	{ "net",    CLONE_NEWNET   },
        { "time",   CLONE_NEWTIME  },
        { NULL,     0              },
};

static const struct ctr_name seccomp_names[] = {
	{"tsync",               SECCOMP_FILTER_FLAG_TSYNC             },
	{ "log",                SECCOMP_FILTER_FLAG_LOG               },
	{ "spec-allow",         SECCOMP_FILTER_FLAG_SPEC_ALLOW        },
	{ "new-listener",       SECCOMP_FILTER_FLAG_NEW_LISTENER      },
	{ "tsync-esrch",        SECCOMP_FILTER_FLAG_TSYNC_ESRCH       },
	{ "wait-killable-recv", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
	{ NULL,		 0				     },
};

static const struct ctr_name op_flag_names[] = {
	{"optional",         CTR_OPF_OPTIONAL       },
	{ "recursive",       CTR_OPF_RECURSIVE      },
	{ "target-nofollow", CTR_OPF_TARGET_NOFOLLOW},
	{ "source-nofollow", CTR_OPF_SOURCE_NOFOLLOW},
	{ "on-proc",         CTR_OPF_ON_PROC        },
	{ "tmpcopyup",       CTR_OPF_TMPCOPYUP      },
	{ "keep-mode",       CTR_OPF_KEEP_MODE      },
	{ "or-bind",         CTR_OPF_FALLBACK_BIND  },
	{ "copy-symlink",    CTR_OPF_COPY_SYMLINK   },
	{ "no-pivot",        CTR_OPF_NO_PIVOT       },
	{ "after-ids",       CTR_OPF_AFTER_IDS      },
	{ "clear-flags",     CTR_OPF_FLAGS_CLEAR    },
	{ "at-root",         CTR_OPF_AT_ROOT        },
	{ "in-place",        CTR_OPF_IN_PLACE       },
	{ "bind",            CTR_OPF_BIND           },
	{ NULL,              0		      },
};

static const struct ctr_name message_names[] = {
	{"want-fds",  CTR_MSG_WANT_FDS},
        { "hooks",    CTR_MSG_HOOKS   },
	{ "console",  CTR_MSG_CONSOLE },
        { "listener", CTR_MSG_LISTENER},
	{ "created",  CTR_MSG_CREATED },
        { "starting", CTR_MSG_STARTING},
	{ "fail",     CTR_MSG_FAIL    },
        { "warn",     CTR_MSG_WARN    },
	{ "fds",      CTR_MSG_FDS     },
        { "go",       CTR_MSG_GO      },
	{ "start",    CTR_MSG_START   },
        { NULL,       0               },
};

/* linux/capability.h, in its order. */
static const char *const cap_names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};

static bool is_plain(const char *s)
{
	if (!*s || *s == '#' || *s == '"')
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) || *s == '\\' || *s == '"')
			return false;
	return true;
}

/* A word; in quotes and with escapes unless it is plain. */
static void add_word(struct ctr_buf *out, const char *s)
{
	if (is_plain(s)) {
		ctr_buf_adds(out, s);
		return;
	}

	ctr_buf_addc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '\n')
			ctr_buf_adds(out, "\\n");
		else if (c == '\\' || c == '"')
			ctr_buf_addf(out, "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			ctr_buf_addf(out, "\\x%02x", c);
		else
			ctr_buf_addc(out, (char)c);
	}
	ctr_buf_addc(out, '"');
}

static void add_string(struct ctr_buf *out, const char *s)
{
	ctr_buf_addc(out, ' ');
	add_word(out, s);
}

/* Names joined by commas, what has none in hexadecimal. An entry of several bits comes before its
 * parts. */
static void add_flags(struct ctr_buf *out, const struct ctr_name *names, uint64_t flags)
{
	const char *comma = "";

	for (; names->name; names++) {
		uint64_t value = (uint64_t)names->value;

		if ((flags & value) != value)
			continue;
		ctr_buf_addf(out, "%s%s", comma, names->name);
		flags &= ~value;
		comma = ",";
	}
	if (flags)
		ctr_buf_addf(out, "%s0x%" PRIx64, comma, flags);
}

static void add_flags_word(struct ctr_buf *out, const char *key, const struct ctr_name *names,
			   uint64_t flags)
{
	if (!flags)
		return;
	ctr_buf_addf(out, " %s", key);
	add_flags(out, names, flags);
}

static void add_caps(struct ctr_buf *out, const char *key, uint64_t caps)
{
	const char *comma = "";

	ctr_buf_addf(out, " %s", key);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(cap_names); i++) {
		if (!(caps >> i & 1))
			continue;
		ctr_buf_addf(out, "%s%s", comma, cap_names[i]);
		caps &= ~(UINT64_C(1) << i);
		comma = ",";
	}
	if (caps)
		ctr_buf_addf(out, "%s0x%" PRIx64, comma, caps);
	else if (!*comma)
		ctr_buf_adds(out, "none");
}

static void add_message(struct ctr_buf *out, uint64_t type)
{
	const char *name = ctr_name_of(message_names, (int64_t)type);

	if (name)
		ctr_buf_addf(out, " %s", name);
	else
		ctr_buf_addf(out, " %" PRIu64, type);
}

static void add_slot(struct ctr_buf *out, int16_t slot)
{
	static const char *const names[CTR_SLOT_FIRST] = { "root", "proc", "gate" };

	if (slot == CTR_SLOT_NONE)
		return;
	if (slot == CTR_SLOT_MOUNT || slot == CTR_SLOT_DEV)
		ctr_buf_adds(out, slot == CTR_SLOT_DEV ? " @dev" : " @mount");
	else if (slot >= CTR_SLOT_LATE)
		ctr_buf_addf(out, " @late%d", slot - CTR_SLOT_LATE);
	else if (slot < CTR_SLOT_FIRST)
		ctr_buf_addf(out, " @%s", names[slot]);
	else
		ctr_buf_addf(out, " @%d", slot - CTR_SLOT_FIRST);
}

/* Where a mount is kept for what follows. */
static void add_kept(struct ctr_buf *out, const struct ctr_op *op)
{
	if (op->fd2 == CTR_SLOT_NONE)
		return;
	ctr_buf_adds(out, " as");
	add_slot(out, op->fd2);
}

static const char *add_block(struct ctr_buf *out, const char *s, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		add_string(out, s);
		s = ctr_view_next(s);
	}
	return s;
}

/* mount TYPE [SOURCE] TARGET FLAGS [data=DATA] */
static void dump_mount(struct ctr_buf *out, const struct ctr_plan_header *plan,
		       const struct ctr_op *op)
{
	const char *type = ctr_view_str(plan, op->str2);
	const char *source = ctr_view_next(type);
	const char *data = ctr_view_next(source);

	add_string(out, type);
	if (strcmp(type, source) != 0)
		add_string(out, source);
	add_string(out, ctr_view_str(plan, op->str));
	add_flags_word(out, "", mount_names, op->arg);
	if (*data) {
		ctr_buf_adds(out, " data=");
		add_word(out, data);
	}
}

static void dump_device(struct ctr_buf *out, const struct ctr_plan_header *plan,
			const struct ctr_op *op)
{
	uint32_t mode = op->str2;
	char type = S_ISCHR(mode) ? 'c' : S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : '?';

	add_string(out, ctr_view_str(plan, op->str));
	ctr_buf_addf(out, " %c", type);
	if (type != 'p')
		ctr_buf_addf(out, " %u:%u", major(op->arg), minor(op->arg));
	ctr_buf_addf(out, " %04o", mode & 07777);
	if (op->arg2)
		ctr_buf_addf(out, " %u:%u", (uint32_t)(op->arg2 >> 32), (uint32_t)op->arg2);
}

/* hook KIND #INDEX PATH [ARGS...] [env=N|env=inherited] [timeout=N] */
static void dump_hook(struct ctr_buf *out, const struct ctr_plan_header *plan,
		      const struct ctr_op *op)
{
	const uint32_t env = (uint32_t)op->arg;
	const char *path = ctr_view_str(plan, op->str2);
	const char *s = ctr_view_next(ctr_view_next(path));

	ctr_buf_addf(out, " %s #%u", ctr_plan_hook_name(op->arg2 >> 8 & 0xff),
		     (unsigned)(op->arg2 & 0xff));
	add_string(out, path);
	s = add_block(out, s, op->arg >> 32);
	s = ctr_view_next(s);
	if (env == CTR_HOOK_ENV_PAYLOAD) {
		ctr_buf_adds(out, " env=inherited");
	} else if (env & CTR_HOOK_ENV_CALLER) {
		ctr_buf_adds(out, " env=caller");
	} else {
		ctr_buf_adds(out, " env:");
		add_block(out, s, env);
	}
	if (op->arg2 >> 16)
		ctr_buf_addf(out, " timeout=%" PRIu64 "s", op->arg2 >> 16);
}

static void dump_numbers(struct ctr_buf *out, const struct ctr_plan_header *plan,
			 const struct ctr_op *op)
{
	const void *data = ctr_view_str(plan, op->str);
	const struct ctr_op_caps *caps = data;
	const struct ctr_op_rlimit *limit = data;
	const uint32_t *groups = data;
	const uint64_t *nodes = data;

	switch (op->kind) {
	case CTR_OP_CAPS:
		add_caps(out, "effective=", caps->effective);
		add_caps(out, "permitted=", caps->permitted);
		add_caps(out, "inheritable=", caps->inheritable);
		break;
	case CTR_OP_RLIMIT:
		ctr_buf_addf(out, " %" PRIu64 " soft=%" PRIu64 " hard=%" PRIu64, limit->resource,
			     limit->soft, limit->hard);
		break;
	case CTR_OP_GROUPS:
		for (uint64_t i = 0; i < op->arg; i++)
			ctr_buf_addf(out, " %u", groups[i]);
		break;
	case CTR_OP_SECCOMP:
		ctr_buf_addf(out, " %" PRIu64 " instructions", op->arg);
		add_flags_word(out, "flags=", seccomp_names, op->arg2);
		break;
	case CTR_OP_MEMORY_POLICY:
		ctr_buf_addf(out, " mode=0x%" PRIx64, op->arg);
		for (uint64_t i = 0; i < (op->arg2 + 63) / 64; i++)
			ctr_buf_addf(out, "%s0x%" PRIx64, i ? "," : " nodes=", nodes[i]);
		break;
	}
}

/* The argument(s) of all that is not shown above. */
static void dump_arguments(struct ctr_buf *out, const struct ctr_op *op)
{
	uint64_t arg = op->arg, arg2 = op->arg2;

	switch (op->kind) {
	case CTR_OP_UNSHARE:
	case CTR_OP_SETNS:
	case CTR_OP_JOIN_MAKER:
		add_flags_word(out, "", namespace_names, arg);
		break;
	case CTR_OP_PROPAGATION:
	case CTR_OP_ROOTFS:
	case CTR_OP_MOUNT_PROPAGATION:
	case CTR_OP_ROOT_PROPAGATION:
	case CTR_OP_CGROUP_BIND:
	case CTR_OP_BIND:
	case CTR_OP_REMOUNT:
		add_flags_word(out, "", mount_names, arg);
		add_flags_word(out, "clear=", mount_names, arg2);
		break;
	case CTR_OP_MOUNT_ATTR:
		add_flags_word(out, "", attr_names, arg);
		add_flags_word(out, "clear=", attr_names, arg2);
		break;
	case CTR_OP_WANT_FDS:
		ctr_buf_addf(out, " %" PRIu64 "+%" PRIu64, arg, arg2);
		break;
	case CTR_OP_SIGNALS:
	case CTR_OP_PERSONALITY:
		ctr_buf_addf(out, " 0x%" PRIx64, arg);
		break;
	case CTR_OP_UMASK:
		ctr_buf_addf(out, " %04" PRIo64, arg);
		break;
	case CTR_OP_PTY:
		ctr_buf_addf(out, " uid=%" PRIu64, arg >> 32);
		if (arg2)
			ctr_buf_addf(out, " size=%ux%u", (uint32_t)arg2, (uint32_t)(arg2 >> 32));
		break;
	case CTR_OP_IDS:
		ctr_buf_addf(out, " uid=%" PRIu64 " gid=%" PRIu64, arg, arg2);
		break;
	case CTR_OP_BOUNDING:
	case CTR_OP_AMBIENT:
		add_caps(out, "", arg);
		break;
	case CTR_OP_SEND:
	case CTR_OP_RECV:
		add_message(out, arg);
		break;
	default:
		if (strchr(ctr_op_info(op->kind)->operands, 'a'))
			ctr_buf_addf(out, " %" PRIu64, arg);
		if (strchr(ctr_op_info(op->kind)->operands, 'b'))
			ctr_buf_addf(out, " %" PRIu64, arg2);
		break;
	}
}

static void dump_operands(struct ctr_buf *out, const struct ctr_plan_header *plan,
			  const struct ctr_op *op)
{
	const char *operands = ctr_op_info(op->kind)->operands;

	switch (op->kind) {
	case CTR_OP_MOUNT:
		dump_mount(out, plan, op);
		add_kept(out, op);
		return;
	case CTR_OP_DEVICE:
		dump_device(out, plan, op);
		return;
	case CTR_OP_HOOK:
		dump_hook(out, plan, op);
		return;
	case CTR_OP_ENV:
	case CTR_OP_ARGS:
		add_block(out, ctr_view_str(plan, op->str2), op->arg);
		return;
	case CTR_OP_CAPS:
	case CTR_OP_RLIMIT:
	case CTR_OP_GROUPS:
	case CTR_OP_SECCOMP:
	case CTR_OP_MEMORY_POLICY:
		dump_numbers(out, plan, op);
		return;
	}

	add_slot(out, op->fd);
	/* As in mount(8) and ln(1): what, then where. */
	if (strchr(operands, 't') && op->str2 != 0)
		add_string(out, ctr_view_str(plan, op->str2));
	if (strchr(operands, 's'))
		add_string(out, ctr_view_str(plan, op->str));
	dump_arguments(out, op);
	add_kept(out, op);
}

void ctr_plan_dump(const struct ctr_plan_header *plan, struct ctr_buf *out)
{
	const struct ctr_op *op = ctr_view_ops(plan);

	for (uint32_t i = 0; i < plan->nops; i++, op++) {
		ctr_buf_addf(out, "%4u %s", i, ctr_op_info(op->kind)->name);
		dump_operands(out, plan, op);
		if (op->flags) {
			ctr_buf_adds(out, " [");
			add_flags(out, op_flag_names, op->flags);
			ctr_buf_addc(out, ']');
		}
		if (op->origin) {
			ctr_buf_adds(out, "   # ");
			ctr_buf_adds(out, ctr_view_str(plan, op->origin));
		}
		ctr_buf_addc(out, '\n');
	}
}
