/*
 * What the document names on this host, looked at when it is translated: the sources of bind mounts
 * and the namespaces of a pod. What is found completes the guest's view.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "vm/backend.h"
#include "vm/pod.h"
#include "vm/setup.h"

/* ---- namespaces */

int ctr_vm_enter(const struct ctr_machine *machine, const struct ctr_namespace *namespace, int flag,
		 const char *own_path, struct ctr_error *err)
{
	_cleanup_close_ int fd = open(namespace->path, O_RDONLY | O_CLOEXEC);
	struct stat own, st;
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno,
				"linux.namespaces[%u].path: cannot open '%s'", namespace->index,
				namespace->path);
	if (fs.f_type != NSFS_MAGIC)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: '%s' is no namespace", namespace->index,
				namespace->path);
	if (stat(own_path, &own) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", own_path);
	if (st.st_ino == own.st_ino && st.st_dev == own.st_dev)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: '%s' is the host's own: --isolation %s "
				"cannot share it",
				namespace->index, namespace->path, machine->backend->name);
	if (setns(fd, flag) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno,
				"linux.namespaces[%u].path: cannot enter '%s'", namespace->index,
				namespace->path);
	return 0;
}

/* ---- bind mounts */

static int look_at_bind(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
			struct ctr_vm_bind *bind, size_t number, struct ctr_error *err)
{
	struct ctr_mount *mount = &setup->mounts[bind->index];
	struct stat st = { .st_mode = S_IFREG };

	/* Those that are ctr's own are written later. */
	if (!bind->own && stat(bind->source, &st) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "mounts[%zu]: cannot open '%s'",
				bind->index, bind->source);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return ctr_fail(
			err, CTR_FAULT_CONFIG, 0,
			"mounts[%zu]: '%s' is neither a file nor a directory: --isolation %s "
			"cannot share it",
			bind->index, bind->source, machine->backend->name);

	bind->directory = S_ISDIR(st.st_mode);
	bind->readonly = mount->flags & MS_RDONLY;
	bind->copied = S_ISREG(st.st_mode) && st.st_size <= CTR_VM_FILE_MAX && bind->readonly;
	bind->guest = ctr_arena_printf(machine->arena, "/%s/%zu", bind->copied ? "files" : "shared",
				       number);
	if (!bind->copied && !setup->privileged)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"mounts[%zu]: '%s': --isolation %s needs privileges to share it",
				bind->index, bind->source, machine->backend->name);
	if (!bind->copied && !(machine->backend->bits & CTR_BACKEND_VIRTIOFS))
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"mounts[%zu]: '%s': --isolation %s can only copy read-only files",
				bind->index, bind->source, machine->backend->name);
	setup->nshared += !bind->copied;
	mount->source = bind->guest;
	return 0;
}

int ctr_vm_look(const struct ctr_machine *machine, struct ctr_error *err)
{
	struct ctr_vm_setup *setup = machine->own;
	struct ctr_pod pod;

	for (size_t i = 0; i < setup->nbinds; i++)
		if (look_at_bind(machine, setup, &setup->binds[i], i, err) < 0)
			return -1;
	if (!setup->pod)
		return 0;
	if (ctr_pod_read(machine, &pod, err) < 0)
		return -1;
	ctr_pod_apply(&pod, setup->guest, machine->arena);
	return 0;
}
