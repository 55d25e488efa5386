/*
 * QEMU's command line. Two machines: `microvm`, which has virtio devices on a bus of its own and
 * next to nothing else, and `q35`, a PC with firmware and PCI. Files are open already; QEMU finds
 * them by number, so it needs no right to open any but its own.
 */
#include "vm/qemu.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "vm/setup.h"

/*
 * A kernel that says nothing, unless it panics, and ends the machine where it would start again: by
 * a triple fault, as a microvm has no other way. Tests and audits of the kernel are not the
 * container's affair; what protects it (mitigations, zeroed memory) stays as the kernel has it.
 */
static const char kernel_line[] =
	"console=ttyS0 quiet loglevel=1 reboot=t panic=-1 "
	"random.trust_cpu=on cryptomgr.notests audit=0 "
	"i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd no_timer_check";

struct line {
	const char **words;
	size_t n;
	struct ctr_arena *arena;
};

static void add(struct line *line, const char *word)
{
	line->words[line->n++] = word;
}

static void add_pair(struct line *line, const char *option, const char *value)
{
	add(line, option);
	add(line, value);
}

/* virtio devices are on PCI, or on microvm's own bus. */
static void add_device(struct line *line, const struct ctr_qemu *qemu, const char *name,
		       const char *rest)
{
	add_pair(line, "-device",
		 ctr_arena_printf(line->arena, "%s-%s%s", name, qemu->microvm ? "device" : "pci",
				  rest));
}

static void add_socket(struct line *line, const char *id, int fd)
{
	add_pair(line, "-chardev", ctr_arena_printf(line->arena, "socket,id=%s,fd=%d", id, fd));
}

static const char *append_line(const struct ctr_qemu *qemu, struct ctr_arena *arena)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	ctr_buf_adds(&buf, kernel_line);
	for (size_t i = 0; i < qemu->nkernel_parameters; i++)
		ctr_buf_addf(&buf, " %s", qemu->kernel_parameters[i]);
	return ctr_buf_str(&buf);
}

static void add_machine(struct line *line, const struct ctr_qemu *qemu)
{
	const char *memory = qemu->shared >= 0 ? ",memory-backend=ram" : "";
	/* With a second one it has 24 places for devices, which take 2 MiB of it, for the 8 that we
	 * need; the document's own parameters may name more. */
	const char *ioapic = qemu->microvm && qemu->nparameters == 0 ? ",ioapic2=off" : "";

	add(line, qemu->program);
	add_pair(line, "-M",
		 ctr_arena_printf(line->arena, "%s%s,dump-guest-core=off,mem-merge=off%s",
				  qemu->microvm ? "microvm,pit=off,pic=off,rtc=off" : "q35", ioapic,
				  memory));
	/* Translated code is kept in as much memory as this says, not in what the host has. */
	add_pair(line, "-accel", qemu->kvm ? "kvm" : "tcg,tb-size=64");
	add_pair(line, "-cpu", qemu->kvm ? "host,migratable=off" : "max");
	add_pair(line, "-smp", ctr_arena_printf(line->arena, "%u", qemu->vcpus));
	add_pair(line, "-m",
		 ctr_arena_printf(line->arena, "%lluM", (unsigned long long)qemu->memory >> 20));
	/* What virtiofsd is to read and write it must be able to map. */
	if (qemu->shared >= 0)
		add_pair(line, "-object",
			 ctr_arena_printf(line->arena,
					  "memory-backend-memfd,id=ram,size=%lluM,share=on",
					  (unsigned long long)qemu->memory >> 20));
	add(line, "-nodefaults");
	add(line, "-no-user-config");
	add(line, "-no-reboot");
	add_pair(line, "-display", "none");
	add_pair(line, "-sandbox",
		 "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
}

static void add_boot(struct line *line, const struct ctr_qemu *qemu)
{
	add_pair(line, "-kernel", ctr_arena_printf(line->arena, "/proc/self/fd/%d", qemu->kernel));
	add_pair(line, "-initrd", ctr_arena_printf(line->arena, "/proc/self/fd/%d", qemu->initrd));
	add_pair(line, "-append", append_line(qemu, line->arena));
}

/* In JSON, because only there nothing can be said: no backing file, whatever the image says. */
static void add_image(struct line *line, const char *format)
{
	const bool has_backing = strcmp(format, "qcow2") == 0 || strcmp(format, "vmdk") == 0;

	add_pair(line, "-blockdev",
		 "{\"driver\":\"file\",\"node-name\":\"image\",\"filename\":\"/dev/fdset/1\","
		 "\"read-only\":true,\"locking\":\"off\"}");
	add_pair(line, "-blockdev",
		 ctr_arena_printf(line->arena,
				  "{\"driver\":\"%s\",\"node-name\":\"root\",\"file\":\"image\","
				  "\"read-only\":true%s}",
				  format, has_backing ? ",\"backing\":null" : ""));
}

/* Without its ROM, which is another package's: a guest does not boot from the network. */
static void add_nics(struct line *line, const struct ctr_qemu *qemu)
{
	for (size_t i = 0; i < qemu->nnics; i++) {
		const struct ctr_vm_nic *nic = &qemu->nics[i];

		add_pair(line, "-netdev",
			 nic->stream ? ctr_arena_printf(line->arena,
							"stream,id=net%zu,server=off,addr.type=fd,"
							"addr.str=%d",
							i, nic->fd)
				     : ctr_arena_printf(line->arena, "tap,id=net%zu,fd=%d", i,
							nic->fd));
		add_device(line, qemu, "virtio-net",
			   ctr_arena_printf(line->arena, ",netdev=net%zu,mac=%s%s", i, nic->mac,
					    qemu->microvm ? "" : ",romfile="));
	}
}

static void add_devices(struct line *line, const struct ctr_qemu *qemu)
{
	if (qemu->image >= 0) {
		add_pair(line, "-add-fd",
			 ctr_arena_printf(line->arena, "fd=%d,set=1", qemu->image));
		add_image(line, qemu->image_format);
		add_device(line, qemu, "virtio-blk", ",drive=root");
	}

	/* Room for the channel, and for port 0, which is a console's: with QEMU's 31 it has 64
	 * queues, which take 2.5 MiB of it and some of the guest, and time to set up. */
	add_device(line, qemu, "virtio-serial", ",max_ports=2");
	add_socket(line, "channel", qemu->channel);
	add_pair(line, "-device", "virtserialport,chardev=channel,name=ctr");

	add_device(line, qemu, "virtio-balloon", ",free-page-reporting=on");
	if (qemu->shared >= 0) {
		add_socket(line, "shared", qemu->shared);
		add_pair(line, "-device",
			 ctr_arena_printf(line->arena, "vhost-user-fs-%s,chardev=shared,tag=shared",
					  qemu->microvm ? "device" : "pci"));
	}

	add_nics(line, qemu);
	add_socket(line, "console", qemu->console);
	add_pair(line, "-serial", "chardev:console");
	add_socket(line, "monitor", qemu->monitor);
	add_pair(line, "-mon", "chardev=monitor,mode=control");
}

const char *const *ctr_qemu_argv(const struct ctr_qemu *qemu, struct ctr_arena *arena)
{
	enum { OWN = 64 + 4 * CTR_VM_NICS };
	struct line line = {
		.words = ctr_arena_array(arena, OWN + qemu->nparameters, sizeof(*line.words)),
		.arena = arena,
	};

	add_machine(&line, qemu);
	add_boot(&line, qemu);
	add_devices(&line, qemu);
	for (size_t i = 0; i < qemu->nparameters; i++)
		add(&line, qemu->parameters[i]);
	return line.words;
}
