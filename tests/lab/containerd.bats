#!/usr/bin/env bats
# containerd, through its shim for runc: JSON log, pid file, state, ps, kill, delete.

load engines

# containerd's own client has the same name as the runtime
client() { /usr/bin/ctr "$@" 3>&-; }
client_run() {
  client run --runc-binary "$CTR" "$@"
}

engine_setup() {
  systemctl start containerd
  podman import "$IMAGE" lab/box >/dev/null
  podman save --format docker-archive -o "$BATS_FILE_TMPDIR/image.tar" lab/box
  client image import "$BATS_FILE_TMPDIR/image.tar" >/dev/null
}
engine_teardown() { systemctl stop containerd; }

engine_cleanup() {
  client task kill -s KILL "$NAME" >/dev/null 2>&1 || true
  client task rm -f "$NAME" >/dev/null 2>&1 || true
  client container rm "$NAME" >/dev/null 2>&1 || true
}

box=localhost/lab/box:latest

@test "run prints, and passes the exit status" {
  run -0 client_run --rm $box "$NAME" echo hello
  expect_output hello
  run client_run --rm $box "$NAME" sh -c 'exit 3'
  expect_status 3
}

@test "run -t gives a terminal" {
  run -0 script -qec "/usr/bin/ctr run --rm -t --runc-binary $CTR $box $NAME tty" /dev/null </dev/null
  expect_match '/dev/pts/0'
}

@test "a command that is not there is an error that names it" {
  run client_run --rm $box "$NAME" /no/such/command
  [ "$status" -ne 0 ]
  expect_match '/no/such/command'
}

@test "detached: state, exec, ps, kill, delete" {
  client_run -d $box "$NAME" sleep 1000
  run -0 client task ls
  expect_match "$NAME +[0-9]+ +RUNNING"
  run -0 client task exec --exec-id e1 "$NAME" cat /proc/1/cmdline
  expect_match sleep
  run client task exec --exec-id e2 "$NAME" sh -c 'exit 6'
  expect_status 6
  run -0 client task ps "$NAME"
  expect_match '[0-9]+'
  client task kill -s KILL "$NAME"
  eventually sh -c "/usr/bin/ctr task ls | grep -q '$NAME.*STOPPED'"
  client task rm "$NAME"
  client container rm "$NAME"
}

@test "pause and resume" {
  client_run -d $box "$NAME" sleep 1000
  client task pause "$NAME"
  run -0 client task ls
  expect_match "$NAME.*PAUSED"
  client task resume "$NAME"
  run -0 client task ls
  expect_match "$NAME.*RUNNING"
}

@test "options arrive" {
  # shellcheck disable=SC2016 # the shell inside expands it
  run -0 client_run --rm --env COLOUR=blue --cwd /tmp --read-only $box "$NAME" sh -c \
    'echo "$COLOUR"; pwd; touch /x 2>/dev/null || echo read-only'
  [ "${lines[0]}" = blue ]
  [ "${lines[1]}" = /tmp ]
  [ "${lines[2]}" = read-only ]
}
