/* vm: the file that QEMU is given as a kernel, where it has the kernel as its initrd. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/setup.h"

enum { SETUP = 1024, PART = 100000, ARCHIVES = 5001 };

static uint8_t kernel[SETUP + PART], archives[ARCHIVES];

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("unit", MFD_CLOEXEC);

	assert_int_equal(write(fd, data, size), (ssize_t)size);
	return fd;
}

/* As much of a kernel's head as matters, and what tells its bytes apart. */
static void make_kernel(void)
{
	for (size_t i = 0; i < sizeof(kernel); i++)
		kernel[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof(archives); i++)
		archives[i] = (uint8_t)(i * 5 + i / 253);
	kernel[0x1f1] = SETUP / 512 - 1;
	memcpy(kernel + 0x202, "HdrS", 4);
	kernel[0x206] = 0x0f;
	kernel[0x207] = 2;
	kernel[0x211] = 1;
}

static int load(size_t kernel_size, size_t archives_size)
{
	int packed = file_of(kernel, kernel_size), rest = file_of(archives, archives_size);
	int fd = ctr_vm_loader(packed, rest);

	close(packed);
	close(rest);
	return fd;
}

static void whole(void **state)
{
	static uint8_t made[SETUP + PART];
	uint32_t numbers[4];
	size_t code;
	ssize_t n;
	int fd;

	(void)state;
	make_kernel();
	fd = load(sizeof(kernel), sizeof(archives));
	assert_true(fd >= 0);
	n = pread(fd, made, sizeof(made), 0);
	code = (size_t)n - SETUP - ARCHIVES;
	/* the part for real mode, the instructions, the archives */
	assert_memory_equal(made, kernel, SETUP);
	assert_true(code > 64 && code < 512);
	assert_memory_equal(made + SETUP + code, archives, ARCHIVES);
	assert_int_equal(made[SETUP], 0xeb); /* jmp, over the numbers */
	memcpy(numbers, made + SETUP + 4, sizeof(numbers));
	assert_int_equal(numbers[0], (code + ARCHIVES + 3) / 4 * 4);
	assert_int_equal(numbers[1], ARCHIVES);
	assert_int_equal(numbers[2], SETUP);
	/* behind where the kernel will be, on a page */
	assert_int_equal(numbers[3], (1 << 20) + (PART + 4095) / 4096 * 4096);
	/* nobody changes it any more */
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	close(fd);
}

static void others(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{0x202,  'h'}, /* no such header */
		{ 0x207, 1  }, /* an old one */
		{ 0x211, 0  }, /* not loaded at 1 MiB */
		{ 0x1f1, 255}, /* larger than the file */
	};

	(void)state;
	for (size_t i = 0; i < unit_count(changes); i++) {
		make_kernel();
		kernel[changes[i].at] = changes[i].value;
		assert_int_equal(load(sizeof(kernel), sizeof(archives)), -ENOTSUP);
	}
	make_kernel();
	/* every length that a file can have */
	for (size_t size = 0; size <= SETUP; size += 32)
		assert_int_equal(load(size, sizeof(archives)), -ENOTSUP);
	/* what goes aside would reach into itself */
	assert_int_equal(load(SETUP + ARCHIVES, sizeof(archives)), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
