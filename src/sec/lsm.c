/* Labels of the next execve, as files below /proc/thread-self. */
#include "sec/lsm.h"

#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"

enum { PROFILES_MAX = 4 << 20 };

int ctr_lsm_apparmor(const char *profile, const struct ctr_host *host, struct ctr_arena *arena,
		     struct ctr_lsm_label *out, struct ctr_error *err)
{
	/* The whole name: a profile may be called "unconfined_web". */
	if (*profile == '\0' || strcmp(profile, "unconfined") == 0) {
		*out = (struct ctr_lsm_label){ 0 };
		return 0;
	}
	if (!host->apparmor)
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"process.apparmorProfile: '%s': AppArmor is not enabled on this host",
			profile);

	/* AppArmor shared attr/exec before 5.8; writing both would hand the text to another module
	 * where two are active. */
	*out = (struct ctr_lsm_label){
		.file = "attr/apparmor/exec",
		.text = ctr_arena_printf(arena, "exec %s", profile),
	};
	return 0;
}

int ctr_lsm_selinux(const char *label, const struct ctr_host *host, struct ctr_arena *arena,
		    struct ctr_lsm_label *out, struct ctr_error *err)
{
	(void)arena;
	if (!host->selinux)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"process.selinuxLabel: '%s': SELinux is not enabled on this host",
				label);

	*out = (struct ctr_lsm_label){ .file = "attr/exec", .text = label };
	return 0;
}

bool ctr_lsm_apparmor_is_loaded(const char *name, struct ctr_arena *arena)
{
	static const char path[] = "/sys/kernel/security/apparmor/profiles";
	const char *text = ctr_file_read(arena, AT_FDCWD, path, PROFILES_MAX, NULL, NULL);
	const size_t len = strlen(name);

	/* A line is "NAME (MODE)". */
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && strncmp(line + len, " (", 2) == 0)
			return true;
	}
	return !text;
}
