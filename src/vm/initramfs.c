/*
 * The first root file system of a guest: a base archive of ctr-init and the modules it loads, which
 * is made once for a kernel and a kind, and a small archive for each instance behind it. The kernel
 * unpacks all archives that it finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/init_image.h"
#include "base/path.h"
#include "base/run.h"
#include "vm/backend.h"
#include "vm/cpio.h"
#include "vm/setup.h"

enum { MODULE_MAX = 32 << 20, LIST_MAX = 8 << 20 };

static const char *const directories[] = { "proc",  "sys",   "dev",  "ctr",    "ctr/modules.d",
					   "lower", "upper", "root", "shared", "files" };

/* ---- modules */

static const char *decompressor(const char *path)
{
	static const struct {
		const char *suffix, *program;
	} rows[] = {
		{".xz",   "xz"  },
                { ".zst", "zstd"},
                { ".gz",  "gzip"}
	};
	size_t len = strlen(path);

	for (size_t i = 0; i < CTR_ARRAY_SIZE(rows); i++) {
		size_t suffix = strlen(rows[i].suffix);

		if (len > suffix && strcmp(path + len - suffix, rows[i].suffix) == 0)
			return rows[i].program;
	}
	return NULL;
}

/* A module that is open: by the path it may be another the next time. */
struct module {
	const char *path;
	int fd;
};

/* The module's bytes as the kernel wants them. NULL and @err. */
static const char *read_module(const struct module *module, struct ctr_arena *arena, size_t *size,
			       struct ctr_error *err)
{
	const char *path = module->path, *program = decompressor(path), *text;
	const char *const argv[] = { "/bin/sh", "-c", "exec \"$0\" -dc <&3", program, NULL };
	int fd, status = 0;
	pid_t pid;

	if (!program)
		return ctr_file_read_fd(arena, module->fd, path, MODULE_MAX, size, err);

	fd = ctr_run_start_with(argv, false, module->fd, &pid);
	if (fd < 0) {
		ctr_fail(err, CTR_FAULT_HOST, -fd, "module '%s': cannot run '%s'", path, program);
		return NULL;
	}
	text = ctr_file_read_fd(arena, fd, path, MODULE_MAX, size, err);
	close(fd);
	if (ctr_run_wait(pid, &status) < 0 || status != 0) {
		ctr_fail(err, CTR_FAULT_HOST, 0, "module '%s': '%s' cannot unpack it", path,
			 program);
		return NULL;
	}
	return text;
}

static const char **find_modules(const struct ctr_vm_setup *setup, const char *const *names,
				 struct ctr_arena *arena, struct ctr_error *err)
{
	const char *dep, *builtin, **files;

	dep = ctr_file_read(arena, AT_FDCWD, ctr_path_join(arena, setup->modules, "modules.dep"),
			    LIST_MAX, NULL, err);
	if (!dep)
		return NULL;
	builtin = ctr_file_read(arena, AT_FDCWD,
				ctr_path_join(arena, setup->modules, "modules.builtin"), LIST_MAX,
				NULL, NULL);
	files = ctr_vm_modules(dep, builtin ? builtin : "", names, arena, err);
	if (!files)
		ctr_fail_within(err, "kernel %s", setup->version);
	return files;
}

/* ---- the base */

struct modules {
	struct module *list;
	size_t n;
};

static void close_modules(struct modules *modules)
{
	for (size_t i = 0; i < modules->n; i++)
		close(modules->list[i].fd);
}

/* What would be in it, as it is now: our program, and the modules, which are open from here on. */
static int open_modules(struct modules *modules, const struct ctr_vm_setup *setup,
			const char *const *files, struct ctr_buf *facts, struct ctr_error *err)
{
	size_t n = 0;

	ctr_buf_addf(facts, "%016llx\n",
		     (unsigned long long)ctr_vm_cache_hash(ctr_init_image, ctr_init_image_size));
	while (files[n])
		n++;
	*modules = (struct modules){
		.list = ctr_arena_array(facts->arena, n + 1, sizeof(*modules->list)),
	};
	for (; modules->n < n; modules->n++) {
		struct module *module = &modules->list[modules->n];
		struct stat st;

		module->path = ctr_path_join(facts->arena, setup->modules, files[modules->n]);
		module->fd = ctr_file_open(AT_FDCWD, module->path, &st, err);
		if (module->fd < 0)
			return ctr_fail_within(err, "module");
		ctr_vm_cache_fact(facts, &st);
	}
	return 0;
}

