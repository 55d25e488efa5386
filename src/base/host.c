/*
 * What this host is. Runs once in every command, so the number of system calls counts: each costs a
 * microsecond or less, but a file of /proc or /sys ten times that.
 */
#include "base/host.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"

/* With PROC_USER_INIT_INO of the kernel's <linux/proc_ns.h>. The id map tells nothing: a nested
 * user namespace may well have the identity map. */
static const char user_ns_initial[] = "user:[4026531837]";

enum { SIGNALS = 64 };

static const char unified_mount[] = "/sys/fs/cgroup";
static const char hybrid_mount[] = "/sys/fs/cgroup/unified";

static bool is_cgroup2(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* All these calls take less time than opening /proc/self/status, which has it, too. */
static void probe_capabilities(struct ctr_host *host)
{
	int r, cap = 0;

	/* EINVAL behind the last one that the kernel has. */
	while (cap < 64 && (r = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0)
		host->cap_bounding |= (uint64_t)(r == 1) << cap++;
	host->last_cap = cap - 1;
}

/* By the system call: a C library keeps signals for itself. */
static void probe_signals(struct ctr_host *host)
{
	/* The kernel's struct sigaction: the handler comes first. */
	uint64_t action[8];

	for (int number = 1; number <= SIGNALS; number++) {
		if (syscall(SYS_rt_sigaction, number, NULL, action, sizeof(uint64_t)) == 0 &&
		    action[0] == (uint64_t)(uintptr_t)SIG_IGN)
			host->ignored_signals |= 1ULL << (number - 1);
	}
}

/* Are all ids mapped, so that root in this user namespace may do nearly all that root can? */
static bool has_full_id_map(void)
{
	uint64_t inside, outside, size;
	const char *p;
	char map[512];

	if (ctr_file_read_small(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) <= 0)
		return false;
	p = map;
	return ctr_cut_u64(&p, &inside) && ctr_cut_u64(&p, &outside) && ctr_cut_u64(&p, &size) &&
	       inside == 0 && size >= UINT32_MAX;
}

static void probe_setgroups(struct ctr_host *host)
{
	char setgroups[16];

	/* setgroups(2) is never denied in the initial one. */
	host->setgroups_denied = host->in_userns &&
				 ctr_file_read_small(AT_FDCWD, "/proc/self/setgroups", setgroups,
						     sizeof(setgroups)) > 0 &&
				 strcmp(setgroups, "deny") == 0;
}

static void probe_cgroup(struct ctr_host *host, struct ctr_arena *arena)
{
	char groups[4096];
	char *line, *end;

	if (is_cgroup2(unified_mount)) {
		host->cgroup_mode = CTR_CGROUP_UNIFIED;
		host->cgroup_mount = unified_mount;
	} else if (is_cgroup2(hybrid_mount)) {
		host->cgroup_mode = CTR_CGROUP_HYBRID;
		host->cgroup_mount = hybrid_mount;
	} else {
		host->cgroup_mode = CTR_CGROUP_NONE;
		return;
	}

	/* The line of v2 is "0::/path"; with v1 hierarchies it is the last of many. */
	host->cgroup_self = "/";
	if (!host->rootless)
		return;
	if (ctr_file_read_small(AT_FDCWD, "/proc/self/cgroup", groups, sizeof(groups)) < 0)
		return;
	line = strncmp(groups, "0::", 3) == 0 ? groups : strstr(groups, "\n0::");
	if (!line)
		return;
	line = strstr(line, "0::") + 3;
	end = strchr(line, '\n');
	host->cgroup_self =
		ctr_arena_strndup(arena, line, end ? (size_t)(end - line) : strlen(line));
}

static void probe_lsm(struct ctr_host *host)
{
	struct statfs fs;
	char enabled[8];

	host->apparmor = ctr_file_read_small(AT_FDCWD, "/sys/module/apparmor/parameters/enabled",
					     enabled, sizeof(enabled)) > 0 &&
			 enabled[0] == 'Y';
	host->selinux = statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == (long)SELINUX_MAGIC;
}

static bool may_administrate(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective >> CAP_SYS_ADMIN & 1);
}

void ctr_host_identify(struct ctr_host *host)
{
	char ns[sizeof(user_ns_initial)];
	ssize_t n;

	*host = (struct ctr_host){ .euid = geteuid(), .egid = getegid() };
	/* Half the price of stat(2), which makes an inode for what the link points to. */
	n = readlink("/proc/self/ns/user", ns, sizeof(ns));
	host->has_user_ns = n > 0;
	host->has_proc = n > 0 || access("/proc/self/stat", F_OK) == 0;
	host->in_userns = n > 0 && ((size_t)n != sizeof(user_ns_initial) - 1 ||
				    memcmp(ns, user_ns_initial, (size_t)n) != 0);
	host->privileged = may_administrate();
	host->rootless = host->euid != 0 || (host->in_userns && !has_full_id_map());
}

void ctr_host_complete(struct ctr_host *host, unsigned parts, struct ctr_arena *arena)
{
	probe_capabilities(host);
	probe_signals(host);
	probe_setgroups(host);
	probe_cgroup(host, arena);
	/* A kernel with cgroup2 has them, since 4.6. */
	host->has_cgroup_ns =
		host->cgroup_mode != CTR_CGROUP_NONE || access("/proc/self/ns/cgroup", F_OK) == 0;
	if (parts & CTR_HOST_TIME_NS)
		host->has_time_ns = access("/proc/self/ns/time", F_OK) == 0;
	if (parts & CTR_HOST_LSM)
		probe_lsm(host);
}

void ctr_host_probe(struct ctr_host *host, struct ctr_arena *arena)
{
	ctr_host_identify(host);
	ctr_host_complete(host, CTR_HOST_ALL, arena);
}
