#!/usr/bin/env bats
# Limits of block devices and devices themselves, on a loop device.

load ../integration/helper

setup_file() {
  need_programs
  export TEMPLATE=$BATS_FILE_TMPDIR/template
  mkdir "$TEMPLATE"
  make_rootfs "$TEMPLATE/rootfs"
  "$CTR" spec --bundle "$TEMPLATE"
  jq '.process.terminal = false' "$TEMPLATE/config.json" >"$TEMPLATE/config"
  mv "$TEMPLATE/config" "$TEMPLATE/config.json"
  modprobe loop
  truncate -s 64M "$BATS_FILE_TMPDIR/disk"
  LOOP=$(losetup --show --direct-io=on -f "$BATS_FILE_TMPDIR/disk")
  export LOOP DEVICE
  DEVICE=$(lsblk -dno MAJ:MIN "$LOOP" | tr -d ' ')
}

teardown_file() { losetup -d "$LOOP"; }

numbers() { echo "major: ${DEVICE%:*}, minor: ${DEVICE#*:}"; }
cgroup_of() { echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "$1")/cgroup")"; }

with_disk() {
  config ".linux.devices = [{path: \"/dev/disk\", type: \"b\", $(numbers), fileMode: 384}] |
    .linux.resources.devices += [{allow: true, type: \"b\", $(numbers), access: \"rw\"}]"
}

@test "io.max holds dd to its rate" {
  local start time
  with_disk
  config ".linux.resources.blockIO = {throttleReadBpsDevice: [{$(numbers), rate: 1048576}]}"
  command_is dd if=/dev/disk of=/dev/null bs=128k count=32 iflag=direct
  start=$(date +%s%N)
  run -0 ctr run -b "$BUNDLE" "$ID"
  time=$((($(date +%s%N) - start) / 1000000))
  echo "4 MiB at 1 MiB/s: $time ms"
  [ $time -ge 3500 ]
}

@test "weights of single devices: io.weight where the device has a cost model" {
  with_disk
  config ".linux.resources.blockIO = {weight: 100, weightDevice: [{$(numbers), weight: 200}]}"
  command_is sleep 100
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'linux.resources.blockIO.weightDevice\[0\]: cannot write'
  echo "$DEVICE enable=1" >/sys/fs/cgroup/io.cost.qos
  detached "$ID"
  run -0 cat "$(cgroup_of "$ID")/io.weight"
  expect_output "default 910
$DEVICE 1920"
  ctr delete --force "$ID"
}

@test "events --stats counts what was read" {
  with_disk
  shell 'dd if=/dev/disk of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null; echo done; sleep 100'
  detached "$ID"
  eventually grep -q done "$OUT"
  run -0 ctr events --stats "$ID"
  [ "$(jq --arg major "${DEVICE%:*}" '[.data.blkio.ioServiceBytesRecursive[] |
    select((.major | tostring) == $major and .op == "Read") | .value] | add' <<<"$output")" -ge 1048576 ]
  ctr delete --force "$ID"
}

can_read() { ctr exec "$ID" dd if=/dev/disk of=/dev/null bs=512 count=1; }

@test "an update of the list of devices: what it allows can be used, and nothing else" {
  local manager allow
  allow="{devices: [{allow: false, access: \"rwm\"}, {allow: true, type: \"b\", $(numbers), access: \"r\"}]}"
  for manager in --cgroup-manager=cgroupfs --systemd-cgroup; do
    config ".linux.devices = [{path: \"/dev/disk\", type: \"b\", $(numbers), fileMode: 384}]"
    command_is sleep 1000
    ctr "$manager" run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
    run can_read
    expect_match 'Operation not permitted'
    jq -n "$allow" | ctr update --resources - "$ID"
    run -0 can_read
    run ctr exec "$ID" dd if=/dev/zero of=/dev/disk bs=512 count=1
    expect_match 'Operation not permitted'
    run -0 ctr exec "$ID" sh -c 'echo >/dev/null && head -c1 /dev/urandom | wc -c'
    # without devices in it, an update leaves them alone
    ctr update --pids-limit 100 "$ID"
    run -0 can_read
    jq -n '{devices: [{allow: false, access: "rwm"}]}' | ctr update --resources - "$ID"
    run can_read
    expect_match 'Operation not permitted'
    jq -n '{devices: [{allow: true, access: "rwm"}]}' | ctr update --resources - "$ID"
    run -0 can_read
    ctr delete --force "$ID"
  done
}

@test "no moment of an update refuses what both lists allow" {
  local i
  with_disk
  # shellcheck disable=SC2016 # the shell inside expands it
  shell 'n=0; while [ ! -e /stop ]; do dd if=/dev/disk of=/dev/null bs=512 count=1 2>/err || cat /err; n=$((n+1)); done; echo tried $n'
  config '.root.readonly = false'
  detached "$ID"
  for i in $(seq 10); do
    jq -n "{devices: [{allow: false, access: \"rwm\"}, {allow: true, type: \"b\", $(numbers), access: \"rw\"},
      {allow: true, type: \"c\", major: 10, minor: $i, access: \"r\"}]}" | ctr update --resources - "$ID"
  done
  touch "$BUNDLE/rootfs/stop"
  eventually grep -q tried "$OUT"
  cat "$OUT"
  [ "$(wc -l <"$OUT")" = 1 ]
  ctr delete --force "$ID"
}
