#!/usr/bin/env bats
# Configurations and neighbours that mean harm, or do not care.

load helper

# bats test_tags=core
@test "a seccomp filter that lets nobody exit ends ctr-init all the same" {
  need root
  config '.process.noNewPrivileges = true
    | .linux.seccomp = { defaultAction: "SCMP_ACT_ERRNO" }'
  CTR_TIMEOUT=10 run_bundle
  expect_status 125
  expect_match 'linux.seccomp forbids what it needs'

  created "$ID"
  CTR_TIMEOUT=10 run ctr start "$ID"
  expect_status 1
  ctr delete --force "$ID"
  rm -r "${STATE:?}/-seccomp"
}

@test "annotations that make a state record nobody could read are refused" {
  need root
  config '.annotations = { long: ("\n" * 6000000) }'
  run_bundle
  expect_status 125
  expect_match 'annotations: too long'
  run ctr delete --force "$ID"
  expect_status 0
}

@test "start waits for the lock of a container, not for its successor" {
  need root flock
  created "$ID"
  flock --exclusive "$STATE/$ID" sleep 1 3>&- &
  local holder=$!
  sleep 0.3
  in_background start "$ID"
  local starter=$PID
  sleep 0.3
  mv "$STATE/$ID" "$STATE/-old"
  cp -r "$STATE/-old" "$STATE/$ID"

  wait "$holder"
  ended "$starter"
  [ "$status" -ne 0 ]
  grep -q 'does not exist' "$OUT"

  rm -r "${STATE:?}/$ID"
  mv "$STATE/-old" "$STATE/$ID"
  ctr delete --force "$ID"
}

@test "a hook that leaves a printer behind does not keep ctr" {
  need root
  local kind
  for kind in createRuntime createContainer startContainer; do
    config --arg kind $kind '.hooks = { ($kind): [ { path: "/bin/sh", args: ["sh", "-c",
      "for i in 1 2 3 4; do (while echo y; do :; done) 2>/dev/null & done"] } ] }
      | .process.args = ["true"]'
    CTR_TIMEOUT=10 run_bundle
    expect_status 0
  done
}
