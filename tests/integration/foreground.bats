# foreground.bats - a `ctr run` that stays, and other commands on its container.

load helper

# foreground ID - `ctr run` in the background of this shell, its streams in $OUT
foreground() {
  : >"$OUT"
  ctr run -b "$BUNDLE" "$1" </dev/null >"$OUT" 2>&1 3>&- &
  RUN=$!
}

@test "pause, resume and exec of a container that runs in the foreground" {
  need root
  need cgroup2
  shell 'while :; do sleep 0.1; done'
  foreground "$ID"
  eventually has_status "$ID" running
  ctr pause "$ID"
  has_status "$ID" paused
  ctr resume "$ID"
  run ctr exec "$ID" echo joined
  expect_output joined
  ctr kill "$ID" KILL
  status=0
  wait $RUN || status=$?
  expect_status 137
}

@test "delete --force of a container that runs in the foreground" {
  shell 'while :; do sleep 0.1; done'
  foreground "$ID"
  eventually has_status "$ID" running
  ctr delete --force "$ID"
  status=0
  wait $RUN || status=$?
  expect_status 137
}

@test "an id that is used again is not the ended run's to delete" {
  shell 'while :; do sleep 0.1; done'
  foreground "$ID"
  eventually has_status "$ID" running
  ctr delete --force "$ID"
  created "$ID"
  wait $RUN || true
  has_status "$ID" created
  ctr delete --force "$ID"
}

@test "delete --force of a container whose record is damaged or lost ends its processes" {
  need cgroup2 root
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  echo garbage >"$STATE/$ID/record"
  run ctr state "$ID"
  expect_status 1
  expect_match 'state record'
  ctr delete --force "$ID"
  detached "$ID"
  rm "$STATE/$ID/record"
  ctr delete --force "$ID"
}

@test "descriptors that ctr opened itself are not there to preserve" {
  command_is true
  run ctr run --preserve-fds 2 -b "$BUNDLE" "$ID" 3>&- 4>&-
  expect_status 125
  expect_match '--preserve-fds 2: file descriptor 4 is not open: Bad file descriptor'
}

@test "some of many descriptors are preserved: up to the last, which is open" {
  command_is probe fds
  run -0 ctr run --preserve-fds 3 -b "$BUNDLE" "$ID" 3>&- 4>&- 5</dev/null
  expect_match '^0 1 2 5 ?$'
  run ctr run --preserve-fds 3 -b "$BUNDLE" "$ID" 3</dev/null 4>&- 5>&-
  expect_status 125
  expect_match '--preserve-fds 3: file descriptor 5 is not open'
  run -0 ctr run --preserve-fds 1 -b "$BUNDLE" "$ID" 3</dev/null 4>&-
  expect_match '^0 1 2 3 ?$'

  command_is sleep 1000
  detached "$ID" 4>&- 5>&- 6>&-
  run -0 ctr exec --preserve-fds 4 "$ID" probe fds 3>&- 4</dev/null 5>&- 6</dev/null
  expect_match '^0 1 2 4 6 ?$'
  ctr delete --force "$ID"
}

@test "exec --process takes no command besides" {
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  jq '.process | .args = ["true"]' "$BUNDLE/config.json" >"$BUNDLE/process.json"
  run ctr exec --process "$BUNDLE/process.json" "$ID" extra
  expect_status 255
  expect_match "'extra' is one too many"
  ctr delete --force "$ID"
}

@test "an orphan of a container without its own PID namespace comes to run, unless told otherwise" {
  need root own-cgroup
  config '.linux.namespaces |= map(select(.type != "pid"))'
  # shellcheck disable=SC2016 # the shell in the container expands it
  shell 'sh -c "sleep 1000 & echo \$! >/dev/shm/new; mv /dev/shm/new /dev/shm/orphan"; exec sleep 1000'
  for option in '' --no-subreaper; do
    # shellcheck disable=SC2086 # a word or none
    "$CTR" --root "$STATE" run $option -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
    pid=$!
    eventually ctr exec "$ID" test -s /dev/shm/orphan 2>/dev/null
    orphan=$(ctr exec "$ID" cat /dev/shm/orphan)
    # its parent has ended when the one above goes on
    eventually grep -q '^sleep' "/proc/$(ctr state "$ID" | jq .pid)/cmdline"
    parent=$(sed -n 's/^PPid:\t//p' "/proc/$orphan/status")
    ctr kill "$ID" KILL
    wait $pid || true
    run cat "/proc/$orphan/status" # who has it may not have waited for it yet
    [ "$status" != 0 ] || expect_match 'State:.Z'
    if [ -z "$option" ]; then [ "$parent" = $pid ]; else [ "$parent" != $pid ]; fi
  done
}

@test "signals that the caller ignores are not passed on, by run and by exec" {
  # shellcheck disable=SC2016 # a shell in the container
  local script='trap "echo hup" HUP; trap "echo usr1" USR1; trap "exit 3" USR2; echo up
    while :; do sleep 0.05; done' words
  command_is sleep 1000
  detached "$ID"
  shell "$script"
  for words in "run -b $BUNDLE $ID-2" "exec $ID sh -c"; do
    # shellcheck disable=SC2086 # words without a space
    if [[ $words = exec* ]]; then set -- $words "$script"; else set -- $words; fi
    : >"$OUT.2" # the job may do it only after the first look
    env --ignore-signal=HUP "$CTR" --root "$STATE" "$@" </dev/null >"$OUT.2" 2>&1 3>&- &
    PID=$!
    eventually grep -q up "$OUT.2"
    # it would come first
    kill -HUP "$PID"
    kill -USR1 "$PID"
    eventually grep -q usr1 "$OUT.2"
    kill -USR2 "$PID"
    ended "$PID"
    expect_status 3
    run ! grep hup "$OUT.2"
  done
  ctr delete --force "$ID"
}
