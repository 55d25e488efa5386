#!/usr/bin/env bats
# What the configuration gives a process, and flags of `run` around a checkpoint: there after the
# restore, or an error that names it. In the box or the guest, by hand.

# shellcheck disable=SC2016 # jq and the shells of containers expand them
load ../../integration/helper
load ../criu

@test "linux.sysctl" {
  image
  config '.linux.sysctl = {"net.core.somaxconn": "77", "net.ipv4.ip_unprivileged_port_start": "5", "net.ipv4.ip_forward": "1",
    "net.ipv4.ping_group_range": "0 7", "net.ipv4.tcp_keepalive_time": "99", "kernel.msgmax": "9000", "kernel.shmmni": "99", "fs.mqueue.msg_max": "11"}'
  counter
  detached "$ID"
  eventually count "$ID"
  files='/proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ip_forward
    /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/tcp_keepalive_time /proc/sys/kernel/msgmax /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max'
  before=$(ctr exec "$ID" head -n1 $files)
  grep -qx 77 <<<"$before"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  diff <(echo "$before") <(ctr exec "$ID" head -n1 $files)
  ctr delete --force "$ID"
}

@test "linux.sysctl of a user namespace" {
  image
  config '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
    .linux.sysctl = {"net.core.somaxconn": "77", "kernel.shmmni": "99"}'
  chown -R 100000:100000 "$BUNDLE/rootfs"
  counter
  detached "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  [ "$(ctr exec "$ID" cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmni)" = $'77\n99' ]
  ctr delete --force "$ID"
}

@test "process.ioPriority, scheduler, oomScoreAdj, umask" {
  need ionice chrt
  image
  host_network
  config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 7} | .process.scheduler = {policy: "SCHED_BATCH", nice: 5} |
    .process.oomScoreAdj = 99 | .process.user.umask = 63'
  counter
  detached "$ID"
  eventually count "$ID"
  look() {
    local pid
    pid=$(pid_of "$ID")
    ionice -p "$pid"
    chrt -p "$pid" | sed s/$pid//
    ps -o ni= -p "$pid"
    cat "/proc/$pid/oom_score_adj"
    grep Umask "/proc/$pid/status"
  }
  before=$(look)
  grep -q 'best-effort: prio 7' <<<"$before"
  grep -q SCHED_BATCH <<<"$before"
  [ "$(tail -n2 <<<"$before" | tr -s '\t\n' '  ')" = '99 Umask: 0077 ' ]
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  diff <(echo "$before") <(look)
  ctr delete --force "$ID"
}

@test "linux.personality, also of what is started afterwards" {
  image
  host_network
  config '.linux.personality = {domain: "LINUX32"}'
  shell 'i=0; while :; do i=$((i+1)); echo $i >/dev/shm/n; uname -m >/dev/shm/machine; sleep 0.1; done'
  detached "$ID"
  eventually count "$ID"
  [ "$(cat "/proc/$(pid_of "$ID")/personality")" = 00000008 ]
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  [ "$(cat "/proc/$(pid_of "$ID")/personality")" = 00000008 ]
  counts "$ID"
  [ "$(ctr exec "$ID" cat /dev/shm/machine)" = i686 ]
  ctr delete --force "$ID"
}

@test "linux.memoryPolicy, also of what is started afterwards" {
  [ -e /proc/self/numa_maps ] || skip 'this kernel has no memory policies'
  image
  host_network
  config '.linux.memoryPolicy = {mode: "MPOL_BIND", flags: ["MPOL_F_STATIC_NODES"], nodes: "0"}'
  counter
  detached "$ID"
  eventually count "$ID"
  # of the areas without one of their own, by process
  look() {
    local pid
    for pid in $(ctr ps --format json "$ID" | jq '.[]'); do cut -d' ' -f2 "/proc/$pid/numa_maps"; done 2>/dev/null | sort -u
  }
  [ "$(look)" = bind=static:0 ]
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  counts "$ID"
  [ "$(look)" = bind=static:0 ]
  ctr delete --force "$ID"
}

# What is set for a process is a thread's own.
@test "process.ioPriority of each thread" {
  need ionice python3
  image
  host_network
  guest_rootfs
  config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 7}'
  programmed <<'PROGRAM'
import os, threading, time
threading.Thread(target=time.sleep, args=(10**6,)).start()
child = os.fork()
if child == 0:
    threading.Thread(target=time.sleep, args=(10**6,)).start()
    time.sleep(10**6)
