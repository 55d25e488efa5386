#!/usr/bin/env bats
# From process.args to execve: where the program is looked for, what cannot be executed, and where
# exec puts it.

# shellcheck disable=SC2016 # scripts for the shell inside
load helper
load limits

@test "fault 76: the program is looked for in the container, by the PATH of the document" {
  mkdir "$BUNDLE/rootfs/own"
  printf '#!/bin/sh\necho found\n' >"$BUNDLE/rootfs/own/program"
  chmod 755 "$BUNDLE/rootfs/own/program"
  command_is program
  config '.process.env = ["PATH=/nowhere:/own"]'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output found
  config '.process.env = ["PATH=/bin"]'
  run -127 ctr run -b "$BUNDLE" "$ID"
  expect_match 'executable file `program` not found in \$PATH: No such file or directory'
  command_is busybox true
  config '.process.env = []'
  run -0 ctr run -b "$BUNDLE" "$ID"
}

@test "fault 77: a program that must not be executed, at create" {
  need root
  cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/plain"
  chmod 644 "$BUNDLE/rootfs/plain"
  command_is /plain
  run -126 ctr run -b "$BUNDLE" "$ID"
  expect_match 'exec /plain: permission denied'
  run ctr create -b "$BUNDLE" "$ID"
  expect_status 1
  expect_match 'permission denied'
  # executable by its owner alone, who is another
  chmod 100 "$BUNDLE/rootfs/plain"
  config '.process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
  run -126 ctr run -b "$BUNDLE" "$ID"
  expect_match 'permission denied'
}

@test "no program at all: of another machine, a directory, an empty file" {
  printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\363\000' >"$BUNDLE/rootfs/foreign"
  head -c 100 /dev/zero >>"$BUNDLE/rootfs/foreign"
  : >"$BUNDLE/rootfs/empty"
  chmod 755 "$BUNDLE"/rootfs/{foreign,empty}
  command_is /foreign
  run -126 ctr run -b "$BUNDLE" "$ID"
  expect_match 'exec format error'
  command_is /empty
  run -126 ctr run -b "$BUNDLE" "$ID"
  expect_match 'exec format error'
  command_is /etc
  run -126 ctr run -b "$BUNDLE" "$ID"
  expect_match 'is a directory'
}

@test "the same behind the gate: start tells why" {
  command_is true
  config '.hooks = {startContainer: [{path: "/bin/false"}]}'
  created "$ID"
  run ctr start "$ID"
  expect_status 1
  expect_match 'error running startContainer hook #0: exit status 1'
  ctr delete --force "$ID"
}

@test "exec into a container that is ending says so" {
  need root
  command_is sleep 1000
  local i execs
  for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    detached "$ID"
    : >"$OUT"
    (for _ in 1 2 3 4; do ctr exec "$ID" true; done || true) >>"$OUT" 2>&1 3>&- &
    execs=$!
    sleep "0.0$((i % 6))"
    ctr kill "$ID" KILL
    wait "$execs"
    run grep -vE "^ctr: exec failed: container '$ID': cannot exec in a stopped container" "$OUT"
    expect_output ''
    ctr delete --force "$ID"
  done
}

@test "exec: no directory is made, groups are added, capabilities are the container's" {
  need root
  config '.process.user.additionalGids = [5] | .root.readonly = false
    | .process.capabilities |= with_entries(.value = ["CAP_KILL", "CAP_NET_RAW"])'
  command_is sleep 1000
  detached "$ID"
  run -255 ctr exec --cwd /not/there "$ID" true
  expect_match "cannot change to directory '/not/there': No such file or directory"
  [ ! -e "$BUNDLE/rootfs/not" ]
  run -0 ctr exec -g 9 "$ID" grep Groups: /proc/self/status
  [[ $output == *$'\t'"5 9"* ]]
  echo '{"args": ["grep", "CapEff", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"]}' >"$BATS_TEST_TMPDIR/process"
  run -0 ctr exec --process "$BATS_TEST_TMPDIR/process" "$ID"
  expect_match '0000000000002020'
  jq '.capabilities = {}' "$BATS_TEST_TMPDIR/process" >"$BATS_TEST_TMPDIR/none"
  run -0 ctr exec --process "$BATS_TEST_TMPDIR/none" "$ID"
  expect_match '0000000000000000'
  ctr delete --force "$ID"
}

@test "standard streams of a user namespace can be opened again" {
  need root
  local uid
  mapped_root
  for uid in 0 7; do
    config --argjson uid $uid '.process.user.uid = $uid'
    shell 'stat -L -c %u /proc/self/fd/1; echo again >>/dev/stdout'
    (umask 077 && : >"$BATS_TEST_TMPDIR/out")
    ctr run -b "$BUNDLE" "$ID" </dev/null >>"$BATS_TEST_TMPDIR/out" 3>&-
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "$uid"$'\n'again ]
    [ "$(stat -c %u "$BATS_TEST_TMPDIR/out")" = $((100000 + uid)) ]
    [ "$(stat -c %u /dev/null)" = 0 ]
    rm "$BATS_TEST_TMPDIR/out"
  done
}

@test "fault 95: exec --cgroup stays inside" {
  need root cgroup2
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  for path in .. ../.. a/../../b; do
    run ctr exec --cgroup "$path" "$ID" true
    expect_status 255
    expect_match 'sub cgroup path'
  done
  ctr delete --force "$ID"
}

