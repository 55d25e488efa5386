#!/usr/bin/env bats
# Terminals: the caller's own, one that `run --tty` has given, a second one by `exec`: by hand, in the box
# (`lab.sh box run`) or the guest.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../../integration/helper
load ../criu

# numbered - a container numbers the lines that it reads
numbered() {
  image
  host_network
  shell 'n=0; while read -r line; do n=$((n+1)); echo "$n:$line"; done'
}

# on_terminal ARGUMENT... - ctr in the foreground of a terminal of its own, on which "one" is typed
on_terminal() {
  beside "$PROBE" pty send='one
' expect=1:one expect=never-said -- "$CTR" --root "$STATE" "$@" >"$OUT.1" 2>&1
  eventually grep -q 1:one "$OUT.1"
}

# again_on_terminal ARGUMENT... - the restore on another one: it goes on with the second line
again_on_terminal() {
  run "$PROBE" pty send='two
' expect=2:two send=$'\004' -- "$CTR" --root "$STATE" restore -b "$BUNDLE" --image-path "$IMAGE" "$@" "$ID"
  show_result
  expect_status 0
  expect_match 2:two
}

@test "run --tty in the foreground: it ends there, and goes on on another terminal" {
  numbered
  on_terminal run --tty -b "$BUNDLE" "$ID"
  dumped
  expect_status 0
  again_on_terminal --tty
}

@test "the caller's terminal as standard streams: the other one's after the restore" {
  numbered
  on_terminal run -b "$BUNDLE" "$ID"
  dumped --shell-job
  expect_status 0
  again_on_terminal --shell-job
}

@test "the caller's terminal as standard streams, and none at the restore" {
  numbered
  on_terminal run -b "$BUNDLE" "$ID"
  dumped
  expect_status 0
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null 3>&-
  show_result
  expect_status 125
  expect_match "used a terminal of its caller's: standard stream 0, which takes its place, is none"
  run ctr state "$ID"
  expect_match 'does not exist'
  again_on_terminal
}

@test "a terminal of the host's that the container has opened itself: the caller's after the restore" {
  numbered
  mount_at /terminals bind /dev/pts bind
  config '.root.readonly = false'
  shell 'while [ ! -s /tmp/name ]; do sleep 0.1; done; exec 5<>/terminals/$(cat /tmp/name)
    n=0; while read -r line <&5; do n=$((n+1)); echo "$n:$line" >&5; done'
  # nobody reads there but the container
  beside "$PROBE" pty expect=tty: send='one
' expect=1:one expect=never-said -- sh -c 'tty >"$0"; echo tty:; exec sleep 1000' "$OUT.tty" >"$OUT.1" 2>&1
  eventually test -s "$OUT.tty"
  ctr run --detach -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
  basename "$(cat "$OUT.tty")" >"$BUNDLE/rootfs/tmp/name"
  eventually grep -q 1:one "$OUT.1"
  dumped
  expect_status 0
  again_on_terminal
}

# The terminal of a process that somebody's exec has left behind: nobody is at its other end.
@test "a second terminal that was hung up: it still is after the restore" {
  image
  host_network
  config '.root.readonly = false'
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  script -qefc "$CTR --root $STATE exec -t $ID sh -c 'trap \"\" HUP
    (while :; do sleep 0.1; [ -e /tmp/go ] || continue; rm /tmp/go; echo x >&1 && echo written >/tmp/told || echo failed >/tmp/told; done) 2>/tmp/why & :'" \
    /dev/null </dev/null >/dev/null 2>&1 3>&- || true
  ctr exec "$ID" touch /tmp/go
  eventually ctr exec "$ID" test -s /tmp/told
  [ "$(ctr exec "$ID" cat /tmp/told)" = failed ]
  dumped
  expect_status 0
  ctr --log-level warning restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  cat "$OUT"
  rm "$BUNDLE/rootfs/tmp/told"
  ctr exec "$ID" touch /tmp/go
  eventually ctr exec "$ID" test -s /tmp/told
  cat "$BUNDLE"/rootfs/tmp/{told,why}
  [ "$(ctr exec "$ID" cat /tmp/told)" = failed ]
  ctr delete --force "$ID"
}
