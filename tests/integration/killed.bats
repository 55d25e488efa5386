#!/usr/bin/env bats
# A ctr that is killed by SIGKILL cannot take back what it made: `delete --force` can.
# KILL_EVERY=1 tries every system call of `create`; by default a few of them are.

load helper
load killed

@test "killed in the middle of create: delete --force leaves nothing" {
  need root strace cgroup2
  killed_at_steps "${KILL_EVERY:-11}"
}

@test "killed in the middle of create: in a user namespace" {
  need root strace cgroup2
  config '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
    .linux.gidMappings = .linux.uidMappings'
  killed_at_steps "${KILL_EVERY:-13}"
}

@test "killed in the middle of create: without privileges" {
  need rootless strace own-cgroup
  killed_at_steps "${KILL_EVERY:-13}"
}

@test "killed in the middle of delete: a second one ends it" {
  need root strace cgroup2
  local step
  for step in flock:1 pidfd_send_signal:1 unlinkat:1 unlinkat:2 unlinkat:3; do
    created "$ID"
    timeout 60 strace -qq -o /dev/null -e trace="${step%:*}" \
      -e inject="${step%:*}:signal=KILL:when=${step#*:}" "$CTR" --root "$STATE" delete --force "$ID" \
      </dev/null >"$OUT" 2>&1 3>&- || true
    ctr delete --force "$ID"
    [ -z "$(leaks)" ]
  done
}
