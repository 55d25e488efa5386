#!/usr/bin/env bats
# A container with a socket for its service manager (NOTIFY_SOCKET), which no configuration names.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../integration/helper
load criu

# manager NAME - listen as a service manager does; what came is in $HEARD
manager() {
  export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/$1
  HEARD=$BATS_TEST_TMPDIR/$1.heard
  beside "$PROBE" notified "$NOTIFY_SOCKET" 1000 >"$HEARD"
  eventually grep -qF -- " $NOTIFY_SOCKET" /proc/net/unix
}
heard() { grep -qx -- "$1" "$HEARD"; }

# served - a service that was ready, and tells how it goes; then its checkpoint
served() {
  image
  host_network
  manager first
  shell 'probe notify READY=1; i=0
    while :; do i=$((i+1)); echo $i >/dev/shm/n; probe notify STATUS=$i 2>/dev/null; sleep 0.1; done'
  detached "$ID"
  heard "MAINPID=$(pid_of "$ID")|READY=1"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
}

@test "a restore without a service manager" {
  served
  unset NOTIFY_SOCKET
  restored "$ID-2"
  counts "$ID-2"
  run ctr exec "$ID-2" grep ' /run/notify ' /proc/self/mountinfo
  expect_match "/$ID-2/notify /run/notify ro,nosuid,nodev,noexec"
  [ ! -e "$STATE/$ID-2/notify/notify.sock" ]
  ctr checkpoint --image-path "$IMAGE" "$ID-2"
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

@test "a restore in the background tells its own service manager that it is ready" {
  served
  manager second
  restored "$ID-2"
  counts "$ID-2"
  heard "MAINPID=$(pid_of "$ID-2")|READY=1"
  eventually heard BARRIER=1+
  [ ! -e "$STATE/$ID-2/notify/notify.sock" ]
  ctr delete --force "$ID-2"
}

@test "one in the foreground passes on what the service says" {
  served
  manager second
  in_background restore -b "$BUNDLE" --image-path "$IMAGE" "$ID-2"
  eventually heard "MAINPID=$PID|READY=1"
  eventually grep -q STATUS= "$HEARD"
  counts "$ID-2"
  kill -TERM "$PID"
  ctr delete --force "$ID-2"
  ended "$PID"
}

@test "a mount of the configuration's in that place is that, and no socket" {
  image
  host_network
  mkdir "$BUNDLE/n"
  mount_at /run/notify bind "$BUNDLE/n" bind rprivate
  counts_on
  touch "$BUNDLE/n/here"
  ctr exec "$ID" test -e /run/notify/here
  [ ! -e "$STATE/$ID/notify" ]
  ctr delete --force "$ID"
}

@test "in a user namespace" {
  config '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  chown -R 100000:100000 "$BUNDLE/rootfs"
  served
  manager second
  restored "$ID-2"
  counts "$ID-2"
  heard "MAINPID=$(pid_of "$ID-2")|READY=1"
  ctr delete --force "$ID-2"
}
