#!/usr/bin/env bats
# What a container can, by a micro-VM on the lab's nested KVM, where a boot takes 20 to 50 seconds on
# an idle host and minutes on a busy one: a machine does as much as it can.
# guest.bats, vm.bats and vmnet.bats run there as well:
#   lab.sh run -- env CTR=/opt/ctr/bin/ctr CTR_TIMEOUT=600 bats tests/lab/by-hand/microvm.bats
#   lab.sh run -- env CTR=... CTR_TIMEOUT=600 GUEST=microvm bats tests/integration/{guest,vm,vmnet}.bats
# DEBIAN=FILE.tar is a root file system with python3 (mmdebstrap --include=python3).

# shellcheck disable=SC2016 # scripts for the shell inside
load ../../integration/helper

# The cache is the file's: what is made once need not be made by each test.
machine() {
  need root qemu-system-x86_64 mkfs.erofs jq python3
  modprobe kvm_amd || modprobe kvm_intel
  udevadm settle
  export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
  [ "$CTR_TIMEOUT" -ge 600 ] || CTR_TIMEOUT=600
  config '.root.readonly = false'
}

said() { grep -q -- "$1" "$OUT"; }

# row NAME - the log says what was reached, and when
row() { echo "# $(date +%T) $*" >&3; }

# inside SCRIPT - its output and status
inside() { run ctr exec "$ID" sh -c "$1"; }

# hooks of the host's side: which, and in whose mount namespace
add_hooks() {
  cat >"$BATS_TEST_TMPDIR/hook" <<HOOK
#!/bin/sh
echo "\$1 \$(jq -r .status) \$(readlink /proc/self/ns/mnt)" >>$BATS_TEST_TMPDIR/hooks
HOOK
  chmod 755 "$BATS_TEST_TMPDIR/hook"
  local kind
  for kind in prestart createRuntime poststart poststop; do
    config --arg hook "$BATS_TEST_TMPDIR/hook" --arg kind $kind \
      '.hooks[$kind] = [{path: $hook, args: ["hook", $kind]}]'
  done
}

hooks() { awk -v ns="$(readlink /proc/self/ns/mnt)" '{ print $1, $2, $3 == ns }' "$BATS_TEST_TMPDIR/hooks"; }

# shared - a directory for both sides, with two megabytes in it
shared() {
  DIR=$BATS_TEST_TMPDIR/shared
  mkdir "$DIR"
  head -c 2000000 /dev/urandom >"$DIR/data"
  config --arg dir "$DIR" '.mounts += [
    {"destination": "/rw", "source": $dir, "options": ["rbind"]},
    {"destination": "/ro", "source": $dir, "options": ["rbind", "ro"]}]'
}

# running SCRIPT - in a machine, with `up` as the first that it says
running() {
  shell "echo up; $1"
  row create and start
  detached "$ID" --isolation microvm
  eventually said '^up'
  row up
}

# of this test
no_machine() { ! ps -ww -eo cgroup=,args= | grep -- 'qemu-system-x86_64.* -M microvm' | grep -qF -- "$ID"; }

killed() {
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  eventually no_machine
  row end
}

