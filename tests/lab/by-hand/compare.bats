#!/usr/bin/env bats
# ctr compare with all kinds that the lab has, the micro-VM on nested KVM. It takes half an hour:
#   lab.sh run -- env CTR=/opt/ctr/bin/ctr CTR_TIMEOUT=3600 REPORTS=/host/reports \
#     bats tests/lab/by-hand/compare.bats
# REPORTS is where the reports are kept, to be looked at. MAX is how many at once, NAMES the kinds.

load ../../integration/helper

KINDS=${NAMES:-process,container,uml,microvm}

machines() {
  need root linux.uml qemu-system-x86_64 mkfs.erofs jq
  modprobe kvm_amd || modprobe kvm_intel
  udevadm settle
  export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  [ "$CTR_TIMEOUT" -ge 3600 ] || CTR_TIMEOUT=3600
  shell 'echo hello; exit 3'
  REPORT=$BATS_TEST_TMPDIR/$1
}

compare() {
  TMPDIR=$BATS_TEST_TMPDIR ctr compare "$BUNDLE" --quiet --seed 7 --timeout 900 --json "$REPORT.json" \
    --csv "$REPORT.csv" --html "$REPORT.html" "$@" >"$REPORT.txt" 2>&1 3>&-
  [ -z "${REPORTS:-}" ] || { mkdir -p "$REPORTS" && cp "$REPORT".* "$REPORTS"; }
  sed 's/^/# /' "$REPORT.txt" >&3
}

# holds FILTER - of the report
holds() { jq -e "$1" "$REPORT.json" >/dev/null || { echo "not so: $1"; return 1; }; }

@test "compare: every kind runs the bundle, and ends with its status" {
  machines compare
  compare --isolation "$KINDS" -n 2 --idle-runs 1
  holds "[.rows[].kind] == (\"$KINDS\" / \",\")"
  holds '[.rows[] | .refused, .failed] | unique == [null, 0]'
  holds '[.rows[].samples[] | .status] | unique == [3]'
  holds '[.rows[].sameStatus] | unique == [true]'
  # what runs on KVM has a rank, and its phases come one after the other
  holds '.rows[] | select(.kind == "microvm") | .accel == "kvm" and .ranked and
    (.samples | all(.hypervisorNs < .kernelNs and .kernelNs < .initNs and .initNs < .helloNs and
      .helloNs < .createdNs and .createdNs < .firstByteNs))'
  # what the hypervisor has of its own, 9 to 10 MiB: the kernel, another 11, is no part of it
  holds '.rows[] | select(.kind == "microvm") | .idle[0].hypervisorOwn | . > 4194304 and . < 13631488'
  holds '[.rows[].idle[0] | .unreadable == 0 and .pss >= .uss] | all'
}

@test "density: idle instances of every kind, alive from the first to the last" {
  machines density
  compare --isolation "$KINDS" -n 0 --idle-runs 1 --density --max "${MAX:-5}"
  holds '[.rows[] | .refused] | unique == [null]'
  holds "[.rows[].density.largest] | unique == [${MAX:-5}]"
  holds '[.rows[].density.points[] | .n == .alive and .n == .aliveAtEnd] | all'
  holds '[.rows[].density.points[].memory | .pss >= .uss and .unreadable == 0] | all'
  # more of them take more, and a machine the memory of its guest
  holds '[.rows[].density | .points | map(.memory.pss) | . == sort] | all'
  holds '.rows | map({(.kind): .density.pssSlope.slope}) | add | .process < .container * 2 and
    .container < .uml and .container < .microvm and .microvm > 50000000'
}
