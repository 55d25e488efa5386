/*
 * A virtual machine by QEMU: what it needs is found or made before there is a process; then a
 * process of its own assembles the initramfs of the instance, starts QEMU and becomes its monitor.
 */
#include "vm/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "plan/view.h"
#include "vm/foreign.h"
#include "vm/hypervisor.h"
#include "vm/monitor.h"
#include "vm/network.h"
#include "vm/qemu.h"
#include "vm/setup.h"
#include "vm/shared.h"
#include "vm/uml.h"

/* ---- prepare */

/* In the order of their use; what they need comes with them. */
static const char *const *modules_of(const struct ctr_machine *machine,
				     const struct ctr_vm_setup *setup)
{
	const bool foreign = setup->vmm != CTR_VMM_QEMU;
	static const char *const common[] = { "virtio_console", "virtio_balloon", "virtio_blk",
					      "erofs", "overlay" };
	enum { COMMON = CTR_ARRAY_SIZE(common), OTHERS = 5, QEMUS = 2 };
	const char **names = ctr_arena_array(machine->arena, COMMON + OTHERS, sizeof(*names));
	size_t n = 0;

	names[n++] =
		machine->backend->bits & CTR_BACKEND_MMIO && setup->vmm != CTR_VMM_CLOUD_HYPERVISOR
			? "virtio_mmio"
			: "virtio_pci";
	for (size_t i = foreign ? QEMUS : 0; i < COMMON; i++)
		names[n++] = common[i];
	if (foreign)
		names[n++] = "vmw_vsock_virtio_transport";
	if (setup->nshared > 0)
		names[n++] = "virtiofs";
	if (ctr_vm_network_expected(machine))
		names[n++] = "virtio_net";
	return names;
}

int ctr_vm_prepare_with(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
			const char *const *modules, struct ctr_error *err)
{
	_cleanup_close_ int cache = ctr_vm_cache_open(machine->cache, err);

	if (cache < 0 || ctr_vm_base(machine, setup, cache, modules, err) < 0)
		return -1;
	if (setup->config && setup->config->image.path) {
		if (ctr_vm_image_given(machine, setup, err) < 0)
			return -1;
	} else {
		setup->image_format = "raw";
		setup->image_types = "erofs";
		if (ctr_vm_image(machine, setup, cache, setup->root, err) < 0)
			return -1;
	}
	if (setup->vmm == CTR_VMM_QEMU && !(machine->backend->bits & CTR_BACKEND_PORTED))
		ctr_vm_common(machine, setup, cache);
	/* Engines give every container a tree of its own, and so an image. */
	ctr_vm_cache_prune(cache);
	return 0;
}

int ctr_vm_prepare(struct ctr_machine *machine, struct ctr_error *err)
{
	struct ctr_vm_setup *setup = machine->own;

	if (setup->vmm != CTR_VMM_QEMU && ctr_vm_unpack_kernel(machine, setup, err) < 0)
		return -1;
	/* One that is unpacked stands still in some starts of a microvm, before its clock goes. */
	if (setup->vmm == CTR_VMM_QEMU && !(machine->backend->bits & CTR_BACKEND_MMIO))
		ctr_vm_choose_kernel(machine, setup);
	return ctr_vm_prepare_with(machine, setup, modules_of(machine, setup), err);
}

/* ---- the guest's part */

