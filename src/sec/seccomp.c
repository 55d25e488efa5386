/* linux.seccomp compiled by libseccomp, one filter for all architectures of the profile. */
#include "sec/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "oci/spec.h"

static void release_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static uint32_t action_of(enum ctr_seccomp_action action, uint32_t errno_ret)
{
	switch (action) {
	case CTR_SECCOMP_KILL_THREAD:
		return SCMP_ACT_KILL_THREAD;
	case CTR_SECCOMP_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case CTR_SECCOMP_TRAP:
		return SCMP_ACT_TRAP;
	case CTR_SECCOMP_ERRNO:
		return SCMP_ACT_ERRNO(errno_ret);
	case CTR_SECCOMP_TRACE:
		return SCMP_ACT_TRACE(errno_ret);
	case CTR_SECCOMP_ALLOW:
		return SCMP_ACT_ALLOW;
	case CTR_SECCOMP_LOG:
		return SCMP_ACT_LOG;
	case CTR_SECCOMP_NOTIFY:
		return SCMP_ACT_NOTIFY;
	}

	return SCMP_ACT_KILL_PROCESS;
}

static int add_architectures(scmp_filter_ctx filter, const struct ctr_seccomp *profile,
			     struct ctr_error *err)
{
	for (size_t i = 0; i < profile->narchitectures; i++) {
		int r = seccomp_arch_add(filter, profile->architectures[i]);

		if (r < 0 && r != -EEXIST)
			return ctr_fail(err, CTR_FAULT_CONFIG, -r,
					"linux.seccomp.architectures[%zu]: cannot add it", i);
	}

	return 0;
}

/* All arguments at once, or one rule an argument where an index occurs twice (any may match then).
 */
static int add_call(scmp_filter_ctx filter, const struct ctr_seccomp_rule *rule, uint32_t action,
		    int call)
{
	struct scmp_arg_cmp args[6];
	uint32_t seen = 0;
	bool twice = false;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < rule->nargs; i++) {
		twice = twice || (seen & 1U << rule->args[i].index);
		seen |= 1U << rule->args[i].index;
	}
	for (size_t i = 0; i < rule->nargs && r == 0; i++) {
		const struct ctr_seccomp_arg *arg = &rule->args[i];

		args[n++] = (struct scmp_arg_cmp){ arg->index, (enum scmp_compare)arg->op,
						   arg->value, arg->value_two };
		if (!twice)
			continue;
		r = seccomp_rule_add_array(filter, action, call, 1, args);
		n = 0;
	}

	return r < 0 || (twice && rule->nargs > 0)
		       ? r
		       : seccomp_rule_add_array(filter, action, call, (unsigned)n, args);
}

static int add_rules(scmp_filter_ctx filter, const struct ctr_seccomp *profile, uint32_t fallback,
		     struct ctr_error *err)
{
	for (size_t i = 0; i < profile->nrules; i++) {
		const struct ctr_seccomp_rule *rule = &profile->rules[i];
		uint32_t action = action_of(rule->action, rule->errno_ret);

		if (action == fallback)
			continue;
		for (size_t j = 0; j < rule->nnames; j++) {
			int call = seccomp_syscall_resolve_name(rule->names[j]), r;

			/* Unknown here: newer than libseccomp, or of another architecture. */
			if (call == __NR_SCMP_ERROR)
				continue;
			r = add_call(filter, rule, action, call);
			if (r < 0 && r != -EFAULT)
				return ctr_fail(
					err, CTR_FAULT_CONFIG, -r,
					"linux.seccomp.syscalls[%zu]: cannot add the rule for '%s'",
					i, rule->names[j]);
		}
	}

	return 0;
}

static int export_filter(scmp_filter_ctx filter, struct ctr_arena *arena,
			 struct ctr_seccomp_program *out, struct ctr_error *err)
{
	_cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
	struct sock_filter *program;
	off_t size;
	int r;

	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "linux.seccomp: cannot make a memfd");

	r = seccomp_export_bpf(filter, fd);
	size = lseek(fd, 0, SEEK_END);
	if (r < 0 || size <= 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "linux.seccomp: cannot export the filter");
	if (size / (off_t)sizeof(*program) > BPF_MAXINSNS)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.seccomp: the filter has %lld instructions, %d are allowed",
				(long long)size / (long long)sizeof(*program), BPF_MAXINSNS);

	program = ctr_arena_alloc(arena, (size_t)size);
	if (lseek(fd, 0, SEEK_SET) < 0 || (r = ctr_read_all(fd, program, (size_t)size)) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "linux.seccomp: cannot read the filter");

	out->filter = program;
	out->length = (uint16_t)((size_t)size / sizeof(*program));
	return 0;
}

int ctr_seccomp_compile(const struct ctr_seccomp *profile, const char *cache_dir,
			struct ctr_arena *arena, struct ctr_seccomp_program *out,
			struct ctr_error *err)
{
	uint32_t fallback = action_of(profile->default_action, profile->default_errno_ret);
	_cleanup_(release_filter) scmp_filter_ctx filter = seccomp_init(fallback);

	(void)cache_dir;
	if (!filter)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "linux.seccomp: cannot begin a filter");

	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) < 0 ||
	    add_architectures(filter, profile, err) < 0 ||
	    add_rules(filter, profile, fallback, err) < 0 ||
	    export_filter(filter, arena, out, err) < 0)
		return -1;

	out->flags = profile->has_flags ? (uint32_t)profile->flags : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	if (profile->listener_path)
		out->flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return 0;
}
