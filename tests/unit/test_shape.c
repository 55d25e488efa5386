/* ns/shape: document and host -> clone. */
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/error.h"
#include "base/host.h"
#include "ns/shape.h"

enum {
	PID = CLONE_NEWPID,
	NET = CLONE_NEWNET,
	MNT = CLONE_NEWNS,
	IPC = CLONE_NEWIPC,
	UTS = CLONE_NEWUTS,
	USER = CLONE_NEWUSER,
	CGROUP = CLONE_NEWCGROUP,
	TIME = 0x80,
};

enum { ROOT, USER_1000, ROOT_IN_USERNS };

static const struct ctr_host hosts[] = {
	[ROOT] = {.privileged = true,
                  .has_user_ns = true,
                  .has_cgroup_ns = true,
                  .has_time_ns = true  },
	[USER_1000] = {  .euid = 1000,
                  .egid = 1000,
                  .rootless = true,
                  .has_user_ns = true,
                  .has_cgroup_ns = true },
	[ROOT_IN_USERNS] = { .privileged = true,
                  .in_userns = true,
                  .rootless = true,
                  .setgroups_denied = true,
                  .has_user_ns = true },
};

static const struct ctr_id_map single = { 0, 1000, 1 };
static const struct ctr_id_map many = { 0, 100000, 65536 };

struct test_case {
	int host;
	uint64_t listed, joined; /* CLONE_NEW* */
	const struct ctr_id_map *map;
	/* wanted */
	enum ctr_shape_kind kind;
	uint64_t clone, unshare;
	const char *joins; /* names in order, '*': by the parent */
	const char *flags; /* m: write maps, r: become root, g: setgroups denied, t: time by plan */
	const char *error;
};

#define REFUSED .error

static const struct test_case cases[] = {
  /* direct */
	{ROOT,				  MNT,			   0,							      NULL, CTR_SHAPE_DIRECT, MNT, 0, "", "", NULL },
	{ ROOT,		     PID | NET | IPC | UTS | MNT | CGROUP,                                               0,													    NULL, CTR_SHAPE_DIRECT,
         PID | NET | IPC | UTS | MNT, CGROUP, "", "", NULL },
	{ ROOT,				   MNT | TIME,							    0,															 NULL, CTR_SHAPE_DIRECT, MNT, TIME, "", "", NULL },
	{ ROOT,MNT | PID | NET,PID | NET,NULL, CTR_SHAPE_DIRECT, MNT, 0, "pid* network", "",
         NULL },
	{ ROOT,           MNT | PID | NET | IPC | UTS | CGROUP | TIME,                                  PID | NET | IPC | UTS | CGROUP | TIME,
         NULL, CTR_SHAPE_DIRECT, MNT, 0, "pid* network ipc uts cgroup", "t", NULL },
	{ ROOT,				 MNT | NET,							     MNT | NET,														       NULL, CTR_SHAPE_DIRECT, 0, 0, "network mount", "", NULL },
	{ ROOT_IN_USERNS,				    MNT | PID,  0,NULL, CTR_SHAPE_DIRECT, MNT | PID, 0, "", "g", NULL },
 /* a new user namespace */
	{ ROOT,				 USER | MNT | NET | PID,							    0,															&many, CTR_SHAPE_USERNS, USER | PID, MNT | NET, "", "mr",
         NULL },
	{ ROOT,				    USER | MNT | CGROUP | TIME,							     0,																&many, CTR_SHAPE_USERNS, USER, MNT | CGROUP | TIME,
         "", "mr", NULL },
	{ USER_1000,				 USER | MNT,					      0,																								NULL, CTR_SHAPE_USERNS, USER, MNT, "", "mrg", NULL },
	{ USER_1000,		       USER | MNT,						  0,																 &single, CTR_SHAPE_USERNS, USER, MNT, "", "mrg", NULL },
	{ USER_1000,				 USER | MNT,         0, &many, CTR_SHAPE_USERNS, USER, MNT, "", "mr", NULL },
	{ ROOT_IN_USERNS,                     USER | MNT,					       0,													    &many, CTR_SHAPE_USERNS, USER, MNT, "", "mrg", NULL },
 /* ... while others are joined: before, by a helper */
	{ ROOT,				  USER | MNT | NET | PID,							   NET,															&many, CTR_SHAPE_JOIN, USER | PID, MNT, "network",
         "mr", NULL },
	{ ROOT,USER | MNT | NET | PID,NET | PID,&many, CTR_SHAPE_JOIN, USER, MNT, "pid network",
         "mr", NULL },
 /* a joined user namespace: last with privileges, first without */
	{ ROOT,				    USER | MNT | NET | PID,								USER | NET,													       NULL, CTR_SHAPE_JOIN, MNT | PID, 0,
         "network user", "r", NULL },
	{ USER_1000,				 USER | MNT | NET | CGROUP,							     USER | NET,													     NULL, CTR_SHAPE_JOIN, MNT, CGROUP,
         "user network", "r", NULL },
	{ ROOT,				    USER | MNT,							    USER | MNT,																						   NULL, CTR_SHAPE_JOIN, 0, 0, "mount user", "r", NULL },
 /* refused */
	{ .host = USER_1000,
         .listed = MNT,
         REFUSED =
		  "linux.namespaces: a rootless container needs a user namespace: add {\"type\":\"user\"} to linux.namespaces (ctr spec --rootless)"                                                                                                                         },
	{ .host = USER_1000,
         .listed = USER | MNT | NET,
         .joined = NET,
         REFUSED =
		  "linux.namespaces[1].path: cannot join '/ns/network': a new user namespace gives no right to; join the one that owns it, too" },
	{ .host = ROOT,
         .listed = USER | MNT,
         REFUSED = "linux.uidMappings: a new user namespace needs id mappings"},
	{ .host = USER_1000,
         .listed = USER | MNT | TIME,
         REFUSED = "linux.namespaces[7].type: this kernel has no time namespaces"																},
	{ .host = ROOT_IN_USERNS,
         .listed = MNT | CGROUP,
         REFUSED = "linux.namespaces[6].type: this kernel has no cgroup namespaces" },
};

