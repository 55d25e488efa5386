/* What is asked of CRIU, as a list of its options by name (rpc.proto), for ctr-criu. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "oci/spec.h"

struct ctr_arena;
struct ctr_error;
struct ctr_externals;
struct ctr_streams;

enum ctr_criu_cgroups {
	CTR_CRIU_CGROUPS_SOFT,
	CTR_CRIU_CGROUPS_FULL,
	CTR_CRIU_CGROUPS_STRICT,
	CTR_CRIU_CGROUPS_IGNORE, /* processes stay in the cgroup that they are made in */
	CTR_CRIU_CGROUPS_NONE,
	CTR_CRIU_CGROUPS_PROPS,
};

enum ctr_criu_lsm {
	CTR_CRIU_LSM_NONE,
	CTR_CRIU_LSM_APPARMOR,
	CTR_CRIU_LSM_SELINUX,
};

/* Flags that checkpoint and restore have in common, as the command line gives them. */
struct ctr_criu_flags {
	const char *image_path, *work_path; /* directories; NULL: the default */
	const char *manage_cgroups_mode;    /* NULL: soft */
	const char *page_server;            /* "ADDRESS:PORT" */
	const char *const *empty_ns;
	size_t nempty_ns;
	const char *lsm_profile, *lsm_mount_context;
	uint32_t status_fd; /* 0: none */
	bool tcp_established, tcp_close, tcp_skip_in_flight, ext_unix_sk, shell_job, file_locks;
	bool lazy_pages, auto_dedup, link_remap;
	/* dump alone */
	const char *parent_path;
	bool leave_running, pre_dump;
	bool paused; /* restore: leave it so */
	/* by ctr_criu_flags_decode() */
	enum ctr_criu_cgroups cgroups; /* of manage_cgroups_mode */
	enum ctr_criu_lsm lsm;         /* of lsm_profile */
};

/* Decode the words among @flags, which are the command line's: 0, or -1 and @err. */
int ctr_criu_flags_decode(struct ctr_criu_flags *flags, struct ctr_error *err);

/* Options as "NAME=VALUE". */
struct ctr_criu_list {
	const char **items;
	size_t count, size;
	struct ctr_arena *arena;
};

void ctr_criu_list_init(struct ctr_criu_list *list, struct ctr_arena *arena);

/* A namespace that the container has joined. */
struct ctr_criu_namespace {
	enum ctr_ns_kind kind;
	unsigned long inode; /* dump */
	int fd;              /* restore */
	const char *path;    /* restore */
};

/* All of a request that is not a flag. */
struct ctr_criu_request {
	const struct ctr_criu_flags *flags;
	int images, work;   /* descriptors of directories */
	const char *config; /* CRIU's configuration file for requests; NULL */
	const char *root;   /* of the container, on the host */
	const struct ctr_externals *mounts;
	const struct ctr_streams *streams;
	const struct ctr_criu_namespace *namespaces;
	size_t nnamespaces;
	bool made_network; /* by ctr: its contents are made anew, not dumped */
	/* dump */
	pid_t pid;
	const char *freezer; /* directory of the container's cgroup */
	/* restore */
	const char *cgroup; /* path below the mount of cgroup2; NULL: none */
};

/* Of decoded flags. An address that is none is the caller's fault: 0, or -1 and @err. */
int ctr_criu_dump_options(struct ctr_criu_list *out, const struct ctr_criu_request *request,
			  struct ctr_error *err);
int ctr_criu_restore_options(struct ctr_criu_list *out, const struct ctr_criu_request *request,
			     struct ctr_error *err);
