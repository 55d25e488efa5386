/*
 * The seccomp compiler, its programs run by a small interpreter: tables of calls, and the same
 * profiles compiled by libseccomp, call for call.
 */
#include "document.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "oci/spec.h"
#include "sec/filter.h"
#include "sec/seccomp.h"

enum {
	ALLOW = SECCOMP_RET_ALLOW,
	KILL = SECCOMP_RET_KILL_THREAD,
	X32 = 0x40000000,
	NO_CALL = SECCOMP_RET_ERRNO | ENOSYS,
	REFUSED = SECCOMP_RET_ERRNO | EPERM,
};

struct program {
	const struct sock_filter *insns;
	size_t n;
};

/* ---- the interpreter */

static bool jumps(uint16_t op, uint32_t a, uint32_t k)
{
	switch (op) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return (a & k) != 0;
	default:
		fail_msg("jump op %#x", op);
		return false;
	}
}

static uint32_t run(const struct program *program, const struct seccomp_data *data)
{
	uint32_t a = 0;
	size_t pc = 0;

	for (;;) {
		const struct sock_filter *insn = &program->insns[pc++];

		if (pc > program->n)
			fail_msg("the program runs out of itself");
		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(insn->k % 4 == 0 && insn->k < sizeof(*data));
			a = ((const uint32_t *)data)[insn->k / 4];
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= insn->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += insn->k;
			break;
		case BPF_RET | BPF_K:
			return insn->k;
		default:
			assert_int_equal(BPF_CLASS(insn->code), BPF_JMP);
			assert_int_equal(BPF_SRC(insn->code), BPF_K);
			pc += jumps(BPF_OP(insn->code), a, insn->k) ? insn->jt : insn->jf;
		}
	}
}

static uint32_t ask(const struct program *program, uint32_t arch, uint32_t nr,
		    const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch };

	if (args)
		memcpy(data.args, args, sizeof(data.args));
	return run(program, &data);
}

/* ---- profiles */

static struct program compile(struct ctr_arena *arena, const struct ctr_seccomp *profile,
			      uint32_t native)
{
	struct sock_filter *insns = NULL;
	struct ctr_filter filter;
	struct ctr_error err;
	size_t n = 0;

	if (ctr_filter_decide(profile, native, arena, &filter, &err) < 0 ||
	    ctr_filter_emit(&filter, arena, &insns, &n, &err) < 0)
		fail_msg("%s", err.text);
	return (struct program){ insns, n };
}

static uint32_t action_of(enum ctr_seccomp_action action, uint32_t data)
{
	static const uint32_t actions[] = {
		[CTR_SECCOMP_KILL_THREAD] = SCMP_ACT_KILL_THREAD,
		[CTR_SECCOMP_KILL_PROCESS] = SCMP_ACT_KILL_PROCESS,
		[CTR_SECCOMP_TRAP] = SCMP_ACT_TRAP,
		[CTR_SECCOMP_ERRNO] = SCMP_ACT_ERRNO(0),
		[CTR_SECCOMP_TRACE] = SCMP_ACT_TRACE(0),
		[CTR_SECCOMP_ALLOW] = SCMP_ACT_ALLOW,
		[CTR_SECCOMP_LOG] = SCMP_ACT_LOG,
		[CTR_SECCOMP_NOTIFY] = SCMP_ACT_NOTIFY,
	};

	if (action == CTR_SECCOMP_ERRNO || action == CTR_SECCOMP_TRACE)
		return actions[action] | data;
	return actions[action];
}

