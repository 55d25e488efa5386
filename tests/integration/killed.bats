#!/usr/bin/env bats
# A ctr that is killed by SIGKILL cannot take back what it made: `delete --force` can.
# KILL_EVERY=1 tries every system call of `create`; by default a few of them are.

load helper
load killed

@test "killed in the middle of create: delete --force leaves nothing" {
  need root strace cgroup2
  killed_at_steps "${KILL_EVERY:-11}"
}

@test "killed in the middle of create: in a user namespace" {
  need root strace cgroup2
  maps '[{"containerID": 0, "hostID": 100000, "size": 65536}]'
  killed_at_steps "${KILL_EVERY:-13}"
}

@test "killed in the middle of create: without privileges" {
  need rootless strace own-cgroup
  killed_at_steps "${KILL_EVERY:-13}"
}

@test "killed in the middle of create: without any cgroup" {
  need root strace
  killed_at_steps "${KILL_EVERY:-13}" --cgroup-manager disabled
}

@test "killed in the middle of create: without any cgroup, in a user namespace" {
  need root strace
  maps '[{"containerID": 0, "hostID": 100000, "size": 65536}]'
  killed_at_steps "${KILL_EVERY:-17}" --cgroup-manager disabled
}

@test "killed in the middle of create: without any cgroup, without privileges" {
  need rootless strace
  killed_at_steps "${KILL_EVERY:-17}" --cgroup-manager disabled
}

# what nobody has waited for yet is gone as well
is_gone() { ! grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; }

# killed_after_clone OPTION... - a child that goes on without its ctr, in a hook that never ends
killed_after_clone() {
  local pid
  # shellcheck disable=SC2016 # the shell in the hook expands it
  config --arg at "$OUT.hook" '.hooks = {createContainer: [{path: "/bin/sh",
    args: ["sh", "-c", "echo >\"$1\"; exec sleep 1000", "sh", $at]}]}'
  in_background --cgroup-manager disabled "$@" -b "$BUNDLE" "$ID"
  eventually test -e "$OUT.hook"
  pid=$(sed -n 's/^pid=//p' "$STATE/$ID/record")
  # as if the record that has the pid was not there yet
  sed -i -e '/^pid=/d' -e '/^start=/d' "$STATE/$ID/record"
  kill -9 "$PID"
  ended "$PID"
  has_status "$ID" creating
  kill -0 "$pid"
  ctr delete --force "$ID"
  eventually is_gone "$pid"
}

@test "killed while a hook hangs in a container without any cgroup" {
  need root
  killed_after_clone create
  rm "$OUT.hook"
  killed_after_clone run
}

@test "killed while a hook runs: the container is not made, and nothing is executed in it" {
  need root
  local kind verb
  for kind in createRuntime createContainer; do
    for verb in create run; do
      rm -f "$OUT.hook"
      config --arg kind $kind --arg at "$OUT.hook" '.hooks = {($kind): [{path: "/bin/sh",
        args: ["sh", "-c", "echo >\"$1\"; exec sleep 1000", "sh", $at]}]}'
      in_background $verb -b "$BUNDLE" "$ID"
      eventually test -e "$OUT.hook"
      has_status "$ID" creating
      kill -9 "$PID"
      ended "$PID"
      # a child that waits for the answer of createRuntime hooks ends with ctr
      [ $kind = createRuntime ] || has_status "$ID" creating
      run timeout --foreground 1 "$CTR" --root "$STATE" exec "$ID" cat /etc/hostname </dev/null
      [ "$status" != 0 ]
      [[ $output != "$(cat /etc/hostname)" ]]
      run ctr start "$ID"
      expect_status 1
      ctr delete --force "$ID"
      [ -z "$(leaks)" ]
    done
  done
}

@test "killed in the middle of delete: a second one ends it" {
  need root strace cgroup2
  local step
  for step in flock:1 pidfd_send_signal:1 unlinkat:1 unlinkat:2 unlinkat:3; do
    created "$ID"
    timeout 60 strace -qq -o /dev/null -e trace="${step%:*}" \
      -e inject="${step%:*}:signal=KILL:when=${step#*:}" "$CTR" --root "$STATE" delete --force "$ID" \
      </dev/null >"$OUT" 2>&1 3>&- || true
    ctr delete --force "$ID"
    [ -z "$(leaks)" ]
  done
}
