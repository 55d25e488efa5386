/*
 * The kinds of isolation, one table row each (ctr_backends): what a bundle runs in. core/ asks the
 * row and never for its name. A row without a function does what a container does.
 *
 * A machine is one instance on its way from the configuration to the running thing:
 *
 *   translate   pure: two views of the specification, and what is refused by name
 *   probe       can this host do it, and what is there that the specification names? Before
 *               anything is made; the guest's view is complete then
 *   prepare     kernel, initramfs, images: made or found in the cache
 *   spawn       in a process of its own, which stands for the container from then on and talks
 *               with its parent as ctr-init does (plan/msg.h)
 *
 * and for a machine that runs, by its state directory: signal, pause, resize of its limits,
 * statistics, another process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/host.h"
#include "oci/spec.h"

struct ctr_arena;
struct ctr_backend;
struct ctr_error;
struct ctr_limit;
struct ctr_plan_header;

enum ctr_backend_bits {
	CTR_BACKEND_MACHINE = 1 << 0, /* a kernel of its own: spawn instead of clone */
	CTR_BACKEND_NEEDS_KVM = 1 << 1,
	CTR_BACKEND_PARAVIRT = 1 << 2,   /* the guest's kernel knows that it is a guest */
	CTR_BACKEND_EMULATES = 1 << 3,   /* runs without KVM as well, by binary translation */
	CTR_BACKEND_BLK = 1 << 4,        /* the root file system as a block device */
	CTR_BACKEND_VIRTIOFS = 1 << 5,   /* directories of the host, live */
	CTR_BACKEND_HOT_MEMORY = 1 << 6, /* its memory can be changed while it runs */
	CTR_BACKEND_MMIO = 1 << 7,       /* its devices are on no PCI bus */
	CTR_BACKEND_PORTED = 1 << 8,     /* its kernel is a program of the host: no hypervisor */
	CTR_BACKEND_BARE = 1 << 9,       /* a process of the host, in its caller's namespaces */
};

struct ctr_machine {
	/* in */
	const struct ctr_backend *backend;
	struct ctr_arena *arena;
	const char *id;
	const char *cache;        /* directory of what is made once; absolute */
	const char *kernel;       /* --kernel; NULL: the specification's, or one of the host's */
	const char *dir;          /* path of the state directory */
	const char *const *files; /* names in there, up to NULL, that are ctr's own: bound, but
				   * written later */
	/* in: the document and the real host. out of translate: what is planned, and whose host */
	const struct ctr_spec *spec;
	const struct ctr_host *host;
	/* out of translate: the document as the host's side carries it out (cgroup, hooks) */
	const struct ctr_spec *host_spec;
	bool exists; /* it runs: translate is for another process in it */
	/* in, for prepare and spawn */
	bool asks; /* the parent has something to do (HOOKS) when the namespaces are there */
	const char *const
		*passt; /* passt(1) is its network: its options of ports; NULL: it is not */
	void *own;      /* the backend's, in the arena */
};

/* What a guest says of the container in it: its cgroup there, and its whole memory. Hostile:
 * nothing but numbers for whoever asks. */
struct ctr_guest_stats {
	uint64_t memory, memory_max, memory_peak; /* bytes; max: UINT64_MAX, none */
	uint64_t memory_total, memory_available;  /* of the guest, bytes */
	uint64_t oom_kills;
	uint64_t pids, pids_max;
	uint64_t cpu, cpu_user, cpu_system; /* us */
};

/* What spawn inherits. All stay the caller's. */
struct ctr_machine_fds {
	int sync; /* SOCK_SEQPACKET to the parent */
	int gate; /* listening start gate; -1: the parent says START itself */
	int dir;  /* the state directory */
};

struct ctr_backend {
	const char *name;  /* of --isolation */
	const char *about; /* where it stands in the taxonomy of virtualization */
	uint32_t bits;     /* enum ctr_backend_bits */

	/* 0, or -1 and @err that names the property or option which it cannot honour. */
	int (*translate)(struct ctr_machine *machine, struct ctr_error *err);
	int (*probe)(const struct ctr_machine *machine, struct ctr_error *err);
	int (*prepare)(struct ctr_machine *machine, struct ctr_error *err);
	/* In the process that becomes the container's init for the host: in its cgroup, standard
	 * streams are the container's. Returns its exit status. */
	int (*spawn)(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		     const struct ctr_machine_fds *fds);

	/* The same for another process in a machine that runs (ctr exec): @fds->gate is -1. */
	int (*exec)(struct ctr_machine *machine, const struct ctr_plan_header *plan,
		    const struct ctr_process *process, const struct ctr_machine_fds *fds);

	/* Of a running machine, by its state directory @dir. 0, or -1 and @err. */
	int (*signal)(int dir, int sig, struct ctr_error *err);
	int (*pause)(int dir, bool pause, struct ctr_error *err);
	/* The guest has @timeout_ms to answer. */
	int (*stats)(int dir, int timeout_ms, struct ctr_guest_stats *out, struct ctr_error *err);
	/* *@out: lines "PID UID RSS COMMAND" (RSS in KiB), by the numbers the container has for
	 * them, that can be shown on a terminal; in @arena. */
	int (*processes)(int dir, struct ctr_arena *arena, const char **out, struct ctr_error *err);
	/* The bytes that the host's cgroup has to allow for a machine with limits like @update; 0:
	 * as many as now. */
	uint64_t (*footprint)(const struct ctr_machine *machine,
			      const struct ctr_resources *update);
	/* New limits; *@host is what of them the host's cgroup is to have. It is set on failure,
	 * too: with ->memory the guest may still take what it was offered. */
	int (*update)(const struct ctr_machine *machine, int dir,
		      const struct ctr_resources *update, const struct ctr_resources **host,
		      struct ctr_error *err);
};

/* Ends with a row whose name is NULL. The first one is the default. */
extern const struct ctr_backend ctr_backends[];

/* By name; NULL names the default. NULL: there is none of that name. */
const struct ctr_backend *ctr_backend_find(const char *name);
/* "container, process or vm", all of them, for messages. Returns @text. */
enum { CTR_BACKEND_NAMES = 128 };
char *ctr_backend_names(char text[static CTR_BACKEND_NAMES]);

/*
 * The backend that is meant: by @option (--isolation), else by the annotation org.ctr.isolation,
 * else by run.oci.handler=krun (Podman's way to ask crun for a micro-VM), else by @program, the
 * base name ctr was called by: `ctr-vm` is installed for engines that take a runtime but no
 * options. An annotation does not choose what confines less than the program's name. The sandbox of
 * a pod (pod.h) is none of these machines: only @option makes it one. NULL and @err where a name is
 * not known.
 */
const struct ctr_backend *ctr_backend_choose(const struct ctr_spec *spec, const char *option,
					     const char *program, struct ctr_error *err);

/* For a host's view whose devices are not the container's affair: a rule that allows all. */
extern const struct ctr_device_rule ctr_all_devices;

/* The name of the file in a state directory whose being there says that the machine is paused. */
#define CTR_MACHINE_PAUSED "paused"
/* The file in there that says how a machine came up, lines of a word and nanoseconds: "began" (its
 * hypervisor was started) and "hello" (the guest has spoken) on the host's CLOCK_MONOTONIC, and of
 * the guest "uptime" at its hello and the last part of that, "init". */
#define CTR_MACHINE_BOOT   "boot"

/* process.c */
int ctr_process_translate(struct ctr_machine *machine, struct ctr_error *err);
