/*
 * ctr delete: end what lives, remove the cgroup, the state directory, and tell the poststop hooks.
 * With --force it takes any container, also one whose making was interrupted by kill -9.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "core/container.h"
#include "core/context.h"
#include "core/network.h"
#include "core/orphan.h"
#include "core/place.h"
#include "core/verbs.h"
#include "hook/hook.h"

enum { DEATH_WAIT_MS = 10000, LOCK_WAIT_MS = 10000, HURRY_MS = 1000 };

static void sleep_ms(int ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&pause, NULL);
}

/* Wait until init ended: by pidfd, or by looking where there is none. */
static int wait_for_death(const struct ctr_container *container, int pidfd, struct ctr_error *err)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0) {
		if (poll(&fd, 1, DEATH_WAIT_MS) > 0)
			return 0;
	} else {
		for (int waited = 0; waited < DEATH_WAIT_MS; waited += 10) {
			if (!ctr_container_is_alive(container))
				return 0;
			sleep_ms(10);
		}
	}

	return ctr_fail(err, CTR_FAULT_HOST, 0, "container '%s': container init still running",
			container->id);
}

int ctr_container_end(struct ctr_container *container, struct ctr_error *err)
{
	_cleanup_close_ int pidfd = ctr_container_pidfd(container);
	struct ctr_error ignored;

	if (container->cgroup.mount && ctr_cgroup_open(&container->cgroup, &ignored) == 0) {
		(void)ctr_cgroup_kill(&container->cgroup, SIGKILL, &ignored);
		(void)ctr_cgroup_freeze(&container->cgroup, false, &ignored);
	}
	if (container->record.pid == 0)
		return ctr_orphan_end(container->dir, err);
	if (pidfd == -ESRCH)
		return 0;

	(void)ctr_container_signal(container, SIGKILL);
	return wait_for_death(container, pidfd, err);
}

static int check_status(const struct ctr_container *container, bool force, struct ctr_error *err)
{
	enum ctr_status status = ctr_container_status(container);

	if (force || status == CTR_STATUS_STOPPED || status == CTR_STATUS_CREATED)
		return 0;

	return ctr_fail(err, CTR_FAULT_STATE, 0,
			"cannot delete container %s that is not stopped: %s", container->id,
			ctr_status_name(status));
}

static void run_poststop(const struct ctr_container *container, const struct ctr_spec *spec,
			 const struct ctr_context *context)
{
	const char *state = ctr_container_hook_state(container, "stopped", 0, context);
	struct ctr_error err;

	/* runtime.md#lifecycle step 13: failures are logged, and the rest goes on. */
	if (ctr_hooks_run(&spec->hooks[CTR_HOOK_POSTSTOP], CTR_HOOK_POSTSTOP, state, NULL, -1,
			  &err) < 0)
		ctr_log(CTR_LOG_WARNING, "%s", err.text);
}

int ctr_container_destroy(struct ctr_container *container, const struct ctr_context *context,
			  struct ctr_error *err)
{
	const struct ctr_spec *spec = NULL;
	struct ctr_error warning;

	if (ctr_container_end(container, err) < 0)
		return -1;

	if (container->record.hooks & 1U << CTR_HOOK_POSTSTOP) {
		spec = ctr_container_spec(container, context, &warning);
		if (!spec)
			ctr_log(CTR_LOG_WARNING, "poststop hooks are not run: %s", warning.text);
	}

	if (ctr_container_remove(container, context, err) < 0)
		return -1;
	if (spec)
		run_poststop(container, spec, context);
	return 0;
}

/* Another ctr has the lock, and may wait for what never comes: for a hook, or for a process that
 * can be ended. */
static void hurry(struct ctr_container *container)
{
	struct ctr_error ignored;

	ctr_state_end(container->dir);
	(void)ctr_container_end(container, &ignored);
}

/* A ctr that is at work on it holds the lock; one that was killed does not. */
static int open_locked(struct ctr_container *container, const struct ctr_context *context,
		       const char *id, bool force, struct ctr_error *err)
{
	for (int waited = 0;; waited += 10) {
		if (ctr_container_open(container, context, id, CTR_LOCK_TRY, err) < 0)
			return -1;
		if (container->locked)
			return 0;

		if (force && waited % HURRY_MS == 0)
			hurry(container);
		if (waited >= LOCK_WAIT_MS)
			return ctr_fail(err, CTR_FAULT_STATE, EBUSY,
					"container '%s' is in use by another ctr", id);
		ctr_container_release(container);
		sleep_ms(10);
	}
}

/*
 * Where the record tells nothing, the copy of the configuration still says where the cgroup is, and
 * that holds its processes. A unit of systemd cannot be found so, nor a container without a cgroup
 * once it was created.
 */
static int remove_damaged(struct ctr_container *container, const struct ctr_context *context,
			  struct ctr_error *err)
{
	struct ctr_cgroup *cgroup = &container->cgroup;
	struct ctr_record claim = { 0 };
	struct ctr_error ignored;
	const struct ctr_spec *spec;
	struct ctr_host host; /* delete needs nothing of it otherwise */

	ctr_log(CTR_LOG_WARNING, "%s: what can be found without it is removed", err->text);
	container->record = (struct ctr_record){ .id = container->id, .bundle = "/" };
	/* Another container may have made one at the same path. */
	ctr_place_read_claim(&claim, container->dir);
	spec = ctr_container_spec(container, context, &ignored);
	ctr_host_probe(&host, context->arena);
	if (spec &&
	    ctr_cgroup_place(cgroup, context->arena, &host, CTR_MANAGER_CGROUPFS,
			     spec->linux_->cgroups_path, container->id, &ignored) == 0 &&
	    cgroup->mount && ctr_cgroup_adopt(cgroup, &ignored) == 0 &&
	    cgroup->inode == claim.cgroup_inode) {
		(void)ctr_cgroup_kill(cgroup, SIGKILL, &ignored);
		if (ctr_cgroup_remove(cgroup, err) < 0)
			return -1;
	}

	if (ctr_orphan_end(container->dir, err) < 0 ||
	    ctr_network_remove(CTR_NETWORK_UNKNOWN, container->id, container->dir, context, err) <
		    0)
		return -1;
	return ctr_state_remove(container->root, container->id, err);
}

/* Its record comes before the configuration and goes after it. */
static int check_record(const struct ctr_container *container, struct ctr_error *err)
{
	if (container->record.created[0] == '\0' &&
	    faccessat(container->dir, "config.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s': state record is missing",
				container->id);
	return 0;
}

int ctr_delete(const struct ctr_context *context, const char *id, bool force, struct ctr_error *err)
{
	struct ctr_container container;
	struct ctr_error local;
	int r;

	r = open_locked(&container, context, id, force, &local);
	if (r == 0)
		r = check_status(&container, force, &local);
	if (r == 0)
		r = check_record(&container, &local);
	if (r == 0)
		r = ctr_container_destroy(&container, context, &local);
	else if (force && local.fault == CTR_FAULT_NOT_FOUND)
		r = 0;
	else if (force && local.fault == CTR_FAULT_STATE && container.locked)
		r = remove_damaged(&container, context, &local);
	ctr_container_release(&container);

	if (r < 0)
		*err = local;
	return r;
}
