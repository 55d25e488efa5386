/* oci/resources: encoding gives what was decoded, updates are laid over what there is. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "oci/encode.h"
#include "oci/load.h"
#include "oci/resources.h"

static struct ctr_arena arena;

static int release(void **state)
{
	(void)state;
	ctr_arena_release(&arena);
	return 0;
}

/* Documents have ' for ". */
static struct ctr_resources *decode(const char *document)
{
	char *text = ctr_arena_strdup(&arena, document);
	struct ctr_resources *resources;
	struct ctr_error err;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	resources = ctr_resources_decode(&arena, text, strlen(text), "r", &err);
	if (!resources)
		fail_msg("%s: %s", document, err.text);
	return resources;
}

static const char *encode(const struct ctr_resources *resources)
{
	struct ctr_json json;
	struct ctr_buf buf;

	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_resources_encode(&json, NULL, resources);
	for (char *c = buf.data; *c; c++)
		if (*c == '"')
			*c = '\'';
	return buf.data;
}

static const char everything[] =
	"{'devices':[{'allow':false,'type':'a','access':'rwm'},"
	"{'allow':true,'type':'c','major':1,'access':'rm'},"
	"{'allow':true,'type':'b','major':8,'minor':0,'access':'w'}],"
	"'memory':{'limit':1,'reservation':2,'swap':3,'kernel':4,'kernelTCP':5,'swappiness':6,"
	"'disableOOMKiller':false,'useHierarchy':true,'checkBeforeUpdate':true},"
	"'cpu':{'shares':1,'quota':-1,'burst':2,'period':3,'realtimeRuntime':4,'realtimePeriod':5,"
	"'idle':0,'cpus':'0-1','mems':'0'},"
	"'pids':{'limit':0},"
	"'blockIO':{'weight':10,'leafWeight':11,"
	"'weightDevice':[{'major':8,'minor':0,'weight':12,'leafWeight':13}],"
	"'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}],"
	"'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':2}],"
	"'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':3}],"
	"'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':18446744073709551615}]},"
	"'network':{'classID':1,'priorities':[{'name':'eth0','priority':2}]},"
	"'hugepageLimits':[{'pageSize':'2MB','limit':3}],"
	"'rdma':{'mlx':{'hcaHandles':1,'hcaObjects':2}},"
	"'unified':{'a.b':'c\\nd'}}";

static void test_encode(void **state)
{
	static const char *const documents[] = { "{}", "{'devices':[]}", "{'memory':{}}",
						 "{'pids':{'limit':-1}}", everything };

	(void)state;
	for (size_t i = 0; i < unit_count(documents); i++)
		assert_string_equal(encode(decode(documents[i])), documents[i]);
}

static const struct {
	const char *old, *update, *merged, *complete;
} merges[] = {
	{"{}",								      "{}",					"{}",						 "{}"								     },
	{ "{'memory':{'limit':1},'pids':{'limit':5}}",                              "{'memory':{'reservation':2}}",
         "{'memory':{'limit':1,'reservation':2},'pids':{'limit':5}}",														  "{'memory':{'reservation':2}}"					   },
	{ "{'memory':{'limit':1,'swap':9}}",                                        "{'memory':{'limit':4}}",
         "{'memory':{'limit':4,'swap':9}}",																	    "{'memory':{'limit':4,'swap':9}}"                                        },
	{ "{'memory':{'limit':1}}",						 "{'memory':{'swap':4}}",                     "{'memory':{'limit':1,'swap':4}}",
         "{'memory':{'limit':1,'swap':4}}"																										      },
	{ "{'memory':{'limit':1,'swap':9}}",                                        "{'memory':{'limit':-1}}",
         "{'memory':{'limit':-1,'swap':-1}}",																	  "{'memory':{'limit':-1,'swap':-1}}"                                      },
	{ "{'memory':{'checkBeforeUpdate':true}}",                                  "{'memory':{'limit':4}}",
         "{'memory':{'limit':4,'checkBeforeUpdate':true}}",															    "{'memory':{'limit':4,'checkBeforeUpdate':true}}"                        },
	{ "{'cpu':{'quota':1,'shares':2,'cpus':'0'}}",                              "{'cpu':{'period':3}}",
         "{'cpu':{'shares':2,'quota':1,'period':3,'cpus':'0'}}",														       "{'cpu':{'quota':1,'period':3}}"                                         },
	{ "{'cpu':{'shares':2,'idle':1}}",                                          "{'cpu':{'idle':0}}",                        "{'cpu':{'shares':2,'idle':0}}",
         "{'cpu':{'shares':2,'idle':0}}"																											},
 /* callers write 0 for what they say nothing about */
	{ "{'memory':{'limit':4,'reservation':1,'swap':9}}",
         "{'memory':{'limit':0,'reservation':0,'swap':0}}",								      "{'memory':{'limit':4,'reservation':1,'swap':9}}",
         "{'memory':{'limit':0,'reservation':0,'swap':0}}"																								      },
	{ "{'memory':{'limit':4,'swap':9}}",                                        "{'memory':{'limit':-1,'swap':0}}",
         "{'memory':{'limit':-1,'swap':-1}}",																	  "{'memory':{'limit':-1,'swap':-1}}"                                      },
	{ "{'cpu':{'shares':2,'quota':1,'period':3}}",                              "{'cpu':{'shares':0,'quota':0,'period':5}}",
         "{'cpu':{'shares':2,'quota':1,'period':5}}",																  "{'cpu':{'shares':0,'quota':1,'period':5}}"                              },
	{ "{'cpu':{'shares':2,'quota':1,'period':3}}",
         "{'cpu':{'shares':0,'idle':1,'quota':4,'period':0}}",								   "{'cpu':{'shares':2,'quota':4,'period':3,'idle':1}}",
         "{'cpu':{'shares':2,'quota':4,'period':3,'idle':1}}"																								   },
	{ "{'blockIO':{'weight':50}}",					      "{'blockIO':{'weight':0}}",                  "{'blockIO':{'weight':50}}",
         "{'blockIO':{'weight':0}}"																											     },
	{ "{'devices':[{'allow':false,'type':'a','access':'rwm'}]}",                "{}",
         "{'devices':[{'allow':false,'type':'a','access':'rwm'}]}",														    "{}"                                                                     },
	{ "{'devices':[{'allow':false,'type':'a','access':'rwm'}]}",                "{'devices':[]}",
         "{'devices':[]}",																			     "{'devices':[]}"							 },
	{ "{'unified':{'a.b':'1','c.d':'2'}}",                                      "{'unified':{'a.b':'3'}}",
         "{'unified':{'c.d':'2','a.b':'3'}}",																	  "{'unified':{'a.b':'3'}}"                                                },
	{ "{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}]}}",
         "{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':16,'rate':2}]}}",					      "{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1},"
	  "{'major':8,'minor':16,'rate':2}]}}",						     "{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':16,'rate':2}]}}"},
};

static void test_merge(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(merges); i++) {
		struct ctr_resources *update = decode(merges[i].update);
		struct ctr_resources *merged =
			ctr_resources_merge(decode(merges[i].old), update, &arena);

		assert_string_equal(encode(merged), merges[i].merged);
		assert_string_equal(encode(ctr_resources_complete(update, merged, &arena)),
				    merges[i].complete);
	}
	assert_string_equal(encode(ctr_resources_merge(NULL, decode(everything), &arena)),
			    everything);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
