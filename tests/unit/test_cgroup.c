/* The container's cgroup: its place (pure), and its life on the cgroup2 mount of this machine,
 * where there is one that we may write to. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "cgroup/cgroup.h"
#include "cgroup/controllers.h"
#include "cgroup/devices.h"
#include "oci/spec.h"

/* ---- place */

static const struct ctr_host root_host = {
	.privileged = true,
	.cgroup_mode = CTR_CGROUP_UNIFIED,
	.cgroup_mount = "/sys/fs/cgroup",
	.cgroup_self = "/system.slice/x.service",
};

static const struct ctr_host user_host = {
	.euid = 1000,
	.rootless = true,
	.cgroup_mode = CTR_CGROUP_UNIFIED,
	.cgroup_mount = "/sys/fs/cgroup",
	.cgroup_self = "/user.slice/me",
};

static const struct ctr_host lone_host = {
	.euid = 1000,
	.rootless = true,
	.cgroup_mode = CTR_CGROUP_UNIFIED,
	.cgroup_mount = "/sys/fs/cgroup",
	.cgroup_self = "/",
};

#define ROOT_ERROR "linux.cgroupsPath: '/' is the root cgroup, a container needs its own"

static const struct {
	const struct ctr_host *host;
	const char *cgroups_path, *path, *error;
	bool optional;
} places[] = {
	{&root_host,  NULL,             "/ctr-db",               NULL,       false},
	{ &root_host, "",               "/ctr-db",               NULL,       false},
	{ &root_host, "/a/b",           "/a/b",                  NULL,       false},
	{ &root_host, "a/b",            "/a/b",                  NULL,       false},
	{ &root_host, "//a/./b//../c/", "/a/c",                  NULL,       false},
	{ &root_host, "/../../a",       "/a",                    NULL,       false},
	{ &root_host, "/",              NULL,                    ROOT_ERROR, false},
	{ &root_host, "a/..",           NULL,                    ROOT_ERROR, false},
	{ &root_host, "/a\nb",          NULL,
         "linux.cgroupsPath: a newline cannot be in the name of a cgroup",   false},
	{ &user_host, NULL,             "/user.slice/me/ctr-db", NULL,       true },
	{ &user_host, "a",              "/user.slice/me/a",      NULL,       false},
	{ &user_host, "../../../a",     "/user.slice/me/a",      NULL,       false},
	{ &user_host, "/a",             "/a",                    NULL,       false},
	{ &lone_host, NULL,             "/ctr-db",               NULL,       true },
};

static void test_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(places); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_cgroup cgroup;
		struct ctr_error err;
		int r = ctr_cgroup_place(&cgroup, &arena, places[i].host, CTR_MANAGER_CGROUPFS,
					 places[i].cgroups_path, "db", &err);

		if (places[i].error) {
			assert_int_equal(r, -1);
			assert_string_equal(err.text, places[i].error);
		} else {
			assert_int_equal(r, 0);
			assert_string_equal(cgroup.path, places[i].path);
			assert_string_equal(cgroup.mount, "/sys/fs/cgroup");
			assert_int_equal(cgroup.fd, -1);
			assert_int_equal(cgroup.optional, places[i].optional);
		}
		ctr_arena_release(&arena);
	}
}

