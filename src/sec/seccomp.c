/* linux.seccomp -> what seccomp(2) takes, from the cache or compiled. Runs in the parent, in create
 * and exec. */
#include "sec/seccomp.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>

#include "oci/spec.h"
#include "sec/cache.h"
#include "sec/filter.h"

/* Newer than some <linux/seccomp.h>. */
enum {
	FLAG_TSYNC_ESRCH = 1 << 4,
	FLAG_WAIT_KILLABLE_RECV = 1 << 5,
};

/* config-linux.md#seccomp leaves the default of `flags` open; runc's is SPEC_ALLOW. */
static uint32_t flags_of(const struct ctr_seccomp *profile, bool notifies)
{
	uint32_t flags =
		profile->has_flags ? (uint32_t)profile->flags : SECCOMP_FILTER_FLAG_SPEC_ALLOW;

	if (!notifies) /* EINVAL without a listener */
		return flags & ~(uint32_t)FLAG_WAIT_KILLABLE_RECV;

	/* One return value cannot be a descriptor and a thread that did not follow: ESRCH is said
	 * instead. */
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		flags |= FLAG_TSYNC_ESRCH;
	return flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
}

static int compile(const struct ctr_seccomp *profile, uint32_t native, struct ctr_arena *arena,
		   struct ctr_seccomp_cached *out, struct ctr_error *err)
{
	struct ctr_filter filter;
	struct sock_filter *insns;
	size_t n;

	if (ctr_filter_decide(profile, native, arena, &filter, err) < 0 ||
	    ctr_filter_emit(&filter, arena, &insns, &n, err) < 0)
		return -1;

	out->insns = insns;
	out->n = (uint16_t)n;
	out->notifies = filter.notifies;
	return 0;
}

int ctr_seccomp_compile(const struct ctr_seccomp *profile, const char *cache_dir,
			struct ctr_arena *arena, struct ctr_seccomp_program *out,
			struct ctr_error *err)
{
	uint32_t native = seccomp_arch_native();
	struct ctr_seccomp_cached filter;

	if (!cache_dir || !ctr_seccomp_cache_find(cache_dir, profile, native, &filter)) {
		if (compile(profile, native, arena, &filter, err) < 0)
			return -1;
		if (cache_dir)
			ctr_seccomp_cache_keep(cache_dir, profile, native, &filter, arena);
	}

	*out = (struct ctr_seccomp_program){
		.filter = filter.insns,
		.length = filter.n,
		.flags = flags_of(profile, filter.notifies),
	};
	return 0;
}
