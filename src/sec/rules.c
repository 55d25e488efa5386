/*
 * The rules of a profile -> one decision for every system call number.
 *
 * Where rules speak of the same call, libseccomp's answer is kept, since profiles are written for
 * it: a rule without arguments beats those with, the first of several without wins, and a rule
 * whose action is the default one is not there at all. Among rules with arguments the first that
 * matches decides.
 *
 * Calls that are newer than the newest in the profile get ENOSYS instead of a refusal, so that
 * libraries fall back to older ones (as runc does since 1.0.0-rc93). A default that lets calls
 * through (ALLOW, LOG, and TRACE, whose tracer knows better) is left alone.
 */
#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "oci/spec.h"
#include "sec/filter.h"

enum {
	X32_BIT = 0x40000000,
	REGION_SIZE = 1024,    /* the highest number anywhere is far below */
	X32_OWN = 512,         /* x32 has calls of its own from here to 547 */
	ARM_PRIVATE = 0xf0000, /* breakpoint, cacheflush, ... set_tls */
	I386_SOCKETCALL = 102,
	I386_IPC = 117,
	REGIONS_MAX = 3,
};

/* Numbers that are given out in sequence: the newest of them stands for its time. */
struct region_layout {
	uint32_t token; /* SCMP_ARCH_* */
	uint32_t base, size;
};

struct section_layout {
	uint32_t native; /* machines that report it */
	uint32_t arch;   /* seccomp_data.arch */
	struct region_layout regions[REGIONS_MAX];
};

/* The machine's own architecture stands first: its filter always holds it. */
static const struct section_layout layouts[] = {
	{SCMP_ARCH_X86_64,
         AUDIT_ARCH_X86_64,		      { { SCMP_ARCH_X86_64, 0, REGION_SIZE },
	    { SCMP_ARCH_X32, X32_BIT, X32_OWN },
	    { SCMP_ARCH_X32, X32_BIT + X32_OWN, X32_OWN } }                                             },
	{ SCMP_ARCH_X86_64,  AUDIT_ARCH_I386,    { { SCMP_ARCH_X86, 0, REGION_SIZE } }                                             },
	{ SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, { { SCMP_ARCH_AARCH64, 0, REGION_SIZE } }                                         },
	{ SCMP_ARCH_AARCH64,
         AUDIT_ARCH_ARM,			 { { SCMP_ARCH_ARM, 0, REGION_SIZE }, { SCMP_ARCH_ARM, ARM_PRIVATE, REGION_SIZE } }},
};

/* What the rules say of a number. Numbers decided by a rule without arguments share one of these
 * for each action; the others have their own. */
struct call {
	uint32_t action;
	bool decided;
	struct ctr_filter_case *first, **last;
};

/* A call that i386 makes through socketcall or ipc; its arguments are out of a filter's sight. */
struct multiplexed {
	uint32_t action;
	bool decided, spoken; /* by a rule without arguments; by any */
};

enum { MUX_SOCKET = 100, MUX_IPC = 200, MUX_CALLS = 25 };

struct region {
	const struct region_layout *layout;
	uint16_t slots[REGION_SIZE]; /* index in calls, 0: nothing said */
	uint32_t end;                /* one behind the newest that was spoken of */
};

struct section {
	const struct section_layout *layout;
	struct region regions[REGIONS_MAX];
	size_t nregions;
	struct call *calls; /* the first is not used */
	size_t ncalls;
	struct multiplexed sockets[MUX_CALLS], ipcs[MUX_CALLS];
};

struct deciding {
	struct ctr_arena *arena;
	uint32_t fallback;
	bool enosys; /* newer calls get it */
	bool notifies;
};

/* ---- actions */

