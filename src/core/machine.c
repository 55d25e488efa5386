/* The backend of a container: chosen, asked, started. */
#include "core/machine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/path.h"
#include "core/container.h"
#include "core/context.h"
#include "core/launch.h"
#include "core/network.h"
#include "core/network_files.h"

/* Of what is made once for many machines: it can be made again at any time. */
static const char *cache_directory(const struct ctr_context *context)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (xdg && xdg[0] == '/')
		return ctr_path_join(context->arena, xdg, "ctr");
	if (!context->host.rootless)
		return "/var/cache/ctr";
	return ctr_path_join(context->arena, home && home[0] == '/' ? home : "/tmp", ".cache/ctr");
}

static int set_up(struct ctr_machine *out, const struct ctr_backend *backend,
		  const struct ctr_context *context, const struct ctr_spec *spec, const char *id,
		  const char *kernel, bool exists, struct ctr_error *err)
{
	*out = (struct ctr_machine){
		.backend = backend,
		.exists = exists,
		.arena = context->arena,
		.id = id,
		.cache = cache_directory(context),
		.kernel = kernel,
		.dir = backend->bits & CTR_BACKEND_MACHINE ? ctr_network_key(id, context) : NULL,
		.files = ctr_network_file_names,
		.spec = spec,
		.host_spec = spec,
		.host = &context->host,
	};
	return backend->translate ? backend->translate(out, err) : 0;
}

int ctr_machine_init(struct ctr_machine *out, const struct ctr_context *context,
		     const struct ctr_spec *spec, const char *id,
		     const struct ctr_machine_choice *choice, struct ctr_error *err)
{
	const struct ctr_backend *backend =
		ctr_backend_choose(spec, choice->isolation, context->name, err);

	if (!backend)
		return -1;
	if (choice->kernel && !(backend->bits & CTR_BACKEND_MACHINE))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--kernel: --isolation %s has no kernel of its own", backend->name);
	if (choice->host_network && (backend->bits & CTR_BACKEND_MACHINE))
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--net host: --isolation %s cannot share the host's network",
				backend->name);
	if (set_up(out, backend, context, spec, id, choice->kernel, false, err) < 0)
		return -1;
	return backend->probe ? backend->probe(out, err) : 0;
}

const struct ctr_backend *ctr_machine_backend(const struct ctr_container *container,
					      struct ctr_error *err)
{
	const struct ctr_backend *backend = ctr_backend_find(container->record.isolation);

	if (!backend)
		ctr_fail(err, CTR_FAULT_STATE, 0, "container '%s': unknown isolation '%s'",
			 container->id, container->record.isolation);
	return backend;
}

int ctr_machine_can_answer(const struct ctr_container *container, struct ctr_error *err)
{
	if (ctr_container_status(container) != CTR_STATUS_PAUSED)
		return 0;
	return ctr_fail(err, CTR_FAULT_STATE, 0,
			"container '%s': cannot ask the guest of a paused container",
			container->id);
}

int ctr_machine_open(struct ctr_machine *out, const struct ctr_context *context,
		     const struct ctr_spec *spec, const struct ctr_container *container,
		     struct ctr_error *err)
{
	const struct ctr_backend *backend = ctr_machine_backend(container, err);

	if (!backend)
		return -1;
	return set_up(out, backend, context, spec, container->id, NULL, true, err);
}

/* What the process that stands for a machine, or for a process in one, is to do. */
struct job {
	struct ctr_machine *machine;
	const struct ctr_process *exec; /* NULL: the machine itself */
	struct ctr_machine_fds fds;
};

static int run_job(const struct job *job, const struct ctr_launch *launch)
{
	const struct ctr_backend *backend = job->machine->backend;

	(void)prctl(PR_SET_NAME, "ctr-vmm");
	(void)setsid();
	close(launch->sync);
	return job->exec ? backend->exec(job->machine, launch->plan, job->exec, &job->fds)
			 : backend->spawn(job->machine, launch->plan, &job->fds);
}

/* A fork, no clone of shared memory: what waits for a virtual machine is ctr itself. */
static int start(const struct job *job, struct ctr_launch *launch, const struct ctr_cgroup *cgroup,
		 struct ctr_error *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot fork");
	if (pid == 0) {
		/* The first of its cgroup, so that all that it starts is in there. */
		if (cgroup->mount && cgroup->fd >= 0 && ctr_cgroup_enter(cgroup, getpid(), err) < 0)
			_exit(125);
		_exit(run_job(job, launch));
	}

	launch->pid = pid;
	launch->pidfd = ctr_pidfd_open(pid);
	if (launch->pidfd < 0)
		launch->pidfd = -1;
	launch->state = CTR_SYNC_BUILDING;
	launch->slow = true;
	return 0;
}

int ctr_machine_start(struct ctr_machine *machine, struct ctr_launch *launch,
		      const struct ctr_cgroup *cgroup, int child_sync, int gate, int dir,
		      struct ctr_error *err)
{
	const struct job job = {
		.machine = machine,
		.fds = {.sync = child_sync, .gate = gate, .dir = dir},
	};

	if (!machine->backend->spawn)
		return ctr_launch_start(launch, cgroup, child_sync, gate, NULL, 0, err);
	if (machine->backend->prepare && machine->backend->prepare(machine, err) < 0)
		return -1;
	return start(&job, launch, cgroup, err);
}

int ctr_machine_exec(struct ctr_machine *machine, struct ctr_launch *launch,
		     const struct ctr_cgroup *cgroup, const struct ctr_process *process,
		     int child_sync, int dir, struct ctr_error *err)
{
	const struct job job = {
		.machine = machine,
		.exec = process,
		.fds = {.sync = child_sync, .gate = -1, .dir = dir},
	};

	return start(&job, launch, cgroup, err);
}
