/*
 * ctr checkpoint: see what of the container is not its own, have CRIU dump it, delete it. The
 * documents are written before the dump: a disk that is full then has cost nothing.
 */
#include "core/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "core/container.h"
#include "core/context.h"
#include "core/machine.h"
#include "core/notify.h"
#include "core/prepare.h"
#include "criu/areas.h"
#include "criu/call.h"
#include "criu/external.h"
#include "criu/images.h"
#include "criu/mountinfo.h"
#include "criu/report.h"
#include "criu/streams.h"
#include "ns/shape.h"
#include "oci/checkpoint.h"
#include "oci/words.h"
#include "state/dir.h"
#include "state/record.h"

enum { MOUNTINFO_MAX = 16 << 20, FDS = 3, END_WAIT_MS = 5000 };

struct dump {
	const struct ctr_context *context;
	const struct ctr_criu_flags *flags;
	struct ctr_container container;
	const struct ctr_spec *spec;
	bool paused;
	struct ctr_images image;
	struct ctr_mountinfos mounts;
	struct ctr_externals externals;
	struct ctr_streams streams;
	struct ctr_criu_namespace namespaces[CTR_NS_KINDS];
	size_t nnamespaces;
};

int ctr_criu_config(const struct ctr_spec *spec, const char **out, struct ctr_error *err)
{
	static const char *const files[] = { "/etc/criu/ctr.conf", "/etc/criu/runc.conf" };
	const char *annotation = ctr_spec_annotation(spec, "org.criu.config");

	*out = annotation && annotation[0] ? annotation : NULL;
	/* CRIU goes on without one that it cannot read. */
	if (*out && access(*out, R_OK) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno,
				"annotations[org.criu.config]: cannot read '%s'", *out);
	for (size_t i = 0; i < CTR_ARRAY_SIZE(files) && !annotation && !*out; i++)
		if (access(files[i], R_OK) == 0)
			*out = files[i];

	return 0;
}

static int check_status_fd(const struct ctr_criu_flags *flags, struct ctr_error *err)
{
	int mode;

	if (flags->status_fd == 0)
		return 0;
	mode = fcntl((int)flags->status_fd, F_GETFL);
	if (mode < 0)
		return ctr_fail(err, CTR_FAULT_USAGE, errno, "--status-fd: descriptor %u",
				flags->status_fd);
	if ((mode & O_ACCMODE) == O_RDONLY)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--status-fd: descriptor %u is not open for writing",
				flags->status_fd);
	return 0;
}

int ctr_criu_check(const struct ctr_context *context, const struct ctr_backend *backend,
		   const struct ctr_criu_flags *flags, struct ctr_error *err)
{
	if (!backend)
		return -1;
	if (backend->bits & CTR_BACKEND_MACHINE)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"CRIU dumps processes of this kernel, and not what runs with "
				"--isolation %s",
				backend->name);
	/* With CAP_CHECKPOINT_RESTORE alone it dumps what has no namespaces of its own; tried with
	 * CRIU 4.1.1 and --unprivileged. */
	if (!context->host.privileged || context->host.in_userns)
		return ctr_fail(err, CTR_FAULT_HOST, EPERM,
				"CRIU needs root outside of user namespaces for containers: its "
				"--unprivileged mode has no namespaces");
	if ((flags->lsm == CTR_CRIU_LSM_SELINUX || flags->lsm_mount_context) &&
	    !context->host.selinux)
		return ctr_fail(err, CTR_FAULT_HOST, 0, "%s: SELinux is not enabled on this host",
				flags->lsm_mount_context ? "--lsm-mount-context" : "--lsm-profile");
	if (flags->lsm == CTR_CRIU_LSM_APPARMOR && !context->host.apparmor)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"--lsm-profile: AppArmor is not enabled on this host");
	return check_status_fd(flags, err);
}

/* ---- what is there */

static int check(struct dump *dump, struct ctr_error *err)
{
	const struct ctr_container *container = &dump->container;
	enum ctr_status status = ctr_container_status(container);

	if (status != CTR_STATUS_RUNNING && status != CTR_STATUS_PAUSED)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': container not running: %s", container->id,
				ctr_status_name(status));
	if (container->record.overlay)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s' has a layer over its root file system (--overlay), "
				"which a restore would not have",
				container->id);
	dump->paused = status == CTR_STATUS_PAUSED;
	return ctr_criu_check(dump->context, ctr_machine_backend(container, err), dump->flags, err);
}

