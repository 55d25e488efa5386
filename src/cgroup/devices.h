/*
 * The device filter: linux.resources.devices compiled to a BPF_PROG_TYPE_CGROUP_DEVICE program and
 * attached to the container's cgroup. Compilation is pure. The start is "deny", rules apply in
 * order and the last one that speaks of a device and a kind of access decides it. Rules that allow
 * the default devices (config-linux.md#default-devices) stand behind the document's, so that its
 * usual "deny all" does not take them away; runc and crun let the defaults win, too.
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

/* The program for @rules and the defaults. The array is in @arena; *@n instructions, 0 when
 * everything is allowed and no program is needed. */
int ctr_devices_compile(const struct ctr_device_rule *rules, size_t nrules, struct ctr_arena *arena,
			struct bpf_insn **out, size_t *n, struct ctr_error *err);

/*
 * Load and attach to @cgroup. With @replace what ctr attached before is replaced in one step (taken
 * away when @n is 0); programs of others stay. Missing permission is ignored only when the host is
 * rootless or in a user namespace.
 */
int ctr_devices_attach(const struct ctr_cgroup *cgroup, const struct ctr_host *host,
		       const struct bpf_insn *insns, size_t n, bool replace, struct ctr_error *err);
