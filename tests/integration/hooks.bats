#!/usr/bin/env bats
# Hooks: when, where and with what they run, and what a failing one leaves (nothing).

# shellcheck disable=SC2016 # scripts for another shell
load helper

# hook KIND SCRIPT - one more hook; $1 of the script is the test's directory
hook() {
  config --arg kind "$1" --arg script "$2" --arg dir "$BATS_TEST_TMPDIR" \
    '.hooks[$kind] += [{path: "/bin/sh", args: ["sh", "-c", $script, "sh", $dir]}]'
}

# bats test_tags=core
@test "hooks: six kinds, in their order, the status that each is told" {
  for kind in prestart createRuntime poststart poststop; do
    hook $kind "cat >\$1/state.$kind; echo $kind >>\$1/order"
  done
  config '.root.readonly = false'
  hook startContainer 'cat >/state.startContainer'
  shell 'cat /state.startContainer'
  created "$ID"
  [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/order")" = 'prestart createRuntime ' ]
  pid=$(pid_of "$ID")
  # fault 97: poststart belongs to start
  ctr start "$ID"
  [ "$(tail -n1 "$BATS_TEST_TMPDIR/order")" = poststart ]
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  [ "$(tail -n1 "$BATS_TEST_TMPDIR/order")" = poststop ]
  for kind in createRuntime poststart; do
    jq -e --arg id "$ID" --arg bundle "$BUNDLE" --argjson pid "$pid" '.id == $id and
      .bundle == $bundle and .pid == $pid and .ociVersion == "1.3.0" and
      .root == $bundle + "/rootfs"' "$BATS_TEST_TMPDIR/state.$kind"
  done
  jq -e '.status == "running"' "$BATS_TEST_TMPDIR/state.poststart"
  jq -e '.status == "stopped"' "$BATS_TEST_TMPDIR/state.poststop"
  jq -e '.status == "created"' "$OUT"
  # fault 23: compact, and slashes as they are
  [ "$(wc -l <"$BATS_TEST_TMPDIR/state.createRuntime")" -le 1 ]
  grep -qF "\"bundle\":\"$BUNDLE\"" "$BATS_TEST_TMPDIR/state.createRuntime"
}

# bats test_tags=core
@test "fault 98: a hook that fails, at each point: an error with its output, nothing left" {
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  for kind in prestart createRuntime createContainer startContainer poststart; do
    cp "$BATS_TEST_TMPDIR/good.json" "$BUNDLE/config.json"
    hook $kind 'echo some words >&2; exit 7'
    command_is sleep 1000
    run -125 ctr run -b "$BUNDLE" "$ID"
    expect_match "error running $kind hook #0: .*exit status 7.*some words"
    [ -z "$(leaks)" ]
  done
  for kind in prestart createContainer startContainer; do
    cp "$BATS_TEST_TMPDIR/good.json" "$BUNDLE/config.json"
    hook $kind 'kill -9 $$'
    run -125 ctr run -b "$BUNDLE" "$ID"
    expect_match "error running $kind hook #0: .*signal 9 \(Killed\)\$"
  done
  # poststop is only a warning
  cp "$BATS_TEST_TMPDIR/good.json" "$BUNDLE/config.json"
  hook poststop 'exit 1'
  command_is true
  run -0 ctr run -b "$BUNDLE" "$ID"
}

@test "hooks: a container whose poststart hook fails is stopped when start returns, with all in it" {
  need cgroup2 root
  config '.root.readonly = false | .linux.namespaces |= map(select(.type != "pid")) | .mounts |= map(select(.type != "proc"))'
  hook poststart "while [ ! -e '$BUNDLE/rootfs/ready' ]; do sleep 0.1; done; exit 7"
  shell 'sleep 1000 & : >/ready; exec sleep 1000'
  created "$ID"
  run -1 ctr start "$ID"
  has_status "$ID" stopped
  is_empty() { [ -z "$(cat "$(cgroup2)/ctr-$ID/cgroup.procs")" ]; }
  eventually is_empty
  ctr delete "$ID"
}

# runtime.md#lifecycle: whatever hook fails, the container is destroyed and poststop follows.
@test "hooks: poststop is heard once, whichever hook fails, by run and by create and start" {
  cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/good.json"
  for kind in prestart createRuntime createContainer startContainer poststart; do
    for verbs in run create; do
      cp "$BATS_TEST_TMPDIR/good.json" "$BUNDLE/config.json"
      rm -f "$BATS_TEST_TMPDIR/heard"
      hook $kind 'exit 7'
      hook poststop "ls '$STATE' >>'$BATS_TEST_TMPDIR/heard'; echo end >>'$BATS_TEST_TMPDIR/heard'"
      command_is sleep 1000
      case $verbs-$kind in
      create-startContainer | create-poststart)
        created "$ID"
        run -1 ctr start "$ID"
        # Engines delete what could not be started.
        [ ! -e "$BATS_TEST_TMPDIR/heard" ]
        eventually has_status "$ID" stopped
        ctr delete "$ID"
        ;;
      create-*) run -1 ctr create -b "$BUNDLE" "$ID" </dev/null ;;
      run-*) run -125 ctr run -b "$BUNDLE" "$ID" ;;
      esac
      run cat "$BATS_TEST_TMPDIR/heard"
      expect_output end
    done
  done
}

