/*
 * Golden plans: every directory here is a case. Its config.json is decoded and planned for a host
 * that host.json describes (both the host and the options of the planner; without it: root on a
 * unified host that can do everything), and what comes out must be plan.golden, or error.golden
 * when the planner must refuse. Speaks TAP. `run_plan --update` writes what comes out instead.
 * `run_plan CASE...` looks at these only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "cgroup/limits.h"
#include "ns/plan.h"
#include "oci/json.h"
#include "oci/load.h"
#include "plan/build.h"

enum { FILE_MAX_SIZE = 1 << 20 };

/* What host.json changes. */
struct fixture {
	struct ctr_host host;
	struct ctr_plan_options options;
};

static const struct ctr_host default_host = {
	.privileged = true,
	.cap_bounding = (1ULL << 41) - 1,
	.last_cap = 40,
	.cgroup_mode = CTR_CGROUP_UNIFIED,
	.cgroup_mount = "/sys/fs/cgroup",
	.cgroup_self = "/",
	.has_time_ns = true,
	.has_cgroup_ns = true,
	.has_user_ns = true,
};

/* Not a filter that means anything. */
static const struct sock_filter fake_filter[] = {
	BPF_STMT(BPF_RET | BPF_K, 0x7fff0000),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static const struct {
	const char *name;
	enum { BOOL, U32, U64, INT, STRING, CGROUP } kind;
	size_t offset;
} settings[] = {
#define HOST(name, kind)                                                                           \
	{                                                                                          \
#name, kind, offsetof(struct fixture, host.name)                                   \
	}
#define OPTION(name, kind)                                                                         \
	{                                                                                          \
#name, kind, offsetof(struct fixture, options.name)                                \
	}
	HOST(euid, U32),
	HOST(egid, U32),
	HOST(in_userns, BOOL),
	HOST(rootless, BOOL),
	HOST(privileged, BOOL),
	HOST(setgroups_denied, BOOL),
	HOST(cap_bounding, U64),
	HOST(last_cap, INT),
	HOST(cgroup_mode, CGROUP),
	HOST(apparmor, BOOL),
	HOST(selinux, BOOL),
	HOST(has_time_ns, BOOL),
	HOST(has_cgroup_ns, BOOL),
	HOST(has_user_ns, BOOL),
	OPTION(no_pivot, BOOL),
	OPTION(no_new_keyring, BOOL),
	OPTION(gate, BOOL),
	OPTION(exec, BOOL),
	OPTION(ignored_signals, U64),
	OPTION(made_flags, U64),
	OPTION(preserve_fds, U32),
	OPTION(listen_fds, U32),
	OPTION(listen_names, STRING),
	OPTION(notify_socket_dir, STRING),
	OPTION(overlay, BOOL),
	OPTION(overlay_dir, STRING),
	OPTION(join_time_ns, STRING),
#undef HOST
#undef OPTION
};

/* ---- host.json: one flat object */

struct reading {
	struct fixture *fixture;
	struct ctr_arena *arena;
	size_t setting; /* the key that was read last */
};

static uint64_t number_of(const struct ctr_json_event *event)
{
	char text[32] = "";

	memcpy(text, event->text, event->len < sizeof(text) ? event->len : sizeof(text) - 1);
	return strtoull(text, NULL, 10);
}

static void set_cgroup(struct ctr_host *host, const char *mode)
{
	if (strcmp(mode, "none") == 0) {
		host->cgroup_mode = CTR_CGROUP_NONE;
		host->cgroup_mount = NULL;
	} else if (strcmp(mode, "hybrid") == 0) {
		host->cgroup_mode = CTR_CGROUP_HYBRID;
		host->cgroup_mount = "/sys/fs/cgroup/unified";
	}
}

static void set(struct reading *reading, const struct ctr_json_event *event)
{
	char *at = (char *)reading->fixture + settings[reading->setting].offset;
	char *text = ctr_arena_strndup(reading->arena, event->text ? event->text : "", event->len);

	switch (settings[reading->setting].kind) {
	case BOOL:
		*(bool *)at = event->value;
		break;
	case U32:
		*(uint32_t *)at = (uint32_t)number_of(event);
		break;
	case U64:
		*(uint64_t *)at = number_of(event);
		break;
	case INT:
		*(int *)at = (int)number_of(event);
		break;
	case STRING:
		*(const char **)at = text;
		break;
	case CGROUP:
		set_cgroup(&reading->fixture->host, text);
		break;
	}
}

static int find_setting(const struct ctr_json_event *event, size_t *out)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(settings); i++) {
		if (strlen(settings[i].name) == event->len &&
		    memcmp(settings[i].name, event->text, event->len) == 0) {
			*out = i;
			return 0;
		}
	}

	return 1;
}