static void test_place_nowhere(void **state)
{
	struct ctr_host none = root_host;
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_cgroup cgroup = { .mount = "x" };
	char *name = ctr_arena_alloc(&arena, 5000);
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_cgroup_place(&cgroup, &arena, &root_host, CTR_MANAGER_DISABLED, "/a",
					  "db", &err),
			 0);
	assert_null(cgroup.mount);

	none.cgroup_mode = CTR_CGROUP_NONE;
	none.cgroup_mount = NULL;
	assert_int_equal(
		ctr_cgroup_place(&cgroup, &arena, &none, CTR_MANAGER_CGROUPFS, "/a", "db", &err),
		0);
	assert_null(cgroup.mount);

	/* A container without a cgroup: the verbs say so, making and removing are no work. */
	assert_int_equal(ctr_cgroup_make(&cgroup, &none, &err), 0);
	assert_int_equal(ctr_cgroup_remove(&cgroup, &err), 0);
	assert_int_equal(ctr_cgroup_freeze(&cgroup, true, &err), -1);
	assert_string_equal(err.text, "cannot freeze the container: it has no cgroup of its own");
	assert_false(ctr_cgroup_is_frozen(&cgroup));

	memset(name, 'a', 300);
	assert_int_equal(ctr_cgroup_place(&cgroup, &arena, &root_host, CTR_MANAGER_CGROUPFS, name,
					  "db", &err),
			 -1);
	assert_int_equal(err.code, ENAMETOOLONG);
	memset(name, '/', 4999);
	for (size_t i = 1; i < 4999; i += 2)
		name[i] = 'b';
	assert_int_equal(ctr_cgroup_place(&cgroup, &arena, &root_host, CTR_MANAGER_CGROUPFS, name,
					  "db", &err),
			 -1);
	assert_int_equal(err.code, ENAMETOOLONG);
	/* a name of its own is said to be an id, which the document does not have */
	memset(name, 'x', 252);
	name[252] = '\0';
	assert_int_equal(ctr_cgroup_place(&cgroup, &arena, &root_host, CTR_MANAGER_CGROUPFS, NULL,
					  name, &err),
			 -1);
	assert_non_null(strstr(err.text, "container id 'xxxxxxxx"));
	name[251] = '\0';
	assert_int_equal(ctr_cgroup_place(&cgroup, &arena, &root_host, CTR_MANAGER_CGROUPFS, NULL,
					  name, &err),
			 0);
	ctr_arena_release(&arena);
}

static void test_controllers_parse(void **state)
{
	(void)state;
	assert_int_equal(ctr_controllers_parse("cpu memory pids"),
			 CTR_CONTROLLER_BIT(CTR_CONTROLLER_CPU) |
				 CTR_CONTROLLER_BIT(CTR_CONTROLLER_MEMORY) |
				 CTR_CONTROLLER_BIT(CTR_CONTROLLER_PIDS));
	assert_int_equal(ctr_controllers_parse("cpux memor \n"), 0);
	assert_int_equal(ctr_controller_of("memory.swap.max"), CTR_CONTROLLER_MEMORY);
	assert_int_equal(ctr_controller_of("cpuset.cpus"), CTR_CONTROLLER_CPUSET);
	assert_int_equal(ctr_controller_of("cgroup.freeze"), CTR_CONTROLLER_COUNT);
}

/* ---- life, below a cgroup of our own */

struct world {
	struct ctr_arena arena;
	struct ctr_host host;
	char parent[64]; /* "/ctr-test-PID" */
	int parent_fd;   /* -1: nothing to test on */
};

static struct world world = { .parent_fd = -1 };

