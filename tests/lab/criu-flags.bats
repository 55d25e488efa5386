#!/usr/bin/env bats
# Flags of checkpoint and restore, by what they do, or by the error that names them.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../integration/helper
load criu

# dumped FLAG... - a checkpoint; its error in $output
dumped() { run ctr checkpoint --image-path "$IMAGE" "$@" "$ID"; }

@test "--tcp-skip-in-flight: a connection that nobody has accepted" {
  image
  host_network
  guest_rootfs
  config '.root.readonly = false'
  cat >"$BUNDLE/rootfs/in-flight.py" <<'P'
import os, socket, time
listener = socket.create_server(("127.0.0.1", 7011))
client = socket.create_connection(("127.0.0.1", 7011))
open("/tmp/ready", "w").close()
while not os.path.exists("/tmp/go"):
    time.sleep(0.1)
peer = listener.accept()[0]
while True:
    time.sleep(0.1)
    open("/tmp/accepted", "w").close()
P
  command_is python3 /in-flight.py
  detached "$ID"
  eventually ctr exec "$ID" test -e /tmp/ready
  dumped --tcp-established
  expect_status 1
  expect_match 'a TCP connection is about to be made \(--tcp-skip-in-flight\)'
  dumped --tcp-established --tcp-skip-in-flight
  show_result
  expect_status 0
  restored "$ID" --tcp-established --tcp-skip-in-flight
  [ "$(status_of "$ID")" = running ]
  ctr delete --force "$ID"
}

@test "--empty-ns: a network without anything" {
  image
  counter
  detached "$ID"
  eventually count "$ID"
  ctr exec "$ID" ip link set lo up
  dumped --empty-ns ipc
  expect_status 1
  expect_match "--empty-ns: 'ipc' is not network"
  ctr checkpoint --image-path "$IMAGE" --empty-ns network --leave-running "$ID"
  restored "$ID-2" --empty-ns network
  run ctr exec "$ID-2" ip addr
  refuse_match '127.0.0.1'
  counts "$ID-2"
  ctr delete --force "$ID-2"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID-2"
  run ctr exec "$ID-2" ip addr
  expect_match '127.0.0.1'
  ctr delete --force "$ID-2"
}

@test "--lsm-profile, --lsm-mount-context: what this kernel has not" {
  image
  host_network
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --lsm-profile nonsense "$ID"
  show_result
  expect_status 125
  expect_match "--lsm-profile: 'nonsense' is not"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --lsm-profile selinux:a:b:c "$ID"
  show_result
  expect_status 125
  expect_match "--lsm-profile"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --lsm-mount-context a:b:c "$ID"
  show_result
  expect_status 125
  expect_match "--lsm-mount-context"
  run ctr restore --lsm-mount-context
  expect_match 'requires an argument|flag needs an argument'
}

@test "--console-socket, --pidfd-socket, --no-pivot, --no-subreaper on restore; two terminals" {
  image
  host_network
  config '.process.terminal = true'
  shell 'n=0; while read -r line; do n=$((n+1)); echo "$n:$line" >/dev/shm/n; done'
  "$PROBE" console "$BATS_TEST_TMPDIR/c1" >/dev/null 2>&1 3>&- &
  eventually test -S "$BATS_TEST_TMPDIR/c1"
  detached "$ID" --console-socket "$BATS_TEST_TMPDIR/c1"
  # a process that somebody's exec has left behind with its terminal
  script -qefc "$CTR --root $STATE exec -t $ID sh -c 'trap \"\" HUP; sleep 1000 & sleep 1'" /dev/null </dev/null >/dev/null 2>&1 3>&- || true
  dumped
  show_result
  expect_status 0
  "$PROBE" console "$BATS_TEST_TMPDIR/c2" >"$OUT.console" 2>&1 3>&- &
  eventually test -S "$BATS_TEST_TMPDIR/c2"
  "$PROBE" pidfd "$BATS_TEST_TMPDIR/p" >"$OUT.pidfd" 2>&1 3>&- &
  eventually test -S "$BATS_TEST_TMPDIR/p"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" --no-pivot --no-subreaper \
    --console-socket "$BATS_TEST_TMPDIR/c2" --pidfd-socket "$BATS_TEST_TMPDIR/p" "$ID-2" </dev/null 3>&-
  show_result
  expect_status 0
  cat "$OUT.console" "$OUT.pidfd"
  eventually test -s "$OUT.console"
  eventually test -s "$OUT.pidfd"
  [ "$(status_of "$ID-2")" = running ]
  ctr delete --force "$ID-2"
}
