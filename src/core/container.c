/* An existing container, looked at from outside. */
#include "core/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "core/context.h"
#include "core/network.h"
#include "core/place.h"
#include "oci/load.h"
#include "vm/backend.h"

static int open_in(struct ctr_container *container, const struct ctr_context *context, int root,
		   enum ctr_state_lock lock, struct ctr_error *err)
{
	const char *id = container->id;

	container->dir = ctr_state_open(root, id, lock, &container->locked, err);
	if (container->dir < 0)
		return -1;

	if (ctr_record_read(&container->record, container->dir, id, context->arena, err) < 0) {
		if (!err || err->fault != CTR_FAULT_NOT_FOUND)
			return -1;
		/* Another ctr is between mkdir and its first record, or died there. */
		container->record = (struct ctr_record){ .id = id, .bundle = "", .created = "" };
	}

	if (container->record.pid == 0)
		ctr_place_read_claim(&container->record, container->dir);
	ctr_place_from_record(&container->cgroup, &container->record, context);
	return 0;
}

int ctr_container_open_in(struct ctr_container *out, const struct ctr_context *context, int root,
			  const char *id, struct ctr_error *err)
{
	*out = (struct ctr_container)CTR_CONTAINER_INIT;
	out->id = id;
	return open_in(out, context, root, CTR_LOCK_NONE, err);
}

int ctr_container_open(struct ctr_container *out, const struct ctr_context *context, const char *id,
		       enum ctr_state_lock lock, struct ctr_error *err)
{
	*out = (struct ctr_container)CTR_CONTAINER_INIT;
	if (ctr_id_check(id, err) < 0)
		return -1;

	out->id = id;
	out->root = ctr_context_open_root(context, false, err);
	if (out->root < 0) {
		/* No root: no container. The words are what engines look for. */
		if (err && err->fault == CTR_FAULT_NOT_FOUND)
			return ctr_fail(err, CTR_FAULT_NOT_FOUND, 0,
					"container `%s` does not exist", id);
		return -1;
	}

	return open_in(out, context, out->root, lock, err);
}

void ctr_container_release(struct ctr_container *container)
{
	ctr_cgroup_close(&container->cgroup);
	if (container->dir >= 0)
		close(container->dir);
	if (container->root >= 0)
		close(container->root);
	container->dir = container->root = -1;
}

bool ctr_container_is_alive(const struct ctr_container *container)
{
	const struct ctr_record *record = &container->record;
	uint64_t start_time = 0;
	char state = 0;

	if (record->pid <= 0 || ctr_process_stat(record->pid, &start_time, &state) < 0)
		return false;

	return start_time == record->start_time && state != 'Z' && state != 'X';
}

/* Is its process ctr-init yet, of memory or installed (core/image.c)? Maybe, where it cannot be
 * seen. Not by its arguments: they lie in memory that may never answer. */
static bool may_be_init(pid_t pid)
{
	static const char name[] = "ctr-init";
	char path[32], exe[PATH_MAX];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof(exe));
	return n < 0 || memmem(exe, (size_t)n, name, strlen(name));
}

/* Hooks that run before CREATED: it may be long until then, and whoever makes it may not live to
 * see it. */
static bool has_early_hooks(const struct ctr_container *container)
{
	return container->record.hooks & (1U << CTR_HOOK_PRESTART | 1U << CTR_HOOK_CREATE_RUNTIME |
					  1U << CTR_HOOK_CREATE_CONTAINER);
}

/* Whoever makes or starts a container has its lock meanwhile. Hooks that run later may execute
 * something in it: startContainer has ctr-init wait, poststart finds the program. */
bool ctr_container_is_made(const struct ctr_container *container)
{
	return ctr_state_is_made(container->dir) || !may_be_init(container->record.pid) ||
	       (!has_early_hooks(container) && ctr_state_is_free(container->dir));
}

enum ctr_status ctr_container_status(const struct ctr_container *container)
{
	struct stat st;

