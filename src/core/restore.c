/*
 * A container out of a checkpoint: the place of every container (state directory, cgroup, limits,
 * device filter), and CRIU to make the processes in it instead of a plan. CRIU works in a mount
 * namespace of its own, in which the root file system is a mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "core/checkpoint.h"
#include "core/context.h"
#include "core/create.h"
#include "core/creation.h"
#include "core/notify.h"
#include "core/orphan.h"
#include "core/prepare.h"
#include "core/restore_cgroup.h"
#include "core/restore_mounts.h"
#include "core/restore_namespaces.h"
#include "core/restore_settings.h"
#include "core/security.h"
#include "criu/call.h"
#include "criu/external.h"
#include "criu/images.h"
#include "criu/pages.h"
#include "criu/report.h"
#include "criu/streams.h"
#include "ns/idmap.h"
#include "oci/checkpoint.h"
#include "oci/words.h"
#include "sec/lsm.h"

struct restoration {
	struct ctr_creation *creation;
	struct ctr_images image;
	struct ctr_checkpoint *checkpoint; /* NULL: of another runtime */
	struct ctr_externals externals;
	const char *cover;
	int *trees; /* of ->externals */
	struct ctr_streams streams;
	struct ctr_criu_namespace namespaces[CTR_NS_KINDS];
	size_t nnamespaces;
	struct ctr_restore_cgroup cgroup;
	int spare[16]; /* masters of terminals that nobody asked for */
	size_t nspare;
	bool has_terminal;
	bool notifies; /* a socket for a service manager is due */
};

/* ---- what the images need */

/* CRIU opens files again as root of the user namespace: they must be of its user, as those that a
 * container is created with are. */
static int give_files(const struct restoration *restoration, struct ctr_error *err)
{
	const struct ctr_spec *spec = restoration->creation->spec;
	const struct ctr_linux *config = spec->linux_;
	const struct ctr_user *user = &spec->process->user;
	int64_t uid = ctr_idmap_to_host(config->uid_mappings, config->nuid_mappings, user->uid);
	int64_t gid = ctr_idmap_to_host(config->gid_mappings, config->ngid_mappings, user->gid);

	for (size_t i = 0; i < restoration->streams.count; i++) {
		int fd = restoration->streams.list[i].fd;
		struct stat st;

		if (uid < 0 || gid < 0 || fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (fchown(fd, (uid_t)uid, (gid_t)gid) < 0)
			return ctr_fail(err, CTR_FAULT_HOST, errno,
					"cannot give standard stream %zu to the container's user",
					i);
	}
	return 0;
}

/* A directory that CRIU, as root of a user namespace, can go to and needs nothing of. NULL: none.
 */
static const char *public_cover(const struct restoration *restoration)
{
	static const char *const candidates[] = { "/mnt", "/media", "/srv", "/opt" };
	const char *root = restoration->creation->spec->root->path;
	char real[PATH_MAX];

	/* CRIU goes there by its path, which a link may be in. */
	if (!realpath(root, real))
		return NULL;
	for (size_t i = 0; i < CTR_ARRAY_SIZE(candidates); i++) {
		struct stat st;

		if (!ctr_path_is_below(root, candidates[i]) &&
		    !ctr_path_is_below(real, candidates[i]) && lstat(candidates[i], &st) == 0 &&
		    S_ISDIR(st.st_mode) && st.st_mode & S_IXOTH)
			return candidates[i];
	}
	return NULL;
}

/* The mounts are attached over the state directory, which nobody but root can search. */
static int open_mounts(struct restoration *restoration, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;
	struct ctr_arena *arena = creation->context->arena;

	restoration->cover = creation->spec->linux_->namespaces[CTR_NS_USER].listed
				     ? public_cover(restoration)
				     : ctr_arena_printf(arena, "%s/%s", creation->context->root,
							creation->options->id);
	if (!restoration->cover)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"there is no directory to attach mounts for CRIU in (/mnt)");
	restoration->trees = ctr_arena_array(arena, restoration->externals.count + 1,
					     sizeof(*restoration->trees));
	return ctr_restore_mounts_open(&restoration->externals, creation->container.cgroup.fd,
				       restoration->cover, restoration->trees, arena, err);
}

