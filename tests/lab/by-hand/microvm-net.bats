#!/usr/bin/env bats
# The network of a micro-VM on the lab's nested KVM, when the machine ends without warning; what it
# can as long as it lives is in vmnet.bats, with GUEST=microvm.
#   lab.sh run -- env CTR=/opt/ctr/bin/ctr CTR_TIMEOUT=600 bats tests/lab/by-hand/microvm-net.bats

# shellcheck disable=SC2016 # scripts for the shell inside
load ../../integration/helper
load ../../integration/network

published() {
  bridges
  need qemu-system-x86_64 mkfs.erofs jq
  modprobe kvm_amd || modprobe kvm_intel
  udevadm settle
  export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  [ "$CTR_TIMEOUT" -ge 600 ] || CTR_TIMEOUT=600
  config '.linux.namespaces |= map(select(.type != "time"))'
  shell 'echo up; exec nc -ll -p 80 -e echo i am inside'
  detached "$ID" --isolation microvm --net bridge --publish 8080:80
  eventually answers 127.0.0.1 8080 inside
  MONITOR=$(pid_of "$ID")
  HYPERVISOR=$(pgrep -P "$MONITOR")
  [ -n "$HYPERVISOR" ]
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

# what else there is the teardown looks for: links, rules, leases, state
deleted() {
  eventually has_status "$ID" stopped
  run answers 127.0.0.1 8080 inside
  [ "$status" != 0 ]
  ctr delete "$ID"
  [ "$(links)" = 'lo ' ]
}

@test "microvm: a published port answers; kill -9 of QEMU, delete, and nothing is left" {
  published
  kill -9 "$HYPERVISOR"
  eventually is_gone "$MONITOR"
  grep -q 'its hypervisor was killed by signal 9' "$OUT"
  deleted
}

@test "microvm: a published port answers; kill -9 of the monitor, delete, and nothing is left" {
  published
  kill -9 "$MONITOR"
  eventually is_gone "$HYPERVISOR"
  deleted
}
