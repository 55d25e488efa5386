/*
 * Both are told of files by path; what they work with is open before, so a path is that of a
 * descriptor. Neither can be asked anything while it runs: no pause, no balloon.
 */
#include "vm/foreign.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "oci/encode.h"
#include "vm/backend.h"
#include "vm/hypervisor.h"
#include "vm/network.h"
#include "vm/setup.h"

/* The CID is the guest's; that of the host is 2, and each of these has its own hypervisor. */
enum { GUEST_CID = 3, FIRECRACKER_VCPUS = 32 };

/* Firecracker ends where the keyboard controller would reset the machine. Cloud Hypervisor would
 * start the guest again: that is the end of its connection, and so of the machine. */
static const char kernel_line[] = "console=ttyS0 quiet loglevel=1 reboot=k panic=-1 "
				  "random.trust_cpu=on cryptomgr.notests audit=0 no_timer_check";

enum ctr_vmm ctr_vmm_of(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *name = slash ? slash + 1 : program;

	if (strcmp(name, "firecracker") == 0)
		return CTR_VMM_FIRECRACKER;
	if (strcmp(name, "cloud-hypervisor") == 0)
		return CTR_VMM_CLOUD_HYPERVISOR;
	return CTR_VMM_QEMU;
}

static const char *path_of(int fd, struct ctr_arena *arena)
{
	return ctr_arena_printf(arena, "/proc/self/fd/%d", fd);
}

static const char *kernel_parameters(const struct ctr_foreign *foreign, struct ctr_arena *arena)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	ctr_buf_adds(&buf, kernel_line);
	for (size_t i = 0; i < foreign->nkernel_parameters; i++)
		ctr_buf_addf(&buf, " %s", foreign->kernel_parameters[i]);
	return ctr_buf_str(&buf);
}

/* ---- firecracker */

const char *ctr_foreign_config(const struct ctr_foreign *foreign, struct ctr_arena *arena)
{
	struct ctr_buf buf;
	struct ctr_json json;

	ctr_buf_init(&buf, arena);
	ctr_json_init(&json, &buf, "  ");
	ctr_json_object(&json, NULL);

	ctr_json_object(&json, "boot-source");
	ctr_json_string(&json, "kernel_image_path", path_of(foreign->kernel, arena));
	ctr_json_string(&json, "initrd_path", path_of(foreign->initrd, arena));
	ctr_json_string(&json, "boot_args", kernel_parameters(foreign, arena));
	ctr_json_end_object(&json);

	ctr_json_object(&json, "machine-config");
	ctr_json_u64(&json, "vcpu_count", foreign->vcpus);
	ctr_json_u64(&json, "mem_size_mib", foreign->memory >> 20);
	ctr_json_end_object(&json);

	ctr_json_array(&json, "drives");
	ctr_json_object(&json, NULL);
	ctr_json_string(&json, "drive_id", "root");
	ctr_json_string(&json, "path_on_host", path_of(foreign->image, arena));
	/* It is mounted by the initramfs; a root device would be named to the kernel. */
	ctr_json_bool(&json, "is_root_device", false);
	ctr_json_bool(&json, "is_read_only", true);
	ctr_json_end_object(&json);
	ctr_json_end_array(&json);

	ctr_json_object(&json, "vsock");
	ctr_json_u64(&json, "guest_cid", GUEST_CID);
	ctr_json_string(&json, "uds_path", CTR_VSOCK_PATH);
	ctr_json_end_object(&json);

	ctr_json_end_object(&json);
	ctr_buf_addc(&buf, '\n');
	return ctr_buf_str(&buf);
}

static size_t firecracker_words(const struct ctr_foreign *foreign, const char **words,
				struct ctr_arena *arena)
{
	size_t n = 0;

	words[n++] = "--no-api";
	words[n++] = "--config-file";
	words[n++] = path_of(foreign->config, arena);
	return n;
}

/* ---- cloud-hypervisor */

static size_t cloud_words(const struct ctr_foreign *foreign, const char **words,
			  struct ctr_arena *arena)
{
	size_t n = 0;

	words[n++] = "--kernel";
	words[n++] = path_of(foreign->kernel, arena);
	words[n++] = "--initramfs";
	words[n++] = path_of(foreign->initrd, arena);
	words[n++] = "--cmdline";
	words[n++] = kernel_parameters(foreign, arena);
	words[n++] = "--cpus";
	words[n++] = ctr_arena_printf(arena, "boot=%u", foreign->vcpus);
	words[n++] = "--memory";
	words[n++] =
		ctr_arena_printf(arena, "size=%lluM", (unsigned long long)foreign->memory >> 20);
	words[n++] = "--disk";
	/* What it could guess otherwise is the image's to say; newer ones (2026-08) do not guess.
	 */
	words[n++] = ctr_arena_printf(arena, "path=%s,readonly=on,image_type=raw",
				      path_of(foreign->image, arena));
	words[n++] = "--vsock";
	words[n++] = ctr_arena_printf(arena, "cid=%d,socket=" CTR_VSOCK_PATH, (int)GUEST_CID);
	for (size_t i = 0; i < foreign->nnics; i++) {
		words[n++] = "--net";
		words[n++] = ctr_arena_printf(arena, "fd=%d,mac=%s", foreign->nics[i].fd,
					      foreign->nics[i].mac);
	}
	words[n++] = "--console";
	words[n++] = "off";
	words[n++] = "--serial";
	words[n++] = "tty";
	words[n++] = "--seccomp";
	words[n++] = "true";
	return n;
}

