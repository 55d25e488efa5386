/*
 * One virtual machine, as it is decided before anything is made: what translate finds in the
 * document, and what prepare adds. In the machine's arena (machine->own).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"
#include "vm/foreign.h"

struct ctr_arena;
struct ctr_buf;
struct ctr_error;
struct ctr_machine;
struct ctr_plan_header;
struct stat;

enum {
	CTR_VM_BOOT_SECONDS = 600, /* translated code on a busy machine takes minutes */
	CTR_VM_MIB = 1 << 20,
	CTR_VM_MEMORY = 256,         /* MiB, where nothing is said */
	CTR_VM_MEMORY_MIN = 96,      /* what a distribution's kernel boots in */
	CTR_VM_MEMORY_MAX = 1 << 26, /* what processors of today can address */
	CTR_VM_MEMORY_GUEST = 64,    /* what the guest's kernel takes of it */
	CTR_VM_MEMORY_HOST = 64,     /* what the hypervisor takes beside it */
	CTR_VM_FILE_MAX = 1 << 20,   /* a read-only file up to that size is copied into the guest */
	CTR_VM_NICS = 4,             /* a microvm has eight places for devices */
};

/* A bind mount: copied, or shared with the host. */
struct ctr_vm_bind {
	const char *source; /* on the host */
	size_t index;       /* of mounts[] */
	bool own;           /* a file of ctr's own, which is written later */
	/* look.c */
	const char *guest; /* in the guest's first root */
	bool directory, readonly, copied;
};

/* An interface of the guest. */
struct ctr_vm_nic {
	const char *name, *mac; /* "02:00:00:00:00:01" */
	const char *tap_name;
	int fd;      /* a tap, or a socket to passt */
	bool stream; /* it is a socket */
};

struct ctr_vm_setup {
	uint64_t memory; /* bytes of RAM */
	uint32_t vcpus;
	const struct ctr_vm *config;           /* the document's; NULL */
	const struct ctr_process *process;     /* the document's */
	const struct ctr_resources *resources; /* the document's; NULL */
	const char *root;                      /* its root.path */
	struct ctr_spec *guest;                /* the guest's view of the document, */
	struct ctr_mount *mounts;              /* and its mounts, which look.c completes */
	struct ctr_vm_bind *binds;
	size_t nbinds, nshared;
	int64_t memory_max, pids_max; /* of the container in the guest; 0: none */
	bool all_root;                /* the document's only id is root's */
	bool kvm;
	uint32_t boot_seconds; /* that the guest may take until it speaks */
	bool privileged;       /* the caller is, on this host */
	bool pod;              /* it is a pod's container: pod.h */
	int claim;             /* in the monitor: on the pod's network; -1 */
	enum ctr_vmm vmm;

	/* network.c, in the monitor */
	struct ctr_vm_nic nics[CTR_VM_NICS];
	size_t nnics;
	const char *network; /* its lines of the guest's config; NULL */

	/* prepare */
	const char *hypervisor;   /* program */
	const char *kernel;       /* image file */
	const char *version;      /* of it: "6.1.0-56-cloud-amd64" */
	const char *modules;      /* directory of its modules */
	int initramfs;            /* base archive, open; -1 */
	int common;               /* what QEMU maps, open (common.c); -1 */
	uint64_t archives;        /* bytes of it, its last ones */
	int image;                /* of the root file system, open; -1 */
	const char *image_format; /* QEMU's name */
	const char *image_types;  /* file systems to try, comma-separated */
};

/* ---- look.c */

/* Look at what the document names on this host, and complete the guest's view by it. 0, or -1 and
 * @err. */
int ctr_vm_look(const struct ctr_machine *machine, struct ctr_error *err);
/* Enter @namespace of the document by setns(2) with @flag; it must not be the one at @own_path, the
 * host's. 0, or -1 and @err. */
int ctr_vm_enter(const struct ctr_machine *machine, const struct ctr_namespace *namespace, int flag,
		 const char *own_path, struct ctr_error *err);

/* ---- kernel.c */

