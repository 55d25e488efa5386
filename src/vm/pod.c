/* What a machine takes over of its pod's namespaces. */
#include "vm/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "vm/backend.h"

/* Every network namespace has such names of its own, and they go with their descriptor. */
#define CLAIM "ctr-machine-of-a-pod"

#define SYS "/proc/sys/"

/* What a namespace ipc has: linux.sysctl of a pod may have changed it. */
static const char *const parameters[] = {
	SYS "kernel/msgmax",
	SYS "kernel/msgmnb",
	SYS "kernel/msgmni",
	SYS "kernel/sem",
	SYS "kernel/shmall",
	SYS "kernel/shmmax",
	SYS "kernel/shmmni",
	SYS "kernel/shm_rmid_forced",
	SYS "fs/mqueue/msg_default",
	SYS "fs/mqueue/msg_max",
	SYS "fs/mqueue/msgsize_default",
	SYS "fs/mqueue/msgsize_max",
	SYS "fs/mqueue/queues_max",
};

enum { PARAMETERS = CTR_ARRAY_SIZE(parameters), TEXT_MAX = 128 };

/* What is read in the namespaces. */
struct found {
	struct utsname names;
	char parameters[PARAMETERS][TEXT_MAX]; /* "": there is none */
};

enum ctr_pod_part ctr_pod_part(const struct ctr_spec *spec)
{
	static const char *const keys[] = { "io.kubernetes.cri.container-type",
					    "io.kubernetes.cri-o.ContainerType" };
	enum ctr_pod_part part = CTR_POD_NONE;

	/* Podman passes on what an image says of itself, and has no sandboxes. Of its own it tells
	 * whose pod a container is in, and of an infra container nothing. */
	if (ctr_spec_annotation(spec, "io.container.manager"))
		return ctr_spec_annotation(spec, "io.kubernetes.cri-o.SandboxID")
			       ? CTR_POD_CONTAINER
			       : CTR_POD_NONE;

	/* An engine passes on what a pod's author says, in the words of another engine as well. */
	for (size_t i = 0; i < CTR_ARRAY_SIZE(keys); i++) {
		const char *type = ctr_spec_annotation(spec, keys[i]);

		if (type && strcmp(type, "container") == 0)
			return CTR_POD_CONTAINER;
		if (type && strcmp(type, "sandbox") == 0)
			part = CTR_POD_SANDBOX;
	}
	return part;
}

bool ctr_pod_joins(const struct ctr_spec *spec)
{
	return spec->linux_->namespaces[CTR_NS_NETWORK].path &&
	       ctr_pod_part(spec) == CTR_POD_CONTAINER;
}

static void read_ipc(struct found *found)
{
	for (size_t i = 0; i < PARAMETERS; i++)
		if (ctr_file_read_small(AT_FDCWD, parameters[i], found->parameters[i], TEXT_MAX) <
		    0)
			found->parameters[i][0] = '\0';
}

static void read_uts(struct found *found)
{
	(void)uname(&found->names);
}

/* Let @read see the namespace that the document joins, and come back. */
static int look(const struct ctr_machine *machine, enum ctr_ns_kind kind, int flag,
		const char *own_path, void (*read)(struct found *), struct found *found,
		struct ctr_error *err)
{
	const struct ctr_namespace *namespace = &machine->spec->linux_->namespaces[kind];
	_cleanup_close_ int own = -1, fd = -1;
	struct stat ours, theirs;

	if (!namespace->path)
		return 0;
	own = open(own_path, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", own_path);
	fd = open(namespace->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno,
				"linux.namespaces[%u].path: cannot open '%s'", namespace->index,
				namespace->path);
	/* Its infra container is a machine, maybe: that has no such namespace to give. */
	if (fstat(own, &ours) == 0 && fstat(fd, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
	    ours.st_dev == theirs.st_dev)
		return ctr_fail(err, CTR_FAULT_CONFIG, 0,
				"linux.namespaces[%u].path: '%s' is the host's own: --isolation %s "
				"cannot share it",
				namespace->index, namespace->path, machine->backend->name);
	if (setns(fd, flag) < 0)
		return ctr_fail(err, CTR_FAULT_CONFIG, errno,
				"linux.namespaces[%u].path: cannot enter '%s'", namespace->index,
				namespace->path);
	read(found);
	if (setns(own, flag) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot enter '%s' again", own_path);
	return 0;
}

/* The pod's beside the document's own, which come last and so win. */
static void add_parameters(const struct ctr_machine *machine, const struct found *found,
			   struct ctr_linux *config)
{
	const size_t n = config->nsysctl;
	struct ctr_string_pair *all = ctr_arena_array(machine->arena, n + PARAMETERS, sizeof(*all));
	struct found own = { 0 };
	size_t count = 0;

	read_ipc(&own);
	for (size_t i = 0; i < PARAMETERS; i++)
		if (found->parameters[i][0] && strcmp(found->parameters[i], own.parameters[i]) != 0)
			all[count++] = (struct ctr_string_pair){
				.key = parameters[i] + strlen(SYS),
				.value = ctr_arena_strdup(machine->arena, found->parameters[i]),
			};
	if (n > 0)
		memcpy(all + count, config->sysctl, n * sizeof(*all));
	config->sysctl = all;
	config->nsysctl = count + n;
}

int ctr_pod_read(const struct ctr_machine *machine, struct ctr_spec *guest,
		 struct ctr_linux *config, struct ctr_error *err)
{
	struct found found = { 0 };

	if (look(machine, CTR_NS_UTS, CLONE_NEWUTS, "/proc/self/ns/uts", read_uts, &found, err) <
		    0 ||
	    look(machine, CTR_NS_IPC, CLONE_NEWIPC, "/proc/self/ns/ipc", read_ipc, &found, err) < 0)
		return -1;
	if (found.names.nodename[0] && !guest->hostname)
		guest->hostname = ctr_arena_strdup(machine->arena, found.names.nodename);
	/* what the kernel says where there is none */
	if (found.names.domainname[0] && strcmp(found.names.domainname, "(none)") != 0 &&
	    !guest->domainname)
		guest->domainname = ctr_arena_strdup(machine->arena, found.names.domainname);
	if (machine->spec->linux_->namespaces[CTR_NS_IPC].path)
		add_parameters(machine, &found, config);
	return 0;
}

int ctr_pod_claim(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0" CLAIM };
	const socklen_t length =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(CLAIM));
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0)
		return -errno;
	return ctr_take_fd(&fd);
}
