/* vm: the document is translated without a look at the host; what it names there is found after. */
#include "document.h"

#include <sched.h>
#include <sys/mount.h>

#include "base/host.h"
#include "vm/backend.h"
#include "vm/pod.h"
#include "vm/setup.h"
#include "vm/uml.h"

#define NAMESPACES(net, ipc)                                                                       \
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"   \
	"{\"type\":\"network\"" net "},{\"type\":\"ipc\"" ipc "}]}"
#define OWN        NAMESPACES("", "")
#define IN_POD     "\"annotations\":{\"io.kubernetes.cri.container-type\":\"container\"},"
#define AT(path)   ",\"path\":\"" path "\""
#define BIND(rest) "\"mounts\":[{\"destination\":\"/x\",\"type\":\"none\"," rest "}],"

static struct ctr_arena arena;
static struct ctr_host host;

static struct ctr_machine translated(const char *name, const char *top)
{
	struct ctr_machine machine = {
		.backend = ctr_backend_find(name),
		.arena = &arena,
		.dir = "/run/ctr/x",
		.files = (const char *const[]){"hosts", NULL},
		.host = &host,
		.spec = document_good(&arena, top, ""),
	};
	struct ctr_error err = { 0 };
	int r = machine.backend->translate(&machine, &err);

	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	return machine;
}

/* Nothing of this is there. */
static void pure(void **state)
{
	(void)state;
	(void)translated("vm", BIND("\"source\":\"/no/such\",\"options\":[\"bind\"]") OWN);
	(void)translated("vm", IN_POD NAMESPACES(AT("/no/such/net"), AT("/no/such/ipc")));
}

static void refused(const char *kind, bool privileged, const char *top, const char *error)
{
	struct ctr_error err = { 0 };
	struct ctr_machine machine;

	host.privileged = privileged;
	machine = translated(kind, top);
	assert_int_equal(ctr_vm_look(&machine, &err), -1);
	assert_string_equal(err.text, error);
}

static void missing(void **state)
{
	(void)state;
	refused("vm", true, BIND("\"source\":\"/no/such\",\"options\":[\"bind\"]") OWN,
		"mounts[0]: cannot open '/no/such': No such file or directory");
	refused("vm", true, BIND("\"source\":\"/dev/null\",\"options\":[\"bind\",\"ro\"]") OWN,
		"mounts[0]: '/dev/null' is neither a file nor a directory: --isolation vm cannot "
		"share it");
	refused("vm", false, BIND("\"source\":\"/proc\",\"options\":[\"bind\",\"ro\"]") OWN,
		"mounts[0]: '/proc': --isolation vm needs privileges to share it");
	refused("uml", true, BIND("\"source\":\"/proc\",\"options\":[\"bind\",\"ro\"]") OWN,
		"mounts[0]: '/proc': --isolation uml can only copy read-only files");
	refused("vm", true, IN_POD NAMESPACES(AT("/no/such/net"), AT("/no/such/ipc")),
		"linux.namespaces[4].path: cannot open '/no/such/ipc': No such file or directory");
	refused("vm", true, IN_POD NAMESPACES(AT("/no/such/net"), AT("/proc/self/ns/ipc")),
		"linux.namespaces[4].path: '/proc/self/ns/ipc' is the host's own: --isolation vm "
		"cannot share it");
	refused("vm", true, IN_POD NAMESPACES(AT("/no/such/net"), AT("/dev/null")),
		"linux.namespaces[4].path: '/dev/null' is no namespace");
}

/* What is in the guest's view afterwards. */
static void binds(void **state)
{
	struct ctr_machine machine;
	struct ctr_error err = { 0 };

	(void)state;
	host.privileged = true;
	machine = translated(
		"vm", BIND("\"source\":\"/proc/self/status\",\"options\":[\"bind\",\"ro\"]") OWN);
	assert_int_equal(ctr_vm_look(&machine, &err), 0);
	assert_string_equal(machine.spec->mounts[0].source, "/files/0");
	machine = translated("vm", BIND("\"source\":\"/proc\",\"options\":[\"bind\"]") OWN);
	assert_int_equal(ctr_vm_look(&machine, &err), 0);
	assert_string_equal(machine.spec->mounts[0].source, "/shared/0");
	/* a file of ctr's own need not be there yet */
	machine = translated(
		"vm", BIND("\"source\":\"/run/ctr/x/hosts\",\"options\":[\"bind\",\"ro\"]") OWN);
	assert_int_equal(ctr_vm_look(&machine, &err), 0);
	assert_string_equal(machine.spec->mounts[0].source, "/files/0");
}

static void pod(void **state)
{
	static const struct ctr_string_pair own = { "kernel/msgmax", "5" };
	static const struct ctr_linux config = { .sysctl = &own, .nsysctl = 1 };
	struct ctr_spec spec = { .linux_ = &config }, named = spec;
	struct ctr_pod found = { .hostname = "pod", .domainname = "example.org" };

	(void)state;
	named.hostname = "own";
	for (size_t i = 0; i < 4; i++) {
		found.parameters[i][0] = "123"[i];
		found.host[i][0] = "8289"[i];
	}
	ctr_pod_apply(&found, &spec, &arena);
	assert_string_equal(spec.hostname, "pod");
	assert_string_equal(spec.domainname, "example.org");
	/* what is as out here, or is not there, is not said; the document's own come last */
	assert_int_equal(spec.linux_->nsysctl, 3);
	assert_string_equal(spec.linux_->sysctl[0].key, "kernel/msgmax");
	assert_string_equal(spec.linux_->sysctl[0].value, "1");
	assert_string_equal(spec.linux_->sysctl[1].key, "kernel/msgmni");
	assert_string_equal(spec.linux_->sysctl[1].value, "3");
	assert_string_equal(spec.linux_->sysctl[2].value, "5");
	assert_int_equal(config.nsysctl, 1);
	ctr_pod_apply(&found, &named, &arena);
	assert_string_equal(named.hostname, "own");
}

static int release(void **state)
{
	(void)state;
	ctr_arena_release(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pure),
		cmocka_unit_test(missing),
		cmocka_unit_test(binds),
		cmocka_unit_test(pod),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