open('/tmp/ready', 'w')
time.sleep(10**6)
PROGRAM
  look() { for pid in $(ctr ps --format json "$ID" | jq '.[]'); do ls "/proc/$pid/task"; done | xargs -n1 ionice -p; }
  before=$(look)
  [ "$before" = "$(yes 'best-effort: prio 7' | head -n4)" ]
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  diff <(echo "$before") <(look)
  ctr delete --force "$ID"
}

@test "hostname, domainname, changed since" {
  image
  host_network
  config '.domainname = "some.domain" | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
  counter
  detached "$ID"
  eventually count "$ID"
  ctr exec "$ID" hostname changed
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  [ "$(ctr exec "$ID" cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname)" = $'changed\nsome.domain' ]
  ctr delete --force "$ID"
}

@test "options of mounts: ro, nosuid, noexec, recursive ones, ids, propagation, read-only paths, a tmpfs with a size" {
  image
  host_network
  mkdir -p "$BUNDLE/v/sub"
  mount -t tmpfs tmpfs "$BUNDLE/v/sub"
  mount_at /a bind "$BUNDLE/v" bind ro nosuid noexec nodev
  mount_at /b bind "$BUNDLE/v" rbind rro rnosuid
  mount_at /c bind "$BUNDLE/v" rbind rslave
  mount_at /t tmpfs tmpfs size=64k mode=700 noexec
  mkdir "$BUNDLE/rootfs"/{a,b,c,t}
  config '.linux.readonlyPaths += ["/etc"]'
  counter
  detached "$ID"
  eventually count "$ID"
  look() { ctr exec "$ID" sh -c "sed 's/^[0-9]* [0-9]* //; s/\\(shared\\|master\\):[0-9]*/\\1/g; s/^[0-9:]* //; s/inode64//' /proc/self/mountinfo" | sort; }
  before=$(look)
  [ "$(grep -c -E ' /(a|b|c|t|etc) ' <<<"$before")" -ge 5 ]
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  diff <(echo "$before") <(look)
  ctr delete --force "$ID"
  umount "$BUNDLE/v/sub"
}

# moved_away SETUP - what was read-only in /was is in /moved; then the guest's shell does this
moved_away() {
  image
  host_network
  config '.root.readonly = false | .linux.readonlyPaths += ["/was/file", "/was/dir", "/no/such"]'
  mkdir -p "$BUNDLE/rootfs/was/dir"
  echo kept >"$BUNDLE/rootfs/was/file"
  counter
  detached "$ID"
  eventually count "$ID"
  ctr exec "$ID" sh -c "mv /was /moved; $1"
}

# is_readonly PATH - for the container
is_readonly() {
  run ctr exec "$ID" sh -c "echo changed >$1"
  expect_match 'Read-only file system'
}

# What the guest can rename is found, and what it puts there is left alone.
@test "linux.readonlyPaths whose parent has got another name, and links where they were" {
  moved_away 'mkdir /was /other && ln -s /was/file /was/file; ln -s ../other /was/dir'
  is_readonly /moved/file
  ctr checkpoint --image-path "$IMAGE" "$ID"
  restored "$ID"
  is_readonly /moved/file
  is_readonly /moved/dir/new
  is_readonly /proc/sys/kernel/core_pattern
  ctr exec "$ID" sh -c 'echo >/other/new && echo >/was/new'
  [ "$(cat "$BUNDLE/rootfs/moved/file")" = kept ]
  ctr delete --force "$ID"
}

# Before Linux 5.12.
@test "read-only root and paths where there is no mount_setattr" {
  image
  host_network
  config '.linux.readonlyPaths += ["/etc"]'
  counter
  detached "$ID"
  eventually count "$ID"
  look() { ctr exec "$ID" sed -n 's/^[0-9]* [0-9]* [0-9:]* //; /^[^ ]* [^ ]* ro/p' /proc/self/mountinfo | sort; }
  before=$(look)
  [ "$(grep -c -E ' /(etc|proc/sys)? ro' <<<"$before")" = 3 ]
  ctr checkpoint --image-path "$IMAGE" "$ID"
  printf '#!/bin/sh\nexec %s mount_setattr -- %s "$@"\n' "$(dirname "$PROBE")/without" "$CTR" >"$BATS_TEST_TMPDIR/ctr"
  chmod +x "$BATS_TEST_TMPDIR/ctr"
  CTR=$BATS_TEST_TMPDIR/ctr restored "$ID"
  diff <(echo "$before") <(look)
  ctr delete --force "$ID"
}