/* The same by libseccomp, rule by rule as runc and crun do. */
static struct program compile_by_libseccomp(struct ctr_arena *arena,
					    const struct ctr_seccomp *profile)
{
	uint32_t fallback = action_of(profile->default_action, profile->default_errno_ret);
	scmp_filter_ctx filter = seccomp_init(fallback);
	struct sock_filter *insns;
	struct stat st;
	int fd;

	for (size_t i = 0; i < profile->narchitectures; i++)
		(void)seccomp_arch_add(filter, profile->architectures[i]);
	for (size_t i = 0; i < profile->nrules; i++) {
		const struct ctr_seccomp_rule *rule = &profile->rules[i];
		uint32_t action = action_of(rule->action, rule->errno_ret);

		if (action == fallback)
			continue;
		for (size_t j = 0; j < rule->nnames; j++) {
			struct scmp_arg_cmp args[6];
			int call = seccomp_syscall_resolve_name(rule->names[j]);

			for (size_t k = 0; k < rule->nargs; k++)
				args[k] = (struct scmp_arg_cmp){
					rule->args[k].index, (enum scmp_compare)rule->args[k].op,
					rule->args[k].value, rule->args[k].value_two
				};
			(void)seccomp_rule_add_array(filter, action, call, (unsigned)rule->nargs,
						     args);
		}
	}

	fd = memfd_create("filter", MFD_CLOEXEC);
	assert_int_equal(seccomp_export_bpf(filter, fd), 0);
	seccomp_release(filter);
	assert_int_equal(fstat(fd, &st), 0);
	insns = ctr_arena_alloc(arena, (size_t)st.st_size);
	assert_int_equal(pread(fd, insns, (size_t)st.st_size, 0), st.st_size);
	(void)close(fd);
	return (struct program){ insns, (size_t)st.st_size / sizeof(*insns) };
}

