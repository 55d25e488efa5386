/* vm: command lines, archives, orders of modules, versions, frames. */
#include "unit.h"

#include <elf.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fd.h"
#include "plan/msg.h"
#include "vm/backend.h"
#include "vm/channel.h"
#include "vm/control.h"
#include "vm/cpio.h"
#include "vm/foreign.h"
#include "vm/inside.h"
#include "vm/qemu.h"
#include "vm/setup.h"

static struct ctr_arena arena;

static int release(void **state)
{
	(void)state;
	ctr_arena_release(&arena);
	return 0;
}

/* ---- command lines, compared with tests/unit/qemu-*.golden */

static const char *join(const char *const *argv)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, &arena);
	for (; *argv; argv++)
		ctr_buf_addf(&buf, "%s\n", *argv);
	return ctr_buf_str(&buf);
}

static void compare_text(const char *name, const char *text)
{
	const char *dir = getenv("srcdir");
	char path[512], golden[8192] = { 0 };
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/unit/%s.golden", dir ? dir : ".", name);
	file = fopen(path, "r");
	if (file) {
		assert_true(fread(golden, 1, sizeof(golden) - 1, file) > 0);
		fclose(file);
	}
	if (strcmp(golden, text) != 0)
		fail_msg("%s is not:\n%s", path, text);
}

static void compare(const char *name, const struct ctr_qemu *qemu)
{
	char file[64];

	snprintf(file, sizeof(file), "qemu-%s", name);
	compare_text(file, join(ctr_qemu_argv(qemu, &arena)));
}

static const char *const parameters[] = { "-device", "x" };
static const char *const kernel_parameters[] = { "a=b" };

static const struct ctr_vm_nic nics[] = {
	{.name = "eth0",  .mac = "02:00:00:00:00:01", .tap_name = "ctrtap0", .fd = 16      },
	{ .name = "eth1", .mac = "02:00:00:00:00:02", .fd = 17,              .stream = true},
};

static struct ctr_qemu basis(void)
{
	return (struct ctr_qemu){
		.program = "/usr/bin/qemu-system-x86_64",
		.memory = 256 << 20,
		.vcpus = 1,
		.kernel = 9,
		.image_format = "raw",
		.initrd = 10,
		.image = 11,
		.channel = 12,
		.monitor = 13,
		.console = 14,
		.shared = -1,
	};
}

static void other_hypervisors(void **state)
{
	struct ctr_foreign foreign = {
		.vmm = CTR_VMM_FIRECRACKER,
		.program = "/opt/bin/firecracker",
		.memory = 256 << 20,
		.vcpus = 2,
		.config = 8,
		.kernel = 9,
		.initrd = 10,
		.image = 11,
		.parameters = parameters,
		.nparameters = 2,
		.kernel_parameters = kernel_parameters,
		.nkernel_parameters = 1,
	};

	(void)state;
	assert_int_equal(ctr_vmm_of("/opt/bin/firecracker"), CTR_VMM_FIRECRACKER);
	assert_int_equal(ctr_vmm_of("cloud-hypervisor"), CTR_VMM_CLOUD_HYPERVISOR);
	assert_int_equal(ctr_vmm_of("/firecracker/qemu"), CTR_VMM_QEMU);
	compare_text("firecracker-config", ctr_foreign_config(&foreign, &arena));
	compare_text("firecracker", join(ctr_foreign_argv(&foreign, &arena)));
	foreign.vmm = CTR_VMM_CLOUD_HYPERVISOR;
	foreign.program = "/opt/bin/cloud-hypervisor";
	foreign.nics = nics;
	foreign.nnics = 1;
	foreign.nparameters = 0;
	compare_text("cloud-hypervisor", join(ctr_foreign_argv(&foreign, &arena)));
}

/* An ELF file of one segment of notes: two, the second of which is the entry. */
struct pvh_image {
	Elf64_Ehdr elf;
	Elf64_Phdr segment;
	struct {
		Elf64_Nhdr note;
		char name[4];
		uint32_t value[2];
	} notes[2];
};

static struct pvh_image make_pvh(void)
{
	struct pvh_image image = {
		.elf = {.e_ident = ELFMAG,
                        .e_phoff = offsetof(struct pvh_image,  segment),
                        .e_phentsize = sizeof(image.segment),
                        .e_phnum = 1 },
		.segment = { .p_type = PT_NOTE,
                        .p_offset = offsetof(struct pvh_image,                          notes),
                        .p_filesz = sizeof(image.notes) },
		.notes = { { { .n_namesz = 4, .n_descsz = 7, .n_type = 18 }, "GNU", { 0 } },
                        { { .n_namesz = 4, .n_descsz = 8, .n_type = 18 }, "Xen", { 0 } }},
	};

	image.elf.e_ident[EI_CLASS] = ELFCLASS64;
	return image;
}

