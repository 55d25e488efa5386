#!/usr/bin/env bats
# A bundle in a micro-VM on the lab's nested KVM. It boots slowly there, so one machine does all.

load ../integration/helper

@test "microvm: create, start, exec, streams, pause, signal, exit status, delete" {
  export CTR_TIMEOUT=600 XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
  modprobe kvm_amd
  udevadm settle
  config '.root.readonly = false | .hostname = "inside"'
  shell 'trap "echo got term; exit 9" TERM; echo "up $(hostname) $$" | tee /mark
    while :; do sleep 0.1; done'
  ctr create -b "$BUNDLE" --isolation microvm "$ID" </dev/null >"$OUT" 2>&1 3>&- || {
    cat "$OUT"
    false
  }
  run ctr state "$ID"
  expect_match '"status": "created"'
  ctr start "$ID"
  eventually grep -q 'up inside 1' "$OUT"

  run ctr exec "$ID" sh -c 'cat /mark; cat; exit 5' <<<'through a pipe'
  expect_status 5
  expect_output $'up inside 1\nthrough a pipe'
  ctr pause "$ID"
  run ctr state "$ID"
  expect_match '"status": "paused"'
  ctr resume "$ID"
  # QEMU: nobody, and on KVM
  run ps -o user=,args= --ppid "$(pid_of "$ID")"
  expect_match '^nobody.*qemu-system-x86_64.*-M microvm.*-accel kvm'

  ctr kill "$ID" TERM
  eventually has_status "$ID" stopped
  grep -q 'got term' "$OUT"
  ctr delete "$ID"
}