/* CRIU finds out when the processes are there, and may then wait for them without end (4.1.1). */
static int check_profile(const struct ctr_creation *creation, struct ctr_error *err)
{
	const struct ctr_criu_flags *flags = creation->options->restore;
	const char *flag = flags->lsm_profile;
	const char *name = flag ? NULL : creation->spec->process->apparmor_profile;

	if (flag && flags->lsm == CTR_CRIU_LSM_APPARMOR)
		name = strchr(flag, ':') + 1;
	if (!name || *name == '\0' || strcmp(name, "unconfined") == 0 ||
	    ctr_lsm_apparmor_is_loaded(name, creation->context->arena))
		return 0;
	return ctr_fail(err, CTR_FAULT_HOST, 0, "%s: AppArmor's profile '%s' is not loaded",
			flag ? "--lsm-profile" : "process.apparmorProfile", name);
}

/* Had it a socket for its service manager? What the configuration has there is no socket of ours.
 */
static bool had_manager(const struct ctr_spec *spec, const struct ctr_checkpoint *checkpoint)
{
	for (size_t i = 0; i < spec->nmounts; i++)
		if (strcmp(spec->mounts[i].destination, ctr_notify_place) == 0)
			return false;
	for (size_t i = 0; checkpoint && i < checkpoint->nmounts; i++)
		if (strcmp(checkpoint->mounts[i], ctr_notify_place) == 0)
			return true;

	return false;
}

static int prepare(struct restoration *restoration, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;
	const struct ctr_criu_flags *flags = creation->options->restore;
	struct ctr_arena *arena = creation->context->arena;
	const struct ctr_checkpoint *checkpoint;
	uint32_t preserved = 0, listening = 0;
	const char *names = NULL;
	struct ctr_external_own own = {
		.source = ctr_arena_printf(arena, "%s/%s/notify", creation->context->root,
					   creation->options->id),
	};

	if (ctr_criu_check(creation->context, creation->machine.backend, flags, err) < 0 ||
	    check_profile(creation, err) < 0 ||
	    ctr_prepare_fds(creation->options->preserve_fds, &preserved, &listening, &names, err) <
		    0)
		return -1;
	if (ctr_images_open(&restoration->image,
			    flags->image_path ? flags->image_path : "checkpoint", flags->work_path,
			    arena, err) < 0 ||
	    ctr_images_read(&restoration->image, &restoration->checkpoint, arena, err) < 0)
		return -1;
	if (ctr_images_check_files(restoration->image.dir, restoration->image.path,
				   !flags->lazy_pages, err) < 0)
		return ctr_fail_within(err, "--image-path");

	if (creation->spec->linux_->namespaces[CTR_NS_USER].listed &&
	    ctr_images_share(&restoration->image, err) < 0)
		return -1;

	checkpoint = restoration->checkpoint;
	own.name = had_manager(creation->spec, checkpoint) ? ctr_notify_place : NULL;
	restoration->notifies = own.name != NULL;
	if (ctr_network_check(&creation->network, checkpoint ? checkpoint->network : NULL, err) < 0)
		return -1;
	if (ctr_external_resolve(&restoration->externals, checkpoint, creation->spec, &own, arena,
				 err) < 0 ||
	    ctr_streams_resolve(&restoration->streams, checkpoint, preserved, err) < 0)
		return -1;
	if (give_files(restoration, err) < 0)
		return -1;
	return ctr_restore_namespaces_open(restoration->creation->spec, checkpoint,
					   restoration->namespaces, &restoration->nnamespaces, err);
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
	ctr_restore_cgroup_release(&restoration->cgroup);

	if (ctr_restore_namespaces_check(creation->spec, pid, creation->context->arena, err) < 0 ||
	    ctr_restore_readonly(creation->spec, pid, creation->context->arena, err) < 0 ||
	    ctr_restore_sysctl(creation, pid, err) < 0)
		return -1;
	creation->container.record.has_timens = has_own_time(pid, creation->context->arena);
	if (ctr_restore_processes(creation, err) < 0 ||
	    (creation->options->fresh && ctr_restore_hostname(creation, pid, err) < 0) ||
	    ctr_creation_keep(creation, err) < 0)
		return -1;
	return ctr_creation_finish(creation, err);
}

/* The container's own terminal is the first of its devpts. Others are of processes that exec had
 * given one: nobody is behind them, and they are hung up when all is restored. */
