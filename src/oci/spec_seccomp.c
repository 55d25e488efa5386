/* Tables of linux.seccomp (config-linux.md#seccomp). */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "oci/decode.h"
#include "oci/words.h"

const struct ctr_name ctr_seccomp_action_names[] = {
	{"SCMP_ACT_KILL",          CTR_SECCOMP_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", CTR_SECCOMP_KILL_PROCESS},
	{ "SCMP_ACT_KILL_THREAD",  CTR_SECCOMP_KILL_THREAD },
	{ "SCMP_ACT_TRAP",         CTR_SECCOMP_TRAP        },
	{ "SCMP_ACT_ERRNO",        CTR_SECCOMP_ERRNO       },
	{ "SCMP_ACT_TRACE",        CTR_SECCOMP_TRACE       },
	{ "SCMP_ACT_ALLOW",        CTR_SECCOMP_ALLOW       },
	{ "SCMP_ACT_LOG",          CTR_SECCOMP_LOG         },
	{ "SCMP_ACT_NOTIFY",       CTR_SECCOMP_NOTIFY      },
	{ NULL,		    0		       },
};

const struct ctr_name ctr_seccomp_operator_names[] = {
	{"SCMP_CMP_NE",         SCMP_CMP_NE       },
	{ "SCMP_CMP_LT",        SCMP_CMP_LT       },
	{ "SCMP_CMP_LE",        SCMP_CMP_LE       },
	{ "SCMP_CMP_EQ",        SCMP_CMP_EQ       },
	{ "SCMP_CMP_GE",        SCMP_CMP_GE       },
	{ "SCMP_CMP_GT",        SCMP_CMP_GT       },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{ NULL,		 0                 },
};

/* libseccomp's tokens are the kernel's audit numbers; those that libseccomp 2.5 does not name yet
 * are given as such. Whether the library at hand can filter for one is the compiler's business. */
const struct ctr_name ctr_seccomp_arch_names[] = {
	{"SCMP_ARCH_X86",          SCMP_ARCH_X86         },
	{ "SCMP_ARCH_X86_64",      SCMP_ARCH_X86_64      },
	{ "SCMP_ARCH_X32",         SCMP_ARCH_X32         },
	{ "SCMP_ARCH_ARM",         SCMP_ARCH_ARM         },
	{ "SCMP_ARCH_AARCH64",     SCMP_ARCH_AARCH64     },
	{ "SCMP_ARCH_LOONGARCH64", AUDIT_ARCH_LOONGARCH64},
	{ "SCMP_ARCH_M68K",        AUDIT_ARCH_M68K       },
	{ "SCMP_ARCH_MIPS",        SCMP_ARCH_MIPS        },
	{ "SCMP_ARCH_MIPS64",      SCMP_ARCH_MIPS64      },
	{ "SCMP_ARCH_MIPS64N32",   SCMP_ARCH_MIPS64N32   },
	{ "SCMP_ARCH_MIPSEL",      SCMP_ARCH_MIPSEL      },
	{ "SCMP_ARCH_MIPSEL64",    SCMP_ARCH_MIPSEL64    },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC",         SCMP_ARCH_PPC         },
	{ "SCMP_ARCH_PPC64",       SCMP_ARCH_PPC64       },
	{ "SCMP_ARCH_PPC64LE",     SCMP_ARCH_PPC64LE     },
	{ "SCMP_ARCH_S390",        SCMP_ARCH_S390        },
	{ "SCMP_ARCH_S390X",       SCMP_ARCH_S390X       },
	{ "SCMP_ARCH_SH",          AUDIT_ARCH_SHEL       },
	{ "SCMP_ARCH_SHEB",        AUDIT_ARCH_SH         },
	{ "SCMP_ARCH_PARISC",      SCMP_ARCH_PARISC      },
	{ "SCMP_ARCH_PARISC64",    SCMP_ARCH_PARISC64    },
	{ "SCMP_ARCH_RISCV64",     SCMP_ARCH_RISCV64     },
	{ NULL,		    0		     },
};

/* WAIT_KILLABLE_RECV is newer than some <linux/seccomp.h>. */
enum { FLAG_WAIT_KILLABLE_RECV = 1 << 5 };

const struct ctr_name ctr_seccomp_flag_names[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC",               SECCOMP_FILTER_FLAG_TSYNC     },
	{ "SECCOMP_FILTER_FLAG_LOG",                SECCOMP_FILTER_FLAG_LOG       },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW",         SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", FLAG_WAIT_KILLABLE_RECV       },
	{ NULL,				     0			     },
};

