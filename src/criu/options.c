/* The options of a dump and of a restore. */
#include "criu/options.h"

#include <sched.h>
#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "criu/external.h"
#include "criu/streams.h"
#include "oci/words.h"

enum { LOG_LEVEL = 4 }; /* all: the log is all that there is when something fails */

void ctr_criu_list_init(struct ctr_criu_list *list, struct ctr_arena *arena)
{
	*list = (struct ctr_criu_list){ .arena = arena };
}

static void add(struct ctr_criu_list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add(struct ctr_criu_list *list, const char *format, ...)
{
	va_list ap;

	if (list->count == list->size) {
		size_t size = list->size ? 2 * list->size : 32;

		list->items =
			ctr_arena_grow(list->arena, list->items, list->size * sizeof(*list->items),
				       size * sizeof(*list->items));
		list->size = size;
	}
	va_start(ap, format);
	list->items[list->count++] = ctr_arena_vprintf(list->arena, format, ap);
	va_end(ap);
}

/* ---- words of the command line */

static const struct ctr_name cgroup_words[] = {
	{"soft",    CTR_CRIU_CGROUPS_SOFT  },
	{ "full",   CTR_CRIU_CGROUPS_FULL  },
	{ "strict", CTR_CRIU_CGROUPS_STRICT},
	{ "ignore", CTR_CRIU_CGROUPS_IGNORE},
	{ "none",   CTR_CRIU_CGROUPS_NONE  },
	{ "props",  CTR_CRIU_CGROUPS_PROPS },
	{ NULL,     0		      },
};

/* What stands before the colon. */
static const struct ctr_name lsm_words[] = {
	{"apparmor", CTR_CRIU_LSM_APPARMOR},
	{ "selinux", CTR_CRIU_LSM_SELINUX },
	{ NULL,      0		    },
};

static int decode_cgroups(struct ctr_criu_flags *flags, struct ctr_error *err)
{
	const char *word = flags->manage_cgroups_mode;
	const struct ctr_name *known =
		word ? ctr_name_find(cgroup_words, word, strlen(word)) : NULL;

	if (word && !known)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--manage-cgroups-mode: '%s' is not soft, full, strict, ignore, "
				"none or props",
				word);
	flags->cgroups = known ? (enum ctr_criu_cgroups)known->value : CTR_CRIU_CGROUPS_SOFT;
	return 0;
}

static int decode_lsm(struct ctr_criu_flags *flags, struct ctr_error *err)
{
	const char *profile = flags->lsm_profile, *colon = profile ? strchr(profile, ':') : NULL;
	const struct ctr_name *known =
		colon ? ctr_name_find(lsm_words, profile, (size_t)(colon - profile)) : NULL;

	if (profile && !known)
		return ctr_fail(err, CTR_FAULT_USAGE, 0,
				"--lsm-profile: '%s' is not apparmor:NAME or selinux:NAME",
				profile);
	flags->lsm = known ? (enum ctr_criu_lsm)known->value : CTR_CRIU_LSM_NONE;
	return 0;
}

int ctr_criu_flags_decode(struct ctr_criu_flags *flags, struct ctr_error *err)
{
	for (size_t i = 0; i < flags->nempty_ns; i++)
		if (strcmp(flags->empty_ns[i], "network") != 0)
			return ctr_fail(err, CTR_FAULT_USAGE, 0,
					"--empty-ns: '%s' is not network, the only one that CRIU "
					"can leave empty",
					flags->empty_ns[i]);

	return decode_cgroups(flags, err) < 0 ? -1 : decode_lsm(flags, err);
}

/* ---- options */

static void add_cgroup_mode(struct ctr_criu_list *out, enum ctr_criu_cgroups cgroups)
{
	/* enum CriuCgMode */
	static const char *const modes[] = {
		[CTR_CRIU_CGROUPS_SOFT] = "SOFT",     [CTR_CRIU_CGROUPS_FULL] = "FULL",
		[CTR_CRIU_CGROUPS_STRICT] = "STRICT", [CTR_CRIU_CGROUPS_IGNORE] = "IGNORE",
		[CTR_CRIU_CGROUPS_NONE] = "CG_NONE",  [CTR_CRIU_CGROUPS_PROPS] = "PROPS",
	};

	if (cgroups != CTR_CRIU_CGROUPS_IGNORE)
		add(out, "manage_cgroups=1");
	add(out, "manage_cgroups_mode=%s", modes[cgroups]);
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
	add(out, "ps=address=%.*s\nport=%d", len, address, (int)port);
	return 0;
}

