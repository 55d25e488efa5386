/* state/dir: one directory a container, made once, locked, removed whole. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "state/dir.h"

struct place {
	char path[64];
	int root;
	struct ctr_arena arena;
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct ctr_error err = { 0 };
	char path[96];

	strcpy(place->path, unit_make_dir());
	snprintf(path, sizeof(path), "%s/a/b", place->path);
	place->root = ctr_state_open_root(path, false, &err);
	assert_int_equal(place->root, -1);
	assert_int_equal(err.code, ENOENT);
	place->root = ctr_state_open_root(path, true, &err);
	assert_true(place->root >= 0);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	ctr_arena_release(&place->arena);
	close(place->root);
	unit_remove_dir(place->path);
	free(place);
	return 0;
}

static void root_mode(void **state)
{
	struct place *place = *state;
	struct stat st;

	assert_int_equal(fstat(place->root, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void life(void **state)
{
	struct place *place = *state;
	struct ctr_error err = { 0 };
	const char **ids;
	bool locked = true;
	struct stat st;
	int dir, other;
	size_t n;

	dir = ctr_state_make(place->root, "web", &err);
	assert_true(dir >= 0);
	assert_int_equal(fstat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0711);

	assert_int_equal(ctr_state_make(place->root, "web", &err), -1);
	assert_string_equal(err.text, "container with given ID already exists: 'web'");

	/* the maker holds the lock */
	other = ctr_state_open(place->root, "web", CTR_LOCK_TRY, &locked, &err);
	assert_true(other >= 0);
	assert_false(locked);
	close(other);
	close(dir);
	dir = ctr_state_open(place->root, "web", CTR_LOCK_TRY, &locked, &err);
	assert_true(locked);

	/* whatever is in it goes as well */
	assert_int_equal(close(openat(dir, "record", O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(close(openat(dir, "record.12-3", O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(mkfifoat(dir, "gate", 0600), 0);
	close(dir);
	assert_int_equal(ctr_state_list(place->root, &place->arena, &ids, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(ids[0], "web");
	assert_int_equal(ctr_state_remove(place->root, "web", &err), 0);
	assert_int_equal(ctr_state_remove(place->root, "web", &err), 0);
	assert_int_equal(ctr_state_list(place->root, &place->arena, &ids, &n, &err), 0);
	assert_int_equal(n, 0);
}

static void unknown(void **state)
{
	struct place *place = *state;
	struct ctr_error err = { 0 };
	char id[400];

	assert_int_equal(ctr_state_open(place->root, "x", CTR_LOCK_NONE, NULL, &err), -1);
	assert_string_equal(err.text, "container `x` does not exist");
	assert_int_equal(err.fault, CTR_FAULT_NOT_FOUND);
	assert_int_equal(ctr_state_open(place->root, "..", CTR_LOCK_NONE, NULL, &err), -1);
	assert_int_equal(err.fault, CTR_FAULT_USAGE);

	/* allowed as an id, but no file name is that long */
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_int_equal(ctr_state_make(place->root, id, &err), -1);
	assert_int_equal(err.fault, CTR_FAULT_USAGE);
	assert_int_equal(ctr_state_open(place->root, id, CTR_LOCK_NONE, NULL, &err), -1);
	assert_int_equal(err.fault, CTR_FAULT_NOT_FOUND);
}

/* What is no container does not spoil the list; a link is never followed. */
static void foreign_entries(void **state)
{
	struct place *place = *state;
	struct ctr_error err = { 0 };
	const char **ids;
	size_t n;

	close(ctr_state_make(place->root, "b", &err));
	close(ctr_state_make(place->root, "a", &err));
	assert_int_equal(mkdirat(place->root, "not an id", 0700), 0);
	assert_int_equal(close(openat(place->root, "file", O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(symlinkat("/etc", place->root, "link"), 0);
	assert_int_equal(ctr_state_list(place->root, &place->arena, &ids, &n, &err), 0);
	assert_true(n >= 2);
	assert_string_equal(ids[0], "a");
	assert_string_equal(ids[1], "b");
	assert_int_equal(ctr_state_open(place->root, "link", CTR_LOCK_NONE, NULL, &err), -1);
	assert_int_equal(ctr_state_remove(place->root, "link", &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(root_mode, make_place, remove_place),
		cmocka_unit_test_setup_teardown(life, make_place, remove_place),
		cmocka_unit_test_setup_teardown(unknown, make_place, remove_place),
		cmocka_unit_test_setup_teardown(foreign_entries, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
