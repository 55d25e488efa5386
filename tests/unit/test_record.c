/* state/record: what is written is read again; what is damaged is refused. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "oci/spec.h"
#include "state/record.h"

static const struct ctr_string_pair annotations[] = {
	{.key = "org.example.note", .value = "two\nlines, 100%"},
	{ .key = "empty",           .value = ""                },
};

static const struct ctr_record sample = {
	.id = "web",
	.bundle = "/srv/a b",
	.rootfs = "/srv/a b/rootfs",
	.created = "2025-01-02T03:04:05.678901234Z",
	.oci_version = "1.2.0",
	.owner = 4294967295,
	.pid = 2147483647,
	.start_time = UINT64_MAX,
	.manager = "cgroupfs",
	.cgroup_mount = "/sys/fs/cgroup",
	.cgroup_path = "/ctr/web",
	.cgroup_made = 2,
	.cgroup_inode = 18446744073709551615U,
	.hooks = 5,
	.terminal = true,
	.annotations = annotations,
	.nannotations = 2,
};

static void assert_sample(const struct ctr_record *record)
{
	assert_string_equal(record->id, sample.id);
	assert_string_equal(record->bundle, sample.bundle);
	assert_string_equal(record->rootfs, sample.rootfs);
	assert_string_equal(record->created, sample.created);
	assert_string_equal(record->oci_version, sample.oci_version);
	assert_int_equal(record->owner, sample.owner);
	assert_int_equal(record->pid, sample.pid);
	assert_true(record->start_time == sample.start_time);
	assert_string_equal(record->manager, sample.manager);
	assert_string_equal(record->cgroup_mount, sample.cgroup_mount);
	assert_string_equal(record->cgroup_path, sample.cgroup_path);
	assert_int_equal(record->hooks, sample.hooks);
	assert_true(record->terminal);
	assert_false(record->has_pidns);
	assert_int_equal(record->nannotations, sample.nannotations);
	for (size_t i = 0; i < sample.nannotations; i++) {
		assert_string_equal(record->annotations[i].key, annotations[i].key);
		assert_string_equal(record->annotations[i].value, annotations[i].value);
	}
}

static void round_trip(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_record record;
	const char *text;
	size_t len = 0;

	(void)state;
	text = ctr_record_encode(&sample, &arena, &len);
	assert_int_equal(strlen(text), len);
	assert_int_equal(ctr_record_decode(&record, text, len, &arena, &err), 0);
	assert_sample(&record);

	/* A record that was cut anywhere is damaged, never half of one. */
	for (size_t i = 0; i < len; i++)
		assert_int_equal(ctr_record_decode(&record, text, i, &arena, &err), -1);
	ctr_arena_release(&arena);
}

static void damaged(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"",				    "state record is incomplete"       },
		{ "id=a\nbundle=/b\n",                  "state record is incomplete"       },
		{ "id=a\nend=1\n",                      "state record is incomplete"       },
		{ "id=a\nbundle=/b\nnonsense\nend=1\n", "state record is damaged at line 3"},
		{ "id=a\npid=-1\n",                     "state record is damaged at line 2"},
		{ "id=a\npid=2147483648\n",             "state record is damaged at line 2"},
		{ "id=a\nowner=4294967296\n",           "state record is damaged at line 2"},
		{ "id=a\nterminal=2\n",                 "state record is damaged at line 2"},
		{ "id=%4\n",                            "state record is damaged at line 1"},
		{ "id=%00\n",                           "state record is damaged at line 1"},
		{ "annotation=x\n",                     "state record is damaged at line 1"},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_record record;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_error err = { 0 };

		assert_int_equal(ctr_record_decode(&record, cases[i].text, strlen(cases[i].text),
						   &arena, &err),
				 -1);
		assert_string_equal(err.text, cases[i].error);
	}
	ctr_arena_release(&arena);
}

static void unknown_keys(void **state)
{
	static const char text[] = "id=a\nbundle=/b\nfrom.the.future=1\nend=1\n";
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_record record;

	(void)state;
	assert_int_equal(ctr_record_decode(&record, text, strlen(text), &arena, &err), 0);
	assert_string_equal(record.id, "a");
	ctr_arena_release(&arena);
}

