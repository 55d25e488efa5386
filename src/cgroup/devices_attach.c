/*
 * Loading the device program and attaching it to a cgroup. All programs attached to a cgroup and
 * its ancestors have to say yes, so ours never widens what systemd's or an engine's own allows.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/host.h"
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"

enum {
	LOAD_TRIES = 30,
	LOG_SIZE = 8192,
	PROGRAMS_MAX = 64, /* BPF_CGROUP_MAX_PROGS: the kernel attaches no more to one cgroup */
};

/* Our programs are known by it. */
static const char program_name[BPF_OBJ_NAME_LEN] = "ctr_devices";

/*
 * Always with the whole union, zeroed: BPF_PROG_QUERY of 6.17 and later writes behind a shorter
 * one, and unknown tails must be zero.
 */
static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* ---- loading */

static int load_once(const struct bpf_insn *insns, size_t n, char *log, uint32_t log_size)
{
	union bpf_attr attr;
	int fd = -EAGAIN;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = pointer(insns);
	attr.insn_cnt = (uint32_t)n;
	attr.license = pointer("GPL");
	attr.log_buf = pointer(log);
	attr.log_size = log_size;
	attr.log_level = log ? 1 : 0;
	memcpy(attr.prog_name, program_name, sizeof(program_name));

	/* EAGAIN: the verifier was interrupted by a signal. */
	for (int i = 0; i < LOAD_TRIES && fd == -EAGAIN; i++)
		fd = bpf(BPF_PROG_LOAD, &attr);
	return fd;
}

/* Before 5.11 programs count as locked memory. Our own limit is put back: the container inherits
 * it. */
static int load_without_memlock(const struct bpf_insn *insns, size_t n)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit before;
	int fd;

	if (getrlimit(RLIMIT_MEMLOCK, &before) < 0 || before.rlim_cur == RLIM_INFINITY ||
	    setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0)
		return -EPERM;

	fd = load_once(insns, n, NULL, 0);
	(void)setrlimit(RLIMIT_MEMLOCK, &before);
	return fd;
}

/* The last line that the verifier wrote but one: the last is its statistics. */
static const char *last_words(char *log)
{
	char *end = log + strlen(log);
	char *line;

	while (end > log && end[-1] == '\n')
		*--end = '\0';
	line = strrchr(log, '\n');
	if (line && strncmp(line + 1, "processed ", 10) == 0) {
		*line = '\0';
		line = strrchr(log, '\n');
	}
	return line ? line + 1 : log;
}

static int load(const struct bpf_insn *insns, size_t n, struct ctr_error *err)
{
	int fd = load_once(insns, n, NULL, 0);

	if (fd == -EPERM || fd == -ENOMEM) {
		int code = fd;

		fd = load_without_memlock(insns, n);
		if (fd < 0)
			fd = code;
	}
	if (fd == -EINVAL || fd == -EACCES) {
		char log[LOG_SIZE] = "";
		int again = load_once(insns, n, log, sizeof(log));

		if (again >= 0)
			return again;
		return ctr_fail(err, CTR_FAULT_HOST, -fd,
				"linux.resources.devices: the kernel refuses the device program "
				"(%s)",
				last_words(log));
	}
	if (fd == -E2BIG)
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"linux.resources.devices: the rules are more than the kernel verifies "
			"(%zu instructions)",
			n);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -fd,
				"linux.resources.devices: cannot load the device program");
	return fd;
}

/* ---- attaching */

static int attach(int cgroup, int program, uint32_t flags, int replaced)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI | flags;
	attr.replace_bpf_fd = flags & BPF_F_REPLACE ? (uint32_t)replaced : 0;
	return bpf(BPF_PROG_ATTACH, &attr);
}

static int detach(int cgroup, int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &attr);
}

/* A descriptor of program @id if it is one of ours, else -errno. */
static int open_ours(uint32_t id)
{
	_cleanup_close_ int fd = -1;
	struct bpf_prog_info info;
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (fd < 0)
		return fd;

	memset(&info, 0, sizeof(info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (r < 0)
		return r;
	if (strncmp(info.name, program_name, sizeof(info.name)) != 0)
		return -ENOENT;
	return ctr_take_fd(&fd);
}

/* The ids of what is attached to the cgroup itself: their number, or -errno. */
static int query(int cgroup, uint32_t ids[static PROGRAMS_MAX])
{
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = pointer(ids);
	attr.query.prog_cnt = PROGRAMS_MAX;
	r = bpf(BPF_PROG_QUERY, &attr);
	return r < 0 ? r : (int)attr.query.prog_cnt;
}

/* Put @program (-1: nothing) in the place of those we attached before. */
static int replace_ours(int cgroup, int program)
{
	uint32_t ids[PROGRAMS_MAX];
	bool attached = program < 0;
	int n = query(cgroup, ids);
	int r;

	if (n < 0)
		return n;

	for (int i = 0; i < n; i++) {
		_cleanup_close_ int old = open_ours(ids[i]);

		if (old < 0)
			continue;
		if (!attached && attach(cgroup, program, BPF_F_REPLACE, old) == 0) {
			attached = true;
			continue;
		}
		/* No BPF_F_REPLACE before 5.6. Both at once only deny more, so the new one first.
		 */
		if (!attached) {
			r = attach(cgroup, program, 0, -1);
			if (r < 0)
				return r;
			attached = true;
		}
		r = detach(cgroup, old);
		if (r < 0)
			return r;
	}
	return attached ? 0 : attach(cgroup, program, 0, -1);
}

static bool may_lack(const struct ctr_host *host, int code)
{
	return (host->rootless || host->in_userns) && (code == EPERM || code == EACCES);
}

int ctr_devices_attach(const struct ctr_cgroup *cgroup, const struct ctr_host *host,
		       const struct bpf_insn *insns, size_t n, bool replace, struct ctr_error *err)
{
	_cleanup_close_ int program = -1;
	int r;

	if (n == 0 && !replace)
		return 0;
	if (cgroup->fd < 0) {
		if (host->rootless || host->in_userns)
			return 0;
		return ctr_fail(
			err, CTR_FAULT_HOST, 0,
			"linux.resources.devices: the container has no cgroup to attach the "
			"device filter to");
	}

	if (n > 0) {
		struct ctr_error why;

		program = load(insns, n, &why);
		if (program < 0) {
			if (may_lack(host, why.code))
				return 0;
			if (err)
				*err = why;
			return -1;
		}
	}

	r = replace ? replace_ours(cgroup->fd, program) : attach(cgroup->fd, program, 0, -1);
	if (r < 0 && !may_lack(host, -r))
		return ctr_fail(
			err, CTR_FAULT_HOST, -r,
			"linux.resources.devices: cannot attach the device program to cgroup "
			"'%s'",
			cgroup->path);
	return 0;
}
