/* The cache of compiled filters: what is found, what is not trusted, what is thrown away. */
#include "document.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "oci/spec.h"
#include "sec/cache.h"
#include "sec/seccomp.h"

static const char *const names[] = { "read", "write", "openat", "clone" };
static const struct ctr_seccomp_arg arg = { .index = 0, .value = 5, .op = SCMP_CMP_EQ };

struct cache {
	struct ctr_arena arena;
	char dir[96];
	struct ctr_seccomp_rule rules[2];
	struct ctr_seccomp profile;
};

static struct cache begin(void)
{
	struct cache cache = { .arena = CTR_ARENA_INIT };

	(void)snprintf(cache.dir, sizeof(cache.dir), "%s/cache", unit_make_dir());
	cache.rules[0] = (struct ctr_seccomp_rule){ .names = names,
						    .nnames = 3,
						    .action = CTR_SECCOMP_ALLOW };
	cache.rules[1] = (struct ctr_seccomp_rule){ .names = names + 3,
						    .nnames = 1,
						    .action = CTR_SECCOMP_ALLOW,
						    .args = &arg,
						    .nargs = 1 };
	cache.profile = (struct ctr_seccomp){ .default_action = CTR_SECCOMP_ERRNO,
					      .default_errno_ret = 1,
					      .nrules = 2 };
	return cache;
}

static void end(struct cache *cache)
{
	*strrchr(cache->dir, '/') = '\0';
	unit_remove_dir(cache->dir);
	ctr_arena_release(&cache->arena);
}

static struct ctr_seccomp_program compile(struct cache *cache)
{
	struct ctr_seccomp_program program;
	struct ctr_error err;

	cache->profile.rules = cache->rules;
	if (ctr_seccomp_compile(&cache->profile, cache->dir, &cache->arena, &program, &err) < 0)
		fail_msg("%s", err.text);
	return program;
}

static bool is_found(struct cache *cache)
{
	struct ctr_seccomp_cached found;

	cache->profile.rules = cache->rules;
	return ctr_seccomp_cache_find(cache->dir, &cache->profile, seccomp_arch_native(), &found);
}

static size_t count_files(const char *path, char *last, size_t size)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		if (last)
			(void)snprintf(last, size, "%s/%s", path, entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

static void test_hit(void **state)
{
	struct cache cache = begin();
	struct ctr_seccomp_program cold, warm;
	char file[512];
	struct stat st;

	(void)state;
	assert_false(is_found(&cache));
	cold = compile(&cache);
	assert_int_equal(count_files(cache.dir, file, sizeof(file)), 1);
	assert_int_equal(stat(cache.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	assert_true(is_found(&cache));
	warm = compile(&cache);
	assert_int_equal(warm.length, cold.length);
	assert_int_equal(warm.flags, cold.flags);
	assert_ptr_not_equal(warm.filter, cold.filter);
	assert_memory_equal(warm.filter, cold.filter, cold.length * sizeof(*cold.filter));
	end(&cache);
}

/* Whatever of the profile changes is another filter; the flags are not in it. */
static void test_key(void **state)
{
	static const uint32_t arches[] = { SCMP_ARCH_X86 };
	struct ctr_seccomp_arg other = arg;
	struct cache cache = begin();

	(void)state;
	(void)compile(&cache);

	cache.profile.has_flags = true;
	assert_true(is_found(&cache));
	assert_int_equal(compile(&cache).flags, 0);

	cache.profile.default_errno_ret = 2;
	assert_false(is_found(&cache));
	cache.profile.default_errno_ret = 1;
	cache.profile.default_action = CTR_SECCOMP_TRAP;
	assert_false(is_found(&cache));
	cache.profile.default_action = CTR_SECCOMP_ERRNO;
	cache.profile.architectures = arches;
	cache.profile.narchitectures = 1;
	assert_false(is_found(&cache));
	cache.profile.narchitectures = 0;
	cache.rules[0].nnames = 2;
	assert_false(is_found(&cache));
	cache.rules[0].nnames = 3;
	cache.rules[0].action = CTR_SECCOMP_LOG;
	assert_false(is_found(&cache));
	cache.rules[0].action = CTR_SECCOMP_ALLOW;
	other.value_two = 1;
	cache.rules[1].args = &other;
	assert_false(is_found(&cache));
	cache.rules[1].args = &arg;
	assert_true(is_found(&cache));
	end(&cache);
}

/* Every byte matters: flipped anywhere, or cut off anywhere, the file is not there. */
static void test_damage(void **state)
{
	struct cache cache = begin();
	struct ctr_seccomp_program good = compile(&cache), again;
	char file[512], byte;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(count_files(cache.dir, file, sizeof(file)), 1);
	fd = open(file, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		if (is_found(&cache))
			fail_msg("byte %d does not matter", (int)at);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	assert_true(is_found(&cache));
	assert_int_equal(pwrite(fd, "x", 1, st.st_size), 1);
	assert_false(is_found(&cache));
	for (off_t size = st.st_size - 1; size >= 0; size -= 7) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_false(is_found(&cache));
	}
	(void)close(fd);

	/* Compiled anew, and put right. */
	again = compile(&cache);
	assert_memory_equal(again.filter, good.filter, good.length * sizeof(*good.filter));
	assert_true(is_found(&cache));
	end(&cache);
}

static void test_permissions(void **state)
{
	struct cache cache = begin();
	char file[512], elsewhere[600];

	(void)state;
	(void)compile(&cache);
	assert_int_equal(count_files(cache.dir, file, sizeof(file)), 1);
	assert_true(is_found(&cache));
	assert_int_equal(chmod(file, 0620), 0);
	assert_false(is_found(&cache));
	assert_int_equal(chmod(file, 0602), 0);
	assert_false(is_found(&cache));
	assert_int_equal(chmod(file, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(file, 1, 0), 0);
		assert_false(is_found(&cache));
		assert_int_equal(chown(file, 0, 0), 0);
	}
	assert_true(is_found(&cache));

	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/../real", cache.dir);
	assert_int_equal(rename(file, elsewhere), 0);
	assert_int_equal(symlink("../real", file), 0);
	assert_false(is_found(&cache));

	/* Nothing is written where others may write, and it is no error. */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(chmod(cache.dir, 0777), 0);
	(void)compile(&cache);
	assert_int_equal(count_files(cache.dir, NULL, 0), 0);
	assert_int_equal(rmdir(cache.dir), 0);
	assert_int_equal(symlink("/tmp", cache.dir), 0);
	(void)compile(&cache);
	assert_false(is_found(&cache));
	assert_int_equal(unlink(cache.dir), 0);

	(void)snprintf(cache.dir + strlen(cache.dir), 20, "/no/parent");
	(void)compile(&cache);
	cache.dir[strlen(cache.dir) - strlen("/no/parent")] = '\0';
	end(&cache);
}

static void test_bound(void **state)
{
	struct cache cache = begin();

	(void)state;
	for (uint32_t i = 1; i <= 80; i++) {
		cache.profile.default_errno_ret = i;
		(void)compile(&cache);
		assert_true(is_found(&cache));
	}
	assert_int_equal(count_files(cache.dir, NULL, 0), 64);
	cache.profile.default_errno_ret = 1;
	assert_false(is_found(&cache));
	end(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hit),    cmocka_unit_test(test_key),
		cmocka_unit_test(test_damage), cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