const char *const *ctr_foreign_argv(const struct ctr_foreign *foreign, struct ctr_arena *arena)
{
	enum { OWN = 32 + 2 * CTR_VM_NICS };
	const char **words = ctr_arena_array(arena, OWN + foreign->nparameters, sizeof(*words));
	size_t n = 0;

	words[n++] = foreign->program;
	n += foreign->vmm == CTR_VMM_FIRECRACKER ? firecracker_words(foreign, words + n, arena)
						 : cloud_words(foreign, words + n, arena);
	for (size_t i = 0; i < foreign->nparameters; i++)
		words[n++] = foreign->parameters[i];
	return words;
}

/* ---- what they cannot do */

static int refuse(const char *field, const struct ctr_vm_setup *setup, struct ctr_error *err)
{
	return ctr_fail(err, CTR_FAULT_CONFIG, 0, "%s: vm.hypervisor.path: '%s' cannot do this",
			field, setup->hypervisor);
}

int ctr_foreign_check(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
		      struct ctr_error *err)
{
	if (!(machine->backend->bits & CTR_BACKEND_NEEDS_KVM))
		return refuse("--isolation vm", setup, err);
	if (!setup->kvm)
		return refuse("annotations[org.ctr.accel]", setup, err);
	if (setup->config->image.path && setup->config->image.format != CTR_IMAGE_RAW)
		return refuse("vm.image.format: another than raw", setup, err);
	if (setup->vmm == CTR_VMM_FIRECRACKER && setup->vcpus > FIRECRACKER_VCPUS)
		return refuse(ctr_arena_printf(machine->arena, "%u processors", setup->vcpus),
			      setup, err);
	for (size_t i = 0; i < setup->nbinds; i++)
		if (!setup->binds[i].copied)
			return refuse(ctr_arena_printf(machine->arena, "mounts[%zu]: a directory",
						       setup->binds[i].index),
				      setup, err);
	if (machine->passt)
		return refuse("--net bridge: without privileges", setup, err);
	return 0;
}

/* ---- start */

static int make_config(const struct ctr_foreign *foreign, struct ctr_arena *arena,
		       struct ctr_error *err)
{
	const char *text = ctr_foreign_config(foreign, arena);
	_cleanup_close_ int fd = memfd_create("config", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : ctr_write_all(fd, text, strlen(text));

	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r,
				"cannot write the hypervisor's "
				"configuration");
	return ctr_take_fd(&fd);
}

pid_t ctr_foreign_start(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
			int kernel, int initrd, int output, int *listener, struct ctr_error *err)
{
	const struct ctr_vm *config = setup->config;
	struct ctr_foreign foreign = {
		.vmm = setup->vmm,
		.program = setup->hypervisor,
		.memory = setup->memory,
		.vcpus = setup->vcpus,
		.config = -1,
		.kernel = kernel,
		.initrd = initrd,
		.image = setup->image,
		.nics = setup->nics,
		.nnics = setup->nnics,
		.parameters = config->hypervisor.parameters,
		.nparameters = config->hypervisor.nparameters,
		.kernel_parameters = config->kernel.parameters,
		.nkernel_parameters = config->kernel.nparameters,
	};
	_cleanup_close_ int socket_ = -1;
	int keep[5 + CTR_VM_NICS] = { kernel, initrd, setup->image };
	struct ctr_hypervisor hypervisor = {
		.keep = keep,
		.nkeep = 4 + setup->nnics,
		.output = output,
		.unprivileged = setup->privileged,
		.sees_host = foreign.nparameters > 0,
		.scratch = true,
		.kvm = true,
	};
	pid_t pid;

	/* It opens a tap by its name, in a network namespace where it is not. */
	if (setup->vmm == CTR_VMM_FIRECRACKER && setup->nnics > 0)
		return refuse("network: an interface", setup, err);
	if (setup->vmm == CTR_VMM_FIRECRACKER) {
		foreign.config = make_config(&foreign, machine->arena, err);
		if (foreign.config < 0)
			return -1;
	}
	socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (socket_ < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a socket");

	keep[3] = foreign.config;
	for (size_t i = 0; i < setup->nnics; i++)
		keep[4 + i] = setup->nics[i].fd;
	hypervisor.listener = socket_;
	hypervisor.listener_path =
		ctr_arena_printf(machine->arena, CTR_VSOCK_PATH "_%d", (int)CTR_VSOCK_PORT);
	hypervisor.argv = ctr_foreign_argv(&foreign, machine->arena);
	pid = ctr_hypervisor_start(&hypervisor);
	if (pid < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot start the hypervisor");
	*listener = ctr_take_fd(&socket_);
	return pid;
}
