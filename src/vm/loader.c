/*
 * QEMU has a copy of its own of what -kernel names, for as long as it lives; what -initrd names it
 * maps, so that all machines have that once, in the page cache. So what many have in common is
 * given as the initrd, a file of the cache: the packed kernel, and behind it the archives that are
 * made once. The kernel is a small file of the instance: the first sectors of that kernel, which
 * run in real mode; instead of the rest the instructions below; and the instance's archive. They
 * run where the rest of a kernel would (Documentation/arch/x86/boot.rst, "32-bit Boot Protocol"),
 * put kernel and archives where a boot loader would have put them, and go on in the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "vm/setup.h"

enum {
	SECTOR = 512,
	SETUP_SECTS_AT = 0x1f1,
	MAGIC_AT = 0x202,
	VERSION_AT = 0x206,
	VERSION_LOADER = 0x202, /* the first of which all is known that is needed here */
	LOADFLAGS_AT = 0x211,
	LOADED_HIGH = 1, /* at KERNEL_AT */
	KERNEL_AT = 1 << 20,
};

/* What the instructions are told, behind the jump at their beginning. */
struct numbers {
	uint32_t all;    /* bytes, in words of 4: themselves and the instance's archive */
	uint32_t size;   /* of that archive */
	uint32_t setup;  /* size of the kernel's part that runs in real mode */
	uint32_t aside;  /* where what stands at KERNEL_AT is out of the kernel's way */
	uint32_t common; /* size of the archives behind the kernel, in words of 4 */
};

enum { NUMBERS_AT = 4 };

#ifdef __x86_64__
/*
 * All is flat, %esi is struct boot_params; there may be no stack.
 *   1. everything here goes aside; it continues there (%edx)
 *   2. the kernel, which is the initrd without its first sectors and its archives, comes here
 *   3. those archives, and the instance's behind them, go to the end of where the initrd was, and
 *      are the initrd: ramdisk_image (0x218) and ramdisk_size (0x21c)
 *   4. what some QEMUs left behind the kernel (setup_data, 0x250) is gone
 */
__asm__(".pushsection .rodata\n"
	".code32\n"
	".balign 16\n"
	"ctr_vm_loader_begin:\n"
	"	jmp 1f\n"
	"	.balign 4\n"
	"	.long 0, 0, 0, 0, 0\n"
	"1:	cld\n"
	"	mov %esi, %ebp\n"
	"	mov $0x100000, %esi\n"
	"	mov 0x100004, %ecx\n"
	"	mov 0x100010, %edx\n"
	"	mov %edx, %edi\n"
	"	shr $2, %ecx\n"
	"	rep movsl\n"
	"	lea (2f - ctr_vm_loader_begin)(%edx), %eax\n"
	"	jmp *%eax\n"
	"2:	mov 0x218(%ebp), %esi\n"
	"	mov 0x21c(%ebp), %ecx\n"
	"	lea (%esi, %ecx), %ebx\n"
	"	add 12(%edx), %esi\n"
	"	sub 12(%edx), %ecx\n"
	"	sub 20(%edx), %ecx\n"
	"	mov $0x100000, %edi\n"
	"	add $3, %ecx\n"
	"	shr $2, %ecx\n"
	"	rep movsl\n"
	"	mov 20(%edx), %ecx\n"
	"	mov %ebx, %esi\n"
	"	sub %ecx, %esi\n"
	"	mov 8(%edx), %eax\n"
	"	add %ecx, %eax\n"
	"	mov %ebx, %edi\n"
	"	sub %eax, %edi\n"
	"	and $0xfffff000, %edi\n"
	"	mov %edi, 0x218(%ebp)\n"
	"	mov %eax, 0x21c(%ebp)\n"
	"	shr $2, %ecx\n"
	"	rep movsl\n"
	"	lea (ctr_vm_loader_end - ctr_vm_loader_begin)(%edx), %esi\n"
	"	mov 8(%edx), %ecx\n"
	"	add $3, %ecx\n"
	"	shr $2, %ecx\n"
	"	rep movsl\n"
	"	movl $0, 0x250(%ebp)\n"
	"	movl $0, 0x254(%ebp)\n"
	"	mov %ebp, %esi\n"
	"	xor %ebp, %ebp\n"
	"	xor %edi, %edi\n"
	"	xor %ebx, %ebx\n"
	"	mov $0x100000, %eax\n"
	"	jmp *%eax\n"
	"	.balign 16\n"
	"ctr_vm_loader_end:\n"
	".code64\n"
	".popsection\n");