static bool has_pvh(const struct pvh_image *image)
{
	return ctr_vm_kernel_has_pvh((const uint8_t *)image, sizeof(*image));
}

static void pvh(void **state)
{
	struct pvh_image image = make_pvh();

	(void)state;
	assert_true(has_pvh(&image));
	/* Whatever it is cut to, nothing behind it is read (valgrind and ASan would tell). */
	for (size_t size = 0; size < sizeof(image); size++) {
		uint8_t *part = malloc(size + 1);

		memcpy(part, &image, size);
		assert_false(ctr_vm_kernel_has_pvh(part, size));
		free(part);
	}
	image.notes[1].note.n_type = 17;
	assert_false(has_pvh(&image));
	image = make_pvh();
	image.notes[0].note.n_descsz = UINT32_MAX;
	assert_false(has_pvh(&image));
	image = make_pvh();
	image.segment.p_filesz = UINT64_MAX;
	assert_false(has_pvh(&image));
	image = make_pvh();
	image.elf.e_phoff = UINT64_MAX - 8;
	assert_false(has_pvh(&image));
	image = make_pvh();
	image.elf.e_phnum = UINT16_MAX;
	image.segment.p_type = PT_LOAD;
	assert_false(has_pvh(&image));
	image = make_pvh();
	image.elf.e_ident[EI_CLASS] = ELFCLASS32;
	assert_false(has_pvh(&image));
}

static void payloads(void **state)
{
	static const uint8_t zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
	uint8_t image[4096] = { 0 };
	struct ctr_vm_payload payload;

	(void)state;
	assert_int_equal(ctr_vm_kernel_payload(image, sizeof(image), &payload), -EINVAL);
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x0c;
	image[0x207] = 2;
	image[0x1f1] = 1; /* and the boot sector: the payload begins at 1024 and 16 */
	image[0x248] = 16;
	image[0x24d] = 1; /* 256 bytes */
	assert_int_equal(ctr_vm_kernel_payload(image, sizeof(image), &payload), -ENOTSUP);
	memcpy(image + 1040, zstd, sizeof(zstd));
	assert_int_equal(ctr_vm_kernel_payload(image, sizeof(image), &payload), 0);
	assert_int_equal(payload.begin, 1040);
	assert_int_equal(payload.length, 252);
	assert_string_equal(payload.program, "zstd");
	assert_int_equal(payload.unpacked, 0);
	/* gzip's own end is the size */
	memcpy(image + 1040, "\x1f\x8b", 2);
	assert_int_equal(ctr_vm_kernel_payload(image, sizeof(image), &payload), 0);
	assert_int_equal(payload.length, 256);
	/* beyond the end, and far beyond */
	assert_int_equal(ctr_vm_kernel_payload(image, 1040 + 255, &payload), -EINVAL);
	image[0x24f] = 0xff;
	assert_int_equal(ctr_vm_kernel_payload(image, sizeof(image), &payload), -EINVAL);
	image[0x207] = 1; /* 2.01 knew of no payload */
	assert_int_equal(ctr_vm_kernel_payload(image, sizeof(image), &payload), -EINVAL);
}

/* Seen before there is any work, so it need not be remembered. */
static void not_unpacked(void **state)
{
	char *path = strdup(getenv("PATH") ? getenv("PATH") : ""), *cache = unit_make_dir();
	const char *kernel = ctr_arena_printf(&arena, "%s/kernel", cache);
	const struct ctr_machine machine = { .arena = &arena, .cache = cache };
	struct ctr_vm_setup setup = { .kernel = kernel, .version = "6.1" };
	uint8_t image[4096] = { 0 };
	struct ctr_error err = { 0 };
	FILE *file = fopen(kernel, "w");

	(void)state;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x0c;
	image[0x207] = 2;
	image[0x1f1] = 1;
	image[0x24d] = 1;
	memcpy(image + 1024, "\x28\xb5\x2f\xfd", 4);
	assert_int_equal(fwrite(image, 1, sizeof(image), file), sizeof(image));
	fclose(file);
	setenv("PATH", "/no/such", 1);
	assert_int_equal(ctr_vm_unpack_kernel(&machine, &setup, &err), -1);
	setenv("PATH", path, 1);
	assert_string_equal(err.text,
			    ctr_arena_printf(&arena,
					     "kernel '%s': 'zstd', which unpacks it, is not there",
					     kernel));
	assert_string_equal(setup.kernel, kernel);
	unit_remove_dir(cache);
	free(path);
}

