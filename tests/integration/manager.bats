#!/usr/bin/env bats
# The systemd manager, of the system or, without privileges, of the user.

load helper
load limits
load killed

systemd_ctr() { ctr --systemd-cgroup "$@"; }

systemctl() {
  if is_root; then command systemctl "$@"; else command systemctl --user "$@"; fi
}

needs() {
  need cgroup2 jq systemctl "$@"
  systemctl show >/dev/null 2>&1 || skip 'needs systemd'
}

# Where units of containers are
slice() { if is_root; then echo system.slice; else echo user.slice; fi; }

# as limits.bash has it, in a unit
created_so() {
  systemd_ctr create -b "$BUNDLE" "$@" </dev/null >"$OUT" 2>&1 3>&-
}

running() {
  command_is sleep 1000
  systemd_ctr run --detach -b "$BUNDLE" "$@" "$ID" </dev/null >"$OUT" 2>&1 3>&-
}

property() { systemctl show --property "$2" --value "$1"; }

no_unit() { [ -z "$(systemctl list-units --all --no-legend "$1")" ]; }

@test "systemd: limits of the document are in the files of the cgroup" {
  needs cgroup:memory cgroup:cpu cgroup:pids
  rows create_with
  no_unit "ctr-$ID.scope"
}

@test "systemd: what the program's end removes meanwhile is not the error" {
  needs root strace
  command_is /no/such/program
  # the device filter comes when systemd has taken the empty cgroup away
  run strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=bpf -e inject=bpf:delay_enter=500000 \
    "$CTR" --root "$STATE" --systemd-cgroup create -b "$BUNDLE" "$ID" </dev/null 3>&-
  expect_status 1
  expect_match '^ctr: exec /no/such/program: no such file or directory'
  grep '(DELAYED)$' "$BATS_TEST_TMPDIR/trace"
}

@test "systemd: limits of an update are in the files of the cgroup" {
  needs cgroup:memory cgroup:cpu cgroup:pids
  config 'del(.linux.resources)'
  created_so "$ID"
  rows update_to
  ctr delete --force "$ID"
  no_unit "ctr-$ID.scope"
}

@test "systemd: an update changes nothing of what it has no property for" {
  needs cgroup:memory cgroup:cpu
  config '.linux.resources = {unified: {"memory.oom.group": "1", "cpu.weight.nice": "5"}}'
  created_so "$ID"
  ctr update --cpu-quota 12345 --memory 100m "$ID"
  values memory.oom.group 1 cpu.weight.nice 5 cpu.max '12345 100000' memory.max 104857600
  ctr update --cpu-share 512 "$ID"
  values cpu.max '12345 100000' cpu.weight 59
  ctr delete --force "$ID"
}

@test "systemd: updates that are refused name the field and change nothing" {
  refusals
}

@test "systemd: an update that it does not hear of changes nothing" {
  needs cgroup:pids cgroup:cpu
  created_so "$ID"
  ctr update --resources - "$ID" <<<'{"pids": {"limit": 50},
    "cpu": {"shares": 512, "quota": 50000, "burst": 10000}}'
  run without_systemd "$CTR" --root "$STATE" update --resources - "$ID" <<<'{"pids": {"limit": 60},
    "cpu": {"quota": 200000, "burst": 100000, "idle": 1}}'
  expect_status 1
  expect_match '^ctr: .*systemd'
  values pids.max 50 cpu.idle 0 cpu.weight 59 cpu.max '50000 100000' cpu.max.burst 10000
  [ "$(property "ctr-$ID.scope" TasksMax)" = 50 ]
  ctr update --cpu-quota 20000 "$ID"
  values pids.max 50
  ctr delete --force "$ID"
}

# shellcheck disable=SC2016
without_systemd() {
  if is_root; then
    unshare --mount sh -ec 'for d in /run/systemd /run/dbus; do mount -t tmpfs none $d; done; exec "$@"' sh "$@"
  else
    DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent XDG_RUNTIME_DIR=/nonexistent "$@"
  fi
}

@test "systemd: the scope is in the slice, and systemctl and systemd-cgls show it" {
  needs
  running
  [[ $(cgroup_of "$ID") = */$(slice)/ctr-$ID.scope ]]
  run -0 systemctl status --no-pager "ctr-$ID.scope"
  expect_match "ctr-$ID.scope - ctr container $ID"
  run -0 systemd-cgls --no-pager -l "$(cgroup_of "$ID")"
  expect_match 'sleep 1000'
  ctr delete --force "$ID"
}

