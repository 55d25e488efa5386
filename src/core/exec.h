/* ctr exec: one more process in a running container. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctr_context;
struct ctr_error;

struct ctr_exec_options {
	const char *id;
	const char *process_file; /* --process: a process document; else args */
	const char *const *args;
	size_t nargs;
	const char *cwd;
	const char *const *env; /* added to the container's */
	size_t nenv;
	const char *user; /* USER or USER:GROUP, names or numbers */
	const char *const *additional_gids;
	size_t nadditional_gids;
	const char *const *caps; /* added: bounding, effective, permitted; ambient if inheritable */
	size_t ncaps;
	const char *selinux_label, *apparmor_profile;
	const char *cgroup; /* sub-cgroup of the container's */
	const char *pid_file, *console_socket, *pidfd_socket;
	const char *detach_keys; /* what ends only our part in a terminal; NULL */
	bool tty, detach, no_new_privs, ignore_paused;
	uint32_t preserve_fds;
};

/* *@status: exit status of the process (128+n for signal n), 0 with ->detach, CTR_DETACHED when
 * somebody typed ->detach_keys. */
int ctr_exec(struct ctr_context *context, const struct ctr_exec_options *options, int *status,
	     struct ctr_error *err);
