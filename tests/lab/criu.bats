#!/usr/bin/env bats
# Checkpoint and restore, with the real CRIU: state after a restore is state before.

# shellcheck disable=SC2016 # the shells of containers expand them
load ../integration/helper
load criu

# bats test_tags=guest
@test "fault 58: a container goes on where it stood" {
  need cgroup:memory
  image
  mkdir -p "$BUNDLE/volume" "$BUNDLE/rootfs/real"
  ln -s real "$BUNDLE/rootfs/link"
  echo one >"$BUNDLE/volume/file"
  mount_at /link/v bind "$BUNDLE/volume" bind
  config '.linux.maskedPaths += ["/proc/meminfo"] | .linux.resources.memory.limit = 67108864'
  counter
  detached "$ID"
  eventually test -n "$(count "$ID")"
  before=$(count "$ID")
  ctr checkpoint --image-path "$IMAGE" "$ID"
  run ctr state "$ID"
  expect_match "container .$ID. does not exist"
  [ -e "$IMAGE/dump.log" ]
  [ "$(jq -r '.[0]' "$IMAGE/descriptors.json")" != null ]

  restored "$ID"
  [ "$(status_of "$ID")" = running ]
  [ "$(count "$ID")" -ge "$before" ]
  counts "$ID"
  # CRIU has made a time namespace, which exec joins
  [ "$(ctr exec "$ID" readlink /proc/self/ns/time)" = "$(readlink "/proc/$(pid_of "$ID")/ns/time")" ]
  run -0 ctr exec "$ID" sh -c 'cat /real/v/file; wc -c </proc/meminfo; cat /sys/fs/cgroup/memory.max'
  expect_output "one
0
67108864"
  grep -q "/ctr-$ID" "/proc/$(pid_of "$ID")/cgroup"
  ctr delete --force "$ID"
}