/* linux.seccomp from JSON in single quotes. */
static const struct ctr_seccomp *profile_of(struct ctr_arena *arena, const char *json)
{
	char *text = ctr_arena_printf(arena, "\"linux\":{\"seccomp\":{%s}}", json);

	for (char *c = text; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	return document_good(arena, text, "")->linux_->seccomp;
}

static const struct ctr_seccomp *profile_in(struct ctr_arena *arena, const char *file)
{
	struct ctr_error err;
	size_t len;
	char *text = ctr_file_read(arena, AT_FDCWD, document_path(file), 1 << 20, &len, &err);
	struct ctr_spec *spec;

	if (!text)
		fail_msg("%s", err.text);
	spec = ctr_spec_decode(arena, text, len, file, "/bundle", NULL, &err);
	if (!spec)
		fail_msg("%s", err.text);
	return spec->linux_->seccomp;
}

#define X86_ARCHES                "'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32'],"
#define DENY                      "'defaultAction':'SCMP_ACT_ERRNO',"
#define ALLOW_ALL                 "'defaultAction':'SCMP_ACT_ALLOW',"
#define RULE(names, action, more) "{'names':[" names "],'action':'SCMP_ACT_" action "'" more "}"
#define ARG(index, op, value)     "{'index':" #index ",'op':'SCMP_CMP_" #op "','value':" #value "}"
#define MASKED(index, mask, value)                                                                 \
	"{'index':" #index ",'op':'SCMP_CMP_MASKED_EQ','value':" #mask ",'valueTwo':" #value "}"

/* ---- tables */

struct question {
	uint32_t arch, nr;
	uint64_t args[6];
	uint32_t answer;
};

struct profile_case {
	const char *name, *json;
	uint32_t native;
	struct question questions[14];
};

enum {
	A64 = AUDIT_ARCH_X86_64,
	A32 = AUDIT_ARCH_I386,
	ARM64 = AUDIT_ARCH_AARCH64,
	ARM = AUDIT_ARCH_ARM,
};

#define HIGH UINT64_C(0x100000000)

static const struct profile_case cases[] = {
	{"an allow-list: ENOSYS behind its newest call",
         DENY "'syscalls':[" RULE("'read','openat2'",                                              "ALLOW", "") "]",
         SCMP_ARCH_X86_64,																																										  { { A64, 0, { 0 }, ALLOW },
	    { A64, 1, { 0 }, REFUSED },
	    { A64, 437, { 0 }, ALLOW },
	    { A64, 438, { 0 }, NO_CALL },
	    { A64, 5000, { 0 }, NO_CALL },
	    { A64, X32, { 0 }, NO_CALL },
	    { A64, UINT32_MAX, { 0 }, NO_CALL },
	    { A32, 3, { 0 }, KILL },
	    { ARM64, 63, { 0 }, KILL } }																																																													 },
	{ "newest on each architecture by itself",
         DENY X86_ARCHES "'syscalls':[" RULE("'read','semop','rt_sigaction'",                      "ALLOW", "") "]",
         SCMP_ARCH_X86_64,																																										  { { A64, 65, { 0 }, ALLOW }, /* semop */
	    { A64, 66, { 0 }, NO_CALL },
	    { A32, 174, { 0 }, ALLOW }, /* rt_sigaction */
	    { A32, 175, { 0 }, NO_CALL },
	    { A64, X32 | 65, { 0 }, ALLOW },
	    { A64, X32 | 66, { 0 }, NO_CALL },
	    { A64, X32 | 512, { 0 }, ALLOW }, /* rt_sigaction, x32's own */
	    { A64, X32 | 513, { 0 }, NO_CALL },
	    { A64, X32 | 13, { 0 }, REFUSED } }																																																												  },
	{ "no call of the profile exists here: nothing is newer",
         DENY "'syscalls':[" RULE("'bogus'",						       "ALLOW", "") "]",
         SCMP_ARCH_X86_64,																																										  { { A64, 0, { 0 }, REFUSED }, { A64, 468, { 0 }, REFUSED } }																   },
	{ "unknown names are skipped",
         DENY "'syscalls':[" RULE("'bogus','read','breakpoint'",                                   "ALLOW", "") "]",
         SCMP_ARCH_X86_64,																																										  { { A64, 0, { 0 }, ALLOW }, { A64, 1, { 0 }, NO_CALL } }																       },
	{ "names newer than libseccomp's tables",
         DENY X86_ARCHES "'syscalls':[" RULE("'mseal','fchmodat2'",                                "ALLOW", "") "]",
         SCMP_ARCH_X86_64,																																										  { { A64, 462, { 0 }, ALLOW },
	    { A64, 452, { 0 }, ALLOW },
	    { A64, 453, { 0 }, REFUSED },
	    { A64, 463, { 0 }, NO_CALL },
	    { A32, 462, { 0 }, ALLOW },
	    { A64, X32 | 462, { 0 }, ALLOW } }																																																												   },
	{ "a deny-list: newer calls stay allowed, other architectures killed",
         ALLOW_ALL "'syscalls':[" RULE("'mount'",                                                  "ERRNO", ",'errnoRet':95") "]",
         SCMP_ARCH_X86_64,																																										  { { A64, 165, { 0 }, SECCOMP_RET_ERRNO | 95 },
	    { A64, 166, { 0 }, ALLOW },
	    { A64, 468, { 0 }, ALLOW },
	    { A64, X32 | 165, { 0 }, KILL },
	    { A32, 21, { 0 }, KILL } }																																																													   },
	{ "every action",
         "'defaultAction':'SCMP_ACT_KILL_PROCESS','listenerPath':'/l','syscalls':[" RULE("'read'", "KILL",  "") "," RULE(
		  "'open'",								    "KILL_THREAD",
         "") "," RULE("'close'",																																																																	     "TRAP",
         "") "," RULE("'stat'", "ERRNO",
         "") "," RULE("'fstat'", "TRACE",
         ",'errnoRet':7") "," RULE("'lstat'", "LOG",
         "") "," RULE("'poll'",
         "NOTIFY", "") "," RULE("'mseal'",
         "ALLOW", "") "]",
         SCMP_ARCH_X86_64, { { A64, 0, { 0 }, KILL },
	    { A64, 1, { 0 }, SECCOMP_RET_KILL_PROCESS },
	    { A64, 2, { 0 }, KILL },
	    { A64, 3, { 0 }, SECCOMP_RET_TRAP },
	    { A64, 4, { 0 }, REFUSED },
	    { A64, 5, { 0 }, SECCOMP_RET_TRACE | 7 },
	    { A64, 6, { 0 }, SECCOMP_RET_LOG },
	    { A64, 7, { 0 }, SECCOMP_RET_USER_NOTIF },
	    { A64, 462, { 0 }, ALLOW },
	    { A64, 463, { 0 }, NO_CALL } } },
	{ "all operators, on 64 bits",
         DENY
	  "'syscalls':[" RULE("'read'",							   "ALLOW",									    ",'args':[" ARG(0,																				EQ,																																							       4294967301) "]") "," RULE(
		  "'write'",																																																															 "ALLOW",
         ",'args':[" ARG(
			  1, NE,
         5) "]") "," RULE("'open'", "ALLOW",
         ",'args':[" ARG(
						   2, GT,
         4294967301) "]") "," RULE("'close'", "ALLOW",
         ",'args':[" MASKED(
										     5, 61440,
         4096) "]") "]",
         SCMP_ARCH_X86_64, { { A64, 0, { HIGH + 5 }, ALLOW },
	    { A64, 0, { 5 }, REFUSED },
	    { A64, 1, { 0, 5 }, REFUSED },
	    { A64, 1, { 0, HIGH + 5 }, ALLOW },
	    { A64, 2, { 0, 0, HIGH + 5 }, REFUSED },
	    { A64, 2, { 0, 0, HIGH + 6 }, ALLOW },
	    { A64, 2, { 0, 0, 2 * HIGH }, ALLOW },
	    { A64, 2, { 0, 0, 6 }, REFUSED },
	    { A64, 3, { 0, 0, 0, 0, 0, 0x1abc }, ALLOW },
	    { A64, 3, { 0, 0, 0, 0, 0, 0x3abc }, REFUSED } } },
	{ "an index twice: any of the conditions",
         DENY "'syscalls':[" RULE(
		  "'read'",							 "ALLOW",
         ",'args':[" ARG(0,																					       EQ,																																										  1) "," ARG(0,																																																													EQ, 2) "," ARG(1, EQ, 3) "]") "]",
         SCMP_ARCH_X86_64, { { A64, 0, { 1 }, ALLOW },
	    { A64, 0, { 2 }, ALLOW },
	    { A64, 0, { 0, 3 }, ALLOW },
	    { A64, 0, { 3 }, REFUSED } } },
	{ "the first without arguments wins, over all with",
         DENY "'syscalls':[" RULE("'read'",							    "ALLOW",  ",'args':[" ARG(0, EQ, 1) "]") "," RULE(
		  "'read'",																				      "TRAP",
         "") "," RULE("'read'", "ALLOW",
         "") "," RULE("'write'", "ERRNO",
         "") "," RULE("'write'", "ALLOW",
         ",'args':[" ARG(0, EQ, 1) "]") "]",
         SCMP_ARCH_X86_64, { { A64, 0, { 1 }, SECCOMP_RET_TRAP },
	    { A64, 0, { 2 }, SECCOMP_RET_TRAP },
	    /* An action equal to the default one is no rule. */
	    { A64, 1, { 1 }, ALLOW },
	    { A64, 1, { 2 }, REFUSED } } },
	{ "sockets of i386 go two ways",
         DENY X86_ARCHES "'syscalls':[" RULE(
		  "'socket'",								   "ERRNO",
         ",'errnoRet':22,'args':[" ARG(0,																			     EQ,																																						       16) "," ARG(
			  2,																																																														    EQ,
         9) "]") "," RULE("'socket'", "ALLOW",
         ",'args':[" ARG(2, NE,
         9) "]") "," RULE("'bind'", "TRAP",
         "") "," RULE("'mseal'",
         "ALLOW", "") "]",
         SCMP_ARCH_X86_64, { { A64, 41, { 16, 0, 9 }, SECCOMP_RET_ERRNO | 22 },
	    { A64, 41, { 16, 0, 8 }, ALLOW },
	    { A32, 359, { 16, 0, 9 }, SECCOMP_RET_ERRNO | 22 },
	    { A32, 359, { 16, 0, 8 }, ALLOW },
	    { A32, 102, { 1 }, ALLOW },
	    { A32, 102, { 2 }, SECCOMP_RET_TRAP },
	    { A32, 102, { 3 }, REFUSED },
	    { A32, 361, { 0 }, SECCOMP_RET_TRAP } } },
	{ "Arm: its private calls do not make the others old",
         DENY "'architectures':['SCMP_ARCH_ARM'],'syscalls':[" RULE("'read','set_tls','mseal'",
         "ALLOW",              "") "]",
         SCMP_ARCH_AARCH64,																																										  { { ARM64, 63, { 0 }, ALLOW },
	    { ARM64, 64, { 0 }, REFUSED },
	    { ARM64, 463, { 0 }, NO_CALL },
	    { ARM, 3, { 0 }, ALLOW },
	    { ARM, 4, { 0 }, REFUSED },
	    { ARM, 463, { 0 }, NO_CALL },
	    { ARM, 0xf0005, { 0 }, ALLOW },
	    { ARM, 0xf0002, { 0 }, REFUSED },
	    { ARM, 0xf0006, { 0 }, NO_CALL },
	    { A64, 0, { 0 }, KILL } }																																																										     },
	{ "no default errno but ENOSYS, no list: the native architecture alone",
         DENY "'defaultErrnoRet':38,'architectures':['SCMP_ARCH_S390X'],'syscalls':[" RULE(
		  "'read'",									"ALLOW",                "") "]",
         SCMP_ARCH_X86_64,																			       { { A64, 0, { 0 }, ALLOW }, { A64, 1, { 0 }, NO_CALL }, { A32, 3, { 0 }, KILL } }},
};

static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct profile_case *test = &cases[i];
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct program program =
			compile(&arena, profile_of(&arena, test->json), test->native);

		for (const struct question *q = test->questions; q->arch != 0; q++) {
			uint32_t answer = ask(&program, q->arch, q->nr, q->args);

			if (answer != q->answer)
				fail_msg("%s: arch %#x, call %u (%#llx...): %#x", test->name,
					 q->arch, q->nr, (unsigned long long)q->args[0], answer);
		}
		ctr_arena_release(&arena);
	}
}