@test "fault 121: a memory policy without nodes" {
  config '.linux.memoryPolicy = {mode: "MPOL_LOCAL", nodes: ""}'
  command_is probe mempolicy
  run -0 ctr run -b "$BUNDLE" "$ID"
  config '.linux.memoryPolicy = {mode: "MPOL_LOCAL", nodes: "0"}'
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'linux.memoryPolicy'
}

# waiting_hook KIND AT - it makes AT.begun and ends when there is AT.go
waiting_hook() {
  config --arg kind "$1" --arg at "$2" '.hooks = {($kind): [{path: "/bin/sh", args: ["sh", "-c",
    "echo >\"$1.begun\"; until [ -e \"$1.go\" ]; do sleep 0.05; done", "sh", $at]}]}'
}

@test "exec waits until the container is made: no command is run in the host's files" {
  need root
  command_is sleep 1000
  waiting_hook createContainer "$OUT"
  ctr run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  run=$!
  eventually test -e "$OUT.begun"
  eventually has_status "$ID" creating
  ctr exec "$ID" ls / </dev/null >"$OUT.exec" 2>&1 3>&- &
  PID=$!
  sleep 0.5
  [ ! -s "$OUT.exec" ]
  echo >"$OUT.go"
  ended $run
  expect_status 0
  ended "$PID"
  expect_status 0
  [ "$(cat "$OUT.exec")" = "$(ls "$BUNDLE/rootfs")" ]
  ctr delete --force "$ID"
}

@test "exec while a hook in the container takes its time: it is made" {
  local verb
  config '.root.readonly = false'
  command_is sleep 1000
  waiting_hook startContainer /at
  for verb in run start; do
    rm -f "$BUNDLE"/rootfs/at.*
    if [ $verb = run ]; then
      in_background run --detach -b "$BUNDLE" "$ID"
    else
      created "$ID"
      in_background start "$ID"
    fi
    eventually test -e "$BUNDLE/rootfs/at.begun"
    # at once, though whoever starts it has its lock
    run -0 timeout --foreground 5 "$CTR" --root "$STATE" exec "$ID" ls / </dev/null
    expect_output "$(ls "$BUNDLE/rootfs")"
    kill -0 "$PID"
    echo >"$BUNDLE/rootfs/at.go"
    ended "$PID"
    expect_status 0
    has_status "$ID" running
    ctr delete --force "$ID"
  done
}

@test "exec does not wait for ever for a container that is made" {
  need root
  command_is sleep 1000
  waiting_hook createRuntime "$OUT"
  in_background create -b "$BUNDLE" "$ID"
  eventually test -e "$OUT.begun"
  eventually has_status "$ID" creating
  run -255 ctr exec "$ID" true </dev/null
  expect_output "ctr: exec failed: container '$ID': cannot exec in a container that is still made, or whose hooks have not ended"
  kill -0 "$PID"
  echo >"$OUT.go"
  ended "$PID"
  expect_status 0
  ctr exec "$ID" true
  ctr delete --force "$ID"
}

@test "one that is frozen while somebody has its lock, as by a checkpoint, is waited for" {
  need own-cgroup
  local frozen
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  ctr pause "$ID"
  frozen=$(cgroup_of "$ID")/cgroup.freeze
  flock "$STATE/$ID" sh -c 'touch "$0"; sleep 1; echo 0 >"$1"' "$BATS_TEST_TMPDIR/locked" "$frozen" 3>&- &
  eventually test -e "$BATS_TEST_TMPDIR/locked"
  run ctr exec "$ID" echo inside
  wait $!
  expect_output inside
  ctr pause "$ID"
  run ctr exec "$ID" echo inside
  expect_status 255
  expect_match 'cannot exec in a paused container'
  ctr delete --force "$ID"
}

@test "exec hides from the container without other ids: limits and keys are root's" {
  need root setpriv
  local i pids=()
  config '.process.rlimits = [{type: "RLIMIT_STACK", soft: 16777216, hard: 16777216},
    {type: "RLIMIT_NPROC", soft: 4, hard: 4}] | del(.linux.maskedPaths)'
  command_is sleep 1000
  for i in 1 2 3 4 5; do
    setpriv --reuid 65534 sleep 1000 3>&- &
    pids+=($!)
  done
  detached "$ID"
  run ctr exec "$ID" sh -c 'ulimit -s; ulimit -u 2>/dev/null || ulimit -p; cat /proc/keys'
  kill "${pids[@]}"
  expect_status 0
  [ "${lines[0]}" = 16384 ]
  [ "${lines[1]}" = 4 ]
  [ "$(grep -c "_ses.$ID:" <<<"$output")" = 1 ]
  expect_match " 0 +0 keyring +_ses.$ID:"
  ctr delete --force "$ID"
}

@test "exec in a user namespace of a single id" {
  need root unshare
  command_is sleep 1000
  config '(.mounts[].options // empty) -= ["gid=5"]'
  # shellcheck disable=SC2016 # it is the inner shell's
  run unshare -Urm sh -ec '
    "$1" --cgroup-manager disabled --root "$2" run -d -b "$3" "$4" </dev/null >"$5" 2>&1 3>&-
    "$1" --cgroup-manager disabled --root "$2" exec "$4" id -u
    "$1" --cgroup-manager disabled --root "$2" delete --force "$4"' - \
    "$CTR" "$STATE" "$BUNDLE" "$ID" "$OUT"
  cat "$OUT"
  expect_status 0
  expect_output 0
}
