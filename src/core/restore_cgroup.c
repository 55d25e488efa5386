/* The cgroup of a container out of a checkpoint. */
#include "core/restore_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/errand.h"
#include "base/error.h"
#include "base/fd.h"
#include "core/context.h"
#include "core/create.h"
#include "core/creation.h"
#include "core/place.h"
#include "criu/options.h"

static _Noreturn void hold_place(int leash)
{
	char byte;

	/* Locks among them, which are not to outlive ctr. */
	ctr_fd_close_others(&leash, 1);
	while (read(leash, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

/* CRIU has the leash, too: when ctr is killed the scope must not end before CRIU does, which would
 * make a cgroup of that name that nobody removes. Where all of them are killed at once, the cgroup
 * is what `delete --force` knows the restored processes by, so the record tells of it. */
int ctr_restore_cgroup_hold(struct ctr_restore_cgroup *cgroup, struct ctr_creation *creation,
			    struct ctr_error *err)
{
	struct ctr_record *record = &creation->container.record;
	struct ctr_cgroup *its = &creation->container.cgroup;
	_cleanup_close_ int end = -1;
	int ends[2];

	if (!its->unit)
		return 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a pipe");
	end = ends[0];
	cgroup->leash = ends[1];
	cgroup->placeholder = fork();
	if (cgroup->placeholder < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot fork");
	if (cgroup->placeholder == 0)
		hold_place(end);

	if (ctr_place_start(&creation->container, creation->spec, &creation->limits,
			    cgroup->placeholder, creation->context, err) < 0)
		return -1;
	ctr_place_to_record(its, record);
	return ctr_record_write(record, creation->container.dir, creation->context->arena, err);
}

/* ---- --manage-cgroups-mode ignore */

static bool is_ignored(const struct ctr_creation *creation)
{
	return creation->container.cgroup.fd >= 0 &&
	       creation->options->restore->cgroups == CTR_CRIU_CGROUPS_IGNORE;
}

/* Who makes a cgroup namespace is in the cgroup that becomes its root: a process of its own, so
 * that the container's limits are no affair of CRIU's. */
static int make_namespace(void *data, int *fd, struct ctr_error *err)
{
	const struct ctr_cgroup *cgroup = data;

	if (ctr_cgroup_enter(cgroup, getpid(), err) < 0)
		return -1;
	if (unshare(CLONE_NEWCGROUP) == 0)
		*fd = open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				"cannot make a cgroup namespace for CRIU");
	return 0;
}

int ctr_restore_cgroup_namespace(struct ctr_restore_cgroup *cgroup, struct ctr_creation *creation,
				 struct ctr_error *err)
{
	const struct ctr_namespace *namespace = &creation->spec->linux_->namespaces[CTR_NS_CGROUP];
	int fd;

	if (!is_ignored(creation) || !namespace->listed || namespace->path)
		return 0;
	if (ctr_errand_run(make_namespace, &creation->container.cgroup,
			   "what makes a cgroup namespace for CRIU", &fd, err) < 0)
		return -1;

	cgroup->namespace = fd;
	return 0;
}

int ctr_restore_cgroup_enter(const struct ctr_creation *creation, pid_t pid, struct ctr_error *err)
{
	return is_ignored(creation) ? ctr_cgroup_enter(&creation->container.cgroup, pid, err) : 0;
}

void ctr_restore_cgroup_release(struct ctr_restore_cgroup *cgroup)
{
	if (cgroup->namespace > 0)
		close(cgroup->namespace);
	if (cgroup->leash > 0)
		close(cgroup->leash);
	cgroup->namespace = cgroup->leash = 0;
	if (cgroup->placeholder <= 0)
		return;
	(void)kill(cgroup->placeholder, SIGKILL);
	(void)waitpid(cgroup->placeholder, NULL, 0);
	cgroup->placeholder = 0;
}
