/* oci/default_spec, oci/features: documents that ctr writes. */
#include "document.h"

#include <fcntl.h>

#include "base/buf.h"
#include "base/file.h"
#include "oci/encode.h"
#include "oci/json.h"

static void same_as(const struct ctr_buf *buf, const char *golden, struct ctr_arena *arena)
{
	struct ctr_error err = { 0 };
	const char *text =
		ctr_file_read(arena, AT_FDCWD, document_path(golden), 1 << 20, NULL, &err);

	assert_string_equal(err.text, "");
	assert_string_equal(ctr_arena_printf(arena, "%s\n", ctr_buf_str(buf)), text);
}

static void as_root(void **state)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;
	struct ctr_spec *spec;
	struct ctr_json json;
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, "\t");
	ctr_spec_default_encode(&json, &(struct ctr_spec_defaults){ 0 });
	same_as(&buf, "configs/ctr-spec.json", &arena);

	spec = document_decode(&arena, ctr_buf_str(&buf), &err);
	assert_string_equal(err.text, "");
	assert_int_equal(spec->nwarnings, 0);
	assert_int_equal(spec->nmounts, 7);
	assert_true(spec->linux_->namespaces[CTR_NS_NETWORK].listed);
	assert_false(spec->linux_->namespaces[CTR_NS_USER].listed);
	ctr_arena_release(&arena);
}

static void rootless(void **state)
{
	static const struct ctr_spec_defaults defaults = {
		.rootless = true,
		.uid = 1000,
		.gid = 1001,
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;
	struct ctr_spec *spec;
	struct ctr_json json;
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, "\t");
	ctr_spec_default_encode(&json, &defaults);
	same_as(&buf, "configs/ctr-spec-rootless.json", &arena);

	spec = document_decode(&arena, ctr_buf_str(&buf), &err);
	assert_string_equal(err.text, "");
	assert_int_equal(spec->linux_->uid_mappings[0].host_id, 1000);
	assert_int_equal(spec->linux_->gid_mappings[0].host_id, 1001);
	assert_true(spec->linux_->namespaces[CTR_NS_USER].listed);
	assert_false(spec->linux_->namespaces[CTR_NS_NETWORK].listed);
	assert_null(spec->linux_->resources);
	for (size_t i = 0; i < spec->nmounts; i++)
		assert_true(!spec->mounts[i].data || !strstr(spec->mounts[i].data, "gid="));
	ctr_arena_release(&arena);
}

/* What `ctr run --rootfs DIR -- CMD` asks for. */
static void for_a_program(void **state)
{
	static const char *const args[] = { "echo", "hi" };
	static const struct ctr_spec_defaults defaults = {
		.rootfs = "/r",
		.args = args,
		.nargs = 2,
		.no_terminal = true,
		.writable = true,
		.hostname = "h",
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_error err;
	struct ctr_spec *spec;
	struct ctr_json json;
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_spec_default_encode(&json, &defaults);
	spec = document_decode(&arena, ctr_buf_str(&buf), &err);
	assert_string_equal(err.text, "");
	assert_string_equal(spec->root->path, "/r");
	assert_false(spec->root->readonly);
	assert_int_equal(spec->process->nargs, 2);
	assert_string_equal(spec->process->args[1], "hi");
	assert_false(spec->process->terminal);
	assert_string_equal(spec->hostname, "h");
	ctr_arena_release(&arena);
}

static int ignore(void *context, const struct ctr_json_event *event)
{
	(void)context;
	(void)event;
	return 0;
}

/* What engines look for; check-properties holds the whole against the schema. */
static void features(void **state)
{
	static const char *const wanted[] = {
		"\"ociVersionMin\":\"1.0.0\"",
		"\"ociVersionMax\":\"1.3.0\"",
		"\"hooks\":[\"prestart\",\"createRuntime\",\"createContainer\",\"startContainer\",\"poststart\",\"poststop\"]",
		"\"rro\"",
		"\"mountExtensions\":{\"idmap\":{\"enabled\":true}}",
		"\"capabilities\":[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",",
		"\"CAP_CHECKPOINT_RESTORE\"]",
		"\"namespaces\":[\"pid\",\"network\",\"mount\",\"ipc\",\"uts\",\"user\",\"cgroup\",\"time\"]",
		"\"potentiallyUnsafeConfigAnnotations\":[",
		"\"run.oci.\"",
	};
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_json_fault fault = { 0 };
	struct ctr_json json;
	struct ctr_buf buf;

	(void)state;
	ctr_buf_init(&buf, &arena);
	ctr_json_init(&json, &buf, NULL);
	ctr_features_encode(&json);
	assert_int_equal(ctr_json_parse(&arena, buf.data, buf.len, ignore, NULL, &fault), 0);
	for (size_t i = 0; i < unit_count(wanted); i++)
		if (!strstr(buf.data, wanted[i]))
			fail_msg("%s is missing", wanted[i]);
	ctr_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_root),
		cmocka_unit_test(rootless),
		cmocka_unit_test(for_a_program),
		cmocka_unit_test(features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
