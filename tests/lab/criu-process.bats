#!/usr/bin/env bats
# What of restored processes CRIU does not set: it must not be what the caller of the restore had.

load ../integration/helper
load criu

# bats test_tags=guest
@test "no group, CPU or session keyring of the caller; the root file system is read-only again" {
  able limits
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

# bats test_tags=guest
@test "a user namespace with the host's network: its own cgroup, read-only, and not the host's" {
  image
  host_network
  config '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  mkdir -m700 "$BUNDLE/closed"
  mkdir -m777 "$BUNDLE/closed/volume"
  mount_at /v bind "$BUNDLE/closed/volume" bind rprivate
  chown -R 100000:100000 "$BUNDLE/rootfs"
  counts_on
  # two lie in one place, and CRIU knows them by it
  run awk '$5 == "/sys/fs/cgroup" { print $4, substr($6, 1, 2) }' "/proc/$(pid_of "$ID")/mountinfo"
  expect_output "/ctr-$ID ro
/ctr-$ID ro"
  ctr delete --force "$ID"
}

@test "a user namespace: its root has the session keyring" {
  image
  host_network
  guest_rootfs
  maps '[{"containerID": 0, "hostID": 100000, "size": 65536}]'
  cp "$BATS_TEST_DIRNAME/criu-caller.py" "$BUNDLE/rootfs/caller.py"
  chown -hR 100000:100000 "$BUNDLE/rootfs"
  command_is python3 /caller.py /tmp
  detached "$ID"
  eventually ctr exec "$ID" test -e /tmp/before
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  eventually ctr exec "$ID" test -e /tmp/after
  run ctr exec "$ID" diff /tmp/before /tmp/after
  show_result
  expect_status 0
  ctr delete --force "$ID"
}

# passing FILE COMMAND... - with descriptor 3, a pipe, whose other end writes to FILE; warnings are in $OUT
passing() {
  local file=$1
  shift
  : >"$OUT"
  "$CTR" --root "$STATE" --log "$OUT" --log-level warning "$@" </dev/null >/dev/null 2>&1 3> >(cat >"$file" 3>&-)
}
@test "a pipe that was passed on as descriptor 3: another one, or a warning" {
  image
  host_network
  # shellcheck disable=SC2016 # the shell of the container expands it
  shell 'trap "" PIPE; i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; echo $i >&3 || touch /dev/shm/alone; sleep 0.1; done'
  passing "$BATS_TEST_TMPDIR/1" run --detach --preserve-fds 1 -b "$BUNDLE" "$ID"
  eventually grep -qx 2 "$BATS_TEST_TMPDIR/1"
  ctr checkpoint --image-path "$IMAGE" "$ID"

  passing "$BATS_TEST_TMPDIR/2" restore --detach --preserve-fds 1 -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  counts "$ID"
  eventually test -s "$BATS_TEST_TMPDIR/2"
  [ "$(head -n1 "$BATS_TEST_TMPDIR/2")" -gt "$(tail -n1 "$BATS_TEST_TMPDIR/1")" ]
  run ctr exec "$ID" test -e /dev/shm/alone
  expect_status 1
  [ ! -s "$OUT" ]
  ctr delete --force "$ID"

  passing "$BATS_TEST_TMPDIR/3" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  grep -qF 'descriptor 3 was a pipe to the outside, and has nobody at its other end now (--preserve-fds)' "$OUT"
  eventually ctr exec "$ID" test -e /dev/shm/alone
  ctr delete --force "$ID"

  run ctr restore --detach --preserve-fds 9 -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match '\-\-preserve-fds 9: file descriptor 11 is not open'
}

@test "a pipe whose other end nobody had: without a word" {
  image
  host_network
  shell 'sleep 0.01 | { exec 5<&0 </dev/null; while :; do sleep 0.1; touch /dev/shm/n; done; }'
  detached "$ID"
  eventually ctr exec "$ID" test -e /dev/shm/n
  ctr checkpoint --image-path "$IMAGE" "$ID"
  ctr --log "$BATS_TEST_TMPDIR/log" --log-level warning restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  run cat "$BATS_TEST_TMPDIR/log"
  [ -z "$(<"$BATS_TEST_TMPDIR/log")" ]
  ctr exec "$ID" test -e /proc/1
  ctr delete --force "$ID"
}