static void command_lines(void **state)
{
	struct ctr_qemu qemu = basis();

	(void)state;
	compare("q35-tcg", &qemu);
	qemu.kvm = true;
	qemu.vcpus = 4;
	qemu.parameters = parameters;
	qemu.nparameters = 2;
	qemu.kernel_parameters = kernel_parameters;
	qemu.nkernel_parameters = 1;
	compare("q35-kvm", &qemu);
	qemu = basis();
	qemu.kvm = qemu.microvm = true;
	compare("microvm-kvm", &qemu);
	qemu.shared = 15;
	compare("microvm-shared", &qemu);
	qemu = basis();
	qemu.nics = nics;
	qemu.nnics = 2;
	compare("q35-nics", &qemu);
	qemu.microvm = qemu.kvm = true;
	qemu.nnics = 1;
	compare("microvm-nics", &qemu);
	/* own parameters may name more devices than it has places for otherwise */
	qemu.parameters = parameters;
	qemu.nparameters = 2;
	assert_string_equal(ctr_qemu_argv(&qemu, &arena)[2],
			    "microvm,pit=off,pic=off,rtc=off,dump-guest-core=off,mem-merge=off");
}

/* ---- archives */

static void archives(void **state)
{
	static const char expected[] = "070701000000000000" /* inode, */ "81A4" /* mode: 0100644 */
				       "0000000000000000" /* ids */ "00000001"
				       "00000000"
				       "00000003"
				       "00000000"
				       "00000000"
				       "00000000"
				       "00000000"
				       "00000004"
				       "00000000"
				       "a/b\0\0\0"
				       "xyz\0";
	const struct stat st = {
		.st_mode = 0106510, .st_uid = 1000, .st_gid = 1001, .st_mtime = 7
	};
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	ctr_cpio_add(&buf, "a/b", 0100644, "xyz", 3);
	assert_int_equal(buf.len, sizeof(expected) - 1);
	assert_memory_equal(buf.data, expected, sizeof(expected) - 1);
	ctr_buf_cut(&buf, 0);
	ctr_cpio_add_file(&buf, "a", &st, "", 0);
	assert_memory_equal(buf.data,
			    "070701"
			    "00000000"
			    "00008D48"
			    "000003E8"
			    "000003E9"
			    "00000001"
			    "00000007",
			    54);
	ctr_buf_cut(&buf, 0);
	ctr_cpio_end(&buf);
	assert_int_equal(buf.len % 512, 0);
}

/* ---- modules */

static void modules(void **state)
{
	static const char dep[] = "kernel/virtio/virtio_ring.ko:\n"
				  "kernel/virtio/virtio.ko: kernel/virtio/virtio_ring.ko\n"
				  "kernel/virtio/virtio_pci.ko: kernel/virtio/legacy.ko "
				  "kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko\n"
				  "kernel/fs/virtio-x.ko.xz: kernel/virtio/virtio.ko "
				  "kernel/virtio/virtio_ring.ko\n";
	static const char builtin[] = "kernel/fs/ext4/ext4.ko\n";
	static const char *const names[] = { "ext4", "virtio_pci", "virtio_x", NULL };
	static const char *const unknown[] = { "virtio", "erofs", NULL };
	static const char *const order[] = { "kernel/virtio/virtio_ring.ko",
					     "kernel/virtio/virtio.ko", "kernel/virtio/legacy.ko",
					     "kernel/virtio/virtio_pci.ko",
					     "kernel/fs/virtio-x.ko.xz" };
	struct ctr_error err = { 0 };
	const char **files = ctr_vm_modules(dep, builtin, names, &arena, &err);

	(void)state;
	assert_non_null(files);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		assert_string_equal(files[i], order[i]);
	assert_null(files[sizeof(order) / sizeof(order[0])]);

	assert_null(ctr_vm_modules(dep, builtin, unknown, &arena, &err));
	assert_string_equal(err.text, "module 'erofs' is neither there nor built in");
}

/* ---- kernels */

static void versions(void **state)
{
	uint8_t image[2048] = { 0 };
	static const char elf[] = "\177ELF..Linux version %s\n..Linux version 6.1.0-x (gcc)\n....";

	(void)state;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x20e] = 0x10;
	image[0x20f] = 0x02; /* 0x210 + 0x200 */
	memcpy(image + 0x410, "6.1.0-56-cloud-amd64 (debian)", 29);
	assert_string_equal(ctr_vm_kernel_version(image, sizeof(image), &arena),
			    "6.1.0-56-cloud-amd64");
	assert_string_equal(ctr_vm_kernel_version((const uint8_t *)elf, sizeof(elf), &arena),
			    "6.1.0-x");
	/* Nothing beyond the end is looked at. */
	image[0x20f] = 0xff;
	assert_null(ctr_vm_kernel_version(image, sizeof(image), &arena));
	assert_null(ctr_vm_kernel_version(image, 600, &arena));
	assert_null(ctr_vm_kernel_version((const uint8_t *)"text", 4, &arena));
	assert_null(ctr_vm_kernel_version((const uint8_t *)"", 0, &arena));
}

/* ---- frames */

static struct ctr_channel channel;