	if (container->record.pid == 0)
		return CTR_STATUS_CREATING;
	if (!ctr_container_is_alive(container))
		return CTR_STATUS_STOPPED;
	if (has_early_hooks(container) && !ctr_container_is_made(container))
		return CTR_STATUS_CREATING;
	if (ctr_cgroup_is_frozen(&container->cgroup) ||
	    fstatat(container->dir, CTR_MACHINE_PAUSED, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return CTR_STATUS_PAUSED;
	if (fstatat(container->dir, "gate", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return CTR_STATUS_CREATED;

	return CTR_STATUS_RUNNING;
}

const char *ctr_status_name(enum ctr_status status)
{
	static const char *const names[] = {
		[CTR_STATUS_CREATING] = "creating", [CTR_STATUS_CREATED] = "created",
		[CTR_STATUS_RUNNING] = "running",   [CTR_STATUS_PAUSED] = "paused",
		[CTR_STATUS_STOPPED] = "stopped",
	};

	return names[status];
}

int ctr_container_pidfd(const struct ctr_container *container)
{
	_cleanup_close_ int fd = -1;

	if (container->record.pid <= 0)
		return -ESRCH;

	fd = ctr_pidfd_open(container->record.pid);
	/* EINVAL: the number is a thread's by now. */
	if (fd < 0)
		return fd == -EINVAL ? -ESRCH : fd;

	if (!ctr_container_is_alive(container))
		return -ESRCH;

	return ctr_take_fd(&fd);
}

int ctr_container_signal(const struct ctr_container *container, int sig)
{
	_cleanup_close_ int fd = ctr_container_pidfd(container);

	if (fd >= 0)
		return ctr_pidfd_kill(fd, sig);
	if (fd != -ENOSYS)
		return fd;

	/* No pidfd_open before 5.3, or a filter forbids it: the number was verified just now. */
	fd = -1;
	if (!ctr_container_is_alive(container))
		return -ESRCH;
	return kill(container->record.pid, sig) < 0 ? -errno : 0;
}

static const char *user_name(uint32_t uid, const struct ctr_context *context)
{
	char *text, *line;

	if (uid == 0)
		return "root";

	/* getpwuid(3) of a static program would load NSS modules. */
	text = ctr_file_read(context->arena, AT_FDCWD, "/etc/passwd", 1 << 20, NULL, NULL);
	for (line = text; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *name_end = strchr(line, ':');
		char *id = name_end ? strchr(name_end + 1, ':') : NULL;
		char *end;
		uint64_t value;

		if (!id || !(end = strchr(id + 1, ':')))
			continue;
		if (ctr_parse_u64(ctr_arena_strndup(context->arena, id + 1, (size_t)(end - id - 1)),
				  &value) == 0 &&
		    value == uid)
			return ctr_arena_strndup(context->arena, line, (size_t)(name_end - line));
	}

	return "";
}

void ctr_container_doc(const struct ctr_container *container, enum ctr_status status,
		       struct ctr_state_doc *doc, const struct ctr_context *context)
{
	const struct ctr_record *record = &container->record;

	*doc = (struct ctr_state_doc){
		.id = record->id,
		.pid = status == CTR_STATUS_STOPPED ? 0 : record->pid,
		.status = ctr_status_name(status),
		.bundle = record->bundle,
		.rootfs = record->rootfs,
		.created = record->created,
		.owner = user_name(record->owner, context),
		.annotations = record->annotations,
		.nannotations = record->nannotations,
	};
}

const char *ctr_container_hook_state(const struct ctr_container *container, const char *status,
				     int pid, const struct ctr_context *context)
{
	const struct ctr_record *record = &container->record;
	struct ctr_state_doc doc = {
		.id = record->id,
		.pid = pid,
		.status = status,
		.bundle = record->bundle,
		.rootfs = record->rootfs,
		.annotations = record->annotations,
		.nannotations = record->nannotations,
	};
	struct ctr_buf buf;
	struct ctr_json json;

	ctr_buf_init(&buf, context->arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_state_encode(&json, &doc);
	return ctr_buf_str(&buf);
}

struct ctr_spec *ctr_container_spec(const struct ctr_container *container,
				    const struct ctr_context *context, struct ctr_error *err)
{
	size_t len = 0;
	char *text = ctr_file_read(context->arena, container->dir, "config.json",
				   CTR_CONFIG_SIZE_MAX, &len, err);
	struct ctr_spec *spec;

	if (!text) {
		ctr_fail_within(err, "container '%s'", container->id);
		return NULL;
	}

	spec = ctr_spec_decode(context->arena, text, len, "config.json", container->record.bundle,
			       NULL, err);
	if (spec)
		ctr_network_restore(spec, container->record.network, context);
	else
		ctr_fail_within(err, "container '%s'", container->id);
	return spec;
}

struct ctr_resctrl ctr_container_resctrl(const struct ctr_container *container,
					 const struct ctr_context *context)
{
	const struct ctr_record *record = &container->record;

	return (struct ctr_resctrl){
		.mount = record->resctrl ? ctr_resctrl_mount(context->arena) : NULL,
		.group = record->resctrl,
		.id = container->id,
		.made = record->resctrl_made,
		.monitored = record->resctrl_monitored,
	};
}

static int remove_cgroup(struct ctr_container *container, const struct ctr_context *context,
			 struct ctr_error *err)
{
	struct ctr_error local;

	if (ctr_place_remove(&container->cgroup, context, &local) == 0) {
		ctr_place_sweep(&container->record, context);
		return 0;
	}
	/* A ctr that was killed made the record, and perhaps no more. */
	if (container->record.pid == 0 && local.fault == CTR_FAULT_STATE) {
		ctr_log(CTR_LOG_WARNING, "%s: it is left alone", local.text);
		return 0;
	}
	*err = local;
	return -1;
}

int ctr_container_remove(struct ctr_container *container, const struct ctr_context *context,
			 struct ctr_error *err)
{
	const struct ctr_resctrl resctrl = ctr_container_resctrl(container, context);

	if (ctr_network_remove(container->record.network, container->id, container->dir, context,
			       err) < 0 ||
	    (container->record.netns &&
	     ctr_network_restore_taken(container->record.netns, container->id, context, err) < 0) ||
	    remove_cgroup(container, context, err) < 0 ||
	    (resctrl.mount && ctr_resctrl_remove(&resctrl, context->arena, err) < 0))
		return -1;
	return ctr_state_remove(container->root, container->id, err);
}
