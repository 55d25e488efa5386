#!/usr/bin/env bats
# Configurations and neighbours that mean harm, or do not care.

load helper

# bats test_tags=core
@test "a seccomp filter that lets nobody exit ends ctr-init all the same" {
  need root
  config '.process.noNewPrivileges = true
    | .linux.seccomp = { defaultAction: "SCMP_ACT_ERRNO" }'
  run_bundle
  expect_status 125
  expect_match 'linux.seccomp forbids what it needs'

  created "$ID"
  run ctr start "$ID"
  expect_status 1
  ctr delete --force "$ID"
  rm -r "${STATE:?}/-seccomp"
}

@test "annotations that make a state record nobody could read are refused" {
  need root
  config '.annotations = { long: ("\n" * 6000000) }'
  run_bundle
  expect_status 125
  expect_match 'annotations: too long'
  run ctr delete --force "$ID"
  expect_status 0
}

@test "start waits for the lock of a container, not for its successor" {
  need root flock
  created "$ID"
  local held=$BATS_TEST_TMPDIR/held
  # shellcheck disable=SC2016 # the shell of flock expands it
  flock --exclusive "$STATE/$ID" sh -c 'touch "$1"; while [ -e "$1" ]; do sleep 0.05; done' sh "$held" 3>&- &
  local holder=$!
  eventually test -e "$held"
  in_background start "$ID"
  local starter=$PID
  eventually grep -q -- "-> FLOCK .* $starter " /proc/locks
  mv "$STATE/$ID" "$STATE/-old"
  cp -r "$STATE/-old" "$STATE/$ID"

  rm "$held"
  wait "$holder"
  ended "$starter"
  [ "$status" -eq 1 ]
  grep -q 'does not exist' "$OUT"

  rm -r "${STATE:?}/$ID"
  mv "$STATE/-old" "$STATE/$ID"
  ctr delete --force "$ID"
}

# ---------------------------------------------------------------- odd callers

@test "a caller whose files must not grow: an error with a name" {
  need root
  command_is true
  run bash -c 'ulimit -f 0; exec "$@"' - "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match 'File too large'
  run -0 bash -c 'ulimit -f 0; exec "$@"' - "$CTR" --root "$STATE" list
}

@test "a caller with few descriptors: an error with a name, and nothing left" {
  need root
  command_is true
  config 'del(.process.rlimits)'
  local n
  for n in 4 5 6 7 8 9; do
    run bash -c 'ulimit -n $1; shift; exec "$@"' - $n "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
    expect_status 125
    expect_match "^ctr: (state of container '$ID': )?cannot .*: Too many open files\$"
    [ -z "$(states)" ]
  done
}

@test "a caller that may have no more processes: an error that says so, and nothing left" {
  need strace
  run strace -qq -o /dev/null -e trace=clone3 -e inject=clone3:error=EAGAIN \
    "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_match '^ctr: cannot start ctr-init: a limit of processes is reached \(pids.max .*\): Resource temp'
}

@test "without the /proc that shows what runs, nothing is taken for ended" {
  need root
  command_is sleep 1000
  detached "$ID"
  for verb in "delete $ID" "delete --force $ID" "kill $ID" "state $ID" list "start $ID" \
    "run -b $BUNDLE $ID-2"; do
    # shellcheck disable=SC2086 # words
    run unshare -m sh -c 'umount -l /proc; exec "$@"' - "$CTR" --root "$STATE" $verb
    [ "$status" != 0 ]
    expect_match 'the proc file system of this PID namespace is not at /proc'
  done
  has_status "$ID" running
  ctr delete --force "$ID"
}

@test "closed standard streams, and no /dev/null in their place" {
  need root unshare
  command_is true
  run unshare --mount sh -c 'mount -t tmpfs none /dev; exec "$@" <&-' - \
    "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_status 125
  expect_output "ctr: cannot open '/dev/null' for a closed standard stream: No such file or directory"
}