static int feed(const struct ctr_frame *head, const void *data, size_t size)
{
	struct ctr_frame got;
	const uint8_t *bytes;
	int pair[2], r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	ctr_channel_init(&channel, pair[0]);
	assert_int_equal(write(pair[1], head, sizeof(*head)), sizeof(*head));
	if (size > 0)
		assert_int_equal(write(pair[1], data, size), size);
	assert_int_equal(ctr_channel_read(&channel), 1);
	r = ctr_channel_next(&channel, &got, &bytes);
	if (r > 0)
		assert_memory_equal(bytes, data, size);
	ctr_channel_release(&channel);
	close(pair[0]);
	close(pair[1]);
	return r;
}

static void frames(void **state)
{
	static const uint8_t data[CTR_FRAME_DATA_MAX];
	static const struct {
		struct ctr_frame head;
		uint32_t sent;
		int result;
	} cases[] = {
		{{ CTR_FRAME_DATA, CTR_STREAM_OUT, 0, 5 },                       5,   1       },
		{ { CTR_FRAME_DATA, CTR_STREAM_ERR, 3, CTR_FRAME_DATA_MAX },
                 CTR_FRAME_DATA_MAX,						  1       },
		{ { CTR_FRAME_DATA, CTR_STREAM_OUT, 0, 5 },                      4,   0       },
		{ { CTR_FRAME_DATA, CTR_STREAM_OUT, 0, CTR_FRAME_DATA_MAX + 1 }, 0,   -EBADMSG},
		{ { CTR_FRAME_DATA, CTR_STREAM_OUT, 0, 0xffffffff },             0,   -EBADMSG},
		{ { CTR_FRAME_DATA, CTR_STREAM_OUT, 0, 0 },                      0,   -EBADMSG},
		{ { CTR_FRAME_DATA, CTR_STREAM_IN, 0, 5 },                       5,   -EBADMSG},
		{ { CTR_FRAME_DATA, CTR_STREAMS, 0, 5 },                         5,   -EBADMSG},
		{ { CTR_FRAME_EXIT, 0, 0, sizeof(struct ctr_frame_exit) },       8,   1       },
		{ { CTR_FRAME_EXIT, 0, 0, 4 },                                   4,   -EBADMSG},
		{ { CTR_FRAME_HELLO, 0, 0, 1 },                                  1,   -EBADMSG},
		{ { CTR_FRAME_MESSAGE, 0, 0, sizeof(struct ctr_msg) - 1 },       8,   -EBADMSG},
		{ { CTR_FRAME_CREDIT, CTR_STREAM_IN, 0, 4 },                     4,   1       },
		{ { CTR_FRAME_CREDIT, CTR_STREAM_OUT, 0, 4 },                    4,   -EBADMSG},
		{ { CTR_FRAME_LIMIT, 0, 9, 4 },                                  4,   1       },
		{ { CTR_FRAME_LIMIT, 0, 9, 8 },                                  8,   -EBADMSG},
		{ { CTR_FRAME_PROCESSES, CTR_STREAM_OUT, 9, 100 },               100, 1       },
		{ { CTR_FRAME_END, CTR_STREAM_SYNC, 0, 0 },                      0,   1       },
		{ { CTR_FRAME_END, CTR_STREAM_SYNC, 0, 1 },                      1,   -EBADMSG},
		{ { CTR_FRAME_PLAN, 0, 0, 1 },                                   1,   -EBADMSG},
		{ { CTR_FRAME_SIGNAL, 0, 0, 4 },                                 4,   -EBADMSG},
		{ { 0, 0, 0, 0 },						0,   -EBADMSG},
		{ { 255, 0, 0, 0 },					      0,   -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("# %zu\n", i);
		assert_int_equal(feed(&cases[i].head, data, cases[i].sent), cases[i].result);
	}
}

static void say_read(int fd, uint32_t count)
{
	const struct ctr_frame head = { .type = CTR_FRAME_READ, .length = sizeof(count) };

	assert_int_equal(write(fd, &head, sizeof(head)), sizeof(head));
	assert_int_equal(write(fd, &count, sizeof(count)), sizeof(count));
}

/* No more on the way than a guest's terminal takes; one that has read more than it was sent lies.
 */
static void unread(void **state)
{
	static const uint8_t data[100];
	struct ctr_frame head;
	const uint8_t *bytes;
	char text[200];
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
	ctr_channel_init(&channel, pair[0]);
	channel.unread_max = 64;
	ctr_channel_send(&channel, CTR_FRAME_DATA, CTR_STREAM_IN, 0, data, sizeof(data));
	assert_int_equal(ctr_channel_flush(&channel), 0);
	assert_int_equal(read(pair[1], text, sizeof(text)), 64);
	assert_false(ctr_channel_waits(&channel));
	assert_int_equal(ctr_channel_flush(&channel), 0);
	assert_int_equal(read(pair[1], text, sizeof(text)), -1);

	say_read(pair[1], 10);
	assert_int_equal(ctr_channel_read(&channel), 1);
	assert_int_equal(ctr_channel_next(&channel, &head, &bytes), 0);
	assert_true(ctr_channel_waits(&channel));
	assert_int_equal(ctr_channel_flush(&channel), 0);
	assert_int_equal(read(pair[1], text, sizeof(text)), 10);

	say_read(pair[1], 65);
	assert_int_equal(ctr_channel_read(&channel), 1);
	assert_int_equal(ctr_channel_next(&channel, &head, &bytes), -EBADMSG);
	ctr_channel_release(&channel);
	close(pair[0]);
	close(pair[1]);
}

static void sending(void **state)
{
	struct ctr_frame head;
	int pair[2];
	char text[64];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
	ctr_channel_init(&channel, pair[0]);
	channel.held = true;
	ctr_channel_send(&channel, CTR_FRAME_DATA, CTR_STREAM_IN, 7, "hello", 5);
	assert_false(ctr_channel_waits(&channel));
	assert_int_equal(ctr_channel_flush(&channel), 0);
	assert_int_equal(read(pair[1], text, sizeof(text)), -1);
	channel.held = false;
	assert_true(ctr_channel_waits(&channel));
	assert_int_equal(ctr_channel_flush(&channel), 0);
	assert_false(ctr_channel_waits(&channel));
	assert_int_equal(read(pair[1], &head, sizeof(head)), sizeof(head));
	assert_int_equal(head.session, 7);
	assert_int_equal(head.length, 5);
	assert_int_equal(read(pair[1], text, sizeof(text)), 5);
	assert_memory_equal(text, "hello", 5);
	ctr_channel_release(&channel);
	close(pair[0]);
	close(pair[1]);
}

/* ---- what a guest says of itself */

static void statistics(void **state)
{
	static const char good[] =
		"memory.current\n4096\n\nmemory.max\nmax\n\nmemory.events\nlow 0\n"
		"oom 2\noom_kill 3\n\npids.current\n7\n\ncpu.stat\nusage_usec "
		"10\nuser_usec 6\nsystem_usec 4\n\nmeminfo\nMemTotal:   1024 "
		"kB\nMemFree: 1 kB\nMemAvailable:   512 kB";
	static const char *const bad[] = {
		"",
		"\n\n",
		"memory.current",
		"memory.current\n",
		"memory.current\n\n\n\n",
		"meminfo\nMemTotal:",
		"memory.events\n\nx\noom_kill 3\n",
		"memory.current\n-5\n\n",
	};
	struct ctr_guest_stats stats;
	char text[] = "1 0 4 a\033[31m\377\n\177b\n";

	(void)state;
	ctr_vm_parse_stats(good, &stats);
	assert_int_equal(stats.memory, 4096);
	assert_true(stats.memory_max == UINT64_MAX);
	assert_int_equal(stats.oom_kills, 3);
	assert_int_equal(stats.pids, 7);
	assert_int_equal(stats.cpu, 10);
	assert_int_equal(stats.cpu_user, 6);
	assert_int_equal(stats.cpu_system, 4);
	assert_int_equal(stats.memory_total, 1024 * 1024);
	assert_int_equal(stats.memory_available, 512 * 1024);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ctr_vm_parse_stats(bad[i], &stats);
		assert_int_equal(stats.memory, 0);
		assert_int_equal(stats.oom_kills, 0);
		assert_int_equal(stats.memory_total, 0);
	}
	ctr_vm_parse_stats("meminfo\nMemTotal: 99999999999999999999 kB\n", &stats);
	assert_true(stats.memory_total == UINT64_MAX);

	ctr_vm_make_printable(text);
	assert_string_equal(text, "1 0 4 a?[31m?\n?b\n");
}

