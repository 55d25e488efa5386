/* ns/idmap: texts, ranges, who needs newuidmap, and writing maps of a real process. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/host.h"
#include "ns/idmap.h"

static struct ctr_arena arena;

static int release(void **state)
{
	(void)state;
	ctr_arena_release(&arena);
	return 0;
}

static void texts(void **state)
{
	const struct ctr_id_map map[] = {
		{0,            1000,        1          },
		{ 1,           100000,      65536      },
		{ 4294967294u, 4294967294u, 4294967295u},
	};

	(void)state;
	assert_string_equal(ctr_idmap_text(map, 0, &arena), "");
	assert_string_equal(ctr_idmap_text(map, 3, &arena),
			    "0 1000 1\n1 100000 65536\n4294967294 4294967294 4294967295\n");
}

static void ranges(void **state)
{
	const struct ctr_id_map map[] = {
		{0,  1000,   1 },
                { 5, 100000, 10}
	};
	const struct ctr_id_map all = { 0, 0, 4294967295u };
	const struct ctr_id_map high = { 4294967290u, 10, 100 };

	(void)state;
	assert_int_equal(ctr_idmap_to_host(map, 2, 0), 1000);
	assert_int_equal(ctr_idmap_to_host(map, 2, 1), -1);
	assert_int_equal(ctr_idmap_to_host(map, 2, 4), -1);
	assert_int_equal(ctr_idmap_to_host(map, 2, 5), 100000);
	assert_int_equal(ctr_idmap_to_host(map, 2, 14), 100009);
	assert_int_equal(ctr_idmap_to_host(map, 2, 15), -1);
	assert_int_equal(ctr_idmap_to_host(map, 0, 0), -1);
	/* crun 209: the end of a range does not fit 32 bits */
	assert_int_equal(ctr_idmap_to_host(&all, 1, 4294967294u), 4294967294);
	assert_int_equal(ctr_idmap_to_host(&all, 1, 4294967295u), -1);
	assert_int_equal(ctr_idmap_to_host(&high, 1, 4294967295u), 15);
	assert_int_equal(ctr_idmap_to_host(&high, 1, 0), -1);
}

static void defaults(void **state)
{
	const struct ctr_host host = { .euid = 1000, .egid = 100 };
	const struct ctr_id_map map = { 0, 7, 8 };
	const struct ctr_linux none = { 0 };
	const struct ctr_linux both = {
		.uid_mappings = &map,
		.nuid_mappings = 1,
		.gid_mappings = &map,
		.ngid_mappings = 1,
	};
	struct ctr_spec spec = { .linux_ = &none };
	struct ctr_idmap out;

	(void)state;
	ctr_idmap_of(&out, &spec, &host, &arena);
	assert_string_equal(ctr_idmap_text(out.uid, out.nuid, &arena), "0 1000 1\n");
	assert_string_equal(ctr_idmap_text(out.gid, out.ngid, &arena), "0 100 1\n");

	spec.linux_ = &both;
	ctr_idmap_of(&out, &spec, &host, &arena);
	assert_string_equal(ctr_idmap_text(out.uid, out.nuid, &arena), "0 7 8\n");
	assert_string_equal(ctr_idmap_text(out.gid, out.ngid, &arena), "0 7 8\n");
}

static void helpers(void **state)
{
	const struct ctr_id_map own = { 0, 1000, 1 }, elsewhere = { 33, 1000, 1 };
	const struct ctr_id_map other = { 0, 1001, 1 }, two = { 0, 1000, 2 };
	const struct ctr_id_map list[] = {
		{0,  1000,   1},
                { 1, 100000, 5}
	};
	const struct ctr_host user = { .euid = 1000, .egid = 1000 };
	const struct ctr_host root = { .privileged = true };
	const struct {
		const struct ctr_id_map *uid, *gid;
		size_t nuid, ngid;
		bool uid_helper, gid_helper;
	} cases[] = {
		{&own,        &own, 1, 1, false, false},
                { &elsewhere, &own, 1, 1, false, false},
		{ &other,     &own, 1, 1, true,  false},
                { &two,       &own, 1, 1, true,  false},
		{ &own,       &two, 1, 1, false, true },
                { list,       list, 2, 2, true,  true },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_idmap map = { cases[i].uid, cases[i].gid, cases[i].nuid, cases[i].ngid };

		assert_int_equal(ctr_idmap_needs_uid_helper(&map, &user), cases[i].uid_helper);
		assert_int_equal(ctr_idmap_needs_gid_helper(&map, &user), cases[i].gid_helper);
		assert_false(ctr_idmap_needs_uid_helper(&map, &root));
		assert_false(ctr_idmap_needs_gid_helper(&map, &root));
	}
}

/* The map of this process, seen from the user namespace of @pid. */
static void read_map(pid_t pid, const char *file, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	assert_true(ctr_file_read_small(AT_FDCWD, path, out, size) >= 0);
}

static pid_t mapped; /* in a user namespace of its own, by the test that runs; 0: none */

static int end_mapped(void **state)
{
	(void)state;
	if (mapped > 0) {
		kill(mapped, SIGKILL);
		waitpid(mapped, NULL, 0);
	}
	mapped = 0;
	return 0;
}

static pid_t clone_into_userns(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		pause();
		_exit(0);
	}
	mapped = (pid_t)pid;
	return mapped;
}