static int on_event(void *context, const struct ctr_json_event *event)
{
	struct reading *reading = context;

	switch (event->type) {
	case CTR_JSON_OBJECT:
	case CTR_JSON_END_OBJECT:
		return 0;
	case CTR_JSON_KEY:
		return find_setting(event, &reading->setting);
	case CTR_JSON_BOOL:
	case CTR_JSON_NUMBER:
	case CTR_JSON_STRING:
		set(reading, event);
		return 0;
	default:
		return 1;
	}
}

static int read_host(struct fixture *fixture, int dir, struct ctr_arena *arena,
		     struct ctr_error *err)
{
	struct reading reading = { .fixture = fixture, .arena = arena };
	struct ctr_json_fault fault = { .text = "unknown key or value" };
	size_t len;
	char *text;

	if (faccessat(dir, "host.json", F_OK, 0) < 0)
		return 0;
	text = ctr_file_read(arena, dir, "host.json", FILE_MAX_SIZE, &len, err);
	if (!text)
		return -1;
	if (ctr_json_parse(arena, text, len, on_event, &reading, &fault) != 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "host.json: %s", fault.text);
	return 0;
}

/* What sec/ and core/ decide before planning. */
static void add_options(struct ctr_plan_options *options, const struct ctr_spec *spec,
			struct ctr_arena *arena)
{
	const struct ctr_process *process = spec->process;
	const struct ctr_seccomp *seccomp = spec->linux_->seccomp;

	options->id = "test";
	options->state_create = "{\"status\":\"creating\"}";
	options->state_start = "{\"status\":\"created\"}";
	options->runtime_hooks = spec->hooks[CTR_HOOK_PRESTART].count > 0 ||
				 spec->hooks[CTR_HOOK_CREATE_RUNTIME].count > 0;
	if (seccomp) {
		options->seccomp = fake_filter;
		options->seccomp_length = CTR_ARRAY_SIZE(fake_filter);
		options->seccomp_listener = seccomp->listener_path != NULL;
		options->seccomp_flags = options->seccomp_listener ? 8 : 4;
	}
	if (process && process->selinux_label) {
		options->lsm_file[0] = "attr/exec";
		options->lsm_text[0] = process->selinux_label;
	}
	if (process && process->apparmor_profile) {
		options->lsm_file[1] = "attr/apparmor/exec";
		options->lsm_text[1] =
			ctr_arena_printf(arena, "exec %s", process->apparmor_profile);
	}
}

/* ---- actions as text */

static void dump_flags(struct ctr_buf *out, const char *what, uint64_t flags)
{
	ctr_buf_addf(out, "%s", what);
	for (int kind = 0; kind < CTR_NS_KINDS; kind++) {
		if (flags & ctr_ns_flag((enum ctr_ns_kind)kind))
			ctr_buf_addf(out, " %s", ctr_ns_name((enum ctr_ns_kind)kind));
	}
	ctr_buf_addf(out, "%s\n", flags ? "" : " -");
}

static void dump_shape(struct ctr_buf *out, const struct ctr_shape *shape)
{
	static const char *const names[] = { "direct", "userns", "join" };

	ctr_buf_addf(out, "shape %s%s%s%s\n", names[shape->kind],
		     shape->write_maps ? " write-maps" : "",
		     shape->become_root ? " become-root" : "",
		     shape->setgroups_denied ? " setgroups-denied" : "");
	dump_flags(out, "clone", shape->clone_flags);
	dump_flags(out, "unshare", shape->unshare_flags);
	for (size_t i = 0; i < shape->njoins; i++)
		ctr_buf_addf(out, "join %s %s%s\n", ctr_ns_name(shape->joins[i].kind),
			     shape->joins[i].path, shape->joins[i].by_parent ? " by-parent" : "");
}

