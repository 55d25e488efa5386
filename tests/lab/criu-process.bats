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
