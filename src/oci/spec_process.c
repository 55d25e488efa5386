/* Tables of the process section (config.md#process). */
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

#include "oci/decode.h"
#include "oci/words.h"

/* A table of our own rather than libcap's: that library probes the kernel before main(). */
const struct ctr_name ctr_capability_names[] = {
	{"CAP_CHOWN",               CAP_CHOWN             },
	{ "CAP_DAC_OVERRIDE",       CAP_DAC_OVERRIDE      },
	{ "CAP_DAC_READ_SEARCH",    CAP_DAC_READ_SEARCH   },
	{ "CAP_FOWNER",             CAP_FOWNER            },
	{ "CAP_FSETID",             CAP_FSETID            },
	{ "CAP_KILL",               CAP_KILL              },
	{ "CAP_SETGID",             CAP_SETGID            },
	{ "CAP_SETUID",             CAP_SETUID            },
	{ "CAP_SETPCAP",            CAP_SETPCAP           },
	{ "CAP_LINUX_IMMUTABLE",    CAP_LINUX_IMMUTABLE   },
	{ "CAP_NET_BIND_SERVICE",   CAP_NET_BIND_SERVICE  },
	{ "CAP_NET_BROADCAST",      CAP_NET_BROADCAST     },
	{ "CAP_NET_ADMIN",          CAP_NET_ADMIN         },
	{ "CAP_NET_RAW",            CAP_NET_RAW           },
	{ "CAP_IPC_LOCK",           CAP_IPC_LOCK          },
	{ "CAP_IPC_OWNER",          CAP_IPC_OWNER         },
	{ "CAP_SYS_MODULE",         CAP_SYS_MODULE        },
	{ "CAP_SYS_RAWIO",          CAP_SYS_RAWIO         },
	{ "CAP_SYS_CHROOT",         CAP_SYS_CHROOT        },
	{ "CAP_SYS_PTRACE",         CAP_SYS_PTRACE        },
	{ "CAP_SYS_PACCT",          CAP_SYS_PACCT         },
	{ "CAP_SYS_ADMIN",          CAP_SYS_ADMIN         },
	{ "CAP_SYS_BOOT",           CAP_SYS_BOOT          },
	{ "CAP_SYS_NICE",           CAP_SYS_NICE          },
	{ "CAP_SYS_RESOURCE",       CAP_SYS_RESOURCE      },
	{ "CAP_SYS_TIME",           CAP_SYS_TIME          },
	{ "CAP_SYS_TTY_CONFIG",     CAP_SYS_TTY_CONFIG    },
	{ "CAP_MKNOD",              CAP_MKNOD             },
	{ "CAP_LEASE",              CAP_LEASE             },
	{ "CAP_AUDIT_WRITE",        CAP_AUDIT_WRITE       },
	{ "CAP_AUDIT_CONTROL",      CAP_AUDIT_CONTROL     },
	{ "CAP_SETFCAP",            CAP_SETFCAP           },
	{ "CAP_MAC_OVERRIDE",       CAP_MAC_OVERRIDE      },
	{ "CAP_MAC_ADMIN",          CAP_MAC_ADMIN         },
	{ "CAP_SYSLOG",             CAP_SYSLOG            },
	{ "CAP_WAKE_ALARM",         CAP_WAKE_ALARM        },
	{ "CAP_BLOCK_SUSPEND",      CAP_BLOCK_SUSPEND     },
	{ "CAP_AUDIT_READ",         CAP_AUDIT_READ        },
	{ "CAP_PERFMON",            CAP_PERFMON           },
	{ "CAP_BPF",                CAP_BPF               },
	{ "CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE},
	{ NULL,		     0		     },
};

const struct ctr_name ctr_rlimit_names[] = {
	{"RLIMIT_AS",          RLIMIT_AS        },
	{ "RLIMIT_CORE",       RLIMIT_CORE      },
	{ "RLIMIT_CPU",        RLIMIT_CPU       },
	{ "RLIMIT_DATA",       RLIMIT_DATA      },
	{ "RLIMIT_FSIZE",      RLIMIT_FSIZE     },
	{ "RLIMIT_LOCKS",      RLIMIT_LOCKS     },
	{ "RLIMIT_MEMLOCK",    RLIMIT_MEMLOCK   },
	{ "RLIMIT_MSGQUEUE",   RLIMIT_MSGQUEUE  },
	{ "RLIMIT_NICE",       RLIMIT_NICE      },
	{ "RLIMIT_NOFILE",     RLIMIT_NOFILE    },
	{ "RLIMIT_NPROC",      RLIMIT_NPROC     },
	{ "RLIMIT_RSS",        RLIMIT_RSS       },
	{ "RLIMIT_RTPRIO",     RLIMIT_RTPRIO    },
	{ "RLIMIT_RTTIME",     RLIMIT_RTTIME    },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{ "RLIMIT_STACK",      RLIMIT_STACK     },
	{ NULL,		0                },
};

static const struct ctr_field rlimit_fields[] = {
	F_ENUM(struct ctr_rlimit, resource, "type", CTR_REQUIRED, ctr_rlimit_names),
	F_U64(struct ctr_rlimit, soft, "soft", CTR_REQUIRED),
	F_U64(struct ctr_rlimit, hard, "hard", CTR_REQUIRED),
};

static int rlimit_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_rlimit *limit = object;

	if (limit->soft > limit->hard)
		return ctr_decode_fault_in(decode, "soft", "%llu is above the hard limit %llu",
					   (unsigned long long)limit->soft,
					   (unsigned long long)limit->hard);
	return 0;
}