/* ---- questions */

/* A guest that always has more to say decides nothing about when who asks is answered. */
static void deadline(void **state)
{
	const struct ctr_control_request request = { .kind = CTR_CONTROL_PROCESSES };
	const struct ctr_control_question question = {
		.request = &request,
		.length = sizeof(request),
		.what = "processes",
		.timeout_ms = 300,
	};
	const struct ctr_control_reply more = { .status = 1 };
	const struct timespec nap = { .tv_nsec = 100000000 };
	char *path = unit_make_dir();
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int listening = ctr_unix_bind(dir, CTR_CONTROL_SOCKET, SOCK_SEQPACKET);
	struct ctr_error err = { 0 };
	struct timespec begin, end;
	pid_t pid;

	(void)state;
	assert_true(listening >= 0);
	assert_int_equal(listen(listening, 1), 0);
	pid = fork();
	if (pid == 0) {
		int fd = accept(listening, NULL, NULL);

		while (send(fd, &more, sizeof(more), MSG_NOSIGNAL) > 0)
			(void)nanosleep(&nap, NULL);
		_exit(0);
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(ctr_control_ask(dir, &question, NULL, NULL, &err), -1);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_string_equal(err.text, "processes: the virtual machine does not answer");
	/* 256 answers would take 25 seconds */
	assert_true(end.tv_sec - begin.tv_sec < 10);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(listening);
	close(dir);
	unit_remove_dir(path);
}

/* ---- limits of a guest that runs */

static const struct ctr_vm foreign = { .hypervisor = { .path = "/opt/bin/firecracker" } };
static const struct ctr_vm given = { .hypervisor = { .path = "/opt/bin/qemu-system-x86_64" } };

static void updates(void **state)
{
	static const int64_t mib = CTR_VM_MIB;
	const struct {
		struct ctr_memory memory;
		const char *why; /* NULL: nothing is asked of the guest */
	} cases[] = {
		{{ .has_limit = true },						   NULL},
		{ { .has_swap = true },						   NULL},
		{ { .has_swap = true, .swap = 64 * mib },
                 "linux.resources.memory.swap: --isolation vm cannot change it while it runs" },
		{ { .has_swap = true, .swap = -1 },
                 "linux.resources.memory.swap: --isolation vm cannot change it while it runs" },
		{ { .has_limit = true, .limit = 64 * mib, .has_swap = true, .swap = 1 },
                 "linux.resources.memory.swap: memory+swap limit should be >= memory limit: "
		  "1 is less than 67108864"						   },
		{ { .has_limit = true, .limit = -2 },
                 "linux.resources.memory.limit: -2 is neither an amount nor -1 (unlimited)"   },
		{ { .has_limit = true, .limit = 193 * mib },
                 "linux.resources.memory.limit: 202375168: the guest was started with 256 MiB, "
		  "64 of them for its kernel"						 },
		{ { .has_reservation = true, .reservation = 1 },
                 "linux.resources.memory.reservation: --isolation vm cannot change it while it "
		  "runs"								      },
 /* the guest would be asked, and there is none */
		{ { .has_limit = true, .limit = 64 * mib, .has_swap = true, .swap = -1 },
                 "linux.resources.memory.limit: the virtual machine does not answer"          },
		{ { .has_limit = true, .limit = 64 * mib, .check_before_update = true },
                 "statistics: the virtual machine does not answer"                            },
	};
	struct ctr_vm_setup vm = { .memory = 256 * mib };
	struct ctr_machine machine = {
		.backend = ctr_backend_find("vm"),
		.arena = &arena,
		.own = &vm,
	};
	char *path = unit_make_dir();
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct ctr_resources update = { .memory = &cases[i].memory };
		const struct ctr_resources *host = NULL;
		struct ctr_error err = { 0 };
		int r = ctr_vm_update(&machine, dir, &update, &host, &err);

		print_message("# %zu: %s\n", i, err.text);
		assert_int_equal(r, cases[i].why ? -1 : 0);
		if (cases[i].why)
			assert_true(strncmp(err.text, cases[i].why, strlen(cases[i].why)) == 0);
		else
			assert_null(host->memory);
	}
	/* another hypervisor: nothing is asked of the guest, or it would not answer */
	vm.config = &foreign;
	{
		const struct ctr_memory memory = { .has_limit = true, .limit = 64 * mib };
		const struct ctr_resources update = { .memory = &memory };
		const struct ctr_resources *host = NULL;
		struct ctr_error err = { 0 };

		assert_int_equal(ctr_vm_update(&machine, dir, &update, &host, &err), -1);
		assert_string_equal(err.text,
				    "linux.resources.memory.limit: vm.hypervisor.path: "
				    "'/opt/bin/firecracker' cannot change it while it runs");
		assert_null(host->memory);
	}
	close(dir);
	unit_remove_dir(path);
}