/* ---- against libseccomp */

/* Numbers worth asking about, and behind all that anybody knows. */
static uint32_t number(size_t i, uint32_t *arch)
{
	*arch = i < 1400 ? A64 : A32;
	if (i < 700)
		return (uint32_t)i;
	if (i < 1400)
		return (uint32_t)(i - 700) | X32;
	return (uint32_t)(i - 1400);
}

static void random_args(const struct ctr_seccomp *profile, uint64_t args[6])
{
	for (int i = 0; i < 6; i++) {
		static const uint64_t values[] = { 0, 1, HIGH, UINT64_MAX, UINT32_MAX };
		const struct ctr_seccomp_rule *rule =
			&profile->rules[(size_t)rand() % profile->nrules];

		args[i] = values[rand() % 5];
		if (rule->nargs > 0) {
			const struct ctr_seccomp_arg *arg =
				&rule->args[(size_t)rand() % rule->nargs];

			args[i] = (rand() & 1 ? arg->value : arg->value_two) +
				  (uint64_t)(rand() % 3) - 1;
			if (rand() % 4 == 0)
				args[i] ^= UINT64_C(1) << rand() % 64;
		}
	}
}

/* Programs agree but for ENOSYS behind the newest call, which libseccomp 2.5 does not give, and
 * for calls that its tables lack. */
