/* cgroup/unit and cgroup/property: what systemd is asked for. */
#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "cgroup/property.h"
#include "cgroup/unit.h"
#include "oci/spec.h"

static void names(void **state)
{
	static const struct {
		const char *path, *id;
		bool user;
		const char *name, *slice, *error;
	} cases[] = {
		{NULL,			"db",  false, "ctr-db.scope",      "system.slice",  NULL                                   },
		{ "",			 "db",  true,  "ctr-db.scope",      "user.slice",    NULL                                   },
		{ "machine.slice:libpod:abc", "x",   false, "libpod-abc.scope",  "machine.slice",
                 NULL														    },
		{ ":libpod:abc",              "x",   true,  "libpod-abc.scope",  "user.slice",    NULL                                   },
		{ "-::abc",                   "x",   false, "abc.scope",         "-.slice",       NULL                                   },
		{ "a-b.slice:p:c.slice",      "x",   false, "c.slice",           "a-b.slice",     NULL                                   },
		{ NULL,                       "a+b", false, "ctr-a\\x2bb.scope", "system.slice",  NULL                                   },
		{ "nope",                     "x",   false, NULL,                NULL,
                 "linux.cgroupsPath: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got 'nope'"         },
		{ "a.slice:b:c:d",            "x",   false, NULL,                NULL,
                 "linux.cgroupsPath: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got 'a.slice:b:c:d'"},
		{ "a--b.slice:p:c",           "x",   false, NULL,                NULL,
                 "linux.cgroupsPath: 'a--b.slice' is not the name of a systemd slice"                                                    },
		{ "../x.slice:p:c",           "x",   false, NULL,                NULL,
                 "linux.cgroupsPath: '../x.slice' is not the name of a systemd slice"                                                    },
		{ "a.slice:p:../c",           "x",   false, NULL,                NULL,
                 "linux.cgroupsPath: 'p-..\\x2fc.scope' is not the name of a systemd unit"                                               },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_error err = { 0 };
		struct ctr_unit unit;
		int r = ctr_unit_parse(&unit, &arena, cases[i].path, cases[i].id, cases[i].user,
				       &err);

		assert_int_equal(r, cases[i].error ? -1 : 0);
		if (cases[i].error) {
			assert_string_equal(err.text, cases[i].error);
			continue;
		}
		assert_string_equal(unit.name, cases[i].name);
		assert_string_equal(unit.slice, cases[i].slice);
	}
	ctr_arena_release(&arena);
}

static void slices(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;

	(void)state;
	assert_string_equal(ctr_unit_expand_slice("-.slice", &arena, &err), "");
	assert_string_equal(ctr_unit_expand_slice("a.slice", &arena, &err), "/a.slice");
	assert_string_equal(ctr_unit_expand_slice("a-b-c.slice", &arena, &err),
			    "/a.slice/a-b.slice/a-b-c.slice");
	assert_null(ctr_unit_expand_slice("-a.slice", &arena, &err));
	assert_null(ctr_unit_expand_slice("a-.slice", &arena, &err));
	assert_null(ctr_unit_expand_slice("a", &arena, &err));
	assert_null(ctr_unit_expand_slice("a b.slice", &arena, &err));
	assert_null(ctr_unit_expand_slice("a\nb.slice", &arena, &err));
	ctr_arena_release(&arena);
}

static void limits(void **state)
{
	static const struct {
		const char *file, *value, *first, *second;
	} cases[] = {
		{"memory.max",       "1048576",      "MemoryMax=t=1048576",                       NULL},
		{ "memory.swap.max", "max",          "MemorySwapMax=t=18446744073709551615",      NULL},
		{ "pids.max",        "50",           "TasksMax=t=50",                             NULL},
		{ "cpu.weight",      "100",          "CPUWeight=t=100",                           NULL},
		{ "cpu.idle",        "1",            "CPUWeight=t=0",                             NULL},
		{ "cpu.max",         "50000 100000", "CPUQuotaPerSecUSec=t=500000",
                 "CPUQuotaPeriodUSec=t=100000"							},
		{ "cpu.max",         "33333 100000", "CPUQuotaPerSecUSec=t=340000",
                 "CPUQuotaPeriodUSec=t=100000"							},
		{ "cpu.max",         "max 100000",   "CPUQuotaPerSecUSec=t=18446744073709551615",
                 "CPUQuotaPeriodUSec=t=100000"							},
 /* fault 94 */
		{ "cpuset.cpus",     "0-9",          "AllowedCPUs=ay=ff03",                       NULL},
		{ "cpuset.mems",     "1",            "AllowedMemoryNodes=ay=02",                  NULL},
		{ "io.weight",       "default 910",  "IOWeight=t=910",                            NULL},
		{ "io.weight",       "4950",         "IOWeight=t=4950",                           NULL},
		{ "cpu.idle",        "0",            "CPUWeight=t=18446744073709551615",          NULL},
		{ "memory.high",     "100m",         "MemoryHigh=t=104857600",                    NULL},
		{ "memory.max",      "16777216T",    NULL,                                        NULL},
		{ "memory.max",      "0x1000",       NULL,                                        NULL},
		{ "pids.max",        "abc",          NULL,                                        NULL},
		{ "cpuset.cpus",     "all",          NULL,                                        NULL},
		{ "hugetlb.2MB.max", "1",            NULL,                                        NULL},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		struct ctr_properties properties;

		ctr_properties_init(&properties, &arena);
		ctr_properties_limit(&properties, cases[i].file, cases[i].value);
		assert_int_equal(properties.count,
				 (cases[i].first != NULL) + (cases[i].second != NULL));
		if (cases[i].first)
			assert_string_equal(properties.list[0], cases[i].first);
		if (cases[i].second)
			assert_string_equal(properties.list[1], cases[i].second);
	}
	ctr_arena_release(&arena);
}

