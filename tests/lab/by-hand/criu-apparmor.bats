#!/usr/bin/env bats
# Profiles of an AppArmor that enforces: in the guest, by hand, with an apparmor_parser.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

profile() { # NAME FILE-THAT-IS-DENIED
  apparmor_parser --replace --skip-cache <<P
profile $1 flags=(attach_disconnected,mediate_deleted) {
  file, network, capability, signal, mount, umount, ptrace, unix, pivot_root,
  deny /dev/shm/$2 w,
}
P
}
unload() { echo "profile $1 { }" | apparmor_parser --remove; }

profiles() {
  grep -qs Y /sys/module/apparmor/parameters/enabled || skip 'needs AppArmor'
  need apparmor_parser
  A=ctr-a-$ID B=ctr-b-$ID
  profile "$A" a
  profile "$B" b
}
teardown() {
  [ -z "${A:-}" ] || unload "$A" || true
  [ -z "${B:-}" ] || unload "$B" || true
  helper_teardown
}

# Which files of /dev/shm can be written by the container's own process?
tried() {
  ctr exec "$1" rm -f /dev/shm/tried
  eventually ctr exec "$1" test -e /dev/shm/tried
  ctr exec "$1" cat /dev/shm/tried
}
label() { cat "/proc/$(pid_of "$1")/attr/apparmor/current"; }

@test "a profile is kept, is another with --lsm-profile, and one that is not loaded is told" {
  profiles
  image
  host_network
  config --arg p "$A" '.process.apparmorProfile = $p'
  shell 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; t=; for f in a b; do (: >/dev/shm/$f) 2>/dev/null && t=$t$f; done
    echo "$t" >/dev/shm/t; [ -e /dev/shm/tried ] || mv /dev/shm/t /dev/shm/tried; sleep 0.2; done'
  detached "$ID"
  eventually count "$ID"
  [ "$(label "$ID")" = "$A (enforce)" ]
  [ "$(tried "$ID")" = b ]
  ctr checkpoint --image-path "$IMAGE" "$ID"

  restored "$ID"
  counts "$ID"
  [ "$(label "$ID")" = "$A (enforce)" ]
  [ "$(tried "$ID")" = b ]
  ctr delete --force "$ID"

  restored "$ID" --lsm-profile "apparmor:$B"
  counts "$ID"
  [ "$(label "$ID")" = "$B (enforce)" ]
  [ "$(tried "$ID")" = a ]
  ctr delete --force "$ID"

  unload "$A"
  run restored "$ID"
  show_result
  expect_status 1
  expect_match "process.apparmorProfile: AppArmor's profile '$A' is not loaded"
  run ctr state "$ID"
  expect_match 'does not exist'
  run restored "$ID" --lsm-profile apparmor:none-such
  show_result
  expect_status 1
  expect_match "--lsm-profile: AppArmor's profile 'none-such' is not loaded"
  run ctr state "$ID"
  expect_match 'does not exist'
  profile "$A" a
}