static void compare(const struct ctr_seccomp *profile, struct ctr_arena *arena, int rounds)
{
	struct program ours = compile(arena, profile, SCMP_ARCH_X86_64);
	struct program theirs = compile_by_libseccomp(arena, profile);
	uint32_t fallback = action_of(profile->default_action, profile->default_errno_ret);

	for (size_t i = 0; i < 2100; i++) {
		for (int round = 0; round < rounds; round++) {
			uint32_t arch, nr = number(i, &arch), want, got;
			uint64_t args[6];

			random_args(profile, args);
			/* Only these registers exist there. */
			if (arch == A32) {
				for (int j = 0; j < 6; j++)
					args[j] &= UINT32_MAX;
			}
			want = ask(&theirs, arch, nr, args);
			got = ask(&ours, arch, nr, args);
			if (got == want || (got == NO_CALL && (want == fallback || want == KILL)))
				continue;
			if ((nr & ~(uint32_t)X32) > 450 && (nr & ~(uint32_t)X32) < 470)
				continue;
			fail_msg("arch %#x, call %#x (%#llx, %#llx, %#llx): %#x, libseccomp %#x",
				 arch, nr, (unsigned long long)args[0], (unsigned long long)args[1],
				 (unsigned long long)args[2], got, want);
		}
	}
}