@test "microvm: create, hooks, start, exec with its statuses and streams, signals, delete" {
  machine
  add_hooks
  shared
  local sum n
  sum=$(md5sum <"$DIR/data" | cut -c -32)
  config '.hostname = "inside"'
  shell 'trap "echo got usr1" USR1; trap "echo got term; exit 9" TERM
    echo "up $(hostname) $$"; while :; do sleep 0.1; done'

  row create
  created "$ID" --isolation microvm
  [ "$(status_of "$ID")" = created ]
  [ "$(hooks)" = $'prestart creating 1\ncreateRuntime creating 1' ]
  row start
  ctr start "$ID"
  eventually said 'up inside 1'
  [ "$(hooks | tail -1)" = 'poststart running 1' ]
  [ "$(status_of "$ID")" = running ]
  run ctr start "$ID"
  [ "$status" != 0 ]
  run ps -o user=,args= --ppid "$(pid_of "$ID")"
  expect_match 'nobody +[^ ]*qemu-system-x86_64 -M microvm.*-accel kvm'

  row exec: statuses and signals
  for n in 0 1 42 126 127 255; do
    status=0
    ctr exec "$ID" sh -c "exit $n" || status=$?
    [ "$status" = "$n" ]
  done
  for n in 9 15; do
    inside "kill -$n \$\$"
    expect_status $((128 + n))
  done
  run ctr exec "$ID" /no/such </dev/null
  expect_status 255
  expect_match 'no such file'

  row 2 MB in, out and as errors
  [ "$(ctr exec "$ID" busybox md5sum <"$DIR/data" | cut -c -32)" = "$sum" ]
  [ "$(ctr exec "$ID" cat /rw/data | md5sum | cut -c -32)" = "$sum" ]
  [ "$(ctr exec "$ID" sh -c 'cat /ro/data >&2' 2>&1 >/dev/null | md5sum | cut -c -32)" = "$sum" ]
  [ "$(ctr exec "$ID" cat <"$DIR/data" | md5sum | cut -c -32)" = "$sum" ]

  row signals, end
  ctr kill "$ID" USR1
  eventually said 'got usr1'
  run ctr delete "$ID"
  [ "$status" != 0 ]
  ctr kill "$ID" TERM
  eventually said 'got term'
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  [ "$(hooks | tail -1)" = 'poststop stopped 1' ]
  row end
}

# at_terminal SCENARIO ARGUMENT... - of terminal.py
at_terminal() {
  local scenario=$1
  shift
  row "$scenario on a terminal"
  timeout --foreground 1200 python3 "$BATS_TEST_DIRNAME/../../integration/terminal.py" "$scenario" \
    "$CTR" --root "$STATE" "$@" 3>&-
}

prompt() { config '.process.env = ["PATH=/bin", "PS1=# "]'; }

@test "microvm: exec on a terminal: raw meanwhile, sizes, keys, a kill" {
  machine
  prompt
  running 'sleep 1000'
  local scenario
  for scenario in plain sizes keys ended; do at_terminal $scenario exec -t "$ID" sh; done
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  eventually no_machine
}

@test "microvm: run on a terminal: raw meanwhile, sizes, keys, its status" {
  machine
  prompt
  command_is sh
  at_terminal session run -t -b "$BUNDLE" --isolation microvm "$ID"
  eventually no_machine
}

@test "microvm: run on a terminal: kill -9 of QEMU is the end, and gives the terminal back" {
  machine
  prompt
  command_is sh
  at_terminal abandoned run -t -b "$BUNDLE" --isolation microvm "$ID"
  eventually no_machine
}