extern const uint8_t ctr_vm_loader_begin[], ctr_vm_loader_end[];

static size_t code_size(void)
{
	return (size_t)(ctr_vm_loader_end - ctr_vm_loader_begin);
}
#else
/* Another processor's hypervisor has no such kernels. */
static const uint8_t ctr_vm_loader_begin[NUMBERS_AT + sizeof(struct numbers)];

static size_t code_size(void)
{
	return 0;
}
#endif

size_t ctr_vm_loader_setup(const uint8_t head[CTR_VM_LOADER_HEAD], uint64_t size)
{
	const size_t setup = ((head[SETUP_SECTS_AT] ? head[SETUP_SECTS_AT] : 4U) + 1) * SECTOR;

	if (memcmp(head + MAGIC_AT, "HdrS", 4) != 0 ||
	    (head[VERSION_AT] | head[VERSION_AT + 1] << 8) < VERSION_LOADER ||
	    !(head[LOADFLAGS_AT] & LOADED_HIGH) || size <= setup)
		return 0;
	return setup;
}

static uint32_t up_to(uint64_t value, uint32_t unit)
{
	return (uint32_t)((value + unit - 1) / unit * unit);
}

static int copy_part(int from, int to, size_t size)
{
	off_t at = 0;

	while ((size_t)at < size) {
		ssize_t n = sendfile(to, from, &at, size - (size_t)at);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

/* What stands at KERNEL_AT when the guest begins. */
static int write_loader(int fd, const struct numbers *numbers, int archive)
{
	const size_t rest = NUMBERS_AT + sizeof(*numbers);
	int r = ctr_write_all(fd, ctr_vm_loader_begin, NUMBERS_AT);

	if (r == 0)
		r = ctr_write_all(fd, numbers, sizeof(*numbers));
	if (r == 0)
		r = ctr_write_all(fd, ctr_vm_loader_begin + rest, code_size() - rest);
	return r == 0 ? copy_part(archive, fd, numbers->size) : r;
}

int ctr_vm_loader(int packed, uint64_t common, int archive)
{
	const size_t code = code_size();
	_cleanup_close_ int fd = -1;
	struct stat whole, rest;
	struct numbers numbers;
	uint8_t head[CTR_VM_LOADER_HEAD];
	uint64_t kernel;
	size_t setup;
	int r;

	if (fstat(packed, &whole) < 0 || fstat(archive, &rest) < 0)
		return -errno;
	kernel = (uint64_t)whole.st_size;
	if (kernel > CTR_VM_COMMON_MAX || common > kernel || common % 4 != 0 ||
	    pread(packed, head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return -ENOTSUP;
	kernel -= common;
	setup = ctr_vm_loader_setup(head, kernel);
	/* What goes aside must not reach into itself. */
	if (code == 0 || setup == 0 || (uint64_t)rest.st_size + code > kernel - setup)
		return -ENOTSUP;

	numbers = (struct numbers){
		.all = up_to((uint64_t)rest.st_size + code, 4),
		.size = (uint32_t)rest.st_size,
		.setup = (uint32_t)setup,
		.aside = KERNEL_AT + up_to(kernel - setup, 4096),
		.common = (uint32_t)common,
	};
	fd = memfd_create("loader", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	r = fd < 0 ? -errno : copy_part(packed, fd, setup);
	if (r == 0)
		r = write_loader(fd, &numbers, archive);
	if (r < 0)
		return r;
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return ctr_take_fd(&fd);
}