static void test_podman_profile(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	const struct ctr_seccomp *profile = profile_in(&arena, "configs/podman-default.json");
	struct program ours = compile(&arena, profile, SCMP_ARCH_X86_64);

	(void)state;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		unit_skip("compares with the filters of x86_64");
	compare(profile, &arena, 20);
	print_message("three architectures: %zu instructions, by libseccomp %zu\n", ours.n,
		      compile_by_libseccomp(&arena, profile).n);
	ctr_arena_release(&arena);
}

/* Random rules. Two for one call that both have arguments, and overlap, libseccomp 2.5 may merge
 * into what neither says: with @overlap they are for our own reference. */
static void random_profile(struct ctr_seccomp *profile, struct ctr_arena *arena, bool overlap)
{
	static const char *const names[] = { "read",         "write",      "open",   "clone",
					     "personality",  "mount",      "ioctl",  "socketpair",
					     "futex",        "kexec_load", "openat", "pidfd_open",
					     "rt_sigaction", "select",     "stat" };
	static const uint64_t values[] = { 0,          1,    5,        0x7fffffff, 0x80000000,
					   UINT32_MAX, HIGH, HIGH + 7, UINT64_MAX, 0x7e020000 };
	static const uint32_t arches[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 };
	static const enum ctr_seccomp_action actions[] = { CTR_SECCOMP_ALLOW, CTR_SECCOMP_ERRNO,
							   CTR_SECCOMP_TRAP, CTR_SECCOMP_LOG };
	enum { NAMES = unit_count(names) };
	struct ctr_seccomp_rule *rules = ctr_arena_array(arena, 3 * NAMES, sizeof(*rules));

	*profile = (struct ctr_seccomp){
		.default_action = rand() & 1 ? CTR_SECCOMP_ALLOW : CTR_SECCOMP_ERRNO,
		.default_errno_ret = 1,
		.architectures = arches,
		.narchitectures = (size_t)rand() % 4,
		.rules = rules,
	};
	for (size_t i = 0; i < 3 * NAMES; i++) {
		struct ctr_seccomp_rule *rule = &rules[profile->nrules];
		struct ctr_seccomp_arg *args = ctr_arena_array(arena, 6, sizeof(*args));
		uint32_t first = (uint32_t)rand() % 6;

		if (rand() % 3 < (i < NAMES ? 1 : 2))
			continue;
		profile->nrules++;
		*rule = (struct ctr_seccomp_rule){ .names = &names[i % NAMES],
						   .nnames = 1,
						   .action = actions[rand() % 4],
						   .errno_ret = 1 + (uint32_t)rand() % 3,
						   .args = args,
						   .nargs = (size_t)rand() % (7 - first) };
		/* Of multiplexed calls libseccomp keeps the conditions, on the wrong arguments. */
		if (strcmp(names[i % NAMES], "socketpair") == 0 || (i >= NAMES && !overlap) ||
		    i >= 2 * NAMES)
			rule->nargs = 0;
		for (size_t j = 0; j < rule->nargs; j++)
			args[j] = (struct ctr_seccomp_arg){ .index = first + (uint32_t)j,
							    .value = values[rand() % 10],
							    .value_two = values[rand() % 10],
							    .op = 1 + (uint32_t)rand() % 7 };
	}
	for (size_t i = 1; i < profile->nrules; i++) {
		size_t other = (size_t)rand() % i;
		struct ctr_seccomp_rule rule = rules[i];

		rules[i] = rules[other];
		rules[other] = rule;
	}
}