static void networks(void **state)
{
	static const struct {
		const char *line;
		enum ctr_network_mode mode;
	} cases[] = {
		{"",                    CTR_NETWORK_CONFIG },
		{ "network=none\n",     CTR_NETWORK_NONE   },
		{ "network=host\n",     CTR_NETWORK_HOST   },
		{ "network=bridge\n",   CTR_NETWORK_BRIDGE },
		{ "network=pasta\n",    CTR_NETWORK_PASTA  },
		{ "network=passt\n",    CTR_NETWORK_PASST  },
		{ "network=unknown\n",  CTR_NETWORK_UNKNOWN},
		{ "network=brid\n",     CTR_NETWORK_UNKNOWN},
		{ "network=tomorrow\n", CTR_NETWORK_UNKNOWN},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const char *text =
			ctr_arena_printf(&arena, "id=a\nbundle=/b\n%send=1\n", cases[i].line);
		struct ctr_error err = { 0 };
		struct ctr_record record;
		size_t len;

		assert_int_equal(ctr_record_decode(&record, text, strlen(text), &arena, &err), 0);
		assert_int_equal(record.network, cases[i].mode);
		/* Written again by whatever does not know it, it stays one to look for. */
		text = ctr_record_encode(&record, &arena, &len);
		assert_int_equal(ctr_record_decode(&record, text, len, &arena, &err), 0);
		assert_int_equal(record.network, cases[i].mode);
	}
	ctr_arena_release(&arena);
}

static void on_disk(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_record record;
	char *path = unit_make_dir();
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_true(dir >= 0);
	assert_int_equal(ctr_record_write(&sample, dir, &arena, &err), 0);
	assert_int_equal(ctr_record_read(&record, dir, "web", &arena, &err), 0);
	assert_sample(&record);
	assert_int_equal(ctr_record_read(&record, dir, "other", &arena, &err), -1);
	assert_string_equal(err.text, "container 'other': state record is of 'web'");
	close(dir);
	unit_remove_dir(path);
	ctr_arena_release(&arena);
}

static void process_stat(void **state)
{
	uint64_t start = 0, again = 0;
	char letter = 0;

	(void)state;
	assert_int_equal(ctr_process_stat(getpid(), &start, &letter), 0);
	assert_int_equal(letter, 'R');
	assert_true(start > 0);
	assert_int_equal(ctr_process_stat(getpid(), &again, &letter), 0);
	assert_true(start == again);
	assert_true(ctr_process_stat(2147483647, &start, &letter) < 0);
}

static pid_t start_idle(void)
{
	pid_t child = fork();

	assert_true(child >= 0);
	while (child == 0)
		pause();
	return child;
}

static void end_idle(pid_t child)
{
	int status;

	(void)kill(child, SIGKILL);
	(void)ptrace(PTRACE_CONT, child, NULL, NULL);
	while (waitpid(child, &status, __WALL) == child && !WIFSIGNALED(status))
		(void)ptrace(PTRACE_CONT, child, NULL, NULL);
}

static bool is_ending(pid_t pid)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	bool ending = ctr_process_is_ending(pid, &arena);

	ctr_arena_release(&arena);
	return ending;
}

static void lives(void **state)
{
	pid_t child = start_idle();
	int status;

	(void)state;
	assert_false(is_ending(getpid()));
	assert_false(is_ending(child));
	assert_int_equal(kill(child, SIGSTOP), 0);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_false(is_ending(child));
	end_idle(child);
	assert_true(is_ending(child));
}

/* Held where it has taken the signal, and does not exit yet. */
static void is_held(bool thread)
{
	pid_t child = start_idle();
	int status;

	if (ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_TRACEEXIT) < 0) {
		end_idle(child);
		unit_skip("processes cannot be traced");
	}
	assert_false(is_ending(child));
	if (thread)
		assert_int_equal(syscall(SYS_tgkill, child, child, SIGKILL), 0);
	else
		assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, __WALL), child);
	assert_true(WIFSTOPPED(status));
	assert_true(is_ending(child));
	end_idle(child);
}

static void ends(void **state)
{
	(void)state;
	is_held(false);
}

static void ends_by_thread(void **state)
{
	(void)state;
	is_held(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),     cmocka_unit_test(damaged),
		cmocka_unit_test(unknown_keys),   cmocka_unit_test(networks),
		cmocka_unit_test(on_disk),        cmocka_unit_test(process_stat),
		cmocka_unit_test(lives),          cmocka_unit_test(ends),
		cmocka_unit_test(ends_by_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
