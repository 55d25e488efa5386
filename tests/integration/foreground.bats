# foreground.bats - a `ctr run` that stays, and other commands on its container.

load helper

# foreground ID - `ctr run` in the background of this shell, its streams in $OUT
foreground() {
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

@test "delete --force of a container whose record is damaged ends its processes" {
  need cgroup2 root
  shell 'while :; do sleep 0.1; done'
  detached "$ID"
  echo garbage >"$STATE/$ID/record"
  run ctr state "$ID"
  expect_status 1
  expect_match 'state record'
  ctr delete --force "$ID"
}

@test "descriptors that ctr opened itself are not there to preserve" {
  command_is true
  run ctr run --preserve-fds 2 -b "$BUNDLE" "$ID" 3>&- 4>&-
  expect_status 125
  expect_match '--preserve-fds 2: file descriptor 3 is not open: Bad file descriptor'
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