static const struct ctr_field arg_fields[] = {
	F_U32_IN(struct ctr_seccomp_arg, index, "index", CTR_REQUIRED, 0, 5),
	F_U64(struct ctr_seccomp_arg, value, "value", CTR_REQUIRED),
	F_U64(struct ctr_seccomp_arg, value_two, "valueTwo", 0),
	F_ENUM(struct ctr_seccomp_arg, op, "op", CTR_REQUIRED, ctr_seccomp_operator_names),
};

static const struct ctr_type type_arg = { CTR_TYPE(struct ctr_seccomp_arg, arg_fields) };

static int syscall_name(struct ctr_decode *decode, void *object, void *member, const char *text,
			size_t len)
{
	(void)object;
	(void)member;
	(void)text;
	return len > 0 ? 0 : ctr_decode_fault(decode, "is empty");
}

static const struct ctr_field rule_fields[] = {
	F_STRINGS(struct ctr_seccomp_rule, names, nnames, "names", CTR_REQUIRED, syscall_name),
	F_ENUM(struct ctr_seccomp_rule, action, "action", CTR_REQUIRED, ctr_seccomp_action_names),
	F_U32_OPT(struct ctr_seccomp_rule, errno_ret, "errnoRet"),
	F_OBJECTS(struct ctr_seccomp_rule, args, nargs, struct ctr_seccomp_arg, "args", 0,
		  &type_arg),
};

static void rule_init(void *object)
{
	struct ctr_seccomp_rule *rule = object;

	rule->errno_ret = EPERM;
}

/* An errno belongs to ERRNO and TRACE only; for others it MUST be refused
 * (config-linux.md#seccomp). */
static int check_errno(struct ctr_decode *decode, const char *member,
		       enum ctr_seccomp_action action, bool present, uint32_t value)
{
	enum { ERRNO_MAX = 4095, TRACE_MAX = 65535 }; /* SECCOMP_RET_DATA; MAX_ERRNO */
	uint32_t max = action == CTR_SECCOMP_ERRNO ? ERRNO_MAX : TRACE_MAX;

	if (!present)
		return 0;
	if (action != CTR_SECCOMP_ERRNO && action != CTR_SECCOMP_TRACE)
		return ctr_decode_fault_in(decode, member,
					   "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE take it");
	if (value > max)
		return ctr_decode_fault_in(decode, member, "%u is not in 0..%u", value, max);
	return 0;
}

static int rule_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_seccomp_rule *rule = object;

	if (rule->nnames == 0)
		return ctr_decode_fault_in(decode, "names", "is empty");
	return check_errno(decode, "errnoRet", rule->action, rule->has_errno_ret, rule->errno_ret);
}

static const struct ctr_type type_rule = {
	CTR_TYPE(struct ctr_seccomp_rule, rule_fields),
	.init = rule_init,
	.done = rule_done,
};

static const struct ctr_field seccomp_fields[] = {
	F_ENUM(struct ctr_seccomp, default_action, "defaultAction", CTR_REQUIRED,
	       ctr_seccomp_action_names),
	F_U32_OPT(struct ctr_seccomp, default_errno_ret, "defaultErrnoRet"),
	F_ENUMS(struct ctr_seccomp, architectures, narchitectures, "architectures",
		ctr_seccomp_arch_names),
	F_FLAGS_OPT(struct ctr_seccomp, flags, "flags", ctr_seccomp_flag_names),
	F_TEXT(struct ctr_seccomp, listener_path, const char *, "listenerPath", 0, ctr_text_word),
	F_TEXT(struct ctr_seccomp, listener_metadata, const char *, "listenerMetadata", 0,
	       ctr_text_word),
	F_OBJECTS(struct ctr_seccomp, rules, nrules, struct ctr_seccomp_rule, "syscalls", 0,
		  &type_rule),
};

static void seccomp_init_defaults(void *object)
{
	struct ctr_seccomp *seccomp = object;

	seccomp->default_errno_ret = EPERM;
}

static int seccomp_done(struct ctr_decode *decode, void *object)
{
	const struct ctr_seccomp *seccomp = object;

	if (seccomp->listener_metadata && !seccomp->listener_path)
		return ctr_decode_fault_in(decode, "listenerMetadata",
					   "needs listenerPath beside it");
	/* ctr-init itself would wait for an answer that nobody gives. */
	if (seccomp->default_action == CTR_SECCOMP_NOTIFY)
		return ctr_decode_fault_in(
			decode, "defaultAction",
			"SCMP_ACT_NOTIFY is possible for single system calls only");
	return check_errno(decode, "defaultErrnoRet", seccomp->default_action,
			   seccomp->has_default_errno_ret, seccomp->default_errno_ret);
}

const struct ctr_type ctr_type_seccomp = {
	CTR_TYPE(struct ctr_seccomp, seccomp_fields),
	.init = seccomp_init_defaults,
	.done = seccomp_done,
};