static const struct ctr_type type_rlimit = {
	CTR_TYPE(struct ctr_rlimit, rlimit_fields),
	.done = rlimit_done,
};

/* A capability that is unknown or cannot be granted must be a warning only
 * (config.md#linux-process). */
static int add_capability(struct ctr_decode *decode, void *object, void *member, const char *text,
			  size_t len)
{
	const struct ctr_name *known = ctr_name_find(ctr_capability_names, text, len);

	(void)object;
	if (known)
		*(uint64_t *)member |= UINT64_C(1) << known->value;
	else
		ctr_decode_warn(decode, "unknown capability %s is ignored%s",
				ctr_decode_quote(decode, text, len),
				ctr_decode_near(decode, ctr_capability_names, text, len));
	return 0;
}

static const struct ctr_field capabilities_fields[] = {
	F_TEXTS(struct ctr_capabilities, bounding, uint64_t, "bounding", add_capability),
	F_TEXTS(struct ctr_capabilities, effective, uint64_t, "effective", add_capability),
	F_TEXTS(struct ctr_capabilities, inheritable, uint64_t, "inheritable", add_capability),
	F_TEXTS(struct ctr_capabilities, permitted, uint64_t, "permitted", add_capability),
	F_TEXTS(struct ctr_capabilities, ambient, uint64_t, "ambient", add_capability),
};

static const struct ctr_type type_capabilities = {
	CTR_TYPE(struct ctr_capabilities, capabilities_fields),
};

static const struct ctr_name scheduler_policy_names[] = {
	{"SCHED_OTHER",     SCHED_NORMAL  },
	{ "SCHED_FIFO",     SCHED_FIFO    },
	{ "SCHED_RR",       SCHED_RR      },
	{ "SCHED_BATCH",    SCHED_BATCH   },
	{ "SCHED_ISO",      4             }, /* reserved: no kernel has it */
	{ "SCHED_IDLE",     SCHED_IDLE    },
	{ "SCHED_DEADLINE", SCHED_DEADLINE},
	{ NULL,             0             },
};

static const struct ctr_name scheduler_flag_names[] = {
	{"SCHED_FLAG_RESET_ON_FORK",   SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM",        SCHED_FLAG_RECLAIM       },
	{ "SCHED_FLAG_DL_OVERRUN",     SCHED_FLAG_DL_OVERRUN    },
	{ "SCHED_FLAG_KEEP_POLICY",    SCHED_FLAG_KEEP_POLICY   },
	{ "SCHED_FLAG_KEEP_PARAMS",    SCHED_FLAG_KEEP_PARAMS   },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
	{ NULL,			0			},
};

static const struct ctr_field scheduler_fields[] = {
	F_ENUM(struct ctr_scheduler, policy, "policy", CTR_REQUIRED, scheduler_policy_names),
	F_I32(struct ctr_scheduler, nice, "nice", 0),
	F_I32(struct ctr_scheduler, priority, "priority", 0),
	F_FLAGS(struct ctr_scheduler, flags, "flags", scheduler_flag_names),
	F_U64(struct ctr_scheduler, runtime, "runtime", 0),
	F_U64(struct ctr_scheduler, deadline, "deadline", 0),
	F_U64(struct ctr_scheduler, period, "period", 0),
};

/* Which members a policy takes (sched_setattr(2)). */
static int scheduler_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_scheduler *scheduler = object;
	bool fair = scheduler->policy == SCHED_NORMAL || scheduler->policy == SCHED_BATCH;
	bool realtime = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;
	bool deadline = scheduler->policy == SCHED_DEADLINE;

	if (scheduler->nice != 0 && !fair)
		return ctr_decode_fault_in(decode, "nice",
					   "only SCHED_OTHER and SCHED_BATCH take it");
	if (scheduler->nice < -20 || scheduler->nice > 19)
		return ctr_decode_fault_in(decode, "nice", "%d is not in -20..19", scheduler->nice);
	if (scheduler->priority != 0 && !realtime)
		return ctr_decode_fault_in(decode, "priority",
					   "only SCHED_FIFO and SCHED_RR take it");
	if (realtime && (scheduler->priority < 1 || scheduler->priority > 99))
		return ctr_decode_fault_in(decode, "priority", "%d is not in 1..99",
					   scheduler->priority);
	if ((scheduler->runtime || scheduler->deadline || scheduler->period) && !deadline)
		return ctr_decode_fault_in(
			decode, "policy", "only SCHED_DEADLINE takes runtime, deadline and period");
	if (deadline && !scheduler->runtime)
		return ctr_decode_fault_in(decode, "runtime", "SCHED_DEADLINE needs it");
	return 0;
}