static uint32_t action_of(enum ctr_seccomp_action action, uint32_t data)
{
	data &= SECCOMP_RET_DATA;
	switch (action) {
	case CTR_SECCOMP_KILL_THREAD:
		return SECCOMP_RET_KILL_THREAD;
	case CTR_SECCOMP_KILL_PROCESS:
		return SECCOMP_RET_KILL_PROCESS;
	case CTR_SECCOMP_TRAP:
		return SECCOMP_RET_TRAP;
	case CTR_SECCOMP_ERRNO:
		return SECCOMP_RET_ERRNO | data;
	case CTR_SECCOMP_TRACE:
		return SECCOMP_RET_TRACE | data;
	case CTR_SECCOMP_ALLOW:
		return SECCOMP_RET_ALLOW;
	case CTR_SECCOMP_LOG:
		return SECCOMP_RET_LOG;
	case CTR_SECCOMP_NOTIFY:
		return SECCOMP_RET_USER_NOTIF;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static bool lets_through(enum ctr_seccomp_action action)
{
	return action == CTR_SECCOMP_ALLOW || action == CTR_SECCOMP_LOG ||
	       action == CTR_SECCOMP_TRACE;
}

/* The kernel orders actions so, with KILL_PROCESS as the negative one. */
static bool is_milder(uint32_t a, uint32_t b)
{
	return (int32_t)(a & SECCOMP_RET_ACTION_FULL) > (int32_t)(b & SECCOMP_RET_ACTION_FULL);
}

/* ---- rules */

/* Where it is noted what is said of number @nr; NULL where no such number can be. */
static uint16_t *slot_of(struct section *section, uint32_t nr)
{
	for (size_t i = 0; i < section->nregions; i++) {
		struct region *region = &section->regions[i];
		uint32_t offset = nr - region->layout->base;

		if (offset >= region->layout->size)
			continue;
		if (region->end <= offset)
			region->end = offset + 1;
		return &region->slots[offset];
	}
	return NULL;
}

/* The index of what is said by a rule without arguments. */
static uint16_t decided(struct section *section, uint32_t action)
{
	size_t i = 1;

	while (i < section->ncalls &&
	       !(section->calls[i].decided && section->calls[i].action == action))
		i++;
	if (i == section->ncalls)
		section->calls[section->ncalls++] =
			(struct call){ .action = action, .decided = true };
	return (uint16_t)i;
}

/* What is said of the number of @slot by rules with arguments. */
static struct call *undecided(struct section *section, uint16_t *slot)
{
	struct call *call;

	if (*slot == 0) {
		*slot = (uint16_t)section->ncalls++;
		call = &section->calls[*slot];
		*call = (struct call){ .last = &call->first };
	}
	return &section->calls[*slot];
}

static void add_case(struct call *call, struct deciding *deciding,
		     const struct ctr_seccomp_arg *args, size_t nargs, uint32_t action)
{
	struct ctr_filter_case *add = ctr_arena_alloc(deciding->arena, sizeof(*add));

	add->args = args;
	add->nargs = nargs;
	add->action = action;
	*call->last = add;
	call->last = &add->next;
}

/* libseccomp took an index once a rule only, so runc makes each condition a rule of its own then:
 * any of them may hold. Documents rely on it. */
static bool has_index_twice(const struct ctr_seccomp_rule *rule)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < rule->nargs; i++) {
		if (seen & UINT32_C(1) << rule->args[i].index)
			return true;
		seen |= UINT32_C(1) << rule->args[i].index;
	}
	return false;
}

static void say_direct(struct section *section, uint32_t nr, const struct ctr_seccomp_rule *rule,
		       uint32_t action, struct deciding *deciding)
{
	uint16_t *slot = slot_of(section, nr);
	struct call *call;

	if (!slot || section->calls[*slot].decided)
		return;
	if (rule->nargs == 0) {
		*slot = decided(section, action);
		return;
	}

	call = undecided(section, slot);
	if (!has_index_twice(rule)) {
		add_case(call, deciding, rule->args, rule->nargs, action);
		return;
	}
	for (size_t i = 0; i < rule->nargs; i++)
		add_case(call, deciding, &rule->args[i], 1, action);
}

/*
 * The conditions of the rule cannot be asked. Of several such rules the mildest counts, so that a
 * call which some arguments may make can be made: the profile's ban of one address family must not
 * take all sockets from i386 programs.
 */
static void say_multiplexed(struct section *section, int call, const struct ctr_seccomp_rule *rule,
			    uint32_t action)
{
	struct multiplexed *mux = call <= -MUX_IPC ? &section->ipcs[-call - MUX_IPC]
						   : &section->sockets[-call - MUX_SOCKET];

	if (mux->decided)
		return;
	if (rule->nargs == 0 || !mux->spoken || is_milder(action, mux->action))
		mux->action = action;
	mux->decided = rule->nargs == 0;
	mux->spoken = true;
}

static bool is_multiplexed(int call)
{
	return (call <= -MUX_SOCKET && call > -MUX_SOCKET - MUX_CALLS) ||
	       (call <= -MUX_IPC && call > -MUX_IPC - MUX_CALLS);
}