/* Maps only this process's own ids, so it works without privileges, too. */
static void writing(void **state)
{
	struct ctr_error err = { 0 };
	struct ctr_id_map uid, gid;
	struct ctr_idmap map = { &uid, &gid, 1, 1 };
	unsigned inside, outside, size;
	struct ctr_host host;
	char text[4096];
	pid_t pid;

	(void)state;
	ctr_host_probe(&host, &arena);
	uid = (struct ctr_id_map){ 3, host.euid, 1 };
	gid = (struct ctr_id_map){ 4, host.egid, 1 };
	pid = clone_into_userns();
	if (pid < 0)
		unit_skip("no user namespace can be made here");

	assert_int_equal(ctr_idmap_write(&map, &host, pid, &arena, &err), 0);
	read_map(pid, "uid_map", text, sizeof(text));
	assert_int_equal(sscanf(text, "%u %u %u", &inside, &outside, &size), 3);
	assert_int_equal(inside, 3);
	assert_int_equal(outside, host.euid);
	read_map(pid, "gid_map", text, sizeof(text));
	assert_int_equal(sscanf(text, "%u", &inside), 1);
	assert_int_equal(inside, 4);
	read_map(pid, "setgroups", text, sizeof(text));
	assert_string_equal(text, host.privileged ? "allow" : "deny");

	/* A second time is refused by the kernel, and the field is named. */
	assert_int_equal(ctr_idmap_write(&map, &host, pid, &arena, &err), -1);
	assert_string_equal(err.text,
			    "linux.uidMappings: cannot write 'uid_map': Operation not permitted");
}

/* The kernel says EINVAL for all of these. */
static void refused(void **state)
{
	const struct ctr_id_map overlap[] = {
		{0,  0, 2},
                { 1, 5, 1}
	};
	struct ctr_id_map long_map[341];
	const struct {
		const struct ctr_id_map *map;
		size_t n;
		const char *error;
	} cases[] = {
		{overlap,   2,
                 "linux.uidMappings: mappings overlap or are empty: Invalid argument"                },
		{ long_map, 341,
                 "linux.uidMappings: 341 mappings are more than the kernel takes (340 in 4095 bytes)"},
	};
	struct ctr_host host = { .privileged = true };
	struct ctr_error err = { 0 };
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root");
	for (uint32_t i = 0; i < unit_count(long_map); i++)
		long_map[i] = (struct ctr_id_map){ i, i, 1 };

	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_idmap map = { cases[i].map, cases[i].map, cases[i].n, cases[i].n };

		pid = clone_into_userns();
		if (pid < 0)
			unit_skip("no user namespace can be made here");
		assert_int_equal(ctr_idmap_write(&map, &host, pid, &arena, &err), -1);
		assert_string_equal(err.text, cases[i].error);
		end_mapped(NULL);
	}
}

/* A script in place of newuidmap(1); what it prints is quoted. */
static void make_script(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", text);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static void running_helpers(void **state)
{
	const struct ctr_id_map list[] = {
		{0,  1000,   1    },
                { 1, 100000, 65536}
	};
	const struct ctr_host host = { .euid = 1000, .egid = 1000 };
	struct ctr_idmap map = { list, list, 2, 2 };
	struct ctr_error err = { 0 };
	const char *dir = unit_make_dir();
	char *old = strdup(getenv("PATH"));
	char command[256], expected[512], arguments[512];

	(void)state;
	setenv("PATH", dir, 1);
	assert_int_equal(ctr_idmap_write(&map, &host, getpid(), &arena, &err), -1);
	assert_string_equal(
		err.text,
		"linux.uidMappings: mapping more than your own id needs 'newuidmap' (package uidmap), which is not installed");

	snprintf(command, sizeof(command), "echo \"$*\" >'%s/u'", dir);
	make_script(dir, "newuidmap", command);
	make_script(dir, "newgidmap",
		    "echo 'newgidmap: gid range'; echo 'not allowed' >&2; exit 1");
	assert_int_equal(ctr_idmap_write(&map, &host, getpid(), &arena, &err), -1);
	assert_string_equal(
		err.text,
		"linux.gidMappings: 'newgidmap' refused: newgidmap: gid range not allowed");

	snprintf(command, sizeof(command), "%s/u", dir);
	assert_true(ctr_file_read_small(AT_FDCWD, command, arguments, sizeof(arguments)) > 0);
	snprintf(expected, sizeof(expected), "%d 0 1000 1 1 100000 65536", (int)getpid());
	assert_string_equal(arguments, expected);

	make_script(dir, "newgidmap", "exit 0");
	assert_int_equal(ctr_idmap_write(&map, &host, getpid(), &arena, &err), 0);

	setenv("PATH", old, 1);
	free(old);
	unit_remove_dir(dir);
}

static void user_namespaces(void **state)
{
	struct ctr_error err = { 0 };
	struct ctr_host host;
	struct ctr_id_map uid, gid;
	struct ctr_idmap map = { &uid, &gid, 1, 1 };
	int fd;

	(void)state;
	ctr_host_probe(&host, &arena);
	uid = (struct ctr_id_map){ 0, host.euid, 1 };
	gid = (struct ctr_id_map){ 0, host.egid, 1 };
	fd = ctr_idmap_userns(&map, &host, &arena, &err);
	if (fd < 0)
		unit_skip("no user namespace can be made here");
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	/* nobody is left */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(ranges),
		cmocka_unit_test(defaults),
		cmocka_unit_test(helpers),
		cmocka_unit_test_teardown(writing, end_mapped),
		cmocka_unit_test_teardown(refused, end_mapped),
		cmocka_unit_test(running_helpers),
		cmocka_unit_test(user_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
