/* The kernel of a guest: given, or one that the host's distribution has installed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "vm/backend.h"
#include "vm/setup.h"

/* Documentation/x86/boot.rst */
enum { BZIMAGE_MAGIC_AT = 0x202, BZIMAGE_VERSION_AT = 0x20e, BZIMAGE_SECTOR = 512 };

static const char *word_at(const uint8_t *image, size_t size, size_t at, struct ctr_arena *arena)
{
	size_t end = at;

	/* It becomes a part of names: no slash. */
	while (end < size && end - at < 128 && image[end] > ' ' && image[end] < 0x7f &&
	       image[end] != '/')
		end++;
	return end > at && end < size ? ctr_arena_strndup(arena, (const char *)image + at, end - at)
				      : NULL;
}

const char *ctr_vm_kernel_version(const uint8_t *image, size_t size, struct ctr_arena *arena)
{
	static const char banner[] = "Linux version ";
	const uint8_t *found;

	if (size > BZIMAGE_SECTOR * 2 && memcmp(image + BZIMAGE_MAGIC_AT, "HdrS", 4) == 0)
		return word_at(
			image, size,
			(size_t)(image[BZIMAGE_VERSION_AT] | image[BZIMAGE_VERSION_AT + 1] << 8) +
				BZIMAGE_SECTOR,
			arena);
	if (size < 4 || memcmp(image, "\177ELF", 4) != 0)
		return NULL;
	/* The text is there as a format as well: "Linux version %s". */
	while ((found = memmem(image, size, banner, strlen(banner)))) {
		size -= (size_t)(found + strlen(banner) - image);
		image = found + strlen(banner);
		if (size > 0 && image[0] >= '0' && image[0] <= '9')
			return word_at(image, size, 0, arena);
	}
	return NULL;
}

int ctr_vm_read_version(struct ctr_vm_setup *setup, struct ctr_arena *arena, struct ctr_error *err)
{
	struct stat st;
	_cleanup_close_ int fd = ctr_file_open(AT_FDCWD, setup->kernel, &st, err);
	void *image;

	if (fd < 0)
		return ctr_fail_within(err, "kernel");
	image = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
			       : MAP_FAILED;
	if (image != MAP_FAILED) {
		setup->version = ctr_vm_kernel_version(image, (size_t)st.st_size, arena);
		munmap(image, (size_t)st.st_size);
	}
	if (!setup->version)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "kernel: '%s' is not a Linux kernel",
				setup->kernel);
	return 0;
}

/* A kernel for virtual machines boots faster than one for all there is; then the newest. */
static bool is_better(const char *name, const char *than)
{
	bool cloud = strstr(name, "cloud") != NULL;

	if (!than)
		return true;
	if (cloud != (strstr(than, "cloud") != NULL))
		return cloud;
	return strverscmp(name, than) > 0;
}

static const char *find_installed(struct ctr_arena *arena)
{
	_cleanup_dir_ DIR *dir = opendir("/boot");
	const char *best = NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vmlinuz-", 8) != 0)
			continue;
		if (access(ctr_arena_printf(arena, "/lib/modules/%s/modules.dep",
					    entry->d_name + 8),
			   F_OK) == 0 &&
		    is_better(entry->d_name, best))
			best = ctr_arena_strdup(arena, entry->d_name);
	}
	return best ? ctr_path_join(arena, "/boot", best) : NULL;
}

/* Modules of a kernel in /TREE/boot are in /TREE/lib. */
static int find_modules(struct ctr_vm_setup *setup, struct ctr_arena *arena, struct ctr_error *err)
{
	const char *boot = strstr(setup->kernel, "/boot/");
	const char *tree =
		boot ? ctr_arena_strndup(arena, setup->kernel, (size_t)(boot - setup->kernel)) : "";
	const char *const places[] = { tree, "" };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(places); i++) {
		setup->modules =
			ctr_arena_printf(arena, "%s/lib/modules/%s", places[i], setup->version);
		if (access(setup->modules, F_OK) == 0)
			return 0;
	}
	return ctr_fail(err, CTR_FAULT_HOST, 0,
			"kernel: '%s' has no modules: there is no '/lib/modules/%s'", setup->kernel,
			setup->version);
}

int ctr_vm_find_kernel(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		       struct ctr_error *err)
{
	setup->kernel = machine->kernel ? machine->kernel
			: setup->config && setup->config->kernel.path
				? setup->config->kernel.path
				: find_installed(machine->arena);
	if (!setup->kernel)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"no kernel with modules in /boot: install linux-image-cloud-amd64, "
				"or use --kernel");
	if (ctr_vm_read_version(setup, machine->arena, err) < 0)
		return -1;
	return find_modules(setup, machine->arena, err);
}
