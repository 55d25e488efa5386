/* Settings that are written once more to what CRIU has restored. */
#include "core/restore_settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/errand.h"
#include "base/error.h"
#include "base/file.h"
#include "core/context.h"
#include "core/create.h"
#include "core/creation.h"
#include "core/network.h"
#include "core/prepare.h"
#include "init/raw.h"
#include "ns/shape.h"

/* ---- processes */

/* One that has ended meanwhile needs nothing. */
static int set_thread(struct ctr_creation *creation, pid_t thread, struct ctr_error *err)
{
	struct ctr_error why = { 0 };

	if ((!creation->resctrl.mount ||
	     ctr_resctrl_enter(&creation->resctrl, thread, creation->context->arena, &why) == 0) &&
	    ctr_prepare_io_priority(creation->spec->process->io_priority, thread, &why) == 0)
		return 0;
	if (why.code == ESRCH)
		return 0;
	if (err)
		*err = why;
	return -1;
}

/* What is made later has both from its maker; these are made already. */
static int set_threads(struct ctr_creation *creation, pid_t pid, struct ctr_error *err)
{
	const char *path = ctr_arena_printf(creation->context->arena, "/proc/%d/task", (int)pid);
	_cleanup_dir_ DIR *dir = opendir(path);
	struct dirent *entry = NULL;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	while ((errno = 0, entry = readdir(dir))) {
		pid_t thread = (pid_t)ctr_leading_u64(entry->d_name);

		if (thread > 0 && set_thread(creation, thread, err) < 0)
			return -1;
	}
	return errno == 0 || errno == ENOENT || errno == ESRCH
		       ? 0
		       : ctr_fail(err, CTR_FAULT_HOST, errno, "cannot list '%s'", path);
}

/* Those that CRIU made are in the cgroup, and so are found there. */
int ctr_restore_processes(struct ctr_creation *creation, struct ctr_error *err)
{
	struct ctr_container *container = &creation->container;
	pid_t *pids = &creation->launch.pid;
	size_t n = 1;

	if (!creation->resctrl.mount && !creation->spec->process->io_priority)
		return 0;
	if (container->cgroup.fd >= 0 &&
	    ctr_cgroup_procs(&container->cgroup, creation->context->arena, &pids, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (set_threads(creation, pids[i], err) < 0)
			return -1;

	return 0;
}

/* ---- kernel parameters */

/* To enter in this order: what was joined by its path is not owned by the user namespace, whose
 * root may not enter it. */
static const enum ctr_ns_kind order[] = { CTR_NS_NETWORK, CTR_NS_IPC, CTR_NS_UTS, CTR_NS_USER };

struct sysctls {
	const struct ctr_linux *config;
	struct ctr_arena *arena;
	int namespaces[CTR_ARRAY_SIZE(order)]; /* -1: none */
};

/* Files of /proc/sys are those of the namespaces of who opens them, and those of a user namespace
 * are its root's. */
static int enter(const struct sysctls *sysctls, struct ctr_error *err)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(order); i++) {
		int fd = sysctls->namespaces[i];

		if (fd >= 0 &&
		    (order[i] == CTR_NS_USER ? ctr_errand_become_root(fd) : setns(fd, 0)) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"linux.sysctl: cannot join the restored '%s' namespace",
					ctr_ns_file(order[i]));
	}
	return 0;
}

static int write_all(void *data, int *fd, struct ctr_error *err)
{
	const struct sysctls *sysctls = data;
	const struct ctr_linux *config = sysctls->config;

	(void)fd;
	if (enter(sysctls, err) < 0)
		return -1;
	for (size_t i = 0; i < config->nsysctl; i++) {
		const char *key = config->sysctl[i].key, *value = config->sysctl[i].value;
		int r = ctr_file_write_once(AT_FDCWD,
					    ctr_arena_printf(sysctls->arena, "/proc/sys/%s", key),
					    value, strlen(value));

		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -r,
					"linux.sysctl: cannot write '%s' to sysctl '%s'", value,
					key);
	}
	return 0;
}

int ctr_restore_sysctl(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err)
{
	struct ctr_arena *arena = creation->context->arena;
	const struct ctr_linux *config = creation->spec->linux_;
	struct sysctls sysctls = { .config = config, .arena = arena };
	int r = 0;

	if (config->nsysctl == 0)
		return 0;

	for (size_t i = 0; i < CTR_ARRAY_SIZE(order); i++) {
		const char *path =
			ctr_arena_printf(arena, "/proc/%d/ns/%s", (int)pid, ctr_ns_file(order[i]));

		sysctls.namespaces[i] = -1;
		if (r < 0 || !config->namespaces[order[i]].listed)
			continue;
		sysctls.namespaces[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (sysctls.namespaces[i] < 0)
			r = ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	}
	if (r == 0)
		r = ctr_errand_run(write_all, &sysctls, "what writes sysctls", NULL, err);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(order); i++)
		ctr_close_ptr(&sysctls.namespaces[i]);
	return r;
}

/* ---- the loopback interface */

static int bring_up(void *data, int *fd, struct ctr_error *err)
{
	const int *net = data;
	long r;

	(void)fd;
	if (setns(*net, CLONE_NEWNET) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"cannot join the restored 'network' namespace");
	r = raw_loopback_up();
	return r < 0 ? ctr_fail(err, CTR_FAULT_HOST, (int)-r,
				"cannot bring up the loopback interface")
		     : 0;
}

int ctr_restore_loopback(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err)
{
	const struct ctr_namespace *network = &creation->spec->linux_->namespaces[CTR_NS_NETWORK];
	const char *path = ctr_arena_printf(creation->context->arena, "/proc/%d/ns/net", (int)pid);
	_cleanup_close_ int fd = -1;

	if (!ctr_network_is_due(&creation->network, creation->spec) || !network->listed ||
	    network->path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	return ctr_errand_run(bring_up, &fd, "what brings up the loopback interface", NULL, err);
}

/* ---- the host name */

struct renaming {
	const char *name;
	int uts;
};

static int rename_host(void *data, int *fd, struct ctr_error *err)
{
	const struct renaming *renaming = data;

	(void)fd;
	if (setns(renaming->uts, CLONE_NEWUTS) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"cannot join the restored 'uts' namespace");
	return sethostname(renaming->name, strlen(renaming->name)) == 0
		       ? 0
		       : ctr_fail(err, CTR_FAULT_HOST, errno, "cannot set the host name '%s'",
				  renaming->name);
}

int ctr_restore_hostname(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err)
{
	const struct ctr_namespace *uts = &creation->spec->linux_->namespaces[CTR_NS_UTS];
	const char *path = ctr_arena_printf(creation->context->arena, "/proc/%d/ns/uts", (int)pid);
	_cleanup_close_ int fd = -1;
	struct renaming renaming = { .name = creation->spec->hostname };

	if (!renaming.name || !uts->listed || uts->path)
		return 0;
	renaming.uts = fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);
	return ctr_errand_run(rename_host, &renaming, "what sets the host name", NULL, err);
}
