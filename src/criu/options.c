/* The options of a dump and of a restore. */
#include "criu/options.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "criu/external.h"
#include "criu/streams.h"

enum { LOG_LEVEL = 4 }; /* all: the log is all that there is when something fails */

void ctr_criu_list_init(struct ctr_criu_list *list, struct ctr_arena *arena)
{
	*list = (struct ctr_criu_list){ .arena = arena };
}

void ctr_criu_add(struct ctr_criu_list *list, const char *format, ...)
{
	char small[1024], *text = small;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(small, sizeof(small), format, ap);
	va_end(ap);
	if ((size_t)len >= sizeof(small)) {
		text = ctr_arena_alloc(list->arena, (size_t)len + 1);
		va_start(ap, format);
		(void)vsnprintf(text, (size_t)len + 1, format, ap);
		va_end(ap);
	}

	if (list->count == list->size) {
		size_t size = list->size ? 2 * list->size : 32;

		list->items =
			ctr_arena_grow(list->arena, list->items, list->size * sizeof(*list->items),
				       size * sizeof(*list->items));
		list->size = size;
	}
	list->items[list->count++] = ctr_arena_strdup(list->arena, text);
}

static const struct {
	const char *word, *mode;
} cgroup_modes[] = {
	{"soft",    "SOFT"   },
        { "full",   "FULL"   },
        { "strict", "STRICT" },
	{ "ignore", "IGNORE" },
        { "none",   "CG_NONE"},
        { "props",  "PROPS"  },
};

bool ctr_criu_ignores_cgroups(const struct ctr_criu_flags *flags)
{
	return flags->manage_cgroups_mode && strcmp(flags->manage_cgroups_mode, "ignore") == 0;
}

static int add_cgroup_mode(struct ctr_criu_list *out, const char *word, struct ctr_error *err)
{
	for (size_t i = 0; i < CTR_ARRAY_SIZE(cgroup_modes); i++) {
		if (strcmp(word ? word : "soft", cgroup_modes[i].word) != 0)
			continue;
		if (strcmp(cgroup_modes[i].word, "ignore") != 0)
			ctr_criu_add(out, "manage_cgroups=1");
		ctr_criu_add(out, "manage_cgroups_mode=%s", cgroup_modes[i].mode);
		return 0;
	}
	return ctr_fail(err, CTR_FAULT_USAGE, 0,
			"--manage-cgroups-mode: '%s' is not soft, full, strict, ignore, none or "
			"props",
			word);
}

static int add_empty_namespaces(struct ctr_criu_list *out, const struct ctr_criu_request *request,
				struct ctr_error *err)
{
	const struct ctr_criu_flags *flags = request->flags;

	if (flags->nempty_ns == 0 && !request->made_network)
		return 0;

	for (size_t i = 0; i < flags->nempty_ns; i++)
		if (strcmp(flags->empty_ns[i], "network") != 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--empty-ns: '%s' is not network, the only one that CRIU "
					"can leave empty",
					flags->empty_ns[i]);
	ctr_criu_add(out, "empty_ns=%d", CLONE_NEWNET);
	return 0;
}

/* ADDRESS:PORT; an address of IPv6 may stand in brackets. */
static int add_page_server(struct ctr_criu_list *out, const char *text, struct ctr_error *err)
{
	const char *colon = text ? strrchr(text, ':') : NULL;
	const char *address = text;
	uint64_t port = 0;
	int len;

	if (!text)
		return 0;
	if (!colon || colon == text || ctr_parse_u64(colon + 1, &port) < 0 || port == 0 ||
	    port > 65535)
		return ctr_fail(err, CTR_FAULT_USAGE, 0, "--page-server: '%s' is not ADDRESS:PORT",
				text);

	len = (int)(colon - text);
	if (address[0] == '[' && colon[-1] == ']') {
		address++;
		len -= 2;
	}
	ctr_criu_add(out, "ps=address=%.*s\nport=%d", len, address, (int)port);
	return 0;
}

static void add_flag(struct ctr_criu_list *out, const char *name, bool value)
{
	if (value)
		ctr_criu_add(out, "%s=1", name);
}

