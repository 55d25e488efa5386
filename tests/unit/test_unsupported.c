/* ns/unsupported: a limit is an error that names it, what means "none" is fine. */
#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "ns/planner.h"
#include "oci/load.h"

static struct ctr_arena arena;

static int release(void **state)
{
	(void)state;
	ctr_arena_release(&arena);
	return 0;
}

/* Members of "linux", with ' for ". A field is NULL when there is nothing to refuse. */
struct row {
	const char *members, *field;
};

static const struct row resources[] = {
	{"",								      NULL		     },
	{ "'devices':[{'allow':false,'access':'rwm'}]",                           NULL                     },
	{ "'memory':{},'cpu':{},'pids':{'limit':-1}",                             NULL                     },
	{ "'memory':{'limit':-1,'swap':-1,'reservation':0}",                      NULL                     },
	{ "'memory':{'kernel':1000,'disableOOMKiller':false}",                    NULL                     },
	{ "'cpu':{'shares':1024,'quota':-1,'period':100000}",                     NULL                     },
	{ "'cpu':{'shares':0,'cpus':'','mems':''}",                               NULL                     },
	{ "'blockIO':{'weight':0}",					       NULL                     },
	{ "'network':{}",							 NULL                     },
	{ "'unified':{}",							 NULL                     },
	{ "'pids':{'limit':0}",						   "pids.limit"             },
	{ "'pids':{'limit':2048}",						"pids.limit"             },
	{ "'memory':{'limit':1048576}",					   "memory.limit"           },
	{ "'memory':{'limit':-1,'swap':1048576}",                                 "memory.swap"            },
	{ "'memory':{'reservation':1}",					   "memory.reservation"     },
	{ "'memory':{'swappiness':0}",					    "memory.swappiness"      },
	{ "'memory':{'disableOOMKiller':true}",                                   "memory.disableOOMKiller"},
	{ "'cpu':{'shares':512}",						 "cpu.shares"             },
	{ "'cpu':{'quota':50000}",						"cpu.quota"              },
	{ "'cpu':{'cpus':'0'}",						   "cpu.cpus"               },
	{ "'cpu':{'mems':'0'}",						   "cpu.mems"               },
	{ "'cpu':{'idle':1}",						     "cpu.idle"               },
	{ "'blockIO':{'weight':100}",					     "blockIO"                },
	{ "'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}]}",
         "blockIO.throttleReadBpsDevice"								   },
	{ "'hugepageLimits':[{'pageSize':'2MB','limit':1}]",                      "hugepageLimits"         },
	{ "'network':{'classID':1}",					      "network.classID"        },
	{ "'rdma':{'mlx5':{'hcaHandles':1}}",                                     "rdma"                   },
	{ "'unified':{'memory.high':'1'}",                                        "unified"                },
};

static const struct row others[] = {
	{"'intelRdt':{'closID':'a'}",                                   "intelRdt"  },
	{ "'netDevices':{'eth0':{}},'namespaces':[{'type':'network'}]", "netDevices"},
};

static void check(const struct row *row, const char *open, const char *close, const char *path)
{
	struct ctr_error err = { 0 };
	struct ctr_spec *spec;
	char text[1024], expected[256];
	int r;

	snprintf(text, sizeof(text),
		 "{'ociVersion':'1.3.0','root':{'path':'r'},"
		 "'process':{'cwd':'/','args':['x'],'user':{'uid':0,'gid':0}},"
		 "'linux':{%s%s%s}}",
		 open, row->members, close);
	for (char *c = text; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	print_message("# %s\n", row->members);
	spec = ctr_spec_decode(&arena, text, strlen(text), "t", "/b", NULL, &err);
	if (!spec)
		fail_msg("%s", err.text);

	r = ctr_plan_check_supported(spec, &err);
	if (!row->field) {
		assert_int_equal(r, 0);
		return;
	}
	assert_int_equal(r, -1);
	assert_int_equal(err.fault, CTR_FAULT_CONFIG);
	snprintf(expected, sizeof(expected), "%s%s: ctr cannot do this yet", path, row->field);
	assert_string_equal(err.text, expected);
}

static void limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(resources); i++)
		check(&resources[i], "'resources':{", "}", "linux.resources.");
}

static void others_of_linux(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(others); i++)
		check(&others[i], "", "", "linux.");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(limits),
					    cmocka_unit_test(others_of_linux) };

	return cmocka_run_group_tests(tests, NULL, release);
}