/* What the guest does before its first process (init/guest.c). */
static const char *guest_config(const struct ctr_machine *machine, const struct ctr_vm_setup *setup)
{
	const bool ported = machine->backend->bits & CTR_BACKEND_PORTED;
	const char *disk = ported ? "/dev/ubda" : "/dev/vda";
	struct timespec now = { 0 };
	struct ctr_buf buf;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	ctr_buf_init(&buf, machine->arena);
	if (setup->vmm != CTR_VMM_QEMU)
		ctr_buf_addf(&buf, "vsock %d\n", (int)CTR_VSOCK_PORT);
	else
		ctr_buf_adds(&buf, ported ? "channel /dev/ttyS0\n" : "port ctr\n");
	ctr_buf_addf(&buf, "clock %lld %ld\n", (long long)now.tv_sec, now.tv_nsec);
	ctr_buf_addf(&buf,
		     "wait %s\n"
		     "mount %s %s /lower 1 -\n"
		     "mount tmpfs upper /upper 0 -\n"
		     "dir /upper/files\n"
		     "dir /upper/work\n"
		     "mount overlay root /root 0 "
		     "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work\n",
		     disk, setup->image_types, disk);
	if (setup->nshared > 0)
		ctr_buf_adds(&buf, "mount virtiofs shared /shared 0 -\n");
	if (setup->memory_max > 0)
		ctr_buf_addf(&buf, "cgroup memory.max %" PRId64 "\n", setup->memory_max);
	if (setup->pids_max > 0)
		ctr_buf_addf(&buf, "cgroup pids.max %" PRId64 "\n", setup->pids_max);
	for (size_t i = 0; setup->resources && i < setup->resources->nunified; i++)
		ctr_buf_addf(&buf, "cgroup %s %s\n", setup->resources->unified[i].key,
			     setup->resources->unified[i].value);
	ctr_buf_adds(&buf, "loopback\n");
	if (setup->network)
		ctr_buf_adds(&buf, setup->network);
	return ctr_buf_str(&buf);
}

static int copy_file(int from, int to)
{
	struct stat st;
	off_t at = 0;

	if (fstat(from, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

static int copy_given_initrd(const struct ctr_vm_setup *setup, int to, struct ctr_error *err)
{
	const char *path = setup->config ? setup->config->kernel.initrd : NULL;
	static const char zeros[512];
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (!path)
		return 0;
	fd = ctr_file_open(AT_FDCWD, path, &st, err);
	if (fd < 0)
		return ctr_fail_within(err, "vm.kernel.initrd");
	r = copy_file(fd, to);
	if (r == 0 && st.st_size % 512 != 0)
		r = ctr_write_all(to, zeros, 512 - (size_t)(st.st_size % 512));
	return r < 0 ? ctr_fail(err, CTR_FAULT_CONFIG, -r, "vm.kernel.initrd: cannot read '%s'",
				path)
		     : 0;
}

/* All archives, one behind the other, or the instance's alone, in a file without a name that nobody
 * can change any more. */
static int make_initrd(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
		       const struct ctr_plan_header *plan, bool all, struct ctr_error *err)
{
	/* The network is the guest's. */
	const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	_cleanup_close_ int fd = -1;
	struct ctr_buf archive;
	const void *session;
	size_t size = 0;
	int r;

	session = ctr_vm_session(plan, namespaces, setup->process, machine->arena, &size);
	ctr_buf_init(&archive, machine->arena);
	if (ctr_vm_instance(setup, guest_config(machine, setup), session, size, &archive, err) < 0)
		return -1;
	fd = memfd_create("initramfs", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot make a file for the initramfs");
	if (all && copy_given_initrd(setup, fd, err) < 0)
		return -1;
	r = all ? copy_file(setup->initramfs, fd) : 0;
	if (r == 0)
		r = ctr_write_all(fd, archive.data, archive.len);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot write the initramfs");
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return ctr_take_fd(&fd);
}

/* QEMU opens it again as nobody, who may not read every distribution's. */
static int open_kernel(const struct ctr_vm_setup *setup, struct ctr_error *err)
{
	struct stat st;
	_cleanup_close_ int fd = ctr_file_open(AT_FDCWD, setup->kernel, &st, err), copy = -1;
	int r;

	if (fd < 0)
		return ctr_fail_within(err, "kernel");
	if (geteuid() != 0 || (st.st_mode & S_IROTH))
		return ctr_take_fd(&fd);
	copy = memfd_create("kernel", MFD_CLOEXEC);
	r = copy < 0 ? -errno : copy_file(fd, copy);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "kernel: cannot copy '%s'", setup->kernel);
	return ctr_take_fd(&copy);
}

/* ---- spawn */

/* Our side and the hypervisor's of each connection. */
struct wires {
	int channel[2], qmp[2], console[2], output[2];
	int kernel, initrd, shared;
};

static int make_wires(struct wires *wires)
{
	int *const pairs[] = { wires->channel, wires->qmp, wires->console };

	for (size_t i = 0; i < CTR_ARRAY_SIZE(pairs); i++)
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]) < 0)
			return -errno;
	return pipe2(wires->output, O_CLOEXEC) < 0 ? -errno : 0;
}

