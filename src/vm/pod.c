/* What a machine takes over of its pod's namespaces. */
#include "vm/pod.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "vm/backend.h"
#include "vm/setup.h"

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

_Static_assert(CTR_ARRAY_SIZE(parameters) == CTR_POD_PARAMETERS, "the header has room for them");

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

/* ---- what is found */

static void read_parameters(char texts[CTR_POD_PARAMETERS][CTR_POD_TEXT])
{
	for (size_t i = 0; i < CTR_POD_PARAMETERS; i++)
		if (ctr_file_read_small(AT_FDCWD, parameters[i], texts[i], CTR_POD_TEXT) < 0)
			texts[i][0] = '\0';
}

static void read_ipc(struct ctr_pod *found)
{
	read_parameters(found->parameters);
}

static void read_uts(struct ctr_pod *found)
{
	struct utsname names;

	if (uname(&names) < 0)
		return;
	(void)snprintf(found->hostname, sizeof(found->hostname), "%s", names.nodename);
	/* what the kernel says where there is none */
	if (strcmp(names.domainname, "(none)") != 0)
		(void)snprintf(found->domainname, sizeof(found->domainname), "%s",
			       names.domainname);
}

/* Let @read see the namespace that the document joins, and come back. */
static int look(const struct ctr_machine *machine, enum ctr_ns_kind kind, int flag,
		const char *own_path, void (*read)(struct ctr_pod *), struct ctr_pod *found,
		struct ctr_error *err)
{
	const struct ctr_namespace *namespace = &machine->host_spec->linux_->namespaces[kind];
	_cleanup_close_ int own = -1;

	if (!namespace->path)
		return 0;
	own = open(own_path, O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open '%s'", own_path);
	/* Its infra container is a machine, maybe: that has no such namespace to give. */
	if (ctr_vm_enter(machine, namespace, flag, own_path, err) < 0)
		return -1;
	read(found);
	if (setns(own, flag) < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot enter '%s' again", own_path);
	return 0;
}

int ctr_pod_read(const struct ctr_machine *machine, struct ctr_pod *out, struct ctr_error *err)
{
	*out = (struct ctr_pod){ .hostname = "" };
	read_parameters(out->host);
	if (look(machine, CTR_NS_UTS, CLONE_NEWUTS, "/proc/self/ns/uts", read_uts, out, err) < 0)
		return -1;
	return look(machine, CTR_NS_IPC, CLONE_NEWIPC, "/proc/self/ns/ipc", read_ipc, out, err);
}

/* ---- what comes of it */

/* The pod's beside the document's own, which come last and so win. */
static const struct ctr_linux *with_parameters(const struct ctr_pod *found,
					       const struct ctr_linux *config,
					       struct ctr_arena *arena)
{
	const size_t n = config->nsysctl;
	struct ctr_string_pair *all = ctr_arena_array(arena, n + CTR_POD_PARAMETERS, sizeof(*all));
	struct ctr_linux *changed = ctr_arena_alloc(arena, sizeof(*changed));
	size_t count = 0;

	for (size_t i = 0; i < CTR_POD_PARAMETERS; i++)
		if (found->parameters[i][0] && strcmp(found->parameters[i], found->host[i]) != 0)
			all[count++] = (struct ctr_string_pair){
				.key = parameters[i] + strlen(SYS),
				.value = ctr_arena_strdup(arena, found->parameters[i]),
			};
	if (n > 0)
		memcpy(all + count, config->sysctl, n * sizeof(*all));
	*changed = *config;
	changed->sysctl = all;
	changed->nsysctl = count + n;
	return changed;
}

void ctr_pod_apply(const struct ctr_pod *found, struct ctr_spec *guest, struct ctr_arena *arena)
{
	if (found->hostname[0] && !guest->hostname)
		guest->hostname = ctr_arena_strdup(arena, found->hostname);
	if (found->domainname[0] && !guest->domainname)
		guest->domainname = ctr_arena_strdup(arena, found->domainname);
	guest->linux_ = with_parameters(found, guest->linux_, arena);
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
