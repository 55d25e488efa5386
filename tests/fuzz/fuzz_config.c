/*
 * Any bytes as config.json, as a process document and as a resources document: decoded or refused
 * with a message, and lint, which goes on after a fault, agrees with the strict reading. What is
 * decoded can be planned, on several hosts, or is refused with a message; the plan is a good one.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/host.h"
#include "ns/plan.h"
#include "oci/load.h"
#include "plan/build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be(int condition)
{
	if (!condition)
		abort();
}

static const struct ctr_host hosts[] = {
	{
         .privileged = true,
         .cap_bounding = (1ULL << 41) - 1,
         .last_cap = 40,
         .cgroup_mode = CTR_CGROUP_UNIFIED,
         .cgroup_mount = "/sys/fs/cgroup",
         .selinux = true,
         .has_time_ns = true,
         .has_cgroup_ns = true,
         .has_user_ns = true,
	 },
	{
         .euid = 1000,
         .egid = 1000,
         .rootless = true,
         .last_cap = 40,
         .has_cgroup_ns = true,
         .has_user_ns = true,
	 },
};

static void plan_on(const struct ctr_host *host, const struct ctr_spec *spec, int exec,
		    struct ctr_arena *arena)
{
	struct ctr_plan_options options = {
		.id = "fuzz",
		.exec = exec,
		.listen_fds = 1,
		.notify_socket_dir = "/run/notify",
		.state_create = "{}",
		.state_start = "{}",
	};
	struct ctr_plan_builder builder;
	struct ctr_plan_header *header;
	struct ctr_actions actions;
	struct ctr_error err = { 0 };

	ctr_plan_init(&builder, arena);
	if (ctr_plan_container(&builder, &actions, spec, host, &options, arena, &err) < 0) {
		must_be(err.text[0]);
		return;
	}
	header = ctr_plan_finish(&builder, &err);
	must_be(header ? ctr_plan_check(header, header->size, &err) == 0 : err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctr_arena arena = CTR_ARENA_INIT;
	struct ctr_findings findings = { 0 };
	const char *text = (const char *)data;
	struct ctr_error err = { 0 };
	struct ctr_spec *strict, *lint;

	strict = ctr_spec_decode(&arena, text, size, "config.json", "/bundle", NULL, &err);
	must_be(strict || err.text[0]);
	for (size_t i = 0; strict && i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		plan_on(&hosts[i], strict, 0, &arena);
		plan_on(&hosts[i], strict, 1, &arena);
	}
	err.text[0] = '\0';
	lint = ctr_spec_decode(&arena, text, size, "config.json", "/bundle", &findings, &err);
	must_be((strict == NULL) == (lint == NULL));
	for (size_t i = 0; i < findings.count; i++)
		must_be(findings.list[i].text && findings.list[i].text[0]);

	err.text[0] = '\0';
	must_be(ctr_process_decode(&arena, text, size, "process.json", &err) || err.text[0]);
	err.text[0] = '\0';
	must_be(ctr_resources_decode(&arena, text, size, "resources.json", &err) || err.text[0]);

	ctr_arena_release(&arena);
	return 0;
}