static void test_random_profiles(void **state)
{
	(void)state;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		unit_skip("compares with the filters of x86_64");
	srand(2);
	for (int i = 0; i < 150; i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_seccomp profile;

		random_profile(&profile, &arena, false);
		if (profile.nrules > 0)
			compare(&profile, &arena, 8);
		ctr_arena_release(&arena);
	}
}

/* ---- against the rules, read one by one */

static bool holds(const struct ctr_seccomp_arg *arg, uint64_t value, uint64_t width)
{
	uint64_t a = value & width, v = arg->value & width, w = arg->value_two & width;

	switch (arg->op) {
	case SCMP_CMP_NE:
		return a != v;
	case SCMP_CMP_LT:
		return a < v;
	case SCMP_CMP_LE:
		return a <= v;
	case SCMP_CMP_EQ:
		return a == v;
	case SCMP_CMP_GE:
		return a >= v;
	case SCMP_CMP_GT:
		return a > v;
	default:
		return (a & v) == (w & v);
	}
}

static bool matches(const struct ctr_seccomp_rule *rule, const uint64_t args[6], uint64_t width)
{
	for (size_t i = 0; i < rule->nargs; i++) {
		if (!holds(&rule->args[i], args[rule->args[i].index], width))
			return false;
	}
	return true;
}

/* Rules without arguments go first, then the first that matches; as if none were newer. */
static uint32_t reference(const struct ctr_seccomp *profile, uint32_t token, uint32_t nr,
			  const uint64_t args[6])
{
	uint32_t fallback = action_of(profile->default_action, profile->default_errno_ret);
	uint64_t width = token == SCMP_ARCH_X86_64 ? UINT64_MAX : UINT32_MAX;

	for (int conditional = 0; conditional < 2; conditional++) {
		for (size_t i = 0; i < profile->nrules; i++) {
			const struct ctr_seccomp_rule *rule = &profile->rules[i];
			uint32_t action = action_of(rule->action, rule->errno_ret);

			if (action == fallback || (rule->nargs > 0) != conditional ||
			    ctr_filter_call(rule->names[0], token) != (int)nr)
				continue;
			if (matches(rule, args, width))
				return action;
		}
	}
	return fallback;
}

static void test_overlapping_rules(void **state)
{
	static const uint32_t numbers[] = { 0,         1,         2,        4,         13,
					    16,        23,        56,       135,       165,
					    202,       246,       257,      434,       X32,
					    X32 | 1,   X32 | 2,   X32 | 56, X32 | 135, X32 | 165,
					    X32 | 257, X32 | 512, X32 | 514 };
	static const uint32_t arches[] = { SCMP_ARCH_X86, SCMP_ARCH_X32 };

	(void)state;
	srand(3);
	for (int i = 0; i < 400; i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_seccomp profile;
		struct program program;

		random_profile(&profile, &arena, true);
		profile.architectures = arches;
		profile.narchitectures = 2;
		if (profile.nrules == 0)
			continue;
		program = compile(&arena, &profile, SCMP_ARCH_X86_64);
		for (size_t j = 0; j < 40 * unit_count(numbers); j++) {
			uint32_t nr = numbers[j % unit_count(numbers)], want, got;
			uint32_t token = nr & X32 ? SCMP_ARCH_X32 : SCMP_ARCH_X86_64;
			uint64_t args[6];

			random_args(&profile, args);
			want = reference(&profile, token, nr, args);
			got = ask(&program, A64, nr, args);
			if (got != want && got != NO_CALL)
				fail_msg("call %#x: %#x, not %#x", nr, got, want);
		}
		ctr_arena_release(&arena);
	}
}

/* ---- size */