/* Find the kernel image, its version and its modules. 0, or -1 and @err. */
int ctr_vm_find_kernel(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		       struct ctr_error *err);
/* Find the version of the kernel ->kernel. 0, or -1 and @err. */
int ctr_vm_read_version(struct ctr_vm_setup *setup, struct ctr_arena *arena, struct ctr_error *err);
/* The version inside a kernel image of @size bytes: a bzImage or a vmlinux. NULL: neither. */
const char *ctr_vm_kernel_version(const uint8_t *image, size_t size, struct ctr_arena *arena);

/* ---- unpack.c */

/* What a bzImage has packed: where it is, and the program that unpacks it. */
struct ctr_vm_payload {
	uint64_t begin, length;
	uint32_t unpacked; /* bytes, as the file says */
	const char *program;
};

/* Of an @image of @size bytes, which may be anything. 0, -EINVAL: it is no bzImage, -ENOTSUP: it is
 * packed otherwise. */
int ctr_vm_kernel_payload(const uint8_t *image, size_t size, struct ctr_vm_payload *out);
/* Make ->kernel an ELF file: itself, or one of the cache. 0, or -1 and @err. */
int ctr_vm_unpack_kernel(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
			 struct ctr_error *err);
/* Has the ELF file @image of @size bytes, which may be anything, an entry for hypervisors (PVH)? */
bool ctr_vm_kernel_has_pvh(const uint8_t *image, size_t size);
/* Make ->kernel what QEMU maps, where it can be unpacked and has that entry; else leave it: of a
 * packed one each QEMU has a copy, and its guest room to unpack it in. */
void ctr_vm_choose_kernel(const struct ctr_machine *machine, struct ctr_vm_setup *setup);

/* ---- loader.c */

enum {
	CTR_VM_LOADER_HEAD = 0x218,   /* bytes of a kernel that tell whether it can be loaded so */
	CTR_VM_COMMON_MAX = 30 << 20, /* in CTR_VM_MEMORY_MIN it is there twice for a moment */
};

/* A kernel that loads the packed one with which @packed, any file, begins, the archives which are
 * its last @common bytes, and @archive behind them, where @packed is given as the initrd: QEMU maps
 * that, and would copy a kernel. A file without a name, which the caller closes; -ENOTSUP: the
 * kernel cannot be loaded like this, or is smaller than @archive; -errno. */
int ctr_vm_loader(int packed, uint64_t common, int archive);
/* Of @head, the first bytes of a kernel of @size: how many run in real mode. 0: it is none that can
 * be loaded like this. */
size_t ctr_vm_loader_setup(const uint8_t head[CTR_VM_LOADER_HEAD], uint64_t size);

/* ---- common.c */

/* Make or find the file for ctr_vm_loader() of ->kernel and all archives but the instance's. Sets
 * ->common; it stays -1 where there can be none, and QEMU has copies. */
void ctr_vm_common(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int cache);

/* ---- modules.c */

/* Of a modules.dep and modules.builtin text: the files of @names (NULL-terminated) and all they
 * need, in the order to load them. NULL-terminated, in @arena; NULL and @err names what is neither
 * there nor built in. */
const char **ctr_vm_modules(const char *dep, const char *builtin, const char *const *names,
			    struct ctr_arena *arena, struct ctr_error *err);

/* ---- initramfs.c */

/* Make or find the base archive: ctr-init and the modules of @names. Sets ->initramfs. */
int ctr_vm_base(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int cache,
		const char *const *names, struct ctr_error *err);
/* The archive of this instance: what the guest does (@config), its session and its files. */
int ctr_vm_instance(const struct ctr_vm_setup *setup, const char *config, const void *session,
		    size_t session_size, struct ctr_buf *archive, struct ctr_error *err);

/* ---- rootimage.c */

/* Make or find the image of the tree at @root. Sets ->image. */
int ctr_vm_image(const struct ctr_machine *machine, struct ctr_vm_setup *setup, int cache,
		 const char *root, struct ctr_error *err);
/* The file that the guest's root file system comes of: the document's, or the one of the cache,
 * which may not be made yet. In @machine's arena. */