static int fill_base(const struct modules *modules, struct ctr_arena *arena,
		     struct ctr_buf *archive, struct ctr_error *err)
{
	struct ctr_buf steps;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(directories); i++)
		ctr_cpio_add(archive, directories[i], S_IFDIR | 0755, NULL, 0);
	ctr_cpio_add(archive, "init", S_IFREG | 0755, ctr_init_image, ctr_init_image_size);

	ctr_buf_init(&steps, arena);
	for (size_t i = 0; i < modules->n; i++) {
		size_t size = 0;
		const char *name = ctr_arena_printf(arena, "ctr/modules.d/%zu", i);
		const char *data = read_module(&modules->list[i], arena, &size, err);

		if (!data)
			return -1;
		ctr_cpio_add(archive, name, S_IFREG | 0644, data, size);
		ctr_buf_addf(&steps, "module /%s\n", name);
	}
	ctr_cpio_add(archive, "ctr/modules", S_IFREG | 0644, ctr_buf_str(&steps), steps.len);
	ctr_cpio_end(archive);
	return 0;
}

/* It, or -1 and @err. */
static int find_base(const struct ctr_machine *machine, const struct ctr_vm_setup *setup, int cache,
		     const struct modules *modules, struct ctr_buf *facts, struct ctr_error *err)
{
	const char *name =
		ctr_arena_printf(machine->arena, "initramfs-%s-%016llx", setup->version,
				 (unsigned long long)ctr_vm_cache_hash(facts->data, facts->len));
	_cleanup_close_ int lock = ctr_vm_cache_lock(cache, name, true);
	struct ctr_buf archive;
	int fd;

	if (lock < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -lock, "cannot lock '%s' in the cache '%s'",
				name, machine->cache);
	fd = ctr_vm_cache_get(cache, name, facts);
	if (fd >= 0)
		return fd;

	ctr_buf_init(&archive, machine->arena);
	if (fill_base(modules, machine->arena, &archive, err) < 0)
		return -1;
	fd = ctr_vm_cache_put(cache, name, facts, archive.data, archive.len, 0644, err);
	return fd < 0 ? ctr_fail_within(err, "initramfs") : fd;
}

int ctr_vm_base(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int cache,
		const char *const *names, struct ctr_error *err)
{
	const char **files = find_modules(setup, names, machine->arena, err);
	struct modules modules;
	struct ctr_buf facts;

	if (!files)
		return -1;
	ctr_buf_init(&facts, machine->arena);
	if (open_modules(&modules, setup, files, &facts, err) == 0)
		setup->initramfs = find_base(machine, setup, cache, &modules, &facts, err);
	close_modules(&modules);
	return setup->initramfs < 0 ? -1 : 0;
}

/* ---- an instance */

/* A read-only file of the host, as its users see it: those of the guest are to see the same. */
static int add_copy(const struct ctr_vm_setup *setup, const struct ctr_vm_bind *bind,
		    struct ctr_buf *archive, struct ctr_error *err)
{
	struct stat st;
	_cleanup_close_ int fd = ctr_file_open(AT_FDCWD, bind->source, &st, err);
	size_t size = 0;
	char *data = NULL;

	if (fd >= 0)
		data = ctr_file_read_fd(archive->arena, fd, bind->source, CTR_VM_FILE_MAX, &size,
					err);
	if (!data)
		return ctr_fail_within(err, "mounts[%zu]", bind->index);
	/* As those of the root file system are then. */
	if (setup->all_root)
		st.st_uid = st.st_gid = 0;
	ctr_cpio_add_file(archive, bind->guest + 1, &st, data, size);
	return 0;
}

int ctr_vm_instance(const struct ctr_vm_setup *setup, const char *config, const void *session,
		    size_t session_size, struct ctr_buf *archive, struct ctr_error *err)
{
	ctr_cpio_add(archive, "ctr/config", S_IFREG | 0600, config, strlen(config));
	ctr_cpio_add(archive, "ctr/session", S_IFREG | 0600, session, session_size);
	for (size_t i = 0; i < setup->nbinds; i++)
		if (setup->binds[i].copied && add_copy(setup, &setup->binds[i], archive, err) < 0)
			return -1;
	ctr_cpio_end(archive);
	return 0;
}