static void make_spec(struct ctr_spec *spec, struct ctr_linux *config, const struct test_case *c)
{
	static const char *const paths[CTR_NS_KINDS] = {
		"/ns/pid", "/ns/network", "/ns/mount",  "/ns/ipc",
		"/ns/uts", "/ns/user",    "/ns/cgroup", "/ns/time",
	};

	*config = (struct ctr_linux){
		.uid_mappings = c->map,
		.gid_mappings = c->map,
		.nuid_mappings = c->map != NULL,
		.ngid_mappings = c->map != NULL,
	};
	for (int kind = 0; kind < CTR_NS_KINDS; kind++) {
		uint64_t flag = ctr_ns_flag((enum ctr_ns_kind)kind);

		config->namespaces[kind] = (struct ctr_namespace){
			.listed = c->listed & flag,
			.path = c->joined & flag ? paths[kind] : NULL,
			.index = (uint32_t)kind,
		};
	}
	*spec = (struct ctr_spec){ .linux_ = config };
}

static const char *joins_of(const struct ctr_shape *shape)
{
	static char text[256];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < shape->njoins; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s", i ? " " : "",
					ctr_ns_name(shape->joins[i].kind),
					shape->joins[i].by_parent ? "*" : "");
	return text;
}

static const char *flags_of(const struct ctr_shape *shape)
{
	static char text[8];

	snprintf(text, sizeof(text), "%s%s%s%s", shape->write_maps ? "m" : "",
		 shape->become_root ? "r" : "", shape->setgroups_denied ? "g" : "",
		 shape->plan_joins_time ? "t" : "");
	return text;
}

static void shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct test_case *c = &cases[i];
		struct ctr_shape shape = { 0 };
		struct ctr_error err = { 0 };
		struct ctr_linux config;
		struct ctr_spec spec;
		int r;

		print_message("# case %zu\n", i);
		make_spec(&spec, &config, c);
		r = ctr_shape_decide(&shape, &spec, &hosts[c->host], &err);
		if (c->error) {
			assert_int_equal(r, -1);
			assert_string_equal(err.text, c->error);
			assert_int_equal(shape.njoins, 0);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(shape.kind, c->kind);
		assert_int_equal(shape.clone_flags, c->clone);
		assert_int_equal(shape.unshare_flags, c->unshare);
		assert_string_equal(joins_of(&shape), c->joins);
		assert_string_equal(flags_of(&shape), c->flags);
	}
}