@test "under another id and bundle, with the first one running on" {
  image
  counter
  detached "$ID"
  ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  [ "$(status_of "$ID")" = running ]
  cp -a "$BUNDLE" "$BUNDLE.2"
  BUNDLE=$BUNDLE.2 restored "$ID-2" --pid-file "$BATS_TEST_TMPDIR/pid"
  [ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(pid_of "$ID-2")" ]
  [ "$(ctr state "$ID-2" | jq -r .bundle)" = "$BUNDLE.2" ]
  counts "$ID"
  counts "$ID-2"
  ctr delete --force "$ID"
  ctr delete --force "$ID-2"
}

@test "pipes of the caller are new ones" {
  image
  shell 'while read -r line; do echo "got $line"; done; echo end'
  mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/in.2"
  # bats waits for whoever holds one of its descriptors
  beside sh -c 'exec sleep 100000 >"$0"' "$BATS_TEST_TMPDIR/in"
  feeder=$BESIDE
  cat "$BATS_TEST_TMPDIR/in" 3>&- | "$CTR" --root "$STATE" run -d -b "$BUNDLE" "$ID" 2>&1 3>&- | cat >"$OUT.1" 3>&- &
  eventually has_status "$ID" running
  ctr checkpoint --image-path "$IMAGE" "$ID"
  kill $feeder
  printf 'a\nb\n' | ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" 2>&1 3>&- | cat >"$OUT.2"
  [ "$(cat "$OUT.2")" = "got a
got b
end" ]
}

@test "fifos of the caller are new ones, or pipes" {
  image
  shell 'while read -r line; do echo "got $line"; done; echo end'
  mkfifo "$BATS_TEST_TMPDIR/in"
  beside sh -c 'exec sleep 100000 >"$0"' "$BATS_TEST_TMPDIR/in"
  ctr run -d -b "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/in" >"$OUT" 2>&1 3>&-
  ctr checkpoint --image-path "$IMAGE" "$ID"
  kill "$BESIDE"
  mkfifo "$BATS_TEST_TMPDIR/in.2"
  beside sh -c 'echo a >"$0"' "$BATS_TEST_TMPDIR/in.2"
  ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" <"$BATS_TEST_TMPDIR/in.2" >"$OUT" 2>&1 3>&-
  [ "$(cat "$OUT")" = "got a
end" ]
  echo b | ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" >"$OUT.2" 2>&1 3>&-
  [ "$(cat "$OUT.2")" = "got b
end" ]
  ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >"$OUT.3" 2>&1 3>&-
  [ "$(cat "$OUT.3")" = end ]
}

@test "images that are not there, a container that is not" {
  image
  command_is true
  run ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match "--image-path: cannot open '$IMAGE': No such file"
  mkdir "$IMAGE"
  run ctr restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match 'there is no checkpoint in'
  run ctr checkpoint "$ID"
  expect_status 1
  expect_match "container .$ID. does not exist"
}

@test "the examples of the manual" {
  image
  run bash -c "env -i PATH='$PATH' CTR='$CTR' PROBE='$PROBE' CTR_TIMEOUT=$CTR_TIMEOUT \
    /usr/bin/bats --filter 'ctr-(checkpoint|restore)' '$BATS_TEST_DIRNAME/../integration/manual.bats'"
  show_result
  [ "$status" = 0 ]
  refuse_match skip
}

@test "a terminal: a new master, the same session" {
  image
  host_network
  config '.process.terminal = true'
  shell 'n=0; while read -r line; do n=$((n+1)); echo "$n:$line"; done'
  beside "$PROBE" console "$BATS_TEST_TMPDIR/c1" >/dev/null 2>&1
  eventually test -S "$BATS_TEST_TMPDIR/c1"
  detached "$ID" --console-socket "$BATS_TEST_TMPDIR/c1"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  wait "$BESIDE" || true

  { echo hello; eventually grep -q 1:hello "$OUT"; printf '\004'; } |
    timeout "$CTR_TIMEOUT" "$CTR" --root "$STATE" restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" >"$OUT" 2>&1 3>&-
  tr -d '\r' <"$OUT" >"$OUT.text"
  cat "$OUT.text"
  grep -qx '1:hello' "$OUT.text"
}

@test "user and time namespaces, capabilities, limits and a seccomp filter" {
  image
  config '.linux.namespaces += [{type: "user"}, {type: "time"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
    .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
    .linux.timeOffsets = {boottime: {secs: 86400}} |
    .process.user = {uid: 1000, gid: 1000} | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 99, hard: 100}] |
    .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["chmod", "fchmodat", "fchmodat2"],
      action: "SCMP_ACT_ERRNO", errnoRet: 5}]}'
  chown -R 100000:100000 "$BUNDLE/rootfs"
  shell 'while :; do : >/dev/shm/x; (ulimit -n; id -u; chmod 777 /dev/shm/x 2>&1; cut -d. -f1 /proc/uptime) >/dev/shm/y; mv /dev/shm/y /dev/shm/n; sleep 0.2; done'
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  ctr exec "$ID" rm /dev/shm/n
  eventually count "$ID"
  run count "$ID"
  show_result
  [ "${lines[0]}" = 99 ]
  [ "${lines[1]}" = 1000 ]
  [[ ${lines[2]} == *'Input/output error'* || ${lines[2]} == *'I/O error'* ]]
  [ "${lines[3]}" -gt 86400 ]
  grep -q '100000' "/proc/$(pid_of "$ID")/uid_map"
  ctr delete --force "$ID"
}

# bats test_tags=guest
@test "a paused container, restored with --paused" {
  counting
  ctr pause "$ID"
  ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  [ "$(status_of "$ID")" = paused ]
  ctr delete --force "$ID"
  restored "$ID" --paused
  [ "$(status_of "$ID")" = paused ]
  ctr resume "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

# bats test_tags=guest
@test "the systemd manager: a scope for what is restored" {
  need cgroup:pids
  image
  host_network
  config '.linux.resources.pids.limit = 50'
  counter
  ctr --systemd-cgroup run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  eventually count "$ID"
  ctr --systemd-cgroup checkpoint --image-path "$IMAGE" "$ID"
  [ -z "$(systemctl list-units --all --no-legend "ctr-$ID.scope")" ]
  ctr --systemd-cgroup restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID-2" </dev/null >"$OUT" 2>&1 3>&-
  run cat "/proc/$(pid_of "$ID-2")/cgroup"
  expect_output "0::/system.slice/ctr-$ID-2.scope"
  [ "$(systemctl show --property TasksMax --value "ctr-$ID-2.scope")" = 50 ]
  counts "$ID-2"
  ctr delete --force "$ID-2"
  [ -z "$(systemctl list-units --all --no-legend "ctr-$ID-2.scope")" ]
}

@test "the systemd manager: whoever is killed meanwhile, what is restored is found by its cgroup" {
  image
  host_network
  counter
  ctr --systemd-cgroup run --detach -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  eventually count "$ID"
  ctr --systemd-cgroup checkpoint --image-path "$IMAGE" "$ID"
  config --arg from "$STATE/$ID/record" --arg to "$BATS_TEST_TMPDIR/record" \
    '.hooks.createRuntime = [{path: "/bin/cp", args: ["cp", $from, $to]}]'
  ctr --systemd-cgroup restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >"$OUT" 2>&1 3>&-
  grep -qx "cgroup.path=/system.slice/ctr-$ID.scope" "$BATS_TEST_TMPDIR/record"
  ctr delete --force "$ID"
}

@test "hooks: of the runtime when there are namespaces, poststart, poststop" {
  image
  host_network
  local hook
  for hook in prestart createRuntime poststart poststop; do
    config --arg h $hook --arg out "$BATS_TEST_TMPDIR/hooks" \
      '.hooks[$h] = [{path: "/bin/sh", args: ["sh", "-c", "jq -r .status | sed s/^/\($h):/ >>\($out)"],
        env: ["PATH=/usr/bin:/bin"]}]'
  done
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  ctr delete --force "$ID"
  run cat "$BATS_TEST_TMPDIR/hooks"
  expect_output "prestart:creating