static void add_flag(struct ctr_criu_list *out, const char *name, bool value)
{
	if (value)
		add(out, "%s=1", name);
}

static int add_common(struct ctr_criu_list *out, const struct ctr_criu_request *request,
		      const char *log, struct ctr_error *err)
{
	const struct ctr_criu_flags *flags = request->flags;

	add(out, "images_dir_fd=%d", request->images);
	add(out, "work_dir_fd=%d", request->work);
	add(out, "log_file=%s", log);
	add(out, "log_level=%d", LOG_LEVEL);
	if (request->config)
		add(out, "config_file=%s", request->config);
	add(out, "root=%s", request->root);

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
		add(out, "status_fd=%u", flags->status_fd);
	if (flags->lsm_profile)
		add(out, "lsm_profile=%s", flags->lsm_profile);
	if (flags->lsm_mount_context)
		add(out, "lsm_mount_context=%s", flags->lsm_mount_context);

	if (flags->nempty_ns > 0 || request->made_network)
		add(out, "empty_ns=%d", CLONE_NEWNET);
	if (add_page_server(out, flags->page_server, err) < 0)
		return -1;
	add_cgroup_mode(out, flags->cgroups);
	return 0;
}

/* What CRIU calls a namespace; NULL: it cannot leave one of that kind to others. */
static const char *external_name(enum ctr_ns_kind kind)
{
	switch (kind) {
	case CTR_NS_NETWORK:
		return "net";
	case CTR_NS_PID:
		return "pid";
	default:
		return NULL;
	}
}

int ctr_criu_dump_options(struct ctr_criu_list *out, const struct ctr_criu_request *request,
			  struct ctr_error *err)
{
	const struct ctr_criu_flags *flags = request->flags;
	const struct ctr_streams *streams = request->streams;

	if (add_common(out, request, "dump.log", err) < 0)
		return -1;

	add(out, "pid=%d", (int)request->pid);
	add_flag(out, "notify_scripts", !flags->pre_dump);
	if (request->freezer)
		add(out, "freeze_cgroup=%s", request->freezer);
	add_flag(out, "leave_running", flags->leave_running);
	add_flag(out, "track_mem", flags->pre_dump || flags->parent_path);
	if (flags->parent_path)
		add(out, "parent_img=%s", flags->parent_path);
	/* Without connections that live on there is nothing that a packet could disturb. */
	if (!flags->tcp_established)
		add(out, "network_lock=SKIP");

	/* Containers have cgroups of version 2, whose controllers have no name; of a hybrid host
	 * CRIU would dump, and below the restored container make anew, all of version 1 as well. */
	add(out, "cgroup_dump_controller=");

	add_flag(out, "ext_masters", request->mounts->masters);
	for (size_t i = 0; i < request->mounts->count; i++)
		add(out, "external=mnt[%s]:%s", request->mounts->list[i].point,
		    request->mounts->list[i].name);
	for (size_t i = 0; i < streams->count; i++)
		if (streams->list[i].external)
			add(out, "external=%s", streams->list[i].external);
	for (size_t i = 0; i < request->nnamespaces; i++) {
		const struct ctr_criu_namespace *namespace = &request->namespaces[i];
		const char *name = external_name(namespace->kind);

		if (name)
			add(out, "external=%s[%lu]:%s", name, namespace->inode,
			    ctr_name_of(ctr_namespace_names, namespace->kind));
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
		add(out, "cg_root=path=%s", request->cgroup);

	for (size_t i = 0; i < request->mounts->count; i++)
		add(out, "external=mnt[%s]:%s", request->mounts->list[i].name,
		    request->mounts->list[i].place);
	for (size_t i = 0; i < streams->count; i++)
		if (streams->list[i].fd >= 0)
			add(out, "inherit_fd=fd=%d\nkey=%s", streams->list[i].fd,
			    streams->list[i].name);
	for (size_t i = 0; i < request->nnamespaces; i++) {
		const struct ctr_criu_namespace *namespace = &request->namespaces[i];
		const char *name = ctr_name_of(ctr_namespace_names, namespace->kind);

		if (external_name(namespace->kind))
			add(out, "inherit_fd=fd=%d\nkey=%s", namespace->fd, name);
		else
			add(out, "join_ns=ns=%s\nns_file=%s", name, namespace->path);
	}
	return 0;
}
