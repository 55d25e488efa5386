/*
 * The words of the spec that more than the decoder needs: for messages, `ctr features`, `ctr spec`
 * and options of the command line that take the same words. Tables end with a NULL name.
 */
#pragma once

#include "base/names.h"

#define CTR_OCI_VERSION     "1.3.0"
#define CTR_OCI_VERSION_MIN "1.0.0"

extern const struct ctr_name ctr_capability_names[]; /* "CAP_CHOWN": its number, in order */
extern const struct ctr_name ctr_rlimit_names[];     /* "RLIMIT_NOFILE": RLIMIT_* */
extern const struct ctr_name ctr_namespace_names[];  /* "pid": enum ctr_ns_kind */
extern const struct ctr_name ctr_hook_names[];       /* "prestart": enum ctr_hook_kind */
extern const struct ctr_name ctr_seccomp_action_names[];
extern const struct ctr_name ctr_seccomp_operator_names[];
extern const struct ctr_name ctr_seccomp_arch_names[];
extern const struct ctr_name ctr_seccomp_flag_names[];
extern const struct ctr_name ctr_memory_policy_names[];
extern const struct ctr_name ctr_memory_policy_flag_names[];

/* The name of mount option number @i, NULL behind the last. */
const char *ctr_mount_option_name(unsigned i);