static int set_up(void **state)
{
	char path[256];

	(void)state;
	ctr_host_probe(&world.host, &world.arena);
	if (!world.host.cgroup_mount)
		return 0;
	(void)snprintf(world.parent, sizeof(world.parent), "/ctr-test-%d", (int)getpid());
	(void)snprintf(path, sizeof(path), "%s%s", world.host.cgroup_mount, world.parent);
	if (mkdir(path, 0755) == 0)
		world.parent_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

/* Every test has to leave the parent empty: rmdir says so. */
static int tear_down(void **state)
{
	char path[256];
	int r = 0;

	(void)state;
	if (world.parent_fd >= 0) {
		(void)close(world.parent_fd);
		(void)snprintf(path, sizeof(path), "%s%s", world.host.cgroup_mount, world.parent);
		r = rmdir(path);
	}
	ctr_arena_release(&world.arena);
	return r;
}

static struct ctr_cgroup place(const char *below)
{
	struct ctr_cgroup cgroup;
	char path[256];

	if (world.parent_fd < 0)
		unit_skip("no cgroup can be made here");
	(void)snprintf(path, sizeof(path), "%s/%s", world.parent, below);
	assert_int_equal(ctr_cgroup_place(&cgroup, &world.arena, &world.host, CTR_MANAGER_CGROUPFS,
					  path, "x", NULL),
			 0);
	return cgroup;
}

static struct ctr_cgroup make(const char *below)
{
	struct ctr_cgroup cgroup = place(below);
	struct ctr_error err;

	if (ctr_cgroup_make(&cgroup, &world.host, &err) < 0)
		fail_msg("%s", err.text);
	return cgroup;
}

static void remove_it(struct ctr_cgroup *cgroup)
{
	struct ctr_error err;

	if (ctr_cgroup_remove(cgroup, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(cgroup->fd, -1);
}

static bool exists(const char *below)
{
	return faccessat(world.parent_fd, below, F_OK, 0) == 0;
}

/* A process that sleeps in @cgroup, and goes when the test fails. */
static pid_t sleeper(const struct ctr_cgroup *cgroup)
{
	struct ctr_error err;
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(ready[0]);
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 0);
	(void)close(ready[0]);
	if (ctr_cgroup_enter(cgroup, pid, &err) < 0)
		fail_msg("%s", err.text);
	return pid;
}

static int reap(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_make_and_remove(void **state)
{
	struct ctr_cgroup one = make("a/b/c"), two = make("a/b/d");

	(void)state;
	assert_int_equal(one.made, 3);
	assert_int_equal(two.made, 1);
	assert_true(one.fd >= 0);

	/* The parents were made for the first, but the second lives there. */
	remove_it(&one);
	assert_false(exists("a/b/c"));
	assert_true(exists("a/b/d"));
	remove_it(&two);
	assert_false(exists("a/b/d"));
	remove_it(&two); /* gone already */

	(void)unlinkat(world.parent_fd, "a/b", AT_REMOVEDIR);
	(void)unlinkat(world.parent_fd, "a", AT_REMOVEDIR);

	one = make("a/b/c");
	remove_it(&one);
	assert_false(exists("a"));
}

static void churn(int worker)
{
	for (int i = 0; i < 100; i++) {
		struct ctr_cgroup cgroup;
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/shared/%d", world.parent, worker);
		if (ctr_cgroup_place(&cgroup, &world.arena, &world.host, CTR_MANAGER_CGROUPFS, path,
				     "x", NULL) < 0 ||
		    ctr_cgroup_make(&cgroup, &world.host, NULL) < 0 ||
		    ctr_cgroup_remove(&cgroup, NULL) < 0)
			_exit(1);
	}
	_exit(0);
}

/* Making races with the removal of the shared parent by others. */
static void test_parallel(void **state)
{
	enum { WORKERS = 8 };
	pid_t pids[WORKERS];

	(void)state;
	if (world.parent_fd < 0)
		unit_skip("no cgroup can be made here");
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			churn(i);
	}
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(reap(pids[i]), 0);
	/* It stays where its maker was not the last. */
	(void)unlinkat(world.parent_fd, "shared", AT_REMOVEDIR);
	assert_false(exists("shared"));
}

static void test_existing(void **state)
{
	struct ctr_cgroup first = make("a"), again = place("a");
	struct ctr_error err;
	pid_t pid;
	char want[256];

	(void)state;
	/* Empty and thawed: accepted. */
	assert_int_equal(ctr_cgroup_make(&again, &world.host, &err), 0);
	assert_int_equal(again.made, 0);
	ctr_cgroup_close(&again);

	assert_int_equal(ctr_cgroup_freeze(&first, true, &err), 0);
	assert_int_equal(ctr_cgroup_make(&again, &world.host, &err), -1);
	assert_non_null(strstr(err.text, "container's cgroup unexpectedly frozen"));
	assert_int_equal(again.fd, -1);
	assert_int_equal(ctr_cgroup_freeze(&first, false, &err), 0);

	pid = sleeper(&first);
	assert_int_equal(ctr_cgroup_make(&again, &world.host, &err), -1);
	(void)snprintf(want, sizeof(want),
		       "linux.cgroupsPath: container's cgroup is not empty: 1 process(es) found in "
		       "'%s/a'",
		       world.parent);
	assert_string_equal(err.text, want);

	/* A refused make took nothing away. */
	assert_true(exists("a"));
	assert_int_equal(ctr_cgroup_open(&again, &err), 0);
	ctr_cgroup_close(&again);
	remove_it(&first);
	assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
	assert_int_equal(ctr_cgroup_open(&again, &err), -1);
	assert_int_equal(err.code, ENOENT);
}

static void test_freeze(void **state)
{
	struct ctr_cgroup cgroup = make("f"), child = make("f/g");
	pid_t pid = sleeper(&cgroup), below = sleeper(&child);
	struct ctr_error err;
	char freeze[8];

	(void)state;
	assert_false(ctr_cgroup_is_frozen(&cgroup));
	assert_int_equal(ctr_cgroup_freeze(&cgroup, true, &err), 0);
	assert_true(ctr_cgroup_is_frozen(&cgroup));
	assert_true(ctr_cgroup_is_frozen(&child));

	/* Thawing below a frozen one cannot work: said at once, not after ten seconds. */
	assert_int_equal(ctr_cgroup_freeze(&child, false, &err), -1);
	assert_non_null(strstr(err.text, "a cgroup above it is frozen"));

	/* Another signal than SIGKILL leaves a paused container paused; it may wait for the thaw.
	 */
	assert_int_equal(ctr_cgroup_kill(&cgroup, SIGTERM, &err), 0);
	assert_int_equal(ctr_file_read_small(cgroup.fd, "cgroup.freeze", freeze, 8), 1);
	assert_string_equal(freeze, "1");
	assert_int_equal(ctr_cgroup_freeze(&cgroup, false, &err), 0);
	assert_int_equal(WTERMSIG(reap(pid)), SIGTERM);
	assert_int_equal(WTERMSIG(reap(below)), SIGTERM);
	assert_false(ctr_cgroup_is_frozen(&cgroup));

	remove_it(&child);
	remove_it(&cgroup);
}

static void test_kill(void **state)
{
	struct ctr_cgroup cgroup = make("k"), child = make("k/l/m");
	pid_t pid = sleeper(&cgroup), below = sleeper(&child);
	struct ctr_error err;
	pid_t *list;
	size_t n;

	(void)state;
	assert_int_equal(ctr_cgroup_procs(&cgroup, &world.arena, &list, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(list[0], pid < below ? pid : below);
	assert_int_equal(list[1], pid < below ? below : pid);

	assert_int_equal(ctr_cgroup_kill(&cgroup, SIGTERM, &err), 0);
	assert_int_equal(WTERMSIG(reap(pid)), SIGTERM);
	assert_int_equal(WTERMSIG(reap(below)), SIGTERM);
	assert_false(ctr_cgroup_is_frozen(&cgroup));

	pid = sleeper(&child);
	assert_int_equal(ctr_cgroup_kill(&cgroup, SIGKILL, &err), 0);
	assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
	assert_int_equal(ctr_cgroup_procs(&cgroup, &world.arena, &list, &n, &err), 0);
	assert_int_equal(n, 0);

	ctr_cgroup_close(&child);
	remove_it(&cgroup);
}

/* Left-overs, sub-cgroups of any depth, a paused container. */
static void test_remove_populated(void **state)
{
	struct ctr_cgroup cgroup = make("r"), deep = make("r/a/b/c"), wide;
	struct rlimit before;
	struct ctr_error err;
	pid_t pids[3];
	char name[16];
	int dir;

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "r/w%d", i);
		wide = make(name);
		ctr_cgroup_close(&wide);
	}
	/* Deeper than there are descriptors to hold it open level by level. */
	dir = openat(deep.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 200; i++) {
		int next;

		if (mkdirat(dir, "d", 0755) < 0)
			break;
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(dir);
		dir = next;
	}
	(void)close(dir);

	pids[0] = sleeper(&cgroup);
	pids[1] = sleeper(&deep);
	pids[2] = sleeper(&deep);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 50, before.rlim_max }), 0);
	assert_int_equal(ctr_cgroup_freeze(&cgroup, true, &err), 0);
	ctr_cgroup_close(&deep);
	remove_it(&cgroup);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(WTERMSIG(reap(pids[i])), SIGKILL);
	assert_false(exists("r"));
}