@test "microvm: binds, ps, events, update, too much memory, pause" {
  machine
  shared
  local before after
  config '.linux.resources = {memory: {limit: 134217728}, pids: {limit: 200},
    cpu: {quota: 100000, period: 100000}}'
  running 'sleep 1000 & n=0; while :; do sleep 0.1; n=$((n + 1)); echo $n >/rw/count; done'

  row binds
  inside 'echo from the guest >/rw/new; echo x 2>/dev/null >/ro/x || echo read-only'
  expect_output read-only
  [ "$(cat "$DIR/new")" = 'from the guest' ]
  echo 'from the host' >"$DIR/other"
  inside 'cat /ro/other'
  expect_output 'from the host'

  row ps
  run ctr ps "$ID"
  expect_match '  PID +UID +RSS COMMAND'
  expect_match ' sleep 1000'
  refuse_match qemu
  ctr ps -q "$ID" | grep -qx "$(pid_of "$ID")"

  row events
  run ctr events --stats "$ID"
  [ "$(jq -c '.data | [.guest.memory.limit, .guest.pids.limit, .guest.memory.usage > 0,
    .guest.cpu.total > 0, .memory.usage.usage > 50000000, .cpu.usage.total > 0]' <<<"$output")" = \
    '[134217728,200,true,true,true,true]' ] || { echo "$output"; return 1; }

  row update
  total() { ctr exec "$ID" sed -n 's/MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo; }
  before=$(total)
  ctr update --memory 60m --pids-limit 50 "$ID"
  # the guest gives 4 KiB at a time, in emulation 10 MB a minute
  shrinks() { after=$(total) && [ "$after" -lt $((before - 10000)) ]; }
  eventually shrinks || { echo "$before, $after"; return 1; }
  [ "$(ctr events --stats "$ID" | jq -c '.data.guest | [.memory.limit, .pids.limit]')" = '[62914560,50]' ]
  ctr update --cpu-quota 50000 "$ID"
  grep -q '^50000 100000' "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "$ID")/cgroup")/cpu.max"
  ctr update --memory 128m --pids-limit 200 --cpu-quota 100000 "$ID"
  run ctr update --memory-reservation 10m "$ID"
  expect_status 1

  row too much memory in the guest
  inside 'a=x; while :; do a=$a$a; done'
  expect_status 137
  [ "$(status_of "$ID")" = running ]
  inside 'echo still here'
  expect_output 'still here'

  row pause
  ctr pause "$ID"
  [ "$(status_of "$ID")" = paused ]
  sleep 1
  before=$(cat "$DIR/count")
  sleep 5
  [ "$(cat "$DIR/count")" = "$before" ]
  ctr resume "$ID"
  counts() { [ "$(cat "$DIR/count" 2>/dev/null || echo 0)" -gt "$before" ]; }
  eventually counts
  inside 'echo again'
  expect_output again
  killed
}

@test "microvm: the program that takes too much memory ends, by its own status" {
  machine
  config '.linux.resources = {memory: {limit: 67108864}}'
  shell 'echo begin; a=x; while :; do a=$a$a; done'
  run_bundle --isolation microvm
  expect_status 137
  expect_output begin
}

@test "microvm: kill -9 of ctr while the guest boots leaves nothing that cannot be deleted" {
  machine
  shell 'echo up; sleep 1000'
  in_background create -b "$BUNDLE" --isolation microvm "$ID"
  boots() { ! no_machine; }
  eventually boots
  kill -9 "$PID"
  ended "$PID"
  [ "$status" = 137 ]
  # nobody waits for the guest any more
  ctr delete --force "$ID"
  eventually no_machine
}

@test "microvm: Debian's root file system and its python" {
  [ -e "${DEBIAN:-}" ] || skip 'DEBIAN names no archive'
  machine
  rm -rf "$BUNDLE/rootfs"
  mkdir "$BUNDLE/rootfs"
  tar -C "$BUNDLE/rootfs" -xf "$DEBIAN"
  config '.linux.resources = {memory: {limit: 268435456}}'
  command_is python3 -c '
import concurrent.futures, hashlib, json, os, socket, sqlite3, ssl, subprocess, threading
found = []
threads = [threading.Thread(target=lambda n=n: found.append(n * n)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname()); client.sendall(b"x" * 100)
peer, _ = server.accept(); got = len(peer.recv(1000))
open("/tmp/file", "wb").write(bytes(1000000))
with concurrent.futures.ProcessPoolExecutor(2) as pool: squares = list(pool.map(abs, [-1, -2]))
print(json.dumps([sorted(found), got, squares, sqlite3.connect(":memory:").execute("select 6*7").fetchone()[0],
  hashlib.sha256(open("/tmp/file", "rb").read()).hexdigest()[:8], os.getpid(),
  subprocess.run(["dpkg-query", "-W", "-f", "${Status}", "python3"], capture_output=True, text=True).stdout,
  open("/etc/debian_version").read()[:2]]))'
  run_bundle --isolation microvm
  expect_status 0
  expect_output '[[0, 1, 4, 9, 16, 25, 36, 49], 100, [1, 2], 42, "'"$(head -c 1000000 /dev/zero | sha256sum | cut -c1-8)"'", 1, "install ok installed", "13"]'
}
