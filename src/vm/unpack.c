/*
 * The kernel inside of a bzImage, an ELF file, for hypervisors that have no use for the code around
 * it: unpacked once, into the cache. Documentation/arch/x86/boot.rst has the header.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/run.h"
#include "vm/backend.h"
#include "vm/setup.h"

enum {
	SECTOR = 512,
	SETUP_SECTS_AT = 0x1f1,
	MAGIC_AT = 0x202,
	VERSION_AT = 0x206,
	VERSION_PAYLOAD = 0x208, /* the first that tells where it is */
	PAYLOAD_AT = 0x248,
	SIZE_AT = 0x24c,
	HEADER = 0x250,
	KERNEL_MAX = 512 << 20,
};

static uint32_t le32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static const struct {
	const char *magic;
	size_t length;
	const char *program;
	bool has_size; /* the last four bytes, the size, are none of the program's */
} packers[] = {
	{"\x1f\x8b",          2, "gzip", false},
	{ "\x02\x21\x4c\x18", 4, "lz4",  true },
	{ "\x28\xb5\x2f\xfd", 4, "zstd", true },
	{ "\xfd\x37\x7a",     3, "xz",   true },
};

int ctr_vm_kernel_payload(const uint8_t *image, size_t size, struct ctr_vm_payload *out)
{
	uint64_t begin, length;

	if (size < HEADER || memcmp(image + MAGIC_AT, "HdrS", 4) != 0 ||
	    (image[VERSION_AT] | image[VERSION_AT + 1] << 8) < VERSION_PAYLOAD)
		return -EINVAL;
	begin = ((uint64_t)(image[SETUP_SECTS_AT] ? image[SETUP_SECTS_AT] : 4) + 1) * SECTOR +
		le32(image + PAYLOAD_AT);
	length = le32(image + SIZE_AT);
	if (length < 8 || begin > size || length > size - begin)
		return -EINVAL;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(packers); i++) {
		if (memcmp(image + begin, packers[i].magic, packers[i].length) != 0)
			continue;
		*out = (struct ctr_vm_payload){
			.begin = begin,
			.length = length - (packers[i].has_size ? 4 : 0),
			.unpacked = le32(image + begin + length - 4),
			.program = packers[i].program,
		};
		return 0;
	}
	return -ENOTSUP;
}

/* The program reads its standard input: a file of ours that has no name. */
static char *unpack(const uint8_t *image, const struct ctr_vm_payload *payload,
		    struct ctr_arena *arena, size_t *size, struct ctr_error *err)
{
	const char *const argv[] = { "/bin/sh", "-c", "exec \"$0\" -dc <&3", payload->program,
				     NULL };
	_cleanup_close_ int packed = memfd_create("kernel", MFD_CLOEXEC), output = -1;
	int r = packed < 0 ? -errno
			   : ctr_write_all(packed, image + payload->begin, payload->length);
	int status = 0, ended;
	char *text;
	pid_t pid;