static bool say(struct section *section, uint32_t token, const char *name,
		const struct ctr_seccomp_rule *rule, uint32_t action, struct deciding *deciding)
{
	int call = ctr_filter_call(name, token);

	if (call >= 0) {
		say_direct(section, (uint32_t)call, rule, action, deciding);
	} else if (token == SCMP_ARCH_X86 && is_multiplexed(call)) {
		int direct = ctr_filter_direct_call(call);

		say_multiplexed(section, call, rule, action);
		if (direct >= 0)
			say_direct(section, (uint32_t)direct, rule, action, deciding);
	}
	return call != __NR_SCMP_ERROR;
}

/* x32 has two regions of one token: names are looked up once. */
static bool is_repeated(const struct section *section, size_t i)
{
	return i > 0 && section->regions[i].layout->token == section->regions[i - 1].layout->token;
}

static void say_rule(struct section *section, const struct ctr_seccomp_rule *rule, size_t index,
		     struct deciding *deciding)
{
	uint32_t action = action_of(rule->action, rule->errno_ret);

	if (action == deciding->fallback)
		return;
	if (rule->action == CTR_SECCOMP_NOTIFY)
		deciding->notifies = true;

	for (size_t i = 0; i < section->nregions; i++) {
		uint32_t token = section->regions[i].layout->token;

		if (is_repeated(section, i))
			continue;
		for (size_t j = 0; j < rule->nnames; j++) {
			if (!say(section, token, rule->names[j], rule, action, deciding) &&
			    token == section->layout->native)
				ctr_log(CTR_LOG_DEBUG,
					"linux.seccomp.syscalls[%zu].names[%zu]: no system call "
					"'%s' is known, skipped",
					index, j, rule->names[j]);
		}
	}
}

/* Turn what was said of multiplexed calls into cases of the multiplexer's first argument. */
static void join_multiplexed(struct section *section, uint32_t nr, const struct multiplexed *mux,
			     struct deciding *deciding)
{
	for (uint32_t i = 0; i < MUX_CALLS; i++) {
		struct ctr_seccomp_arg *arg;
		uint16_t *slot;

		if (!mux[i].spoken)
			continue;
		slot = slot_of(section, nr);
		if (!slot || section->calls[*slot].decided)
			return;
		arg = ctr_arena_alloc(deciding->arena, sizeof(*arg));
		*arg = (struct ctr_seccomp_arg){ .value = i, .op = SCMP_CMP_EQ };
		add_case(undecided(section, slot), deciding, arg, 1, mux[i].action);
	}
}

/* ---- ranges */

struct ranges {
	struct ctr_filter_range *list;
	size_t count;
};

/* The next range; one with its predecessor when both are the same for all arguments. */
static void add_range(struct ranges *ranges, const struct ctr_filter_range *range)
{
	struct ctr_filter_range *last = ranges->count ? &ranges->list[ranges->count - 1] : NULL;

	if (last && last->first == range->first)
		*last = *range;
	else if (!last || last->cases || range->cases || last->action != range->action)
		ranges->list[ranges->count++] = *range;
}

static void add_region(struct ranges *ranges, const struct section *section,
		       const struct region *region, uint32_t fallback, uint32_t beyond)
{
	const struct region_layout *layout = region->layout;
	bool words = layout->token != SCMP_ARCH_X86_64 && layout->token != SCMP_ARCH_AARCH64;

	for (uint32_t offset = 0; offset < region->end; offset++) {
		const struct call *call = NULL;
		struct ctr_filter_range range = { layout->base + offset, fallback, NULL, words };

		if (region->slots[offset] > 0)
			call = &section->calls[region->slots[offset]];
		if (call && call->decided)
			range.action = call->action;
		else if (call)
			range.cases = call->first;
		add_range(ranges, &range);
	}
	add_range(ranges,
		  &(struct ctr_filter_range){ layout->base + region->end, beyond, NULL, words });
}

/* At most: where what is said changes, behind the newest of each region, and the foreign ones. */
static size_t count_ranges(const struct section *section)
{
	size_t n = section->nregions + 1;

	for (size_t i = 0; i < section->nregions; i++) {
		const struct region *region = &section->regions[i];

		for (uint32_t offset = 0; offset < region->end; offset++)
			n += offset == 0 || region->slots[offset] != region->slots[offset - 1];
	}
	return n;
}