createRuntime:creating
poststart:running
poststop:stopped
prestart:creating
createRuntime:creating
poststart:running
poststop:stopped"
}

@test "namespaces that were joined stay with their owners" {
  image
  local ns pid
  beside unshare -n -i -u sh -c 'hostname joined; exec sleep 1000'
  pid=$BESIDE
  is_apart() { [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
  eventually is_apart
  for ns in network:net ipc:ipc uts:uts; do
    config --arg t "${ns%:*}" --arg p "/proc/$pid/ns/${ns#*:}" \
      '(.linux.namespaces[] | select(.type == $t)).path = $p'
  done
  config 'del(.hostname)'
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  for ns in net ipc uts; do
    [ "$(readlink "/proc/$(pid_of "$ID")/ns/$ns")" = "$(readlink "/proc/$pid/ns/$ns")" ]
  done
  counts "$ID"
  ctr delete --force "$ID"
  kill $pid
}

@test "fault 118: a failed checkpoint: it runs on, no image is left, the reason is told; CRIU's configuration" {
  image
  host_network
  config '.root.readonly = false'
  shell 'exec 8>/big; dd if=/dev/zero bs=1M count=2 >&8 2>/dev/null; rm /big
    i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.1; done'
  echo 'ghost-limit 4194304' >"$BATS_TEST_TMPDIR/criu.conf"
  detached "$ID"
  eventually count "$ID"
  run ctr checkpoint --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/work" "$ID"
  show_result
  expect_status 1
  expect_match 'ghost file'
  expect_match "log: $BATS_TEST_TMPDIR/work/dump.log"
  [ ! -e "$IMAGE" ]
  counts "$ID"
  # nor is what it has made before it looks at the parent
  run ctr checkpoint --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/new" --parent-path ../none "$ID"
  expect_status 1
  [ ! -e "$IMAGE" ] && [ ! -e "$BATS_TEST_TMPDIR/new" ]
  ctr delete --force "$ID"

  config --arg f "$BATS_TEST_TMPDIR/criu.conf" '.annotations["org.criu.config"] = $f'
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

# bats test_tags=guest
@test "redis with a client outside: memory in two steps, the connection lives on" {
  able sockets tracking
  image
  host_network
  guest_rootfs
  locks=$(iptables-save | grep -c 0xc114) || true
  command_is redis-server --port 7001 --save '' --dir /tmp
  detached "$ID"
  eventually redis-cli -p 7001 ping
  beside python3 "$BATS_TEST_DIRNAME/criu-client.py" 7001 "$BATS_TEST_TMPDIR" >"$OUT.client" 2>&1
  eventually test -e "$BATS_TEST_TMPDIR/ready"
  run ctr checkpoint --image-path "$IMAGE" "$ID"
  expect_status 1
  expect_match 'the container has a TCP connection \(--tcp-established\)'
  [ "$(status_of "$ID")" = running ]

  ctr checkpoint --image-path "$IMAGE.1" --pre-dump "$ID"
  [ "$(status_of "$ID")" = running ]
  ctr checkpoint --image-path "$IMAGE.2" --parent-path ../image.1 --tcp-established "$ID"
  [ "$(readlink "$IMAGE.2/parent")" = ../image.1 ]
  IMAGE=$IMAGE.2 restored "$ID" --tcp-established
  touch "$BATS_TEST_TMPDIR/go"
  # not for all: one of them is the clock of this test
  wait "$BESIDE"
  cat "$OUT.client"
  [ "$(tail -n1 "$OUT.client")" = 'value kept' ]
  ctr delete --force "$ID"
  [ "$(iptables-save | grep -c 0xc114)" = "$locks" ]
}

@test "run --from: fresh containers of a warm image" {
  image
  shell 'mkdir -p /dev/shm/d; echo warm >/dev/shm/d/state; i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; sleep 0.2; done'
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  ctr run --detach --from "$IMAGE" "$ID-a" "$ID-b" </dev/null >"$OUT" 2>&1 3>&-
  [ "$(ctr exec "$ID-a" hostname)" = "$ID-a" ]
  [ "$(ctr exec "$ID-b" hostname)" = "$ID-b" ]
  [ "$(ctr exec "$ID-b" cat /dev/shm/d/state)" = warm ]
  [ "$(readlink "/proc/$(pid_of "$ID-a")/ns/net")" != "$(readlink "/proc/$(pid_of "$ID-b")/ns/net")" ]
  counts "$ID-a"
  counts "$ID-b"
  run find "$IMAGE" -name 'work-*'
  expect_output ''
  ctr delete --force "$ID-a"
  ctr delete --force "$ID-b"
  run ctr run --from "$IMAGE" x y
  expect_status 125
  expect_match 'needs --detach'
}

# bats test_tags=guest
@test "lazy pages: memory follows over a page server" {
  counting
  mkfifo "$BATS_TEST_TMPDIR/status"
  beside "$CTR" --root "$STATE" checkpoint --image-path "$IMAGE" --lazy-pages --page-server 127.0.0.1:7002 \
    --status-fd 7 "$ID" 7<>"$BATS_TEST_TMPDIR/status" >"$OUT.dump" 2>&1
  dump=$BESIDE
  head -c 1 "$BATS_TEST_TMPDIR/status" >"$BATS_TEST_TMPDIR/byte"
  mkdir "$BATS_TEST_TMPDIR/work"
  beside env -C "$BATS_TEST_TMPDIR/work" criu lazy-pages --page-server --address 127.0.0.1 --port 7002 \
    -D "$IMAGE" -W "$BATS_TEST_TMPDIR/work" >"$OUT.lazy" 2>&1
  lazy=$BESIDE
  eventually test -S "$BATS_TEST_TMPDIR/work/lazy-pages.socket"
  ctr --log-level info restore --detach -b "$BUNDLE" --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/work" \
    --lazy-pages "$ID-2" </dev/null >"$OUT" 2>&1 3>&- || {
    cat "$OUT" "$OUT.dump" "$OUT.lazy"
    # Linux 6.18
    if grep -q 'page-pipe: splice: -1: Bad file descriptor' "$OUT.dump"; then
      ctr delete --force "$ID"
      skip 'CRIU sends no lazy pages on this kernel'
    fi
    false
  }
  grep -q 'stood still for' "$OUT"
  counts "$ID-2"
  wait $dump
  run ctr state "$ID"
  expect_match 'does not exist'
  ctr delete --force "$ID-2"
  wait $lazy
}

# bats test_tags=guest
@test "damaged images, a root file system that has changed, a CRIU that was killed" {
  counting

  # by the kernel, as soon as its log has 32 KiB: long before it is done
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\nexec env --default-signal=XFSZ prlimit --fsize=32768 --core=0 /usr/sbin/criu "$@"\n' >"$BATS_TEST_TMPDIR/bin/criu"
  chmod +x "$BATS_TEST_TMPDIR/bin/criu"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run ctr checkpoint --image-path "$IMAGE" "$ID"
  show_result
  expect_status 1
  expect_match "^ctr: CRIU: it has ended without an answer \(log: $IMAGE/dump\.log\)$"
  counts "$ID"

  ctr checkpoint --image-path "$IMAGE" "$ID"
  cp -a "$IMAGE" "$IMAGE.2"
  # the file itself is shared with other tests' bundles
  cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/busybox"
  printf x >>"$BUNDLE/busybox"
  mv -f "$BUNDLE/busybox" "$BUNDLE/rootfs/bin/busybox"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  show_result
  expect_status 125
  expect_match 'not the one of the checkpoint'
  truncate -s 20 "$IMAGE.2/pstree.img"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE.2" "$ID"
  show_result
  expect_status 125
  expect_match 'an image is damaged'
  run ctr state "$ID"
  expect_match 'does not exist'
}

@test "a full disk: it runs on" {
  counting
  mkdir "$IMAGE"
  mount -t tmpfs -o size=128k tmpfs "$IMAGE"
  run ctr checkpoint --image-path "$IMAGE" --work-path "$BATS_TEST_TMPDIR/work" "$ID"
  umount "$IMAGE"
  show_result
  expect_status 1
  expect_match 'no space left on device|No space left'
  counts "$ID"
  ctr delete --force "$ID"
}

@test "images that ask for more than the configuration has" {
  image
  host_network
  mkdir -p "$BUNDLE/volume/sub" "$BUNDLE/volume/etc"
  mount -t tmpfs tmpfs "$BUNDLE/volume/sub"
  mount_at /v bind "$BUNDLE/volume" rbind
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  umount "$BUNDLE/volume/sub"
  cp "$IMAGE/ctr.json" "$BUNDLE/ctr.json"
  [ "$(jq -c .mounts "$IMAGE/ctr.json")" = '["/v","/v/sub"]' ]

  # a link in the volume leads to what is inside of it, not to the host's
  rmdir "$BUNDLE/volume/sub"
  ln -s /etc/passwd "$BUNDLE/volume/sub"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match "mounts: cannot open '/sub' below '$BUNDLE/volume' for '/v/sub': No such file"
  rm "$BUNDLE/volume/sub"
  mkdir "$BUNDLE/volume/sub"

  local name
  for name in /dev/sda /sys/kernel /etc /dev/null/x; do
    jq --arg n $name '.mounts += [$n]' "$BUNDLE/ctr.json" >"$IMAGE/ctr.json"
    run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
    expect_status 125
    expect_match "had a mount of the host's on '$name', which the configuration has not"
  done
  jq '.namespaces += ["network"]' "$BUNDLE/ctr.json" >"$IMAGE/ctr.json"
  run ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  expect_match "had joined a 'network' namespace, the configuration has no path"
  cp "$BUNDLE/ctr.json" "$IMAGE/ctr.json"

  cp "$BUNDLE/config.json" "$BUNDLE/config.old"
  config 'del(.linux.namespaces[] | select(.type == "uts")) | del(.hostname)'
  run restored "$ID"
  expect_status 1
  expect_match "linux.namespaces: the images have another 'uts' namespace, the configuration has none"
  mv "$BUNDLE/config.old" "$BUNDLE/config.json"
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

# relayed HOW - CRIU is criu-relay.py from here on
relayed() {
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\nRELAY=%s exec python3 "%s" "$@"\n' "$1" "$BATS_TEST_DIRNAME/criu-relay.py" >"$BATS_TEST_TMPDIR/bin/criu"
  chmod +x "$BATS_TEST_TMPDIR/bin/criu"
  DIRECT=$PATH
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
}
# who is init of a PID namespace waits for all that are in it
is_zombie() { grep -q '^State:.Z' "/proc/$1/status"; }

@test "CRIU is killed when all is dumped, and the container takes its time to end: its images are kept" {
  local executed
  counting
  in_background exec "$ID" sleep 1000
  eventually pgrep -P "$PID" -x sleep
  executed=$(pgrep -P "$PID" -x sleep)
  kill -STOP "$PID"
  relayed "$(pid_of "$ID")"
  run ctr checkpoint --image-path "$IMAGE" "$ID"
  show_result
  is_zombie "$executed"
  kill -CONT "$PID"
  expect_status 1
  expect_match '^ctr: the container is being killed, its images are kept: CRIU: it has ended without an answer '
  ended "$PID"
  PATH=$DIRECT
  eventually has_status "$ID" stopped
  ctr delete "$ID"
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}

@test "a signal when all is dumped comes too late: that is a checkpoint" {
  counting
  relayed late
  run ctr checkpoint --image-path "$IMAGE" "$ID"
  expect_status 0
  expect_output ''
  PATH=$DIRECT
  run ctr state "$ID"
  expect_match 'does not exist'
  restored "$ID"
  counts "$ID"
  ctr delete --force "$ID"
}
