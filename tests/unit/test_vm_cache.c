/* vm: locks and pruning of the cache, and disk images that name other files. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "vm/backend.h"
#include "vm/setup.h"

#define HASH "0123456789abcdef"

static char *dir;
static int cache;

static int setup(void **state)
{
	struct ctr_error err = { 0 };

	(void)state;
	dir = unit_make_dir();
	cache = ctr_vm_cache_open(dir, &err);
	return cache >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	close(cache);
	unit_remove_dir(dir);
	return 0;
}

static void opening(void **state)
{
	struct ctr_error err = { 0 };
	struct stat st;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b/ctr", dir);
	close(ctr_vm_cache_open(path, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* readable by others as by an earlier ctr: closed */
	assert_int_equal(chmod(path, 0755), 0);
	close(ctr_vm_cache_open(path, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(ctr_vm_cache_open(path, &err), -1);
	assert_non_null(strstr(err.text, "is not ours, or others can write it"));
}

/* What was written since, cut, or put in its place, is made again. */
static void sealed(void **state)
{
	static const char name[] = "initramfs-6.1-" HASH, seal[] = "initramfs-6.1-" HASH ".made";
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_buf facts;
	int fd;

	(void)state;
	ctr_buf_init(&facts, &arena);
	ctr_buf_adds(&facts, "of this\n");
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ctr_vm_cache_get(cache, name, &facts), -1);
		fd = ctr_vm_cache_put(cache, name, &facts, "0123456789", 10, 0644, &err);
		assert_true(fd >= 0);
		close(fd);
		fd = ctr_vm_cache_get(cache, name, &facts);
		assert_true(fd >= 0);
		close(fd);
		fd = openat(cache, name, O_WRONLY | O_CLOEXEC);
		if (i == 0) {
			/* Before 6.13 all that happens in one tick has one time. */
			const struct timespec times[] = {
				{1,  0},
                                { 1, 0}
			};

			assert_int_equal(pwrite(fd, "x", 1, 5), 1);
			assert_int_equal(futimens(fd, times), 0);
		} else if (i == 1)
			assert_int_equal(ftruncate(fd, 9), 0);
		else if (i == 2)
			assert_int_equal(fchmod(fd, 0666), 0);
		else
			assert_int_equal(unlinkat(cache, seal, 0), 0);
		close(fd);
	}
	assert_int_equal(ctr_vm_cache_get(cache, name, &facts), -1);
	assert_int_equal(unlinkat(cache, name, 0), 0);
	ctr_arena_release(&arena);
}

/* A name says in sixteen digits of what it is: what was made of something else with the same is not
 * taken for it. */
static void of_something_else(void **state)
{
	static const char name[] = "kernel-6.1-" HASH;
	const struct stat one = { .st_ino = 1, .st_size = 7 };
	const struct stat others[] = {
		{.st_dev = 1,                  .st_ino = 1,  .st_size = 7},
		{ .st_ino = 2,                 .st_size = 7},
		{ .st_ino = 1,                .st_size = 8           },
		{ .st_ino = 1, .st_size = 7,            .st_mtim = { .tv_nsec = 1 }            },
		{ .st_ino = 1, .st_size = 7,            .st_ctim = { .tv_nsec = 1 }  },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	struct ctr_buf facts;

	(void)state;
	ctr_buf_init(&facts, &arena);
	ctr_vm_cache_fact(&facts, &one);
	close(ctr_vm_cache_put(cache, name, &facts, "0123456789", 10, 0644, &err));
	close(ctr_vm_cache_get(cache, name, &facts));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		facts.len = 0;
		ctr_vm_cache_fact(&facts, &others[i]);
		assert_int_equal(ctr_vm_cache_get(cache, name, &facts), -1);
	}
	facts.len = 0;
	ctr_vm_cache_fact(&facts, &one);
	ctr_vm_cache_fact(&facts, &others[1]);
	assert_int_equal(ctr_vm_cache_get(cache, name, &facts), -1);
	assert_int_equal(unlinkat(cache, name, 0), 0);
	assert_int_equal(unlinkat(cache, "kernel-6.1-" HASH ".made", 0), 0);
	ctr_arena_release(&arena);
}

