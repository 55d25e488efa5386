/* criu/ and oci/checkpoint: what is external, what CRIU is asked for, what its log says. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "criu/areas.h"
#include "criu/external.h"
#include "criu/images.h"
#include "criu/mountinfo.h"
#include "criu/options.h"
#include "criu/pages.h"
#include "criu/report.h"
#include "criu/streams.h"
#include "oci/checkpoint.h"
#include "oci/encode.h"
#include "oci/load.h"

static const char mountinfo[] =
	"141 49 259:0 /b/rootfs / ro,relatime - ext4 /dev/root rw\n"
	"142 141 0:41 / /proc rw,relatime - proc proc rw\n"
	"143 141 0:42 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k\n"
	"148 141 0:27 /ctr/t1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
	"54 142 0:41 /sys /proc/sys ro,relatime - proc proc rw\n"
	"57 142 0:42 /null /proc/keys rw,nosuid - tmpfs tmpfs rw\n"
	"58 142 0:5 /null /proc/kcore rw,nosuid - devtmpfs devtmpfs rw\n"
	"60 141 259:0 /srv /run/data rw shared:7 master:1 - ext4 /dev/root rw\n"
	"61 60 0:60 / /run/data/a\\040b rw - tmpfs x rw\n"
	"62 141 259:0 /srv /own rw - ext4 /dev/root rw\n"
	"63 62 0:61 / /own/tmp rw - tmpfs x rw\n"
	"64 60 0:62 / /run/data/hidden ro - tmpfs tmpfs ro\n"
	"65 60 0:5 /null /run/data/secret rw - devtmpfs devtmpfs rw\n"
	"66 60 0:42 /null /run/data/own rw - tmpfs tmpfs rw\n"
	"67 60 0:63 / /run/data/mount rw - tmpfs x rw\n"
	"68 67 0:62 / /run/data/mount ro - tmpfs tmpfs ro\n"
	"nonsense\n"
	"1 2 3:4 / /x rw\n";

static const char config[] =
	"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]},\"mounts\":["
	"{\"destination\":\"/var/run/data\",\"source\":\"/srv\",\"options\":[\"rbind\"]},"
	"{\"destination\":\"/own\",\"source\":\"/srv\",\"options\":[\"rbind\"]},"
	"{\"destination\":\"/own/tmp\",\"type\":\"tmpfs\"}],"
	"\"linux\":{\"maskedPaths\":[\"/proc/kcore\",\"/run/data/hidden\",\"/var/run/data/secret\","
	"\"/var/run/data/own\",\"/run/data/mount\"]}}";

static struct ctr_spec *spec_of(struct ctr_arena *arena)
{
	struct ctr_error err = { 0 };
	struct ctr_spec *spec =
		ctr_spec_decode(arena, config, sizeof(config) - 1, "config.json", "/b", NULL, &err);

	assert_string_equal(err.text, "");
	assert_non_null(spec);
	return spec;
}

static void mounts(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_mountinfos list;

	(void)state;
	ctr_mountinfo_parse(&list, ctr_arena_strdup(&arena, mountinfo), &arena);
	assert_int_equal(list.count, 16);
	assert_string_equal(list.list[8].point, "/run/data/a b");
	assert_string_equal(list.list[3].type, "cgroup2");
	assert_string_equal(list.list[3].root, "/ctr/t1");
	assert_int_equal(ctr_mountinfo_find(&list, 57)->parent, 142);
	assert_null(ctr_mountinfo_find(&list, 1));
	ctr_arena_release(&arena);
}

static const struct ctr_external_own nothing;

/* A link led /var/run to /run; what lies below a recursive bind is external as well, unless it is
 * the container's own; a mask by the host's /dev/null is external, one by its own is not, nor a
 * tmpfs, wherever they are. */
static void external(void **state)
{
	static const struct {
		const char *name, *point;
		bool slave;
	} expected[] = {
		{"/proc/kcore",           "/proc/kcore",      false},
		{ "/var/run/data",        "/run/data",        true },
		{ "/var/run/data/a b",    "/run/data/a b",    false},
		{ "/own",                 "/own",             false},
		{ "/var/run/data/secret", "/run/data/secret", false},
		{ "/var/run/data/mount",  "/run/data/mount",  false},
	};
	const unsigned ids[] = { 60, 62, 63 };
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_externals found;
	struct ctr_mountinfos list;
	struct ctr_error err = { 0 };

	(void)state;
	ctr_mountinfo_parse(&list, ctr_arena_strdup(&arena, mountinfo), &arena);
	assert_int_equal(
		ctr_external_find(&found, &list, spec_of(&arena), ids, &nothing, &arena, &err), 0);
	assert_int_equal(found.count, unit_count(expected));
	for (size_t i = 0; i < found.count; i++) {
		assert_string_equal(found.list[i].name, expected[i].name);
		assert_string_equal(found.list[i].point, expected[i].point);
		assert_int_equal(found.list[i].slave, expected[i].slave);
	}
	ctr_arena_release(&arena);
}

