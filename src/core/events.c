/* ctr events: what a container uses, once or again and again until its end; and the OOM killer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "cgroup/stats.h"
#include "core/container.h"
#include "core/context.h"
#include "core/machine.h"
#include "core/stats_json.h"
#include "core/verbs.h"
#include "oci/encode.h"

/* For a guest; where there is more to look at it gets less. */
enum { ANSWER_MS = 20000, STREAM_ANSWER_MS = 2000 };

struct watch {
	const struct ctr_container *container;
	const struct ctr_events *events;
	int pidfd;
	int oom; /* memory.events, which poll(2) tells changes of; -1: no such file */
	uint64_t kills;
	const struct ctr_backend *backend;
	uint64_t guest_kills; /* of the guest's OOM killer, as far as told; the first answer tells
			       * where it begins */
	bool guest_known;
};

static int emit(const struct watch *watch, const char *type, const struct ctr_guest_stats *guest,
		struct ctr_error *err)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_stats stats;
	struct ctr_json json;
	struct ctr_buf buf;
	char path[40], text[16384];
	int r = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)watch->container->record.pid);
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_json_object(&json, NULL);
	ctr_json_string(&json, "type", type);
	ctr_json_string(&json, "id", watch->container->id);
	if (type[0] == 's') {
		ctr_json_object(&json, "data");
		if (ctr_stats_read(&watch->container->cgroup, &arena, &stats, err) < 0)
			goto out;
		ctr_stats_encode(&json, &stats);
		if (ctr_file_read_small(AT_FDCWD, path, text, sizeof(text)) > 0)
			ctr_stats_encode_network(&json, text);
		if (guest)
			ctr_stats_encode_guest(&json, guest);
		ctr_json_end_object(&json);
	}
	ctr_json_end_object(&json);
	ctr_buf_addc(&buf, '\n');
	r = watch->events->emit(watch->events->data, buf.data, buf.len, err);
out:
	ctr_arena_release(&arena);
	return r;
}

/* Where there is one that runs. Its OOM killer has been at work since it was asked last? *@killed.
 */
static bool ask_guest(struct watch *watch, struct ctr_guest_stats *guest, bool *killed)
{
	const int timeout_ms = watch->events->interval_ms > 0 ? STREAM_ANSWER_MS : ANSWER_MS;
	struct ctr_error silent = { 0 };

	*killed = false;
	if (!watch->backend->stats ||
	    ctr_container_status(watch->container) != CTR_STATUS_RUNNING ||
	    watch->backend->stats(watch->container->dir, timeout_ms, guest, &silent) < 0)
		return false;
	*killed = watch->guest_known && guest->oom_kills > watch->guest_kills;
	watch->guest_known = true;
	watch->guest_kills = guest->oom_kills;
	return true;
}

/* The host's view, and the guest's. */
static int emit_stats(struct watch *watch, struct ctr_error *err)
{
	struct ctr_guest_stats guest;
	bool killed, asked = ask_guest(watch, &guest, &killed);

	if (emit(watch, "stats", asked ? &guest : NULL, err) < 0)
		return -1;
	return killed ? emit(watch, "oom", NULL, err) : 0;
}

static int look_for_oom(struct watch *watch, struct ctr_error *err)
{
	uint64_t before = watch->kills;
	char ignored[512];

	/* Reading from the descriptor that is polled makes poll(2) wait again; not so that of a
	 * cgroup which is gone, while its process lives on in another. */
	if (watch->oom >= 0 && pread(watch->oom, ignored, sizeof(ignored), 0) < 0)
		watch->oom = -1;
	if (watch->oom < 0 || ctr_stats_key(watch->container->cgroup.fd, "memory.events",
					    "oom_kill", &watch->kills) < 0)
		return 0;
	return watch->kills > before ? emit(watch, "oom", NULL, err) : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without pidfd_open(2) the end is noticed a second late at most. */
static int until(const struct watch *watch, int64_t when)
{
	int64_t left = when - now_ms();

	if (left < 0)
		return 0;
	if (watch->pidfd < 0 && left > 1000)
		return 1000;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static int stream(struct watch *watch, struct ctr_error *err)
{
	int64_t next = now_ms() + watch->events->interval_ms;
	struct ctr_guest_stats guest;
	bool killed;

	(void)ask_guest(watch, &guest, &killed);
	if (look_for_oom(watch, err) < 0)
		return -1;
	while (ctr_container_is_alive(watch->container)) {
		struct pollfd fds[] = {
			{.fd = watch->pidfd, .events = POLLIN },
			{ .fd = watch->oom,  .events = POLLPRI},
		};
		int n = poll(fds, CTR_ARRAY_SIZE(fds), until(watch, next));

		if (n < 0 && errno != EINTR)
			return ctr_fail(err, CTR_FAULT_HOST, errno, "cannot wait for events");
		if (look_for_oom(watch, err) < 0)
			return -1;
		if (now_ms() < next)
			continue;
		if (ctr_container_is_alive(watch->container) && emit_stats(watch, err) < 0)
			return -1;
		/* Whoever was stopped meanwhile makes up for nothing. */
		next += ((now_ms() - next) / watch->events->interval_ms + 1) *
			watch->events->interval_ms;
	}
	return 0;
}

static int watch_container(struct ctr_container *container, const struct ctr_events *events,
			   struct ctr_error *err)
{
	_cleanup_close_ int pidfd = -1, oom = -1;
	struct watch watch = { .container = container, .events = events };
	enum ctr_status status = ctr_container_status(container);

	if (status == CTR_STATUS_STOPPED || status == CTR_STATUS_CREATING)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': container not running: %s", container->id,
				ctr_status_name(status));
	watch.backend = ctr_machine_backend(container, err);
	if (!watch.backend)
		return -1;
	if (!container->cgroup.mount)
		return ctr_fail(err, CTR_FAULT_STATE, 0,
				"container '%s': it has no cgroup, so nothing counts what it uses",
				container->id);
	if (ctr_cgroup_open(&container->cgroup, err) < 0)
		return -1;

	pidfd = ctr_container_pidfd(container);
	oom = openat(container->cgroup.fd, "memory.events", O_RDONLY | O_CLOEXEC);
	watch.pidfd = pidfd;
	watch.oom = oom;
	(void)ctr_stats_key(container->cgroup.fd, "memory.events", "oom_kill", &watch.kills);
	return events->interval_ms == 0 ? emit_stats(&watch, err) : stream(&watch, err);
}

int ctr_watch(const struct ctr_context *context, const char *id, const struct ctr_events *events,
	      struct ctr_error *err)
{
	struct ctr_container container;
	int r;

	r = ctr_container_open(&container, context, id, CTR_LOCK_NONE, err);
	if (r == 0)
		r = watch_container(&container, events, err);
	ctr_container_release(&container);
	return r;
}
