/*
 * A container out of a checkpoint: the place of every container (state directory, cgroup, limits,
 * device filter), and CRIU to make the processes in it instead of a plan. CRIU works in a mount
 * namespace of its own, in which the root file system is a mount.
 *
 * With the systemd manager there is no cgroup without a process: one that does nothing is there
 * until CRIU has moved its own in.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/root.h"
#include "core/checkpoint.h"
#include "core/context.h"
#include "core/create.h"
#include "core/creation.h"
#include "core/place.h"
#include "core/security.h"
#include "criu/call.h"
#include "criu/external.h"
#include "criu/images.h"
#include "criu/report.h"
#include "criu/streams.h"
#include "oci/checkpoint.h"
#include "oci/words.h"

struct restoration {
	struct ctr_creation *creation;
	struct ctr_images image;
	struct ctr_checkpoint *checkpoint; /* NULL: of another runtime */
	struct ctr_externals externals;
	struct ctr_streams streams;
	struct ctr_criu_namespace namespaces[CTR_NS_KINDS];
	size_t nnamespaces;
	int null;
	pid_t placeholder;
};

/* ---- what the images need */

static int open_namespaces(struct restoration *restoration, struct ctr_error *err)
{
	const struct ctr_namespace *list = restoration->creation->spec->linux_->namespaces;

	for (unsigned i = 0; i < CTR_NS_KINDS; i++) {
		struct ctr_criu_namespace *namespace =
			&restoration->namespaces[restoration->nnamespaces];

		if (!list[i].path)
			continue;
		namespace->name = ctr_name_of(ctr_namespace_names, i);
		namespace->path = list[i].path;
		namespace->fd = open(list[i].path, O_RDONLY | O_CLOEXEC);
		if (namespace->fd < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, errno,
					"linux.namespaces[%u].path: cannot open '%s'",
					list[i].index, list[i].path);
		restoration->nnamespaces++;
	}
	return 0;
}

/* What a mount can be put on must be there: a fresh copy of an image has none of that. What lies
 * below another mount comes with that. */
static int make_mount_points(const struct restoration *restoration, struct ctr_error *err)
{
	const struct ctr_spec *spec = restoration->creation->spec;
	_cleanup_close_ int root = open(spec->root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno, "root.path: cannot open '%s'",
				spec->root->path);

	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct ctr_mount *mount = &spec->mounts[i];
		bool below = false, file = false;
		struct stat st;
		int r;

		for (size_t j = 0; j < spec->nmounts && !below; j++)
			below = j != i &&
				ctr_path_is_below(mount->destination, spec->mounts[j].destination);
		if (below)
			continue;
		if ((mount->bits & CTR_MOUNT_BIND) && mount->source && stat(mount->source, &st) < 0)
			return ctr_fail(err, CTR_FAULT_CONFIG, errno,
					"mounts[%zu].source: cannot find '%s'", i, mount->source);
		if ((mount->bits & CTR_MOUNT_BIND) && mount->source)
			file = !S_ISDIR(st.st_mode);

		r = ctr_make_in_root(root, mount->destination, file);
		if (r < 0)
			return ctr_fail(err, CTR_FAULT_HOST, -r,
					"mounts[%zu].destination: cannot make '%s'", i,
					mount->destination);
	}
	return 0;
}

static int prepare(struct restoration *restoration, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;
	const struct ctr_criu_flags *flags = creation->options->restore;
	struct ctr_arena *arena = creation->context->arena;
	const struct ctr_checkpoint *checkpoint;

	if (ctr_images_open(&restoration->image,
			    flags->image_path ? flags->image_path : "checkpoint", flags->work_path,
			    arena, err) < 0 ||
	    ctr_images_read(&restoration->image, &restoration->checkpoint, arena, err) < 0)
		return -1;

	checkpoint = restoration->checkpoint;
	if (ctr_external_resolve(&restoration->externals, checkpoint, creation->spec, arena, err) <
		    0 ||
	    ctr_streams_resolve(&restoration->streams, checkpoint ? checkpoint->descriptors : NULL,
				checkpoint ? checkpoint->ndescriptors : 0, &restoration->null,
				err) < 0)
		return -1;
	return open_namespaces(restoration, err);
}

/* ---- its cgroup */