/* A mount of ours is external, and known again, though no configuration has it. */
static void ours(void **state)
{
	const unsigned ids[] = { 60, 62, 63 };
	struct ctr_external_own own = { .name = "/run/notify",
					.id = 57,
					.source = "/state/notify" };
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_checkpoint checkpoint = { .mounts = &own.name, .nmounts = 1 };
	struct ctr_externals list;
	struct ctr_mountinfos mounts;
	struct ctr_error err = { 0 };
	size_t found = 0;

	(void)state;
	ctr_mountinfo_parse(&mounts, ctr_arena_strdup(&arena, mountinfo), &arena);
	assert_int_equal(
		ctr_external_find(&list, &mounts, spec_of(&arena), ids, &own, &arena, &err), 0);
	for (size_t i = 0; i < list.count; i++)
		found += strcmp(list.list[i].name, own.name) == 0;
	assert_int_equal(found, 1);

	assert_int_equal(
		ctr_external_resolve(&list, &checkpoint, spec_of(&arena), &own, &arena, &err), 0);
	assert_int_equal(list.list[0].kind, CTR_EXTERNAL_BIND);
	assert_string_equal(list.list[0].source, "/state/notify");
	assert_int_equal(
		ctr_external_resolve(&list, &checkpoint, spec_of(&arena), &nothing, &arena, &err),
		-1);
	ctr_arena_release(&arena);
}

