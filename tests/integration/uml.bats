#!/usr/bin/env bats
# --isolation uml: a kernel that is a program of the host. It needs neither KVM nor root.

load helper

needs() {
  need linux.uml mkfs.erofs jq "$@"
  if ! is_root; then
    unshare --user true 2>/dev/null || skip 'needs user namespaces'
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
    mkdir -p "$XDG_CACHE_HOME"
    # the default without root shares what a guest has for itself
    config '(.linux.namespaces += [{type: "network"}]) | .mounts |= map(if .destination == "/sys"
      then {destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"]} else . end)'
  fi
}

uml() { run_bundle --isolation uml "$@"; }

@test "a program in a guest: its output, its kernel, its exit status, its input" {
  needs
  shell 'read line; echo "$line"; cat /proc/sys/kernel/osrelease /proc/cmdline; id -u
    hostname; echo to stderr >&2; exit 7'
  config '.hostname = "guest"'
  run ctr run -b "$BUNDLE" --isolation uml "$ID" <<<'from the host'
  expect_status 7
  expect_match 'from the host'
  expect_match "$(linux.uml --version)"
  expect_match 'ubd0rc='
  expect_match 'guest'
  expect_match 'to stderr'
  [ "$(uname -r)" != "$(linux.uml --version)" ]
}

@test "what is written stays in the guest, and read-only is read-only" {
  needs
  shell 'echo x >/new && cat /new'
  config '.root.readonly = false'
  uml
  expect_status 0
  expect_output x
  [ ! -e "$BUNDLE/rootfs/new" ]
  config '.root.readonly = true'
  uml
  expect_match 'Read-only file system'
}

@test "a life: create, start, exec, signal, delete" {
  needs
  shell 'trap "echo got it; exit 9" USR1; echo up; while :; do sleep 0.1; done'
  ctr create -b "$BUNDLE" --isolation uml "$ID" </dev/null >"$OUT" 2>&1 3>&-
  [ "$(status_of "$ID")" = created ]
  ctr start "$ID"
  eventually grep -q up "$OUT"
  [ "$(status_of "$ID")" = running ]
  [ "$(ctr exec "$ID" cat /proc/sys/kernel/osrelease)" = "$(linux.uml --version)" ]
  run ctr exec "$ID" sh -c 'echo in the guest; cat /proc/1/cmdline | tr "\0" " "; exit 5'
  expect_status 5
  expect_match 'in the guest'
  expect_match 'trap'
  # the error of what cannot run is never lost, also where it has ended before it is told to start
  for _ in $(seq 20); do
    run ctr exec "$ID" nosuch </dev/null
    expect_match 'executable file .nosuch. not found'
  done
  if has_own_cgroup; then
    ctr pause "$ID"
    [ "$(status_of "$ID")" = paused ]
    ctr resume "$ID"
    [ "$(status_of "$ID")" = running ]
  fi
  ctr kill "$ID" USR1
  eventually grep -q 'got it' "$OUT"
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

@test "processes, statistics and limits are those of the guest" {
  needs
  need own-cgroup
  # a name that would change the terminal of who looks at it
  shell 'sh -c "sleep 1000; :" "$(printf "\033[31mred")" &
    long=$(printf %0240d 0)
    for i in $(seq 20); do sh -c "sleep 1001; :" $long & done
    sleep 0.5; echo up; while :; do sleep 0.1; done'
  # 10 KB of numbers in each /proc/PID/status
  config '.process.user.additionalGids = [range(1000; 3000)]'
  detached "$ID" --isolation uml
  eventually grep -q up "$OUT"
  all_sleep() { [ "$(ctr ps "$ID" | grep -c ' sleep 1001$')" = 20 ]; }
  eventually all_sleep
  run ctr ps "$ID"
  expect_status 0
  expect_match '  PID +UID +RSS COMMAND'
  expect_match ' 1 +0 +[0-9]+ sh -c sh -c'
  expect_match ' \[31mred'
  [[ $output != *$'\e'* ]]
  # more than one answer holds
  [ "$(grep -c ' sh -c sleep 1001; : 00000' <<<"$output")" = 20 ]
  # for engines, and for ps(1) with its options: those of the host
  ctr ps -q "$ID" | grep -qx "$(pid_of "$ID")"
  ctr update --pids-limit 400 "$ID"
  run ctr events --stats "$ID"
  [ "$(jq -c '.data.guest | [.pids.limit, .pids.current >= 43, .memory.usage > 0]' \
    <<<"$output")" = '[400,true,true]' ]
  ctr delete --force "$ID"
}

@test "events tell of the OOM killer in the guest from when they begin" {
  needs
  need own-cgroup
  shell 'hog() { dd if=/dev/zero of=/dev/null bs=60M count=1; }
    trap "hog; echo again" USR1; echo up; while :; do sleep 0.1; done'
  detached "$ID" --isolation uml
  eventually grep -q up "$OUT"
  ctr update --memory 32m "$ID"
  ctr kill "$ID" USR1
  eventually grep -q again "$OUT"
  "$CTR" --root "$STATE" events --interval 1s "$ID" >"$BATS_TEST_TMPDIR/events" 3>&- &
  statistics() { [ "$(grep -c '"type":"stats"' "$BATS_TEST_TMPDIR/events")" -ge "$1" ]; }
  eventually statistics 2
  run -1 grep '"type":"oom"' "$BATS_TEST_TMPDIR/events"
  ctr kill "$ID" USR1
  eventually grep -q '"type":"oom"' "$BATS_TEST_TMPDIR/events"
  ctr delete --force "$ID"
  wait $!
}

@test "a program that a signal ends" {
  needs
  shell 'sh -c "kill -TERM \$\$"; exit $?'
  uml
  expect_status 143
  shell 'echo up; exec sleep 1000'
  in_background run -b "$BUNDLE" --isolation uml "$ID"
  eventually grep -q up "$OUT"
  ctr kill "$ID" KILL
  ended "$PID"
  [ "$status" = 137 ]
}

@test "too much memory ends the program, not the guest" {
  needs
  # half of it would be enough for a shell that counts
  shell 'a=x; (while :; do a=$a$a; done); echo "status $?"'
  config '.linux.resources = {memory: {limit: 20971520}}'
  has_controller memory || config 'del(.linux.resources)'
  has_controller memory || skip 'needs the memory controller on cgroup v2'
  uml
  expect_status 0
  expect_match 'status 137'
}

@test "the guest's root sees no file of the host" {
  needs
  need root
  shell 'mount -t hostfs none /tmp 2>&1; ls /tmp/etc 2>&1'
  config '.process.capabilities[] += ["CAP_SYS_ADMIN"]'
  uml
  expect_match 'Not a directory|No such file'
  refuse_match 'passwd'
}

@test "killed without warning, it leaves nothing" {
  needs
  shell 'echo up; sleep 1000'
  detached "$ID" --isolation uml
  eventually grep -q up "$OUT"
  kill -9 "$(pid_of "$ID")"
  eventually has_status "$ID" stopped
  ctr delete "$ID"
}

# no process has this test's kernel or tools open any more
nobody_left() { ! pgrep -f "$BATS_TEST_TMPDIR" >/dev/null; }

@test "kill -9 of ctr: an image that is being made, a guest that boots, one that runs" {
  needs
  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
  local tools=$BATS_TEST_TMPDIR/tools
  mkdir "$tools"
  # (it sees no other directory of ours than its own)
  printf '#!/bin/sh\necho >%s\nsleep 2\nexec %s "$@"\n' "$tools/making" "$(command -v mkfs.erofs)" \
    >"$tools/mkfs.erofs"
  chmod +x "$tools/mkfs.erofs"
  shell 'echo up; sleep 1000'
  PATH=$tools:$PATH in_background run -b "$BUNDLE" --isolation uml "$ID"
  eventually test -e "$tools/making"
  kill -9 "$PID"
  ended "$PID"
  has_status "$ID" creating
  ctr delete --force "$ID"
  eventually nobody_left
  [ -z "$(find "$XDG_CACHE_HOME" -name '*.erofs')" ]

  # nobody takes the half of one for an image
  detached "$ID" --isolation uml
  eventually grep -q up "$OUT"
  [ -z "$(find "$XDG_CACHE_HOME" -name '.*')" ]
  ctr delete --force "$ID"

  # the guest's kernel is there, and has said nothing yet
  cp -L "$(command -v linux.uml)" "$BATS_TEST_TMPDIR/linux"
  in_background run --kernel "$BATS_TEST_TMPDIR/linux" -b "$BUNDLE" --isolation uml "$ID"
  eventually pgrep -f "$BATS_TEST_TMPDIR/linux .*ubd" >/dev/null
  kill -9 "$PID"
  ended "$PID"
  ctr delete --force "$ID"
  eventually nobody_left

  # as with a container, it lives on
  in_background run --kernel "$BATS_TEST_TMPDIR/linux" -b "$BUNDLE" --isolation uml "$ID"
  eventually grep -q up "$OUT"
  kill -9 "$PID"
  ended "$PID"
  has_status "$ID" running
  run ctr exec "$ID" echo inside
  expect_output inside
  ctr delete --force "$ID"
  eventually nobody_left
}

@test "a signal ends ctr that makes an image, and one that waits until another has made it" {
  needs
  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
  local tools=$BATS_TEST_TMPDIR/tools
  mkdir "$tools"
  printf '#!/bin/sh\necho >%s\nexec sleep 1000\n' "$tools/making" >"$tools/mkfs.erofs"
  chmod +x "$tools/mkfs.erofs"
  shell 'echo never'
  PATH=$tools:$PATH in_background run -b "$BUNDLE" --isolation uml "$ID"
  eventually test -e "$tools/making"
  kill -TERM "$PID"
  ended "$PID"
  [ "$status" -ne 0 ]
  [ -z "$(states)" ]
  exec 8<"$(echo "$XDG_CACHE_HOME"/ctr/root-*.lock)"
  flock 8
  in_background run -b "$BUNDLE" --isolation uml "$ID" 8>&-
  eventually has_status "$ID" creating
  kill -TERM "$PID"
  ended "$PID"
  exec 8>&-
  [ "$status" -ne 0 ]
  refuse_match never
}

@test "what is not there: its kernel, its modules, room for an image" {
  needs root
  shell 'echo never'
  run env PATH=/nowhere "$CTR" --root "$STATE" run -b "$BUNDLE" --isolation uml "$ID"
  expect_status 125
  expect_match 'uml.*(linux.uml|user-mode-linux)'
  run unshare --mount sh -c 'mount -t tmpfs none /usr/lib/uml; exec "$@"' sh \
    "$CTR" --root "$STATE" run -b "$BUNDLE" --isolation uml "$ID"
  expect_status 125
  expect_match "modules"
  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/full
  mkdir "$XDG_CACHE_HOME"
  mount -t tmpfs -o size=1m full "$XDG_CACHE_HOME"
  uml
  local left
  left=$(find "$XDG_CACHE_HOME" -type f ! -size 0)
  umount "$XDG_CACHE_HOME"
  expect_status 125
  expect_match 'No space left on device'
  [ -z "$(grep erofs <<<"$left")" ]
}

@test "a file of holes that the cache has no room for: nothing is begun" {
  needs
  command_is cat /etc/passwd
  truncate -s 4T "$BUNDLE/rootfs/holes"
  [ "$(df --output=avail --block-size=1T "${XDG_CACHE_HOME:-/var/cache}" | tail -1)" -lt 4 ] ||
    skip 'needs less than 4 TiB of room'
  uml
  expect_status 125
  expect_match 'root.path: the cache .* has no room for an image of 4[0-9]{12} bytes: No space left'
  # two names of it are one
  truncate -s 1M "$BUNDLE/rootfs/holes"
  ln "$BUNDLE/rootfs/holes" "$BUNDLE/rootfs/same"
  uml
  expect_status 0
}

@test "a file that is copied has the owner and the mode that it has on the host" {
  need root
  needs
  echo secret >"$BATS_TEST_TMPDIR/secret"
  chown 1000:1001 "$BATS_TEST_TMPDIR/secret"
  chmod 4510 "$BATS_TEST_TMPDIR/secret"
  mount_at /secret bind "$BATS_TEST_TMPDIR/secret" bind ro
  config '.process.user = {uid: 1000, gid: 1000}'
  shell 'stat -c "%u %g %a" /secret; cat /secret'
  uml
  expect_status 0
  expect_output $'1000 1001 4510\nsecret'
}

@test "limits that ctr-init could not live with are the program's, and one that the guest refuses is named" {
  needs
  config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 3, hard: 4},
    {type: "RLIMIT_AS", soft: 8192000, hard: 16384000}]'
  shell 'ulimit -Sn; ulimit -Hn; ulimit -Sv; ulimit -Hv'
  uml
  expect_status 0
  expect_output $'3\n4\n8000\n16000'
  config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1024, hard: 20000000000}]'
  uml
  expect_status 125
  expect_match 'process.rlimits\[0\]: the guest cannot set soft 1024, hard 20000000000: Operation not permitted'
}

