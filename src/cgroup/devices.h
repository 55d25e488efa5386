/*
 * The device filter: linux.resources.devices compiled to a BPF_PROG_TYPE_CGROUP_DEVICE program and
 * attached to the container's cgroup. Compilation is pure; the last matching rule wins, the start is
 * "deny", and a set of default rules stands in front of the document's (config-linux.md#default-devices).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
struct ctr_arena;
struct ctr_cgroup;
struct ctr_device_rule;
struct ctr_error;
struct ctr_host;

/* The program for @rules (after the defaults). The array is in @arena; *@n instructions, 0 when
 * everything is allowed and no program is needed. */
int ctr_devices_compile(const struct ctr_device_rule *rules, size_t nrules, struct ctr_arena *arena,
			struct bpf_insn **out, size_t *n, struct ctr_error *err);

/* Load and attach to @cgroup, replacing a program that ctr attached before when @replace. Missing
 * permission is ignored only when the host is rootless or in a user namespace. */
int ctr_devices_attach(const struct ctr_cgroup *cgroup, const struct ctr_host *host,
		       const struct bpf_insn *insns, size_t n, bool replace, struct ctr_error *err);