	if (r == 0 && lseek(packed, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = output = ctr_run_start_with(argv, false, packed, &pid);
	if (r < 0) {
		ctr_fail(err, CTR_FAULT_HOST, -r, "cannot run '%s'", payload->program);
		return NULL;
	}
	text = ctr_file_read_fd(arena, output, payload->program, KERNEL_MAX, size, err);
	(void)close(ctr_take_fd(&output));
	ended = ctr_run_wait(pid, &status);
	if (!text)
		return NULL;
	if (ended < 0 || status != 0 || *size < 4 || memcmp(text, "\177ELF", 4) != 0) {
		ctr_fail(err, CTR_FAULT_HOST, 0, "'%s' cannot unpack it", payload->program);
		return NULL;
	}
	return text;
}

/* What a host may lack for a while, seen before there is any work: a start that is refused here, or
 * goes on without, costs nothing, and nothing need be remembered that would be wrong later. */
static int check(const struct ctr_vm_payload *payload, const char *cache_path, int cache,
		 struct ctr_arena *arena, struct ctr_error *err)
{
	struct statvfs fs;

	if (!ctr_vm_find_program(payload->program, arena))
		return ctr_fail(err, CTR_FAULT_HOST, 0, "'%s', which unpacks it, is not there",
				payload->program);
	if (fstatvfs(cache, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < (uint64_t)payload->unpacked)
		return ctr_fail(err, CTR_FAULT_HOST, ENOSPC,
				"the cache '%s' has no room for %u bytes", cache_path,
				payload->unpacked);
	return 0;
}

/* The ELF file of the bzImage @image, of @size bytes, called @name in the cache. It, or -1 and
 * @err.
 */
static int make(const struct ctr_machine *machine, int cache, const char *name,
		struct ctr_buf *facts, const void *image, size_t size, struct ctr_error *err)
{
	struct ctr_arena scratch = CTR_ARENA_INIT;
	struct ctr_vm_payload payload;
	const char *text;
	size_t unpacked = 0;
	int made = -1;

	if (ctr_vm_kernel_payload(image, size, &payload) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"it is packed in a way that is not known");
	if (check(&payload, machine->cache, cache, machine->arena, err) < 0)
		return -1;
	text = unpack(image, &payload, &scratch, &unpacked, err);
	if (text)
		made = ctr_vm_cache_put(cache, name, facts, text, unpacked, 0444, err);
	/* Nothing of it is to be in the process that stands for the machine. */
	ctr_arena_release(&scratch);
	return made;
}

/* Make it of the file @st, or see that it is there. It, or -1 and @err. */
static int find(const struct ctr_machine *machine, const char *version, const struct stat *st,
		const void *image, struct ctr_error *err)
{
	_cleanup_close_ int cache = ctr_vm_cache_open(machine->cache, err), lock = -1;
	struct ctr_buf facts;
	const char *name;
	int made;

	if (cache < 0)
		return -1;
	ctr_buf_init(&facts, machine->arena);
	ctr_vm_cache_fact(&facts, st);
	name = ctr_arena_printf(machine->arena, "kernel-%s-%016llx", version,
				(unsigned long long)ctr_vm_cache_hash(facts.data, facts.len));
	lock = ctr_vm_cache_lock(cache, name, true);
	if (lock < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -lock, "cannot lock '%s' in the cache '%s'",
				name, machine->cache);
	made = ctr_vm_cache_get(cache, name, &facts);
	return made < 0 ? make(machine, cache, name, &facts, image, (size_t)st->st_size, err)
			: made;
}

int ctr_vm_unpack_kernel(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
			 struct ctr_error *err)
{
	struct stat st;
	_cleanup_close_ int fd = ctr_file_open(AT_FDCWD, setup->kernel, &st, err);
	void *image;
	bool is_elf;
	int made = -1;

	if (fd < 0)
		return ctr_fail_within(err, "kernel");
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "kernel: cannot map '%s'",
				setup->kernel);
	is_elf = st.st_size >= 4 && memcmp(image, "\177ELF", 4) == 0;
	if (!is_elf)
		made = find(machine, setup->version, &st, image, err);
	munmap(image, (size_t)st.st_size);
	if (is_elf)
		return 0;
	if (made < 0)
		return ctr_fail_within(err, "kernel '%s'", setup->kernel);
	/* Open from here on, as the image is: whoever can rename the cache puts no other there. */
	setup->kernel = ctr_arena_printf(machine->arena, "/proc/self/fd/%d", made);
	return 0;
}

/* ---- what QEMU starts */

/* One segment of notes has the entry for hypervisors: "Xen", XEN_ELFNOTE_PHYS32_ENTRY. */
static bool has_entry(const uint8_t *notes, uint64_t size)
{
	enum { PHYS32_ENTRY = 18 };
	static const char name[] = "Xen";
	Elf64_Nhdr note;

	for (uint64_t at = 0; size - at >= sizeof(note);) {
		uint64_t name_size, all;

		memcpy(&note, notes + at, sizeof(note));
		name_size = ((uint64_t)note.n_namesz + 3) & ~(uint64_t)3;
		all = sizeof(note) + name_size + (((uint64_t)note.n_descsz + 3) & ~(uint64_t)3);
		if (all > size - at)
			return false;
		if (note.n_type == PHYS32_ENTRY && note.n_namesz == sizeof(name) &&
		    memcmp(notes + at + sizeof(note), name, sizeof(name)) == 0)
			return true;
		at += all;
	}
	return false;
}

bool ctr_vm_kernel_has_pvh(const uint8_t *image, size_t size)
{
	Elf64_Ehdr elf;
	Elf64_Phdr segment;

	if (size < sizeof(elf))
		return false;
	memcpy(&elf, image, sizeof(elf));
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_phentsize != sizeof(segment) || elf.e_phoff > size)
		return false;
	for (unsigned i = 0; i < elf.e_phnum; i++) {
		const uint64_t at = elf.e_phoff + i * sizeof(segment);

		if (at > size || size - at < sizeof(segment))
			return false;
		memcpy(&segment, image + at, sizeof(segment));
		if (segment.p_type == PT_NOTE && segment.p_offset <= size &&
		    segment.p_filesz <= size - segment.p_offset &&
		    has_entry(image + segment.p_offset, segment.p_filesz))
			return true;
	}
	return false;
}

void ctr_vm_choose_kernel(const struct ctr_machine *machine, struct ctr_vm_setup *setup)
{
	const char *packed = setup->kernel;
	_cleanup_close_ int fd = -1;
	struct ctr_error err = { .text = "it has no entry for hypervisors (PVH)" };
	void *image = MAP_FAILED;
	struct stat st;

	if (ctr_vm_unpack_kernel(machine, setup, &err) == 0)
		fd = open(setup->kernel, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0)
		image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED || !ctr_vm_kernel_has_pvh(image, (size_t)st.st_size)) {
		ctr_log(CTR_LOG_INFO, "--isolation %s: the guest unpacks '%s' itself: %s",
			machine->backend->name, packed, err.text);
		setup->kernel = packed;
	}
	if (image != MAP_FAILED)
		munmap(image, (size_t)st.st_size);
}
