#!/usr/bin/env bats
# The whole path, once: bundle to exit status to nothing left.

load helper

# bats file_tags=core,basic

@test "run prints what the container prints" {
  command_is echo hello from inside
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output 'hello from inside'
}

@test "run takes the bundle as its argument and makes up an id" {
  command_is echo short
  run -0 ctr run "$BUNDLE"
  expect_output short
}

@test "run --rootfs needs no config.json" {
  run -0 ctr run --rootfs "$BUNDLE/rootfs" -- echo without a config
  expect_output 'without a config'
}

@test "the exit status is the container's" {
  shell 'exit 7'
  run -7 ctr run -b "$BUNDLE" "$ID"
}

@test "a container that dies of a signal gives 128 and its number" {
  command_is sleep 1000
  ctr run -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
  output=
  eventually has_status "$ID" running
  ctr kill "$ID" KILL
  status=0
  wait $! || status=$?
  expect_status 137
}

@test "standard input passes" {
  command_is cat
  output=$(echo through | ctr run -b "$BUNDLE" "$ID")
  expect_output through
}

@test "the container is process 1 and sees only its own" {
  # shellcheck disable=SC2016 # the shell inside expands it
  shell 'echo $$; ls /proc | grep -c "^[0-9]"'
  run -0 ctr run -b "$BUNDLE" "$ID"
  [ "${lines[0]}" = 1 ]
  [ "${lines[1]}" -le 4 ]
}

@test "the host name is the configured one, and the host keeps its own" {
  before=$(hostname)
  config '.hostname = "inside"'
  command_is hostname
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output inside
  [ "$(hostname)" = "$before" ]
}

@test "the root is the bundle's root file system" {
  shell 'ls /bin/busybox && ls / | tr "\n" " "'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_match '/bin/busybox'
  refuse_match 'boot'
}

@test "the environment and the working directory are the configured ones" {
  config '.process.env += ["COLOUR=blue"] | .process.cwd = "/tmp"'
  # shellcheck disable=SC2016
  shell 'echo "$COLOUR $PWD"'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output 'blue /tmp'
}

@test "a command that is not there: 127, and its name" {
  command_is /no/such/command
  run -127 ctr run -b "$BUNDLE" "$ID"
  expect_match '/no/such/command.*[Nn]o such file or directory'
}

@test "a command that may not be executed: 126, and its name" {
  command_is /etc/passwd
  run ctr run -b "$BUNDLE" "$ID"
  expect_status 126
  expect_match '/etc/passwd.*[Pp]ermission denied'
}

@test "a missing bundle is an error that names it" {
  run ctr run -b "$BATS_TEST_TMPDIR/nowhere" "$ID"
  [ "$status" -ne 0 ]
  expect_match nowhere
}

@test "create, start, state, kill, delete" {
  # the shell would not die of TERM as process 1 without a handler
  shell 'trap "exit 3" TERM; while :; do sleep 0.1; done'
  created "$ID"
  has_status "$ID" created
  ctr start "$ID"
  has_status "$ID" running
  [ -d "/proc/$(pid_of "$ID")" ]
  run -0 ctr list -q
  expect_output "$ID"
  ctr kill "$ID" TERM
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  run -0 ctr list -q
  expect_output ''
}

@test "delete refuses a container that runs, and --force kills it" {
  command_is sleep 1000
  detached "$ID"
  run ctr delete "$ID"
  [ "$status" -ne 0 ]
  expect_match 'not stopped: running'
  ctr delete --force "$ID"
}

@test "exec runs one more process in the container" {
  command_is sleep 1000
  detached "$ID"
  run -0 ctr exec "$ID" hostname
  expect_output "$(jq -r .hostname "$BUNDLE/config.json")"
  run ctr exec "$ID" sh -c 'exit 5'
  expect_status 5
  ctr delete --force "$ID"
}

@test "two containers of one id: the second is refused, the first lives" {
  command_is sleep 1000
  detached "$ID"
  run ctr run -b "$BUNDLE" "$ID"
  [ "$status" -ne 0 ]
  expect_match 'already exists'
  has_status "$ID" running
  ctr delete --force "$ID"
}

@test "an unknown container is an error that names it" {
  for verb in state start kill delete; do
    run ctr "$verb" "$ID"
    [ "$status" -ne 0 ]
    expect_match "$ID.*does not exist"
  done
  run -0 ctr delete --force "$ID"
}