static void dump_map(struct ctr_buf *out, const char *what, const struct ctr_id_map *map, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ctr_buf_addf(out, "%s %u %u %u\n", what, map[i].container_id, map[i].host_id,
			     map[i].size);
}

static void dump_request(struct ctr_buf *out, size_t index, const struct ctr_fd_request *request)
{
	static const char *const kinds[] = {
		[CTR_FD_TREE] = "tree",
		[CTR_FD_NAMESPACE] = "namespace",
		[CTR_FD_OVERLAY] = "overlay",
	};

	ctr_buf_addf(out, "fd %zu %s %s%s%s%s%s%s", index, kinds[request->kind], request->path,
		     request->recursive ? " recursive" : "", request->nofollow ? " nofollow" : "",
		     request->idmap ? " idmap" : "",
		     request->idmap_recursive ? " idmap-recursive" : "",
		     request->idmap_of_container ? " of-container" : "");
	if (request->layer)
		ctr_buf_addf(out, " layer %s", request->layer);
	if (request->label)
		ctr_buf_addf(out, " label %s", request->label);
	ctr_buf_addf(out, "   # %s\n", request->origin ? request->origin : "-");
	dump_map(out, "  uid-map", request->map.uid, request->map.nuid);
	dump_map(out, "  gid-map", request->map.gid, request->map.ngid);
}

static void dump_process_actions(struct ctr_buf *out, const struct ctr_actions *actions)
{
	const struct ctr_scheduler *scheduler = actions->scheduler;

	for (size_t i = 0; i < actions->nrlimits; i++)
		ctr_buf_addf(
			out, "rlimit %u %" PRIu64 " %" PRIu64 "%s\n", actions->rlimits[i].resource,
			actions->rlimits[i].soft, actions->rlimits[i].hard,
			actions->late_rlimits >> actions->rlimits[i].resource & 1 ? " late" : "");
	if (actions->has_stdio_owner)
		ctr_buf_addf(out, "stdio-owner %u\n", actions->stdio_owner);
	if (actions->has_oom_score_adj)
		ctr_buf_addf(out, "oom-score-adj %d\n", actions->oom_score_adj);
	if (scheduler)
		ctr_buf_addf(out, "scheduler policy=%u nice=%d priority=%d flags=%" PRIu64 "\n",
			     scheduler->policy, scheduler->nice, scheduler->priority,
			     scheduler->flags);
	if (actions->io_priority)
		ctr_buf_addf(out, "io-priority class=%u priority=%d\n", actions->io_priority->class,
			     actions->io_priority->priority);
	if (actions->exec_cpu_affinity)
		ctr_buf_addf(out, "cpu-affinity %s\n",
			     actions->exec_cpu_affinity->initial
				     ? actions->exec_cpu_affinity->initial
				     : "-");
}

static void dump_actions(struct ctr_buf *out, const struct ctr_actions *actions, bool exec)
{
	if (!exec)
		dump_shape(out, &actions->shape);
	if (actions->shape.write_maps) {
		dump_map(out, "uid-map", actions->idmap.uid, actions->idmap.nuid);
		dump_map(out, "gid-map", actions->idmap.gid, actions->idmap.ngid);
	}
	dump_process_actions(out, actions);
	for (size_t i = 0; i < actions->nfds; i++)
		dump_request(out, i, &actions->fds[i]);
	for (size_t i = 0; i < actions->nwarnings; i++)
		ctr_buf_addf(out, "warning %s\n", actions->warnings[i]);
}

static void dump_limits(struct ctr_buf *out, const struct ctr_limits *limits)
{
	for (size_t i = 0; i < limits->count; i++) {
		const struct ctr_limit *limit = &limits->list[i];

		ctr_buf_addf(out, "limit %s %s%s%s%s   # %s\n", limit->file, limit->value,
			     limit->flags & CTR_LIMIT_DEFAULT ? " [default]" : "",
			     limit->flags & CTR_LIMIT_MAY_LACK ? " [may-lack]" : "",
			     limit->flags & CTR_LIMIT_OR_NEXT ? " [or-next]" : "", limit->origin);
	}
	for (size_t i = 0; i < limits->nwarnings; i++)
		ctr_buf_addf(out, "warning %s\n", limits->warnings[i]);
}

/* ---- a case */