static int take_terminal(struct restoration *restoration, int fd, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;
	unsigned number = 0;

	if (ioctl(fd, TIOCGPTN, &number) < 0)
		number = UINT32_MAX;
	if (creation->spec->process->terminal && number == 0 && !restoration->has_terminal) {
		restoration->has_terminal = true;
		return ctr_handover_console(&creation->handover, fd, err);
	}

	ctr_log(CTR_LOG_WARNING, "terminal %u of the checkpoint has nobody at its other end",
		number);
	if (restoration->nspare < CTR_ARRAY_SIZE(restoration->spare)) {
		restoration->spare[restoration->nspare++] = fd;
		return 0;
	}
	close(fd);
	return ctr_fail(err, CTR_FAULT_HOST, 0, "the checkpoint has more than %zu terminals",
			CTR_ARRAY_SIZE(restoration->spare));
}

static int on_notify(void *data, enum ctr_criu_point point, pid_t pid, int fd,
		     struct ctr_error *err)
{
	struct restoration *restoration = data;
	int r = 0;

	if (point == CTR_CRIU_ORPHAN_PTS_MASTER && fd >= 0)
		return take_terminal(restoration, fd, err);

	if (point == CTR_CRIU_START)
		r = ctr_orphan_claim(restoration->creation->container.dir, fd, err);
	ctr_close_ptr(&fd);
	switch (point) {
	case CTR_CRIU_SETUP_NAMESPACES:
		return ctr_restore_cgroup_enter(restoration->creation, pid, err) < 0 ||
				       ctr_restore_loopback(restoration->creation, pid, err) < 0
			       ? -1
			       : ctr_creation_hooks(restoration->creation, pid, err);
	case CTR_CRIU_POST_RESTORE:
		return on_restored(restoration, pid, err);
	default:
		return r;
	}
}

enum { FDS = 5 + CTR_STREAMS_MAX + CTR_NS_KINDS };

static size_t collect_fds(const struct restoration *restoration, int fds[static FDS])
{
	const struct ctr_criu_flags *flags = restoration->creation->options->restore;
	size_t n = 0;

	fds[n++] = restoration->image.dir;
	fds[n++] = restoration->image.work;
	if (flags->status_fd > 0)
		fds[n++] = (int)flags->status_fd;
	if (restoration->cgroup.leash > 0)
		fds[n++] = restoration->cgroup.leash;
	for (size_t i = 0; i < restoration->streams.count; i++)
		if (restoration->streams.list[i].fd > STDERR_FILENO)
			fds[n++] = restoration->streams.list[i].fd;
	for (size_t i = 0; i < restoration->nnamespaces; i++)
		fds[n++] = restoration->namespaces[i].fd;
	return n;
}

/* What the host calls the container's root; where that is not mapped, its own root. */
static void find_root(const struct ctr_linux *config, uid_t *uid, gid_t *gid)
{
	int64_t user = ctr_idmap_to_host(config->uid_mappings, config->nuid_mappings, 0);
	int64_t group = ctr_idmap_to_host(config->gid_mappings, config->ngid_mappings, 0);

	*uid = user > 0 ? (uid_t)user : 0;
	*gid = group > 0 ? (gid_t)group : 0;
}

static int call_criu(struct restoration *restoration, struct ctr_error *err)
{
	const struct ctr_creation *creation = restoration->creation;
	struct ctr_criu_request request = {
		.flags = creation->options->restore,
		.images = restoration->image.dir,
		.work = restoration->image.work,
		.root = creation->spec->root->path,
		.mounts = &restoration->externals,
		.streams = &restoration->streams,
		.namespaces = restoration->namespaces,
		.nnamespaces = restoration->nnamespaces,
		.made_network = ctr_network_is_due(&creation->network, creation->spec),
		.cgroup = creation->container.cgroup.path,
	};
	struct ctr_arena *arena = creation->context->arena;
	struct ctr_criu_list options;
	int fds[FDS], pid = 0;
	struct ctr_criu_call call = {
		.request = "RESTORE",
		.keyring = creation->options->no_new_keyring
				   ? NULL
				   : ctr_arena_printf(arena, "_ses.%s", creation->options->id),
		.personality = creation->spec->linux_->personality,
		.memory_policy = creation->spec->linux_->memory_policy,
		.options = &options,
		.root = request.root,
		.fds = fds,
		.nfds = collect_fds(restoration, fds),
		.cover = restoration->cover,
		.trees = restoration->trees,
		.ntrees = restoration->externals.count,
		.cgroupns = restoration->cgroup.namespace,
		.dir = creation->container.dir,
		.notify = on_notify,
		.data = restoration,
	};
	int r;

	find_root(creation->spec->linux_, &call.keyring_uid, &call.keyring_gid);
	ctr_criu_list_init(&options, arena);
	if (ctr_criu_config(creation->spec, &request.config, err) < 0 ||
	    ctr_criu_restore_options(&options, &request, err) < 0)
		return -1;

	r = ctr_criu_call(&call, &pid, arena, err);
	if (r == CTR_CRIU_REFUSED)
		return -1;
	if (r < 0)
		return ctr_criu_report(&restoration->image, "restore.log", arena, err);
	if (creation->launch.pid != pid)
		return ctr_fail(err, CTR_FAULT_HOST, 0,
				"CRIU has restored process %d and spoken of %d", pid,
				creation->launch.pid);
	return 0;
}

