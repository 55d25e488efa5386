/* base/path: lexical cleaning, and opening below a root in both ways. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/path.h"

static void clean(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"",            "/"        },
		{ "/",          "/"        },
		{ "///",        "/"        },
		{ "a",          "/a"       },
		{ "a/",         "/a"       },
		{ "/a//b/./c/", "/a/b/c"   },
		{ "/a/../b",    "/b"       },
		{ "/../../b",   "/b"       },
		{ "/a/..",      "/"        },
		{ "..",         "/"        },
		{ ".",          "/"        },
		{ "/a/...",     "/a/..."   },
		{ "/a/.b/..c",  "/a/.b/..c"},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++)
		assert_string_equal(ctr_path_clean(&arena, cases[i].in), cases[i].out);
	ctr_arena_release(&arena);
}

static void join(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	assert_string_equal(ctr_path_join(&arena, "/base", "/abs"), "/abs");
	assert_string_equal(ctr_path_join(&arena, "/base", "rel/x"), "/base/rel/x");
	ctr_arena_release(&arena);
}

static void is_below(void **state)
{
	(void)state;
	assert_true(ctr_path_is_below("/a/b", "/a"));
	assert_true(ctr_path_is_below("/a", "/a"));
	assert_true(ctr_path_is_below("/a", "/"));
	assert_true(ctr_path_is_below("/", "/"));
	assert_false(ctr_path_is_below("/ab", "/a"));
	assert_false(ctr_path_is_below("/a", "/a/b"));
}

/*
 * The root that is opened in is DIR/root; DIR/root/marker and DIR/marker differ, so that a path
 * which got out is seen.
 */
struct tree {
	char dir[64];
	int root;
};

