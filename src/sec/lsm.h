/* AppArmor and SELinux: what to write where before exec. Pure but for the probe in the host value.
 */
#pragma once

#include <stdbool.h>

struct ctr_arena;
struct ctr_error;
struct ctr_host;

struct ctr_lsm_label {
	/* Below /proc/thread-self/: "attr/apparmor/exec" or "attr/exec"; NULL: nothing to write. */
	const char *file;
	const char *text; /* "exec PROFILE" for AppArmor, the label itself for SELinux */
};

/* 0, or -1 and @err when the LSM asked for is not enabled on @host. "unconfined" asks for none. */
int ctr_lsm_apparmor(const char *profile, const struct ctr_host *host, struct ctr_arena *arena,
		     struct ctr_lsm_label *out, struct ctr_error *err);
int ctr_lsm_selinux(const char *label, const struct ctr_host *host, struct ctr_arena *arena,
		    struct ctr_lsm_label *out, struct ctr_error *err);

/* Is AppArmor's profile @name loaded? true where that cannot be seen: without securityfs. */
bool ctr_lsm_apparmor_is_loaded(const char *name, struct ctr_arena *arena);