@test "systemd: a name that ends in .slice is a slice with the container in it" {
  needs
  config --arg name "ctr$$.slice" '.linux.cgroupsPath = "::" + $name'
  running
  [[ $(cgroup_of "$ID") = */ctr$$.slice ]]
  ctr exec "$ID" true
  ctr delete --force "$ID"
  no_unit "ctr$$.slice"
}

@test "systemd: a memory limit that is too low to start is named, and nothing is left" {
  needs cgroup:memory
  config '.linux.resources += {memory: {limit: 16384}}'
  command_is true
  run systemd_ctr run -b "$BUNDLE" "$ID"
  [ "$status" -ne 0 ]
  expect_match 'linux.resources.memory.limit: too low to start the container|killed by the OOM killer'
  no_unit "ctr-$ID.scope"
}

@test "systemd: it is executed anew meanwhile" {
  needs
  local pid i
  for i in 1 2 3; do
    systemctl daemon-reexec 3>&- &
    pid=$!
    running || {
      cat "$OUT"
      return 1
    }
    wait $pid || true
    systemctl daemon-reexec 3>&- &
    pid=$!
    ctr delete --force "$ID"
    wait $pid || true
    no_unit "ctr-$ID.scope"
  done
}

@test "systemd: exec, with a pid of its own in the container's unit" {
  needs
  running
  run -0 ctr exec "$ID" sed -n '/^0::/p' /proc/self/cgroup
  expect_output '0::/'
  ctr exec --detach --pid-file "$OUT.pid" "$ID" sleep 1000 </dev/null >"$OUT" 2>&1 3>&-
  [ "$(cat "/proc/$(cat "$OUT.pid")/cgroup")" = "$(cat "/proc/$(pid_of "$ID")/cgroup")" ]
  ctr delete --force "$ID"
}

@test "systemd: equal ids in two state directories: neither touches the other's unit" {
  needs
  other() { timeout 60 "$CTR" --root "$BATS_TEST_TMPDIR/other" "$@"; }
  running
  run -125 other --systemd-cgroup run -b "$BUNDLE" "$ID"
  expect_match 'a unit of that name exists'
  has_status "$ID" running
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  eventually no_unit "ctr-$ID.scope"
  other --systemd-cgroup run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  ctr delete "$ID"
  [ "$(other state "$ID" | jq -r .status)" = running ]
  other delete --force "$ID"
  no_unit "ctr-$ID.scope"
}

@test "systemd: units of one name in two slices: neither container touches the other's" {
  needs
  other() { timeout 60 "$CTR" --root "$BATS_TEST_TMPDIR/other" "$@"; }
  config --arg id "$ID" '.linux.cgroupsPath = "ctr-one.slice:ctr:" + $id'
  running
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  eventually no_unit "ctr-$ID.scope"
  config --arg id "$ID" '.linux.cgroupsPath = "ctr-two.slice:ctr:" + $id'
  other --systemd-cgroup run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  ctr delete "$ID"
  [ "$(other state "$ID" | jq -r .status)" = running ]
  other delete --force "$ID"
  no_unit "ctr-$ID.scope"
}

@test "systemd: annotations name a sub-cgroup, and one more that is the container's own" {
  needs cgroup:pids
  config '.linux.resources += {pids: {limit: 33}} | .annotations =
    {"run.oci.systemd.subgroup": "payload", "run.oci.delegate-cgroup": "own"}'
  running
  [[ $(cgroup_of "$ID") = */ctr-$ID.scope/payload/own ]]
  [ "$(cat "$(cgroup_of "$ID")/../pids.max")" = 33 ]
  [ "$(cat "$(cgroup_of "$ID")/pids.max" 2>/dev/null || echo max)" = max ]
  run -0 ctr exec "$ID" sh -c 'cat /proc/1/cgroup; cat /proc/self/cgroup'
  expect_output $'0::/own\n0::/own'
  run -0 ctr ps -f json "$ID"
  [ "$(jq length <<<"$output")" = 1 ]
  ctr update --pids-limit 44 "$ID"
  [ "$(cat "$(cgroup_of "$ID")/../pids.max")" = 44 ]
  ctr pause "$ID"
  has_status "$ID" paused
  ctr delete --force "$ID"
  no_unit "ctr-$ID.scope"
}