static int add_common(struct ctr_criu_list *out, const struct ctr_criu_request *request,
		      const char *log, struct ctr_error *err)
{
	const struct ctr_criu_flags *flags = request->flags;

	ctr_criu_add(out, "images_dir_fd=%d", request->images);
	ctr_criu_add(out, "work_dir_fd=%d", request->work);
	ctr_criu_add(out, "log_file=%s", log);
	ctr_criu_add(out, "log_level=%d", LOG_LEVEL);
	if (request->config)
		ctr_criu_add(out, "config_file=%s", request->config);
	ctr_criu_add(out, "root=%s", request->root);

	add_flag(out, "tcp_established", flags->tcp_established);
	add_flag(out, "tcp_close", flags->tcp_close);
	add_flag(out, "tcp_skip_in_flight", flags->tcp_skip_in_flight);
	add_flag(out, "ext_unix_sk", flags->ext_unix_sk);
	add_flag(out, "shell_job", flags->shell_job);
	add_flag(out, "file_locks", flags->file_locks);
	add_flag(out, "lazy_pages", flags->lazy_pages);
	add_flag(out, "auto_dedup", flags->auto_dedup);
	add_flag(out, "link_remap", flags->link_remap);
	/* The master of a container's terminal is always somebody else's. */
	add_flag(out, "orphan_pts_master", true);
	if (flags->status_fd > 0)
		ctr_criu_add(out, "status_fd=%u", flags->status_fd);
	if (flags->lsm_profile && strncmp(flags->lsm_profile, "apparmor:", 9) != 0 &&
	    strncmp(flags->lsm_profile, "selinux:", 8) != 0)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--lsm-profile: '%s' is not apparmor:NAME or selinux:NAME",
				flags->lsm_profile);
	if (flags->lsm_profile)
		ctr_criu_add(out, "lsm_profile=%s", flags->lsm_profile);
	if (flags->lsm_mount_context)
		ctr_criu_add(out, "lsm_mount_context=%s", flags->lsm_mount_context);

	if (add_empty_namespaces(out, request, err) < 0 ||
	    add_page_server(out, flags->page_server, err) < 0)
		return -1;
	return add_cgroup_mode(out, flags->manage_cgroups_mode, err);
}

/* What CRIU calls a namespace; NULL: it cannot leave one of that kind to others. */
static const char *external_name(const char *namespace)
{
	return strcmp(namespace, "network") == 0 ? "net"
	       : strcmp(namespace, "pid") == 0   ? "pid"
						 : NULL;
}

int ctr_criu_dump_options(struct ctr_criu_list *out, const struct ctr_criu_request *request,
			  struct ctr_error *err)
{
	const struct ctr_criu_flags *flags = request->flags;
	const struct ctr_streams *streams = request->streams;

	if (add_common(out, request, "dump.log", err) < 0)
		return -1;

	ctr_criu_add(out, "pid=%d", (int)request->pid);
	add_flag(out, "notify_scripts", !flags->pre_dump);
	if (request->freezer)
		ctr_criu_add(out, "freeze_cgroup=%s", request->freezer);
	add_flag(out, "leave_running", flags->leave_running);
	add_flag(out, "track_mem", flags->pre_dump || flags->parent_path);
	if (flags->parent_path)
		ctr_criu_add(out, "parent_img=%s", flags->parent_path);
	/* Without connections that live on there is nothing that a packet could disturb. */
	if (!flags->tcp_established)
		ctr_criu_add(out, "network_lock=SKIP");

	/* Containers have cgroups of version 2, whose controllers have no name; of a hybrid host
	 * CRIU would dump, and below the restored container make anew, all of version 1 as well. */
	ctr_criu_add(out, "cgroup_dump_controller=");

	add_flag(out, "ext_masters", request->mounts->masters);
	for (size_t i = 0; i < request->mounts->count; i++)
		ctr_criu_add(out, "external=mnt[%s]:%s", request->mounts->list[i].point,
			     request->mounts->list[i].name);
	for (size_t i = 0; i < streams->count; i++)
		if (streams->list[i].external)
			ctr_criu_add(out, "external=%s", streams->list[i].external);
	for (size_t i = 0; i < request->nnamespaces; i++) {
		const char *name = external_name(request->namespaces[i].name);

		if (name)
			ctr_criu_add(out, "external=%s[%lu]:%s", name, request->namespaces[i].inode,
				     request->namespaces[i].name);
	}
	return 0;
}

int ctr_criu_restore_options(struct ctr_criu_list *out, const struct ctr_criu_request *request,
			     struct ctr_error *err)
{
	const struct ctr_streams *streams = request->streams;

	if (add_common(out, request, "restore.log", err) < 0)
		return -1;

	add_flag(out, "notify_scripts", true);
	add_flag(out, "rst_sibling", true);
	/* The caller's files have its permissions; whatever they are, they are open. */
	add_flag(out, "skip_file_rwx_check", streams->other_modes);
	if (request->cgroup)
		ctr_criu_add(out, "cg_root=path=%s", request->cgroup);

	for (size_t i = 0; i < request->mounts->count; i++)
		ctr_criu_add(out, "external=mnt[%s]:%s", request->mounts->list[i].name,
			     request->mounts->list[i].place);
	for (size_t i = 0; i < streams->count; i++)
		if (streams->list[i].fd >= 0)
			ctr_criu_add(out, "inherit_fd=fd=%d\nkey=%s", streams->list[i].fd,
				     streams->list[i].name);
	for (size_t i = 0; i < request->nnamespaces; i++) {
		const struct ctr_criu_namespace *namespace = &request->namespaces[i];

		if (external_name(namespace->name))
			ctr_criu_add(out, "inherit_fd=fd=%d\nkey=%s", namespace->fd,
				     namespace->name);
		else
			ctr_criu_add(out, "join_ns=ns=%s\nns_file=%s", namespace->name,
				     namespace->path);
	}
	return 0;
}
