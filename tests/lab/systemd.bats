#!/usr/bin/env bats
# The systemd cgroup manager, with the real systemd: units, properties, limits, engines' default.

load ../integration/helper

systemd_ctr() { ctr --systemd-cgroup "$@"; }

running() { # a container in a unit, running until it is killed
  shell 'while :; do sleep 0.1; done'
  systemd_ctr run --detach -b "$BUNDLE" "$@" "$ID" </dev/null >"$OUT" 2>&1 3>&-
}

property() { systemctl show --property "$2" --value "$1"; }

no_unit() { [ -z "$(systemctl list-units --all --no-legend "$1")" ]; }

@test "a scope in system.slice, with a description, gone with the container" {
  running
  run cat "/proc/$(pid_of "$ID")/cgroup"
  expect_output "0::/system.slice/ctr-$ID.scope"
  [ "$(property "ctr-$ID.scope" Description)" = "ctr container $ID" ]
  [ "$(property "ctr-$ID.scope" Delegate)" = yes ]
  ctr delete --force "$ID"
  no_unit "ctr-$ID.scope"
}

@test "slice:prefix:name decides slice and unit" {
  config --arg id "$ID" '.linux.cgroupsPath = "ctr-lab.slice:box:" + $id'
  running
  run cat "/proc/$(pid_of "$ID")/cgroup"
  expect_output "0::/ctr.slice/ctr-lab.slice/box-$ID.scope"
  ctr delete --force "$ID"
  no_unit "box-$ID.scope"
}

@test "anything else is refused, and leaves nothing" {
  config '.linux.cgroupsPath = "/a/b"'
  command_is true
  run systemd_ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'linux.cgroupsPath: expected cgroupsPath to be of format "slice:prefix:name"'
}

@test "limits are properties of the unit and values of the files" {
  config '.linux.resources += {
    memory: {limit: 67108864, swap: 67108864}, pids: {limit: 50}, blockIO: {weight: 500},
    unified: {"memory.high": "32M"}, cpu: {quota: 25000, period: 100000, shares: 512, cpus: "0"}}'
  running
  local unit=ctr-$ID.scope
  local files=/sys/fs/cgroup/system.slice/$unit
  [ "$(property "$unit" MemoryMax)" = 67108864 ]
  [ "$(property "$unit" TasksMax)" = 50 ]
  [ "$(property "$unit" CPUWeight)" = 59 ]
  [ "$(property "$unit" IOWeight)" = 4950 ]
  [ "$(property "$unit" MemoryHigh)" = 33554432 ]
  [ "$(<"$files/memory.high")" = 33554432 ]
  [ "$(property "$unit" AllowedCPUs)" = 0 ]
  [ "$(property "$unit" CPUQuotaPerSecUSec)" = 250ms ]
  [ "$(<"$files/memory.max")" = 67108864 ]
  [ "$(<"$files/pids.max")" = 50 ]
  [ "$(<"$files/cpu.max")" = '25000 100000' ]
  systemctl daemon-reload
  [ "$(<"$files/pids.max")" = 50 ]
  run ctr exec "$ID" cat /sys/fs/cgroup/pids.max
  expect_output 50
  ctr delete --force "$ID"
}

@test "no limit of processes is one of the unit's, too; idle comes and goes" {
  config '.linux.resources += {pids: {limit: -1}, cpu: {idle: 1}}'
  running
  local unit=ctr-$ID.scope
  [ "$(property "$unit" TasksMax)" = infinity ]
  [ "$(property "$unit" CPUWeight)" = idle ]
  ctr update --cpu-idle 0 "$ID"
  [ "$(property "$unit" CPUWeight)" = '[not set]' ]
  [ "$(<"/sys/fs/cgroup/system.slice/$unit/cpu.idle")" = 0 ]
  ctr delete --force "$ID"
}

@test "devices outside the list are refused, those of every container are not" {
  # a rule that says less of one of them takes nothing away
  config '.linux.resources.devices = [{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "r"}]'
  running
  run ctr exec "$ID" sh -c 'echo x >/dev/null && head -c 1 /dev/zero | wc -c'
  expect_output 1
  [ "$(property "ctr-$ID.scope" DevicePolicy)" = strict ]
  ctr delete --force "$ID"
}

@test "annotations org.systemd.property.*" {
  config '.annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 7000000",
    "org.systemd.property.CollectMode": "\u0027inactive-or-failed\u0027"}'
  running
  [ "$(property "ctr-$ID.scope" TimeoutStopUSec)" = 7s ]
  [ "$(property "ctr-$ID.scope" CollectMode)" = inactive-or-failed ]
  ctr delete --force "$ID"
}

@test "fault 94: a unit of that name that failed before is forgotten" {
  systemd-run --unit "ctr-$ID" --quiet false || true
  running
  ctr delete --force "$ID"
}

@test "pause, resume, exec and kill need no flag" {
  running
  ctr pause "$ID"
  has_status "$ID" paused
  ctr resume "$ID"
  run ctr exec "$ID" echo joined
  expect_output joined
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  no_unit "ctr-$ID.scope"
}

@test "20 containers in a row leave no unit" {
  command_is true
  for i in $(seq 20); do systemd_ctr run -b "$BUNDLE" "$ID-$i"; done
  no_unit "ctr-$ID-*"
}

@test "podman with its defaults: systemd, a pids limit" {
  tar -C "$BUNDLE/rootfs" -cf "$BATS_TEST_TMPDIR/box.tar" .
  podman import "$BATS_TEST_TMPDIR/box.tar" box 3>&- >/dev/null
  run podman --runtime "$CTR" run --rm --network none box \
    sh -c 'cat /proc/self/cgroup /sys/fs/cgroup/pids.max' 3>&-
  expect_status 0
  expect_match $'\n2048$'
  run podman --runtime "$CTR" run --rm --network none --memory 64m --cpus 0.5 box \
    cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max 3>&-
  expect_status 0
  expect_match '67108864.*50000 100000'
}

@test "a ctr that was killed while it asks for a unit: who deletes the container waits for that" {
  local deleting place=$BATS_TEST_TMPDIR/place libexec
  libexec=$(realpath "$(dirname "$CTR")/../libexec/ctr")
  mkdir -p "$place/bin" "$place/libexec"
  cp "$CTR" "$place/bin/ctr"
  cp -r "$libexec" "$place/libexec/ctr"
  cat >"$place/libexec/ctr/ctr-systemd" <<S
#!/bin/sh
if [ "\$1" = start ]; then
  touch "$place/asked"
  until [ -e "$place/go" ]; do sleep 0.05; done
fi
exec "$libexec/ctr-systemd" "\$@"
S
  command_is sleep 100
  CTR=$place/bin/ctr in_background --systemd-cgroup run -b "$BUNDLE" "$ID"
  eventually test -e "$place/asked"
  kill -9 "$PID"
  ended "$PID" 2>/dev/null
  ctr delete --force "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  deleting=$!
  sleep 1
  kill -0 $deleting
  touch "$place/go"
  ended $deleting
  expect_status 0
  no_unit "ctr-$ID.scope"
  [ ! -e "/sys/fs/cgroup/system.slice/ctr-$ID.scope" ]
}