@test "run --overlay: a layer is no part of a checkpoint" {
  counting
  ctr delete --force "$ID"
  mkdir "$BATS_TEST_TMPDIR/layer"
  for layer in ephemeral "$BATS_TEST_TMPDIR/layer"; do
    detached "$ID" --overlay "$layer"
    eventually count "$ID"
    run ctr checkpoint --image-path "$IMAGE" "$ID"
    expect_status 1
    expect_match 'has a layer over its root file system \(--overlay\), which a restore would not have'
    [ ! -e "$IMAGE" ]
    counts "$ID"
    ctr delete --force "$ID"
  done
}

@test "a container that is created, paused, stopped; an id that is taken" {
  image
  host_network
  counter
  created "$ID"
  run ctr checkpoint --image-path "$IMAGE" "$ID"
  show_result
  expect_status 1
  expect_match 'container not running: created'
  ctr start "$ID"
  eventually count "$ID"
  ctr checkpoint --image-path "$IMAGE" --leave-running "$ID"
  run restored "$ID"
  show_result
  expect_status 1
  expect_match "container with given ID already exists: '$ID'"
  counts "$ID"
  ctr kill "$ID" KILL
  eventually has_status "$ID" stopped
  run ctr checkpoint --image-path "$IMAGE.2" "$ID"
  expect_status 1
  expect_match 'container not running: stopped'
  [ ! -e "$IMAGE.2" ]
  ctr delete "$ID"
}

# refused PATTERN FLAG... - the restore is, and nothing is left of it
refused() {
  local status=0
  ctr restore --detach -b "$BUNDLE" --image-path "$IMAGE" "${@:2}" "$ID" </dev/null >"$OUT" 2>&1 3>&- || status=$?
  cat "$OUT"
  [ "$status" = 125 ]
  grep -qE -- "$1" "$OUT"
  run ctr state "$ID"
  expect_match 'does not exist'
}

@test "hooks that fail at the restore" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  for hook in prestart createRuntime poststart; do
    config --arg h $hook 'del(.hooks) | .hooks[$h] = [{path: "/bin/sh", args: ["sh", "-c", "echo no such luck >&2; exit 7"]}]'
    refused "error running $hook hook #0: .* output: no such luck"
  done
}

@test "what a hook leaves behind outlives a restore that fails" {
  need python3
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  config --arg f "$BATS_TEST_TMPDIR/left" '.hooks.createRuntime = [
    {path: "/bin/sh", args: ["sh", "-c", "sleep 10099 </dev/null >/dev/null 2>&1 & echo $! >\($f)"]},
    {path: "/bin/sh", args: ["sh", "-c", "exit 7"]}]'
  # a subreaper is one after execve as well
  run python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1)
os.execv(sys.argv[1], sys.argv[1:])' "$CTR" --root "$STATE" restore --detach -b "$BUNDLE" --image-path "$IMAGE" "$ID"
  expect_status 125
  kill "$(cat "$BATS_TEST_TMPDIR/left")"
}

@test "files and sockets that ctr is to write to" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  refused '/no/such/file.*No such file' --pid-file /no/such/file
  refused '/no/such/file.*No such file' --pidfd-socket /no/such/file
  refused '--console-socket: cannot use console socket' --console-socket /no/such/file
  refused "--work-path: .*'/dev/null'" --work-path /dev/null
  refused '--work-path: empty path' --work-path ''
  refused 'process.terminal: cannot allocate tty if ctr will detach' -t
}

@test "images on a read-only mount" {
  counting
  ctr checkpoint --image-path "$IMAGE" "$ID"
  mount --bind "$IMAGE" "$IMAGE"
  mount -o remount,ro,bind "$IMAGE"
  restored "$ID" --work-path "$BATS_TEST_TMPDIR/work"
  counts "$ID"
  ctr delete --force "$ID"
  umount "$IMAGE"
}

@test "org.criu.config that is not there" {
  host_network
  image
  counter
  config '.annotations["org.criu.config"] = "/no/such/file"'
  detached "$ID"
  eventually count "$ID"
  run ctr checkpoint --image-path "$IMAGE" "$ID"
  expect_status 1
  expect_match '/no/such/file'
  counts "$ID"
  ctr delete --force "$ID"
}