@test "hooks: where none has begun poststop hears nothing" {
  hook createContainer 'exit 0'
  hook startContainer 'exit 0'
  hook poststop "echo end >>'$BATS_TEST_TMPDIR/heard'"
  config '.mounts += [{destination: "/x", type: "nosuchfs", source: "none"}]'
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match nosuchfs
  [ ! -e "$BATS_TEST_TMPDIR/heard" ]
  # After one has, it does, whatever fails.
  config 'del(.mounts[-1]) | .process.args = ["/no/such"]'
  run -127 ctr run -b "$BUNDLE" "$ID"
  [ "$(cat "$BATS_TEST_TMPDIR/heard")" = end ]
}

@test "hooks: poststop is heard once, and after the end, also when poststart fails" {
  hook createRuntime 'exit 0'
  hook poststart 'exit 7'
  hook poststop "ls '$STATE' >>'$BATS_TEST_TMPDIR/heard'; echo end >>'$BATS_TEST_TMPDIR/heard'"
  command_is sleep 1000
  run -125 ctr run -b "$BUNDLE" "$ID"
  [ "$(cat "$BATS_TEST_TMPDIR/heard")" = end ]
}

@test "hooks: a timeout, much output, input that is not read, an environment of its own" {
  config '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]'
  command_is true
  run -125 ctr run -b "$BUNDLE" "$ID"
  expect_match 'hook ran past specified timeout of 1s'
  config 'del(.hooks)'
  hook createRuntime 'exec <&-; head -c 1000000 /dev/zero; exit 0'
  hook prestart 'exec <&-; sleep 0.1; exit 0'
  run -0 ctr run -b "$BUNDLE" "$ID"
  config --arg f "$BATS_TEST_TMPDIR/env" '.hooks = {createRuntime: [{path: "/bin/sh",
    args: ["sh", "-c", "/usr/bin/env >\($f)"], env: ["ONLY=this"]}]}'
  OTHER=x run -0 ctr run -b "$BUNDLE" "$ID"
  grep -qx ONLY=this "$BATS_TEST_TMPDIR/env"
  [ "$(grep -c OTHER "$BATS_TEST_TMPDIR/env")" = 0 ]
}

@test "hooks: of what the image says only startContainer hears" {
  config '.root.readonly = false | .process.env += ["WHOSE=image"] | .process.user.umask = 7'
  hook createRuntime 'echo "$WHOSE $(umask)" >"$1/first"'
  hook createContainer 'echo "$WHOSE $(umask)" >"$1/second"'
  hook startContainer 'echo "$WHOSE $(umask)" >/third'
  command_is cat /third
  umask 027
  WHOSE=caller run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output 'image 0007'
  [ "$(cat "$BATS_TEST_TMPDIR/first")" = 'caller 0027' ]
  [ "$(cat "$BATS_TEST_TMPDIR/second")" = 'caller 0027' ]
}

# bats test_tags=core
@test "delete --force does not wait for a hook that hangs" {
  need root
  command_is sleep 1000
  # the same test of another suite has another
  local kind seconds=9$RANDOM$RANDOM
  for kind in prestart createRuntime poststart; do
    config --arg kind $kind --arg s $seconds '.hooks = { ($kind): [ { path: "/bin/sleep", args: ["sleep", $s] } ] }'
    in_background run --detach -b "$BUNDLE" "$ID"
    eventually pgrep -P "$PID" -f "sleep $seconds"
    run -0 ctr delete --force "$ID"
    expect_output ''
    ended "$PID"
    expect_status 125
    grep -q "error running $kind hook #0: '/bin/sleep': the container is being deleted" "$OUT"
    run ! pgrep -f "sleep $seconds"
    [ ! -e "$STATE/$ID" ]
  done
  # and where start runs it
  created "$ID"
  in_background start "$ID"
  eventually pgrep -P "$PID" -f "sleep $seconds"
  run -0 ctr delete --force "$ID"
  ended "$PID"
  expect_status 1
  [ ! -e "$STATE/$ID" ]
}

@test "fault 53: createContainer hooks write to the root before it is read-only" {
  config '.root.readonly = true'
  hook createContainer 'cat >"$1/doc"; echo written >"$1/bundle/rootfs/by-hook"'
  command_is cat /by-hook
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output written
  jq -e .id "$BATS_TEST_TMPDIR/doc"
}

@test "hooks get no descriptor of the caller's" {
  for kind in prestart createRuntime createContainer startContainer poststart poststop; do
    hook $kind "$PROBE fds >\$1/fds.$kind"
  done
  # those in the container run there
  config --arg probe /bin/probe '.root.readonly = false |
    .hooks.startContainer[0].args = ["sh", "-c", "/bin/probe fds >/fds"]'
  command_is cat /fds
  ctr run --preserve-fds 1 -b "$BUNDLE" "$ID" 3</dev/null 7</dev/null >"$OUT"
  for kind in prestart createRuntime createContainer poststart poststop; do
    run cat "$BATS_TEST_TMPDIR/fds.$kind"
    expect_match '^0 1 2 *$'
  done
  run cat "$OUT"
  expect_match '^0 1 2 *$'
}

# In a user namespace nothing lifts it.
@test "a hook in the container is under none of its limits" {
  need root
  config ".linux.namespaces += [{type: \"user\"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 1300000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    .process.rlimits = [{type: \"RLIMIT_NPROC\", soft: 1, hard: 1}] |
    .hooks.createContainer = [{path: \"/bin/true\"}]"
  chown -R 1300000:1300000 "$BUNDLE/rootfs"
  shell 'ulimit -u 2>/dev/null || ulimit -p'
  run -0 ctr run -b "$BUNDLE" "$ID"
  expect_output 1
}