/* What the host's cgroup has to allow before the guest may take it. */
static void footprint(void **state)
{
	static const struct {
		int64_t limit;
		uint64_t mib;
	} cases[] = {
		{0,		       0  },
		{ -1,                     320},
		{ 100LL * CTR_VM_MIB,     228},
		{ 100LL * CTR_VM_MIB - 1, 228},
		{ 1,		      160},
		{ 192LL * CTR_VM_MIB,     320},
	};
	struct ctr_vm_setup vm = { .memory = 256ULL * CTR_VM_MIB };
	struct ctr_machine machine = { .backend = ctr_backend_find("vm"), .own = &vm };

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct ctr_memory memory = { .has_limit = true, .limit = cases[i].limit };
		const struct ctr_resources update = { .memory = &memory };

		assert_int_equal(ctr_vm_footprint(&machine, &update), cases[i].mib * CTR_VM_MIB);
	}
	{
		const struct ctr_memory memory = { .has_limit = true, .limit = -1 };
		const struct ctr_resources update = { .memory = &memory };

		vm.config = &given;
		assert_int_equal(ctr_vm_footprint(&machine, &update), 320ULL * CTR_VM_MIB);
		/* no balloon */
		vm.config = &foreign;
		assert_int_equal(ctr_vm_footprint(&machine, &update), 0);
		vm.config = NULL;
		machine.backend = ctr_backend_find("uml");
		assert_int_equal(ctr_vm_footprint(&machine, &update), 0);
	}
}