/* Of two entries for the same devices systemd takes the last. */
static void devices(void **state)
{
	static const struct ctr_device_rule rules[] = {
		{.allow = true,
                 .type = CTR_DEVICE_CHAR,
                 .major = 1,
                 .minor = 3,
                 .access = CTR_ACCESS_READ },
		{ .allow = true,
                 .type = CTR_DEVICE_BLOCK,
                 .major = 8,
                 .minor = -1,
                 .access = CTR_ACCESS_READ },
		{ .allow = true,
                 .type = CTR_DEVICE_ALL,
                 .major = -1,
                 .minor = -1,
                 .access = CTR_ACCESS_READ },
		{ .allow = true,
                 .type = CTR_DEVICE_BLOCK,
                 .major = 8,
                 .minor = -1,
                 .access = CTR_ACCESS_WRITE},
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_properties properties;

	(void)state;
	ctr_properties_init(&properties, &arena);
	ctr_properties_devices(&properties, rules, unit_count(rules));
	assert_int_equal(properties.count, 3);
	assert_string_equal(properties.list[0], "DevicePolicy=s=strict");
	assert_string_equal(properties.list[1], "DeviceAllow=a(ss)=");
	assert_non_null(strstr(properties.list[2], "DeviceAllow=a(ss)=char-* rm\nblock-* rm\n"));
	assert_non_null(strstr(properties.list[2], "/dev/char/1:3 rwm\n"));
	assert_null(strstr(properties.list[2], "/dev/char/1:3 r\n"));
	assert_non_null(strstr(properties.list[2], "\nblock-8 rw\n"));
	ctr_arena_release(&arena);
}

static void annotations(void **state)
{
	static const struct {
		const char *key, *value, *property, *error;
	} cases[] = {
		{"org.systemd.property.TimeoutStopUSec", "uint64 10000000",
                 "TimeoutStopUSec=t=10000000",								NULL},
		{ "org.systemd.property.TimeoutStopSec", "1.5",                  "TimeoutStopUSec=t=1500000", NULL},
		{ "org.systemd.property.CollectMode",    "'inactive-or-failed'",
                 "CollectMode=s=inactive-or-failed",							  NULL},
		{ "org.systemd.property.After",          "['a.service', \"b\"]", "After=as=a.service\nb\n",
                 NULL											     },
		{ "org.systemd.property.KillSignal",     "9",                    "KillSignal=i=9",            NULL},
		{ "org.systemd.property.SendSIGHUP",     "true",                 "SendSIGHUP=b=1",            NULL},
		{ "org.other",                           "x",                    NULL,                        NULL},
		{ "org.systemd.property.lower",          "1",                    NULL,
                 "annotations[org.systemd.property.lower]: not the name of a property"                            },
		{ "org.systemd.property.After",          "['a",                  NULL,
                 "annotations[org.systemd.property.After]: cannot understand '['a'"                               },
		{ "org.systemd.property.MemoryMax",      "uint32 -1",            NULL,
                 "annotations[org.systemd.property.MemoryMax]: cannot understand 'uint32 -1'"                     },
		{ "org.systemd.property.KillSignal",     "2147483648",           NULL,
                 "annotations[org.systemd.property.KillSignal]: cannot understand '2147483648'"                   },
	};
	struct ctr_arena arena = CTR_ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < unit_count(cases); i++) {
		const struct ctr_string_pair pair = { cases[i].key, cases[i].value };
		struct ctr_properties properties;
		struct ctr_error err = { 0 };
		int r;

		ctr_properties_init(&properties, &arena);
		r = ctr_properties_annotations(&properties, &pair, 1, &err);
		assert_int_equal(r, cases[i].error ? -1 : 0);
		if (cases[i].error)
			assert_string_equal(err.text, cases[i].error);
		if (cases[i].property)
			assert_string_equal(properties.list[0], cases[i].property);
		else
			assert_int_equal(properties.count, 0);
	}
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),   cmocka_unit_test(slices),      cmocka_unit_test(limits),
		cmocka_unit_test(devices), cmocka_unit_test(annotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