static void resolved(void **state)
{
	static const char *const names[] = { "/var/run/data", "/var/run/data/a b", "/proc/kcore",
					     "/dev/null" };
	static const char *const sources[] = { "/srv", "/srv", "/dev/null", "/dev/null" };
	static const char *const beneath[] = { "", "/a b", "", "" };
	/* Only what ctr would bind itself: no device of the host's that comes to somebody's mind.
	 */
	static const char *const unknown[] = { "/etc/hosts", "/dev/sda",       "/dev/null/x",
					       "/sys",       "/sys/fs/cgroup", "/proc/kmsg" };
	static const uint32_t slaves[] = { 0, 1, 0 };
	struct ctr_checkpoint checkpoint = {
		.mounts = names,
		.nmounts = unit_count(names),
		.slaves = slaves,
		.nslaves = unit_count(slaves),
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	const struct ctr_spec *spec = spec_of(&arena);
	struct ctr_externals list;
	struct ctr_error err;

	(void)state;
	assert_int_equal(ctr_external_resolve(&list, &checkpoint, spec, &nothing, &arena, &err), 0);
	assert_int_equal(list.count, unit_count(names));
	for (size_t i = 0; i < list.count; i++) {
		assert_string_equal(list.list[i].name, names[i]);
		assert_string_equal(list.list[i].source, sources[i]);
		assert_string_equal(list.list[i].beneath, beneath[i]);
		assert_int_equal(list.list[i].kind,
				 i < 2 ? CTR_EXTERNAL_BIND : CTR_EXTERNAL_DEVICE);
		assert_int_equal(list.list[i].slave, i % 2); /* not known of the last */
	}

	/* Another runtime's images. */
	assert_int_equal(ctr_external_resolve(&list, NULL, spec, &nothing, &arena, &err), 0);
	assert_int_equal(list.count, 7);
	assert_string_equal(list.list[2].name, "/proc/kcore");
	assert_true(list.list[0].slave && list.list[2].slave);

	for (size_t i = 0; i < unit_count(unknown); i++) {
		char expected[256];

		checkpoint = (struct ctr_checkpoint){ .mounts = &unknown[i], .nmounts = 1 };
		snprintf(expected, sizeof(expected),
			 "mounts: the checkpointed container had a mount of the host's on '%s', "
			 "which the configuration has not",
			 unknown[i]);
		assert_int_equal(
			ctr_external_resolve(&list, &checkpoint, spec, &nothing, &arena, &err), -1);
		assert_string_equal(err.text, expected);
	}
	ctr_arena_release(&arena);
}

/* In the place of all cgroups, where the container has mounted its own on top, is that. */
static void cgroups(void **state)
{
	static const struct {
		const char *mount, *namespaces;
		int kind; /* -1: refused */
		bool readonly;
	} rows[] = {
		{"\"type\":\"cgroup\",\"options\":[\"ro\"]", "{\"type\":\"cgroup\"}",
                 CTR_EXTERNAL_CGROUP,								      true },
		{ "\"type\":\"cgroup2\"",                    "{\"type\":\"cgroup\"}", CTR_EXTERNAL_CGROUP, false},
		{ "\"type\":\"cgroup\"",                     "",                      CTR_EXTERNAL_BIND,   false},
		{ "\"type\":\"tmpfs\"",                      "{\"type\":\"cgroup\"}", -1,                  false},
	};
	static const char *const name = "/sys/fs/cgroup";
	const struct ctr_checkpoint checkpoint = { .mounts = &name, .nmounts = 1 };

	(void)state;
	for (size_t i = 0; i < unit_count(rows); i++) {
		struct ctr_arena arena = CTR_ARENA_INIT;
		struct ctr_error err = { 0 };
		struct ctr_externals list;
		char *text = ctr_arena_printf(
			&arena,
			"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},"
			"\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]},"
			"\"mounts\":[{\"destination\":\"%s\",%s}],\"linux\":{\"namespaces\":[%s]}}",
			name, rows[i].mount, rows[i].namespaces);
		const struct ctr_spec *spec = ctr_spec_decode(&arena, text, strlen(text),
							      "config.json", "/b", NULL, &err);
		int r;

		assert_string_equal(err.text, "");
		r = ctr_external_resolve(&list, &checkpoint, spec, &nothing, &arena, &err);
		assert_int_equal(r, rows[i].kind < 0 ? -1 : 0);
		if (r == 0) {
			assert_int_equal(list.list[0].kind, rows[i].kind);
			assert_int_equal(list.list[0].readonly, rows[i].readonly);
		}
		ctr_arena_release(&arena);
	}
}

static void expect_options(const struct ctr_criu_list *list, const char *expected,
			   struct ctr_arena *arena)
{
	struct ctr_buf buf;

	ctr_buf_init(&buf, arena);
	for (size_t i = 0; i < list->count; i++)
		ctr_buf_addf(&buf, "%s\n", list->items[i]);
	assert_string_equal(ctr_buf_str(&buf), expected);
}

static void options(void **state)
{
	static const char *const empty[] = { "network" };
	struct ctr_external mount = { .name = "/v", .point = "/run/v", .place = "/srv" };
	const struct ctr_externals list = { .list = &mount, .count = 1 };
	const struct ctr_streams streams = {
		.count = 3,
		.list = {{ .name = "pipe:[7]", .fd = 0 },
                         { .name = "file[1b:4]", .external = "file[1b:4]", .fd = 5 },
                         { .name = "", .fd = -1 }},
	};
	const struct ctr_criu_namespace network = { .kind = CTR_NS_NETWORK,
						    .inode = 4026531840,
						    .fd = 9 };
	struct ctr_criu_flags flags = {
		.tcp_established = true,
		.page_server = "[::1]:77",
		.empty_ns = empty,
		.nempty_ns = 1,
		.parent_path = "../one",
	};
	struct ctr_criu_request request = {
		.flags = &flags,
		.images = 3,
		.work = 4,
		.root = "/b/rootfs",
		.config = "/etc/criu/ctr.conf",
		.mounts = &list,
		.streams = &streams,
		.namespaces = &network,
		.nnamespaces = 1,
		.pid = 42,
		.freezer = "/sys/fs/cgroup/ctr/x",
		.cgroup = "/ctr/x",
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_criu_list out;
	struct ctr_error err;

	(void)state;
	ctr_criu_list_init(&out, &arena);
	assert_int_equal(ctr_criu_flags_decode(&flags, &err), 0);
	assert_int_equal(ctr_criu_dump_options(&out, &request, &err), 0);
	expect_options(&out,
		       "images_dir_fd=3\nwork_dir_fd=4\nlog_file=dump.log\nlog_level=4\n"
		       "config_file=/etc/criu/ctr.conf\nroot=/b/rootfs\ntcp_established=1\n"
		       "orphan_pts_master=1\nempty_ns=1073741824\nps=address=::1\nport=77\n"
		       "manage_cgroups=1\nmanage_cgroups_mode=SOFT\npid=42\nnotify_scripts=1\n"
		       "freeze_cgroup=/sys/fs/cgroup/ctr/x\ntrack_mem=1\nparent_img=../one\n"
		       "cgroup_dump_controller=\n"
		       "external=mnt[/run/v]:/v\nexternal=file[1b:4]\n"
		       "external=net[4026531840]:network\n",
		       &arena);

	flags = (struct ctr_criu_flags){ .manage_cgroups_mode = "ignore" };
	assert_int_equal(ctr_criu_flags_decode(&flags, &err), 0);
	request.config = NULL;
	ctr_criu_list_init(&out, &arena);
	assert_int_equal(ctr_criu_restore_options(&out, &request, &err), 0);
	expect_options(&out,
		       "images_dir_fd=3\nwork_dir_fd=4\nlog_file=restore.log\nlog_level=4\n"
		       "root=/b/rootfs\norphan_pts_master=1\nmanage_cgroups_mode=IGNORE\n"
		       "notify_scripts=1\nrst_sibling=1\ncg_root=path=/ctr/x\n"
		       "external=mnt[/v]:/srv\ninherit_fd=fd=0\nkey=pipe:[7]\n"
		       "inherit_fd=fd=5\nkey=file[1b:4]\ninherit_fd=fd=9\nkey=network\n",
		       &arena);
	ctr_arena_release(&arena);
}

static void wrong_options(void **state)
{
	static const char *const empty[] = { "ipc" };
	static const struct {
		struct ctr_criu_flags flags;
		const char *error;
	} cases[] = {
		{{ .manage_cgroups_mode = "hard" },
                 "--manage-cgroups-mode: 'hard' is not soft, full, strict, ignore, none or props"     },
		{ { .lsm_profile = "strict" },
                 "--lsm-profile: 'strict' is not apparmor:NAME or selinux:NAME"                       },
		{ { .page_server = "host" },             "--page-server: 'host' is not ADDRESS:PORT"  },
		{ { .page_server = "host:0" },           "--page-server: 'host:0' is not ADDRESS:PORT"},
		{ { .page_server = ":70" },              "--page-server: ':70' is not ADDRESS:PORT"   },
		{ { .empty_ns = empty, .nempty_ns = 1 },
                 "--empty-ns: 'ipc' is not network, the only one that CRIU can leave empty"           },
	};
	const struct ctr_externals none = { 0 };
	const struct ctr_streams streams = { 0 };
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_criu_flags flags = cases[i].flags;
		const struct ctr_criu_request request = {
			.flags = &flags,
			.root = "/",
			.mounts = &none,
			.streams = &streams,
		};
		struct ctr_criu_list out;
		struct ctr_error err;

		ctr_criu_list_init(&out, &arena);
		assert_true(ctr_criu_flags_decode(&flags, &err) < 0 ||
			    ctr_criu_dump_options(&out, &request, &err) < 0);
		assert_string_equal(err.text, cases[i].error);
		assert_int_equal(err.fault, CTR_FAULT_USAGE);
	}
	ctr_arena_release(&arena);
}

static void reasons(void **state)
{
	static const struct {
		const char *log, *text;
	} cases[] = {
		{"(00.1) Warn  (a.c:1): careful\n(00.2) all is well\n",                                  ""                          },
		{ "(00.1) Error (criu/x.c:12): net: no luck `\n(00.2)      1: Error (criu/y.c:3): more",
                 "net: no luck; more"												},
		{ "(00.1) Can't connect to server 127.0.0.1:1\n(00.2) Error (a.c:1): Unable to detach",
                 "Can't connect to server 127.0.0.1:1; Unable to detach"                                                             },
		{ "(00.1) Error (criu/sk-inet.c:191): inet: Connected TCP socket, consider using "
		  "--tcp-established option.\n",					"the container has a TCP connection (--tcp-established): inet: Connected TCP "
		  "socket, consider using --tcp-established option."},
		{ "(00.1) Error (criu/fsnotify.c:296): fsnotify: \tCan't dump that handle\n",
                 "the container holds an inotify handle on a file whose path CRIU cannot find: fsnotify:  "
		  "Can't dump that handle"											   },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++)
		assert_string_equal(ctr_criu_explain(cases[i].log, strlen(cases[i].log), &arena),
				    cases[i].text);
	ctr_arena_release(&arena);
}

static void pagemaps(void **state)
{
	/* two magic numbers, a head (file 3), runs: 5 pages, 300 in a parent, 2 lazy, 130 of old */
	static const uint8_t image[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 2, 0, 0, 0, 0x08, 3,
		/* vaddr, count 32, flags, count */
		8, 0, 0, 0, 0x08, 0x80, 0x20, 0x10, 5, 0x20, 4, 0xff, /* cut by the next test */
	};
	static const uint8_t runs[] = {
		1, 2, 3, 4, 5,    6, 7,    8,    2,    0, 0,    0, 0x08, 3, /* head */
		8, 0, 0, 0, 8,    1, 16,   9,    0x20, 4, 0x28, 5,          /* 5, not 9 */
		6, 0, 0, 0, 0x10, 2, 0x20, 2,    0x08, 1,                   /* lazy */
		5, 0, 0, 0, 8,    1, 16,   0x82, 1,                         /* 130, no flags */
		6, 0, 0, 0, 8,    1, 16,   7,    0x18, 1,                   /* in a parent */
	};
	struct ctr_pagemap map;

	(void)state;
	assert_int_equal(ctr_pagemap_read(image, 7).present, 0);
	map = ctr_pagemap_read(image, sizeof(image));
	assert_int_equal(map.present, 0);
	assert_int_equal(map.file, 3);
	assert_false(map.in_parent);
	map = ctr_pagemap_read(runs, sizeof(runs));
	assert_int_equal(map.present, 5 + 130);
	assert_int_equal(map.file, 3);
	assert_true(map.in_parent);
	assert_false(ctr_pagemap_read(runs, sizeof(runs) - 1).in_parent);
	for (size_t len = 0; len < sizeof(runs); len++)
		(void)ctr_pagemap_read(runs, len);
}

static void areas(void **state)
{
	static const char smaps[] = "1000-3000 rw-p 00000000 00:00 0\n"
				    "Size:                  8 kB\n"
				    "VmFlags: rd wr mr mw me nr wf dd dp \n"
				    "5000-6000 rw-p 00000000 00:00 0 [heap]\n"
				    "VmFlags: rd wr nr dd \n"
				    "7000-8000 rw-p 00000000 00:00 0\n"
				    "VmFlags: rd wf \n";
	/* 8 bytes, the size, a number, [1000, 2000) with MADV_DONTDUMP, the other two */
	static const uint8_t image[] = {
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x23, 0x00, 0x00, 0x00,
		0x08, 0x96, 0x01, 0x72, 0x0a, 0x08, 0x80, 0x20, 0x10, 0x80, 0x40, 0x48,
		0x80, 0x80, 0x04, 0x72, 0x08, 0x08, 0x80, 0xa0, 0x01, 0x10, 0x80, 0xc0,
		0x01, 0x72, 0x08, 0x08, 0x80, 0xe0, 0x01, 0x10, 0x80, 0x80, 0x02,
	};
	/* advice once more: MADV_DONTDUMP, MADV_WIPEONFORK, MADV_DONTNEED */
	static const uint8_t marked[] = {
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x2b, 0x00, 0x00, 0x00, 0x08, 0x96,
		0x01, 0x72, 0x0e, 0x08, 0x80, 0x20, 0x10, 0x80, 0x40, 0x48, 0x80, 0x80, 0x04, 0x48,
		0x90, 0x80, 0x14, 0x72, 0x08, 0x08, 0x80, 0xa0, 0x01, 0x10, 0x80, 0xc0, 0x01, 0x72,
		0x0c, 0x08, 0x80, 0xe0, 0x01, 0x10, 0x80, 0x80, 0x02, 0x48, 0x80, 0x80, 0x10,
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_area *list;
	struct ctr_buf out;

	(void)state;
	assert_int_equal(ctr_areas_find(smaps, &list, &arena), 2);
	assert_int_equal(list[0].start, 0x1000);
	assert_int_equal(list[0].end, 0x3000);
	assert_true(list[0].droppable);
	assert_int_equal(list[1].start, 0x7000);
	assert_false(list[1].droppable);
	assert_int_equal(ctr_areas_find("", &list, &arena), 0);

	(void)ctr_areas_find(smaps, &list, &arena);
	ctr_buf_init(&out, &arena);
	assert_true(ctr_areas_mark(&out, image, sizeof(image), list, 2, true));
	assert_int_equal(out.len, sizeof(marked));
	assert_memory_equal(out.data, marked, sizeof(marked));
	ctr_buf_init(&out, &arena);
	assert_true(ctr_areas_mark(&out, image, sizeof(image), list, 2, false));
	assert_int_equal(out.len, sizeof(marked));
	ctr_buf_init(&out, &arena);
	assert_false(ctr_areas_mark(&out, image, sizeof(image), list, 0, true));
	for (size_t len = 0; len < sizeof(image); len++) {
		ctr_buf_init(&out, &arena);
		assert_false(ctr_areas_mark(&out, image, len, list, 2, true));
	}
	ctr_arena_release(&arena);
}

static void put_bytes(const char *dir, const char *name, const void *data, size_t size)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* What CRIU would wait for without end. */
static void damaged_files(void **state)
{
	/* head: pages_id 3; one run of a page that is present */
	static const char pagemap[] = "\x01\x02\x03\x04\x05\x06\x07\x08"
				      "\x02\0\0\0\x08\x03"
				      "\x06\0\0\0\x08\x01\x10\x01\x20\x04";
	static const char page[4096];
	struct ctr_error err = { 0 };
	char *dir = unit_make_dir();
	int fd;

	(void)state;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	put_bytes(dir, "pagemap-1.img", pagemap, sizeof(pagemap) - 1);
	put_bytes(dir, "pages-3.img", page, sizeof(page));
	assert_int_equal(ctr_images_check_files(fd, dir, true, &err), 0);

	put_bytes(dir, "pages-3.img", page, sizeof(page) - 1);
	assert_int_equal(ctr_images_check_files(fd, dir, true, &err), -1);
	assert_non_null(strstr(err.text, "'pages-3.img' has 4095 bytes"));
	assert_int_equal(ctr_images_check_files(fd, dir, false, &err), 0);

	assert_int_equal(mkfifoat(fd, "core-1.img", 0600), 0);
	assert_int_equal(ctr_images_check_files(fd, dir, false, &err), -1);
	assert_non_null(strstr(err.text, "'core-1.img' is no regular file"));
	assert_int_equal(unlinkat(fd, "core-1.img", 0), 0);
	assert_int_equal(symlinkat("pages-3.img", fd, "core-1.img"), 0);
	assert_int_equal(ctr_images_check_files(fd, dir, false, &err), -1);
	assert_non_null(strstr(err.text, "'core-1.img' is no regular file"));
	assert_int_equal(unlinkat(fd, "core-1.img", 0), 0);

	assert_int_equal(symlinkat(".", fd, "parent"), 0);
	assert_int_equal(ctr_images_check_files(fd, dir, false, &err), -1);
	assert_non_null(strstr(err.text, "is a parent of its own"));
	close(fd);
	unit_remove_dir(dir);
}

/* The last of three, of which the one in the middle, or what it builds on, is not there. */
static void parents(void **state)
{
	/* head: pages_id 1; a run of a page in the parent */
	static const char in_parent[] = "\x01\x02\x03\x04\x05\x06\x07\x08"
					"\x02\0\0\0\x08\x01"
					"\x06\0\0\0\x08\x01\x10\x01\x20\x01";
	struct ctr_error err = { 0 };
	char *dir = unit_make_dir();
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), last;

	(void)state;
	assert_true(fd >= 0);
	for (char name[] = "1"; name[0] <= '3'; name[0]++)
		assert_int_equal(mkdirat(fd, name, 0700), 0);
	last = openat(fd, "3", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(last >= 0);
	assert_int_equal(symlinkat("../2", fd, "3/parent"), 0);
	assert_int_equal(symlinkat("../1", fd, "2/parent"), 0);
	put_bytes(dir, "3/pagemap-1.img", in_parent, sizeof(in_parent) - 1);
	put_bytes(dir, "2/pagemap-1.img", in_parent, sizeof(in_parent) - 1);
	put_bytes(dir, "1/pagemap-1.img", in_parent, 8);
	assert_int_equal(ctr_images_check_files(last, "/i/3", true, &err), 0);

	assert_int_equal(unlinkat(fd, "1/pagemap-1.img", 0), 0);
	assert_int_equal(ctr_images_check_files(last, "/i/3", true, &err), -1);
	assert_string_equal(err.text,
			    "'/i/3/parent': 'pagemap-1.img' needs its parent: cannot find "
			    "'/i/3/parent/parent/pagemap-1.img': No such file or directory");
	assert_int_equal(ctr_images_check_files(last, "/i/3", false, &err), 0);
	assert_int_equal(renameat(fd, "2", fd, "4"), 0);
	assert_int_equal(ctr_images_check_files(last, "/i/3", true, &err), -1);
	assert_string_equal(err.text, "'/i/3': 'pagemap-1.img' needs its parent: cannot find "
				      "'/i/3/parent/pagemap-1.img': No such file or directory");
	close(last);
	close(fd);
	unit_remove_dir(dir);
}

static void document(void **state)
{
	static const char *const descriptors[] = { "pipe:[1]", "", "file[1:2]" };
	static const char *const names[] = { "/etc/hosts" };
	const struct ctr_checkpoint checkpoint = {
		.id = "db",
		.bundle = "/b",
		.created = "2024-02-29T12:34:56.000000000Z",
		.paused = true,
		.network = "bridge",
		.descriptors = descriptors,
		.ndescriptors = 3,
		.mounts = names,
		.nmounts = 1,
	};
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{"{}",			       "ctr.json:1:1: id: is required"                    },
		{ "{\"id\":1}",                      "ctr.json:1:7: id: expected a string, got a number"},
		{ "{\"id\":\"a\",\"bundle\":\"b\"}",
                 "ctr.json:1:20: bundle: 'b' is not an absolute path"                                   },
		{ "[1]",			     "ctr.json:1:1: expected an object, got an array"   },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_checkpoint *back;
	struct ctr_error err = { 0 };
	struct ctr_json json;
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_checkpoint_encode(&json, &checkpoint);
	back = ctr_checkpoint_decode(&arena, buf.data, buf.len, "ctr.json", &err);
	assert_non_null(back);
	assert_string_equal(back->id, "db");
	assert_true(back->paused);
	assert_string_equal(back->network, "bridge");
	assert_int_equal(back->ndescriptors, 3);
	assert_string_equal(back->descriptors[1], "");
	assert_string_equal(back->mounts[0], "/etc/hosts");
	assert_int_equal(back->nnamespaces, 0);

	for (size_t i = 0; i < unit_count(wrong); i++) {
		assert_null(ctr_checkpoint_decode(&arena, wrong[i].text, strlen(wrong[i].text),
						  "ctr.json", &err));
		assert_string_equal(err.text, wrong[i].error);
	}
	ctr_arena_release(&arena);
}

#define DOCUMENT_IN(descriptor, mount, namespaces)                                                 \
	"{\"id\":\"a\",\"bundle\":\"/b\",\"descriptors\":[\"" descriptor                           \
	"\"],\"mounts\":[\"" mount "\"],\"namespaces\":[" namespaces "]}"
#define DOCUMENT(descriptor, mount) DOCUMENT_IN(descriptor, mount, "\"network\"")

/* Words of a document go into lines and keys of CRIU's options. */
static void hostile_document(void **state)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{DOCUMENT("pipe:[7]\\nfd=3", "/m"),
                 "descriptors[0]: 'pipe:[7]?fd=3' has a control character"                           },
		{ DOCUMENT("",               "/m]:/etc"), "mounts[0]: '/m]:/etc' has a ']'"          },
		{ DOCUMENT("",               "/m\\nx"),   "mounts[0]: '/m?x' has a control character"},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err = { 0 };
	const char *good = DOCUMENT("pipe:[7]", "/m");
	const char *unknown = DOCUMENT_IN("", "/m", "\"net\"");

	(void)state;
	assert_non_null(ctr_checkpoint_decode(&arena, good, strlen(good), "ctr.json", &err));
	for (size_t i = 0; i < unit_count(wrong); i++) {
		assert_null(ctr_checkpoint_decode(&arena, wrong[i].text, strlen(wrong[i].text),
						  "ctr.json", &err));
		assert_non_null(strstr(err.text, wrong[i].error));
	}
	assert_null(ctr_checkpoint_decode(&arena, unknown, strlen(unknown), "ctr.json", &err));
	assert_non_null(strstr(err.text, "namespaces[0]: 'net' is no kind of namespace"));
	ctr_arena_release(&arena);
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static bool is_there(const char *dir, const char *name)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0;
}

/* Directories of somebody else's: what is no checkpoint stays, and no link is followed. */
static void hostile_images(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_images images = CTR_IMAGES_INIT;
	struct ctr_checkpoint *checkpoint = NULL;
	struct ctr_error err = { 0 };
	const char *top = unit_make_dir();
	const char *work = ctr_arena_printf(&arena, "%s/work", top);

	(void)state;
	put(top, "disk.img", "precious");
	assert_int_equal(ctr_images_make(&images, top, NULL, &arena, &err), -1);
	assert_non_null(strstr(err.text, "--image-path: "));
	assert_non_null(strstr(err.text, "holds images that are not of a checkpoint"));
	assert_true(is_there(top, "disk.img"));
	ctr_images_release(&images);

	put(top, "inventory.img", "");
	assert_int_equal(symlink("disk.img", ctr_arena_printf(&arena, "%s/restore.log", top)), 0);
	assert_int_equal(ctr_images_open(&images, top, NULL, &arena, &err), 0);
	assert_false(is_there(top, "restore.log"));
	assert_true(is_there(top, "disk.img"));
	ctr_images_forget_work(&images);
	assert_true(is_there(top, "disk.img"));
	assert_int_equal(symlink("disk.img", ctr_arena_printf(&arena, "%s/ctr.json", top)), 0);
	assert_int_equal(ctr_images_read(&images, &checkpoint, &arena, &err), -1);
	assert_non_null(strstr(err.text, "'ctr.json' is no regular file"));
	assert_int_equal(unlink(ctr_arena_printf(&arena, "%s/ctr.json", top)), 0);
	assert_int_equal(mkdir(ctr_arena_printf(&arena, "%s/ctr.json", top), 0700), 0);
	assert_int_equal(ctr_images_read(&images, &checkpoint, &arena, &err), -1);
	assert_non_null(strstr(err.text, "'ctr.json' is no regular file"));
	ctr_images_release(&images);

	assert_int_equal(symlink("/", work), 0);
	assert_int_equal(ctr_images_open(&images, top, work, &arena, &err), -1);
	assert_non_null(strstr(err.text, "--work-path: "));
	ctr_images_release(&images);
	unit_remove_dir(top);
	ctr_arena_release(&arena);
}

/* This process stands for a container that has no mounts: all its files are from outside. */
static void streams(void **state)
{
	const struct ctr_mountinfos none = { 0 };
	const pid_t pid = getpid();
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_streams before = { 0 }, after = { 0 };
	struct ctr_error err = { 0 };
	char path[] = "/tmp/ctr-unit.XXXXXX";
	int file, event, memory;

	(void)state;
	assert_int_equal(ctr_streams_find(&before, pid, &none, &pid, 1, &arena, &err), 0);

	event = eventfd(0, EFD_CLOEXEC);
	memory = memfd_create("unit", MFD_CLOEXEC);
	file = mkostemp(path, O_CLOEXEC);
	assert_true(event >= 0 && memory >= 0 && file >= 0);
	assert_int_equal(write(memory, "text", 4), 4);
	assert_int_equal(write(file, "text", 4), 4);
	assert_int_equal(ctr_streams_find(&after, pid, &none, &pid, 1, &arena, &err), 0);
	assert_int_equal(after.count, before.count + 1);

	assert_false(ctr_streams_measure(&after));
	assert_int_equal(write(file, "more", 4), 4);
	assert_true(ctr_streams_measure(&after));
	assert_false(ctr_streams_measure(&after));

	ctr_streams_release(&before);
	ctr_streams_release(&after);
	close(event);
	close(memory);
	close(file);
	unlink(path);
	ctr_arena_release(&arena);
}

/* A pipe whose other end another process has, and one whose ends are both here. */
static void pipes(void **state)
{
	const struct ctr_mountinfos none = { 0 };
	const pid_t pid = getpid();
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_streams found = { 0 }, resolved = { 0 };
	struct ctr_checkpoint checkpoint = { 0 };
	struct ctr_error err = { 0 };
	int outer[2], own[2], gate[2], status;
	const char *names[4] = { "", "", "", NULL };
	uint32_t of[4] = { 0, 1, 2, 0 };
	size_t before;
	pid_t other;

	(void)state;
	assert_int_equal(ctr_streams_find(&found, pid, &none, &pid, 1, &arena, &err), 0);
	before = found.count;
	ctr_streams_release(&found);
	assert_int_equal(pipe2(outer, O_CLOEXEC), 0);
	assert_int_equal(pipe2(own, O_CLOEXEC), 0);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	other = fork();
	if (other == 0) {
		char byte;

		close(own[0]);
		close(own[1]);
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(gate[0]);
	close(outer[0]);
	assert_int_equal(ctr_streams_find(&found, pid, &none, &pid, 1, &arena, &err), 0);
	assert_int_equal(found.count, before + 2); /* the gate's as well */
	for (size_t i = CTR_STREAMS; i < found.count; i++)
		if (found.list[i].of == (uint32_t)outer[1])
			names[3] = found.list[i].name;
	assert_non_null(names[3]);
	assert_int_equal(strncmp(names[3], "pipe:[", 6), 0);
	close(gate[1]);
	assert_int_equal(waitpid(other, &status, 0), other);

	checkpoint = (struct ctr_checkpoint){
		.descriptors = names,
		.ndescriptors = 4,
		.of = of,
		.nof = 4,
	};
	of[3] = (uint32_t)outer[1];
	assert_int_equal(ctr_streams_resolve(&resolved, &checkpoint, 0, &err), 0);
	assert_int_equal(resolved.list[3].fd, -1);
	ctr_streams_release(&resolved);
	assert_int_equal(fcntl(outer[1], F_SETFD, 0), 0);
	assert_int_equal(ctr_streams_resolve(&resolved, &checkpoint, of[3], &err), 0);
	assert_true(resolved.list[3].fd > STDERR_FILENO);
	ctr_streams_release(&resolved);
	ctr_streams_release(&found);
	close(outer[1]);
	close(own[0]);
	close(own[1]);
	ctr_arena_release(&arena);
}

static size_t count_files(const struct ctr_streams *streams)
{
	size_t n = 0;

	for (size_t i = CTR_STREAMS; i < streams->count; i++)
		n += strncmp(streams->list[i].name, "file[", 5) == 0;
	return n;
}

/* Pipes have the room that files leave them. */
static void many_pipes(void **state)
{
	const struct ctr_mountinfos none = { 0 };
	const pid_t pid = getpid();
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_streams found = { 0 };
	struct ctr_error err = { 0 };
	int ends[CTR_STREAMS_MAX][2], gate[2], files[2], status;
	char paths[2][32] = { "/tmp/ctr-unit.XXXXXX", "/tmp/ctr-unit.XXXXXX" };
	size_t before;
	pid_t other;

	(void)state;
	assert_int_equal(ctr_streams_find(&found, pid, &none, &pid, 1, &arena, &err), 0);
	before = count_files(&found);
	ctr_streams_release(&found);
	for (size_t i = 0; i < CTR_STREAMS_MAX; i++)
		assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	other = fork();
	if (other == 0) {
		char byte;

		close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
	}
	for (size_t i = 0; i < CTR_STREAMS_MAX; i++)
		close(ends[i][0]);
	close(gate[0]);
	assert_int_equal(ctr_streams_find(&found, pid, &none, &pid, 1, &arena, &err), 0);
	assert_int_equal(found.count, CTR_STREAMS_MAX - 1);
	ctr_streams_release(&found);

	/* behind the pipes, as /proc/PID/fd has them */
	for (size_t i = 0; i < 2; i++) {
		int low = mkostemp(paths[i], O_CLOEXEC);

		files[i] = fcntl(low, F_DUPFD_CLOEXEC, gate[1] + 1);
		assert_true(files[i] > gate[1]);
		close(low);
	}
	assert_int_equal(ctr_streams_find(&found, pid, &none, &pid, 1, &arena, &err), 0);
	assert_int_equal(found.count, CTR_STREAMS_MAX - 1);
	assert_int_equal(count_files(&found), before + 2);
	ctr_streams_release(&found);

	close(gate[1]);
	assert_int_equal(waitpid(other, &status, 0), other);
	for (size_t i = 0; i < CTR_STREAMS_MAX; i++)
		close(ends[i][1]);
	for (size_t i = 0; i < 2; i++) {
		close(files[i]);
		unlink(paths[i]);
	}
	ctr_arena_release(&arena);
}

/* Two files that were behind other descriptors than 0, 1 and 2: one descriptor each. */
static void stand_ins(void **state)
{
	static const char *const names[] = { "", "", "", "file[1:2]", "file[1:3]", "file[1:4]" };
	static const uint32_t of[] = { 0, 1, 2, 1, 1, 1 };
	static const uint32_t modes[] = { 0, 0, 0, 0, 0, S_IFREG | 01234 };
	const struct ctr_checkpoint checkpoint = {
		.descriptors = names,
		.ndescriptors = CTR_ARRAY_SIZE(names),
		.of = of,
		.nof = CTR_ARRAY_SIZE(of),
		.modes = modes,
		.nmodes = CTR_ARRAY_SIZE(modes),
	};
	static const char *const terminal[] = { "tty[8800:19]" };
	const struct ctr_checkpoint with_terminal = { .descriptors = terminal, .ndescriptors = 1 };
	struct ctr_streams streams = { 0 };
	struct ctr_error err = { 0 };
	int null, old;
	struct stat st;

	(void)state;
	assert_int_equal(ctr_streams_resolve(&streams, &checkpoint, 0, &err), 0);
	assert_int_equal(streams.count, 6);
	assert_true(streams.list[3].fd > STDERR_FILENO);
	assert_true(streams.list[4].fd > STDERR_FILENO);
	assert_int_not_equal(streams.list[3].fd, streams.list[4].fd);
	/* a file's place takes none but a file, whatever the streams of this test are */
	assert_int_equal(fstat(streams.list[5].fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_true(streams.other_modes);
	ctr_streams_release(&streams);

	old = dup(STDIN_FILENO);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO);
	assert_int_equal(ctr_streams_resolve(&streams, &with_terminal, 0, &err), -1);
	assert_string_equal(err.text,
			    "the checkpointed container used a terminal of its caller's: standard "
			    "stream 0, which takes its place, is none");
	ctr_streams_release(&streams);
	close(null);
	dup2(old, STDIN_FILENO);
	close(old);
}

/* A fifo's place takes a pipe, with a name or without; where there is none, one with nobody at its
 * other end. */
static void fifos(void **state)
{
	static const char *const names[] = { "file[1f:a8]" };
	static const uint32_t modes[] = { S_IFIFO | 0644 };
	const struct ctr_checkpoint checkpoint = {
		.descriptors = names, .ndescriptors = 1, .modes = modes, .nmodes = 1
	};
	struct ctr_streams streams = { 0 };
	struct ctr_error err = { 0 };
	int old = dup(STDIN_FILENO), null = open("/dev/null", O_RDONLY | O_CLOEXEC), ends[2];
	struct stat st;
	char byte;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(ctr_streams_resolve(&streams, &checkpoint, 0, &err), 0);
	assert_int_equal(streams.list[0].fd, STDIN_FILENO);
	assert_int_equal(streams.list[0].stand_in, -1);
	ctr_streams_release(&streams);

	assert_int_equal(dup2(null, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(ctr_streams_resolve(&streams, &checkpoint, 0, &err), 0);
	assert_int_equal(fstat(streams.list[0].fd, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(read(streams.list[0].fd, &byte, 1), 0);
	ctr_streams_release(&streams);

	dup2(old, STDIN_FILENO);
	close(old);
	close(null);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts),         cmocka_unit_test(external),
		cmocka_unit_test(ours),           cmocka_unit_test(resolved),
		cmocka_unit_test(cgroups),        cmocka_unit_test(options),
		cmocka_unit_test(wrong_options),  cmocka_unit_test(reasons),
		cmocka_unit_test(damaged_files),  cmocka_unit_test(parents),
		cmocka_unit_test(document),       cmocka_unit_test(hostile_document),
		cmocka_unit_test(hostile_images), cmocka_unit_test(streams),
		cmocka_unit_test(pipes),          cmocka_unit_test(many_pipes),
		cmocka_unit_test(stand_ins),      cmocka_unit_test(pagemaps),
		cmocka_unit_test(areas),          cmocka_unit_test(fifos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