/* ---- what a document asks of a machine */

static void resources(void **state)
{
	static const struct ctr_hugepage_limit none = { "2MB", 0 }, some = { "2MB", 1 };
	static const struct ctr_block_io empty, weight = { .weight = 10, .has_weight = true };
	static const struct ctr_string_pair guests[] = {
		{"memory.oom.group", "1"  },
                { "memory.high",     "max"}
	};
	static const struct ctr_string_pair words = { "memory.high", "1 2" };
	static const struct ctr_string_pair line = { "memory.high", "1\ncgroup x y" };
	static const struct ctr_string_pair hosts = { "cpu.weight", "10" };
	static const struct {
		struct ctr_resources given;
		const char *why; /* NULL: it is accepted */
	} cases[] = {
		{{ .block_io = &empty },                               NULL                                      },
		{ { .block_io = &weight },
                 "linux.resources.blockIO: --isolation vm cannot do this"                                        },
		{ { .hugepage_limits = &none, .nhugepage_limits = 1 }, NULL                                      },
		{ { .hugepage_limits = &some, .nhugepage_limits = 1 },
                 "linux.resources.hugepageLimits: --isolation vm cannot do this"                                 },
		{ { .unified = guests, .nunified = 2 },                NULL                                      },
		{ { .unified = &words, .nunified = 1 },
                 "linux.resources.unified[\"memory.high\"]: '1 2': --isolation vm cannot do this"                },
		{ { .unified = &line, .nunified = 1 },                 "linux.resources.unified[\"memory.high\"]"},
		{ { .unified = &hosts, .nunified = 1 },
                 "linux.resources.unified[\"cpu.weight\"]: '10': --isolation vm cannot do this"                  },
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct ctr_linux config = { .resources = &cases[i].given };
		const struct ctr_spec spec = { .linux_ = &config };
		const struct ctr_machine machine = { .backend = ctr_backend_find("vm"),
						     .spec = &spec };
		struct ctr_error err = { 0 };
		int r = ctr_vm_check_resources(&machine, &err);

		print_message("# %zu: %s\n", i, err.text);
		assert_int_equal(r, cases[i].why ? -1 : 0);
		if (cases[i].why)
			assert_true(strncmp(err.text, cases[i].why, strlen(cases[i].why)) == 0);
	}
}

/* containerd says all of linux.resources in an update. */
static void repeats(void **state)
{
	static const struct ctr_device_rule deny = {
		.type = CTR_DEVICE_ALL, .major = -1, .minor = -1, .access = 7
	};
	static const struct ctr_device_rule allow[] = {
		{.allow = true, .type = CTR_DEVICE_ALL, .major = -1, .minor = -1, .access = 7}
	};
	static const struct ctr_string_pair group = { "memory.oom.group", "1" };
	static const struct ctr_string_pair other = { "memory.oom.group", "0" };
	const struct ctr_resources has = {
		.devices = &deny,
		.ndevices = 1,
		.has_devices = true,
		.unified = &group,
		.nunified = 1,
	};
	const struct {
		struct ctr_resources update;
		const char *why;
	} cases[] = {
		{has,						       NULL         },
		{ { .devices = allow, .ndevices = 1, .has_devices = true },
                 "linux.resources.devices: --isolation vm cannot change it while it runs"},
		{ { .has_devices = true },
                 "linux.resources.devices: --isolation vm cannot change it while it runs"},
		{ { .unified = &other, .nunified = 1 },
                 "linux.resources.unified: --isolation vm cannot change it while it runs"},
	};
	struct ctr_vm_setup vm = { .memory = 256ULL * CTR_VM_MIB, .resources = &has };
	struct ctr_machine machine = {
		.backend = ctr_backend_find("vm"),
		.arena = &arena,
		.own = &vm,
	};

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct ctr_resources *host = NULL;
		struct ctr_error err = { 0 };
		int r = ctr_vm_update(&machine, -1, &cases[i].update, &host, &err);

		print_message("# %zu: %s\n", i, err.text);
		assert_int_equal(r, cases[i].why ? -1 : 0);
		if (cases[i].why)
			assert_string_equal(err.text, cases[i].why);
	}
}

