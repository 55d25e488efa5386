#!/usr/bin/env bats
# NOTIFY_SOCKET: what a container tells its service manager (sd_notify(3)).

load helper

# manager SOCKET - listen as a service manager does; what came is in $HEARD
manager() {
  export NOTIFY_SOCKET=$1
  HEARD=$BATS_TEST_TMPDIR/heard
  "$PROBE" notified "$NOTIFY_SOCKET" 1000 >"$HEARD" 3>&- &
  MANAGER=$!
  eventually grep -qF -- " $NOTIFY_SOCKET" /proc/net/unix
}

teardown() {
  [ -z "${MANAGER:-}" ] || kill "$MANAGER" 2>/dev/null || true
  unset NOTIFY_SOCKET
  helper_teardown
}

# What is sent without a barrier may be heard a moment after its sender has gone on.
heard() { grep -qx -- "$1" "$HEARD"; }

@test "run passes on what a service says of itself, and nothing else" {
  manager "$BATS_TEST_TMPDIR/manager"
  # shellcheck disable=SC2016 # the shell in the container expands it
  shell 'probe notify "STATUS=starting" && probe notify "FDSTORE=1" &&
    probe notify "MAINPID=1\nNOTIFYACCESS=all\nREADY=1\nSTATUS=up" && probe barrier &&
    echo $NOTIFY_SOCKET && probe notify "STOPPING=1"'
  "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID" </dev/null >"$OUT" 3>&- &
  pid=$!
  wait $pid
  [ "$(cat "$OUT")" = /run/notify/notify.sock ]
  eventually heard STOPPING=1
  run cat "$HEARD"
  [ "${lines[0]}" = STATUS=starting ]
  [ "${lines[1]}" = "MAINPID=$pid|READY=1|STATUS=up" ]
  [ "${lines[2]}" = BARRIER=1+ ]
  [ "${lines[3]}" = STOPPING=1 ]
  [ ${#lines[@]} = 4 ]
}

@test "a detached run ends when the service is ready, which is its init" {
  manager "@$BATS_TEST_TMPDIR/abstract"
  shell 'sleep 0.5; probe notify READY=1; sleep 1000'
  detached "$ID"
  heard "MAINPID=$(pid_of "$ID")|READY=1"
  eventually heard BARRIER=1+
  [ ! -e "$STATE/$ID/notify/notify.sock" ]
  ctr delete --force "$ID"
}

@test "so does start, for any user of the container" {
  need root
  manager "$BATS_TEST_TMPDIR/manager"
  config '.process.user = {uid: 1000, gid: 1000}'
  shell 'sleep 0.5; probe notify READY=1; sleep 1000'
  (umask 077 && created "$ID")
  [ ! -s "$HEARD" ]
  ctr start "$ID"
  heard "MAINPID=$(pid_of "$ID")|READY=1"
  ctr delete --force "$ID"
}

@test "a service that ends without being ready is waited for no longer" {
  manager "$BATS_TEST_TMPDIR/manager"
  shell 'probe notify STATUS=no; exit 1'
  detached "$ID"
  eventually heard STATUS=no
  ctr delete "$ID"
}

@test "the container cannot write beside its socket" {
  manager "$BATS_TEST_TMPDIR/manager"
  shell 'touch /run/notify/x || mkdir /run/notify/y'
  run_bundle
  expect_status 1
  expect_match 'Read-only file system'
}

@test "a manager that is not there is no reason not to start" {
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/nobody
  export NOTIFY_SOCKET
  shell 'echo started'
  run ctr --log-level warning run -b "$BUNDLE" "$ID"
  expect_status 0
  expect_match "NOTIFY_SOCKET: cannot connect to '$BATS_TEST_TMPDIR/nobody'"
  expect_match started
}

@test "no manager, no variable" {
  shell 'env'
  run_bundle
  expect_status 0
  refuse_match NOTIFY_SOCKET
}

@test "sockets of a service manager: LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES" {
  # shellcheck disable=SC2016 # the shell in the container expands it
  shell 'echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3; cat <&4; echo $(probe fds)'
  echo first >"$BATS_TEST_TMPDIR/first"
  echo second >"$BATS_TEST_TMPDIR/second"
  # LISTEN_PID has to be the process id of ctr: the shell becomes it
  # shellcheck disable=SC2016
  D=$BATS_TEST_TMPDIR run -0 sh -c 'export LISTEN_PID=$$; exec "$@" 3<"$D/first" 4<"$D/second" 5</dev/null' sh \
    env LISTEN_FDS=2 LISTEN_FDNAMES=web:admin \
    "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  [ "${lines[0]}" = '2 1 web:admin' ]
  [ "${lines[1]}" = first ]
  [ "${lines[2]}" = second ]
  [ "${lines[3]}" = '0 1 2 3 4' ]
  # meant for somebody else
  run -0 env LISTEN_PID=1 LISTEN_FDS=2 "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID" 3</dev/null 4</dev/null
  refuse_match '^2'
}