/* What is common is QEMU's initrd, which it maps, where the instance's archive fits beside it. */
static int open_boot(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
		     const struct ctr_plan_header *plan, struct wires *wires, struct ctr_error *err)
{
	_cleanup_close_ int archive =
		setup->common < 0 ? -1 : make_initrd(machine, setup, plan, false, err);

	if (setup->common >= 0 && archive < 0)
		return -1;
	wires->kernel = archive < 0 ? -1 : ctr_vm_loader(setup->common, setup->archives, archive);
	wires->initrd = setup->common;
	if (wires->kernel >= 0)
		return 0;
	wires->initrd = make_initrd(machine, setup, plan, true, err);
	wires->kernel = wires->initrd < 0 ? -1 : open_kernel(setup, err);
	return wires->kernel < 0 ? -1 : 0;
}

static int start_qemu(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
		      const struct wires *wires, struct ctr_error *err)
{
	const struct ctr_vm *config = setup->config;
	const struct ctr_qemu qemu = {
		.program = setup->hypervisor,
		.microvm = machine->backend->bits & CTR_BACKEND_MMIO,
		.kvm = setup->kvm,
		.memory = setup->memory,
		.vcpus = setup->vcpus,
		.kernel = wires->kernel,
		.image_format = setup->image_format,
		.initrd = wires->initrd,
		.image = setup->image,
		.channel = wires->channel[1],
		.monitor = wires->qmp[1],
		.console = wires->console[1],
		.shared = wires->shared,
		.nics = setup->nics,
		.nnics = setup->nnics,
		.parameters = config ? config->hypervisor.parameters : NULL,
		.nparameters = config ? config->hypervisor.nparameters : 0,
		.kernel_parameters = config ? config->kernel.parameters : NULL,
		.nkernel_parameters = config ? config->kernel.nparameters : 0,
	};
	int keep[7 + CTR_VM_NICS] = { qemu.kernel,  qemu.initrd,  qemu.image, qemu.channel,
				      qemu.monitor, qemu.console, qemu.shared };
	const struct ctr_hypervisor hypervisor = {
		.argv = ctr_qemu_argv(&qemu, machine->arena),
		.keep = keep,
		.nkeep = 7 + setup->nnics,
		.output = wires->output[1],
		.unprivileged = geteuid() == 0,
		.sees_host = qemu.nparameters > 0,
		.kvm = setup->kvm,
	};
	pid_t pid;

	for (size_t i = 0; i < setup->nnics; i++)
		keep[7 + i] = setup->nics[i].fd;
	pid = ctr_hypervisor_start(&hypervisor);
	if (pid < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot start the hypervisor");
	return (int)pid;
}

static int start_uml(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
		     const struct wires *wires, struct ctr_error *err)
{
	/* Where the memory of the guest is, as a file without a name. */
	static const char *const env[] = { "TMPDIR=/dev/shm", NULL };
	const struct ctr_vm *config = setup->config;
	const struct ctr_uml uml = {
		.program = setup->kernel,
		.memory = setup->memory,
		.initrd = wires->initrd,
		.image = setup->image,
		.channel = wires->channel[1],
		.console = wires->console[1],
		.nics = setup->nics,
		.nnics = setup->nnics,
		.parameters = config ? config->kernel.parameters : NULL,
		.nparameters = config ? config->kernel.nparameters : 0,
	};
	int keep[4 + CTR_VM_NICS] = { uml.initrd, uml.image, uml.channel, uml.console };
	const struct ctr_hypervisor hypervisor = {
		.argv = ctr_uml_argv(&uml, machine->arena),
		.env = env,
		.keep = keep,
		.nkeep = 4 + setup->nnics,
		.output = wires->output[1],
		.unprivileged = geteuid() == 0,
		.sees_host = uml.nparameters > 0,
		.scratch = true,
	};
	pid_t pid;

	for (size_t i = 0; i < setup->nnics; i++)
		keep[4 + i] = setup->nics[i].fd;
	pid = ctr_hypervisor_start(&hypervisor);
	if (pid < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno,
				geteuid() == 0 ? "cannot start the guest's kernel"
					       : "cannot start the guest's kernel in a user "
						 "namespace");
	return (int)pid;
}

/* Its pid, and *@listener, to which the guest will connect; -1: none. Or -1 and @err. */
static int start_hypervisor(const struct ctr_machine *machine, const struct ctr_vm_setup *setup,
			    struct wires *wires, int *listener, struct ctr_error *err)
{
	*listener = -1;
	if (setup->vmm != CTR_VMM_QEMU)
		return ctr_foreign_start(machine, setup, wires->kernel, wires->initrd,
					 wires->output[1], listener, err);
	if (machine->backend->bits & CTR_BACKEND_PORTED)
		return start_uml(machine, setup, wires, err);
	return start_qemu(machine, setup, wires, err);
}

static int run(struct ctr_machine *machine, const struct ctr_plan_header *plan,
	       const struct ctr_machine_fds *fds, struct ctr_error *err)
{
	struct ctr_vm_setup *setup = machine->own;
	struct ctr_machine_fds own = *fds;
	struct wires wires;
	struct ctr_monitor_start start = { .fds = &own };
	int r;

	if (plan->preserve_fds > 0)
		return ctr_fail(
			err, CTR_FAULT_USAGE, 0,
			"--preserve-fds, LISTEN_FDS: --isolation %s cannot pass descriptors",
			machine->backend->name);
	/* A descriptor of its own: a lock on the other one is its caller's. */
	own.dir = openat(fds->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own.dir < 0)
		return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot open the state directory");
	if (ctr_vm_network_connect(machine, setup, own.sync, err) < 0)
		return -1;
	r = make_wires(&wires);
	if (r < 0)
		return ctr_fail(err, CTR_FAULT_HOST, -r, "cannot connect the hypervisor");
	if (open_boot(machine, setup, plan, &wires, err) < 0)
		return -1;
	wires.shared = -1;
	if (setup->nshared > 0) {
		start.server =
			ctr_vm_share(machine, setup, own.dir, wires.output[1], &wires.shared, err);
		if (start.server < 0)
			return -1;
	}
	start.vmm = start_hypervisor(machine, setup, &wires, &start.listener, err);
	if (start.vmm < 0)
		return -1;

	/* All by one output, and a socket. */
	start.channel = start.listener >= 0 ? -1 : wires.channel[0];
	start.qmp = start.listener >= 0 || machine->backend->bits & CTR_BACKEND_PORTED
			    ? -1
			    : wires.qmp[0];
	start.console = start.listener >= 0 ? -1 : wires.console[0];
	start.output = wires.output[0];
	start.unread_max = machine->backend->bits & CTR_BACKEND_PORTED ? CTR_UML_UNREAD_MAX : 0;
	start.terminal = machine->spec->process->terminal;
	start.boot_seconds = setup->boot_seconds;
	{
		const int keep[] = { own.sync,      own.gate,       own.dir,
				     start.channel, start.qmp,      start.console,
				     start.output,  start.listener, setup->claim };

		/* All else is of the ctr that made us, and of its caller. */
		ctr_fd_close_others(keep, CTR_ARRAY_SIZE(keep));
		(void)!chdir("/");
	}
	return ctr_monitor_run(&start);
}

int ctr_vm_spawn(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		 const struct ctr_machine_fds *fds)
{
	struct ctr_error err = { 0 };
	int r = run(machine, plan, fds, &err);

	if (r >= 0)
		return r;
	ctr_monitor_fail(fds->sync, 0, "%s", err.text);
	return 125;
}