/* Of what they document as their limits, before they are started. */
static void other_limits(void **state)
{
	static const struct ctr_vm config = { .hypervisor = { .path = "/opt/bin/firecracker" } };
	struct ctr_vm_setup vm = {
		.vmm = CTR_VMM_FIRECRACKER,
		.hypervisor = "/opt/bin/firecracker",
		.config = &config,
		.kvm = true,
		.vcpus = 32,
	};
	const struct ctr_machine machine = { .backend = ctr_backend_find("microvm"),
					     .arena = &arena };
	struct ctr_error err = { 0 };

	(void)state;
	assert_int_equal(ctr_foreign_check(&machine, &vm, &err), 0);
	vm.vcpus = 33;
	assert_int_equal(ctr_foreign_check(&machine, &vm, &err), -1);
	assert_string_equal(err.text, "33 processors: vm.hypervisor.path: '/opt/bin/firecracker' "
				      "cannot do this");
	vm.vmm = CTR_VMM_CLOUD_HYPERVISOR;
	assert_int_equal(ctr_foreign_check(&machine, &vm, &err), 0);
}

/* ---- the choice of a backend */

static void choice(void **state)
{
	static const struct ctr_string_pair krun = { "run.oci.handler", "krun" };
	static const struct ctr_string_pair own = { "org.ctr.isolation", "process" };
	static const struct ctr_string_pair both[] = {
		{"run.oci.handler",    "krun"},
                { "org.ctr.isolation", "vm"  }
	};
	static const struct ctr_string_pair sandbox[] = {
		{"io.kubernetes.cri.container-type", "sandbox"},
		{ "org.ctr.isolation",               "uml"    },
	};
	static const struct ctr_string_pair crio = { "io.kubernetes.cri-o.ContainerType",
						     "sandbox" };
	static const struct ctr_string_pair of_image[] = {
		{"io.kubernetes.cri.container-type", "sandbox"},
		{ "io.container.manager",            "libpod" },
	};
	static const struct ctr_string_pair of_author[] = {
		{"io.kubernetes.cri.container-type",   "sandbox"  },
		{ "io.kubernetes.cri-o.ContainerType", "container"},
	};
	static const struct ctr_string_pair plain = { "org.ctr.isolation", "container" };
	static const struct ctr_string_pair in_pod = { "io.kubernetes.cri.container-type",
						       "container" };
	static const struct {
		const struct ctr_string_pair *annotations;
		size_t n;
		const char *option, *program, *name;
	} cases[] = {
		{NULL,       0, NULL,        "ctr",    "container"},
		{ NULL,      0, "vm",        "ctr",    "vm"       },
		{ NULL,      0, NULL,        "ctr-vm", "microvm"  },
		{ &krun,     1, NULL,        "ctr",    "microvm"  },
		{ both,      2, NULL,        "ctr-vm", "vm"       },
 /* what confines less is not an annotation's to choose */
		{ &own,      1, NULL,        "ctr-vm", NULL       },
		{ &own,      1, NULL,        "ctr",    NULL       },
		{ &own,      1, "process",   "ctr",    "process"  },
		{ &plain,    1, NULL,        "ctr",    "container"},
		{ &plain,    1, NULL,        "ctr-vm", NULL       },
		{ both,      2, NULL,        "ctr",    "vm"       },
		{ both,      2, "container", "ctr-vm", "container"},
		{ NULL,      0, "x",         "ctr",    NULL       },
 /* a pod's sandbox holds namespaces, whatever its containers are */
		{ sandbox,   1, NULL,        "ctr-vm", "container"},
		{ sandbox,   2, NULL,        "ctr",    "container"},
		{ sandbox,   2, "vm",        "ctr",    "vm"       },
		{ &crio,     1, NULL,        "ctr-vm", "container"},
		{ &in_pod,   1, NULL,        "ctr-vm", "microvm"  },
		{ of_image,  2, NULL,        "ctr-vm", "microvm"  },
		{ of_author, 2, NULL,        "ctr-vm", "microvm"  },
	};
	struct ctr_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ctr_spec spec = { .annotations = cases[i].annotations,
					       .nannotations = cases[i].n };
		const struct ctr_backend *backend =
			ctr_backend_choose(&spec, cases[i].option, cases[i].program, &err);

		if (!cases[i].name)
			assert_null(backend);
		else
			assert_string_equal(backend->name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines), cmocka_unit_test(other_hypervisors),
		cmocka_unit_test(payloads),      cmocka_unit_test(pvh),
		cmocka_unit_test(not_unpacked),  cmocka_unit_test(archives),
		cmocka_unit_test(modules),       cmocka_unit_test(versions),
		cmocka_unit_test(frames),        cmocka_unit_test(sending),
		cmocka_unit_test(choice),        cmocka_unit_test(statistics),
		cmocka_unit_test(deadline),      cmocka_unit_test(updates),
		cmocka_unit_test(footprint),     cmocka_unit_test(unread),
		cmocka_unit_test(resources),     cmocka_unit_test(repeats),
		cmocka_unit_test(other_limits),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
