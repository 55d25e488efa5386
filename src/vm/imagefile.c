/*
 * The document's own disk image (vm.image). Some formats name other files: a qcow2 its backing file
 * and a file of its data, a vmdk its extents and its parent. A hypervisor would open them for the
 * guest, so an image that does is refused by its header; what is written into it afterwards finds
 * none of the host's files (hypervisor_root.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strerror.h"
#include "vm/backend.h"
#include "vm/setup.h"

enum {
	SECTOR = 512,
	HEADER = 512,
	DESCRIPTOR_MAX = 64 << 10,
	/* qcow2, docs/interop/qcow2.txt of QEMU; big-endian */
	QCOW2_VERSION = 4,
	QCOW2_BACKING = 8,
	QCOW2_INCOMPATIBLE = 72,
	QCOW2_DATA_FILE = 1 << 2,
	/* vmdk, "Virtual Disk Format 5.0", Hosted Sparse Extent Header; little-endian */
	VMDK_CAPACITY = 12,
	VMDK_DESCRIPTOR = 28,
	VMDK_DESCRIPTOR_SIZE = 36,
	/* Where QEMU looks for the parent whatever the header says (block/vmdk.c), in sectors. */
	VMDK_PARENT = 1,
	VMDK_PARENT_SIZE = 20,
};

static uint64_t big_endian(const uint8_t *at, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n; i++)
		value = value << 8 | at[i];
	return value;
}

static uint64_t little_endian(const uint8_t *at, unsigned n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | at[n];
	return value;
}

static const char *refuse_qcow2(const uint8_t header[HEADER])
{
	if (memcmp(header, "QFI\xfb", 4) != 0)
		return "it is no qcow2";
	if (big_endian(header + QCOW2_BACKING, 8) != 0)
		return "it names a backing file";
	if (big_endian(header + QCOW2_VERSION, 4) > 2 &&
	    (big_endian(header + QCOW2_INCOMPATIBLE, 8) & QCOW2_DATA_FILE))
		return "it names a file with its data";
	return NULL;
}

/* The lines of the descriptor in there: "parentCID=ffffffff" says that there is no parent. */
static const char *refuse_descriptor(const char *text)
{
	static const char key[] = "parentCID";

	if (strcasestr(text, "parentFileNameHint"))
		return "it names a parent";
	for (const char *at = strcasestr(text, key); at; at = strcasestr(at, key)) {
		at += strlen(key);
		if (strncasecmp(at + strspn(at, " \t="), "ffffffff", 8) != 0)
			return "it names a parent";
	}
	return NULL;
}

static const char *refuse_sectors(int fd, uint64_t at, uint64_t n)
{
	static char text[DESCRIPTOR_MAX + 1];
	ssize_t length = pread(fd, text, (size_t)n * SECTOR, (off_t)at * SECTOR);

	if (length < 0)
		return ctr_strerror(errno);
	for (ssize_t i = 0; i < length; i++)
		if (text[i] == '\0')
			text[i] = '\n';
	text[length] = '\0';
	return refuse_descriptor(text);
}

static const char *refuse_vmdk(int fd, const uint8_t header[HEADER])
{
	uint64_t at = little_endian(header + VMDK_DESCRIPTOR, 8);
	uint64_t size = little_endian(header + VMDK_DESCRIPTOR_SIZE, 8);
	const char *why;

	if (memcmp(header, "KDMV", 4) != 0)
		return "only a vmdk of one file (monolithicSparse, streamOptimized) names no "
		       "others";
	/* Then it is a descriptor, and its extents are elsewhere. */
	if (little_endian(header + VMDK_CAPACITY, 8) == 0)
		return "it names its extents";
	why = refuse_sectors(fd, VMDK_PARENT, VMDK_PARENT_SIZE);
	if (why || at == 0 || size == 0)
		return why;
	if (at > INT32_MAX || size > DESCRIPTOR_MAX / SECTOR)
		return "its descriptor is too long";
	return refuse_sectors(fd, at, size);
}

const char *ctr_vm_image_refused(int fd, enum ctr_image_format format)
{
	uint8_t header[HEADER] = { 0 };

	if (pread(fd, header, sizeof(header), 0) < 0)
		return ctr_strerror(errno);
	switch (format) {
	case CTR_IMAGE_QCOW2:
		return refuse_qcow2(header);
	case CTR_IMAGE_VMDK:
		return refuse_vmdk(fd, header);
	default:
		return NULL;
	}
}

int ctr_vm_image_given(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		       struct ctr_error *err)
{
	/* All but QEMU open it once more, as nobody. */
	const bool reopened =
		setup->vmm != CTR_VMM_QEMU || machine->backend->bits & CTR_BACKEND_PORTED;
	static const char *const formats[] = {
		[CTR_IMAGE_RAW] = "raw",   [CTR_IMAGE_QCOW2] = "qcow2", [CTR_IMAGE_VDI] = "vdi",
		[CTR_IMAGE_VMDK] = "vmdk", [CTR_IMAGE_VHD] = "vpc",
	};
	const char *path = setup->config->image.path, *why;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "vm.image.path: cannot open '%s'",
				path);
	if (!S_ISREG(st.st_mode))
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "vm.image.path: '%s' is no regular file",
				path);
	if (reopened && setup->privileged && !(st.st_mode & S_IROTH))
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"vm.image.path: '%s' must be readable by all (its mode is %04o): "
				"the hypervisor runs as nobody",
				path, st.st_mode & 07777);
	why = ctr_vm_image_refused(fd, setup->config->image.format);
	if (why)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0, "vm.image.path: '%s': %s", path, why);
	setup->image = ctr_take_fd(&fd);
	setup->image_format = formats[setup->config->image.format];
	setup->image_types = "erofs,ext4,squashfs";
	return 0;
}