/* Every namespace of the document is made or joined exactly once. */
static void nothing_is_lost(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct test_case *c = &cases[i];
		struct ctr_shape shape = { 0 };
		struct ctr_error err = { 0 };
		struct ctr_linux config;
		struct ctr_spec spec;
		uint64_t seen;

		if (c->error)
			continue;
		make_spec(&spec, &config, c);
		assert_int_equal(ctr_shape_decide(&shape, &spec, &hosts[c->host], &err), 0);
		assert_int_equal(shape.clone_flags & shape.unshare_flags, 0);
		seen = shape.clone_flags | shape.unshare_flags;
		assert_int_equal(seen, c->listed & ~c->joined);
		seen = shape.plan_joins_time ? shape.time.flag : 0;
		for (size_t j = 0; j < shape.njoins; j++) {
			assert_int_equal(seen & shape.joins[j].flag, 0);
			seen |= shape.joins[j].flag;
		}
		assert_int_equal(seen, c->joined);
	}
}

static void writers(void **state)
{
	const struct ctr_string_pair sysctl[] = {
		{"net/ipv4/ip_forward", "1"},
		{ "kernel/sem",         "1"},
	};
	struct test_case c = { .host = ROOT, .listed = NET | IPC | UTS | MNT };
	const char *wanted[CTR_NS_KINDS] = {
		[CTR_NS_NETWORK] = "linux.sysctl",
		[CTR_NS_IPC] = "linux.sysctl",
		[CTR_NS_UTS] = "domainname",
	};
	struct ctr_error err = { 0 };
	struct ctr_shape shape;
	struct ctr_linux config;
	struct ctr_spec spec;

	(void)state;
	c.joined = c.listed;
	make_spec(&spec, &config, &c);
	assert_int_equal(ctr_shape_decide(&shape, &spec, &hosts[ROOT], &err), 0);
	for (size_t i = 0; i < shape.njoins; i++)
		assert_null(shape.joins[i].writer);

	config.sysctl = sysctl;
	config.nsysctl = unit_count(sysctl);
	spec.domainname = "d";
	assert_int_equal(ctr_shape_decide(&shape, &spec, &hosts[ROOT], &err), 0);
	assert_int_equal(shape.njoins, 4);
	for (size_t i = 0; i < shape.njoins; i++) {
		if (wanted[shape.joins[i].kind])
			assert_string_equal(shape.joins[i].writer, wanted[shape.joins[i].kind]);
		else
			assert_null(shape.joins[i].writer);
	}
}

static void opening(void **state)
{
	const struct {
		const char *path, *error;
	} refused[] = {
		{"/nonexistent/net",
                 "linux.namespaces[3].path: cannot open '/nonexistent/net': No such file or directory"},
		{ "/proc/self/status",
                 "linux.namespaces[3].path: '/proc/self/status' is not a namespace"                   },
		{ "/",                 "linux.namespaces[3].path: '/' is not a namespace"             },
		{ "/proc/self/ns/mnt",
                 "linux.namespaces[3].path: '/proc/self/ns/mnt' is not a network namespace"           },
	};
	struct ctr_join join = {
		.kind = CTR_NS_NETWORK,
		.flag = NET,
		.path = "/proc/self/ns/net",
		.index = 3,
	};
	struct ctr_error err = { 0 };
	int fd;

	(void)state;
	fd = ctr_ns_open(&join, &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);

	/* The host's own by another name */
	join.writer = "linux.sysctl";
	assert_int_equal(ctr_ns_open(&join, &err), -1);
	assert_string_equal(
		err.text,
		"linux.namespaces[3].path: '/proc/self/ns/net' is the host's own, which linux.sysctl would change");

	for (size_t i = 0; i < unit_count(refused); i++) {
		join.path = refused[i].path;
		assert_int_equal(ctr_ns_open(&join, &err), -1);
		assert_string_equal(err.text, refused[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(writers),
		cmocka_unit_test(opening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