static void test_too_long(void **state)
{
	enum { MANY = 3000 };
	static const char *const name = "read";
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_seccomp_rule *rules = ctr_arena_array(&arena, MANY, sizeof(*rules));
	struct ctr_seccomp profile = { .default_action = CTR_SECCOMP_ERRNO,
				       .default_errno_ret = 1,
				       .rules = rules };
	struct ctr_seccomp_program program;
	struct ctr_error err;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		struct ctr_seccomp_arg *arg = ctr_arena_alloc(&arena, sizeof(*arg));

		*arg = (struct ctr_seccomp_arg){ .value = i * HIGH + i, .op = SCMP_CMP_EQ };
		rules[i] = (struct ctr_seccomp_rule){ .names = &name,
						      .nnames = 1,
						      .action = CTR_SECCOMP_ALLOW,
						      .args = arg,
						      .nargs = 1 };
	}

	/* Long, with jumps that reach no target at once. */
	profile.nrules = 900;
	assert_int_equal(ctr_seccomp_compile(&profile, NULL, &arena, &program, &err), 0);
	for (uint64_t i = 0; i < 1000; i++) {
		struct program long_one = { program.filter, program.length };
		uint32_t native = seccomp_arch_native() == SCMP_ARCH_X86_64 ? A64 : ARM64;
		int nr = ctr_filter_call(name, seccomp_arch_native());
		uint64_t args[6] = { i * HIGH + i };

		assert_int_equal(ask(&long_one, native, (uint32_t)nr, args),
				 i < 900 ? ALLOW : REFUSED);
		args[0]++;
		assert_int_equal(ask(&long_one, native, (uint32_t)nr, args), REFUSED);
	}

	profile.nrules = MANY;
	assert_int_equal(ctr_seccomp_compile(&profile, NULL, &arena, &program, &err), -1);
	assert_string_equal(err.text, "linux.seccomp: the profile needs a filter of more than 4096 "
				      "instructions, the most that the kernel takes");
	ctr_arena_release(&arena);
}

static void test_flags(void **state)
{
	static const struct {
		const char *flags, *rule;
		uint32_t want;
	} rows[] = {
		{"",						     RULE("'read'", "ALLOW",  ""), SECCOMP_FILTER_FLAG_SPEC_ALLOW           },
		{ "'flags':[],",					 RULE("'read'", "ALLOW",  ""), 0                                        },
		{ "'flags':['SECCOMP_FILTER_FLAG_LOG'],",                RULE("'read'", "ALLOW",  ""),
                 SECCOMP_FILTER_FLAG_LOG													},
 /* Without a listener the kernel refuses it. */
		{ "'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],",
                 RULE("'read'",							 "ALLOW",  ""), 0                                        },
		{ "'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],",
                 RULE("'read'",							 "NOTIFY", ""), 1 << 5 | SECCOMP_FILTER_FLAG_NEW_LISTENER},
		{ "'flags':['SECCOMP_FILTER_FLAG_TSYNC'],",              RULE("'read'", "NOTIFY", ""),
                 SECCOMP_FILTER_FLAG_TSYNC | 1 << 4 | SECCOMP_FILTER_FLAG_NEW_LISTENER                                                          },
		{ "'flags':['SECCOMP_FILTER_FLAG_TSYNC'],",              RULE("'read'", "ALLOW",  ""),
                 SECCOMP_FILTER_FLAG_TSYNC												      },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(rows); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_seccomp_program program;
		const char *json =
			ctr_arena_printf(&arena, DENY "%s'listenerPath':'/l','syscalls':[%s]",
					 rows[i].flags, rows[i].rule);

		assert_int_equal(
			ctr_seccomp_compile(profile_of(&arena, json), NULL, &arena, &program, NULL),
			0);
		assert_int_equal(program.flags, rows[i].want);
		ctr_arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),          cmocka_unit_test(test_podman_profile),
		cmocka_unit_test(test_random_profiles), cmocka_unit_test(test_overlapping_rules),
		cmocka_unit_test(test_too_long),        cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