/* fault 86: threaded only when no domain controller is wanted. */
static void test_threaded(void **state)
{
	struct ctr_cgroup parent = make("t"), leaf = place("t/x/y");
	struct ctr_error err;
	pid_t pid;
	pid_t *list;
	size_t n;
	char type[32];

	(void)state;
	if (mkdirat(parent.fd, "x", 0755) < 0 ||
	    ctr_file_write_once(parent.fd, "x/cgroup.type", "threaded", 8) < 0)
		fail_msg("cannot make a threaded cgroup");

	leaf.controllers = CTR_CONTROLLER_BIT(CTR_CONTROLLER_MEMORY);
	assert_int_equal(ctr_cgroup_make(&leaf, &world.host, &err), -1);
	assert_non_null(strstr(err.text, "with domain controllers -- it is in an invalid state"));
	assert_false(exists("t/x/y"));

	leaf.controllers = 0;
	if (ctr_cgroup_make(&leaf, &world.host, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(ctr_file_read_small(leaf.fd, "cgroup.type", type, sizeof(type)) > 0);
	assert_string_equal(type, "threaded");

	pid = sleeper(&leaf);
	assert_int_equal(ctr_cgroup_procs(&leaf, &world.arena, &list, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0], pid);
	/* cgroup.kill gives EOPNOTSUPP there. */
	assert_int_equal(ctr_cgroup_kill(&leaf, SIGKILL, &err), 0);
	assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
	remove_it(&leaf);
	remove_it(&parent);
}

static void test_sub(void **state)
{
	struct ctr_cgroup cgroup = make("s"), child = make("s/..x/b");
	static const char *const bad[] = { "..", "../x", "a/../..", "/..", "..x/b/../../.." };
	struct ctr_error err;
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < unit_count(bad); i++) {
		assert_int_equal(ctr_cgroup_open_sub(&cgroup, bad[i], &fd, &err), -1);
		assert_non_null(strstr(err.text, "bad sub cgroup path"));
	}
	assert_int_equal(ctr_cgroup_open_sub(&cgroup, "nowhere", &fd, &err), -1);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(ctr_cgroup_open_sub(&cgroup, "/..x/b", &fd, &err), 0);
	(void)close(fd);
	assert_int_equal(ctr_cgroup_open_sub(&cgroup, "/", &fd, &err), 0);
	(void)close(fd);

	ctr_cgroup_close(&child);
	remove_it(&cgroup);
}

/* A hybrid host: the limit's controller is elsewhere, and nothing is left behind. */
static void test_absent_controller(void **state)
{
	struct ctr_cgroup cgroup = place("h/i");
	struct ctr_error err;

	(void)state;
	if (world.host.cgroup_mode != CTR_CGROUP_HYBRID)
		unit_skip("needs a host with cgroup v1 and v2");
	cgroup.controllers = CTR_CONTROLLER_BIT(CTR_CONTROLLER_MEMORY);
	assert_int_equal(ctr_cgroup_make(&cgroup, &world.host, &err), -1);
	assert_non_null(strstr(err.text, "linux.resources: the cgroup controller 'memory' is not"));
	assert_false(exists("h"));
}

/* A directory that plays the hierarchy: /, /busy with a process, /busy/box. */
static void test_populated_parent(void **state)
{
	const uint32_t pids = CTR_CONTROLLER_BIT(CTR_CONTROLLER_PIDS);
	const char *top = unit_make_dir();
	int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const files[][2] = {
		{"cgroup.controllers",           "cpu pids\n"},
		{ "cgroup.subtree_control",      "cpu pids\n"},
		{ "busy/cgroup.controllers",     "cpu pids\n"},
		{ "busy/cgroup.subtree_control", ""          },
		{ "busy/cgroup.procs",           "12\n"      },
	};
	struct ctr_error err;
	char text[64];

	(void)state;
	assert_int_equal(mkdirat(dir, "busy", 0755), 0);
	for (size_t i = 0; i < unit_count(files); i++)
		assert_int_equal(ctr_file_replace(dir, files[i][0], files[i][1],
						  strlen(files[i][1]), 0644, NULL),
				 0);

	assert_int_equal(ctr_controllers_enable(dir, "/busy/box", pids, 0, &err), -1);
	assert_string_equal(err.text,
			    "linux.resources: cannot enable controller 'pids' in cgroup '/busy' "
			    "(processes are in that cgroup itself: they have to move to a "
			    "sub-cgroup): Device or resource busy");
	assert_int_equal(ctr_controllers_enable(dir, "/busy/box", 0, pids, &err), 0);
	assert_int_equal(
		ctr_file_read_small(dir, "busy/cgroup.subtree_control", text, sizeof(text)), 0);

	/* Where nobody is, they are handed on. */
	assert_int_equal(ctr_file_replace(dir, "busy/cgroup.procs", "", 0, 0644, NULL), 0);
	assert_int_equal(ctr_controllers_enable(dir, "/busy/box", 0, pids, &err), 0);
	assert_true(ctr_file_read_small(dir, "busy/cgroup.subtree_control", text, sizeof(text)) >
		    0);
	assert_string_equal(text, "+pids ");
	close(dir);
	unit_remove_dir(top);
}

/* ---- the device filter at work */

static int try_devices(const struct ctr_cgroup *cgroup)
{
	pid_t pid = fork();
	int bits = 0;

	if (pid == 0) {
		static const char *const files[] = { "/dev/null", "/dev/zero", "/dev/kmsg" };

		if (ctr_cgroup_enter(cgroup, 0, NULL) < 0)
			_exit(255);
		for (int i = 0; i < 3; i++) {
			if (open(files[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC) >= 0)
				bits |= 1 << i;
			else if (errno != EPERM)
				_exit(254);
		}
		_exit(bits);
	}
	return WEXITSTATUS(reap(pid));
}

static void attach(const struct ctr_cgroup *cgroup, const struct ctr_device_rule *rules,
		   size_t nrules, bool replace)
{
	struct bpf_insn *insns;
	struct ctr_error err;
	size_t n;

	if (ctr_devices_compile(rules, nrules, &world.arena, &insns, &n, &err) < 0 ||
	    ctr_devices_attach(cgroup, &world.host, insns, n, replace, &err) < 0)
		fail_msg("%s", err.text);
}

/* fault 124: a query that is too short for the kernel would overwrite what is behind it. */
static void test_devices(void **state)
{
	static const struct ctr_device_rule deny[] = {
		{false, CTR_DEVICE_ALL, -1, -1, 7}
	};
	static const struct ctr_device_rule kmsg[] = {
		{false, CTR_DEVICE_ALL,  -1, -1, 7              },
		{ true, CTR_DEVICE_CHAR, 1,  11, CTR_ACCESS_READ},
	};
	static const struct ctr_device_rule all[] = {
		{true, CTR_DEVICE_ALL, -1, -1, 7}
	};
	struct ctr_cgroup cgroup = place("d");
	struct ctr_device_rule *many = ctr_arena_array(&world.arena, 3900, sizeof(*many));

	(void)state;
	if (!world.host.privileged || world.host.in_userns || access("/dev/kmsg", R_OK) < 0)
		unit_skip("needs privileges and /dev/kmsg");
	cgroup = make("d");
	assert_int_equal(try_devices(&cgroup), 7);
	attach(&cgroup, deny, 1, false);
	assert_int_equal(try_devices(&cgroup), 3);
	attach(&cgroup, kmsg, 2, true);
	assert_int_equal(try_devices(&cgroup), 7);
	attach(&cgroup, deny, 1, true);
	assert_int_equal(try_devices(&cgroup), 3);

	/* The verifier takes the largest program that is compiled. */
	for (size_t i = 0; i < 3900; i++)
		many[i] = (struct ctr_device_rule){ i & 1, CTR_DEVICE_CHAR, (int64_t)i / 7,
						    (int64_t)i, (uint32_t)(1 + i % 7) };
	attach(&cgroup, many, 3900, true);
	assert_int_equal(try_devices(&cgroup), 3);

	attach(&cgroup, all, 1, true);
	assert_int_equal(try_devices(&cgroup), 7);
	remove_it(&cgroup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_place_nowhere),
		cmocka_unit_test(test_controllers_parse),
		cmocka_unit_test(test_make_and_remove),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_existing),
		cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_remove_populated),
		cmocka_unit_test(test_threaded),
		cmocka_unit_test(test_sub),
		cmocka_unit_test(test_absent_controller),
		cmocka_unit_test(test_populated_parent),
		cmocka_unit_test(test_devices),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