static const struct ctr_type type_scheduler = {
	CTR_TYPE(struct ctr_scheduler, scheduler_fields),
	.done = scheduler_done,
};

static const struct ctr_name io_class_names[] = {
	{"IOPRIO_CLASS_RT",    IOPRIO_CLASS_RT  },
	{ "IOPRIO_CLASS_BE",   IOPRIO_CLASS_BE  },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
	{ NULL,		0                },
};

static const struct ctr_field io_priority_fields[] = {
	F_ENUM(struct ctr_io_priority, class, "class", CTR_REQUIRED, io_class_names),
	F_I32_IN(struct ctr_io_priority, priority, "priority", 0, 0, 7),
};

static const struct ctr_type type_io_priority = {
	CTR_TYPE(struct ctr_io_priority, io_priority_fields),
};

static const struct ctr_field affinity_fields[] = {
	F_TEXT(struct ctr_exec_cpu_affinity, initial, const char *, "initial", 0, ctr_text_list),
	F_TEXT(struct ctr_exec_cpu_affinity, final, const char *, "final", 0, ctr_text_list),
};

static const struct ctr_type type_affinity = {
	CTR_TYPE(struct ctr_exec_cpu_affinity, affinity_fields),
};

static const struct ctr_field user_fields[] = {
	F_ID(struct ctr_user, uid, "uid", 0),
	F_ID(struct ctr_user, gid, "gid", 0),
	F_U32_OPT_IN(struct ctr_user, umask, "umask", 0, 0777),
	F_IDS(struct ctr_user, additional_gids, nadditional_gids, "additionalGids"),
	F_STRING(struct ctr_user, username, "username", 0),
};

static const struct ctr_type type_user = { CTR_TYPE(struct ctr_user, user_fields) };

static const struct ctr_field console_size_fields[] = {
	F_U16(struct ctr_process, console_height, "height", CTR_REQUIRED),
	F_U16(struct ctr_process, console_width, "width", CTR_REQUIRED),
};

static const struct ctr_type type_console_size = {
	CTR_TYPE(struct ctr_process, console_size_fields),
};

/* "unconfined" is what no profile means; a profile may well be called "unconfined_x". */
static int apparmor_profile(struct ctr_decode *decode, void *object, void *member, const char *text,
			    size_t len)
{
	static const char unconfined[] = "unconfined";

	if (len == sizeof(unconfined) - 1 && memcmp(text, unconfined, len) == 0)
		return 0;
	return ctr_text_word(decode, object, member, text, len);
}

static const struct ctr_field process_fields[] = {
	F_STRINGS(struct ctr_process, args, nargs, "args", 0, NULL),
	F_STRINGS(struct ctr_process, env, nenv, "env", 0, ctr_string_env),
	F_TEXT(struct ctr_process, cwd, const char *, "cwd", CTR_REQUIRED, ctr_text_absolute),
	F_OBJECT(struct ctr_process, user, struct ctr_user, "user", 0, &type_user),
	F_BOOL(struct ctr_process, terminal, "terminal", 0),
	F_GROUP_OPT(struct ctr_process, has_console_size, "consoleSize", &type_console_size),
	F_POINTER(struct ctr_process, capabilities, struct ctr_capabilities, "capabilities", 0,
		  &type_capabilities),
	F_BOOL(struct ctr_process, no_new_privileges, "noNewPrivileges", 0),
	F_OBJECTS(struct ctr_process, rlimits, nrlimits, struct ctr_rlimit, "rlimits", 0,
		  &type_rlimit),
	F_TEXT(struct ctr_process, apparmor_profile, const char *, "apparmorProfile", 0,
	       apparmor_profile),
	F_TEXT(struct ctr_process, selinux_label, const char *, "selinuxLabel", 0, ctr_text_word),
	F_I32_OPT_IN(struct ctr_process, oom_score_adj, "oomScoreAdj", -1000, 1000),
	F_POINTER(struct ctr_process, scheduler, struct ctr_scheduler, "scheduler", 0,
		  &type_scheduler),
	F_POINTER(struct ctr_process, io_priority, struct ctr_io_priority, "ioPriority", 0,
		  &type_io_priority),
	F_POINTER(struct ctr_process, exec_cpu_affinity, struct ctr_exec_cpu_affinity,
		  "execCPUAffinity", 0, &type_affinity),
	F_STRING(struct ctr_process, command_line, "commandLine", 0),
};

const struct ctr_type ctr_type_process = { CTR_TYPE(struct ctr_process, process_fields) };