/* The document planned, as text; the text of the error when there is one. */
static int plan(int dir, struct ctr_arena *arena, struct ctr_buf *out, struct ctr_error *err)
{
	struct fixture fixture = { .host = default_host };
	struct ctr_actions actions = { 0 };
	struct ctr_plan_builder builder;
	struct ctr_plan_header *header;
	const struct ctr_spec *spec;
	struct ctr_limits limits;
	size_t len;
	char *text;

	text = ctr_file_read(arena, dir, "config.json", FILE_MAX_SIZE, &len, err);
	if (!text || read_host(&fixture, dir, arena, err) < 0)
		return -1;
	spec = ctr_spec_decode(arena, text, len, "config.json", "/bundle", NULL, err);
	if (!spec)
		return -1;
	add_options(&fixture.options, spec, arena);

	if (ctr_limits_plan(spec->linux_->resources, arena, &limits, err) < 0)
		return -1;
	ctr_plan_init(&builder, arena);
	if (ctr_plan_container(&builder, &actions, spec, &fixture.host, &fixture.options, arena,
			       err) < 0)
		return -1;
	header = ctr_plan_finish(&builder, err);
	if (!header || ctr_plan_check(header, header->size, err) < 0)
		return -1;

	dump_actions(out, &actions, fixture.options.exec);
	if (!fixture.options.exec)
		dump_limits(out, &limits);
	ctr_buf_addc(out, '\n');
	ctr_plan_dump(header, out);
	return 0;
}

static void show_difference(int dir, const char *golden, const char *text)
{
	char command[256];
	FILE *diff;

	(void)snprintf(command, sizeof(command), "diff -u /dev/fd/%d/%s - | sed 's/^/# /'", dir,
		       golden);
	(void)fflush(stdout);
	diff = popen(command, "w");
	if (!diff)
		return;
	(void)fputs(text, diff);
	(void)pclose(diff);
}

static int update(int dir, const char *golden, const char *other, const char *text,
		  struct ctr_error *err)
{
	if (unlinkat(dir, other, 0) < 0 && errno != ENOENT)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot remove '%s'", other);

	return ctr_file_replace(dir, golden, text, strlen(text), 0644, err);
}

/* 0: as it should be. */
static int run_case(int plans, const char *name, bool updating)
{
	static const char *const files[] = { "plan.golden", "error.golden" };
	_cleanup_close_ int dir = openat(plans, name, O_RDONLY | O_DIRECTORY);
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	const char *expected;
	struct ctr_buf out;
	int failed, r = -1;

	ctr_buf_init(&out, &arena);
	failed = plan(dir, &arena, &out, &err) < 0;
	if (failed) {
		ctr_buf_init(&out, &arena);
		ctr_buf_addf(&out, "%s\n", err.text);
	}

	if (updating) {
		r = update(dir, files[failed], files[!failed], ctr_buf_str(&out), &err);
		if (r < 0)
			printf("# %s\n", err.text);
	} else {
		expected = ctr_file_read(&arena, dir, files[failed], FILE_MAX_SIZE, NULL, &err);
		if (expected && strcmp(expected, ctr_buf_str(&out)) == 0)
			r = 0;
		else
			show_difference(dir, files[failed], ctr_buf_str(&out));
	}

	ctr_arena_release(&arena);
	return r;
}

static int is_case(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && entry->d_type == DT_DIR;
}

/* Without names: all of them. */
static int run_cases(const char *path, char **names, int n, bool updating)
{
	_cleanup_close_ int plans = open(path, O_RDONLY | O_DIRECTORY);
	struct dirent **entries = NULL;
	int failures = 0;

	if (plans < 0) {
		printf("Bail out! cannot open '%s': %s\n", path, strerror(errno));
		return 1;
	}
	if (n == 0)
		n = scandir(path, &entries, is_case, alphasort);

	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		const char *name = entries ? entries[i]->d_name : names[i];
		int r = run_case(plans, name, updating);

		printf("%s %d - %s\n", r < 0 ? "not ok" : "ok", i + 1, name);
		failures += r < 0;
	}

	for (int i = 0; entries && i < n; i++)
		free(entries[i]);
	free(entries);
	return failures > 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	bool updating = argc > 1 && strcmp(argv[1], "--update") == 0;
	int first = updating ? 2 : 1;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/tests/plan", srcdir ? srcdir : ".");
	return run_cases(path, argv + first, argc - first, updating);
}
