#!/usr/bin/env bats
# What of restored processes CRIU does not set: it must not be what the caller of the restore had.

load ../integration/helper
load criu

@test "no group, CPU or session keyring of the caller; the root file system is read-only again" {
  image
  host_network
  guest_rootfs
  cp "$BATS_TEST_DIRNAME/criu-caller.py" "$BUNDLE/rootfs/caller.py"
  config '.root.readonly = true | .process.user = {uid: 1000, gid: 1000}'
  command_is python3 /caller.py /tmp
  detached "$ID"
  eventually ctr exec "$ID" test -e /tmp/before
  ctr checkpoint --image-path "$IMAGE" "$ID"
  taskset 1 setpriv --groups 0,4,27 "$CTR" --root "$STATE" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID-2" \
    </dev/null >"$OUT" 2>&1 3>&-
  eventually ctr exec "$ID-2" test -e /tmp/after
  run ctr exec "$ID-2" diff /tmp/before /tmp/after
  expect_output "4c4
< session keyring _ses.$ID
---
> session keyring _ses.$ID-2"
  run ctr exec "$ID-2" cat /tmp/before
  expect_match 'groups \[\]'
  expect_match 'Read-only file system'
  expect_match 'CPUs \[0, 1'
  ctr delete --force "$ID-2"
}

@test "a user namespace with the host's network: its own cgroup, read-only, and not the host's" {
  image
  host_network
  config '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  mkdir -m700 "$BUNDLE/closed"
  mkdir -m777 "$BUNDLE/closed/volume"
  mount_at /v bind "$BUNDLE/closed/volume" bind rprivate
  chown -R 100000:100000 "$BUNDLE/rootfs"
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  counts "$ID"
  # two lie in one place, and CRIU knows them by it
  run awk '$5 == "/sys/fs/cgroup" { print $4, substr($6, 1, 2) }' "/proc/$(pid_of "$ID")/mountinfo"
  expect_output "/ctr-$ID ro
/ctr-$ID ro"
  ctr delete --force "$ID"
}
