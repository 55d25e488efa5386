/* Facts of the machine, each with a warning where it is known to disturb. */
#include "bench/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/strerror.h"
#include "bench/memory.h"
#include "bench/report.h"
#include "core/context.h"

struct facts {
	struct ctr_arena *arena;
	struct ctr_report *report;
};

static void add(struct facts *facts, const char *name, const char *value, const char *warning)
{
	const struct ctr_fact fact = { .name = name, .value = value, .warning = warning };

	ctr_report_add_fact(facts->report, &fact, facts->arena);
}

/* The content of a small file, or NULL. */
static const char *content(struct facts *facts, const char *path)
{
	char text[65536];

	if (ctr_file_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return NULL;
	return ctr_arena_strdup(facts->arena, text);
}

/* The value of the first line `KEY : VALUE`, or NULL; @key may begin with the newline before. */
static const char *value_of(struct facts *facts, const char *text, const char *key)
{
	const char *line = text ? strstr(text, key) : NULL;

	if (!line)
		return NULL;
	line += *line == '\n';
	line += strcspn(line, ":\n");
	if (*line != ':')
		return NULL;
	line++;
	line += strspn(line, " \t");
	return ctr_arena_strndup(facts->arena, line, strcspn(line, "\n"));
}

/* The word in brackets: "always [madvise] never". */
static const char *chosen(struct facts *facts, const char *path)
{
	const char *text = content(facts, path), *open = text ? strchr(text, '[') : NULL;

	return open ? ctr_arena_strndup(facts->arena, open + 1, strcspn(open + 1, "]")) : text;
}

static void add_software(struct facts *facts)
{
	const char *cmdline = content(facts, "/proc/cmdline");
	struct utsname name;

	if (uname(&name) == 0) {
		add(facts, "kernel", ctr_arena_strdup(facts->arena, name.release), NULL);
		add(facts, "machine", ctr_arena_strdup(facts->arena, name.machine), NULL);
	}
	if (cmdline)
		add(facts, "kernel command line", cmdline,
		    strstr(cmdline, "mitigations=off")
			    ? "mitigations are off: system calls are cheaper than on most machines"
			    : NULL);
	add(facts, "clock source",
	    content(facts, "/sys/devices/system/clocksource/clocksource0/current_clocksource"),
	    NULL);
}

static void add_processor(struct facts *facts)
{
	const char *info = content(facts, "/proc/cpuinfo"), *flags, *governor, *smt;
	_cleanup_close_ int kvm = -1;
	bool guest;

	flags = value_of(facts, info, "\nflags");
	guest = flags && strstr(flags, " hypervisor");
	add(facts, "processor", value_of(facts, info, "\nmodel name"), NULL);
	add(facts, "processors online",
	    ctr_arena_printf(facts->arena, "%ld", sysconf(_SC_NPROCESSORS_ONLN)), NULL);
	add(facts, "this machine is itself a guest", guest ? "yes" : "no",
	    guest ? "page faults and timers cost more; KVM would be nested" : NULL);
	governor = content(facts, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
	add(facts, "frequency governor", governor ? governor : "unknown",
	    governor && strcmp(governor, "performance") != 0 ? "the clock is not constant" : NULL);
	smt = content(facts, "/sys/devices/system/cpu/smt/active");
	add(facts, "SMT", smt ? strcmp(smt, "1") == 0 ? "on" : "off" : "unknown", NULL);
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	add(facts, "/dev/kvm", kvm < 0 ? ctr_strerror(errno) : "usable", NULL);
}

static void add_load(struct facts *facts)
{
	const char *load = content(facts, "/proc/loadavg");
	double limit = 0.25 * (double)sysconf(_SC_NPROCESSORS_ONLN);

	if (load)
		add(facts, "load average before",
		    ctr_arena_strndup(facts->arena, load, strcspn(load, " ")),
		    strtod(load, NULL) > limit ? "the machine has other work to do" : NULL);
}

static void add_memory(struct facts *facts)
{
	const char *thp = chosen(facts, "/sys/kernel/mm/transparent_hugepage/enabled");
	const char *ksm = content(facts, "/sys/kernel/mm/ksm/run");
	char meminfo[4096] = "", mib[CTR_NUMBER_TEXT];
	struct ctr_system_memory memory;
	uint64_t swap;

	ctr_system_memory(&memory);
	(void)ctr_file_read_small(AT_FDCWD, "/proc/meminfo", meminfo, sizeof(meminfo));
	swap = ctr_kib_line(meminfo, "SwapTotal");
	add(facts, "memory",
	    ctr_arena_printf(facts->arena, "%s MiB", ctr_mib(mib, (double)memory.total)), NULL);
	add(facts, "page size", ctr_arena_printf(facts->arena, "%ld", sysconf(_SC_PAGESIZE)), NULL);
	add(facts, "transparent huge pages", thp ? thp : "none",
	    thp && strcmp(thp, "always") == 0 ? "small processes may take 2 MiB at a time" : NULL);
	add(facts, "same-page merging (KSM)", ksm ? strcmp(ksm, "0") == 0 ? "off" : "on" : "none",
	    ksm && strcmp(ksm, "0") != 0
		    ? "equal pages of guests become one, at the price of processor time"
		    : NULL);
	add(facts, "swap", ctr_arena_printf(facts->arena, "%s MiB", ctr_mib(mib, (double)swap)),
	    swap > 0 ? "what is swapped out is in no view of memory" : NULL);
}

static void add_cgroups(struct facts *facts, const struct ctr_context *context)
{
	static const char *const modes[] = {
		[CTR_CGROUP_NONE] = "none",
		[CTR_CGROUP_UNIFIED] = "v2",
		[CTR_CGROUP_HYBRID] = "hybrid",
	};
	const struct ctr_host *host = &context->host;
	const char *controllers =
		host->cgroup_mount
			? content(facts, ctr_arena_printf(facts->arena, "%s/cgroup.controllers",
							  host->cgroup_mount))
			: NULL;
	bool counts = controllers && strstr(controllers, "memory");

	add(facts, "cgroups", modes[host->cgroup_mode], NULL);
	add(facts, "memory controller", counts ? "v2" : "none",
	    counts ? NULL : "what the kernel holds for an instance cannot be told");
	add(facts, "user", host->rootless ? "rootless" : "root", NULL);
}

void ctr_environment(const struct ctr_context *context, struct ctr_arena *arena,
		     struct ctr_report *report)
{
	struct facts facts = { .arena = arena, .report = report };

	add_software(&facts);
	add_processor(&facts);
	add_memory(&facts);
	add_cgroups(&facts, context);
	add_load(&facts);
}