/* By the clocks of both hosts, if there are two. */
static void tell_stand_still(const struct restoration *restoration)
{
	const struct ctr_checkpoint *checkpoint = restoration->checkpoint;
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (checkpoint && checkpoint->stopped > 0 && checkpoint->stopped < ns)
		ctr_log(CTR_LOG_INFO, "container '%s' stood still for %llu ms",
			restoration->creation->options->id,
			(unsigned long long)(ns - checkpoint->stopped) / 1000000);
}

/* Engines pause a container for its checkpoint, and expect one that runs. */
static int leave_paused(const struct restoration *restoration, struct ctr_error *err)
{
	const struct ctr_creation *creation = restoration->creation;
	const struct ctr_cgroup *cgroup = &creation->container.cgroup;

	if (creation->options->restore->paused)
		return cgroup->fd >= 0 ? ctr_cgroup_freeze(cgroup, true, err)
				       : ctr_fail(err, CTR_FAULT_USAGE, 0,
						  "--paused: the container has no cgroup");
	if (restoration->checkpoint && restoration->checkpoint->paused)
		ctr_log(CTR_LOG_INFO, "container '%s' was paused and runs now (--paused)",
			creation->options->id);
	return 0;
}

static int restore(struct restoration *restoration, struct ctr_error *err)
{
	struct ctr_creation *creation = restoration->creation;
	struct ctr_cgroup *cgroup = &creation->container.cgroup;

	if (prepare(restoration, err) < 0 || ctr_creation_place(creation, err) < 0 ||
	    ctr_restore_mount_points(creation->spec, err) < 0 ||
	    (restoration->notifies && ctr_creation_notify(creation, err) < 0) ||
	    ctr_restore_cgroup_hold(&restoration->cgroup, creation, err) < 0 ||
	    open_mounts(restoration, err) < 0 ||
	    ctr_security_devices(cgroup, creation->spec, creation->context, err) < 0 ||
	    ctr_restore_cgroup_namespace(&restoration->cgroup, creation, err) < 0 ||
	    call_criu(restoration, err) < 0)
		return -1;

	ctr_orphan_forget(creation->container.dir);
	tell_stand_still(restoration);
	return leave_paused(restoration, err);
}

const char *ctr_checkpoint_bundle(const struct ctr_context *context, const char *images,
				  struct ctr_error *err)
{
	struct ctr_images image = CTR_IMAGES_INIT;
	struct ctr_checkpoint *checkpoint = NULL;
	int r = ctr_images_look(&image, images, err);

	if (r < 0)
		(void)ctr_fail_within(err, "--from");
	if (r == 0)
		r = ctr_images_read(&image, &checkpoint, context->arena, err);
	if (r == 0 && !checkpoint)
		r = ctr_fail(err, CTR_FAULT_USAGE, 0,
			     "'%s' does not tell of which bundle it is: --bundle is needed",
			     images);
	ctr_images_release(&image);
	return r == 0 ? checkpoint->bundle : NULL;
}

int ctr_creation_restore(struct ctr_creation *creation, struct ctr_error *err)
{
	struct restoration restoration = {
		.creation = creation,
		.image = CTR_IMAGES_INIT,
	};
	int r = restore(&restoration, err);

	ctr_restore_cgroup_release(&restoration.cgroup);
	for (size_t i = 0; i < restoration.nnamespaces; i++)
		ctr_close_ptr(&restoration.namespaces[i].fd);
	for (size_t i = 0; i < restoration.nspare; i++)
		ctr_close_ptr(&restoration.spare[i]);
	for (size_t i = 0; restoration.trees && i < restoration.externals.count; i++)
		ctr_close_ptr(&restoration.trees[i]);
	ctr_streams_release(&restoration.streams);
	if (r == 0 && creation->options->fresh)
		ctr_images_forget_work(&restoration.image);
	ctr_images_release(&restoration.image);
	return r;
}