/* The id of the mount at @destination, as the container sees it; 0: unknown. */
static unsigned mount_id(int root, const char *destination)
{
	_cleanup_close_ int fd = ctr_open_in_root(root, destination, O_PATH);

	return fd < 0 ? 0 : ctr_mountinfo_id(fd);
}

static int find_mounts(struct dump *dump, struct ctr_error *err)
{
	const struct ctr_spec *spec = dump->spec;
	struct ctr_arena *arena = dump->context->arena;
	struct ctr_external_own notify = { 0 };
	int pid = dump->container.record.pid;
	unsigned *ids = ctr_arena_array(arena, spec->nmounts, sizeof(*ids));
	const char *path = ctr_arena_printf(arena, "/proc/%d/mountinfo", pid);
	_cleanup_close_ int root = -1;
	char *text;

	text = ctr_file_read(arena, AT_FDCWD, path, MOUNTINFO_MAX, NULL, err);
	if (!text)
		return -1;
	path = ctr_arena_printf(arena, "/proc/%d/root", pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", path);

	for (size_t i = 0; i < spec->nmounts; i++)
		ids[i] = mount_id(root, spec->mounts[i].destination);
	if (faccessat(dump->container.dir, "notify", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		notify = (struct ctr_external_own){
			.name = ctr_notify_place,
			.id = mount_id(root, ctr_notify_place),
		};
	ctr_mountinfo_parse(&dump->mounts, text, arena);
	return ctr_external_find(&dump->externals, &dump->mounts, spec, ids, &notify, arena, err);
}

/* Those that its cgroup has, if it has one; else init. */
static int find_processes(struct dump *dump, pid_t **pids, size_t *n, struct ctr_error *err)
{
	struct ctr_container *container = &dump->container;

	*pids = &container->record.pid;
	*n = 1;
	if (!container->cgroup.mount)
		return 0;
	if (ctr_cgroup_open(&container->cgroup, err) < 0)
		return -1;
	return ctr_cgroup_procs(&container->cgroup, dump->context->arena, pids, n, err);
}

static int find_streams(struct dump *dump, struct ctr_error *err)
{
	const struct ctr_container *container = &dump->container;
	pid_t *pids;
	size_t n;

	if (find_processes(dump, &pids, &n, err) < 0)
		return -1;
	return ctr_streams_find(&dump->streams, container->record.pid, &dump->mounts, pids, n,
				dump->context->arena, err);
}

static int find_namespaces(struct dump *dump, struct ctr_error *err)
{
	struct ctr_arena *arena = dump->context->arena;

	for (unsigned i = 0; i < CTR_NS_KINDS; i++) {
		const char *path;
		struct stat st;

		if (!dump->spec->linux_->namespaces[i].path)
			continue;
		path = ctr_arena_printf(arena, "/proc/%d/ns/%s", dump->container.record.pid,
					ctr_ns_file((enum ctr_ns_kind)i));
		if (stat(path, &st) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot look at '%s'", path);
		dump->namespaces[dump->nnamespaces++] = (struct ctr_criu_namespace){
			.kind = (enum ctr_ns_kind)i,
			.inode = st.st_ino,
			.fd = -1,
		};
	}
	return 0;
}

/* ---- the dump */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int describe(const struct dump *dump, struct ctr_error *err)
{
	struct ctr_arena *arena = dump->context->arena;
	const char **descriptors =
		ctr_arena_array(arena, dump->streams.count, sizeof(*descriptors));
	const char **mounts = ctr_arena_array(arena, dump->externals.count, sizeof(*mounts));
	uint32_t *slaves = ctr_arena_array(arena, dump->externals.count, sizeof(*slaves));
	const char **namespaces = ctr_arena_array(arena, dump->nnamespaces, sizeof(*namespaces));
	uint32_t *sizes = ctr_arena_array(arena, dump->streams.count, sizeof(*sizes));
	uint32_t *modes = ctr_arena_array(arena, dump->streams.count, sizeof(*modes));
	uint32_t *of = ctr_arena_array(arena, dump->streams.count, sizeof(*of));
	char created[CTR_CLOCK_TEXT];
	struct ctr_checkpoint checkpoint = {
		.id = dump->container.id,
		.bundle = dump->container.record.bundle,
		.created = ctr_clock_now(created),
		.paused = dump->paused,
		.network = ctr_name_of(ctr_network_names, dump->container.record.network),
		.descriptors = descriptors,
		.ndescriptors = dump->streams.count,
		.of = of,
		.nof = dump->streams.count,
		.sizes = sizes,
		.nsizes = dump->streams.count,
		.modes = modes,
		.nmodes = dump->streams.count,
		.stopped = now_ns(),
		.mounts = mounts,
		.nmounts = dump->externals.count,
		.slaves = slaves,
		.nslaves = dump->externals.count,
		.namespaces = namespaces,
		.nnamespaces = dump->nnamespaces,
	};

	for (size_t i = 0; i < dump->streams.count; i++) {
		descriptors[i] = dump->streams.list[i].name;
		sizes[i] = dump->streams.list[i].size;
		modes[i] = dump->streams.list[i].mode;
		of[i] = dump->streams.list[i].of;
	}
	for (size_t i = 0; i < dump->externals.count; i++) {
		mounts[i] = dump->externals.list[i].name;
		slaves[i] = dump->externals.list[i].slave;
	}
	for (size_t i = 0; i < dump->nnamespaces; i++)
		namespaces[i] = ctr_name_of(ctr_namespace_names, dump->namespaces[i].kind);
	return ctr_images_describe(&dump->image, &checkpoint, arena, err);
}

/* Addresses and the peers of its interfaces are the host's affair. */
static bool has_made_network(const struct dump *dump)
{
	switch (dump->container.record.network) {
	case CTR_NETWORK_CONFIG:
	case CTR_NETWORK_NONE:
	case CTR_NETWORK_HOST:
		return dump->spec->linux_->nnet_devices > 0;
	default:
		return true;
	}
}

/* Memory that comes later (--lazy-pages) cannot be dropped at the restore. */
static int keep_areas(struct dump *dump, struct ctr_error *err)
{
	pid_t *pids;
	size_t n;

	if (find_processes(dump, &pids, &n, err) < 0)
		return -1;
	if (ctr_areas_keep(dump->image.dir, dump->container.record.pid, pids, n,
			   !dump->flags->lazy_pages, err) < 0)
		return ctr_fail_within(err, "--image-path: '%s'", dump->image.path);
	return 0;
}

/* The processes stand still. What is written down before is known to fit on the disk. */
static int on_notify(void *data, enum ctr_criu_point point, pid_t pid, int fd,
		     struct ctr_error *err)
{
	struct dump *dump = data;

	(void)pid;
	ctr_close_ptr(&fd);
	if (point != CTR_CRIU_POST_DUMP)
		return 0;
	if (keep_areas(dump, err) < 0)
		return -1;
	return ctr_streams_measure(&dump->streams) ? describe(dump, err) : 0;
}

static int call_criu(struct dump *dump, struct ctr_error *err)
{
	const struct ctr_cgroup *cgroup = &dump->container.cgroup;
	struct ctr_criu_request request = {
		.flags = dump->flags,
		.images = dump->image.dir,
		.work = dump->image.work,
		.root = dump->container.record.rootfs,
		.mounts = &dump->externals,
		.streams = &dump->streams,
		.namespaces = dump->namespaces,
		.nnamespaces = dump->nnamespaces,
		.made_network = has_made_network(dump),
		.pid = dump->container.record.pid,
		.freezer = cgroup->mount ? ctr_arena_printf(dump->context->arena, "%s%s",
							    cgroup->mount, cgroup->path)
					 : NULL,
	};
	int fds[FDS] = { dump->image.dir, dump->image.work, (int)dump->flags->status_fd };
	struct ctr_criu_list options;
	struct ctr_criu_call call = {
		.request = dump->flags->pre_dump ? "SINGLE_PRE_DUMP" : "DUMP",
		.options = &options,
		.fds = fds,
		.nfds = dump->flags->status_fd > 0 ? FDS : FDS - 1,
		.dir = dump->container.dir,
		.dumps = true,
		.notify = on_notify,
		.data = dump,
	};
	int result = 0, r;

	ctr_criu_list_init(&options, dump->context->arena);
	if (ctr_criu_config(dump->spec, &request.config, err) < 0 ||
	    ctr_criu_dump_options(&options, &request, err) < 0)
		return -1;
	r = ctr_criu_call(&call, &result, dump->context->arena, err);
	/* CRIU may see it first that all of its processes have been killed. */
	if (r < 0 && ctr_state_is_ending(dump->container.dir))
		return ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s' was deleted meanwhile",
				dump->container.id);
	if (r == CTR_CRIU_FAILED)
		return ctr_criu_report(&dump->image, "dump.log", dump->context->arena, err);
	return r < 0 ? -1 : 0;
}

/* CRIU thaws what it has frozen, unless it was killed: then the kernel may still be about to freeze
 * it, and does not call it frozen yet. */
static void let_run(struct dump *dump)
{
	const struct ctr_cgroup *cgroup = &dump->container.cgroup;

	if (!dump->paused && cgroup->fd >= 0)
		(void)ctr_cgroup_freeze(cgroup, false, NULL);
}

/* The inventory is what CRIU writes last: with it, the container can be restored. */
static bool is_complete(const struct dump *dump)
{
	return !dump->flags->pre_dump && faccessat(dump->image.dir, "inventory.img", F_OK, 0) == 0;
}

enum fate { LIVES, ENDS, ENDED };

/* CRIU has ended, so whether it has killed the container is a fact. It does not wait for those that
 * it has killed, and who has much memory, or is in a disk's hands, takes its time. */
static enum fate find_fate(const struct dump *dump)
{
	const struct ctr_container *container = &dump->container;
	_cleanup_close_ int pidfd = ctr_container_pidfd(container);
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	if (pidfd == -ESRCH)
		return ENDED;
	if (!ctr_process_is_ending(container->record.pid, dump->context->arena))
		return LIVES;
	(void)poll(&end, 1, END_WAIT_MS);
	return ctr_container_status(container) == CTR_STATUS_STOPPED ? ENDED : ENDS;
}

/* Killed between the end of the container and its answer, CRIU has dumped all; killed while its
 * code was in a process, it takes that with it. */
static int fail_dump(struct dump *dump, struct ctr_error *err)
{
	const bool complete = is_complete(dump);
	enum fate fate;

	let_run(dump);
	fate = find_fate(dump);
	if (fate == LIVES || !complete)
		ctr_images_remove(&dump->image);
	if (fate == LIVES)
		return -1;
	return ctr_fail_within(err, "the container %s, %s",
			       fate == ENDED ? "has ended" : "is being killed",
			       complete ? "its images are kept" : "there are no images");
}

static int checkpoint(struct dump *dump, struct ctr_error *err)
{
	const struct ctr_criu_flags *flags = dump->flags;
	struct ctr_arena *arena = dump->context->arena;

	if (check(dump, err) < 0)
		return -1;
	dump->spec = ctr_container_spec(&dump->container, dump->context, err);
	if (!dump->spec)
		return -1;

	if (find_mounts(dump, err) < 0 || find_streams(dump, err) < 0 ||
	    find_namespaces(dump, err) < 0 ||
	    ctr_images_make(&dump->image, flags->image_path ? flags->image_path : "checkpoint",
			    flags->work_path, arena, err) < 0)
		return -1;

	if ((flags->parent_path &&
	     ctr_images_check_parent(&dump->image, flags->parent_path, arena, err) < 0) ||
	    describe(dump, err) < 0 || call_criu(dump, err) < 0)
		return fail_dump(dump, err);
	return 0;
}

int ctr_checkpoint(const struct ctr_context *context, const char *id,
		   const struct ctr_criu_flags *flags, struct ctr_error *err)
{
	struct dump dump = {
		.context = context,
		.flags = flags,
		.image = CTR_IMAGES_INIT,
	};
	sigset_t signals;
	int r;

	r = ctr_container_open(&dump.container, context, id, CTR_LOCK_WAIT, err);
	ctr_prepare_block_signals(&signals);
	if (r == 0)
		r = checkpoint(&dump, err);
	if (r == 0 && !flags->leave_running && !flags->pre_dump)
		r = ctr_container_destroy(&dump.container, context, err);
	ctr_streams_release(&dump.streams);
	ctr_images_release(&dump.image);
	ctr_container_release(&dump.container);
	ctr_prepare_restore_signals(&signals);
	return r;
}