static const char *make_modules(const char *name, const char *module, struct ctr_arena *arena)
{
	const struct timespec times[] = {
		{1,  0},
                { 1, 0}
	};
	const char *tree = ctr_arena_printf(arena, "%s/%s", dir, name);
	int at, fd;

	assert_int_equal(mkdir(tree, 0755), 0);
	at = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(ctr_file_replace(at, "modules.dep", "a.ko:\n", 6, 0644, NULL), 0);
	assert_int_equal(ctr_file_replace(at, "a.ko", module, strlen(module), 0644, NULL), 0);
	fd = openat(at, "a.ko", O_RDONLY | O_CLOEXEC);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	close(at);
	return tree;
}

/* Who brings a kernel brings its modules: they are not taken for another's that look alike, and
 * other machines do not get them. */
static void modules_of_another(void **state)
{
	static const char *const names[] = { "a", NULL };
	static const char *const texts[] = {
		"one of the host",
		"one of a bundle",
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	const struct ctr_machine machine = { .arena = &arena, .cache = dir };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct ctr_vm_setup setup = {
			.version = "6.1",
			.modules = make_modules(i ? "two" : "one", texts[i], &arena),
			.initramfs = -1,
		};
		size_t size = 0;
		const char *text;

		assert_int_equal(ctr_vm_base(&machine, &setup, cache, names, &err), 0);
		text = ctr_file_read_fd(&arena, setup.initramfs, "archive", 1 << 20, &size, &err);
		assert_non_null(text);
		assert_non_null(memmem(text, size, texts[i], strlen(texts[i])));
		close(setup.initramfs);
	}
	ctr_vm_cache_prune(cache);
	ctr_arena_release(&arena);
}

/* One lock each: who makes an image does not wait for who makes another. */
static void locks(void **state)
{
	int one = ctr_vm_cache_lock(cache, "root-" HASH, false);
	int other = ctr_vm_cache_lock(cache, "root-ffffffffffffffff", false);

	(void)state;
	assert_true(one >= 0);
	assert_true(other >= 0);
	assert_int_equal(ctr_vm_cache_lock(cache, "root-" HASH, false), -EWOULDBLOCK);
	close(one);
	one = ctr_vm_cache_lock(cache, "root-" HASH, false);
	assert_true(one >= 0);
	close(one);
	close(other);
}