static void add_section(struct ctr_filter *filter, struct section *section,
			struct deciding *deciding)
{
	struct ctr_filter_section *out = &filter->sections[filter->nsections++];
	struct ranges ranges = { 0 };
	uint32_t beyond = deciding->fallback;
	bool spoken = false, x32 = false;

	if (section->layout->arch == AUDIT_ARCH_I386) {
		join_multiplexed(section, I386_SOCKETCALL, section->sockets, deciding);
		join_multiplexed(section, I386_IPC, section->ipcs, deciding);
	}

	ranges.list = ctr_arena_array(deciding->arena, count_ranges(section), sizeof(*ranges.list));
	for (size_t i = 0; i < section->nregions; i++) {
		const struct region *region = &section->regions[i];

		if (!is_repeated(section, i))
			spoken = false;
		spoken = spoken || region->end > 0;
		x32 = x32 || region->layout->token == SCMP_ARCH_X32;
		/* Nothing said of the whole architecture gives no time to be newer than. */
		beyond = spoken && deciding->enosys ? SECCOMP_RET_ERRNO | ENOSYS
						    : deciding->fallback;
		add_region(&ranges, section, region, deciding->fallback, beyond);
	}
	/* x32 calls report the architecture of x86_64 ones: without x32 they are of another. */
	if (section->layout->arch == AUDIT_ARCH_X86_64 && !x32) {
		struct ctr_filter_range foreign = { X32_BIT, SECCOMP_RET_KILL_THREAD, NULL, false };

		if (deciding->enosys)
			foreign.action = SECCOMP_RET_ERRNO | ENOSYS;
		add_range(&ranges, &foreign);
	}

	out->arch = section->layout->arch;
	out->ranges = ranges.list;
	out->nranges = ranges.count;
}

/* ---- sections */

static bool is_listed(const struct ctr_seccomp *profile, uint32_t token, uint32_t native)
{
	if (token == native)
		return true;
	for (size_t i = 0; i < profile->narchitectures; i++) {
		if (profile->architectures[i] == token)
			return true;
	}
	return false;
}

/* Begin anew: one section serves all architectures, fresh memory costs more than clearing it. */
static void open_section(struct section *section, const struct section_layout *layout,
			 const struct ctr_seccomp *profile)
{
	for (size_t i = 0; i < section->nregions; i++)
		section->regions[i] = (struct region){ 0 };
	memset(section->sockets, 0, sizeof(section->sockets));
	memset(section->ipcs, 0, sizeof(section->ipcs));
	section->layout = layout;
	section->nregions = 0;
	section->ncalls = 1;
	for (size_t i = 0; i < REGIONS_MAX && layout->regions[i].size > 0; i++) {
		if (is_listed(profile, layout->regions[i].token, layout->native))
			section->regions[section->nregions++].layout = &layout->regions[i];
	}
}

/* How many of `struct call` one section can need: one for each action, one for each number that is
 * conditional, in two architectures, and the multiplexers. */
static size_t count_calls(const struct ctr_seccomp *profile)
{
	size_t n = 3;

	for (size_t i = 0; i < profile->nrules; i++)
		n += profile->rules[i].nargs == 0 ? 1 : 2 * profile->rules[i].nnames;
	return n < 4 * REGION_SIZE + 1 ? n : 4 * REGION_SIZE + 1;
}

int ctr_filter_decide(const struct ctr_seccomp *profile, uint32_t native, struct ctr_arena *arena,
		      struct ctr_filter *out, struct ctr_error *err)
{
	struct ctr_filter filter = { 0 };
	struct deciding deciding = {
		.arena = arena,
		.fallback = action_of(profile->default_action, profile->default_errno_ret),
		.enosys = !lets_through(profile->default_action),
	};
	struct section *section = ctr_arena_alloc(arena, sizeof(*section));

	section->calls = ctr_arena_array(arena, count_calls(profile), sizeof(*section->calls));
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].native != native)
			continue;
		open_section(section, &layouts[i], profile);
		if (section->nregions == 0)
			continue;
		for (size_t j = 0; j < profile->nrules; j++)
			say_rule(section, &profile->rules[j], j, &deciding);
		add_section(&filter, section, &deciding);
	}
	if (filter.nsections == 0)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"linux.seccomp: the architecture of this machine (%#x) is not "
				"supported",
				native);

	filter.notifies = deciding.notifies;
	*out = filter;
	return 0;
}