const char *ctr_vm_image_file(const struct ctr_machine *machine, const struct ctr_vm_setup *setup);

/* ---- imagefile.c */

/* Open the document's own image. Sets ->image. 0, or -1 and @err. */
int ctr_vm_image_given(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		       struct ctr_error *err);
/* Why the image @fd cannot be had: it is none of @format, or names other files. NULL: it can. */
const char *ctr_vm_image_refused(int fd, enum ctr_image_format format);

/* ---- cache.c */

/* Open the cache directory, which is made if need be and is ours alone to write. */
int ctr_vm_cache_open(const char *path, struct ctr_error *err);
/* The lock of what is called @name in there, for as long as the descriptor is open. -errno;
 * -EWOULDBLOCK where another has it and we do not @wait, -EINTR where somebody asks for our end. */
int ctr_vm_cache_lock(int cache, const char *name, bool wait);
/* Open file @name in there, which is ours alone to write; @st is what it is. -1: there is none. */
int ctr_vm_cache_file(int cache, const char *name, struct stat *st);
/* Of what something is made: one line more in @facts, which changes as the file @st does. Whoever
 * makes it reads that file by the descriptor that @st is of. */
void ctr_vm_cache_fact(struct ctr_buf *facts, const struct stat *st);
/* Of what was made once of @facts: make file @name of @size bytes of @data, and open it. A
 * descriptor, or -1 and @err, with nothing left. The caller has the lock of that name. */
int ctr_vm_cache_put(int cache, const char *name, struct ctr_buf *facts, const void *data,
		     size_t size, mode_t mode, struct ctr_error *err);
/* Open it again, if it is still what was made, and of the same: nothing has written it, or stands
 * in its place. -1: it has to be made. */
int ctr_vm_cache_get(int cache, const char *name, struct ctr_buf *facts);
/* What tells names apart, their last sixteen digits: of @size bytes (FNV-1a). Who may choose what
 * it is made of can find another with the same, so a name alone proves nothing. */
uint64_t ctr_vm_cache_hash(const void *data, size_t size);
/* Take away what was not used for a month, and of the rest what was used longest ago, as long as it
 * is more than 8 GiB; nothing of this minute, and nothing that is being made. */
void ctr_vm_cache_prune(int cache);

/* ---- session.c */

/* The beginning of a session (plan/frame.h) with its plan, in @arena. */
const void *ctr_vm_session(const struct ctr_plan_header *plan, uint64_t namespaces,
			   const struct ctr_process *process, struct ctr_arena *arena,
			   size_t *size);

/* ---- probe.c */

/* Program @name in PATH, in @arena; NULL: there is none. */
const char *ctr_vm_find_program(const char *name, struct ctr_arena *arena);

/* ---- machine.c */

/* What every guest needs: the initramfs with @modules, and the image of the root file system. */
int ctr_vm_prepare_with(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
			const char *const *modules, struct ctr_error *err);

/* ---- limits.c */

/* Is there something in linux.resources that neither the guest nor the host's cgroup does? 0, or -1
 * and @err. */
int ctr_vm_check_resources(const struct ctr_machine *machine, struct ctr_error *err);
bool ctr_vm_asks_block_io(const struct ctr_resources *resources);
bool ctr_vm_asks_huge_pages(const struct ctr_resources *resources);
/* Does @update say of these only what @given (may be NULL) says? */
bool ctr_vm_repeats_devices(const struct ctr_resources *given, const struct ctr_resources *update);
bool ctr_vm_repeats_unified(const struct ctr_resources *given, const struct ctr_resources *update);
/* How large the machine is, and what its container may have of it. 0, or -1 and @err. */
int ctr_vm_size(const struct ctr_machine *machine, struct ctr_vm_setup *setup,
		struct ctr_error *err);
/* What the host's cgroup is to have, in @machine's arena. */
const struct ctr_resources *ctr_vm_host_resources(const struct ctr_machine *machine,
						  const struct ctr_vm_setup *setup);

/* ---- translate.c: see backend.h */
int ctr_vm_translate(struct ctr_machine *machine, struct ctr_error *err);
