# shellcheck shell=bash disable=SC2154
# A bundle in a virtual machine, by binary translation: QEMU's q35 with the distribution's
# kernel. A boot takes seconds, so a test does with one machine what it can.
load helper

# what runs in a machine; a mark in the guest that no process of this host has
machine() {
  need root qemu-system-x86_64 mkfs.erofs
  export CTR_TIMEOUT=120 XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  config '.annotations["org.ctr.accel"] = "tcg"'
}

await() { # TEXT - until the container has written it
  for _ in $(seq 600); do
    grep -q -- "$1" "$OUT" && return
    sleep 0.1
  done
  echo "no '$1' in: $(cat "$OUT")" >&2
  return 1
}

@test "vm: environment, user, limits, names, streams and status are the bundle's" {
  machine
  config '.process.env = ["PATH=/bin", "A=b c"] | .process.cwd = "/tmp" | .hostname = "inside"
    | .process.user = {"uid": 7, "gid": 8, "additionalGids": [9]}
    | .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 78}]'
  shell 'echo "$A:$(pwd):$(id -u):$(id -G):$(ulimit -n):$(hostname):$$"; cat; echo err >&2
    grep -c processor /proc/cpuinfo; ls /proc/1/root >/dev/null 2>&1; exit 42'
  run ctr run -b "$BUNDLE" --isolation vm "$ID" <<<'from stdin'
  expect_status 42
  expect_match 'b c:/tmp:7:8 9:77:inside:1'
  expect_match 'from stdin'
  expect_match 'err'
}

@test "vm: create, start, exec, pause, signals and delete" {
  machine
  config '.root.readonly = false'
  shell 'trap "echo got term; exit 9" TERM; echo up > /mark; echo up; while :; do sleep 0.1; done'
  ctr create -b "$BUNDLE" --isolation vm --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" \
    </dev/null >"$OUT" 2>&1 3>&-
  run ctr state "$ID"
  expect_match '"status": "created"'
  ctr start "$ID"
  await up

  # in the guest, not beside its monitor: there is the mark, and no process of this host
  run ctr exec "$ID" sh -c 'cat /mark; cat /proc/1/comm; exit 5'
  expect_status 5
  expect_output $'up\nsh'
  run ctr exec "$ID" cat <<<'through a pipe'
  expect_output 'through a pipe'
  run ctr exec "$ID" sh -c 'kill -9 $$'
  expect_status 137
  run ctr exec "$ID" /no/such
  expect_status 255
  run ctr exec "$ID" sh -c 'head -c 300000 /dev/zero | wc -c'
  expect_output 300000
  [ "$(ctr exec "$ID" head -c 300000 /dev/zero | wc -c)" = 300000 ]

  ctr pause "$ID"
  run ctr state "$ID"
  expect_match '"status": "paused"'
  ctr resume "$ID"
  run ctr exec "$ID" echo again
  expect_output again

  run ctr delete "$ID"
  expect_match 'that is not stopped: running'
  ctr kill "$ID" TERM
  await 'got term'
  for _ in $(seq 100); do ctr state "$ID" | grep -q stopped && break || sleep 0.1; done
  ctr delete "$ID"
}

@test "vm: kill -9 of the hypervisor or of the monitor leaves nothing that runs" {
  machine
  shell 'echo up; while :; do sleep 0.1; done'
  detached "$ID" --isolation vm
  await up
  local monitor hypervisor
  monitor=$(ctr state "$ID" | jq .pid)
  hypervisor=$(pgrep -P "$monitor")
  kill -9 "$hypervisor"
  for _ in $(seq 100); do ctr state "$ID" | grep -q stopped && break || sleep 0.1; done
  grep -q 'hypervisor was killed by signal 9' "$OUT"
  ctr delete "$ID"
  : >"$OUT"

  detached "$ID" --isolation vm
  await up
  monitor=$(ctr state "$ID" | jq .pid)
  hypervisor=$(pgrep -P "$monitor")
  kill -9 "$monitor"
  for _ in $(seq 100); do kill -0 "$hypervisor" 2>/dev/null || break; sleep 0.1; done
  run kill -0 "$hypervisor"
  expect_status 1
  ctr delete "$ID"
}

@test "vm: what a virtual machine cannot honour is refused by name" {
  machine
  local filter
  cp "$BUNDLE/config.json" "$BUNDLE/config.json.kept"
  while read -r filter; do
    config "${filter#* }"
    run_bundle --isolation vm
    cp "$BUNDLE/config.json.kept" "$BUNDLE/config.json"
    expect_status 125
    expect_match "^ctr: ${filter%% *}.*--isolation vm cannot"
  done <<'ROWS'
linux.namespaces .linux.namespaces -= [{"type": "network"}]
linux.namespaces .linux.namespaces |= map(if .type == "ipc" then .path = "/proc/1/ns/ipc" else . end)
linux.resources.blockIO .linux.resources.blockIO = {"weight": 10}
linux.resources.unified .linux.resources.unified = {"memory.high": "1"}
linux.devices .linux.devices = [{"type": "b", "path": "/dev/sda", "major": 8, "minor": 0}]
hooks.createContainer .hooks.createContainer = [{"path": "/bin/true"}]
mounts .mounts += [{"destination": "/x", "source": "/dev/null", "options": ["bind"]}]
ROWS
  rm "$BUNDLE/config.json.kept"
}

@test "vm: no kernel, no modules, no hypervisor, too little memory: errors that say so" {
  machine
  echo no kernel >"$BATS_TEST_TMPDIR/kernel"
  run_bundle --isolation vm --kernel "$BATS_TEST_TMPDIR/kernel"
  expect_status 125
  expect_output "ctr: kernel: '$BATS_TEST_TMPDIR/kernel' is not a Linux kernel"
  config '.vm = {"hypervisor": {"path": "/no/such"}, "kernel": {"path": "/boot/vmlinuz"}}'
  run_bundle --isolation vm
  expect_status 125
  expect_match "vm.hypervisor.path: cannot execute '/no/such'"
  config '.vm = {"kernel": {"path": "/boot/vmlinuz"}, "hwConfig": {"memory": 1000000}}'
  run_bundle --isolation vm
  expect_status 125
  expect_match 'vm.hwConfig.memory: 1000000 bytes are too little for a guest'
}
