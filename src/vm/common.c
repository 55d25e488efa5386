/*
 * The file that many machines of QEMU map (loader.c): the packed kernel, the archive that the
 * document names, and the base archive, one behind the other. It is made once, in the cache.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "vm/backend.h"
#include "vm/setup.h"

enum { PART = 512 }; /* an archive begins at a multiple of it */

/* What it is made of; those of the document that are not there: -1. */
struct parts {
	int kernel, given, base;
};

/* What tells those files apart. */
static void add_facts(struct ctr_buf *facts, const struct parts *parts)
{
	const int files[] = { parts->kernel, parts->given, parts->base };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(files); i++) {
		struct stat st = { 0 };

		(void)fstat(files[i], &st);
		ctr_vm_cache_fact(facts, &st);
	}
}

static int append(struct ctr_buf *out, int fd, struct ctr_error *err)
{
	size_t size = 0;
	const char *data;

	if (fd < 0)
		return 0;
	data = ctr_file_read_fd(out->arena, fd, "its part", CTR_VM_COMMON_MAX, &size, err);
	if (!data)
		return -1;
	ctr_buf_add(out, data, size);
	while (out->len % PART != 0)
		ctr_buf_addc(out, '\0');
	return 0;
}

/* In an order in which what is ours wins. The file, or -1 and @err. */
static int make(int cache, const char *name, const struct parts *parts, struct ctr_buf *facts,
		struct ctr_error *err)
{
	struct ctr_arena scratch = CTR_ARENA_INIT;
	struct ctr_buf text;
	int fd = -1;

	ctr_buf_init(&text, &scratch);
	if (append(&text, parts->kernel, err) == 0 && append(&text, parts->given, err) == 0 &&
	    append(&text, parts->base, err) == 0)
		fd = ctr_vm_cache_put(cache, name, facts, text.data, text.len, 0444, err);
	/* Nothing of it is to be in the process that stands for the machine. */
	ctr_arena_release(&scratch);
	return fd;
}

static int find(const struct ctr_vm_setup *setup, int cache, const struct parts *parts,
		struct ctr_arena *arena, struct ctr_error *err)
{
	_cleanup_close_ int lock = -1;
	struct ctr_buf facts;
	const char *name;
	int fd;

	ctr_buf_init(&facts, arena);
	add_facts(&facts, parts);
	name = ctr_arena_printf(arena, "boot-%s-%016llx", setup->version,
				(unsigned long long)ctr_vm_cache_hash(facts.data, facts.len));
	lock = ctr_vm_cache_lock(cache, name, true);
	if (lock < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -lock, "cannot lock '%s'", name);
	fd = ctr_vm_cache_get(cache, name, &facts);
	return fd < 0 ? make(cache, name, parts, &facts, err) : fd;
}

static uint64_t room_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? ((uint64_t)st.st_size + PART - 1) / PART * PART : 0;
}

static bool can_load(int kernel, uint64_t size)
{
	uint8_t head[CTR_VM_LOADER_HEAD];

	return pread(kernel, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       ctr_vm_loader_setup(head, size) > 0;
}

void ctr_vm_common(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int cache)
{
	const char *given = setup->config ? setup->config->kernel.initrd : NULL;
	struct stat st;
	_cleanup_close_ int kernel = ctr_file_open(AT_FDCWD, setup->kernel, &st, NULL);
	_cleanup_close_ int initrd = given ? ctr_file_open(AT_FDCWD, given, &st, NULL) : -1;
	const struct parts parts = { kernel, initrd, setup->initramfs };
	const uint64_t archives = room_of(initrd) + room_of(setup->initramfs);
	struct ctr_error err;

	/* The document's parameters may be about kernel and initrd. Of what cannot be opened it is
	 * told where that is needed. */
	if ((setup->config && setup->config->hypervisor.nparameters > 0) || kernel < 0 ||
	    (given && initrd < 0) || !can_load(kernel, room_of(kernel)) ||
	    room_of(kernel) + archives > CTR_VM_COMMON_MAX)
		return;
	setup->common = find(setup, cache, &parts, machine->arena, &err);
	setup->archives = archives;
	if (setup->common < 0)
		ctr_log(CTR_LOG_INFO, "--isolation %s: each machine has '%s' for itself: %s",
			machine->backend->name, setup->kernel, err.text);
}