static void make_file(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_CREAT | O_WRONLY, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int make_tree(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	char path[96];
	int top;

	strcpy(tree->dir, unit_make_dir());
	top = open(tree->dir, O_PATH | O_DIRECTORY);
	assert_true(top >= 0);
	make_file(top, "marker", "outside");
	assert_int_equal(mkdirat(top, "root", 0755), 0);
	close(top);

	snprintf(path, sizeof(path), "%s/root", tree->dir);
	tree->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(tree->root >= 0);
	make_file(tree->root, "marker", "inside");
	assert_int_equal(mkdirat(tree->root, "d", 0755), 0);
	assert_int_equal(mkdirat(tree->root, "d/e", 0755), 0);
	make_file(tree->root, "d/file", "file");
	assert_int_equal(symlinkat("/marker", tree->root, "absolute"), 0);
	assert_int_equal(symlinkat("../../../marker", tree->root, "d/e/up"), 0);
	assert_int_equal(symlinkat("../file", tree->root, "d/e/beside"), 0);
	assert_int_equal(symlinkat("d/e", tree->root, "dir"), 0);
	assert_int_equal(symlinkat("loop", tree->root, "loop"), 0);
	assert_int_equal(symlinkat("nowhere", tree->root, "dangling"), 0);
	*state = tree;
	return 0;
}

static int remove_tree(void **state)
{
	struct tree *tree = *state;

	close(tree->root);
	unit_remove_dir(tree->dir);
	free(tree);
	return 0;
}

/* The content of a file, or the text of the error. */
static const char *content(int fd)
{
	static char text[64];
	ssize_t n;

	if (fd < 0)
		return strerror(-fd);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

typedef int open_function(int root, const char *path, int flags, mode_t mode);

static void open_cases(const struct tree *tree, open_function *open_it)
{
	static const struct {
		const char *path;
		int flags, error; /* 0: text is what is there */
		const char *text;
	} cases[] = {
		{"marker",                O_RDONLY,                  0,       "inside"},
		{ "/marker",              O_RDONLY,                  0,       "inside"},
		{ "//d//file",            O_RDONLY,                  0,       "file"  },
		{ "../marker",            O_RDONLY,                  0,       "inside"},
		{ "d/../../../../marker", O_RDONLY,                  0,       "inside"},
		{ "absolute",             O_RDONLY,                  0,       "inside"},
		{ "d/e/up",               O_RDONLY,                  0,       "inside"},
		{ "dir/up",               O_RDONLY,                  0,       "inside"},
		{ "dir/beside",           O_RDONLY,                  0,       "file"  },
		{ "dir/../file",          O_RDONLY,                  0,       "file"  },
		{ "loop",                 O_RDONLY,                  ELOOP,   NULL    },
		{ "loop/x",               O_RDONLY,                  ELOOP,   NULL    },
		{ "dangling",             O_RDONLY,                  ENOENT,  NULL    },
		{ "absent",               O_RDONLY,                  ENOENT,  NULL    },
		{ "absent/x",             O_RDONLY,                  ENOENT,  NULL    },
		{ "marker/x",             O_RDONLY,                  ENOTDIR, NULL    },
		{ "marker/",              O_RDONLY,                  ENOTDIR, NULL    },
		{ "marker",               O_RDONLY | O_DIRECTORY,    ENOTDIR, NULL    },
		{ "absolute",             O_RDONLY | O_NOFOLLOW,     ELOOP,   NULL    },
		{ "d/e/beside",           O_RDONLY | O_NOFOLLOW,     ELOOP,   NULL    },
		{ "dir/up",               O_RDONLY | O_NOFOLLOW,     ELOOP,   NULL    },
		{ "dir/../file",          O_RDONLY | O_NOFOLLOW,     0,       "file"  },
		{ "marker",               O_RDWR | O_CREAT | O_EXCL, EEXIST,  NULL    },
		{ "absolute",             O_RDWR | O_CREAT | O_EXCL, EEXIST,  NULL    },
	};

	for (size_t i = 0; i < unit_count(cases); i++) {
		int fd = open_it(tree->root, cases[i].path, cases[i].flags, 0644);

		print_message("# %s\n", cases[i].path);
		assert_string_equal(content(fd),
				    cases[i].error ? strerror(cases[i].error) : cases[i].text);
	}
}

/* What is made through a link is made inside, and every descriptor is close-on-exec. */
static void make_cases(const struct tree *tree, open_function *open_it, const char *name)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "d/e/../../../../%s", name);
	fd = open_it(tree->root, path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(fstatat(tree->root, name, &st, 0), 0);

	snprintf(path, sizeof(path), "%s-link", name);
	assert_int_equal(symlinkat("/../../made-by-link", tree->root, path), 0);
	fd = open_it(tree->root, path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fstatat(tree->root, "made-by-link", &st, 0), 0);

	/* O_PATH of a link itself */
	fd = open_it(tree->root, "absolute", O_PATH | O_NOFOLLOW, 0);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	close(fd);

	/* the root itself */
	fd = open_it(tree->root, "/", O_PATH | O_DIRECTORY, 0);
	assert_true(fd >= 0);
	close(fd);
	fd = open_it(tree->root, "..", O_PATH | O_DIRECTORY, 0);
	assert_true(fd >= 0);
	assert_int_equal(fstatat(fd, "d", &st, 0), 0);
	close(fd);
}

/* A magic link of procfs leads out of every root. */
static void magic_cases(open_function *open_it)
{
	int root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	assert_true(root >= 0);
	fd = open_it(root, "thread-self/root/etc/passwd", O_RDONLY, 0);
	assert_true(fd == -ELOOP);
	fd = open_it(root, "self/exe", O_RDONLY, 0);
	assert_true(fd == -ELOOP);
	fd = open_it(root, "self/ns/mnt", O_RDONLY, 0);
	assert_true(fd == -ELOOP);
	fd = open_it(root, "self/stat", O_RDONLY, 0);
	assert_true(fd >= 0);
	close(fd);
	close(root);
}

static void open_in_root(void **state)
{
	open_cases(*state, ctr_open_in_root);
	make_cases(*state, ctr_open_in_root, "one");
	magic_cases(ctr_open_in_root);
}

static void open_in_root_walk(void **state)
{
	open_cases(*state, ctr_open_in_root_walk);
	make_cases(*state, ctr_open_in_root_walk, "two");
	magic_cases(ctr_open_in_root_walk);
}

static void join_clean(void **state)
{
	static const char *const cases[][3] = {
		{"/bundle",   "rootfs",   "/bundle/rootfs"},
		{ "/bundle/", "./a//b/",  "/bundle/a/b"   },
		{ "/bundle",  "/",        "/"             },
		{ "/bundle",  "../x",     "/bundle/../x"  },
		{ "bundle",   "rootfs",   "bundle/rootfs" },
		{ ".",        "./rootfs", "././rootfs"    },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(cases); i++)
		assert_string_equal(ctr_path_join_clean(&arena, cases[i][0], cases[i][1]),
				    cases[i][2]);
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(join),
		cmocka_unit_test(join_clean),
		cmocka_unit_test(is_below),
		cmocka_unit_test_setup_teardown(open_in_root, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(open_in_root_walk, make_tree, remove_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