@test "deleted before it was locked: what has its name by then stays" {
  need root strace
  command_is true
  strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=flock -e inject=flock:delay_enter=$((CTR_TIMEOUT * 200000)):when=1 \
    "$CTR" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >"$OUT.first" 2>&1 3>&- &
  PID=$!
  eventually [ -d "$STATE/$ID" ]
  ctr delete --force "$ID"
  created "$ID"
  ended "$PID"
  grep '(DELAYED)$' "$BATS_TEST_TMPDIR/trace"
  [ "$(cat "$OUT.first")" = "ctr: container '$ID' was deleted meanwhile" ]
  [ "$status" -ne 0 ]
  has_status "$ID" created
  ctr start "$ID"
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

@test "deleted before it was opened: another's that has its name by then stays, too" {
  need root strace flock
  command_is true
  strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=mkdirat -e inject=mkdirat:delay_exit=$((CTR_TIMEOUT * 200000)) \
    "$CTR" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >"$OUT.first" 2>&1 3>&- &
  PID=$!
  eventually [ -d "$STATE/$ID" ]
  rmdir "$STATE/$ID"
  mkdir "$STATE/$ID"
  exec 7<"$STATE/$ID"
  flock -n 7
  ended "$PID"
  grep '(DELAYED)$' "$BATS_TEST_TMPDIR/trace"
  [ "$(cat "$OUT.first")" = "ctr: container '$ID' was deleted meanwhile" ]
  [ "$status" -eq 1 ]
  exec 7<&-
  rmdir "$STATE/$ID"
}

@test "it is no set-user-ID program" {
  need root setpriv
  local ids
  for ids in '--ruid 65534' '--rgid 65534 --keep-groups'; do
    # shellcheck disable=SC2086
    run -125 setpriv $ids "$CTR" --root "$STATE" list
    expect_match 'it must not be a set-user-ID or set-group-ID program'
  done
}

@test "a caller without stack is told so, and nothing is begun" {
  run -125 sh -c 'ulimit -s 64; exec "$@"' - "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
  expect_output 'ctr: RLIMIT_STACK of the caller is below 128 KiB: too little'
  # where it may have more, the log has it as well
  # shellcheck disable=SC3045 # dash, busybox and bash know -S
  run -125 sh -c 'ulimit -S -s 64; exec "$@"' - "$CTR" --root "$STATE" --log "$OUT" \
    --log-format json run -b "$BUNDLE" "$ID"
  expect_output 'RLIMIT_STACK of the caller is below 128 KiB: too little'
  [ "$(jq -r .msg "$OUT")" = "$output" ]
  command_is true
  run -0 sh -c 'ulimit -s 128; exec "$@"' - "$CTR" --root "$STATE" run -b "$BUNDLE" "$ID"
}

@test "standard output that does not let anybody wait" {
  need python3
  python3 - "$CTR" >"$OUT" <<'PYTHON'
import array, fcntl, os, subprocess, sys, termios, time
end, out = os.pipe()
fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, 4096)
os.set_blocking(out, False)
ctr = subprocess.Popen([sys.argv[1], 'features'], stdout=out)
os.close(out)
# full, so that the next write is refused
there = array.array('i', [0])
while ctr.poll() is None and there[0] < 4096:
    fcntl.ioctl(end, termios.FIONREAD, there)
    time.sleep(0.01)
assert there[0] == 4096, there[0]
time.sleep(0.2)
sys.stdout.write(os.fdopen(end).read())
sys.exit(ctr.wait())
PYTHON
  ctr features | diff - "$OUT"
}

@test "a caller whose umask leaves nobody any right" {
  command_is true
  umask 777
  created "$ID"
  ctr start "$ID"
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  umask 022
}

@test "the gate is its owner's, also where the umask is 0" {
  command_is true
  (umask 0 && created "$ID")
  [ "$(stat -c %a "$STATE/$ID/gate")" = 600 ]
  ctr start "$ID"
  ctr delete --force "$ID"
}

@test "a chroot, whose root is no mount point" {
  need root unshare
  local jail=$BATS_TEST_TMPDIR/jail
  mkdir -p "$jail"/{proc,sys,dev,run}
  mount_at /seen bind /bundle/config.json bind
  shell 'grep -c /seen /proc/self/mountinfo; ls /; touch /tmp/made'
  config '.root.readonly = false'
  mv "$BUNDLE" "$jail/bundle"
  cp "$CTR" "$jail/ctr"
  # shared, as systemd has it, but not with us: what is mounted for the container must not show
  # up there
  run -0 unshare --mount --propagation private sh -ec '
    mount --make-rshared /
    mount -t proc proc "$1/proc"
    mount --rbind /sys "$1/sys"
    mount --bind /dev "$1/dev"
    cut -d" " -f5- /proc/self/mountinfo >"$1/before"
    for pivot in --no-pivot=false --no-pivot; do
      chroot "$1" /ctr --root /run/state run "$pivot" -b /bundle "$2" </dev/null
      cut -d" " -f5- /proc/self/mountinfo | diff "$1/before" -
    done' - "$jail" "$ID"
  [ "${lines[0]}" = 1 ]
  refuse_match 'ctr|before'
  [ -e "$jail/bundle/rootfs/tmp/made" ]
  mv "$jail/bundle" "$BUNDLE"
}

@test "a hook that leaves a printer behind does not keep ctr" {
  need root
  local kind
  for kind in createRuntime createContainer startContainer; do
    config --arg kind $kind '.hooks = { ($kind): [ { path: "/bin/sh", args: ["sh", "-c",
      "for i in 1 2 3 4; do (while echo y; do :; done) 2>/dev/null & done"] } ] }
      | .process.args = ["true"]'
    run_bundle
    expect_status 0
  done
}
