#!/usr/bin/env bats
# --manage-cgroups-mode: by hand, in the box (`lab.sh box run`) or the guest.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

# state ID - what CRIU has made of a cgroup that the container has made, and of its own
state() {
  ctr exec "$1" sh -c 'cd /sys/fs/cgroup; cat sub/cgroup.max.depth cgroup.max.depth; [ -z "$(cat sub/cgroup.procs)" ] || echo used' 2>/dev/null |
    tr '\n' ' '
}

is_used() { [ "$(state "$ID")" = '7 9 used ' ]; }

# restored_with MODE PROCESSES - of the images that were dumped with it, under an id of its own
restored_with() {
  IMAGE=$BATS_TEST_TMPDIR/$1 restored "$ID-$1" --manage-cgroups-mode "$1"
  # whatever CRIU does, limits and signals are for all of the container
  [ "$(ctr ps --format json "$ID-$1" | jq length)" -ge "$2" ]
  counts "$ID-$1"
}

@test "--manage-cgroups-mode: every word" {
  image
  host_network
  config '(.mounts[] | select(.destination == "/sys/fs/cgroup") | .options) -= ["ro"]'
  shell 'cg=/sys/fs/cgroup; echo 9 >$cg/cgroup.max.depth; mkdir $cg/sub; echo 7 >$cg/sub/cgroup.max.depth
    i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done & echo $! >$cg/sub/cgroup.procs; wait'
  detached "$ID"
  eventually count "$ID"
  eventually is_used
  local mode
  for mode in soft full strict ignore none props; do
    IMAGE=$BATS_TEST_TMPDIR/$mode dumped --manage-cgroups-mode $mode --leave-running
    expect_status 0
  done
  dumped --manage-cgroups-mode some
  expect_status 1
  expect_match "--manage-cgroups-mode: 'some' is not soft, full, strict, ignore, none or props"
  ctr delete --force "$ID"

  restored_with soft 2
  [ "$(state "$ID-soft")" = '7 max used ' ]
  ctr delete --force "$ID-soft"
  restored_with full 2
  [ "$(state "$ID-full")" = '7 9 used ' ]
  ctr delete --force "$ID-full"
  restored_with ignore 2
  # the container's cgroup is the root of what it sees
  ctr exec "$ID-ignore" sh -c 'cat /proc/1/cgroup /proc/self/cgroup'
  [ "$(ctr exec "$ID-ignore" sh -c 'cat /proc/1/cgroup /proc/self/cgroup' | grep ^0: | sort -u)" = 0::/ ]
  [ "$(ctr exec "$ID-ignore" cat /sys/fs/cgroup/cgroup.procs | head -n1)" = 1 ]
  [ "$(readlink "/proc/$(pid_of "$ID-ignore")/ns/cgroup")" != "$(readlink /proc/self/ns/cgroup)" ]
  ctr delete --force "$ID-ignore"

  IMAGE=$BATS_TEST_TMPDIR/strict run restored "$ID-2" --manage-cgroups-mode strict
  expect_match 'Abort restore of existing cgroups'
  for mode in none props; do
    IMAGE=$BATS_TEST_TMPDIR/$mode run restored "$ID-2" --manage-cgroups-mode $mode
    expect_match "Cgroup dir .*/sub doesn't exist"
  done
  run ctr state "$ID-2"
  expect_match 'does not exist'

  # what is there is left, or gets its properties
  shell 'echo 9 >/sys/fs/cgroup/cgroup.max.depth; i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
  detached "$ID"
  eventually count "$ID"
  for mode in none props; do
    IMAGE=$BATS_TEST_TMPDIR/$mode dumped --manage-cgroups-mode $mode --leave-running
  done
  restored_with none 1
  [ "$(state "$ID-none")" = 'max ' ]
  ctr delete --force "$ID-none"
  restored_with props 1
  [ "$(state "$ID-props")" = '9 ' ]
  ctr delete --force "$ID-props"
  ctr delete --force "$ID"
}