static int start_placeholder(struct restoration *restoration, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;
	struct ctr_cgroup *cgroup = &creation->container.cgroup;

	if (!cgroup->unit)
		return 0;

	restoration->placeholder = fork();
	if (restoration->placeholder < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot fork");
	if (restoration->placeholder == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}

	if (ctr_place_start(cgroup, creation->spec, &creation->limits, creation->options->id,
			    restoration->placeholder, creation->context, err) < 0)
		return -1;
	ctr_place_to_record(cgroup, &creation->container.record);
	return 0;
}

static void end_placeholder(struct restoration *restoration)
{
	if (restoration->placeholder <= 0)
		return;
	(void)kill(restoration->placeholder, SIGKILL);
	(void)waitpid(restoration->placeholder, NULL, 0);
	restoration->placeholder = 0;
}

/* ---- CRIU */

/* Does process @pid have a time namespace that is not ours? */
static bool has_own_time(pid_t pid, struct ctr_arena *arena)
{
	struct stat own, its;

	return stat("/proc/self/ns/time", &own) == 0 &&
	       stat(ctr_arena_printf(arena, "/proc/%d/ns/time", (int)pid), &its) == 0 &&
	       own.st_ino != its.st_ino;
}

/* Processes are there, and do not run yet: what fails now still leaves nothing. */
static int on_restored(struct restoration *restoration, pid_t pid, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;

	creation->launch.pid = pid;
	creation->launch.pidfd = ctr_pidfd_open(pid);
	ctr_creation_push_undo(creation, ctr_creation_undo_child);
	end_placeholder(restoration);

	creation->container.record.has_timens = has_own_time(pid, creation->context->arena);
	if (ctr_creation_keep(creation, err) < 0)
		return -1;
	return ctr_creation_finish(creation, err);
}

static int on_notify(void *data, const char *point, pid_t pid, int fd, struct ctr_error *err)
{
	struct restoration *restoration = data;

	if (strcmp(point, "orphan-pts-master") == 0 && fd >= 0)
		return ctr_handover_console(&restoration->creation->handover, fd, err);
	ctr_close_ptr(&fd);
	if (strcmp(point, "setup-namespaces") == 0)
		return ctr_creation_hooks(restoration->creation, pid, err);
	if (strcmp(point, "post-restore") == 0)
		return on_restored(restoration, pid, err);
	return 0;
}

enum { FDS = 4 + CTR_STREAMS + CTR_NS_KINDS };

static size_t collect_fds(const struct restoration *restoration, int fds[static FDS])
{
	const struct ctr_criu_flags *flags = restoration->creation->options->restore;
	size_t n = 0;

	fds[n++] = restoration->image.dir;
	fds[n++] = restoration->image.work;
	if (flags->status_fd > 0)
		fds[n++] = (int)flags->status_fd;
	for (size_t i = 0; i < restoration->streams.count; i++)
		if (restoration->streams.list[i].fd > STDERR_FILENO)
			fds[n++] = restoration->streams.list[i].fd;
	for (size_t i = 0; i < restoration->nnamespaces; i++)
		fds[n++] = restoration->namespaces[i].fd;
	return n;
}

static int call_criu(struct restoration *restoration, struct ctr_error *err)
{
	const struct ctr_creation *creation = restoration->creation;
	const struct ctr_criu_request request = {
		.flags = creation->options->restore,
		.images = restoration->image.dir,
		.work = restoration->image.work,
		.config = ctr_criu_config(creation->spec),
		.root = creation->spec->root->path,
		.mounts = &restoration->externals,
		.streams = &restoration->streams,
		.namespaces = restoration->namespaces,
		.nnamespaces = restoration->nnamespaces,
		.cgroup = creation->container.cgroup.path,
	};
	struct ctr_criu_list options;
	int fds[FDS], pid = 0;
	const struct ctr_criu_call call = {
		.request = "RESTORE",
		.options = &options,
		.root = request.root,
		.fds = fds,
		.nfds = collect_fds(restoration, fds),
		.notify = on_notify,
		.data = restoration,
	};
	int r;

	ctr_criu_list_init(&options, creation->context->arena);
	if (ctr_criu_restore_options(&options, &request, err) < 0)
		return -1;

	r = ctr_criu_call(&call, &pid, creation->context->arena, err);
	if (r < 0)
		return ctr_criu_report(&restoration->image, "restore.log", creation->context->arena,
				       err);
	if (creation->launch.pid != pid)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"CRIU has restored process %d and spoken of %d", pid,
				creation->launch.pid);
	return 0;
}

static int restore(struct restoration *restoration, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;
	struct ctr_cgroup *cgroup = &creation->container.cgroup;

	if (prepare(restoration, err) < 0 || ctr_creation_place(creation, err) < 0 ||
	    make_mount_points(restoration, err) < 0 || start_placeholder(restoration, err) < 0 ||
	    ctr_security_devices(cgroup, creation->spec, creation->context, err) < 0 ||
	    call_criu(restoration, err) < 0)
		return -1;

	if (restoration->checkpoint && restoration->checkpoint->paused && cgroup->fd >= 0)
		return ctr_cgroup_freeze(cgroup, true, err);
	return 0;
}

int ctr_creation_restore(struct ctr_creation *creation, struct ctr_error *err)
{
	struct restoration restoration = {
		.creation = creation,
		.image = CTR_IMAGES_INIT,
		.null = -1,
	};
	int r = restore(&restoration, err);

	end_placeholder(&restoration);
	for (size_t i = 0; i < restoration.nnamespaces; i++)
		ctr_close_ptr(&restoration.namespaces[i].fd);
	ctr_close_ptr(&restoration.null);
	ctr_images_release(&restoration.image);
	return r;
}
