/* vm: the file that QEMU is given as a kernel, where it has the kernel as its initrd. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/setup.h"

enum { SETUP = 1024, PART = 100000, COMMON = 8192, ARCHIVE = 5001 };

/* a kernel and the archives behind it, and the instance's */
static uint8_t packed[SETUP + PART + COMMON], archive[ARCHIVE];

static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("unit", MFD_CLOEXEC);

	assert_int_equal(write(fd, data, size), (ssize_t)size);
	return fd;
}

/* As much of a kernel's head as matters, and what tells its bytes apart. */
static void make_kernel(void)
{
	for (size_t i = 0; i < sizeof(packed); i++)
		packed[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof(archive); i++)
		archive[i] = (uint8_t)(i * 5 + i / 253);
	packed[0x1f1] = SETUP / 512 - 1;
	memcpy(packed + 0x202, "HdrS", 4);
	packed[0x206] = 0x0f;
	packed[0x207] = 2;
	packed[0x211] = 1;
}

static int load(size_t size, size_t common, size_t archive_size)
{
	int whole = file_of(packed, size), rest = file_of(archive, archive_size);
	int fd = ctr_vm_loader(whole, common, rest);

	close(whole);
	close(rest);
	return fd;
}

static void whole(void **state)
{
	static uint8_t made[SETUP + PART];
	uint32_t numbers[5];
	size_t code;
	ssize_t n;
	int fd;

	(void)state;
	make_kernel();
	fd = load(sizeof(packed), COMMON, ARCHIVE);
	assert_true(fd >= 0);
	n = pread(fd, made, sizeof(made), 0);
	code = (size_t)n - SETUP - ARCHIVE;
	/* the part for real mode, the instructions, the instance's archive */
	assert_memory_equal(made, packed, SETUP);
	assert_true(code > 64 && code < 512);
	assert_memory_equal(made + SETUP + code, archive, ARCHIVE);
	assert_int_equal(made[SETUP], 0xeb); /* jmp, over the numbers */
	memcpy(numbers, made + SETUP + 4, sizeof(numbers));
	assert_int_equal(numbers[0], (code + ARCHIVE + 3) / 4 * 4);
	assert_int_equal(numbers[1], ARCHIVE);
	assert_int_equal(numbers[2], SETUP);
	/* behind where the kernel will be, on a page */
	assert_int_equal(numbers[3], (1 << 20) + (PART + 4095) / 4096 * 4096);
	assert_int_equal(numbers[4], COMMON);
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
		packed[changes[i].at] = changes[i].value;
		assert_int_equal(load(sizeof(packed), COMMON, ARCHIVE), -ENOTSUP);
	}
	make_kernel();
	/* every length that a file can have, and what is behind the kernel */
	for (size_t size = 0; size <= SETUP; size += 32)
		assert_int_equal(load(size, 0, ARCHIVE), -ENOTSUP);
	assert_int_equal(load(sizeof(packed), sizeof(packed) - SETUP, ARCHIVE), -ENOTSUP);
	assert_int_equal(load(sizeof(packed), sizeof(packed) + 4, ARCHIVE), -ENOTSUP);
	assert_int_equal(load(sizeof(packed), COMMON + 1, ARCHIVE), -ENOTSUP);
	/* what goes aside would reach into itself */
	assert_int_equal(load(SETUP + ARCHIVE, 0, ARCHIVE), -ENOTSUP);
}

#ifdef __x86_64__
/*
 * The instructions themselves, in this process: a segment for programs of 32 bits is the flat one
 * that a kernel begins in. The kernel that they end in is one that comes back.
 */
enum {
	KERNEL_AT = 1 << 20,
	LOW = 1 << 20,    /* bytes mapped from there on: the kernel's place, and what is aside */
	TOP = 2 << 20,    /* where the initrd is */
	PARAMS = 3 << 20, /* all below where a program may begin */
};

/* Like a call of a function at @where with %esi = @params, in 32 bits. */
void loader_run(uint32_t where, uint32_t params);
extern const uint8_t loader_back[];

__asm__(".pushsection .text\n"
	".globl loader_run, loader_back\n"
	".type loader_run, @function\n"
	"loader_run:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, loader_stack(%rip)\n"
	"	mov %edi, loader_far(%rip)\n"
	"	mov $0x2b, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	ljmpl *loader_far(%rip)\n"
	"loader_back:\n"
	"	mov loader_stack(%rip), %rsp\n"
	"	xor %eax, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n"
	".size loader_run, . - loader_run\n"
	".popsection\n"
	".pushsection .data\n"
	".balign 8\n"
	"loader_stack: .quad 0\n"
	"loader_far: .long 0\n"
	"	.word 0x23\n"
	".popsection\n");

/* Of 32 bits: a far jump behind itself, into 64 bits; and from there to loader_back. */
static void put_return(uint8_t *at, uint32_t address)
{
	const uint64_t back = (uintptr_t)loader_back;
	const uint32_t next = address + 7;

	at[0] = 0xea;
	memcpy(at + 1, &next, 4);
	memcpy(at + 5, "\x33\0", 2);
	memcpy(at + 7, "\x48\xb8", 2);
	memcpy(at + 9, &back, 8);
	memcpy(at + 17, "\xff\xe0", 2);
}

static uint8_t *map_at(uintptr_t address, size_t size)
{
	void *at = mmap((void *)address, size, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static void put_word(uint8_t *at, uint32_t word)
{
	memcpy(at, &word, sizeof(word));
}

/* With @common bytes of archives behind the kernel. */
static void carry_out(size_t common)
{
	const size_t size = SETUP + PART + common, padded = (ARCHIVE + 3) / 4 * 4;
	const uint32_t expected = (uint32_t)(TOP + size - common - ARCHIVE) & ~4095U;
	uint8_t *low = map_at(KERNEL_AT, LOW), *top = map_at(TOP, 1 << 20),
		*params = map_at(PARAMS, 4096);
	int fd;

	assert_non_null(low);
	assert_non_null(top);
	assert_non_null(params);
	make_kernel();
	put_return(packed + SETUP, KERNEL_AT);
	fd = load(size, common, ARCHIVE);
	assert_true(fd >= 0);
	/* what a hypervisor does: the kernel behind its first sectors, and the initrd */
	assert_true(pread(fd, low, LOW, SETUP) > ARCHIVE);
	close(fd);
	memcpy(top, packed, size);
	put_word(params + 0x218, TOP);
	put_word(params + 0x21c, (uint32_t)size);
	put_word(params + 0x250, 0x1234567);
	put_word(params + 0x254, 0x89);

	loader_run(KERNEL_AT, PARAMS);
	assert_memory_equal(low, packed + SETUP, PART);
	assert_int_equal(word_at(params + 0x218), expected);
	assert_int_equal(word_at(params + 0x21c), common + ARCHIVE);
	assert_memory_equal(top + (expected - TOP), packed + SETUP + PART, common);
	assert_memory_equal(top + (expected - TOP) + common, archive, ARCHIVE);
	assert_true(expected + common + padded <= TOP + size + 3);
	/* the list that some QEMUs leave where the kernel was, and is no more */
	assert_int_equal(word_at(params + 0x250), 0);
	assert_int_equal(word_at(params + 0x254), 0);
	munmap(low, LOW);
	munmap(top, 1 << 20);
	munmap(params, 4096);
}

static void carried_out(void **state)
{
	(void)state;
	carry_out(COMMON);
	carry_out(0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(others),
#ifdef __x86_64__
		cmocka_unit_test(carried_out),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