@test "systemd: a sub-cgroup that would be elsewhere is refused" {
  needs
  local name key
  command_is true
  for key in run.oci.systemd.subgroup run.oci.delegate-cgroup; do
    for name in .. a/b ../x .; do
      config --arg key $key --arg name $name '.annotations = {($key): $name}'
      run -125 systemd_ctr run -b "$BUNDLE" "$ID"
      expect_match "annotations\[$key\]: bad sub cgroup path"
    done
  done
  no_unit "ctr-$ID.scope"
}

@test "systemd: killed in the middle of create: delete --force leaves nothing" {
  needs strace
  killed_at_steps "${KILL_EVERY:-29}" --systemd-cgroup
  eventually no_unit "ctr-$ID.scope"
}

@test "systemd: containers in a row leave no unit" {
  needs
  command_is true
  for i in $(seq "${CYCLES:-5}"); do systemd_ctr run -b "$BUNDLE" "$ID-$i"; done
  no_unit "ctr-$ID-*"
}

@test "systemd: containers at the same time leave no unit" {
  needs
  local i pid pids=()
  command_is true
  for i in $(seq "${PARALLEL:-8}"); do
    systemd_ctr run -b "$BUNDLE" "$ID-$i" </dev/null >"$OUT.$i" 2>&1 3>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || {
      cat "$OUT".*
      return 1
    }
  done
  no_unit "ctr-$ID-*"
}

# fake_bus WHOSE - tests/integration/systemd.py; its address in $ADDRESS, its process in $BUS
fake_bus() {
  rm -f "$BATS_TEST_TMPDIR/bus"
  /usr/bin/python3 "$BATS_TEST_DIRNAME/systemd.py" "$BATS_TEST_TMPDIR/bus" "$(cgroup2)" "$1" \
    >"$BATS_TEST_TMPDIR/asked" 3>&- &
  BUS=$!
  ADDRESS=unix:path=$BATS_TEST_TMPDIR/bus
  eventually test -S "$BATS_TEST_TMPDIR/bus"
}

# start_by_fake WHOSE CALLS - a unit by it, which is asked so often
start_by_fake() {
  fake_bus "$1"
  DBUS_SYSTEM_BUS_ADDRESS=$ADDRESS run "$HELPER" start "$ID.scope" "$PID"
  ended $BUS
  [ "$(grep -c StartTransientUnit "$BATS_TEST_TMPDIR/asked")" = "$2" ]
}

@test "systemd: it went away while it started a unit, and the unit is ours if the process is in it" {
  HELPER=$(dirname "$CTR")/ctr-systemd
  [ -x "$HELPER" ] || HELPER=$(dirname "$CTR")/../libexec/ctr/ctr-systemd
  need root cgroup2 /usr/bin/python3 "$HELPER"
  sleep 1000 3>&- &
  PID=$!
  # a moment later it is
  start_by_fake ours 2
  [ "$output" = /the/cgroup ]
  grep -q "/$ID.scope\$" "/proc/$PID/cgroup"
  kill $PID
  ended $PID
  rmdir "$(cgroup2)/$ID.scope"

  sleep 1000 3>&- &
  PID=$!
  start_by_fake theirs 3
  [ "$output" = "cannot start unit '$ID.scope': a unit of that name exists" ]
  kill $PID
}

@test "systemd: a ctr that was killed while it waits for a unit: who deletes the container waits, too" {
  needs root /usr/bin/python3
  local deleting
  command_is sleep 1000
  fake_bus nobodys
  DBUS_SYSTEM_BUS_ADDRESS=$ADDRESS "$CTR" --root "$STATE" --systemd-cgroup run -b "$BUNDLE" "$ID" \
    </dev/null >"$OUT" 2>&1 3>&- &
  PID=$!
  eventually grep -q StartTransientUnit "$BATS_TEST_TMPDIR/asked"
  kill -9 "$PID"
  ended "$PID"
  # the unit may come yet
  ctr delete --force "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  deleting=$!
  sleep 1
  kill -0 $deleting
  kill "$BUS"
  ended $deleting
  expect_status 0
  [ ! -e "$STATE/$ID" ]
}