@test "a guest that is paused is not asked; one more process than it can have is refused" {
  need own-cgroup
  needs
  command_is sleep 1000
  detached "$ID" --isolation uml
  ctr pause "$ID"
  run ctr ps "$ID"
  expect_status 1
  expect_match 'cannot ask the guest of a paused container'
  run ctr update --pids-limit 100 "$ID"
  expect_status 1
  expect_match 'cannot ask the guest of a paused container'
  ctr resume "$ID"
  are_there() { [ "$(ctr ps "$ID" | wc -l)" = 33 ]; }
  for _ in $(seq 31); do
    ctr exec --detach "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
  done
  eventually are_there
  run ctr exec "$ID" true
  expect_status 255
  expect_match "the guest has as many processes of 'ctr exec' as it can have"
  ctr delete --force "$ID"
}

@test "what it cannot do is refused by name" {
  needs
  shell 'echo never'
  config '.vm = {kernel: {path: "/usr/bin/linux.uml"}, hypervisor: {path: "/bin/true"}}'
  uml
  expect_status 125
  expect_match 'vm.hypervisor.path: there is none: --isolation uml cannot do this'
  config '.vm = {kernel: {path: "/usr/bin/linux.uml"}, hwConfig: {vcpus: 2}}'
  uml
  expect_status 125
  expect_match 'vm.hwConfig.vcpus: more than one: --isolation uml cannot do this'
  config '.vm = {kernel: {path: "/nowhere/linux"}}'
  uml
  expect_status 125
  expect_match "cannot execute '/nowhere/linux'"
  config '.vm = {kernel: {path: "/bin/sh"}}'
  uml
  expect_status 125
  expect_match "'/bin/sh' is not a Linux kernel"
  config 'del(.vm) | .linux.resources.memory = {limit: 4611686018427387904}'
  uml
  expect_status 125
  expect_match 'linux.resources.memory.limit: [0-9]+ MiB are more than a machine can have'
}

