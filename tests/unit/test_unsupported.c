/* ns/unsupported: an error that names the property. */
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

/* Members of the document, with ' for ". A field is NULL when there is nothing to refuse. */
struct row {
	const char *members, *field;
};

static const struct row others[] = {
	{"'vm':{'kernel':{'path':'/k'}}",                                      "vm"},
	{ "'linux':{'netDevices':{'e':{}},'namespaces':[{'type':'network'}]}", NULL},
};

static void check(const struct row *row)
{
	struct ctr_error err = { 0 };
	struct ctr_spec *spec;
	char text[1024], expected[256];
	int r;

	snprintf(text, sizeof(text),
		 "{'ociVersion':'1.3.0','root':{'path':'r'},"
		 "'process':{'cwd':'/','args':['x'],'user':{'uid':0,'gid':0}},"
		 "%s}",
		 row->members);
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
	snprintf(expected, sizeof(expected), "%s: is for --isolation vm and microvm only",
		 row->field);
	assert_string_equal(err.text, expected);
}

static void properties_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < unit_count(others); i++)
		check(&others[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(properties_of_it) };

	return cmocka_run_group_tests(tests, NULL, release);
}