static void make(const char *name, off_t size, time_t age)
{
	const time_t then = time(NULL) - age;
	const struct timespec times[] = { { .tv_sec = then }, { .tv_sec = then } };
	int fd = openat(cache, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static bool there(const char *name)
{
	return faccessat(cache, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void by_age(void **state)
{
	const time_t day = 24 * 3600;

	(void)state;
	make("root-" HASH ".erofs", 4096, 40 * day);
	make("root-" HASH ".list", 10, 31 * day);
	make(".root-" HASH ".1234", 4096, 60 * day);
	make("initramfs-6.1.0-x-cloud-" HASH, 4096, 31 * day);
	make("initramfs-6.1.0-x-cloud-ffffffffffffffff.77-0", 4096, 31 * day);
	make("kernel-6.1.0-x-cloud-" HASH, 4096, 31 * day);
	make(".kernel-6.1.0-x-cloud-" HASH ".77-0", 4096, 31 * day);
	make("kernel-6.1.0-x-cloud-" HASH ".lock", 0, 31 * day);
	make("boot-6.1.0-x-cloud-" HASH, 4096, 31 * day);
	make("kernel-6.1.0-x-cloud-ffffffffffffffff", 4096, day);
	make("kernel-6.1.0-x-cloud", 4096, 90 * day);
	/* made long ago, used lately */
	make("root-ffffffffffffffff.erofs", 4096, 90 * day);
	make("root-ffffffffffffffff.list", 10, day);
	/* none of ours */
	make("else", 10, 90 * day);
	ctr_vm_cache_prune(cache);
	assert_false(there("root-" HASH ".erofs"));
	assert_false(there("root-" HASH ".list"));
	assert_false(there(".root-" HASH ".1234"));
	assert_false(there("root-" HASH ".lock"));
	assert_false(there("initramfs-6.1.0-x-cloud-" HASH));
	assert_false(there("initramfs-6.1.0-x-cloud-ffffffffffffffff.77-0"));
	assert_false(there("kernel-6.1.0-x-cloud-" HASH));
	assert_false(there(".kernel-6.1.0-x-cloud-" HASH ".77-0"));
	assert_false(there("kernel-6.1.0-x-cloud-" HASH ".lock"));
	assert_false(there("boot-6.1.0-x-cloud-" HASH));
	assert_true(there("kernel-6.1.0-x-cloud-ffffffffffffffff"));
	assert_true(there("kernel-6.1.0-x-cloud"));
	assert_true(there("root-ffffffffffffffff.erofs"));
	assert_true(there("root-ffffffffffffffff.list"));
	assert_true(there("else"));
}

static void by_size(void **state)
{
	const off_t gib = 1 << 30;

	(void)state;
	make("root-0000000000000001.erofs", 5 * gib, 0);
	make("root-0000000000000002.erofs", 5 * gib, 3600);
	make("root-0000000000000003.erofs", 2 * gib, 7200);
	make("root-0000000000000004.erofs", 5 * gib, 30);
	ctr_vm_cache_prune(cache);
	assert_true(there("root-0000000000000001.erofs"));
	assert_true(there("root-0000000000000004.erofs")); /* of this minute */
	assert_false(there("root-0000000000000002.erofs"));
	assert_false(there("root-0000000000000003.erofs"));
}

/* While there is something left of it, nobody else gets a lock of that name. */
static void lock_is_last(void **state)
{
	const time_t old = 40 * 24 * 3600;
	char buf[4096] __attribute__((aligned(8))), last[64] = "";
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	unsigned seen = 0;
	ssize_t n;

	(void)state;
	make("root-" HASH ".lock", 0, old);
	for (unsigned i = 0; i < 32; i++) {
		char name[64];

		snprintf(name, sizeof(name), "root-" HASH ".%u", i);
		make(name, 1, old);
	}
	assert_true(inotify_add_watch(watch, dir, IN_DELETE) >= 0);
	ctr_vm_cache_prune(cache);
	while ((n = read(watch, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(buf + at);

			snprintf(last, sizeof(last), "%s", event->name);
			seen++;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	assert_int_equal(seen, 33);
	assert_string_equal(last, "root-" HASH ".lock");
	close(watch);
}

/* What somebody is at work on stays, however old. */
static void being_made(void **state)
{
	int lock = ctr_vm_cache_lock(cache, "root-" HASH, true);

	(void)state;
	make(".root-" HASH ".tmp", 4096, 40 * 24 * 3600);
	make("root-" HASH ".lock", 0, 40 * 24 * 3600);
	ctr_vm_cache_prune(cache);
	assert_true(there(".root-" HASH ".tmp"));
	close(lock);
	ctr_vm_cache_prune(cache);
	assert_false(there(".root-" HASH ".tmp"));
}

/* ---- images of the document's own */

struct patch {
	unsigned at;
	const char *bytes;
	unsigned n;
};

static void images(void **state)
{
	static const struct {
		enum ctr_image_format format;
		struct patch patches[5];
		const char *why;
	} cases[] = {
		{CTR_IMAGE_RAW,    { { 0, "QFI\xfb", 4 }, { 15, "x", 1 } },                         NULL            },
		{ CTR_IMAGE_QCOW2, { { 0, "QFI\xfb\0\0\0\3", 8 } },                                 NULL            },
		{ CTR_IMAGE_QCOW2,
                 { { 0, "QFI\xfb\0\0\0\3", 8 }, { 15, "\x70", 1 } },
                 "it names a backing file"									  },
		{ CTR_IMAGE_QCOW2,
                 { { 0, "QFI\xfb\0\0\0\3", 8 }, { 79, "\4", 1 } },
                 "it names a file with its data"								    },
 /* version 2 has other things there */
		{ CTR_IMAGE_QCOW2, { { 0, "QFI\xfb\0\0\0\2", 8 }, { 79, "\4", 1 } },                NULL            },
		{ CTR_IMAGE_QCOW2, { { 0, "# Disk", 6 } },                                          "it is no qcow2"},
		{ CTR_IMAGE_VMDK,  { { 0, "KDMV", 4 }, { 12, "\1", 1 } },                           NULL            },
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 }, { 28, "\1", 1 }, { 36, "\1", 1 } },
                 "it names its extents"									     },
		{ CTR_IMAGE_VMDK,
                 { { 0, "# Disk DescriptorFile\nRW 63 FLAT \"/etc/passwd\" 0\n", 47 } },
                 "only a vmdk of one file (monolithicSparse, streamOptimized) names no others"                      },
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 },
		    { 12, "\1", 1 },
		    { 28, "\1", 1 },
		    { 36, "\1", 1 },
		    { 512, "CID=1\nparentCID=ffffffff\n", 24 } },
                 NULL											       },
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 },
		    { 12, "\1", 1 },
		    { 28, "\1", 1 },
		    { 36, "\1", 1 },
		    { 512, "CID=1\nparentCID=12345678\n", 24 } },
                 "it names a parent"										},
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 },
		    { 12, "\1", 1 },
		    { 28, "\1", 1 },
		    { 36, "\1", 1 },
		    { 512, "x\0parentFileNameHint=\"/x\"", 25 } },
                 "it names a parent"										},
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 },
		    { 12, "\1", 1 },
		    { 512, "parentCID=ffffffff\nparentCID=1\n", 31 } },
                 "it names a parent"										},
 /* the header says that the descriptor is elsewhere, or nowhere */
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 },
		    { 12, "\1", 1 },
		    { 28, "\7", 1 },
		    { 36, "\1", 1 },
		    { 1024, "parentFileNameHint=\"/x\"", 23 } },
                 "it names a parent"										},
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 }, { 12, "\1", 1 }, { 10700, "parentFileNameHint=\"/x\"", 23 } },
                 "it names a parent"										},
		{ CTR_IMAGE_VMDK,
                 { { 0, "KDMV", 4 }, { 12, "\1", 1 }, { 28, "\1", 1 }, { 39, "\1", 1 } },
                 "its descriptor is too long"								       },
		{ CTR_IMAGE_VDI,   { { 0, "", 0 } },                                                NULL            },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		int fd = memfd_create("image", MFD_CLOEXEC);
		const char *why;

		assert_int_equal(ftruncate(fd, 4096), 0);
		for (size_t j = 0; j < unit_count(cases[i].patches); j++)
			assert_int_equal(pwrite(fd, cases[i].patches[j].bytes,
						cases[i].patches[j].n, cases[i].patches[j].at),
					 cases[i].patches[j].n);
		why = ctr_vm_image_refused(fd, cases[i].format);
		print_message("# %zu: %s\n", i, why ? why : "-");
		if (cases[i].why) {
			assert_non_null(why);
			assert_string_equal(why, cases[i].why);
		} else {
			assert_null(why);
		}
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opening, setup, teardown),
		cmocka_unit_test_setup_teardown(sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(of_something_else, setup, teardown),
		cmocka_unit_test_setup_teardown(modules_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(locks, setup, teardown),
		cmocka_unit_test_setup_teardown(by_age, setup, teardown),
		cmocka_unit_test_setup_teardown(by_size, setup, teardown),
		cmocka_unit_test_setup_teardown(lock_is_last, setup, teardown),
		cmocka_unit_test_setup_teardown(being_made, setup, teardown),
		cmocka_unit_test(images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
