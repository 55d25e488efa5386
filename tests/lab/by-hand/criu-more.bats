#!/usr/bin/env bats
# More of checkpoints that is too slow for each run: in the box or the guest, by hand.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

@test "what CRIU cannot dump is named: inotify on a file of an overlay" {
  image
  host_network
  mkdir "$BUNDLE"/{lower,upper,volume}
  mount -t tmpfs tmpfs "$BUNDLE/upper" # the box itself lies on an overlay
  mkdir "$BUNDLE"/upper/{upper,work}
  mount -t overlay -o "lowerdir=$BUNDLE/lower,upperdir=$BUNDLE/upper/upper,workdir=$BUNDLE/upper/work" overlay "$BUNDLE/volume"
  guest_rootfs
  mount_at /v bind "$BUNDLE/volume" bind
  programmed <<'P'
import ctypes, time
libc = ctypes.CDLL(None)
open("/v/watched", "w").close()
fd = libc.inotify_init1(0)
assert fd >= 0 and libc.inotify_add_watch(fd, b"/v/watched", 2) >= 0
open("/tmp/ready", "w").close()
n = 0
while True:
    n += 1
    open("/dev/shm/n", "w").write(str(n))
    time.sleep(0.1)
P
  dumped
  expect_status 1
  expect_match 'the container holds an inotify handle on a file'
  expect_match "log: $IMAGE/dump.log"
  run find "$IMAGE" -type f -not -name dump.log
  expect_output ''
  counts "$ID"
  ctr delete --force "$ID"
  umount "$BUNDLE/volume" "$BUNDLE/upper"
}

@test "without a cgroup (--cgroup-manager disabled)" {
  ! grep -qx 0::/ /proc/self/cgroup || skip 'CRIU makes no cgroup namespace in the root of all cgroups'
  image
  host_network
  counter
  ctr --cgroup-manager disabled run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  eventually count "$ID"
  ctr --cgroup-manager disabled checkpoint --image-path "$IMAGE" "$ID"
  ctr --cgroup-manager disabled restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  counts "$ID"
  [ "$(cat "/proc/$(pid_of "$ID")/cgroup")" = "$(cat /proc/self/cgroup)" ]
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match 'already exists'
  ctr delete --force "$ID"
}

# configured FILE - the checkpoint that fails by default is good with this file, and only with it
configured() {
  echo 'ghost-limit 4194304' >"$1"
  dumped --leave-running
  rm -f "$1"
  expect_status 0
  dumped --leave-running
  expect_status 1
  expect_match 'ghost file'
}

@test "CRIU's configuration: /etc/criu/ctr.conf, /etc/criu/runc.conf, the annotation before both" {
  [ ! -e /etc/criu/ctr.conf ]
  [ ! -e /etc/criu/runc.conf ]
  mkdir -p /etc/criu
  touch "$BATS_TEST_TMPDIR/configures"
  image
  host_network
  config '.root.readonly = false'
  shell 'exec 8>/big; dd if=/dev/zero bs=1M count=2 >&8 2>/dev/null; rm /big
    i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
  detached "$ID"
  eventually count "$ID"
  configured /etc/criu/ctr.conf
  configured /etc/criu/runc.conf
  ctr delete --force "$ID"

  # an empty one is none
  config '.annotations["org.criu.config"] = ""'
  echo 'ghost-limit 4194304' >/etc/criu/ctr.conf
  detached "$ID"
  eventually count "$ID"
  dumped --leave-running
  rm /etc/criu/ctr.conf
  expect_status 1
  expect_match 'ghost file'
  ctr delete --force "$ID"
}

teardown() {
  [ ! -e "$BATS_TEST_TMPDIR/configures" ] || rm -f /etc/criu/ctr.conf /etc/criu/runc.conf
  helper_teardown
}