@test "ctr compare: a row of its own, never ranked, with the machine and its phases" {
  needs
  export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
  mkdir -p "$XDG_CACHE_HOME"
  shell 'echo hello; exit 3'
  TMPDIR=$BATS_TEST_TMPDIR ctr compare "$BUNDLE" --quiet --isolation container,uml -n 1 \
    --settle 100 --idle-runs 1 --parallel 2 --json "$OUT.json" 3>&-
  [ "$(jq -c '.rows[1] | [.kind, .accel, .ranked, .status, .sameStatus, .guest.vcpus,
    .guest.kernel]' "$OUT.json")" = \
    "[\"uml\",\"uml\",false,3,true,1,\"$(command -v linux.uml)\"]" ]
  jq -e '.rows[1].samples[0] | .hypervisorNs > 0 and .hypervisorNs < .kernelNs and
    .kernelNs < .initNs and .initNs < .helloNs and .helloNs < .createdNs' "$OUT.json"
  jq -e '.rows[1].idle[0].pss > 16777216 and .idle != null' "$OUT.json"
  jq -e '.rows[1].parallel[0] | (.bursts[0].samples | map(.status) == [3,3]) and .failed == 0 and
    .rates.startsPerSecond.n == 1' "$OUT.json"
  # the image that the first run made
  [ "$(jq -r '.environment[] | select(.name | endswith(".erofs")) | .value' "$OUT.json")" = \
    "$(sha256sum <"$(ls "$XDG_CACHE_HOME"/ctr/root-*.erofs)" | head -c 64)" ]
}
